"""The inputs of document 003: mel spectrograms and waveforms of two seconds ("Data Preparation", "Melspectrograms")."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache as kept
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from keras import ops

from common import cache, splits
from common.arrays import Arrays, FileInputs, Prepared, Rows
from common.corpora import fsdkaggle2019
from common.errors import InputError
from common.seeds import derive
from common.signals import audio, features, impulse_responses
from common.signals.numba_cache import librosa
from common.study import Setting
from common.threads import in_threads
from reproductions.freesound_tagging.mixing import Mixtures, convolve
from reproductions.freesound_tagging.settings import MEL, MEL_OF_MIXTURES, SAMPLE_RATE, SECONDS, TRIM_DB

SAMPLES = round(SECONDS * SAMPLE_RATE)
"""88,200: what is kept of a clip, from its beginning."""

TRIMMED_VERSION = 1
"""Part of the cache key of trimmed waveforms; increase it when they change."""


def mel(waveforms: Any, settings: Mapping[str, Any] = MEL) -> Any:
    """Return mel spectrograms in dB as the networks see them: (clips, samples) to float32 (clips, frames, bands)."""
    return ops.transpose(features.log_mel(waveforms, **settings), (0, 2, 1))


def heard(clips: pd.DataFrame) -> np.ndarray:
    """Return the first two seconds of each clip, float32 (clips, samples); shorter clips have zeros before them."""
    return audio.load_clips(list(clips["path"]), sample_rate=SAMPLE_RATE, duration=SECONDS, pad="start")


def prepare_mels(clips: pd.DataFrame, fold: splits.Split, targets: np.ndarray, setting: Setting) -> Prepared:
    """Return the mel spectrogram of the first two seconds of each clip."""
    x = mels_of(heard(clips))
    return _prepared(clips, [Arrays(x[rows], targets[rows]) for rows in fold.sets().values()])


def prepare_raw(clips: pd.DataFrame, fold: splits.Split, targets: np.ndarray, setting: Setting) -> Prepared:
    """Return the first two seconds of each clip, which stay on the disk."""
    x = as_raw(heard(clips))
    return _prepared(clips, [Arrays(Rows(x, rows), targets[rows]) for rows in fold.sets().values()])


def _prepared(clips: pd.DataFrame, sets: Sequence[Arrays], *notes: str) -> Prepared:
    nothing = np.array([], int)
    train, validation, test = sets
    bad = [f"{name} ({fsdkaggle2019.FAULTS[name]})" for name in clips["name"] if name in fsdkaggle2019.FAULTS]
    known = (f"known bad clips are used: {', '.join(bad)}; --set bad_clips=omitted leaves them out",) if bad else ()
    return Prepared(train, validation, test, nothing, nothing, notes=(*known, *notes))


def mels_of(waveforms: np.ndarray, settings: Mapping[str, Any] = MEL) -> np.ndarray:
    """Return the mel spectrograms of waveforms (clips, samples), float32 (clips, frames, bands)."""
    return features.extract(waveforms, partial(mel, settings=settings))


def as_raw(waveforms: np.ndarray) -> np.ndarray:
    """Return waveforms (clips, samples) with an axis of channels (clips, samples, 1)."""
    return np.asarray(waveforms)[..., np.newaxis]


def prepare_mixtures(clips: pd.DataFrame, fold: splits.Split, targets: np.ndarray, setting: Setting) -> Prepared:
    """Return mixtures of whole trimmed clips to train with, waveforms; the other sets are mel spectrograms."""
    waveforms = Trimmed([Path(path) for path in clips["path"]])
    begun = np.stack([beginning(waveform) for waveform in waveforms])
    still = mels_of(begun, MEL_OF_MIXTURES)
    seed = derive(setting.seed, "mixtures")
    train = Arrays(Mixtures(waveforms, fold.train, SAMPLES, seed=seed), targets[fold.train])
    responses = responses_of(setting)
    whose = f"{len(responses)} from a folder" if setting.impulse_responses else f"{len(responses)} synthesised ones"
    note = f"half of the training clips are convolved with impulse responses: {whose}"
    rest = [Arrays(still[rows], targets[rows]) for rows in (fold.validation, fold.test)]
    return _prepared(clips, [train, *rest], note)


class Trimmed(Sequence[np.ndarray]):
    """Whole clips without the silence at their ends, float32 (samples,) each; they are decoded once, into the cache.

    A clip is opened when it is read: open memory maps take a file descriptor each, of which a process has few.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        digests = cache.file_digests(paths)
        keys = [cache.key("trimmed", TRIMMED_VERSION, audio.VERSION, name, SAMPLE_RATE, TRIM_DB) for name in digests]
        self._clips = list(zip(keys, paths, strict=True))
        in_threads(self._clip, self._clips, "decoding")

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, number: Any) -> Any:
        """Return a memory map, of which nothing is read yet."""
        return self._clip(self._clips[number])

    def _clip(self, clip: tuple[str, Path]) -> np.ndarray:
        key, path = clip
        return cache.array(f"trimmed-{key}", None, lambda: [trimmed(audio.load(path, sample_rate=SAMPLE_RATE))])


def trimmed(waveform: np.ndarray) -> np.ndarray:
    """Return a waveform (samples,) without the silence at its ends; silence throughout stays."""
    found = librosa.effects.trim(waveform, top_db=TRIM_DB)[0] if len(waveform) else waveform
    return found if len(found) else waveform


def beginning(waveform: np.ndarray) -> np.ndarray:
    """Return the first two seconds of a waveform (samples,); a shorter one has zeros before it."""
    first = waveform[:SAMPLES]
    return np.pad(first, (SAMPLES - len(first), 0))


@kept
def _responses(folder: str, seed: int) -> np.ndarray:
    return impulse_responses.load(folder, sample_rate=SAMPLE_RATE, seed=seed)


def responses_of(setting: Setting) -> np.ndarray:
    """Return the impulse responses of a run, float32 (responses, samples).

    Raises:
        InputError: the folder has none, or one cannot be used.
    """
    return _responses(setting.impulse_responses, setting.seed)


def augmented(x: Any, y: Any, random: Any, setting: Setting) -> tuple[Any, Any]:
    """Convolve half of the mixtures (clips, samples), and return their mel spectrograms (clips, frames, bands)."""
    return mel(convolve(x, responses_of(setting), random), MEL_OF_MIXTURES), y


def of_file(
    path: Path,
    setting: Setting,
    front_end: Mapping[str, np.ndarray],
    *,
    of: Callable[[np.ndarray], np.ndarray],
    trim: bool = False,
) -> FileInputs:
    """Return the inputs of one file: a part per two seconds.

    Raises:
        InputError: the file cannot be read.
    """
    waveform = audio.load(path, sample_rate=SAMPLE_RATE)
    if not len(waveform):
        raise InputError(f"{path} is empty; use another file")
    waveform = trimmed(waveform) if trim else waveform
    # A rest of less than half a part is not heard, unless it is all there is.
    parts = max(round(len(waveform) / SAMPLES), 1)
    stacked = np.stack([beginning(waveform[number * SAMPLES :]) for number in range(parts)])
    notes = (f"the model was trained on the first {SECONDS:g} s of clips; later parts count as much here",)
    begins = tuple(SECONDS * number for number in range(parts))
    return FileInputs(of(stacked), notes if parts > 1 else (), () if trim else begins)  # trimming moves the parts
