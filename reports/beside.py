"""Our side of a table: which groups stand beside the document, under which names, and what they obtained.

Every number of ours is written as the document writes its own.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.published import Published
from common.published.schema import Metric
from reports.blocks import Number
from reports.compare import NOT_RUN, caveat, data_in_words, obstacles, verdicts_on
from reports.results import PROTOCOLS, Estimate, Group, Run
from reports.wording import title_of

PRINTED = "printed"
NOT_JUDGED = "not judged"
BEST_EPOCH = "best_epoch"


@dataclass(frozen=True)
class Side:
    """A group under its protocol's name, which says too whether it is a demo, and which of several it is."""

    name: str
    group: Group

    @property
    def label(self) -> str:
        """What its columns are called beside the printed ones."""
        return f"ours, {self.name}"


def sides_of(groups: Iterable[Group]) -> list[Side]:
    """Name the groups that stand beside the document: one column a protocol, numbered where data or settings differ.

    Runs with a switch set otherwise have no column; `effects` holds them against the others.
    """
    plain = [group for group in groups if not group.first["changed"]]
    return [Side(_name(group, plain), group) for group in plain]


def _name(group: Group, groups: Sequence[Group]) -> str:
    alike = [one for one in groups if (one.experiment, one.protocol) == (group.experiment, group.protocol)]
    number = f" ({alike.index(group) + 1})" if len(alike) > 1 else ""
    return f"{group.protocol}{', demo' * group.demo}{number}"


def labels_of(sides: Iterable[Side]) -> list[str]:
    """Return the names of the columns, as the protocols were invented, each once."""
    place = {side.label: (_invented(side.group.protocol), side.group.demo, side.label) for side in sides}
    return sorted(place, key=place.__getitem__)


def _invented(protocol: str) -> int:
    return PROTOCOLS.index(protocol) if protocol in PROTOCOLS else len(PROTOCOLS)


def metric_of(published: Published, name: str, experiment: str | None = None) -> Metric:
    """Return how to write a metric: as its tables of results do, else with the two decimals of per-class tables.

    Of an experiment that is printed in a per-class table alone, it is written as there.
    """
    if name == BEST_EPOCH:
        return Metric(kind="count", decimals=0)
    metric = published.metric.get(name, Metric(kind="score", decimals=2))
    table = published.table(experiment) if experiment else None
    listed = any(experiment in results.rows and name in results.columns for results in published.result_tables)
    return metric if table is None or listed else metric.model_copy(update={"decimals": table.decimals})


def ranked_by(published: Published, names: Iterable[str]) -> str:
    """Return by which of some metrics experiments are ranked: the headline, or else the first share, score or error."""
    known = [name for name in names if metric_of(published, name).kind != "count"]
    if published.headline in known or not known:
        return published.headline
    return next((name for name in known if metric_of(published, name).kind != "error"), known[0])


def heading(published: Published, name: str) -> str:
    """Return the title of a metric's column."""
    return title_of(name) + ("\N{NO-BREAK SPACE}(%)" if metric_of(published, name).percent else "")


def written(metric: Metric, value: float, decimals: int | None = None) -> str:
    """Write a value as the document would, counts in groups of three digits; `decimals` if its row has others."""
    return f"{value:,.0f}" if metric.kind == "count" else metric.printed(value, decimals)


def ours(published: Published, group: Group, name: str) -> Number | None:
    """Return what a group obtained in a metric, written as the document writes it; None where its records do not say.

    Over several seeds the text is their mean with its deviation.
    """
    metric, estimate = metric_of(published, name, group.experiment), group.estimate(name)
    values = dict(zip(group.seeds, group.values(name), strict=True)) if estimate else _recorded(group, name)
    return number_of(values, lambda value: written(metric, value), estimate) if values else None


def number_of(values: Mapping[int, float], write: Callable[[float], str], estimate: Estimate | None) -> Number:
    """Return the mean over the seeds, with the deviation in its text where there are several."""
    mean = estimate.value if estimate else float(np.mean(list(values.values())))
    text = write(mean)
    if len(values) > 1:
        text += f" ± {write(float(np.std(list(values.values()), ddof=1)))}"
    return Number(text, mean, estimate.interval if estimate else None, estimate.n if estimate else None, values)


RECORDED: Mapping[str, Callable[[Run], float | None]] = {
    BEST_EPOCH: lambda run: _mean([fold["best_epoch"] for fold in run.data["folds"]]),
    "seconds_per_epoch": lambda run: run.data["timings"]["epoch_s"],
    "parameters": lambda run: run.data["parameters"]["total"],
}
"""Where a record keeps what documents print in the columns of their tables and what is no metric."""


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None


def _recorded(group: Group, name: str) -> dict[int, float]:
    """Return a fact of each seed's record; empty where one does not know it."""
    look = RECORDED.get(name, lambda run: None)
    found = {run.seed: look(run) for run in group.runs}
    known = {seed: value for seed, value in found.items() if value is not None}
    return known if len(known) == len(found) else {}


def printed_number(published: Published, experiment: str, name: str) -> Number | None:
    """Return a printed overall number (the mean of its trials), or None."""
    number = published.numbers(experiment).get(name)
    if number is None:
        return None
    metric = metric_of(published, name)
    decimals = round(-math.log10(number.step * (100 if metric.percent else 1)))
    return Number(written(metric, number.value, decimals), number.value, n=number.n)


def verdict_on(published: Published, experiment: str, metric: str, groups: Iterable[Group]) -> str:
    """Return the verdict on one overall number from the group of protocol `published`."""
    return judged_on(published, experiment, metric, groups)[0]


def judged_on(published: Published, experiment: str, metric: str, groups: Iterable[Group]) -> tuple[str, str]:
    """Return the verdict on one overall number from the group of protocol `published`, and why; may be empty."""
    numbers = published.numbers(experiment)
    if metric not in numbers or numbers[metric].resolution is None:
        return NOT_JUDGED, ""
    group = next((group for group in groups if group.protocol == "published"), None)
    rows = verdicts_on(published, experiment, group)
    return next(((row.verdict, row.why) for row in rows if row.metric == metric), (NOT_RUN, ""))


def notes_on(published: Published, sides: Sequence[Side]) -> tuple[str, ...]:
    """Say of every column of ours which data and seeds it comes from, and whether it can be held against the document.

    Columns that come from the same are told together; where the experiments in one column do not, they are named.
    """
    if not sides:
        return (f"{NOT_RUN.capitalize()}: there is no record yet.",)
    told: dict[str, list[Side]] = {}
    for side in sides:
        told.setdefault(_origin(published, side.group), []).append(side)
    columns = [name for own in told.values() for name in {side.name for side in own}]
    apart = {name for name in columns if columns.count(name) > 1}
    return tuple(f"Ours, {_columns(own, apart)}: {words}." for words, own in told.items())


def _columns(sides: Sequence[Side], apart: Collection[str]) -> str:
    """Name columns, and those experiments in them that `apart` has from others."""
    names = dict.fromkeys(side.name for side in sides)
    named = dict.fromkeys(side.group.experiment for side in sides if side.name in apart)
    return "; ".join(names) + (f" ({', '.join(named)})" if named else "")


def _origin(published: Published, group: Group) -> str:
    """Say what a group was run on, in words."""
    return origin(published, group.first, group.seeds)


def origin(published: Published, record: dict[str, Any], numbers: Sequence[int]) -> str:
    """Say on what data and with which seeds a record came about, and whether it can be held against the document."""
    why = obstacles(record, published)
    told = [data_in_words(record, published), *filter(None, [caveat(record, published)]), _numbers_of(numbers)]
    if why:
        more = [reason for reason in why if not any(reason in words for words in told)]
        told.append(", ".join(["not comparable", *more]))
    return "; ".join(told)


def precise(published: Published, group: Group, name: str) -> Number | None:
    """Return what a group obtained with its interval, to a digit more than documents print."""
    number = ours(published, group, name)
    if number is None or number.interval is None:
        return number
    metric = finer(published, name, group.experiment)
    low, high = (written(metric, value) for value in number.interval)
    text = f"{written(metric, number.value)} [{low}, {high}]"
    return Number(text, number.value, number.interval, number.n, number.seeds)


def finer(published: Published, name: str, experiment: str) -> Metric:
    """Return how we write a number of our own: with three decimals at least."""
    metric = metric_of(published, name, experiment)
    return metric.model_copy(update={"decimals": max(metric.decimals, 1 if metric.percent else 3)})


def each_seed(values: Mapping[int, float], metric: Metric) -> str:
    """Write the value of each seed: `seed 0: 0.597, seed 1: 0.618`, or of many `seeds 0 to 4: 0.597, 0.618, ...`."""
    if _in_a_row(list(values)):
        return f"{_numbers_of(list(values))}: {', '.join(written(metric, value) for value in values.values())}"
    return ", ".join(f"seed {seed}: {written(metric, value)}" for seed, value in values.items())


def _numbers_of(seeds: Sequence[int]) -> str:
    """Name seeds: `seed 3`, `seeds 0, 2`, `seeds 0 to 19`."""
    numbers = f"{seeds[0]} to {seeds[-1]}" if _in_a_row(seeds) else ", ".join(map(str, seeds))
    return f"seed{'s' * (len(seeds) > 1)} {numbers}"


def _in_a_row(seeds: Sequence[int]) -> bool:
    """Return whether it is shorter to name only the first and the last."""
    return len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
