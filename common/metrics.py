"""Metrics of a classification with their 95 % intervals, and intervals and tests for differences.

Proportions over clips (accuracy, recall, precision) have Wilson's interval (Wilson 1927, J. Am. Stat. Assoc. 22) as
long as clips are independent; macro and weighted means and F1 have a percentile bootstrap. Where clips share a speaker,
everything is bootstrapped over speakers, unless these are too few to draw (of one, every draw is the same): then
intervals are those of the clips alone, and their method says so. Differences of proportions have Newcombe's hybrid
score interval (Newcombe 1998, Stat. Med. 17, method 10), differences of other scores its generalisation (Zou & Donner
2008, Stat. Med. 27).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
Z = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
PERCENTILES = (50 - 50 * CONFIDENCE, 50 + 50 * CONFIDENCE)
RESAMPLES = 2000
FEWEST_GROUPS = 5
"""Drawing fewer groups than this says little of how wide an interval should be; how many are enough is a choice."""
EPSILON = 1e-7
"""What probabilities are kept away from 0 and 1 by, as in Keras."""
Interval = tuple[float, float]
Score = dict[str, Any]
"""`value`, its 95 % `interval`, `n` clips, and the `method` of the interval."""


def wilson(proportion: float, n: float) -> Interval:
    """Return Wilson's score interval of a proportion of n; n = 0 knows nothing: (0, 1)."""
    if n == 0:
        return 0.0, 1.0
    centre = proportion + Z**2 / (2 * n)
    half = Z * math.sqrt(proportion * (1 - proportion) / n + Z**2 / (4 * n**2))
    scale = 1 + Z**2 / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def difference_interval(first: float, of_first: Interval, second: float, of_second: Interval) -> Interval:
    """Return the interval of `first - second` from the intervals of two independent estimates (square and add)."""
    difference = first - second
    low = difference - math.hypot(first - of_first[0], of_second[1] - second)
    high = difference + math.hypot(of_first[1] - first, second - of_second[0])
    return low, high


def newcombe(first: float, n_first: float, second: float, n_second: float) -> Interval:
    """Return Newcombe's hybrid score interval of the difference of two independent proportions."""
    return difference_interval(first, wilson(first, n_first), second, wilson(second, n_second))


@dataclass(frozen=True)
class McNemar:
    """Two classifiers on the same clips: how often only one is right, and the exact two-sided p of that."""

    only_first: int
    only_second: int
    p: float


def mcnemar(first_correct: np.ndarray, second_correct: np.ndarray) -> McNemar:
    """Compare two runs on the same clips by McNemar's exact test.

    Args:
        first_correct: booleans (clips,), whether the first run is right.
        second_correct: the same clips in the same order for the second run.
    """
    first, second = np.asarray(first_correct, dtype=bool), np.asarray(second_correct, dtype=bool)
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    discordant = only_first + only_second
    p = float(stats.binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0
    return McNemar(only_first, only_second, p)


def paired_difference(first_correct: np.ndarray, second_correct: np.ndarray, *, seed: int = 0) -> Interval:
    """Return the bootstrap interval (over clips) of the difference in accuracy of two runs on the same clips.

    Args:
        first_correct: booleans (clips,), whether the first run is right.
        second_correct: the same clips in the same order for the second run; the difference is first - second.
        seed: of the bootstrap.
    """
    result, n = mcnemar(first_correct, second_correct), len(first_correct)
    shares = np.array([result.only_first, result.only_second, n - result.only_first - result.only_second]) / n
    draws = np.random.default_rng(seed).multinomial(n, shares, size=RESAMPLES)
    return _percentiles((draws[:, 0] - draws[:, 1]) / n)


def mean_interval(values: Sequence[float]) -> Interval:
    """Return Student's interval of the mean of at least two values, such as one difference per seed."""
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, len(values) - 1) * stats.sem(values))
    mean = float(np.mean(values))
    return mean - half, mean + half


def classification(
    true: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    classes: Sequence[str],
    *,
    groups: Sequence[str] | np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Score predictions as the record keeps them: `metrics`, `per_class`, `confusion`.

    Means are over the classes that the clips have. A class without clips has null scores and support 0; a class that
    is never predicted has precision 0.

    Args:
        true: class numbers (clips,).
        predicted: class numbers (clips,).
        classes: names in the order of the numbers.
        groups: what clips share (a speaker); if given, every interval is bootstrapped over groups, where there are at
            least `FEWEST_GROUPS` of them.
        seed: of the bootstrap.

    Returns:
        Values, intervals and counts as plain Python numbers; the confusion has true classes as rows.
    """
    groups, over = _drawn_over(groups)
    counts = group_confusions(true, predicted, len(classes), groups)
    confusion = counts.sum(axis=0)
    draws = _scores(_resampled(counts, by_group=groups is not None, seed=seed))
    values = _scores(confusion[None])
    return {
        "metrics": _overall(values, draws, confusion, over, exact=groups is None),
        "per_class": _per_class(values, draws, confusion, classes, exact=groups is None),
        "confusion": confusion.tolist(),
    }


def _drawn_over(groups: Sequence[str] | np.ndarray | None) -> tuple[np.ndarray | None, str]:
    """Return the groups to draw, None for clips, and in words over what: `clips`, and why if not over the groups."""
    if groups is None:
        return None, "clips"
    groups = np.asarray(groups, dtype=str)
    n = len(np.unique(groups))
    if n >= FEWEST_GROUPS:
        return groups, f"{n} groups"
    return None, f"clips: {n} {'group is' if n == 1 else 'groups are'} too few to draw"


def cross_entropy(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the categorical cross-entropy of each clip in nats, as Keras computes it.

    Args:
        targets: one-hot (clips, classes).
        probabilities: (clips, classes).
    """
    of_the_true = (targets * probabilities).sum(axis=1, dtype=np.float64)
    return -np.log(np.clip(of_the_true, EPSILON, 1 - EPSILON))


def mean_score(
    values: np.ndarray,
    *,
    groups: Sequence[str] | np.ndarray | None = None,
    proportion: bool = False,
    seed: int = 0,
) -> Score:
    """Return the mean of a number per clip, such as its cross-entropy, as the record keeps a metric.

    Args:
        values: one per clip (clips,).
        groups: what clips share (a speaker); if given, the interval is bootstrapped over groups, where there are at
            least `FEWEST_GROUPS` of them, else over clips.
        proportion: the values are hits, 0 or 1: over clips, their mean has Wilson's interval.
        seed: of the bootstrap.
    """
    groups, over = _drawn_over(groups)
    value, n = float(np.mean(values)), len(values)
    if proportion and groups is None:
        return {"value": value, "interval": list(wilson(value, n)), "n": n, "method": _wilson_over(over)}
    members = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(members, values), np.bincount(members)
    draws = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=RESAMPLES)
    interval = list(_percentiles((draws @ sums) / (draws @ sizes)))
    return {"value": value, "interval": interval, "n": n, "method": f"bootstrap over {over}"}


def _wilson_over(over: str) -> str:
    """Return the method of Wilson's interval, which is always over clips, with the reason in `over` if it has one."""
    return "Wilson" + over.removeprefix("clips")


def baselines(confusion: Sequence[Sequence[int]] | np.ndarray) -> dict[str, float]:
    """Return the accuracies of knowing nothing of the clips: `majority`, always the commonest class; `chance`.

    Args:
        confusion: counts, true classes as rows; a class without clips counts for chance like the others.
    """
    support = np.asarray(confusion).sum(axis=1)
    return {"majority": float(support.max() / support.sum()), "chance": 1 / len(support)}


def group_confusions(
    true: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    n_classes: int,
    groups: Sequence[str] | np.ndarray | None = None,
) -> np.ndarray:
    """Count confusions per group: integers (groups, true classes, predicted classes); one group if none are given."""
    true, predicted = np.asarray(true, dtype=int), np.asarray(predicted, dtype=int)
    if groups is None:
        names, member = np.zeros(1), np.zeros(len(true), dtype=int)
    else:
        names, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    counts = np.zeros((len(names), n_classes, n_classes), dtype=int)
    np.add.at(counts, (member, true, predicted), 1)
    return counts


def bootstrap_difference(
    first: np.ndarray, second: np.ndarray, score: str = "accuracy", *, by_group: bool = False, seed: int = 0
) -> Interval:
    """Return the bootstrap interval of a score's difference between two *independent* sets of predictions.

    Args:
        first: confusions (groups, classes, classes) as `group_confusions` counts them.
        second: the same for the other predictions.
        score: `accuracy`, or `macro_` or `weighted_` with `precision`, `recall` or `f1`.
        by_group: resample groups; otherwise clips.
        seed: of the bootstrap.
    """
    one = _scores(_resampled(first, by_group=by_group, seed=seed))[score]
    other = _scores(_resampled(second, by_group=by_group, seed=seed + 1))[score]
    return _percentiles(one - other)


def _resampled(counts: np.ndarray, *, by_group: bool, seed: int) -> np.ndarray:
    """Draw confusions (resamples, classes, classes).

    Resampling clips with replacement is a multinomial draw over the cells; resampling groups is one over the groups.
    """
    draw = np.random.default_rng(seed)
    groups, size, _ = counts.shape
    if by_group:
        weights = draw.multinomial(groups, np.full(groups, 1 / groups), size=RESAMPLES)
        return (weights @ counts.reshape(groups, -1)).reshape(-1, size, size)
    cells = counts.sum(axis=0).ravel()
    return draw.multinomial(cells.sum(), cells / cells.sum(), size=RESAMPLES).reshape(-1, size, size)


def _scores(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """Score confusions (draws, classes, classes): per class (draws, classes), NaN without clips; means (draws,)."""
    hits = np.diagonal(confusions, axis1=1, axis2=2).astype(float)
    support, guesses = confusions.sum(axis=2), confusions.sum(axis=1)
    present = support > 0
    per_class = {
        "precision": np.where(present, hits / np.maximum(guesses, 1), np.nan),
        "recall": np.where(present, hits / np.maximum(support, 1), np.nan),
        "f1": np.where(present, 2 * hits / np.maximum(guesses + support, 1), np.nan),
    }
    means = {"accuracy": hits.sum(axis=1) / support.sum(axis=1)}
    for name, scores in per_class.items():
        means[f"macro_{name}"] = np.nansum(scores, axis=1) / present.sum(axis=1)
        means[f"weighted_{name}"] = np.nansum(scores * support, axis=1) / support.sum(axis=1)
    return per_class | means


def _overall(
    values: dict[str, np.ndarray], draws: dict[str, np.ndarray], confusion: np.ndarray, over: str, *, exact: bool
) -> dict[str, Any]:
    n, method = int(confusion.sum()), f"bootstrap over {over}"
    names = [
        "accuracy",
        *(f"{mean}_{score}" for mean in ("macro", "weighted") for score in ("f1", "precision", "recall")),
    ]
    overall = {
        name: {"value": float(values[name][0]), "interval": list(_percentiles(draws[name])), "n": n, "method": method}
        for name in names
    }
    for name in ("accuracy", "weighted_recall") if exact else ():  # the same proportion under two names
        overall[name] |= {"interval": list(wilson(float(values[name][0]), n)), "method": _wilson_over(over)}
    return overall


def _per_class(
    values: dict[str, np.ndarray],
    draws: dict[str, np.ndarray],
    confusion: np.ndarray,
    classes: Sequence[str],
    *,
    exact: bool,
) -> dict[str, dict[str, Any]]:
    trials = {"precision": confusion.sum(axis=0), "recall": confusion.sum(axis=1)}
    rows: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(classes):
        support = int(confusion[number].sum())
        row: dict[str, Any] = {"support": support}
        for score in ("precision", "recall", "f1"):
            value = float(values[score][0, number])
            if support == 0:
                row |= {score: None, f"{score}_interval": None}
                continue
            if exact and score in trials:
                interval = wilson(value, int(trials[score][number]))
            else:
                interval = _percentiles(draws[score][:, number])
            row |= {score: value, f"{score}_interval": list(interval)}
        rows[name] = row
    return rows


def _percentiles(draws: np.ndarray) -> Interval:
    low, high = np.nanpercentile(draws, PERCENTILES)
    return float(low), float(high)
