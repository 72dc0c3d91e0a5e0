"""The inputs of document 000's taggers: crops of mel spectrograms, and WaveNet features ("Features Processing")."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from common import cache, splits
from common.arrays import Arrays, Crops, FileInputs, Prepared
from common.corpora import mtg_jamendo
from common.corpora.files import AUDIO_SUFFIXES
from common.errors import InputError
from common.learners import keras3
from common.progress import progress
from common.seeds import derive
from common.signals import audio
from common.study import Setting
from reproductions.music_mood_wavenet import nsynth
from reproductions.music_mood_wavenet.augment import centre_stretch, mixup, spec_augment
from reproductions.music_mood_wavenet.balance import balanced
from reproductions.music_mood_wavenet.settings import MEL, SAMPLE_RATE
from reproductions.music_mood_wavenet.weights import Encoder, encoder_of

BANDS: int = MEL["n_mels"]

VERSION = 1
"""Part of the cache key of mel spectrograms; increase it when they change."""

DEMO_FRAMES, DEMO_S = 192, 1.5
"""Frames of a crop and seconds that are encoded at demo size."""

LONGEST_S = 400.0
"""Of longer tracks the middle is encoded (code)."""


def frames_of(setting: Setting) -> int:
    """Return the frames of a crop."""
    return int(setting.switches["frames"]) if setting.size == "full" else DEMO_FRAMES


def mel_of(path: Path) -> np.ndarray:
    """Return the mel spectrogram of a track, float (96, frames): the corpus' own array, or the same of its audio.

    Raises:
        InputError: the file cannot be read.
    """
    if path.suffix.lower() == ".npy":
        return mtg_jamendo.mel(path)

    def computed() -> Iterator[np.ndarray]:
        yield mtg_jamendo.mel_of(audio.load(path, sample_rate=MEL["sample_rate"])).astype(np.float16)

    return cache.array(_name_of_mel(path), BANDS, computed)


def _name_of_mel(path: Path) -> str:
    return f"mel-{cache.key('mel', VERSION, audio.VERSION, cache.file_digests([path])[0], MEL)}"


def cache_mel(path: Path, setting: Setting) -> bool:
    """Cache the mel spectrogram of a track, and return whether it was not there before.

    Raises:
        InputError: the file cannot be read.
    """
    new = path.suffix.lower() != ".npy" and cache.find(_name_of_mel(path), BANDS) is None
    mel_of(path)
    return new


class Mels(Sequence[np.ndarray]):
    """The mel spectrograms of tracks, (96, frames, 1) each, opened when they are read.

    Open memory maps take a file descriptor each, of which a process has few.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: Any) -> Any:
        """Return a memory map, of which nothing is read yet."""
        return mel_of(self._paths[number])[..., np.newaxis]


def prepare_mel(
    clips: pd.DataFrame, fold: splits.Split, targets: np.ndarray, setting: Setting, *, balance: bool
) -> Prepared:
    """Return crops of mel spectrograms, (clips, 96, frames, 1): random ones for training, else the middle.

    Args:
        clips: the relabelled manifest.
        fold: rows of the sets.
        targets: (clips, tags).
        setting: its switch `frames`.
        balance: take the training tracks and labels of "data processing" (row B).
    """
    sources = Mels([Path(path) for path in clips["path"]])
    with progress("mel spectrograms", len(sources)) as advance:
        for number in range(len(sources)):
            sources[number]  # those of audio are computed, those of the corpus are checked
            advance()
    rows, labels = fold.train, targets[fold.train]
    notes: tuple[str, ...] = ()
    if balance:
        every = labels
        kept, labels = balanced(every, seed=setting.seed)
        rows, left = rows[kept], f"{labels.sum():,.0f} of {every.sum():,.0f} labels"
        notes = (f"data processing keeps {len(kept):,} of {len(every):,} training tracks and {left}",)
    crops = partial(Crops, sources, length=frames_of(setting), axis=1, fill=None)
    seed = derive(setting.seed, "crops")
    validation, test = (Arrays(crops(index=part), targets[part]) for part in (fold.validation, fold.test))
    nothing = np.array([], int)
    train = Arrays(crops(index=rows, seed=seed, wrap=True), labels)
    return Prepared(train, validation, test, nothing, nothing, notes=notes)


def mel_of_file(path: Path, setting: Setting, front_end: Mapping[str, np.ndarray]) -> FileInputs:
    """Return consecutive crops of one file, (crops, 96, frames, 1).

    Raises:
        InputError: the file cannot be read.
    """
    x, begins = windows(np.asarray(mel_of(path), np.float32), frames_of(setting))
    return FileInputs(x[..., np.newaxis], begins=tuple(begins * MEL["hop_length"] / MEL["sample_rate"]))


def windows(values: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide (rows, frames) into windows of one length, (windows, rows, length), and return the frames they begin at.

    What is missing is filled with the minimum, on both sides. A last window that would be mostly filling is left out,
    unless it is the only one.
    """
    count = max(round(values.shape[1] / length), 1)
    padded = np.full((len(values), count * length), values.min(), values.dtype)
    kept = values[:, : count * length]
    before = (padded.shape[1] - kept.shape[1]) // 2
    padded[:, before : before + kept.shape[1]] = kept
    begins = np.maximum(np.arange(count) * length - before, 0)
    return np.moveaxis(padded.reshape(len(values), count, length), 1, 0), begins


def prepare_wavenet(
    clips: pd.DataFrame, fold: splits.Split, targets: np.ndarray, setting: Setting, *, tiled: int
) -> Prepared:
    """Return the WaveNet features of a stretch of each track, float32 (clips, 16 * tiled, steps, 1).

    Raises:
        InputError: the audio of a track is missing or cannot be read, or the encoder's checkpoint cannot.
    """
    encoder = encoder_of(setting.weights)
    paths = [audio_of(Path(path)) for path in clips["path"]]
    x = np.empty((len(paths), nsynth.CHANNELS * tiled, steps_of(setting), 1), np.float32)
    with progress("WaveNet features", len(paths)) as advance:
        for row, path in zip(x, paths, strict=True):
            row[..., 0] = np.tile(encoded(encoder, path, steps_of(setting)).T, (tiled, 1))
            advance()
    train, validation, test = (Arrays(x[rows], targets[rows]) for rows in fold.sets().values())
    nothing = np.array([], int)
    untrained = ("WaveNet encoder",) if encoder.notes else ()
    return Prepared(train, validation, test, nothing, nothing, notes=encoder.notes, untrained=untrained)


def steps_of(setting: Setting) -> int:
    """Return the steps of the features: 30 s are 937."""
    seconds = float(setting.switches["encoded"]) if setting.size == "full" else DEMO_S
    return nsynth.steps(round(seconds * SAMPLE_RATE))


def encoded(encoder: Encoder, path: Path, steps: int) -> np.ndarray:
    """Return the features of one stretch of a track, float32 (steps, 16), from the cache if it was encoded before.

    The stretch lies at a random place, which depends on the bytes of the file alone: it is the same in every run. Of a
    shorter track the rest is silence.

    Raises:
        InputError: the file cannot be read.
    """
    digest, length = cache.file_digests([path])[0], steps * nsynth.HOP_LENGTH

    def computed() -> Iterator[np.ndarray]:
        whole = middle(audio.load(path, sample_rate=SAMPLE_RATE), round(LONGEST_S * SAMPLE_RATE))
        first = int(np.random.default_rng(int(digest[:16], 16)).integers(max(len(whole) - length, 0) + 1))
        stretch = whole[first : first + length]
        yield nsynth.encode(encoder.model, np.pad(stretch, (0, length - len(stretch))))

    return cache.array(_name_of_encoded(encoder, path, steps), steps, computed)


def _name_of_encoded(encoder: Encoder, path: Path, steps: int) -> str:
    digest = cache.file_digests([path])[0]
    key = cache.key("wavenet", VERSION, audio.VERSION, encoder.identity, keras3.precision(), digest, steps)
    return f"wavenet-{key}"


def cache_wavenet(path: Path, setting: Setting) -> bool:
    """Cache the WaveNet features of a track, and return whether they were not there before.

    Raises:
        InputError: its audio is missing or cannot be read, or the encoder's checkpoint cannot.
    """
    encoder, steps, sound = encoder_of(setting.weights), steps_of(setting), audio_of(path)
    new = cache.find(_name_of_encoded(encoder, sound, steps), steps) is None
    encoded(encoder, sound, steps)
    return new


def middle(waveform: np.ndarray, longest: int) -> np.ndarray:
    """Return the middle of a waveform (samples,) that is longer than `longest` samples, else all of it."""
    return waveform[(first := max(len(waveform) - longest, 0) // 2) : first + longest]


def audio_of(path: Path) -> Path:
    """Return the audio of a track of which the mel spectrogram was found: in a folder beside that of the arrays.

    Raises:
        InputError: there is none.
    """
    if path.suffix.lower() != ".npy":
        return path
    arrays = path.parent.parent
    for folder in sorted(arrays.parent.iterdir()):
        for found in sorted(folder.glob(f"{path.parent.name}/{path.stem}.*")):
            if found.suffix.lower() in AUDIO_SUFFIXES:
                return found
    raise InputError(
        f"WaveNet features need audio, and there is none of {path}; put the folder of the audio beside {arrays}, or "
        "name it alone with --data"
    )


def wavenet_of_file(path: Path, setting: Setting, front_end: Mapping[str, np.ndarray], *, tiled: int) -> FileInputs:
    """Return the WaveNet features of one file in consecutive windows, (windows, 16 * tiled, steps, 1).

    Raises:
        InputError: the file cannot be read, or is shorter than a step.
    """
    encoder = encoder_of(setting.weights)
    whole = audio.load(path, sample_rate=SAMPLE_RATE)
    waveform = middle(whole, round(LONGEST_S * SAMPLE_RATE))
    begin = (len(whole) - len(waveform)) / 2 / SAMPLE_RATE
    if len(waveform) < nsynth.HOP_LENGTH:
        shortest = 1000 * nsynth.HOP_LENGTH / SAMPLE_RATE
        raise InputError(f"{path} is shorter than {shortest:g} ms; use longer audio")
    # Silence is encoded too, as in training: its features are not 0.
    count = max(round(nsynth.steps(len(waveform)) / steps_of(setting)), 1) * steps_of(setting) * nsynth.HOP_LENGTH
    heard = np.pad(waveform[:count], (0, max(count - len(waveform), 0)))
    of_track = np.tile(nsynth.encode(encoder.model, heard).T, (tiled, 1))
    x, begins = windows(of_track, steps_of(setting))
    return FileInputs(x[..., np.newaxis], encoder.notes, tuple(begin + begins * nsynth.HOP_LENGTH / SAMPLE_RATE))


def augmented(x: Any, y: Any, random: Any, setting: Setting, *, blocks: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """Alter a training batch as the code does: the stretched centre, SpecAugment, then mixup.

    Args:
        x: (clips, bands, frames, 1).
        y: (clips, tags).
        random: seeds of the draws.
        setting: its switch `crop`.
        blocks: of SpecAugment; None: none.
    """
    x = keras.ops.cast(x, "float32")  # mel spectrograms may be stored in half precision
    if setting.switches["crop"] == "stretched":
        x = centre_stretch(x, random)
    if blocks is not None:
        x = spec_augment(x, random, **blocks)
    return mixup(x, y, random)
