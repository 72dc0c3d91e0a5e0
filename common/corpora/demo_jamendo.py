"""The demo version of MTG-Jamendo: audio, mel spectrograms and the files of the split, synthesised from a seed.

A track is a sum of layers of music, as in `demo_emotify`, one for each of its tags: each tag has its own register,
tempo and timbre, so that it can be heard, and seen in the mel spectrogram. An artist has two tracks, which are in one
set. Scores on it say nothing about moods and themes.

A track depends on (seed, its number) alone.
"""

from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from common.corpora.demo_emotify import LEAST, SAMPLE_RATE, SPREAD, play
from common.corpora.mtg_jamendo import HEADER, MEL, PLACES, PREFIX, TRACKS, mel_of
from common.files import replacing, write_text
from common.seeds import derive
from common.signals import audio
from common.threads import in_threads

Floats = NDArray[np.float64]

FOLDER = "MTG-Jamendo"
LENGTHS_S = (12.0, 18.5, 27.0, 40.0)
"""Lengths of the tracks in seconds."""

# How the layer of a tag is played: the values of `demo_emotify.PLAYING`, then level of the noise on the beat, and
# seconds in which a note decays to 1/e.
LAYERS = {
    "calm": np.array([60.0, 1.0, 0.30, 0.5, -22.0, -2.0, 0.0, 0.0, 1.5]),
    "dark": np.array([72.0, 0.0, 0.60, 1.0, -18.0, -21.0, 0.10, 0.0, 1.0]),
    "dream": np.array([80.0, 1.0, 0.25, 1.0, -22.0, 24.0, 0.0, 0.0, 2.0]),
    "energetic": np.array([140.0, 0.5, 0.85, 2.0, -14.0, -5.0, 0.05, 0.4, 0.3]),
    "fast": np.array([150.0, 0.5, 0.50, 4.0, -18.0, 14.0, 0.0, 0.0, 0.1]),
    "happy": np.array([126.0, 1.0, 0.70, 2.0, -18.0, 7.0, 0.0, 0.1, 0.5]),
}
NUMBERS_OF_TAGS = {1: 0.5, 2: 0.3, 3: 0.2}
"""How probable it is that a track has this many tags."""

NOISE = 10 ** (-80 / 20)
"""Level of the noise of the recording."""

TURN = ("train", "validation", "test", "train")
"""The sets of the artists, repeated. Three artists have a track of each tag: so each set gets each tag."""


def write(folder: Path, *, tracks_per_tag: int, seed: int) -> None:
    """Write tracks as FLAC and as mel spectrograms, and the split, below `folder`; existing tracks are kept.

    Args:
        folder: of the demo corpus.
        tracks_per_tag: there are six times as many tracks; each tag has at least this many.
        seed: of everything random.
    """
    place = folder / FOLDER
    numbers = range(tracks_per_tag * len(LAYERS))
    in_threads(partial(_write_track, place, seed), numbers, "synthesising demo music")
    for of_set in TRACKS:
        rows = [_row(number, seed) for number in numbers if _set(number) == of_set]
        table = place / PLACES[0] / f"autotagging_moodtheme-{of_set}.tsv"
        write_text(table, "".join("\t".join(row) + "\n" for row in [HEADER, *rows]))


def _write_track(place: Path, seed: int, number: int) -> None:
    recording, mel = place / "audio" / f"{name(number)}.flac", place / "melspecs" / f"{name(number)}.npy"
    if not recording.is_file():
        with replacing(recording) as temporary:
            soundfile.write(temporary, synthesise(number, seed=seed), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    if not mel.is_file():
        with replacing(mel) as temporary:
            np.save(temporary, mel_of(audio.load(recording, sample_rate=MEL["sample_rate"])))


def name(number: int) -> str:
    """Return `NN/<id>` of a track by its number from 0."""
    return f"{_id(number) % 100:02d}/{_id(number)}"


def _id(number: int) -> int:
    return 1001 + 137 * number


def _set(number: int) -> str:
    return TURN[number // 2 % len(TURN)]


def _row(number: int, seed: int) -> list[str]:
    """Return the row of a track in the file of its set."""
    artist = number // 2
    ids = [f"track_{_id(number):07d}", f"artist_{artist:06d}", f"album_{artist:06d}"]
    return [*ids, f"{name(number)}.mp3", f"{_length(number, seed):.1f}", *(PREFIX + tag for tag in tags(number, seed))]


def tags(number: int, seed: int = 0) -> list[str]:
    """Return the tags of a track, sorted: the tags take turns in being the first, and up to two others come to it."""
    rng = np.random.default_rng(derive(seed, "demo tags", number))
    first = list(LAYERS)[number % len(LAYERS)]
    more = rng.choice(list(NUMBERS_OF_TAGS), p=list(NUMBERS_OF_TAGS.values())) - 1
    return sorted([first, *map(str, rng.choice([tag for tag in LAYERS if tag != first], more, replace=False))])


def _length(number: int, seed: int) -> float:
    return float(np.random.default_rng(derive(seed, "demo length", number)).choice(LENGTHS_S))


def synthesise(number: int, *, seed: int = 0) -> NDArray[np.int16]:
    """Return the samples of a track by its number, shape (samples,), 16 bit, at `demo_emotify.SAMPLE_RATE`."""
    music = np.sum([_layer(tag, number, seed) for tag in tags(number, seed)], axis=0)
    music *= min(1.0, 0.95 / np.abs(music).max())
    # Between two notes a recording is never as silent as zeros, which would be the lowest value of a mel spectrogram.
    music += NOISE * np.random.default_rng(derive(seed, "demo noise", number)).standard_normal(len(music))
    return np.rint(music * 32767).astype(np.int16)


def _layer(tag: str, number: int, seed: int) -> Floats:
    """Return the music of one tag, shape (samples,)."""
    rng = np.random.default_rng(derive(seed, "demo layer", number, tag))
    *playing, noise, fading_s = LAYERS[tag]
    varied = np.maximum(np.array(playing) + SPREAD * rng.standard_normal(len(SPREAD)), np.minimum(LEAST, playing))
    return play(varied, noise, fading_s, [_length(number, seed)], rng)
