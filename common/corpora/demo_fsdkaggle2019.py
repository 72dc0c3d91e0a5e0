"""The demo version of FSDKaggle2019: a curated and a test set of events with their tables, synthesised from a seed.

Each of eight tags has its own kind of event: harmonic or noisy, single or repeated, high or low, so that it can be
heard, and seen in the mel spectrogram. A fifth of the clips have two or three tags. Some clips share a source: its
pitch is the same, and it has one set. Scores on it say nothing about sounds of the real world.

A clip depends on (seed, its set and number) alone.
"""

import csv
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from common.corpora.fsdkaggle2019 import META, SETS, TABLES
from common.files import replacing, write_text
from common.seeds import derive
from common.tasks.tagging import SEPARATOR
from common.threads import in_threads

Floats = NDArray[np.float64]
Event = Callable[[float, np.random.Generator], Floats]
"""Returns one event, shape (samples,), full scale about 1, given the factor of its pitch."""

SAMPLE_RATE = 44_100
FOLDER = "FSDKaggle2019"
SHORTEST_S, LONGEST_S = 0.5, 6.0
NUMBERS_OF_TAGS = {1: 0.8, 2: 0.15, 3: 0.05}
"""How probable it is that a clip has this many tags."""
PARTS_OF_TEST = 3
"""There is a test clip for so many curated ones, as the test set is smaller."""

LEVELS_DB = (-26.0, -14.0)
"""Lowest and highest level (RMS) of a clip."""
NOISE = 10 ** (-75 / 20)
"""Level of the noise of the recording."""


def _time(seconds: float) -> Floats:
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _partials(pitch: Floats, levels: Floats) -> Floats:
    """Return a sum of harmonics of a pitch in Hz (samples,); `levels` are those of the first, second, ... partial."""
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    return np.sum([level * np.sin(number * phase) for number, level in enumerate(levels, start=1)], axis=0)


def _filtered(noise: Floats, cuts: float | tuple[float, float], kind: str) -> Floats:
    """Return noise below, above or between cuts in Hz, with RMS 0.3."""
    from scipy import signal  # here and not above: it is slow to import, and most commands synthesise nothing

    found = signal.sosfilt(signal.butter(4, cuts, kind, fs=SAMPLE_RATE, output="sos"), noise)
    return 0.3 * found / np.sqrt(np.mean(found**2))


def _bark(pitch: float, rng: np.random.Generator) -> Floats:
    time = _time(0.18)
    swell = np.sin(np.pi * np.minimum(time / 0.18, 1)) ** 0.7
    voice = _partials(pitch * (520 - 1400 * time), 1 / np.sqrt(np.arange(1.0, 9.0)))
    return swell * (0.4 * voice + _filtered(rng.standard_normal(len(time)), (500, 3000), "bandpass"))


def _chirp(pitch: float, rng: np.random.Generator) -> Floats:
    time = _time(0.09)
    sweep = pitch * (3800 + rng.uniform(-1, 1) * 20_000 * time)
    return np.sin(np.pi * time / 0.09) * _partials(sweep, np.array([1.0]))


def _bell(pitch: float, rng: np.random.Generator) -> Floats:
    time = _time(3.0)
    # The partials of a church bell: hum, prime, tierce, quint, nominal and two above it; the higher ones fade faster.
    ratios = np.array([0.5, 1.0, 1.2, 1.5, 2.0, 2.67, 3.0])
    fading = np.exp(-time * ratios[:, np.newaxis])
    return np.sum(fading * np.sin(2 * np.pi * 420 * pitch * ratios[:, np.newaxis] * time), axis=0) / 4


def _hiss(pitch: float, rng: np.random.Generator) -> Floats:
    return _filtered(rng.standard_normal(round(LONGEST_S * SAMPLE_RATE)), 6000 * pitch, "highpass")


def _meow(pitch: float, rng: np.random.Generator) -> Floats:
    time = _time(0.8)
    glide = pitch * (450 + 350 * np.sin(np.pi * time / 0.8))
    return np.sin(np.pi * time / 0.8) * _partials(glide, 0.5 / np.arange(1.0, 11.0) ** 0.8)


def _purr(pitch: float, rng: np.random.Generator) -> Floats:
    time = _time(LONGEST_S)
    pulses = np.maximum(np.sin(2 * np.pi * 25 * pitch * time), 0) ** 2
    return pulses * _filtered(rng.standard_normal(len(time)), (60, 350), "bandpass")


def _tick(pitch: float, rng: np.random.Generator) -> Floats:
    time = _time(0.05)
    return np.exp(-time / 0.004) * np.sin(2 * np.pi * 2600 * pitch * rng.choice([1.0, 0.8]) * time)


def _wave(pitch: float, rng: np.random.Generator) -> Floats:
    from scipy import signal

    time = _time(3.0)
    # Falls by 6 dB per octave from 200 Hz on: a slow rise and fall of all frequencies at once.
    surf = signal.lfilter([1], [1, -np.exp(-2 * np.pi * 200 * pitch / SAMPLE_RATE)], rng.standard_normal(len(time)))
    return (0.15 + np.sin(np.pi * time / 3.0) ** 2) * 0.3 * surf / np.sqrt(np.mean(surf**2))


EVENTS: dict[str, tuple[Event, float]] = {
    "Bark": (_bark, 0.45),
    "Chirp_and_tweet": (_chirp, 0.16),
    "Church_bell": (_bell, 1.7),
    "Hiss": (_hiss, LONGEST_S),
    "Meow": (_meow, 1.2),
    "Purr": (_purr, LONGEST_S),
    "Tick-tock": (_tick, 0.25),
    "Waves_and_surf": (_wave, 3.0),
}
"""How the event of a tag is synthesised, and the seconds from one to the next."""


def write(folder: Path, *, clips_per_tag: int, seed: int) -> None:
    """Write the clips of both sets and their tables below `folder`; existing clips are kept.

    Args:
        folder: of the demo corpus.
        clips_per_tag: there are eight times as many curated clips; each tag has at least this many. Of test clips there
            are a third as many.
        seed: of everything random.
    """
    place = folder / FOLDER
    clips_of = {"train_curated": clips_per_tag, "test": -(-clips_per_tag // PARTS_OF_TEST)}
    clips = [(of_set, number) for of_set, of_tag in clips_of.items() for number in range(of_tag * len(EVENTS))]
    in_threads(partial(_write_clip, place, seed), clips, "synthesising demo events")
    for of_set in clips_of:
        rows = [_row(of_set, number, seed) for one, number in clips if one == of_set]
        write_text(place / META / TABLES[0].format(of_set), _table(rows))


def _write_clip(place: Path, seed: int, clip: tuple[str, int]) -> None:
    path = place / f"FSDKaggle2019.audio_{clip[0]}" / f"{name(*clip)}.wav"
    if path.is_file():
        return
    with replacing(path) as temporary:
        soundfile.write(temporary, synthesise(*clip, seed=seed), SAMPLE_RATE, format="WAV", subtype="PCM_16")


def name(of_set: str, number: int) -> str:
    """Return the name of a clip without its suffix, by its set and its number from 0."""
    return f"{derive(0, 'demo name', of_set, number):08x}"


def _source(of_set: str, number: int) -> int:
    """Return the Freesound id of a clip: of four clips with the same first tag, the first two have one source."""
    take, tag = divmod(number, len(EVENTS))
    first = take - 1 if take % 4 == 1 else take
    # A source has one set: the remainder of the division by the number of sets says which.
    return 10_000 + len(SETS) * (first * len(EVENTS) + tag) + list(SETS).index(of_set)


def tags(of_set: str, number: int, seed: int = 0) -> list[str]:
    """Return the tags of a clip: the tags take turns in being the first, and up to two others come to it."""
    rng = np.random.default_rng(derive(seed, "demo event tags", of_set, number))
    first = list(EVENTS)[number % len(EVENTS)]
    more = rng.choice(list(NUMBERS_OF_TAGS), p=list(NUMBERS_OF_TAGS.values())) - 1
    return [first, *map(str, rng.choice([tag for tag in EVENTS if tag != first], more, replace=False))]


def _row(of_set: str, number: int, seed: int) -> dict[str, object]:
    """Return the row of a clip in the table of its set."""
    usage = {"usage": "Private"} if of_set == "test" else {}
    labels = SEPARATOR.join(tags(of_set, number, seed))
    return {"fname": f"{name(of_set, number)}.wav", "labels": labels, **usage, "freesound_id": _source(of_set, number)}


def _table(rows: list[dict[str, object]]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def synthesise(of_set: str, number: int, *, seed: int = 0) -> NDArray[np.int16]:
    """Return the samples of a clip by its set and number, shape (samples,), 16 bit, at `SAMPLE_RATE`."""
    rng = np.random.default_rng(derive(seed, "demo event clip", of_set, number))
    samples = round(np.exp(rng.uniform(np.log(SHORTEST_S), np.log(LONGEST_S))) * SAMPLE_RATE)
    source = np.random.default_rng(derive(seed, "demo event source", _source(of_set, number)))
    pitch = 2 ** source.uniform(-0.3, 0.3)  # octaves
    sound = np.sum([_repeated(tag, samples, pitch, rng) for tag in tags(of_set, number, seed)], axis=0)
    level = 10 ** (rng.uniform(*LEVELS_DB) / 20)
    sound *= min(level / np.sqrt(np.mean(sound**2)), 0.95 / np.abs(sound).max())
    sound += NOISE * rng.standard_normal(samples)
    return np.rint(sound * 32767).astype(np.int16)


def _repeated(tag: str, samples: int, pitch: float, rng: np.random.Generator) -> Floats:
    """Return the events of one tag one after the other, shape (samples,), RMS 1; the last one may be cut off."""
    event, gap_s = EVENTS[tag]
    sound = np.zeros(samples)
    start = 0
    while start < samples:
        one = rng.uniform(0.6, 1.0) * event(pitch * rng.uniform(0.97, 1.03), rng)[: samples - start]
        sound[start : start + len(one)] += one
        start += round(gap_s * rng.uniform(0.85, 1.15) * SAMPLE_RATE)
    return sound / np.sqrt(np.mean(sound**2))
