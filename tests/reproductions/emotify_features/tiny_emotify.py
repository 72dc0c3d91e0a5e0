"""Emotify with ten short songs of noise in each genre, and the whole table of listeners."""

from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from common.corpora import emotify
from reproductions.emotify_features import CLASSES

NUMBERS = range(1, 11)
"""Numbers of the songs of each genre that lie on the disk."""

SECONDS = 47
"""Of a song: three pieces and a remainder."""

SAMPLE_RATE = 1000
AMAZING = (7, 107)
TIED = (3, 103, 203, 303)


def emotion_of(track: int) -> str:
    return CLASSES[(track // 2) % len(CLASSES)]


def answers(track: int) -> list[set[str]]:
    """Return what the two listeners of a track chose."""
    if track in AMAZING:
        return [{"amazement"}, {"amazement"}]
    if track in TIED:
        return [{"calmness"}, {"tension"}]
    return [{emotion_of(track)}, {emotion_of(track)}]


def write(folder: Path) -> Path:
    """Write songs and table, and return the folder."""
    rng = np.random.default_rng(0)
    lines = [", ".join(["track id", "genre", *emotify.EMOTIONS])]
    for genre in emotify.ORDERS["corpus"]:
        place = folder / "emotifymusic" / genre
        place.mkdir(parents=True)
        for number in NUMBERS:
            noise = rng.normal(0, 0.1, SECONDS * SAMPLE_RATE)
            soundfile.write(place / f"{number}.wav", noise, SAMPLE_RATE)
        for number in range(1, emotify.TRACKS_PER_GENRE + 1):
            track = emotify.track_id(genre, number)
            for chosen in answers(track):
                lines.append(f"{track},{genre}," + ",".join(str(int(e in chosen)) for e in emotify.EMOTIONS))
    undecided = "1,classical," + ",".join("0" for _ in emotify.EMOTIONS)
    lines += [undecided] * (emotify.ROWS + 1 - len(lines))
    (folder / emotify.TABLE).write_text("\n".join(lines) + "\n")
    return folder


def features(pieces: pd.DataFrame) -> np.ndarray:
    """Return 17 features that depend on the song and the offset, float32 (pieces, 17)."""
    seeds = [len(Path(path).parent.name) * 1000 + int(Path(path).stem) for path in pieces["path"]]
    drawn = [np.random.default_rng(seed).normal(size=17) for seed in seeds]
    return (np.array(drawn) + pieces["offset"].to_numpy()[:, np.newaxis] / 100).astype(np.float32)
