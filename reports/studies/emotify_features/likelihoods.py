"""How well confusion matrices of ours explain a printed one."""

from collections.abc import Mapping, Sequence

import numpy as np

SMOOTHING = 0.5
"""Items added to each cell, so that what never happened to us is not impossible."""


def expected(confusions: Sequence[np.ndarray], like: np.ndarray | None = None) -> np.ndarray:
    """Return how each class is answered, (true, predicted): mean counts of several runs as shares of their rows.

    Args:
        confusions: integers (true, predicted) of each run.
        like: counts as of one more run, towards which few runs are drawn.
    """
    counts = np.mean([*confusions, *([] if like is None else [like])], axis=0) + SMOOTHING
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def log_likelihood(matrix: np.ndarray, shares: np.ndarray, *, errors: bool = False) -> float:
    """Return the logarithm of the likelihood of a matrix' counts, given its row totals.

    Args:
        matrix: integers (true, predicted).
        shares: as `expected` returns them.
        errors: only how wrong answers are spread, whatever the share of right ones.
    """
    return float((matrix * _logarithms(shares, errors=errors)).sum())


def log_ratio(
    matrix: np.ndarray, first: Sequence[np.ndarray], other: Sequence[np.ndarray], *, errors: bool = False
) -> float:
    """Return how much likelier the first runs make a matrix than the others, as a natural logarithm.

    Args:
        matrix: integers (true, predicted).
        first: integers (true, predicted) of each run.
        other: the same of other runs.
        errors: as in `log_likelihood`.
    """
    one, another = (log_likelihood(matrix, expected(runs), errors=errors) for runs in (first, other))
    return one - another


def _logarithms(shares: np.ndarray, *, errors: bool) -> np.ndarray:
    """Return the logarithms of shares; of those among the errors, and 0 for right answers, if these do not count."""
    if not errors:
        return np.asarray(np.log(shares))
    right = np.eye(len(shares), dtype=bool)
    among = np.where(right, 0, shares)
    return np.asarray(np.log(np.where(right, 1, among / among.sum(axis=1, keepdims=True))))


def chi_square(matrix: np.ndarray, shares: np.ndarray) -> float:
    """Return Pearson's distance of a matrix' counts from those expected with its row totals."""
    counts = matrix.sum(axis=1, keepdims=True) * shares
    return float((np.square(matrix - counts) / counts).sum())


def own_distances(confusions: Sequence[np.ndarray]) -> list[float]:
    """Return the distance of each run of ours from what the others make expected."""
    others = [[one for one in confusions if one is not left] for left in confusions]
    return [chi_square(left, expected(rest)) for left, rest in zip(confusions, others, strict=True)]


def likeliest(matrix: np.ndarray, ways: Mapping[str, list[np.ndarray]], *, errors: bool = False) -> dict[str, float]:
    """Return the log likelihood of a matrix under each way, the best first.

    A way is expected to be as its runs are, and a little as those of all ways: few runs tell little of rare answers.
    """
    pooled = _pooled(ways)
    found = {name: log_likelihood(matrix, expected(runs, like=pooled), errors=errors) for name, runs in ways.items()}
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def _pooled(ways: Mapping[str, list[np.ndarray]]) -> np.ndarray:
    return np.asarray(np.mean([run for runs in ways.values() for run in runs], axis=0))


def own_places(ways: Mapping[str, list[np.ndarray]], *, errors: bool = False) -> list[tuple[int, float]]:
    """Return where each of our own runs finds its own way, the run itself left out of it.

    Returns:
        For each run the place of its way by likelihood, from 1, and how far that lies behind the best.
    """
    pooled = _pooled(ways)
    every = np.stack([_logarithms(expected(runs, like=pooled), errors=errors) for runs in ways.values()])
    found = []
    for place, runs in enumerate(ways.values()):
        for left in runs:
            likely = (every * left).sum(axis=(1, 2))
            rest = expected([one for one in runs if one is not left], like=pooled)
            likely[place] = log_likelihood(left, rest, errors=errors)
            found.append((1 + int((likely > likely[place]).sum()), float(likely.max() - likely[place])))
    return found
