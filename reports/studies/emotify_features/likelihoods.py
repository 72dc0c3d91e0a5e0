"""How well our confusion matrices explain a published one."""

from collections.abc import Mapping, Sequence

import numpy as np

SMOOTHING = 0.5
"""Items added to each cell, so that an answer that our runs never gave has a probability above 0."""


def expected(confusions: Sequence[np.ndarray], like: np.ndarray | None = None) -> np.ndarray:
    """Return the expected answers to each class, (true, predicted): mean counts of several runs as shares of the rows.

    Args:
        confusions: integers (true, predicted) of each run.
        like: counts that are averaged in as one more run, a prior that matters most for few runs.
    """
    counts = np.mean([*confusions, *([] if like is None else [like])], axis=0) + SMOOTHING
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def log_likelihood(matrix: np.ndarray, shares: np.ndarray, *, errors: bool = False) -> float:
    """Return the log likelihood of a matrix' counts, given its row totals.

    Args:
        matrix: integers (true, predicted).
        shares: as `expected` returns them.
        errors: count only how errors are distributed, not how many answers are right.
    """
    return float((matrix * _logarithms(shares, errors=errors)).sum())


def log_ratio(
    matrix: np.ndarray, first: Sequence[np.ndarray], other: Sequence[np.ndarray], *, errors: bool = False
) -> float:
    """Return the log likelihood ratio (natural logarithm) of a matrix under the first runs and the others.

    Args:
        matrix: integers (true, predicted).
        first: integers (true, predicted) of each run.
        other: the same of other runs.
        errors: as in `log_likelihood`.
    """
    one, another = (log_likelihood(matrix, expected(runs), errors=errors) for runs in (first, other))
    return one - another


def _logarithms(shares: np.ndarray, *, errors: bool) -> np.ndarray:
    """Return the logarithms of shares; with `errors`, of the shares among the errors, and 0 for right answers."""
    if not errors:
        return np.asarray(np.log(shares))
    right = np.eye(len(shares), dtype=bool)
    among = np.where(right, 0, shares)
    return np.asarray(np.log(np.where(right, 1, among / among.sum(axis=1, keepdims=True))))


def chi_square(matrix: np.ndarray, shares: np.ndarray) -> float:
    """Return Pearson's chi square of a matrix' counts, given its row totals."""
    counts = matrix.sum(axis=1, keepdims=True) * shares
    return float((np.square(matrix - counts) / counts).sum())


def own_distances(confusions: Sequence[np.ndarray]) -> list[float]:
    """Return the chi square of each of our runs, where the others give the expected counts."""
    return [chi_square(left, expected([one for one in confusions if one is not left])) for left in confusions]


def likeliest(matrix: np.ndarray, ways: Mapping[str, list[np.ndarray]], *, errors: bool = False) -> dict[str, float]:
    """Return the log likelihood of a matrix under each way, as the difference to the best, which is 0 and comes first.

    The mean of all ways is averaged in as one more run, because few runs say little about rare answers.
    """
    pooled = _pooled(ways)
    found = {name: log_likelihood(matrix, expected(runs, like=pooled), errors=errors) for name, runs in ways.items()}
    best = max(found.values())
    return {name: found[name] - best for name in sorted(found, key=lambda name: -found[name])}


def _pooled(ways: Mapping[str, list[np.ndarray]]) -> np.ndarray:
    return np.asarray(np.mean([run for runs in ways.values() for run in runs], axis=0))


def own_places(ways: Mapping[str, list[np.ndarray]], *, errors: bool = False) -> list[tuple[int, float]]:
    """Return at which place each of our runs finds its own way; the run itself is left out of that way's mean.

    Returns:
        For each run the place of its way by likelihood, from 1, and the log likelihood by which the best is ahead.
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
