"""The inputs of chapter 4 of document 004: standardised MFCC and mel spectrograms, with and without noise."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from common import splits
from common.arrays import Arrays, FileInputs, Prepared
from common.corpora.files import duration_or_reason
from common.seeds import derive
from common.signals import audio, augment, features
from common.study import Setting
from reproductions.ser_parallel.from_scratch import DURATION_S, OFFSET_S, SAMPLE_RATE, SNR_DB


def prepare(
    clips: pd.DataFrame,
    fold: splits.Split,
    targets: np.ndarray,
    setting: Setting,
    *,
    inputs: Mapping[str, Any],
    noisy_copies: int,
) -> Prepared:
    """Sections 4.1 and 4.2: standardised features of three seconds of each clip and of the noisy training copies.

    Returns:
        Features of shape (clips, 128, frames, 1); training clips are followed by their noisy copies.
    """
    began = time.monotonic()
    waveforms = audio.load_clips(list(clips["path"]), sample_rate=SAMPLE_RATE, duration=DURATION_S, offset=OFFSET_S)
    load_s = time.monotonic() - began
    extract = partial(features.extract, feature=feature_of(inputs))
    noisy = augment.NoisyCopies(
        waveforms, fold.train, copies=noisy_copies, snr_db=SNR_DB, seed=derive(setting.seed, "noise")
    )
    # The scaler is fitted on the training clips only: test clips must not influence the scale.
    trained = extract(noisy)
    scaler = features.Standardiser.fit(trained)

    def ready(unscaled: np.ndarray, rows: np.ndarray) -> Arrays:
        return Arrays(scaler.transform(unscaled, out=unscaled)[..., np.newaxis], targets[rows])

    return Prepared(
        train=ready(trained, np.tile(fold.train, 1 + noisy_copies)),
        validation=ready(extract(waveforms[fold.validation]), fold.validation),
        test=ready(extract(waveforms[fold.test]), fold.test),
        augmented=noisy.rows if noisy_copies else np.array([], int),
        scaler_rows=noisy.rows,
        front_end={"mean": scaler.mean, "scale": scaler.scale},
        load_s=load_s,
    )


def inputs_of(
    path: Path, setting: Setting, front_end: Mapping[str, np.ndarray], *, inputs: Mapping[str, Any]
) -> FileInputs:
    """Sections 4.1 and 4.2 for one file of any length and rate: three seconds as in training, without noise.

    Returns:
        Features of shape (parts, 128, frames, 1): of a longer file every three seconds that are complete.

    Raises:
        InputError: the file cannot be read.
    """
    begins = begins_of(path)
    unscaled = features.extract(waveforms_of(path, begins), feature=feature_of(inputs))
    x = features.Standardiser(**front_end).transform(unscaled)[..., np.newaxis]
    return FileInputs(x, (part_used(path, len(begins)),), begins)


def begins_of(path: Path) -> tuple[float, ...]:
    """Return where the parts of a file begin, in seconds: as in training, or at 0 if the file ends before that."""
    seconds = duration_or_reason(path)
    if not isinstance(seconds, float) or seconds <= OFFSET_S:
        return (0.0,)
    parts = max(math.floor((seconds - OFFSET_S) / DURATION_S), 1)
    return tuple(OFFSET_S + DURATION_S * part for part in range(parts))


def waveforms_of(path: Path, begins: Sequence[float]) -> np.ndarray:
    """Return three seconds of a file from each of these places on, (parts, samples)."""
    return np.stack([audio.load(path, sample_rate=SAMPLE_RATE, duration=DURATION_S, offset=begin) for begin in begins])


def part_used(path: Path, parts: int) -> str:
    """Describe which part of a file is classified."""
    seconds = soundfile.info(path).duration
    end = OFFSET_S + DURATION_S * parts
    if seconds <= OFFSET_S:
        return f"it lasts {seconds:.2f} s, less than training skips: all of it is used, padded with zeros"
    if seconds > end:
        by = f", {DURATION_S:g} s at a time" if parts > 1 else ""
        return f"of its {seconds:.1f} s only the part from {OFFSET_S:g} to {end:g} s is used{by}"
    return f"it ends after {seconds:.1f} s: it is padded with zeros to {end:g} s, as in training"


def feature_of(inputs: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the function that computes an experiment's features from waveforms (clips, samples)."""
    settings = {name: value for name, value in inputs.items() if name != "feature"}
    return partial(getattr(features, inputs["feature"]), **settings)
