"""How much time does one shared spectrum save? Descriptors of emotify_features, compared with librosa.

    python benchmarks/descriptors.py [--pieces 8] [--repeats 5]

Pieces of 15 s at 22,050 Hz: synthesised music of the demo corpus with faint noise, because librosa also averages over
frames of digital silence, which we ignore. The first row has the descriptors for which librosa has a function, computed
from the waveform as its users do. The second has all 17 descriptors and the statistics of 40 MFCC, each from a spectrum
of its own. Candidates take turns; the table shows medians over the repeats, and the ratio is within each repeat.
"""

import argparse
import importlib.metadata
import statistics
import time
from collections.abc import Callable

import librosa
import numpy as np

from common.corpora import demo_emotify
from reproductions.emotify_features import descriptors
from reproductions.emotify_features.piece import Piece

RATE = descriptors.SAMPLE_RATE
SAMPLES = 15 * RATE

Candidate = Callable[[np.ndarray], np.ndarray]
"""Computes numbers from a waveform of shape (samples,)."""


def pieces_of_music(count: int) -> list[np.ndarray]:
    """Return reproducible pieces, float32 of shape (samples,)."""
    names = [f"{genre}/{n}" for n in range(1, 101) for genre in demo_emotify.COLOURS][:count]
    noise = 1e-4 * np.random.default_rng(0).standard_normal(SAMPLES)
    return [(demo_emotify.synthesise(name)[:SAMPLES] / 32768 + noise).astype(np.float32) for name in names]


def by_librosa(y: np.ndarray) -> np.ndarray:
    """Return the features for which librosa has functions, each computed from the waveform."""
    coefficients = librosa.feature.mfcc(y=y, sr=RATE, n_mfcc=descriptors.N_MFCC)
    return np.array(
        [
            len(librosa.onset.onset_detect(y=y, sr=RATE, units="frames")) / (len(y) / RATE),
            librosa.feature.tempo(y=y, sr=RATE)[0],
            np.count_nonzero(librosa.zero_crossings(y, pad=False)) / (len(y) / RATE),
            librosa.feature.spectral_rolloff(y=y, sr=RATE, roll_percent=descriptors.ROLLOFF).mean(),
            librosa.feature.spectral_centroid(y=y, sr=RATE).mean(),
            librosa.feature.spectral_bandwidth(y=y, sr=RATE).mean(),
            librosa.feature.spectral_flatness(y=y).mean(),
            *coefficients.mean(axis=1),
            *coefficients.std(axis=1),
        ]
    )


COMPARABLE = (
    descriptors.event_density,
    descriptors.tempo,
    descriptors.zero_crossings,
    descriptors.rolloff,
    descriptors.centroid,
    descriptors.spread,
    descriptors.flatness,
)


def comparable(y: np.ndarray) -> np.ndarray:
    """Return the same features from one spectrum."""
    piece = Piece(y, RATE)
    return np.array([*(of(piece) for of in COMPARABLE), *descriptors.mfcc_statistics(piece)])


def everything(y: np.ndarray) -> np.ndarray:
    """Return all descriptors and the statistics of the MFCC from one spectrum."""
    piece = Piece(y, RATE)
    return np.array([*(of(piece) for of in descriptors.DESCRIPTORS), *descriptors.mfcc_statistics(piece)])


def one_by_one(y: np.ndarray) -> np.ndarray:
    """Return the same features, each from a spectrum of its own."""
    each = [of(Piece(y, RATE)) for of in descriptors.DESCRIPTORS]
    return np.array([*each, *descriptors.mfcc_statistics(Piece(y, RATE))])


def seconds(candidate: Candidate, pieces: list[np.ndarray]) -> float:
    """Return the seconds of one pass over all pieces."""
    started = time.perf_counter()
    for piece in pieces:
        candidate(piece)
    return time.perf_counter() - started


def compare(title: str, ours: Candidate, theirs: Candidate, pieces: list[np.ndarray], repeats: int) -> None:
    """Measure two candidates in turns and print a line."""
    values, others = (np.stack([candidate(piece) for piece in pieces]) for candidate in (ours, theirs))
    apart = np.max(np.abs(values - others) / np.maximum(np.abs(others).max(axis=0), 1e-9))
    # In turns: a change in the machine's load then affects both, and the ratio less.
    pairs = [(seconds(ours, pieces), seconds(theirs, pieces)) for _ in range(repeats)]
    own, other = (1000 * statistics.median(taken) / len(pieces) for taken in zip(*pairs, strict=True))
    ratio = statistics.median(their / our for our, their in pairs)
    print(f"{title:38} {own:7.1f} {other:9.1f} {ratio:7.2f}   {apart:.1g}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pieces", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    pieces = pieces_of_music(chosen.pieces)
    print(f"{chosen.pieces} pieces of 15 s, {chosen.repeats} repeats; librosa {importlib.metadata.version('librosa')}")
    print(f"{'ms per piece':38} {'shared':>7} {'separate':>9} {'ratio':>7}   largest difference / largest value")
    compare("7 descriptors and MFCC, by librosa", comparable, by_librosa, pieces, chosen.repeats)
    compare("17 descriptors and MFCC", everything, one_by_one, pieces, chosen.repeats)


if __name__ == "__main__":
    main()
