"""The inputs of document 001: mel spectrograms of normalised waveforms ("Data loading and processing")."""

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from common import splits
from common.arrays import Arrays, FileInputs, Prepared
from common.errors import InputError
from common.signals import audio, features
from common.study import Setting
from reproductions.valence_parallel_conv.network import KERNELS
from reproductions.valence_parallel_conv.settings import DURATION_S, HOP_LENGTH, MEL, PERCENTILE, SAMPLE_RATE

RANGE_DB = 80.0


def seconds_of(clips: pd.DataFrame, setting: Setting) -> float:
    """Return the length of the inputs: six seconds, or the 75th percentile of the durations of these training clips.

    Raises:
        InputError: the percentile is too short for the largest kernel.
    """
    if setting.switches["length"] == "document":
        return DURATION_S
    percentile = float(np.percentile(clips["duration"], PERCENTILE))
    seconds = float(math.ceil(percentile))
    frames, widest = 1 + int(seconds * SAMPLE_RATE) // HOP_LENGTH, max(wide for _, wide in KERNELS)
    if frames <= widest:
        raise InputError(
            f"{PERCENTILE} % of the training clips are shorter than {percentile:.2f} s: their inputs have {frames} "
            f"frames, but the largest kernel needs {widest + 1}; use --set length=document"
        )
    return seconds


class Normalised:
    """Waveforms with mean 0 and std 1 over the samples of each file, computed as they are read.

    Args:
        waveforms: (clips, samples), with silence after the end of a file.
        lengths: samples of each file (clips,).
    """

    def __init__(self, waveforms: np.ndarray, lengths: np.ndarray) -> None:
        self._waveforms, self._lengths, self.shape = waveforms, lengths, waveforms.shape

    def __len__(self) -> int:
        return len(self._waveforms)

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Return waveforms, float32 (clips, samples)."""
        waveforms = np.asarray(self._waveforms[rows], np.float64)
        inside = np.arange(waveforms.shape[1]) < self._lengths[rows, np.newaxis]
        count = inside.sum(axis=1, keepdims=True)
        mean = waveforms.sum(axis=1, keepdims=True, where=inside) / count
        centred = np.where(inside, waveforms - mean, 0.0)
        std = np.sqrt(np.square(centred).sum(axis=1, keepdims=True) / count)
        return (centred / np.where(std > 0, std, 1.0)).astype(np.float32)  # digital silence stays silence


def spectrograms(waveforms: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Return mel spectrograms of waveforms (clips, samples), float32 (clips, 128, frames, 1), -1 to 0.

    Args:
        waveforms: of one length, padded at the end.
        durations: seconds of each file (clips,).
    """
    # A resampled file may be a sample shorter than its duration says; it has at least one.
    lengths = np.clip(np.floor(durations * SAMPLE_RATE), 1, waveforms.shape[1]).astype(int)
    decibel = features.extract(Normalised(waveforms, lengths), partial(features.log_mel, ref="max", **MEL))
    return decibel[..., np.newaxis] / RANGE_DB


def prepare(clips: pd.DataFrame, fold: splits.Split, targets: np.ndarray, setting: Setting) -> Prepared:
    """Data loading and processing: the spectrograms of a fold, (clips, 128, frames, 1)."""
    seconds = seconds_of(clips.iloc[fold.train], setting)
    waveforms = audio.load_clips(list(clips["path"]), sample_rate=SAMPLE_RATE, duration=seconds)
    x, nothing = spectrograms(waveforms, clips["duration"].to_numpy()), np.array([], int)
    train, validation, test = (Arrays(x[rows], targets[rows]) for rows in fold.sets().values())
    return Prepared(train, validation, test, nothing, nothing, front_end={"seconds": np.array(seconds)})


def of_file(path: Path, setting: Setting, front_end: Mapping[str, np.ndarray]) -> FileInputs:
    """Return the spectrogram of one file, (1, 128, frames, 1).

    Raises:
        InputError: the file cannot be read.
    """
    whole, seconds = audio.load(path, sample_rate=SAMPLE_RATE), float(front_end["seconds"])
    length = round(seconds * SAMPLE_RATE)
    waveform = np.pad(whole[:length], (0, max(length - len(whole), 0)))
    notes = (f"only the first {seconds:g} s are heard",) if len(whole) > length else ()
    return FileInputs(spectrograms(waveform[np.newaxis], np.array([len(whole) / SAMPLE_RATE])), notes)
