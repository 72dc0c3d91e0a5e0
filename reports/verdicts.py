"""Verdicts: does a published number hold, by the difference between ours (protocol `published`) and the document's.

Both sides of a proportion have Wilson's interval and the difference Newcombe's; over several seeds our side has the
interval of their mean, over clips. Where ours is drawn over songs or speakers, the verdict with these as units is
computed too, and said where it is another one. Where the document leaves out what decides a verdict (`unknown`), the
result is not comparable. For F1 and the means the document's own interval is not published; it is taken as that of one
run of ours, scaled by the number of clips. The F1 of a class gets on neither side a narrower interval than a proportion
of the class' clips: where a class is never hit, every resample says 0.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from common.intervals import Interval, difference_interval, wilson
from common.published import Printed, Published
from common.published.comparability import caveat, data_in_words, obstacle, unknown
from reports.results import Group, Result
from reports.wording import signed

REPRODUCED, INCONCLUSIVE, NOT_REPRODUCED = "reproduced", "inconclusive", "not reproduced"
NOT_COMPARABLE, NOT_RUN = "not comparable", "not run"
VERDICTS = (REPRODUCED, INCONCLUSIVE, NOT_REPRODUCED, NOT_COMPARABLE, NOT_RUN)
NOT_JUDGED = "not judged"
Scope = Literal["overall", "class", "cell"]


@dataclass(frozen=True)
class Verdict:
    """One published number compared with ours. `interval` is of `ours`, `difference_interval` of the difference.

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


class Verdicts:
    """Every verdict on one document's numbers, each computed once.

    Args:
        published: what the document publishes.
        groups: the study's groups; those of the protocol `published` are judged.
        matrices: confusion matrices that were recovered from published percentages, by experiment.
    """

    def __init__(
        self, published: Published, groups: Iterable[Group], matrices: Mapping[str, np.ndarray] | None = None
    ) -> None:
        matrices = matrices or {}
        self._of: dict[Group, list[Verdict]] = {}
        self._not_run: dict[str, list[Verdict]] = {}
        groups = list(groups)
        judged = [group for group in groups if group.protocol == "published"]
        self._run_otherwise = {group.experiment for group in groups} - {group.experiment for group in judged}
        for name in published.by_id:
            own = [group for group in judged if group.experiment == name]
            for group in own:
                self._of[group] = list(_rows(published, name, group, matrices.get(name)))
            if not own:
                self._not_run[name] = list(_rows(published, name, None, matrices.get(name)))
        self.all = tuple(row for name in published.by_id for row in self._rows_of(name))

    def _rows_of(self, experiment: str) -> Iterator[Verdict]:
        for group, rows in self._of.items():
            if group.experiment == experiment:
                yield from rows
        yield from self._not_run.get(experiment, [])

    def of(self, group: Group) -> list[Verdict]:
        """Return the verdicts on the numbers of a group's experiment; none under other protocols."""
        return self._of[group] if group.protocol == "published" else []

    def on(self, metric: str, group: Group) -> tuple[str, str]:
        """Return the verdict of one group on one overall number, and why (may be empty)."""
        rows = (row for row in self.of(group) if row.scope == "overall" and row.metric == metric)
        return next(((row.verdict, row.why) for row in rows), (NOT_JUDGED, ""))

    def on_first(self, experiment: str, metric: str) -> tuple[str, str]:
        """Return the verdict of the first group of an experiment on one overall number, and why; may be not run."""
        if experiment in self._run_otherwise:
            return NOT_JUDGED, "no run has the protocol published without a change"
        rows = (row for row in self._rows_of(experiment) if row.scope == "overall" and row.metric == metric)
        return next(((row.verdict, row.why) for row in rows), (NOT_JUDGED, ""))


def _rows(
    published: Published, experiment: str, group: Group | None, recovered: np.ndarray | None
) -> Iterator[Verdict]:
    """Judge overall numbers, then those of classes, then the cells of a recovered confusion matrix.

    Only numbers with a resolution are judged: seconds and counts depend on machine and model.
    """
    for metric, printed in published.numbers(experiment).items():
        if printed.resolution is not None:
            ours = group.result(metric) if group else None
            yield _verdict(published, experiment, metric, printed, ours, group, "overall")
    for metric, printed in published.class_numbers(experiment).items():
        name, _, score = metric.rpartition("_")
        ours = group.result(score, name) if group else None
        yield _verdict(published, experiment, metric, printed, ours, group, "class")
    if recovered is not None:
        yield from _cells(published, experiment, group, recovered)


def _cells(published: Published, experiment: str, group: Group | None, recovered: np.ndarray) -> Iterator[Verdict]:
    """Judge a recovered confusion matrix cell by cell: the share that a true class has of a predicted one."""
    table = published.confusion(experiment)
    assert table is not None  # the counts were recovered from it
    for (true, predicted), hits in np.ndenumerate(recovered):
        column = int(recovered[:, predicted].sum())
        if not column:
            continue  # what is never predicted has no share that is right
        share = float(hits / column)
        names = table.classes[true], table.classes[predicted]
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
        ours = group.share_of_predicted(*names) if group else None
        yield _verdict(published, experiment, "_as_".join(names), printed, ours, group, "cell")


def _between(ours: Result, theirs: Result) -> Interval:
    """Return the interval of the difference from both intervals; from two of Wilson it is Newcombe's."""
    return difference_interval(ours.value, ours.interval, theirs.value, theirs.interval)


def _theirs(printed: Printed, ours: Result | None) -> Result:
    """Return the published number with its interval; where the document's n is unknown, ours stands for it."""
    n = printed.n if printed.n is not None else ours.n if ours else 0
    if printed.kind == "proportion":
        return Result(printed.value, wilson(printed.value, n), n)
    return _with_our_spread(printed.value, n, ours)


def _with_our_spread(printed: float, n: int, ours: Result | None) -> Result:
    if ours is None:
        return Result(printed, (printed, printed), n)
    if n == 0:
        return Result(printed, wilson(printed, n), n)
    one = ours.of_one_run
    scale = math.sqrt(one.n / n)
    low, high = one.interval
    return Result(printed, (printed - scale * (one.value - low), printed + scale * (high - one.value)), n)


def _no_surer_than_a_proportion(estimate: Result) -> Result:
    """Return an estimate with an interval that reaches on both sides at least as far as Wilson's."""
    (low, high), (lowest, highest) = estimate.interval, wilson(estimate.value, estimate.n)
    return replace(estimate, interval=(min(low, lowest), max(high, highest)))


def _over_clips(printed: Printed, scope: Scope) -> bool:
    """Return whether a number is judged over clips, even where our interval is over songs or speakers.

    That is wider. But where the document has the same songs as we, they are no reason for its number to be another one,
    and must not make the verdict milder.
    """
    return scope == "overall" and printed.kind == "proportion"


def _difference(group: Group, metric: str, ours: Result, printed: Printed, scope: Scope) -> Interval:
    """Return the interval of ours minus the published number."""
    theirs = _theirs(printed, ours)
    if scope == "class" and printed.kind == "score":
        ours, theirs = _no_surer_than_a_proportion(ours), _no_surer_than_a_proportion(theirs)
    if _over_clips(printed, scope):
        ours = group.over_clips(metric, ours)
    return _between(ours, theirs)


def _verdict(
    published: Published,
    experiment: str,
    metric: str,
    printed: Printed,
    ours: Result | None,
    group: Group | None,
    scope: Scope,
) -> Verdict:
    assert printed.resolution is not None
    between = _difference(group, metric, ours, printed, scope) if group and ours else None
    word, why = _word(published, group, metric, ours, between, printed, scope)
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
    published: Published,
    group: Group | None,
    metric: str,
    ours: Result | None,
    between: Interval | None,
    printed: Printed,
    scope: Scope,
) -> tuple[str, str]:
    """Return the verdict on a number, and the reason.

    Where our run and the document can be compared, the 95 % CI of their difference decides: *not reproduced* if it
    excludes 0, else *inconclusive* if half its width is above the resolution of the number, else *reproduced*.
    """
    if group is None:
        return NOT_RUN, "no record of the protocol published"
    if reason := obstacle(group.first, published):
        return NOT_COMPARABLE, reason
    if ours is None or between is None:
        return NOT_COMPARABLE, f"the record has no {metric.replace('_', ' ')}"
    percent = scope == "cell" or (metric in published.metric and published.metric[metric].percent)
    word, words = _judged(between, printed, percent)
    items, groups = f"{published.data_of(group.experiment).items} as units", "groups (songs or speakers) as units"
    over_groups = group.over_groups and scope != "cell"
    units = groups if over_groups and not _over_clips(printed, scope) else items
    mean = f" (mean of {len(group.runs)} seeds)" if len(group.runs) > 1 else ""
    why = f"with {units}, the difference{mean} {words}"
    if over_groups and _over_clips(printed, scope):
        # The document's number is of one run: over groups, its interval is as wide as that of one run of ours.
        theirs = _with_our_spread(printed.value, printed.n or ours.of_one_run.n, ours)
        other, words = _judged(_between(ours, theirs), printed, percent)
        why += f" ({word}); with {groups}, it {words} ({other})" * (other != word)
    if form := caveat(group.first, published):
        why += f"; {form}"
    if reason := unknown(group.experiment, published):
        return NOT_COMPARABLE, f"{reason}; if that were no obstacle: {why}"
    return word, why


def _judged(between: Interval, printed: Printed, percent: bool) -> tuple[str, str]:
    """Return the verdict on the interval of a difference, and its words: in points, if its table is in percent."""
    assert printed.resolution is not None
    (low, high), resolution = between, printed.resolution
    scale, decimals, unit = (100, 1, " percentage points") if percent else (1, 3, "")
    words = f"is {signed(scale * low, decimals)} to {signed(scale * high, decimals)}{unit}"
    widest = f"{scale * resolution:g}"
    if not low <= 0 <= high:
        return NOT_REPRODUCED, f"{words}, which does not cover 0"
    if (high - low) / 2 > resolution:
        return INCONCLUSIVE, f"{words}, which covers 0, but half its width is more than {widest}"
    return REPRODUCED, f"{words}, which covers 0, and half its width is at most {widest}"
