"""The inputs of chapter 5 of document 004: pictures of mel spectrograms."""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from common import cache, splits
from common.arrays import Arrays, FileInputs, Prepared, Rows
from common.signals import audio, features, images
from common.study import Setting
from reproductions.ser_parallel.from_scratch import DURATION_S, OFFSET_S, SAMPLE_RATE
from reproductions.ser_parallel.from_scratch_inputs import begins_of, part_used, waveforms_of
from reproductions.ser_parallel.vgg16 import DRAWING, LOG_MEL, PIXELS

VERSION = 1
"""Part of the cache key; increase it when a change gives another picture for the same sound."""


def prepare(
    clips: pd.DataFrame, fold: splits.Split, targets: np.ndarray, setting: Setting, *, augmented: bool
) -> Prepared:
    """Section 5.1: a picture of each clip, from the cache.

    Returns:
        Pictures, uint8 (clips, pixels, pixels, 3); augmentation is done by layers of the network.
    """
    began = time.monotonic()
    waveforms = audio.load_clips(list(clips["path"]), sample_rate=SAMPLE_RATE, duration=DURATION_S, offset=OFFSET_S)
    load_s = time.monotonic() - began
    drawn = _drawn(list(clips["path"]), waveforms, PIXELS[setting.size])
    train, validation, test = (Arrays(Rows(drawn, rows), targets[rows]) for rows in fold.sets().values())
    nothing = np.array([], int)
    return Prepared(
        train, validation, test, augmented=fold.train if augmented else nothing, scaler_rows=nothing, load_s=load_s
    )


def _drawn(paths: Sequence[str], waveforms: np.ndarray, pixels: int) -> np.ndarray:
    """Return the pictures of clips, from the cache if they are there."""
    settings = [LOG_MEL, DRAWING, DURATION_S, OFFSET_S, pixels]
    name = cache.key("pictures", VERSION, cache.file_digests(paths), *settings)
    return cache.array(f"pictures-{name}", len(paths), lambda: pictures_of(waveforms, pixels))


def pictures_of(waveforms: np.ndarray, pixels: int) -> Iterator[np.ndarray]:
    """Section 5.1: yield the pictures of waveforms (clips, samples), uint8 (some clips, pixels, pixels, 3)."""
    for mel in features.batches(waveforms, partial(features.log_mel, **LOG_MEL)):
        yield images.draw(mel, **DRAWING, pixels=pixels)


def inputs_of(path: Path, setting: Setting, front_end: Mapping[str, np.ndarray]) -> FileInputs:
    """Section 5.1 for one file of any length and rate.

    Returns:
        Pictures, uint8 (parts, pixels, pixels, 3): of a longer file every three seconds that are complete.

    Raises:
        InputError: the file cannot be read.
    """
    begins = begins_of(path)
    pictures = np.concatenate(list(pictures_of(waveforms_of(path, begins), PIXELS[setting.size])))
    return FileInputs(pictures, (part_used(path, len(begins)),), begins)
