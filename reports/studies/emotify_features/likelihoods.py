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
    logarithms = np.log(shares)
    if errors:
        right = np.eye(len(shares), dtype=bool)
        among = np.where(right, 0, shares)
        logarithms = np.log(np.where(right, 1, among / among.sum(axis=1, keepdims=True)))
    return float((matrix * logarithms).sum())


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


def chi_square(matrix: np.ndarray, shares: np.ndarray) -> float:
    """Return Pearson's chi square of a matrix' counts, given its row totals."""
    counts = matrix.sum(axis=1, keepdims=True) * shares
    return float((np.square(matrix - counts) / counts).sum())


def own_distances(confusions: Sequence[np.ndarray]) -> list[float]:
    """Return the chi square of each of our runs, where the others give the expected counts."""
    return [chi_square(left, expected([one for one in confusions if one is not left])) for left in confusions]


def likeliest(
    matrix: np.ndarray,
    ways: Mapping[str, Sequence[np.ndarray]],
    *,
    errors: bool = False,
    like: np.ndarray | None = None,
) -> dict[str, float]:
    """Return the log likelihood of a matrix under each way, as the difference to the best, which is 0 and comes first.

    Args:
        matrix: integers (true, predicted).
        ways: integers (true, predicted) of the runs of each way.
        errors: as in `log_likelihood`.
        like: counts that are averaged in as one more run, because few runs say little about rare answers; the mean of
            all ways if None.
    """
    like = _pooled(ways) if like is None else like
    found = {name: log_likelihood(matrix, expected(runs, like=like), errors=errors) for name, runs in ways.items()}
    best = max(found.values())
    return {name: found[name] - best for name in sorted(found, key=lambda name: -found[name])}


def _pooled(ways: Mapping[str, Sequence[np.ndarray]]) -> np.ndarray:
    return np.asarray(np.mean([run for runs in ways.values() for run in runs], axis=0))


def own_places(ways: Mapping[str, Sequence[np.ndarray]], *, errors: bool = False) -> list[tuple[int, float]]:
    """Return at which place each of our runs finds its own way; the run itself is left out of that way's mean.

    Returns:
        For each run the place of its way by likelihood, from 1, and the log likelihood by which the best is ahead.
    """
    pooled, found = _pooled(ways), []
    for name, runs in ways.items():
        for left in runs:
            others = {**ways, name: [run for run in runs if run is not left]}
            likely = likeliest(left, others, errors=errors, like=pooled)
            found.append((1 + list(likely).index(name), -likely[name]))
    return found
