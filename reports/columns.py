"""Columns of a table: the groups of runs that stand beside a document, and numbers as the document writes them."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from common.published import Published
from common.published.comparability import caveat, data_in_words, reasons
from common.published.schema import ClassTable, ConfusionTable, Experiment, Metric, ResultTable
from reports.blocks import Cell, Number
from reports.results import ERRORS, LEAKY, PROTOCOLS, Group, Result, Run, whole_protocols
from reports.verdicts import NOT_RUN
from reports.wording import MINUS, signed, title_of

PRINTED = "published"
BEST_EPOCH = "best_epoch"
SCORE_TITLE = {"precision": "Precision", "recall": "Recall", "f1": "F1 score", "support": "Support"}
MEAN_TITLE = {"macro": "Macro AVG", "weighted": "Weighted AVG"}
KNOWN = {
    "printed": "published",
    "count": "by arithmetic",
    "code": "from the authors' code or paper",
    "ref": "from a cited work",
    "recall": "remembered, no text at hand",
}
"""How a number is known, in words."""
FOLDED = 20
"""A table of more outputs than this is folded."""
Values = tuple[Any, ...]


@dataclass(frozen=True)
class Side:
    """A group under its protocol's name, which says too whether it is a demo, and which of several it is."""

    name: str
    group: Group

    @property
    def label(self) -> str:
        """What its columns are called beside the published ones."""
        return f"ours, {self.name}"


def sides_of(groups: Iterable[Group]) -> list[Side]:
    """Name the groups that stand beside the document: one column a protocol, numbered where data or settings differ.

    Runs with a switch set otherwise have no column where there are others; `effects` compares them with these.
    """
    return every_side_of(whole_protocols(groups))


def every_side_of(groups: Sequence[Group]) -> list[Side]:
    """Name groups as `sides_of` does, those with a switch set otherwise too."""
    return [Side(_name(group, groups), group) for group in groups]


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

    Of an experiment that is published in a per-class table alone, it is written as there.
    """
    if name == BEST_EPOCH:
        return Metric(kind="count", decimals=0)
    unlisted = Metric(kind="error" if name.removeprefix("val_") in ERRORS else "score", decimals=2)
    metric = published.metric.get(name, unlisted)
    table = published.table(experiment) if experiment else None
    listed = any(experiment in results.rows and name in results.columns for results in published.result_tables)
    return metric if table is None or listed else metric.model_copy(update={"decimals": table.decimals})


def ranked_by(published: Published, names: Iterable[str]) -> str:
    """Return by which of some metrics experiments are ranked: the headline, or else the first share, score or error."""
    known = [name for name in names if metric_of(published, name).kind != "count"]
    if published.headline in known or not known:
        return published.headline
    return next((name for name in known if metric_of(published, name).kind != "error"), known[0])


def shown_metric(published: Published, experiment: Experiment, groups: Sequence[Group]) -> str:
    """Return the metric by which an experiment is ranked, or where no run of ours has it, that of our runs."""
    metric = ranked_by(published, published.numbers(experiment.id))
    known = not groups or published.numbers(experiment.id) or any(group.result(metric) for group in groups)
    return metric if known else groups[0].headline


def heading(published: Published, name: str) -> str:
    """Return the title of a metric's column."""
    return title_of(name) + ("\N{NO-BREAK SPACE}(%)" if metric_of(published, name).percent else "")


def written(metric: Metric, value: float, decimals: int | None = None) -> str:
    """Write a value as the document would, counts in groups of three digits; `decimals` if its row has others."""
    return f"{value:,.0f}" if metric.kind == "count" else metric.printed(value, decimals).replace("-", MINUS)


def difference(published: Published, name: str, value: float) -> str:
    """Write a difference of a metric with its sign: of shares that are printed in percent, in percentage points."""
    return signed(100 * value, 1) if metric_of(published, name).percent else signed(value)


def points(published: Published, name: str) -> str:
    """Say what the differences of a metric are counted in, for a heading: percentage points, or nothing."""
    return " (percentage points)" if metric_of(published, name).percent else ""


def ours(published: Published, group: Group, name: str) -> Number | None:
    """Return a group's number in a metric, written as the document writes it; None where its records do not say.

    Over several seeds the text is their mean with its std.
    """
    metric, result = metric_of(published, name, group.experiment), group.result(name)
    values = result.seeds if result else _recorded(group, name)
    return number_of(values, lambda value: written(metric, value), result) if values else None


def number_of(values: Mapping[int, float], write: Callable[[float], str], result: Result | None) -> Number:
    """Return the mean over the seeds, with the std in its text where there are several."""
    mean = result.value if result else float(np.mean(list(values.values())))
    text = write(mean)
    if len(values) > 1:
        text += f" ± {write(float(np.std(list(values.values()), ddof=1)))}"
    return Number(text, mean, result.interval if result else None, result.n if result else None, values)


RECORDED: Mapping[str, Callable[[Run], float | None]] = {
    BEST_EPOCH: lambda run: _mean([fold["best_epoch"] for fold in run.data["folds"]]),
    "seconds_per_epoch": lambda run: run.data["timings"]["epoch_s"],
    "parameters": lambda run: run.data["parameters"]["total"],
}
"""Where a record keeps what documents publish in the columns of their tables and what is no metric."""


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
    """Return a published overall number (the mean of its trials), or None."""
    number = published.numbers(experiment).get(name)
    if number is None:
        return None
    metric = metric_of(published, name)
    decimals = round(-math.log10(number.step * (100 if metric.percent else 1)))
    return Number(written(metric, number.value, decimals), number.value, n=number.n)


def notes_on(published: Published, sides: Sequence[Side]) -> tuple[str, ...]:
    """Say of every column of ours which data and seeds it is from, and whether it is comparable with the document.

    Columns on the same data share a note; where the experiments in one column differ in data, they are named.
    """
    if not sides:
        return (f"{NOT_RUN.capitalize()}: there is no record yet.",)
    by_data: dict[tuple[str, str], list[Side]] = {}
    for side in sides:
        by_data.setdefault(_data_of(published, side.group.first), []).append(side)
    apart = _in_several(by_data.values())
    notes = [
        f"Ours, {_columns(own, apart)}: {'; '.join(filter(None, (data, _seeds_of(own), verdict)))}."
        for (data, verdict), own in by_data.items()
    ]
    return (*notes, *_remarks_on(sides))


def _seeds_of(sides: Sequence[Side]) -> str:
    """Name the seeds of columns; where they differ, with the experiments that have them."""
    found: dict[str, dict[str, None]] = {}
    for side in sides:
        found.setdefault(numbers_of(side.group.seeds), {})[side.group.experiment] = None
    if len(found) == 1:
        return next(iter(found))
    return ", ".join(f"{numbers} ({', '.join(names)})" for numbers, names in found.items())


def marked(number: Number | None, group: Group) -> Number | None:
    """Return a number of a group with a mark if its test clips are not apart from the others; `leaks_of` explains."""
    return replace(number, text=f"{number.text} {LEAKY}") if number and group.leaks else number


def leaks_of(sides: Sequence[Side]) -> list[str]:
    """Return what is to stand below a table whose numbers are `marked`: what the test clips share with others."""
    by_words: dict[str, list[Side]] = {}
    for side in sides:
        if side.group.leaks:
            by_words.setdefault(side.group.leaks, []).append(side)
    apart = _in_several([*by_words.values(), [side for side in sides if not side.group.leaks]])
    return [f"{LEAKY} Ours, {_columns(own, apart)}: {words}." for words, own in by_words.items()]


def _remarks_on(sides: Sequence[Side]) -> list[str]:
    """Say of every column of ours what its runs noted of their clips; runs with other seeds have other test clips."""
    found: dict[str, list[Side]] = {}
    for side in sides:
        for remark in dict.fromkeys(said for run in side.group.runs for said in run.data["data"].get("remarks", ())):
            found.setdefault(remark, []).append(side)
    names = {remark: "; ".join(dict.fromkeys(side.name for side in own)) for remark, own in found.items()}
    return [f"Ours, {names[remark]}: {remark}." for remark in found]


def _in_several(parts: Iterable[Sequence[Side]]) -> set[str]:
    """Return the names of columns that sides of several parts have."""
    names = Counter(name for own in parts for name in {side.name for side in own})
    return {name for name, count in names.items() if count > 1}


def _columns(sides: Sequence[Side], apart: Collection[str]) -> str:
    """Name columns, and those experiments in them that `apart` has from others."""
    names = dict.fromkeys(side.name for side in sides)
    named = dict.fromkeys(side.group.experiment for side in sides if side.name in apart)
    return "; ".join(names) + (f" ({', '.join(named)})" if named else "")


def origin(published: Published, record: dict[str, Any], numbers: Sequence[int]) -> str:
    """Say on what data and with which seeds a run was made, and whether it is comparable with the document."""
    data, verdict = _data_of(published, record)
    return "; ".join(filter(None, (data, numbers_of(numbers), verdict)))


def _data_of(published: Published, record: dict[str, Any]) -> tuple[str, str]:
    """Say on what data a run was made, and whether it is comparable with the document ("" if it is)."""
    why = reasons(record, published)
    data = "; ".join([data_in_words(record, published), *filter(None, [caveat(record, published)])])
    more = [reason for reason in why if reason not in data]
    return data, ", ".join(["not comparable", *more]) if why else ""


def precise(published: Published, group: Group, name: str) -> Number | None:
    """Return a group's number with its interval, to a digit more than documents publish."""
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
        return f"{numbers_of(list(values))}: {', '.join(written(metric, value) for value in values.values())}"
    return ", ".join(f"seed {seed}: {written(metric, value)}" for seed, value in values.items())


def numbers_of(seeds: Sequence[int]) -> str:
    """Name seeds: `seed 3`, `seeds 0, 2`, `seeds 0 to 19`."""
    numbers = f"{seeds[0]} to {seeds[-1]}" if _in_a_row(seeds) else ", ".join(map(str, seeds))
    return f"seed{'s' * (len(seeds) > 1)} {numbers}"


def _in_a_row(seeds: Sequence[int]) -> bool:
    """Return whether it is shorter to name only the first and the last."""
    return len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))


def split_of(tables: Sequence[ClassTable | ResultTable | ConfusionTable]) -> list[str]:
    """Return a note on the split that published tables are of; none where it is not stated."""
    splits = dict.fromkeys(table.split for table in tables if table.split)
    return [f"The published numbers are of this split: {'; '.join(splits)}."] if splits else []


def count_cell(value: int) -> Number:
    """Return a whole number, such as a number of clips."""
    return Number(f"{value}", value)


def place_of(table: str, section: str) -> str:
    """Say where a table stands in its document."""
    if table == "none":
        return f"not published (section {section})"
    if table == "text":
        return f"text of section {section}"
    return table if section in table else f"{table} (section {section})"


def setting_cell(value: float | str | None) -> Cell:
    """Return the value of a setting as a cell."""
    return Number(f"{value:g}", value) if isinstance(value, int | float) else value
