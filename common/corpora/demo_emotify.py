"""The demo version of Emotify: music-like audio and listeners' answers, synthesised from a seed, in Emotify's layout.

A track is four chords in a loop, with a bass, noise on the beat and small random variations. How they are played
(tempo, mode, brightness, notes per beat, level, register, dissonance) depends on the track's emotion in the directions
that Juslin and Laukka (2004, Journal of New Music Research 33: 217-238) report for music; the genre sets the timbre.
Scores on it say nothing about emotions.

A track depends on (seed, its name) alone; `data.csv` always has rows of all 400 tracks, as in the corpus.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from common.corpora.emotify import EMOTIONS, ORDERS, TABLE, TRACKS_PER_GENRE, track_id
from common.files import replacing, write_text
from common.seeds import derive
from common.threads import in_threads

Floats = NDArray[np.float64]

SAMPLE_RATE = 22_050
LENGTHS_S = (31.5, 34.0, 46.5, 60.2)
"""Track lengths in seconds: two, two, three and four pieces of 15 s, each with a remainder."""

AUDIO = Path("Emotify", "emotifymusic")

# Beats per minute, major (1) or minor (0), brightness (level of a partial beside the one below it), notes per beat,
# level in dB, register in semitones, dissonance (share of a note a semitone off).
PLAYING = {
    "amazement": np.array([105.0, 1.0, 0.75, 2.0, -15.0, 7.0, 0.05]),
    "solemnity": np.array([66.0, 1.0, 0.50, 1.0, -17.0, -7.0, 0.0]),
    "tenderness": np.array([76.0, 1.0, 0.35, 1.0, -24.0, 2.0, 0.0]),
    "nostalgia": np.array([84.0, 0.5, 0.45, 1.0, -21.0, 0.0, 0.02]),
    "calmness": np.array([60.0, 1.0, 0.30, 0.5, -26.0, -2.0, 0.0]),
    "power": np.array([128.0, 0.5, 0.85, 2.0, -10.0, -5.0, 0.10]),
    "joyful_activation": np.array([136.0, 1.0, 0.70, 2.0, -14.0, 5.0, 0.02]),
    "tension": np.array([118.0, 0.0, 0.80, 4.0, -13.0, 0.0, 0.30]),
    "sadness": np.array([58.0, 0.0, 0.35, 0.5, -25.0, -4.0, 0.02]),
}
SPREAD = np.array([7.0, 0.25, 0.07, 0.0, 2.5, 2.0, 0.03])
"""Std of each value from track to track: large enough for similar emotions to be confused."""

LEAST = np.array([45.0, 0.0, 0.15, 0.25, -40.0, -12.0, 0.0])
"""Lower bound of each value: a random draw may not make the tempo or a share negative."""

COLOURS = {"classical": (0.0, 1.5), "rock": (0.12, 0.6), "electronic": (0.08, 0.3), "pop": (0.05, 0.8)}
"""For each genre: level of the noise on the beat, seconds in which a note decays to 1/e."""

CHORDS = {1: ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14)), 0: ((0, 3, 7), (8, 12, 15), (5, 8, 12), (7, 10, 14))}
"""Four chords in semitones over the key note: in major I vi IV V, in minor i VI iv v."""

PARTIALS = 8

LISTENERS = (10, 16)
"""The fewest and the most listeners of a track."""

CONVINCED = 0.7
"""Share of them who choose the track's emotion."""

AMAZING = ("classical/3", "pop/2")
"""The tracks with amazement: two, as in the document, and none of them tied."""

TIED_NUMBER = 5
"""Tracks whose number ends with this digit have a tie between two emotions."""

ANSWERED_BESIDES = ("mood", "liked", "disliked", "age", "gender", "mother tongue")


def write(folder: Path, *, tracks_per_genre: int, seed: int) -> None:
    """Write the first tracks of each genre as FLAC, and `data.csv`, below `folder`; existing tracks are kept."""
    place = folder / AUDIO
    for genre in ORDERS["corpus"]:
        (place / genre).mkdir(parents=True, exist_ok=True)
    names = [
        f"{genre}/{n}" for genre in ORDERS["corpus"] for n in range(1, min(tracks_per_genre, TRACKS_PER_GENRE) + 1)
    ]
    in_threads(
        partial(_write_track, place, seed),
        [name for name in names if not _file(place, name).is_file()],
        "synthesising demo music",
    )
    write_text(place.parent / TABLE, _table(seed))


def _file(place: Path, name: str) -> Path:
    return place / f"{name}.flac"


def _write_track(place: Path, seed: int, name: str) -> None:
    with replacing(_file(place, name)) as temporary:
        soundfile.write(temporary, synthesise(name, seed=seed), SAMPLE_RATE, format="FLAC", subtype="PCM_16")


def emotion(name: str, *, seed: int = 0) -> str:
    """Return the emotion that `<genre>/<number>` expresses: amazement for two tracks, the others equally often."""
    if name in AMAZING:
        return EMOTIONS[0]
    genre, number = name.split("/")
    # Two consecutive numbers in four genres are eight tracks: one for each of the eight other emotions.
    block, within = divmod(int(number) - 1, 2)
    drawn = np.random.default_rng(derive(seed, "demo emotions", block)).permutation(EMOTIONS[1:])
    return str(drawn[2 * ORDERS["corpus"].index(genre) + within])


def synthesise(name: str, *, seed: int = 0) -> NDArray[np.int16]:
    """Return the samples of track `<genre>/<number>`, shape (samples,), 16 bit, at `SAMPLE_RATE`."""
    rng = np.random.default_rng(derive(seed, "demo track", name))
    playing = PLAYING[emotion(name, seed=seed)] + SPREAD * rng.standard_normal(len(SPREAD))
    noise, fading_s = COLOURS[name.split("/")[0]]
    return np.rint(play(np.maximum(playing, LEAST), noise, fading_s, LENGTHS_S, rng) * 32767).astype(np.int16)


def play(
    playing: Floats, noise: float, fading_s: float, lengths_s: Sequence[float], rng: np.random.Generator
) -> Floats:
    """Return music at `SAMPLE_RATE`, shape (samples,), full scale 1 and at most 0.95.

    Args:
        playing: how it is played, in the order of `PLAYING`.
        noise: level of the noise on the beat, relative to the chords.
        fading_s: seconds in which a note decays to 1/e.
        lengths_s: its length in seconds is one of these.
        rng: of everything random.
    """
    music = _music(playing, fading_s, lengths_s, rng)
    music += noise * np.sqrt(np.mean(music**2)) * _beats(len(music), playing[0], rng)
    return music * min(10 ** (playing[4] / 20) / np.sqrt(np.mean(music**2)), 0.95 / np.abs(music).max())


def _music(playing: Floats, fading_s: float, lengths_s: Sequence[float], rng: np.random.Generator) -> Floats:
    """Return the chords, repeated note by note to the end of the track; shape (samples,)."""
    tempo, major, brightness, density, _, register, dissonance = playing
    key = 57 + register + rng.integers(-3, 4)  # around A3 (MIDI 57)
    step_s = 60 / tempo / density
    chords = [key + np.array(chord) for chord in CHORDS[int(rng.random() < major)]]
    sounds = [_chord(np.append(chord, chord[0] - 12), brightness, fading_s, dissonance) for chord in chords]
    music = np.zeros(round(rng.choice(lengths_s) * SAMPLE_RATE))
    steps_per_chord = max(round(4 * density), 1)
    for step in range(int(len(music) / SAMPLE_RATE / step_s) + 1):
        # Each note starts a few milliseconds early or late, as played by hand; the first cannot start before 0.
        start = round((step * step_s + rng.normal(0, 0.004)) * SAMPLE_RATE) if step else 0
        sound = sounds[step // steps_per_chord % len(sounds)][: max(len(music) - start, 0)]
        music[start : start + len(sound)] += rng.uniform(0.7, 1.0) * sound
    return music


def _chord(notes: Floats, brightness: float, fading_s: float, dissonance: float) -> Floats:
    """Return notes (MIDI numbers) struck together: each has partials that decay, the higher ones faster."""
    time = np.arange(round(1.2 * SAMPLE_RATE)) / SAMPLE_RATE
    struck = np.concatenate([notes, notes + 1]) if dissonance else notes
    weights = np.repeat([1.0, dissonance], len(notes))[: len(struck)]
    turning = np.exp(2j * np.pi * 440 * 2 ** ((struck[:, None] - 69) / 12) * time)
    tones, sound = np.ones_like(turning), np.zeros(len(time))
    for number in range(1, PARTIALS + 1):
        tones *= turning  # the n-th partial as a power of the first: far cheaper than another sine
        sound += brightness ** (number - 1) * (weights @ tones.imag) * np.exp(-time * number**0.5 / fading_s)
    return sound * np.minimum(np.minimum(time / 0.01, (time[-1] - time) / 0.1), 1)  # fades avoid clicks


def _beats(samples: int, tempo: float, rng: np.random.Generator) -> Floats:
    """Return a burst of noise on every beat, shape (samples,); it decays within a tenth of a second."""
    fading = np.exp(-np.arange(SAMPLE_RATE // 4) / SAMPLE_RATE / 0.03)
    burst, beats = 8 * rng.standard_normal(len(fading)) * fading, np.zeros(samples)
    for start in range(0, samples, round(60 / tempo * SAMPLE_RATE)):
        beats[start : start + len(burst)] += burst[: samples - start]
    return beats


def _table(seed: int) -> str:
    """Return `data.csv`: the corpus' header, and the answers of each listener of the 400 tracks."""
    lines = [", ".join(["track id", "genre", *EMOTIONS, *ANSWERED_BESIDES])]
    for genre in ORDERS["corpus"]:
        for number in range(1, TRACKS_PER_GENRE + 1):
            lines += _answers(genre, number, seed)
    return "\n".join(lines) + "\n"


def _answers(genre: str, number: int, seed: int) -> list[str]:
    """Return the rows of one track. Its emotion has most votes, alone or, by `TIED_NUMBER`, tied with another."""
    name = f"{genre}/{number}"
    rng = np.random.default_rng(derive(seed, "demo answers", name))
    listeners = int(rng.integers(LISTENERS[0], LISTENERS[1] + 1))
    first = EMOTIONS.index(emotion(name, seed=seed))
    chosen = np.zeros((listeners, len(EMOTIONS)), dtype=int)
    chosen[: round(CONVINCED * listeners), first] = 1
    others = rng.permutation([e for e in range(1, len(EMOTIONS)) if e != first])
    if number % 10 == TIED_NUMBER:
        chosen[:, others[0]] = chosen[::-1, first]  # as many votes, but counted from the last listener
        others = others[1:]
    # One more choice per listener, spread evenly: no other emotion can reach the first.
    chosen[np.arange(listeners), others[np.arange(listeners) % len(others)]] = 1
    besides = [rng.integers(1, 6, listeners), *(rng.integers(0, 2, listeners) for _ in "ab")]
    about = zip(*besides, rng.integers(18, 60, listeners), rng.integers(0, 2, listeners), strict=True)
    track = track_id(genre, number)
    return [",".join(map(str, [track, genre, *row, *who, "English"])) for row, who in zip(chosen, about, strict=True)]
