"""WaveNet, and CNN with LSTM, on raw speech of EMO-DB ("Emotion Recognition from Raw Speech", TABLE I).

The table is another paper's, and the slides print no layers: 29,562 and 16,736,324 parameters. So both networks are
ours, and so are their sizes. Both read three seconds at 16 kHz, divided by their root mean square.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from common import splits
from common.arrays import Arrays, FileInputs, Prepared
from common.signals import audio
from common.study import Setting, Training

SAMPLE_RATE = 16_000
SECONDS = 3.0
"""EMO-DB's mean duration, rounded up; longer clips are cut."""
EMOTIONS = ("angry", "happy", "neutral", "sad")

TRAINING = Training(epochs=60, batch_size=16, learning_rate=1e-3, patience=12)
FOLDS = 5
"""Two of the ten speakers are in each fold."""


def prepare(clips: pd.DataFrame, fold: splits.Split, targets: np.ndarray, setting: Setting) -> Prepared:
    """Return the first three seconds of each clip, float32 (clips, samples, 1)."""
    x = scaled(audio.load_clips(list(clips["path"]), sample_rate=SAMPLE_RATE, duration=SECONDS))
    train, validation, test = (Arrays(x[rows], targets[rows]) for rows in fold.sets().values())
    nothing = np.array([], int)
    return Prepared(train, validation, test, nothing, nothing)


def scaled(waveforms: np.ndarray) -> np.ndarray:
    """Divide waveforms (clips, samples) by their root mean square, float32 (clips, samples, 1); silence stays zero."""
    level = np.sqrt(np.square(waveforms, dtype=np.float64).mean(axis=1, keepdims=True))
    return (waveforms / np.where(level > 0, level, 1.0)).astype(np.float32)[..., np.newaxis]


def of_file(path: Path, setting: Setting, front_end: Mapping[str, np.ndarray]) -> FileInputs:
    """Return the first three seconds of one file, (1, samples, 1).

    Raises:
        InputError: the file cannot be read.
    """
    waveform = audio.load(path, sample_rate=SAMPLE_RATE, duration=SECONDS)
    longer = len(audio.load(path, sample_rate=SAMPLE_RATE)) > len(waveform)
    return FileInputs(scaled(waveform[np.newaxis]), (f"only the first {SECONDS:g} s are heard",) if longer else ())


def split(clips: pd.DataFrame, setting: Setting) -> list[splits.Split]:
    """Return a random fifth as test set, or five speaker-disjoint folds.

    A fifth of 339 clips is 68: 83.82 % and 73.52 % are 57 and 50 of so many. How they were drawn is not said; here they
    are stratified, and a tenth of the rest validates.
    """
    if setting.switches["speakers"] == "disjoint":
        return splits.grouped_folds(clips, folds=FOLDS, seed=setting.seed)
    return [splits.stratified_split(clips["label"], test=0.2, validation=0.1, seed=setting.seed)]
