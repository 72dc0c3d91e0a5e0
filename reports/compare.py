"""Verdicts on published numbers, and what our own protocols and switches differ by.

A verdict is on the difference between what the protocol `published` gave and what the document prints. Both sides of a
proportion have Wilson's interval and the difference Newcombe's. For F1 and the means the document's own spread is not
printed; it is taken as ours, scaled by the number of clips. The F1 of a class is on neither side surer than a
proportion of the class' clips: where a class is never hit, every resample of the bootstrap says 0.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np

from common.intervals import (
    PERCENTILES,
    RESAMPLES,
    Interval,
    McNemar,
    difference_interval,
    mcnemar,
    mean_interval,
    newcombe,
    paired_difference,
    wilson,
)
from common.published import Printed, Published
from reports.results import Estimate, Group, Run, cut_to
from reports.wording import signed

REPRODUCED, INCONCLUSIVE, NOT_REPRODUCED = "reproduced", "inconclusive", "not reproduced"
NOT_COMPARABLE, NOT_RUN = "not comparable", "not run"
ACCURACY = "accuracy"
RANDOM_WEIGHTS = "random weights in place of pretrained ones"
Scope = Literal["overall", "class", "cell"]
NO_ACRONYMS = {"emotify": "Emotify"}
"""Corpora whose names are not written in capitals."""


@dataclass(frozen=True)
class Verdict:
    """One printed number held against ours. `interval` is of `obtained`, `difference_interval` of the difference.

    `scope` says what it is a number of: `overall`, a `class`, or a `cell` of a confusion matrix.
    """

    study: str
    experiment: str
    protocol: str
    metric: str
    scope: Scope
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
    titled = NO_ACRONYMS.get(name, name.upper().replace("_", "-"))
    return titled if name in published.corpora else name


def data_in_words(record: dict[str, Any], published: Published) -> str:
    """Say how much of the document's data a run had: `1,440 of 12,162 clips: SAVEE, TESS, CREMA-D absent`."""
    data, theirs = record["data"], published.data_of(record["experiment"])
    if data["demo"]:
        return f"demo corpus: {data['clips']:,} synthesised {theirs.items}"
    of_whole = f" of {theirs.clips:,}" if theirs.clips is not None else ""
    words = f"{data['clips']:,}{of_whole} {theirs.items}"
    absent = ", ".join(corpus_title(name, published) for name in data["missing"])
    foreign = ", ".join(name for name in data["corpora"] if name not in theirs.corpora)
    told = [f"{absent} absent"] * bool(absent) + [f"{foreign} is not of the document"] * bool(foreign)
    return words + (f": {'; '.join(told)}" if told else "")


def obstacle(record: dict[str, Any], published: Published) -> str | None:
    """Say why a run cannot be held against the document's numbers, or None if it can."""
    return "; ".join(obstacles(record, published)) or None


def obstacles(record: dict[str, Any], published: Published) -> list[str]:
    """Return every reason why a run cannot be held against the document's numbers; empty if it can."""
    data, theirs = record["data"], published.data_of(record["experiment"])
    whole = data["clips"] == theirs.clips and set(data["corpora"]) == set(theirs.corpora)
    reasons = []
    if data["demo"] or data["missing"] or not whole:
        reasons.append(data_in_words(record, published))
    if record["size"] != "full" and not data["demo"]:
        reasons.append(f"{record['size']} size: fewer epochs than the document's")
    if told := set_in_words(record):
        reasons.append(f"set on the command line: {told}")
    if (folds := cut_to(record)) and folds <= len(record.get("folds", ())):
        reasons.append("only the first fold was run" if folds == 1 else f"only the first {folds} folds were run")
    if has_random_weights(record):
        reasons.append(RANDOM_WEIGHTS)
    if record["task"]["outputs"] != list(theirs.classes):
        reasons.append(f"other classes: {', '.join(record['task']['outputs'])}")
    return reasons


def set_in_words(record: dict[str, Any]) -> str:
    """Return what the command line set of a training, such as `epochs = 1`; empty if nothing."""
    return ", ".join(f"{name} = {value}" for name, value in (record["configuration"].get("overrides") or {}).items())


def has_random_weights(record: dict[str, Any]) -> bool:
    """Return whether a network that should have been trained before was not."""
    return record["configuration"].get("weights") == "none"


def caveat(record: dict[str, Any], published: Published) -> str:
    """Say which corpora are complete but not as published, and what was computed otherwise; or nothing."""
    corpora = record["data"]["corpora"].items()
    changed = [
        f"{corpus_title(name, published)} {facts['form']}" for name, facts in corpora if facts["form"] != "original"
    ]
    precision = record["environment"].get("precision", "float32")
    computed = [f"computed in {precision}"] * (precision != "float32")
    computed += [RANDOM_WEIGHTS] * has_random_weights(record)
    return ", ".join([*([] if record["data"]["demo"] else changed), *computed])


def verdicts(
    published: Published, groups: Iterable[Group], matrices: Mapping[str, np.ndarray] | None = None
) -> list[Verdict]:
    """Judge every number that the document prints: overall metrics first, then class by class, then cell by cell.

    Args:
        published: what the document prints.
        groups: the study's groups.
        matrices: confusion matrices that were recovered from printed percentages, by experiment.
    """
    judged = [group for group in groups if group.protocol == "published"]
    found: list[Verdict] = []
    for name in published.by_id:
        own: list[Group | None] = [group for group in judged if group.experiment == name]
        for group in own or [None]:
            found += verdicts_on(published, name, group)
            if matrices and name in matrices:
                found += cell_verdicts(published, name, group, matrices[name])
    return found


def verdicts_on(published: Published, experiment: str, group: Group | None) -> list[Verdict]:
    """Judge the printed numbers of one experiment by one group; `not run` without a group.

    Only numbers with a resolution are judged: seconds and counts depend on machine and model.
    """
    found = []
    for metric, printed in published.numbers(experiment).items():
        ours = group.estimate(metric) if group else None
        found.append(_verdict(published, experiment, metric, printed, ours, group, "overall"))
    for metric, printed in published.class_numbers(experiment).items():
        ours = _class_estimate(group, metric) if group else None
        found.append(_verdict(published, experiment, metric, printed, ours, group, "class"))
    return [row for row in found if row is not None]


def cell_verdicts(published: Published, experiment: str, group: Group | None, recovered: np.ndarray) -> list[Verdict]:
    """Judge a recovered confusion matrix cell by cell: the share that an annotated class has of a predicted one."""
    table = published.confusion(experiment)
    if table is None:
        return []
    rows = []
    for (true, predicted), hits in np.ndenumerate(recovered):
        column = int(recovered[:, predicted].sum())
        share = float(hits / column)
        metric = f"{table.classes[true]}_as_{table.classes[predicted]}"
        printed = Printed(
            value=share,
            kind="proportion",
            n=column,
            step=10.0 ** -(table.decimals + 2),
            resolution=published.resolution["per_class"],
            section=table.section,
            table=table.table,
            trials=(share,),
        )
        ours = group.share_of_predicted(table.classes[true], table.classes[predicted]) if group else None
        rows.append(_verdict(published, experiment, metric, printed, ours, group, "cell"))
    return [row for row in rows if row is not None]


def _class_estimate(group: Group, metric: str) -> Estimate | None:
    name, _, score = metric.rpartition("_")
    return group.class_estimate(name, score) if name in group.first["task"]["outputs"] else None


def _between(ours: Estimate, theirs: Estimate, *, independent: bool) -> Interval:
    """Return the interval of the difference; of clips as if they were independent, or from both intervals.

    Ours may be over songs, and wider for it. But where the document has the same songs as we, they are no reason for
    its number to be another one, and must not make a verdict milder.
    """
    if independent:
        return newcombe(ours.value, ours.n, theirs.value, theirs.n)
    return difference_interval(ours.value, ours.interval, theirs.value, theirs.interval)


def _theirs(printed: Printed, ours: Estimate | None) -> Estimate:
    """Return the printed number with its interval; where the document's n is unknown, ours stands for it."""
    n = printed.n if printed.n is not None else ours.n if ours else 0
    if printed.kind == "proportion":
        return Estimate(printed.value, wilson(printed.value, n), n)
    return _with_our_spread(printed.value, n, ours)


def _with_our_spread(printed: float, n: int, ours: Estimate | None) -> Estimate:
    if ours is None:
        return Estimate(printed, (printed, printed), n)
    if n == 0:
        return Estimate(printed, wilson(printed, n), n)
    scale = math.sqrt(ours.n / n)
    low, high = ours.interval
    return Estimate(printed, (printed - scale * (ours.value - low), printed + scale * (high - ours.value)), n)


def _no_surer_than_a_proportion(estimate: Estimate) -> Estimate:
    """Return an estimate with an interval that reaches on both sides at least as far as Wilson's."""
    (low, high), (lowest, highest) = estimate.interval, wilson(estimate.value, estimate.n)
    return replace(estimate, interval=(min(low, lowest), max(high, highest)))


def _difference(ours: Estimate, theirs: Estimate, printed: Printed, scope: Scope) -> Interval:
    """Return the interval of ours minus the printed number."""
    if scope == "class" and printed.kind == "score":
        ours, theirs = _no_surer_than_a_proportion(ours), _no_surer_than_a_proportion(theirs)
    return _between(ours, theirs, independent=scope == "overall" and printed.kind == "proportion")


def _verdict(
    published: Published,
    experiment: str,
    metric: str,
    printed: Printed,
    ours: Estimate | None,
    group: Group | None,
    scope: Scope,
) -> Verdict | None:
    if printed.resolution is None:
        return None
    theirs = _theirs(printed, ours)
    between = _difference(ours, theirs, printed, scope) if ours else None
    word, why = _word(published, group, metric, between, printed.resolution)
    return Verdict(
        study=published.study,
        experiment=experiment,
        protocol="published",
        metric=metric,
        scope=scope,
        published=printed.value,
        obtained=ours.value if ours else None,
        interval=ours.interval if ours else None,
        n=ours.n if ours else None,
        difference=ours.value - printed.value if ours else None,
        difference_interval=between,
        data=data_in_words(group.first, published) if group else "",
        verdict=word,
        why=why,
    )


def _word(
    published: Published, group: Group | None, metric: str, between: Interval | None, resolution: float
) -> tuple[str, str]:
    """Return the verdict and the reason, as DESIGN defines them."""
    if group is None:
        return NOT_RUN, "no record of the protocol published"
    reason = obstacle(group.first, published)
    if reason:
        return NOT_COMPARABLE, reason
    if between is None:
        return NOT_COMPARABLE, f"the record has no {metric.replace('_', ' ')}"
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


@dataclass(frozen=True)
class PairedRun:
    """The accuracies of one seed on both sides.

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
        if base is not None and (effect := contrast(base, other)):
            found.append(effect)
    return found


def _base(groups: Sequence[Group], other: Group) -> Group | None:
    """Find what a group departs from, on the same corpus; the same configuration is preferred."""
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
    """Return what two groups must share to be held against each other; a protocol may leave out clips of the corpus."""
    record = group.first
    trained = set_in_words(record), has_random_weights(record)
    return group.experiment, group.demo, record["size"], record["data"]["digest"], *trained


def contrast(base: Group, other: Group) -> Effect | None:
    """Return by how much the other is better, on the seeds that both have; None where they share none."""
    others = {run.seed: run for run in other.runs}
    pairs = [(run, others[run.seed]) for run in base.runs if run.seed in others]
    if not pairs:
        return None
    paired = tuple(_paired(*pair) for pair in pairs)
    interval, method = _over_groups(base, other) or _difference_over(pairs, paired)
    return Effect(base, other, paired, interval, method)


def paired_over_groups(first: Group, second: Group) -> Estimate | None:
    """Return by how much the first is more accurate, with its interval over songs or speakers.

    The interval is from a bootstrap that draws songs or speakers with all their clips of both sides, which need not be
    the same clips: how ties are settled may leave a song out of one. None where the groups share no seed. n is the
    number of songs or speakers.
    """
    others = {run.seed: run for run in second.runs}
    pairs = [(run, others[run.seed]) for run in first.runs if run.seed in others]
    if not pairs:
        return None
    sides = list(zip(*pairs, strict=True))
    names = np.unique(np.concatenate([run.clips.groups for side in sides for run in side]))
    counts = np.concatenate([_of_groups(side, names) for side in sides])
    (value,) = _gains(counts.sum(axis=1, keepdims=True))
    return Estimate(float(value), _drawn(counts), len(names))


def _of_groups(side: Sequence[Run], names: np.ndarray) -> np.ndarray:
    """Return the clips of each group that are right, and all of them, over all seeds; shape (2, groups)."""
    place = np.searchsorted(names, np.concatenate([run.clips.groups for run in side]))
    right = np.concatenate([run.correct for run in side])
    return np.stack([np.bincount(place, weights=hits, minlength=len(names)) for hits in (right, np.ones(len(right)))])


def _gains(counts: np.ndarray) -> np.ndarray:
    """Return the difference of accuracies; `counts` has right and all clips of the first, then of the second."""
    right, clips, others_right, others_clips = counts
    tested = (clips > 0) & (others_clips > 0)
    return right[tested] / clips[tested] - others_right[tested] / others_clips[tested]


def _drawn(counts: np.ndarray) -> Interval:
    """Draw groups; `counts`, as for `_gains`, has a column for each."""
    low, high = np.percentile(_gains(counts @ _draws(counts.shape[1]).T), PERCENTILES)
    return float(low), float(high)


@cache
def _draws(groups: int) -> np.ndarray:
    """Return how often each group is drawn in each resample, (resamples, groups)."""
    draw = np.random.default_rng(0)
    return draw.multinomial(groups, np.full(groups, 1 / groups), size=RESAMPLES).astype(float)


def _over_groups(base: Group, other: Group) -> tuple[Interval, str] | None:
    """Return the interval of the difference where clips of one song or speaker are no independent draws, or None."""
    if not any(run.over_groups for run in (*base.runs, *other.runs)):
        return None
    found = paired_over_groups(other, base)
    return (found.interval, f"paired bootstrap over {found.n} groups") if found else None


def _paired(base: Run, other: Run) -> PairedRun:
    same = _same_clips(base, other)
    # The test takes clips for independent draws.
    independent = not (base.over_groups or other.over_groups)
    test = mcnemar(base.correct, other.correct) if same and independent else None
    return PairedRun(base.seed, base.estimate(ACCURACY).value, other.estimate(ACCURACY).value, test, same)


def _same_clips(one: Run, other: Run) -> bool:
    return one.clips.digest == other.clips.digest


def _difference_over(runs: list[tuple[Run, Run]], paired: tuple[PairedRun, ...]) -> tuple[Interval, str]:
    if len(paired) > 1:
        return mean_interval([pair.difference for pair in paired]), f"Student over {len(paired)} seeds"
    base, other = runs[0]
    if _same_clips(base, other):
        return paired_difference(other.correct, base.correct), "paired bootstrap over clips"
    ours, theirs = other.estimate(ACCURACY), base.estimate(ACCURACY)
    return difference_interval(ours.value, ours.interval, theirs.value, theirs.interval), "as of independent clips"
