"""Verdicts on published numbers, and what our own protocols and switches differ by.

A verdict is on the difference between what the protocol `published` gave and what the document prints. Both sides of a
proportion have Wilson's interval and the difference Newcombe's. For F1 and the means the document's own spread is not
printed; it is taken as ours, scaled by the number of clips.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.metrics import (
    Interval,
    McNemar,
    difference_interval,
    mcnemar,
    mean_interval,
    paired_difference,
    wilson,
)
from common.published import SCORES, ClassRow, Published, Table
from reports.collect import Estimate, Group, Run

REPRODUCED, INCONCLUSIVE, NOT_REPRODUCED = "reproduced", "inconclusive", "not reproduced"
NOT_COMPARABLE, NOT_RUN = "not comparable", "not run"
MINUS = "\N{MINUS SIGN}"
PROPORTIONS = ("accuracy", "weighted_recall")


@dataclass(frozen=True)
class Verdict:
    """One printed number held against ours. `interval` is of `obtained`, `difference_interval` of the difference."""

    study: str
    experiment: str
    protocol: str
    metric: str
    published: float
    obtained: float | None
    interval: Interval | None
    n: int | None
    difference: float | None
    difference_interval: Interval | None
    data: str
    verdict: str
    why: str


def corpus_title(name: str, published: Published) -> str:
    """Return a corpus' name as people write it: `crema_d` is CREMA-D; a corpus of one's own keeps its name."""
    return name.upper().replace("_", "-") if name in published.data["corpora"] else name


def data_in_words(record: dict[str, Any], published: Published) -> str:
    """Say how much of the document's data a run had: `1,440 of 12,162 clips: SAVEE, TESS, CREMA-D absent`."""
    data = record["data"]
    if data["demo"]:
        return f"demo corpus: {data['clips']:,} synthesised clips"
    words = f"{data['clips']:,} of {published.data['clips']:,} clips"
    absent = ", ".join(corpus_title(name, published) for name in data["missing"])
    foreign = ", ".join(name for name in data["corpora"] if name not in published.data["corpora"])
    told = [f"{absent} absent"] * bool(absent) + [f"{foreign} is not of the document"] * bool(foreign)
    return words + (f": {'; '.join(told)}" if told else "")


def obstacle(record: dict[str, Any], published: Published) -> str | None:
    """Say why a run cannot be held against the document's numbers, or None if it can."""
    data = record["data"]
    whole = data["clips"] == published.data["clips"] and set(data["corpora"]) == set(published.data["corpora"])
    if data["demo"] or data["missing"] or not whole:
        return data_in_words(record, published)
    if record["size"] != "full":
        return f"{record['size']} size: fewer epochs than the document's"
    if overrides := record["configuration"].get("overrides"):
        return "set on the command line: " + ", ".join(f"{name} = {value}" for name, value in overrides.items())
    if record["classes"] != published.data["classes"]:
        return f"other classes: {', '.join(record['classes'])}"
    return None


def caveat(record: dict[str, Any], published: Published) -> str:
    """Say which corpora are complete but not as published, or nothing."""
    corpora = record["data"]["corpora"].items()
    changed = [
        f"{corpus_title(name, published)} {facts['form']}" for name, facts in corpora if facts["form"] != "original"
    ]
    return "" if record["data"]["demo"] else ", ".join(changed)


def verdicts(published: Published, groups: Iterable[Group]) -> list[Verdict]:
    """Judge every number that the document prints, overall metrics first, then class by class."""
    judged = [group for group in groups if group.protocol == "published"]
    found: list[Verdict] = []
    for name in published.experiments:
        own: list[Group | None] = [group for group in judged if group.experiment == name]
        found += [row for group in own or [None] for row in verdicts_on(published, name, group)]
    return found


def verdicts_on(published: Published, experiment: str, group: Group | None) -> list[Verdict]:
    """Judge the printed numbers of one experiment by one group; `not run` without a group."""
    table = published.experiment(experiment).table
    return [] if table is None else _judged(published, experiment, table, group)


def _judged(published: Published, experiment: str, table: Table, group: Group | None) -> list[Verdict]:
    rows = []
    for metric, printed in published.metrics(experiment).items():
        ours = group.estimate(metric) if group else None
        theirs = _printed_mean(metric, printed, table.n, ours)
        rows.append(_verdict(published, experiment, metric, theirs, ours, group, "overall"))
    for row in table.rows:
        for score in SCORES:
            known = group is not None and row.name in group.first["classes"]
            ours = group.class_estimate(row.name, score) if group and known else None
            theirs = _printed_class_score(row, score, ours)
            rows.append(_verdict(published, experiment, f"{row.name}_{score}", theirs, ours, group, "per_class"))
    return rows


def _printed_mean(metric: str, printed: float, n: int, ours: Estimate | None) -> Estimate:
    if metric in PROPORTIONS:
        return Estimate(printed, wilson(printed, n), n)
    return _with_our_spread(printed, n, ours)


def _printed_class_score(row: ClassRow, score: str, ours: Estimate | None) -> Estimate:
    value = getattr(row, score)
    if score == "f1":
        return _with_our_spread(value, row.support, ours)
    # Precision is a share of the clips predicted as this class: hits / precision of them.
    trials = row.support if score == "recall" else row.recall * row.support / max(row.precision, 1e-9)
    return Estimate(value, wilson(value, trials), row.support)


def _with_our_spread(printed: float, n: int, ours: Estimate | None) -> Estimate:
    if ours is None:
        return Estimate(printed, (printed, printed), n)
    scale = math.sqrt(ours.n / n)
    low, high = ours.interval
    return Estimate(printed, (printed - scale * (ours.value - low), printed + scale * (high - ours.value)), n)


def _verdict(
    published: Published,
    experiment: str,
    metric: str,
    theirs: Estimate,
    ours: Estimate | None,
    group: Group | None,
    kind: str,
) -> Verdict:
    between = difference_interval(ours.value, ours.interval, theirs.value, theirs.interval) if ours else None
    word, why = _word(published, group, ours, between, published.resolution[kind])
    return Verdict(
        study=published.study,
        experiment=experiment,
        protocol="published",
        metric=metric,
        published=theirs.value,
        obtained=ours.value if ours else None,
        interval=ours.interval if ours else None,
        n=ours.n if ours else None,
        difference=ours.value - theirs.value if ours else None,
        difference_interval=between,
        data=data_in_words(group.first, published) if group else "",
        verdict=word,
        why=why,
    )


def _word(
    published: Published, group: Group | None, ours: Estimate | None, between: Interval | None, resolution: float
) -> tuple[str, str]:
    """Return the verdict and the reason, as DESIGN defines them."""
    if group is None:
        return NOT_RUN, "no record of the protocol published"
    reason = obstacle(group.first, published)
    if reason:
        return NOT_COMPARABLE, reason
    if ours is None or between is None:
        return NOT_COMPARABLE, "no clip of this class was tested"
    low, high = between
    told = f"the difference {signed(low)} to {signed(high)}"
    if len(group.runs) > 1:
        told += f" (mean of {len(group.runs)} seeds)"
    also = f"; {told_form}" if (told_form := caveat(group.first, published)) else ""
    if not low <= 0 <= high:
        return NOT_REPRODUCED, f"{told} does not cover 0{also}"
    if (high - low) / 2 > resolution:
        return INCONCLUSIVE, f"{told} covers 0 but is wider than ±{resolution:g}{also}"
    return REPRODUCED, f"{told} covers 0 and is no wider than ±{resolution:g}{also}"


def signed(value: float) -> str:
    """Write a difference with its sign and three decimals."""
    return f"{value:+.3f}".replace("-", MINUS)


@dataclass(frozen=True)
class PairedRun:
    """The accuracies of one seed on both sides; McNemar's test where both have the same clips."""

    seed: int
    base: float
    other: float
    test: McNemar | None

    @property
    def difference(self) -> float:
        """How much better the other side is."""
        return self.other - self.base


@dataclass(frozen=True)
class Effect:
    """What a protocol or one switch changes in accuracy, seed by seed, with the 95 % interval of the mean."""

    base: Group
    other: Group
    pairs: tuple[PairedRun, ...]
    interval: Interval
    method: str

    @property
    def change(self) -> str:
        """What the other side does differently: `normalise=channel`, or the name of its protocol."""
        return self.other.protocol.partition("+")[2] or self.other.protocol

    @property
    def mean(self) -> float:
        """Mean difference over the seeds."""
        return float(np.mean([pair.difference for pair in self.pairs]))

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the difference over the seeds; None for one seed."""
        return float(np.std([pair.difference for pair in self.pairs], ddof=1)) if len(self.pairs) > 1 else None


def effects(groups: Sequence[Group]) -> list[Effect]:
    """Hold every group against the one it departs from: `published+x=y` and the other protocols against `published`."""
    found = []
    for other in groups:
        base = _base(groups, other)
        if base is not None and (effect := _effect(base, other)):
            found.append(effect)
    return found


def _base(groups: Sequence[Group], other: Group) -> Group | None:
    """Find what a group departs from, on the same clips; the same configuration is preferred."""
    protocol = other.protocol.partition("+")[0] if "+" in other.protocol else "published"
    if protocol == other.protocol:
        return None
    same = [group for group in groups if group.protocol == protocol and _setting(group) == _setting(other)]
    same.sort(key=lambda group: _configuration(group) != _configuration(other))
    return same[0] if same else None


def _configuration(group: Group) -> dict[str, Any]:
    """Return how a group was trained, without the identity that names its switches."""
    return {name: value for name, value in group.first["configuration"].items() if name != "identity"}


def _setting(group: Group) -> tuple[Any, ...]:
    return group.experiment, group.demo, group.first["size"], group.first["data"]["clips"]


def _effect(base: Group, other: Group) -> Effect | None:
    others = {run.seed: run for run in other.runs}
    pairs = [(run, others[run.seed]) for run in base.runs if run.seed in others]
    if not pairs:
        return None
    paired = tuple(_paired(*pair) for pair in pairs)
    interval, method = _difference_over(pairs, paired)
    return Effect(base, other, paired, interval, method)


def _paired(base: Run, other: Run) -> PairedRun:
    test = mcnemar(_right(base), _right(other)) if _same_clips(base, other) else None
    return PairedRun(base.seed, base.accuracy.value, other.accuracy.value, test)


def _same_clips(one: Run, other: Run) -> bool:
    return one.correct.index.equals(other.correct.index)


def _right(run: Run) -> np.ndarray:
    return run.correct.to_numpy(dtype=bool)


def _difference_over(runs: list[tuple[Run, Run]], paired: tuple[PairedRun, ...]) -> tuple[Interval, str]:
    if len(paired) > 1:
        return mean_interval([pair.difference for pair in paired]), f"Student over {len(paired)} seeds"
    base, other = runs[0]
    if _same_clips(base, other):
        return paired_difference(_right(other), _right(base)), "paired bootstrap over clips"
    ours, theirs = other.accuracy, base.accuracy
    return difference_interval(ours.value, ours.interval, theirs.value, theirs.interval), "as of independent clips"
