"""What a protocol or a switch changes in the headline metric, seed by seed, and differences of two groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.intervals import (
    Interval,
    McNemar,
    Score,
    difference_interval,
    mcnemar,
    mean_interval,
    mean_score,
    open_ended,
    paired_difference,
    percentiles,
)
from common.published.comparability import has_random_weights, set_in_words
from reports.means import distinct_of, draws, groups_of, with_spread_of_seeds
from reports.results import Group, Result, Run

FEW = 30
"""Fewer songs or speakers than this have Student's interval."""


@dataclass(frozen=True)
class PairedRun:
    """The headline scores of one seed on both sides.

    Attributes:
        test: McNemar's, where both have the same clips and these are independent of one another.
        same_clips: whether both have the same clips.
    """

    seed: int
    base: float
    other: float
    test: McNemar | None
    same_clips: bool

    @property
    def difference(self) -> float:
        """The other side's score minus the base's."""
        return self.other - self.base


@dataclass(frozen=True)
class Effect:
    """What a protocol or one switch changes in a metric, seed by seed, with the 95 % interval of the mean."""

    base: Group
    other: Group
    pairs: tuple[PairedRun, ...]
    interval: Interval
    method: str

    @property
    def metric(self) -> str:
        """The headline metric of the task: accuracy, lwlrap, or MAE."""
        return self.base.headline

    @property
    def change(self) -> str:
        """What the other side does differently: `normalise=channel`, or its protocol with the switches that it sets."""
        if self.other.first["changed"]:
            return self.other.protocol.partition("+")[2]
        switched = ", ".join(f"{name}={value}" for name, value in _switched(self.base, self.other).items())
        return f"{self.other.protocol} ({switched})" if switched else self.other.protocol

    @property
    def in_words(self) -> str:
        """The change, and what it is compared with where that is not plainly `published`."""
        base = self.base.protocol
        return self.change if base == "published" or self.other.first["changed"] else f"{self.change} instead of {base}"

    @property
    def mean(self) -> float:
        """Mean difference over the seeds."""
        return float(np.mean([pair.difference for pair in self.pairs]))

    @property
    def std(self) -> float | None:
        """Standard deviation of the difference over the seeds; None for one seed."""
        return float(np.std([pair.difference for pair in self.pairs], ddof=1)) if len(self.pairs) > 1 else None


def effects(groups: Sequence[Group]) -> list[Effect]:
    """Compare every group with the one it departs from: `published+x=y` and the other protocols with `published`.

    A protocol that sets several switches is compared with the nearest other runs, too: what switches change together
    says nothing of any of them.
    """
    found = []
    for other in groups:
        base = _base(groups, other)
        bases = [base, *_nearer(groups, base, other)] if base else []
        found += [effect for one in bases if (effect := contrast(one, other))]
    return found


def _base(groups: Sequence[Group], other: Group) -> Group | None:
    """Find what a group departs from, on the same corpus; the same configuration is preferred."""
    protocol = other.protocol.partition("+")[0] if "+" in other.protocol else "published"
    if protocol == other.protocol:
        return None
    same = [group for group in groups if group.protocol == protocol and _setting(group) == _setting(other)]
    same.sort(key=lambda group: _configuration(group) != _configuration(other))
    return same[0] if same else None


def _switched(base: Group, other: Group) -> dict[str, str]:
    """Return the switches that two groups differ in, with the other's values."""
    before = base.first["switches"]
    return {name: value for name, value in other.first["switches"].items() if before.get(name) != value}


def _nearer(groups: Sequence[Group], base: Group, other: Group) -> list[Group]:
    """Find the runs that differ from a protocol in some of the switches in which its base does, and in fewest."""
    if other.first["changed"]:
        return []
    apart = _switched(base, other).keys()
    missing = {
        place: _switched(one, other).keys() for place, one in enumerate(groups) if _setting(one) == _setting(other)
    }
    near = {place: names for place, names in missing.items() if names and names < apart}
    fewest = min(map(len, near.values()), default=0)
    return [groups[place] for place, names in near.items() if len(names) == fewest]


def _configuration(group: Group) -> dict[str, Any]:
    """Return how a group was trained, without the identity that names its switches."""
    return {name: value for name, value in group.first["configuration"].items() if name != "identity"}


def _setting(group: Group) -> tuple[Any, ...]:
    """Return what two groups must share to be compared; a protocol may leave out clips of the corpus."""
    record = group.first
    trained = set_in_words(record), has_random_weights(record)
    return group.experiment, group.kind, group.demo, record["size"], record["data"]["digest"], *trained


def contrast(base: Group, other: Group) -> Effect | None:
    """Return the other's headline score minus the base's, on the seeds that both have; None where they share none."""
    others = {run.seed: run for run in other.runs}
    pairs = [(run, others[run.seed]) for run in base.runs if run.seed in others]
    if not pairs:
        return None
    paired = tuple(_paired(*pair) for pair in pairs)
    interval, method = _over_groups(base, other, paired) or _difference_over(pairs, paired)
    return Effect(base, other, paired, interval, method)


def paired_over_groups(first: Group, second: Group) -> Result | None:
    """Return the first's mean score of a clip minus the second's, with its interval over songs or speakers.

    The interval is from a bootstrap that draws songs or speakers with all their clips of both sides, which need not be
    the same clips: tie-breaking may leave a song out of one. With fewer than `FEW` of them it is Student's, since the
    percentiles of a bootstrap of so few are too near. None where the groups share no seed. n is the number of songs or
    speakers.
    """
    others = {run.seed: run for run in second.runs}
    pairs = [(run, others[run.seed]) for run in first.runs if run.seed in others]
    if not pairs:
        return None
    sides = list(zip(*pairs, strict=True))
    names = np.unique(np.concatenate([groups_of(clips)[0] for clips in {run.clips for side in sides for run in side}]))
    counts = np.concatenate([_of_groups(side, names) for side in sides])
    (value,) = _gains(counts.sum(axis=1, keepdims=True))
    interval = _drawn(counts) if len(names) >= FEW else _student(counts)
    if first.kind != "regression":  # errors may differ by any amount
        interval = _possible(*open_ended(value, interval, len(names), lowest=-1.0), first)
    return Result(float(value), interval, len(names))


def _of_groups(side: Sequence[Run], names: np.ndarray) -> np.ndarray:
    """Return the weighted sum of the clips' scores, and of weights, over all seeds, of each group; (2, groups)."""
    coded = [groups_of(run.clips) for run in side]
    place = np.concatenate([np.searchsorted(names, own)[codes] for own, codes in coded])
    scores, weights = (
        np.concatenate(each) for each in zip(*((run.per_clip, run.weights) for run in side), strict=True)
    )
    return np.stack([np.bincount(place, weights=one, minlength=len(names)) for one in (scores * weights, weights)])


def _gains(counts: np.ndarray) -> np.ndarray:
    """Return the difference of the means; `counts` has sums and weights of the first, then of the second."""
    sums, weights, others_sums, others_weights = counts
    tested = (weights > 0) & (others_weights > 0)
    return sums[tested] / weights[tested] - others_sums[tested] / others_weights[tested]


def _drawn(counts: np.ndarray) -> Interval:
    """Draw groups; `counts`, as for `_gains`, has a column for each."""
    # Not @: of so thin a product, the threads of BLAS cost more than the product.
    return percentiles(_gains(np.einsum("cu,du->cd", counts, draws(counts.shape[1]))))


def _student(counts: np.ndarray) -> Interval:
    """Return Student's interval of the difference of two ratios; `counts`, as for `_gains`, has a column a group."""
    totals = counts.sum(axis=1)
    # How much each group moves the difference: the ratios are linear near their values.
    of_first, of_second = (
        (counts[at] - totals[at] / totals[at + 1] * counts[at + 1]) / totals[at + 1] for at in (0, 2)
    )
    low, high = mean_interval(((of_first - of_second) * counts.shape[1]).tolist())
    (value,) = _gains(totals[:, np.newaxis])
    return value + low, value + high


def _over_groups(base: Group, other: Group, paired: Sequence[PairedRun]) -> tuple[Interval, str] | None:
    """Return the interval of the difference where clips of one song or speaker are no independent draws, or None.

    Over several seeds, their spread counts too.
    """
    if not any(run.over_groups for run in (*base.runs, *other.runs)):
        return None
    found = paired_over_groups(other, base)
    if found is None:
        return None
    method = f"{'paired bootstrap' if found.n >= FEW else 'paired, Student'} over {found.n} groups"
    if len(paired) == 1:
        return found.interval, method
    low, high = found.interval
    differences = [pair.difference for pair in paired]
    low, high = with_spread_of_seeds(differences, found.value - low, high - found.value)
    return _possible(low, high, base), f"{method}, and spread of {len(paired)} seeds"


def _possible(low: float, high: float, group: Group) -> Interval:
    """Return an interval without differences that scores between 0 and 1 cannot have; errors may have any."""
    return (low, high) if group.kind == "regression" else (max(low, -1.0), min(high, 1.0))


def _paired(base: Run, other: Run) -> PairedRun:
    same = _same_clips(base, other)
    # McNemar's test is of hits, and takes clips for independent draws.
    testable = base.record.task.KIND == "classification" and not (base.over_groups or other.over_groups)
    test = mcnemar(base.per_clip, other.per_clip) if same and testable else None
    return PairedRun(base.seed, _headline(base)["value"], _headline(other)["value"], test, same)


def _headline(run: Run) -> Score:
    score: Score = run.data["metrics"][run.record.task.HEADLINE]
    return score


def _same_clips(one: Run, other: Run) -> bool:
    return one.clips.digest == other.clips.digest


def _difference_over(runs: list[tuple[Run, Run]], paired: tuple[PairedRun, ...]) -> tuple[Interval, str]:
    base, other = runs[0]
    if len(paired) > 1:
        interval = over_seeds([pair.difference for pair in paired], bounded=base.record.task.KIND != "regression")
        method = f"Student over {len(paired)} seeds"
        if not all(_same_clips(*pair) for pair in runs):
            return interval, method
        # Seeds that test much the same clips say little of others: the interval is that over clips where this is wider.
        low, high = _over_clips(runs)
        return (min(interval[0], low), max(interval[1], high)), f"{method} or bootstrap over clips, the wider"
    if _same_clips(base, other):
        return _paired_interval(base, other), "paired bootstrap over clips"
    ours, theirs = _headline(other), _headline(base)
    low, high = difference_interval(ours["value"], ours["interval"], theirs["value"], theirs["interval"])
    return (low, high), "as of independent clips"


def _over_clips(runs: Sequence[tuple[Run, Run]]) -> Interval:
    """Draw the distinct clips, each with its differences in all seeds, of runs whose two sides test the same clips."""
    distinct = distinct_of(tuple(base.clips for base, _ in runs))
    gains = np.concatenate(
        [np.subtract(other.per_clip, base.per_clip, dtype=float) * base.weights for base, other in runs]
    )
    unit, weights = np.concatenate(distinct.places), np.concatenate([base.weights for base, _ in runs])
    totals = np.stack([np.bincount(unit, gains), np.bincount(unit, weights)])
    sums, sizes = np.einsum("cu,du->cd", totals, draws(len(distinct)))
    return percentiles(sums / sizes)


def over_seeds(differences: Sequence[float], *, bounded: bool) -> Interval:
    """Return Student's interval of a mean difference; a difference of scores between 0 and 1 has bounds, an error none.

    Of two seeds the interval is so wide that it would leave them.
    """
    low, high = mean_interval(differences)
    return (max(low, -1.0), min(high, 1.0)) if bounded else (low, high)


def _paired_interval(base: Run, other: Run) -> Interval:
    if base.record.task.KIND == "classification":
        return paired_difference(other.per_clip, base.per_clip)
    if base.record.task.KIND == "regression":
        low, high = mean_score(other.per_clip - base.per_clip)["interval"]
        return low, high
    # lwlrap: a clip counts as often as it has tags.
    gains = np.stack([(other.per_clip - base.per_clip) * base.weights, base.weights])
    sums, weights = np.einsum("cn,dn->cd", gains, draws(len(base.weights)))
    return open_ended(gains[0].sum() / gains[1].sum(), percentiles(sums / weights), len(base.weights), lowest=-1.0)
