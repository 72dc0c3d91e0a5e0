"""95 % confidence intervals of scores, and intervals and tests for differences.

Proportions over independent clips (accuracy, recall, precision) have Wilson's interval (Wilson 1927, J. Am. Stat.
Assoc. 22); macro and weighted means and F1 have a percentile bootstrap interval, PR-AUC that of the basic bootstrap
(`common.tasks.tagging`). If clips share speakers, everything is bootstrapped over speakers. If there are too few
speakers for that (with one, all resamples are equal), intervals are over clips, and `method` says so. If all resamples
of a score are equal, `open_ended` widens its interval. Differences of proportions have Newcombe's hybrid score interval
(Newcombe 1998, Stat. Med. 17, method 10), differences of other scores its generalisation (Zou & Donner 2008, Stat. Med.
27).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

CONFIDENCE = 0.95
Z = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution, as scipy has it."""
PERCENTILES = (50 - 50 * CONFIDENCE, 50 + 50 * CONFIDENCE)
RESAMPLES = 2000
FEWEST_GROUPS = 5
"""With fewer groups than this, a bootstrap says little about the width of an interval; the number is a choice."""
ROUNDING = 1e-9
"""Resamples that differ by less than this are equal but for rounding."""
Interval = tuple[float, float]
Score = dict[str, Any]
"""`value`, its 95 % `interval`, `n` clips, and the `method` of the interval."""


def wilson(proportion: float, n: float) -> Interval:
    """Return Wilson's score interval of a proportion of n clips; (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    centre = proportion + Z**2 / (2 * n)
    half = Z * math.sqrt(proportion * (1 - proportion) / n + Z**2 / (4 * n**2))
    scale = 1 + Z**2 / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def difference_interval(first: float, of_first: Interval, second: float, of_second: Interval) -> Interval:
    """Return the interval of `first - second` from the intervals of two independent estimates (Zou & Donner 2008)."""
    # Square and add: the lower end of a difference combines the first's lower and the second's upper distance.
    difference = first - second
    low = difference - math.hypot(first - of_first[0], of_second[1] - second)
    high = difference + math.hypot(of_first[1] - first, second - of_second[0])
    return low, high


def newcombe(first: float, n_first: float, second: float, n_second: float) -> Interval:
    """Return Newcombe's hybrid score interval of the difference of two independent proportions."""
    return difference_interval(first, wilson(first, n_first), second, wilson(second, n_second))


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two classifiers on the same clips: how often only one is right, and the exact two-sided p."""

    only_first: int
    only_second: int
    p: float


def mcnemar(first_correct: np.ndarray, second_correct: np.ndarray) -> McNemar:
    """Compare two runs on the same clips by McNemar's exact test.

    Args:
        first_correct: booleans (clips,), whether the first run is right.
        second_correct: booleans (clips,) of the second run, in the same order.
    """
    from scipy import stats  # here and not above: it takes a second to import, and most commands need none of it

    first, second = np.asarray(first_correct, dtype=bool), np.asarray(second_correct, dtype=bool)
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    discordant = only_first + only_second
    p = float(stats.binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0
    return McNemar(only_first, only_second, p)


def paired_difference(first_correct: np.ndarray, second_correct: np.ndarray, *, seed: int = 0) -> Interval:
    """Return the bootstrap interval (over clips) of the difference in accuracy of two runs on the same clips.

    Args:
        first_correct: booleans (clips,), whether the first run is right.
        second_correct: booleans (clips,) of the second run, in the same order; the difference is first - second.
        seed: of the bootstrap.
    """
    # Resampling clips is a multinomial draw of how many are right in only the first, only the second, or neither.
    result, n = mcnemar(first_correct, second_correct), len(first_correct)
    shares = np.array([result.only_first, result.only_second, n - result.only_first - result.only_second]) / n
    draws = np.random.default_rng(seed).multinomial(n, shares, size=RESAMPLES)
    return open_ended(shares[0] - shares[1], percentiles((draws[:, 0] - draws[:, 1]) / n), n, lowest=-1.0)


def mean_interval(values: Sequence[float]) -> Interval:
    """Return Student's interval of the mean of at least two values, such as one difference per seed."""
    from scipy import stats

    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, len(values) - 1) * stats.sem(values))
    mean = float(np.mean(values))
    return mean - half, mean + half


def drawn_over(groups: Sequence[str] | np.ndarray | None) -> tuple[np.ndarray | None, str]:
    """Return the groups to resample, or None for clips, and the description of that for `method`.

    With fewer than `FEWEST_GROUPS` groups, clips are resampled, and the description says why.
    """
    if groups is None:
        return None, "clips"
    groups = np.asarray(groups, dtype=str)
    n = len(np.unique(groups))
    if n >= FEWEST_GROUPS:
        return groups, f"{n} groups"
    return None, f"clips: {n} {'group is' if n == 1 else 'groups are'} too few to draw"


def mean_score(
    values: np.ndarray,
    *,
    groups: Sequence[str] | np.ndarray | None = None,
    proportion: bool = False,
    seed: int = 0,
) -> Score:
    """Return the mean of one number per clip, such as its cross-entropy, as a `Score`.

    Args:
        values: one per clip (clips,).
        groups: one value per clip, such as its speaker. The interval is then bootstrapped over groups, if there are at
            least `FEWEST_GROUPS`; else over clips.
        proportion: whether the values are hits, 0 or 1; over clips, their mean has Wilson's interval.
        seed: of the bootstrap.
    """
    groups, over = drawn_over(groups)
    value, n = float(np.mean(values)), len(values)
    if proportion and groups is None:
        return {"value": value, "interval": list(wilson(value, n)), "n": n, "method": wilson_over(over)}
    members = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    # A resample is how often each group is drawn; sums and sizes of groups then give the mean without the clips.
    sums, sizes = np.bincount(members, values), np.bincount(members)
    draws = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=RESAMPLES)
    interval = percentiles((draws @ sums) / (draws @ sizes))
    if proportion:  # other means may have any value
        interval = open_ended(value, interval, len(sums))
    return {"value": value, "interval": list(interval), "n": n, "method": f"bootstrap over {over}"}


def open_ended(value: float | np.ndarray, interval: Interval | np.ndarray, n: int, *, lowest: float = 0.0) -> Interval:
    """Return the interval of a score between 0 and 1, or a wider one if all resamples have the same value.

    Such a bootstrap has seen no clip (or group) with another value, as if none could be. Of n without one, Wilson's
    interval bounds their share; in the wider interval they have the worst and the best value.

    Args:
        value: the score; NaN if it is undefined.
        interval: of the bootstrap, low and high (2,).
        n: number of what was drawn, clips or groups; for the score of a class, of those that it depends on.
        lowest: the worst value; -1 for the difference of two scores.
    """
    low, high = map(float, interval)
    if not (high - low < ROUNDING and lowest <= value <= 1):  # all are NaN where a score is undefined
        return low, high
    share = 1 - wilson(1.0, n)[0]
    return float(value - share * (value - lowest)), float(value + share * (1 - value))


def wilson_over(over: str) -> str:
    """Return the `method` of Wilson's interval, which is always over clips; `over` may add why not over groups."""
    return "Wilson" + over.removeprefix("clips")


def percentiles(draws: np.ndarray) -> Interval:
    """Return the 2.5th and the 97.5th percentile of resampled values (resamples,)."""
    # A resample without any clip of a class has no score of that class (NaN).
    low, high = np.nanpercentile(draws, PERCENTILES)
    return float(low), float(high)
