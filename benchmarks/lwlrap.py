"""Speed of lwlrap: vectorised as here, one sample after the other as in DCASE 2019's own evaluation, and scikit-learn.

python benchmarks/lwlrap.py
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
from sklearn.metrics import label_ranking_average_precision_score

from common.tasks.tagging import label_precisions

TAGS, ROUNDS = 80, 9
CLIPS = (506, 4481)
"""The validation set of document 003, and the test set of FSDKaggle2019."""


def by_sample(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Return lwlrap from the precision at the rank of each tag, of one clip after the other."""
    precisions = np.zeros(targets.shape)
    for row, (true, said) in enumerate(zip(targets > 0, outputs, strict=True)):
        order = np.argsort(-said, kind="stable")
        rank = np.empty(len(order), int)
        rank[order] = np.arange(len(order))
        precisions[row, true] = np.cumsum(true[order])[rank[true]] / (1 + rank[true])
    return float(precisions.sum() / targets.sum())


def vectorised(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Return lwlrap as it is computed here."""
    return float(label_precisions(targets, outputs).sum() / targets.sum())


def by_scikit_learn(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Return scikit-learn's value, weighted by the number of tags."""
    return float(label_ranking_average_precision_score(targets, outputs, sample_weight=targets.sum(axis=1)))


def main() -> None:
    """Measure in turns and print the medians."""
    draw = np.random.default_rng(0)
    ways: tuple[Callable[[np.ndarray, np.ndarray], float], ...] = (vectorised, by_sample, by_scikit_learn)
    for clips in CLIPS:
        targets = np.eye(TAGS)[draw.integers(TAGS, size=clips)] + (draw.random((clips, TAGS)) < 0.002)
        targets, outputs = np.minimum(targets, 1).astype(np.float32), draw.random((clips, TAGS), np.float32)
        took: dict[str, list[float]] = {way.__name__: [] for way in ways}
        for _ in range(ROUNDS):
            values = []
            for way in ways:
                began = time.perf_counter()
                values.append(way(targets, outputs))
                took[way.__name__].append(time.perf_counter() - began)
            np.testing.assert_allclose(values, values[0], rtol=1e-5)
        first = statistics.median(took["vectorised"])
        for name, seconds in took.items():
            median = statistics.median(seconds)
            print(f"{clips} clips, {name:16} {1000 * median:8.2f} ms, {median / first:6.1f} times ours")


if __name__ == "__main__":
    main()
