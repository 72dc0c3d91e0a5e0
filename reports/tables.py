"""Every table of a study: what the document published, and beside it ours, written as the document writes its numbers.

Without a record a table shows the published numbers alone. Below every table stands what data our columns are from, and
that they are not comparable where that is not the document's.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.published import Published
from common.published.schema import MEANS, SCORES, ClassTable, ConfusionTable, Counts, Metric, ResultTable, Search
from common.runs.search_records import SearchResult, published_name
from common.runs.search_records import in_words as score_in_words
from reports.blocks import Cell, Column, Number, Table, cell_text
from reports.comparability import caveat, data_in_words, obstacles
from reports.results import PROTOCOLS, Group, Result, Run
from reports.verdicts import NOT_RUN, Verdicts
from reports.wording import MINUS, in_words, sentence, title_of, words_of

PRINTED = "published"
BEST_EPOCH = "best_epoch"
ERRORS = ("loss", "mae", "rmse", "relative_mae")
"""Metrics of which less is better."""


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

    Runs with a switch set otherwise have no column; `effects` compares them with the others.
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


def heading(published: Published, name: str) -> str:
    """Return the title of a metric's column."""
    return title_of(name) + ("\N{NO-BREAK SPACE}(%)" if metric_of(published, name).percent else "")


def written(metric: Metric, value: float, decimals: int | None = None) -> str:
    """Write a value as the document would, counts in groups of three digits; `decimals` if its row has others."""
    return f"{value:,.0f}" if metric.kind == "count" else metric.printed(value, decimals)


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

    Columns of the same origin share a note; where the experiments in one column differ in origin, they are named.
    """
    if not sides:
        return (f"{NOT_RUN.capitalize()}: there is no record yet.",)
    by_origin: dict[str, list[Side]] = {}
    for side in sides:
        by_origin.setdefault(_origin(published, side.group), []).append(side)
    columns = [name for own in by_origin.values() for name in {side.name for side in own}]
    apart = {name for name in columns if columns.count(name) > 1}
    return tuple(f"Ours, {_columns(own, apart)}: {words}." for words, own in by_origin.items())


def _columns(sides: Sequence[Side], apart: Collection[str]) -> str:
    """Name columns, and those experiments in them that `apart` has from others."""
    names = dict.fromkeys(side.name for side in sides)
    named = dict.fromkeys(side.group.experiment for side in sides if side.name in apart)
    return "; ".join(names) + (f" ({', '.join(named)})" if named else "")


def _origin(published: Published, group: Group) -> str:
    """Say what a group was run on, in words."""
    return origin(published, group.first, group.seeds)


def origin(published: Published, record: dict[str, Any], numbers: Sequence[int]) -> str:
    """Say on what data and with which seeds a run was made, and whether it is comparable with the document."""
    why = obstacles(record, published)
    parts = [data_in_words(record, published), *filter(None, [caveat(record, published)]), _numbers_of(numbers)]
    if why:
        more = [reason for reason in why if not any(reason in words for words in parts)]
        parts.append(", ".join(["not comparable", *more]))
    return "; ".join(parts)


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
        return f"{_numbers_of(list(values))}: {', '.join(written(metric, value) for value in values.values())}"
    return ", ".join(f"seed {seed}: {written(metric, value)}" for seed, value in values.items())


def _numbers_of(seeds: Sequence[int]) -> str:
    """Name seeds: `seed 3`, `seeds 0, 2`, `seeds 0 to 19`."""
    numbers = f"{seeds[0]} to {seeds[-1]}" if _in_a_row(seeds) else ", ".join(map(str, seeds))
    return f"seed{'s' * (len(seeds) > 1)} {numbers}"


def _in_a_row(seeds: Sequence[int]) -> bool:
    """Return whether it is shorter to name only the first and the last."""
    return len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))


def class_table(published: Published, experiment: str, sides: Sequence[Side]) -> Table:
    """Return the per-class table with the lines below it: accuracy, macro and weighted means.

    Args:
        published: what the document publishes.
        experiment: id.
        sides: the experiment's groups.
    """
    table = published.table(experiment)
    first = [PRINTED] if table else []
    columns = [Column("Class")]
    columns += [Column(title, side, "number") for title in SCORE_TITLE.values() for side in (*first, *_labels(sides))]
    known = list(published.data_of(experiment).classes) if table else []
    names = dict.fromkeys([*known, *(name for side in sides for name in side.group.outputs)])
    rows = [_class_row(published, table, name, sides) for name in names]
    place = f", {place_of(table.table, table.section)}" if table else ""
    return Table(
        f"classes-{experiment}",
        f"{published.experiment(experiment).title}: class by class{place}",
        tuple(columns),
        (*rows, *_summary_rows(published, table, sides)),
        summary=1 + len(MEANS),
        notes=(*notes_on(published, sides), *_split_of([table] if table else [])),
    )


def _split_of(tables: Sequence[ClassTable | ResultTable | ConfusionTable]) -> list[str]:
    """Return a note on the split that published tables are of; none where it is not stated."""
    splits = dict.fromkeys(table.split for table in tables if table.split)
    return [f"The published numbers are of this split: {'; '.join(splits)}."] if splits else []


def _labels(sides: Iterable[Side]) -> list[str]:
    return [side.label for side in sides]


def _beside(theirs: Sequence[Cell] | None, ours: Sequence[Sequence[Cell]]) -> list[Cell]:
    """Return the cells of a row, measure by measure: the published one, then one of each side.

    Args:
        theirs: a cell per measure; None where nothing is published.
        ours: for each side a cell per measure.
    """
    columns = [*([theirs] if theirs is not None else []), *ours]
    return [cell for measure in zip(*columns, strict=True) for cell in measure]


def _class_row(published: Published, table: ClassTable | None, name: str, sides: Sequence[Side]) -> tuple[Cell, ...]:
    theirs: list[Cell] | None = None
    if table:
        row = next((row for row in table.rows if row.name == name), None)
        scores = [getattr(row, score) for score in SCORES] if row else []
        theirs = [_as_printed(score, table) for score in scores] if row else [None] * len(SCORES)
        theirs.append(_count(row.support) if row else None)
    return (words_of(name), *_beside(theirs, [_class_cells(side.group, name) for side in sides]))


def _as_printed(value: float, table: ClassTable) -> Number:
    return Number(f"{value:.{table.decimals}f}", value)


def _count(value: int) -> Number:
    return Number(f"{value}", value)


def _class_cells(group: Group, name: str) -> list[Cell]:
    """Return a class' scores and support in a group; dashes where a run has no item of the class."""
    if name not in group.outputs:
        return [None] * (len(SCORES) + 1)
    cells: list[Cell] = []
    for score in SCORES:
        result = group.result(score, name)
        cells.append(number_of(result.seeds, _two_decimals, result) if result else None)
    return [*cells, _counts_of({run.seed: run.data["per_output"][name]["support"] for run in group.runs})]


def _two_decimals(value: float) -> str:
    return f"{value:.2f}"


def _counts_of(values: Mapping[int, int]) -> Number:
    least, most = min(values.values()), max(values.values())
    return Number(
        f"{least}" if least == most else f"{least} to {most}", float(np.mean(list(values.values()))), seeds=values
    )


def _summary_rows(published: Published, table: ClassTable | None, sides: Sequence[Side]) -> list[tuple[Cell, ...]]:
    """Return the last lines of the document's tables; the accuracy stands in the column of F1, as it is published."""
    counted = [
        _counts_of({run.seed: run.data["metrics"]["accuracy"]["n"] for run in side.group.runs}) for side in sides
    ]
    n = [_count(table.n)] if table else []
    accuracy: list[Cell] = ["", "", *([_as_printed(table.accuracy, table)] if table else [])]
    theirs: list[Cell] | None = [*accuracy, *n] if table else None
    obtained: list[list[Cell]] = [
        ["", "", _accuracy(side.group), count] for side, count in zip(sides, counted, strict=True)
    ]
    rows: list[tuple[Cell, ...]] = [("Accuracy", *_beside(theirs, obtained))]
    for mean in MEANS:
        printed = [*(_as_printed(value, table) for value in getattr(table, mean)), *n] if table else None
        cells = [
            [*(ours(published, side.group, f"{mean}_{score}") for score in SCORES), count]
            for side, count in zip(sides, counted, strict=True)
        ]
        rows.append((MEAN_TITLE[mean], *_beside(printed, cells)))
    return rows


def _accuracy(group: Group) -> Cell:
    """Return the accuracy as a share, as the other scores of the table are."""
    result = group.result("accuracy")
    return number_of(result.seeds, _two_decimals, result) if result else None


def output_table(published: Published, experiment: str, sides: Sequence[Side]) -> Table:
    """Return the scores of each tag or scale, and how many clips are behind them.

    Args:
        published: what the document publishes.
        experiment: id.
        sides: the experiment's groups, at least one.
    """
    scores = list(dict.fromkeys(metric for side in sides for metric, output in side.group.results if output))
    outputs = list(dict.fromkeys(name for side in sides for name in side.group.outputs))
    columns = [Column("Output")]
    columns += [Column(title_of(score), side, "number") for score in scores for side in _labels(sides)]
    columns += [Column("Support", side, "number") for side in _labels(sides)]
    rows = [
        (
            words_of(name),
            *(_score_of(side.group, score, name) for score in scores for side in sides),
            *(_support_of(side.group, name) for side in sides),
        )
        for name in outputs
    ]
    title = f"{published.experiment(experiment).title}: scores of each output"
    notes = tuple(notes_on(published, sides))
    return Table(f"outputs-{experiment}", title, tuple(columns), tuple(rows), notes=notes, folded=len(rows) > FOLDED)


def _score_of(group: Group, score: str, output: str) -> Cell:
    result = group.result(score, output)
    return number_of(result.seeds, lambda value: f"{value:.3f}".replace("-", MINUS), result) if result else None


def _support_of(group: Group, output: str) -> Cell:
    rows = {run.seed: run.data["per_output"].get(output) for run in group.runs}
    counts = {seed: row["support"] for seed, row in rows.items() if row}
    return _counts_of(counts) if counts else None


def number_table(published: Published, experiment: str, sides: Sequence[Side], verdicts: Verdicts) -> Table:
    """Return every overall number of an experiment, one line per metric and protocol, with interval and seeds."""
    printed = published.numbers(experiment)
    names = dict.fromkeys([*printed, *(name for side in sides for name in side.group.first["metrics"])])
    rows = [row for name in names for row in _number_rows(published, experiment, name, sides, verdicts)]
    columns = (
        Column("Metric"),
        Column("Verdict", kind="verdict"),
        Column("Protocol"),
        Column("Published", kind="number"),
        Column("Ours", kind="number"),
        Column("n", kind="number"),
        Column("Std", kind="number"),
        Column("Seed by seed"),
    )
    title = f"{published.experiment(experiment).title}: overall numbers, ours with their 95 % intervals"
    return Table(f"numbers-{experiment}", title, columns, tuple(rows), notes=notes_on(published, sides))


def _number_rows(
    published: Published, experiment: str, name: str, sides: Sequence[Side], verdicts: Verdicts
) -> list[tuple[Cell, ...]]:
    printed = printed_number(published, experiment, name)
    found: list[tuple[Cell, ...]] = []
    for side in sides:
        obtained = precise(published, side.group, name)
        if obtained is not None:
            verdict, _ = verdicts.on(name, side.group)
            spread = _spread(finer(published, name, experiment), obtained)
            found.append((heading(published, name), verdict, side.name, printed, *spread))
    if not found:
        verdict, _ = verdicts.on_first(experiment, name)
        found.append((heading(published, name), verdict, None, printed, None, None, None, ""))
    return found


def _spread(metric: Metric, number: Number) -> tuple[Cell, ...]:
    """Return a number, how many items are behind it, its std and each seed."""
    n = Number(f"{number.n:,}", number.n) if number.n is not None else None
    spread = number.std
    std = Number(written(metric, spread), spread) if spread is not None else None
    return number, n, std, each_seed(number.seeds, metric)


def result_table(
    published: Published, tables: Sequence[ResultTable], sides: Sequence[Side], verdicts: Verdicts
) -> Table:
    """Return published tables of the same columns as one, with one row per experiment.

    The trials of a metric are followed by their mean; where best epochs are published, they begin each row.

    Args:
        published: what the document publishes.
        tables: at least one.
        sides: groups of the study.
        verdicts: on the document's numbers.
    """
    metrics = list(dict.fromkeys(tables[0].columns))
    rows = {experiment: table for table in tables for experiment in table.rows}
    own = [side for side in sides if side.group.experiment in rows]
    layout = _Layout(published, metrics, {name: _labels_with(published, own, name) for name in metrics}, own)
    about = [published.experiment(name) for name in rows]
    settings = list(dict.fromkeys(key for one in about for key in one.settings))
    epochs = any(one.best_epoch is not None for one in about)
    if epochs:
        layout.labels[BEST_EPOCH] = _labels_with(published, own, BEST_EPOCH)
    columns = [Column("Experiment")]
    columns += [Column(words_of(key), kind="number") for key in settings]
    columns += _columns_of(layout, BEST_EPOCH, [PRINTED]) if epochs else []
    for name in metrics:
        columns += _columns_of(layout, name, _trials(tables[0], name))
    ranked = ranked_by(published, metrics)
    lines = []
    for one in about:
        cells = [setting_cell(one.settings.get(key)) for key in settings]
        cells += [_whole(one.best_epoch), *_ours_of(layout, one.id, BEST_EPOCH)] if epochs else []
        cells += [cell for name in metrics for cell in _result_cells(layout, rows[one.id], one.id, name)]
        lines.append((one.title, *cells, verdicts.on_first(one.id, ranked)[0], one.id))
    notes = [*notes_on(published, own), *_split_of(tables), f"The verdict is on {in_words(ranked)}."]
    caption = "; ".join(dict.fromkeys(place_of(table.table, table.section) for table in tables))
    columns += [Column("Verdict", kind="verdict"), Column("Id", kind="code")]
    return Table(f"results-{tables[0].id}", sentence(caption), tuple(columns), tuple(lines), notes=tuple(notes))


@dataclass(frozen=True)
class _Layout:
    """Which columns of ours a table of results has, by metric."""

    published: Published
    metrics: Sequence[str]
    labels: dict[str, list[str]]
    sides: Sequence[Side]


def _labels_with(published: Published, sides: Sequence[Side], metric: str) -> list[str]:
    """Return the columns of ours in which a record knows the metric."""
    known = {side.label for side in sides if ours(published, side.group, metric)}
    return [label for label in labels_of(sides) if label in known]


def _columns_of(layout: _Layout, name: str, printed: Sequence[str]) -> list[Column]:
    title = heading(layout.published, name)
    return [Column(title, side, "number") for side in (*printed, *layout.labels[name])]


def _trials(table: ResultTable, name: str) -> list[str]:
    """Return the names of a metric's published columns."""
    trials = table.columns.count(name)
    return [PRINTED] if trials == 1 else [*(f"trial {number + 1}" for number in range(trials)), "mean of them"]


def _result_cells(layout: _Layout, table: ResultTable, experiment: str, name: str) -> list[Cell]:
    metric, places = layout.published.metric[name], [at for at, column in enumerate(table.columns) if column == name]
    values = {at: table.rows[experiment][at] for at in places}
    cells: list[Cell] = [
        Number(written(metric, value, table.decimals_of(experiment, at, metric)), value) for at, value in values.items()
    ]
    if len(values) > 1:
        mean = math.fsum(values.values()) / len(values)
        cells.append(Number(written(metric, mean), mean))
    return [*cells, *_ours_of(layout, experiment, name)]


def _ours_of(layout: _Layout, experiment: str, name: str) -> list[Cell]:
    groups = {side.label: side.group for side in layout.sides if side.group.experiment == experiment}
    labels = layout.labels[name]
    return [ours(layout.published, groups[label], name) if label in groups else None for label in labels]


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


def confusion_table(published: Published, table: ConfusionTable, sides: Sequence[Side]) -> Table:
    """Return a published confusion matrix in percentages with ours below each of its rows; seeds are summed."""
    columns = [Column("True label"), Column("Side")]
    columns += [Column("Predicted", words_of(name), "number") for name in table.classes]
    shares = {side.label: _percentages(side.group, table) for side in sides if side.group.kind == "classification"}
    rows: list[tuple[Cell, ...]] = []
    for place, (name, printed) in enumerate(table.rows.items()):
        rows.append((words_of(name), PRINTED, *_percents(printed, table)))
        rows += [(words_of(name), label, *_percents(share[place], table)) for label, share in shares.items()]
    lines = _diagonal_rows(table, shares)
    whole = "predicted" if table.normalised == "columns" else "true"
    whose, where = published.experiment(table.experiment).title, place_of(table.table, table.section)
    title = f"{whose}: confusion matrix, % of each {whole} class, {where}"
    name = f"confusion-{table.experiment}"
    restored = ", ".join(words_of(name) for name in table.restored)
    notes = [*notes_on(published, sides), *_split_of([table])]
    notes += [f"PPV of {restored} restored from the diagonal."] if restored else []
    return Table(name, title, tuple(columns), (*rows, *lines), len(lines), tuple(notes))


def _percents(values: Iterable[float], table: ConfusionTable) -> list[Cell]:
    return [None if np.isnan(value) else Number(f"{value:.{table.decimals}f}", float(value)) for value in values]


def _percentages(group: Group, table: ConfusionTable) -> np.ndarray:
    """Return a group's confusion matrix as percentages in the document's order; NaN for a class that it has not."""
    known = group.outputs
    places = [known.index(name) if name in known else -1 for name in table.classes]
    counts = np.pad(group.confusion.astype(float), (0, 1), constant_values=np.nan)[np.ix_(places, places)]
    whole = np.nansum(counts, axis=0 if table.normalised == "columns" else 1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(100 * counts / whole)


def _diagonal_rows(table: ConfusionTable, shares: Mapping[str, np.ndarray]) -> list[tuple[Cell, ...]]:
    """Return the lines below a matrix: what share of each class is right (PPV) and what is not (FDR)."""
    rows: list[tuple[Cell, ...]] = []
    if table.positive:
        rows.append(("PPV", PRINTED, *_percents(table.positive, table)))
        rows += [("PPV", label, *_percents(np.diagonal(share), table)) for label, share in shares.items()]
    if table.false:
        rows.append(("FDR", PRINTED, *_percents(table.false, table)))
        rows += [("FDR", label, *_percents(100 - np.diagonal(share), table)) for label, share in shares.items()]
    return rows


def recovered_table(published: Published, table: ConfusionTable, counts: np.ndarray) -> Table:
    """Return the counts that are the only ones to give a matrix' published percentages.

    Args:
        published: what the document publishes.
        table: the published matrix.
        counts: integers (true classes, predicted classes).
    """
    columns = [Column("True label"), *(Column("Predicted", words_of(name), "number") for name in table.classes)]
    columns.append(Column("Total", kind="number"))
    lines = [*zip(table.classes, counts, strict=True), ("total", counts.sum(axis=0))]
    rows: list[tuple[Cell, ...]] = [
        (words_of(name), *(_count(int(n)) for n in (*line, line.sum()))) for name, line in lines
    ]
    title = f"{published.experiment(table.experiment).title}: the counts behind the published percentages"
    return Table(f"recovered-{table.experiment}", title, tuple(columns), tuple(rows), summary=1)


def parameter_table(published: Published, sides: Sequence[Side]) -> Table | None:
    """Return the models' parameters beside those of the records; None where neither is known."""
    labels = labels_of(sides)
    header = [Column("Experiment")]
    for title in ("Total", "Trainable"):
        header += [Column(title, side, "number") for side in (PRINTED, *labels)]
    header += [Column("Document's total is"), Column("Id", kind="code")]
    rows = []
    for experiment in published.experiments:
        own = {side.label: side.group for side in sides if side.group.experiment == experiment.id}
        layers = published.layers(experiment.id)
        if layers is None and not any(_parameters(group, "total") for group in own.values()):
            continue
        how = KNOWN[layers.known] if layers else ""
        total = [layers.total if layers else None, *(_parameters(own.get(label), "total") for label in labels)]
        trainable = [
            layers.trainable if layers else None,
            *(_parameters(own.get(label), "trainable") for label in labels),
        ]
        rows.append((experiment.title, *(_whole(value) for value in (*total, *trainable)), how, experiment.id))
    return Table("parameters", "Parameters of the models", tuple(header), tuple(rows)) if rows else None


def _parameters(group: Group | None, kind: str) -> int | None:
    return group.first["parameters"].get(kind) if group else None


def _whole(value: int | None) -> Cell:
    return Number(f"{value:,}", value) if value is not None else None


def count_table(published: Published, counts: Counts, sides: Sequence[Side]) -> Table:
    """Return a published count per class, corpus or set; beside it ours, where the records count the same things."""
    per_label: dict[str, Group] = {}
    for side in sides:
        if set(counts.rows) <= set(side.group.first["data"]["per_output"]):
            per_label.setdefault(side.label, side.group)
    shown = (PRINTED if counts.known == PRINTED else "known", *per_label)
    columns = [Column("Name"), *(Column(words_of(counts.items), side, "number") for side in shown)]
    rows = [
        (
            words_of(name),
            *map(_whole, [n, *(group.first["data"]["per_output"][name] for group in per_label.values())]),
        )
        for name, n in counts.rows.items()
    ]
    total = counts.total
    if total is not None:
        rows.append(("Total", _whole(total), *(_whole(group.first["data"]["clips"]) for group in per_label.values())))
    notes = (f"Known {KNOWN[counts.known]}.",) if counts.known != "printed" else ()
    title = f"{sentence(counts.id.replace('-', ' '))}: {counts.items}, {place_of(counts.table, counts.section)}"
    return Table(f"counts-{counts.id}", title, tuple(columns), tuple(rows), int(total is not None), notes)


def text_numbers(published: Published) -> Table | None:
    """Return the single numbers of the text, or None if none is kept."""
    rows = [
        (
            number.says,
            Number(f"{number.value:,.{number.decimals}f}", number.value),
            number.unit,
            str(number.result or ""),
            number.section,
            KNOWN[number.known],
        )
        for number in published.figures
    ]
    columns = (
        Column("What", kind="prose"),
        Column("Value", kind="number"),
        Column("Unit"),
        Column("Result"),
        Column("Section"),
        Column("Known"),
    )
    return Table("text", f"{len(rows)} numbers of the text", columns, tuple(rows), folded=True) if rows else None


def name_of(search: SearchResult, among: Iterable[SearchResult]) -> str:
    """Return a search's name with what tells it from the others: its protocol, its seed, and whether it is a demo."""
    alike = [one for one in among if one.data["experiment"] == search.data["experiment"]]
    words = [search.data["search"]]
    words += [search.data["protocol"]] * (len({one.data["protocol"] for one in alike}) > 1)
    words += [f"seed {search.data['seed']}"] * (len({one.data["seed"] for one in alike}) > 1)
    return ", ".join([*words, *["demo"] * search.data["data"]["demo"]])


def search_table(published: Published, search: Search, found: Sequence[SearchResult] = ()) -> Table:
    """Return a published search with ours beside it: trial by trial, or the space that was tried, and what was chosen.

    Args:
        published: what the document publishes.
        search: the published search.
        found: our searches for the same experiment.
    """
    ours = {f"ours, {name_of(one, found)}": one for one in found}
    about = published.experiment(search.experiment)
    title = f"{about.title}: search over settings, {place_of(search.table, search.section)}"
    columns, rows = _search_trials(published, search, ours) if search.rows else _space(search, ours)
    notes = [f"{label.capitalize()}: {words}." for label, one in ours.items() for words in _told(published, one)]
    return Table(f"search-{search.experiment}", title, tuple(columns), tuple(rows), notes=tuple(notes))


def _search_trials(
    published: Published, search: Search, ours: Mapping[str, SearchResult]
) -> tuple[list[Column], list[tuple[Cell, ...]]]:
    """Return a row per combination of values, with the scores after the last epoch of its longest trial."""
    scores = {label: _last(one, list(search.space)) for label, one in ours.items()}
    width = len(search.space)
    printed = {row[:width]: dict(zip(search.columns, row[width:], strict=True)) for row in search.rows}
    columns = [Column(words_of(name), kind="number") for name in search.space]
    columns += [
        Column(heading(published, name), side, "number") for name in search.columns for side in (PRINTED, *ours)
    ]
    rows = []
    for values in dict.fromkeys([*printed, *(values for known in scores.values() for values in known)]):
        sides = [printed.get(values, {}), *(known.get(values, {}) for known in scores.values())]
        cells = [_score(published, name, side.get(name)) for name in search.columns for side in sides]
        rows.append((*(setting_cell(value) for value in values), *cells, *_marks(search, ours, values)))
    return [*columns, *_chosen_columns(ours)], rows


def _chosen_columns(ours: Mapping[str, SearchResult]) -> list[Column]:
    return [Column("Chosen", side) for side in (PRINTED, *ours)] if ours else [Column("Chosen")]


def _marks(search: Search, ours: Mapping[str, SearchResult], values: Values) -> list[str]:
    chosen: list[Mapping[str, Any]] = [search.chosen, *(one.chosen for one in ours.values())]
    return ["chosen" if values == tuple(best.get(name) for name in search.space) else "" for best in chosen]


def _last(search: SearchResult, settings: Sequence[str]) -> dict[Values, dict[str, float]]:
    """Return the scores of the last epoch by the values of the settings; a later trial of the same values counts."""
    last = search.last_epochs().drop(columns=["epoch", "seconds"])
    return {
        tuple(row["values"].get(name) for name in settings): {
            published_name(str(column)): float(last[column][row["trial"]]) for column in last
        }
        for row in search.data["rows"]
        if row["status"] == "complete"
    }


def _score(published: Published, name: str, value: float | None) -> Cell:
    return Number(written(published.metric[name], value), value) if value is not None else None


def _space(search: Search, ours: Mapping[str, SearchResult]) -> tuple[list[Column], list[tuple[Cell, ...]]]:
    """Return a row per setting: the values tried, and what each search chose."""
    sides = (PRINTED, *ours) if ours else ("",)
    columns = [Column("Setting"), Column("Values tried"), *(Column("Chosen", side, "number") for side in sides)]
    rows: list[tuple[Cell, ...]] = []
    for name, values in search.space.items():
        chosen = [search.chosen.get(name), *(one.chosen.get(name) for one in ours.values())]
        rows.append((words_of(name), ", ".join(f"{value:g}" for value in values), *map(setting_cell, chosen)))
    return columns, rows


def _told(published: Published, search: SearchResult) -> list[str]:
    """Say how a search was made, on what, and what it did not do."""
    rows, settings = search.data["rows"], search.data["settings"]
    longest = max(row["epochs"] or 0 for row in rows)
    kind = "Hyperband" if search.data["kind"] == "hyperband" else search.data["kind"]
    made = f"{kind}, {len(rows)} trials of at most {longest} of {settings['epochs']} epochs"
    data = origin(published, search.data, [search.data["seed"]])
    return ["; ".join([made, data]), _ranking(search), *search.data["notes"]]


def _ranking(search: SearchResult) -> str:
    """Say by which score the choice was made, and by how much: the table has the scores of the last epochs."""
    best, objective = search.best, search.data["objective"]
    said = f"chosen by the best epoch, {score_in_words(objective)} {best[objective]:.3f} in epoch {best['best_epoch']}"
    second = next((row for row in search.ranked if row["values"] != best["values"]), None)
    if second is None:
        return said
    values = ", ".join(
        f"{words_of(name).lower()} {cell_text(setting_cell(value))}" for name, value in second["values"].items()
    )
    return f"{said}; next {second[objective]:.3f}, {values}"
