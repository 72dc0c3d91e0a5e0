"""The tables of one study in the document's own layout, what we obtained beside what is printed.

Without a record a table shows the printed numbers alone. Below every table stands what data our columns come from, and
that they are not comparable where that is not the document's.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from common.published import Published
from common.published.schema import MEANS, SCORES, ClassTable, ConfusionTable, Counts, Metric, ResultTable
from reports.beside import (
    BEST_EPOCH,
    NOT_JUDGED,
    PRINTED,
    Side,
    each_seed,
    finer,
    heading,
    labels_of,
    notes_on,
    number_of,
    ours,
    precise,
    printed_number,
    ranked_by,
    verdict_on,
    written,
)
from reports.blocks import Cell, Column, Number, Table
from reports.results import Group
from reports.wording import in_words, sentence, words_of

SCORE_TITLE = {"precision": "Precision", "recall": "Recall", "f1": "F1 score", "support": "Support"}
MEAN_TITLE = {"macro": "Macro AVG", "weighted": "Weighted AVG"}
KNOWN = {
    "printed": "printed",
    "count": "by arithmetic",
    "code": "from the authors' code or paper",
    "ref": "from a cited work",
    "recall": "remembered, no text at hand",
}
"""How a number is known, in words."""


def class_table(published: Published, experiment: str, sides: Sequence[Side]) -> Table:
    """Return the per-class table with the lines below it: accuracy, macro and weighted means.

    Args:
        published: what the document prints.
        experiment: id.
        sides: the experiment's groups.
    """
    table = published.table(experiment)
    first = [PRINTED] if table else []
    columns = [Column("Class")]
    columns += [Column(title, side, "number") for title in SCORE_TITLE.values() for side in (*first, *_labels(sides))]
    known = list(published.data_of(experiment).classes) if table else []
    names = dict.fromkeys([*known, *(name for side in sides for name in side.group.first["task"]["outputs"])])
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
    """Return a note on the split that printed tables are of; none where it is not told."""
    splits = dict.fromkeys(table.split for table in tables if table.split)
    return [f"The printed numbers are of this split: {'; '.join(splits)}."] if splits else []


def _labels(sides: Iterable[Side]) -> list[str]:
    return [side.label for side in sides]


def _beside(theirs: Sequence[Cell] | None, ours: Sequence[Sequence[Cell]]) -> list[Cell]:
    """Return the cells of a row, measure by measure: the printed one, then one of each side.

    Args:
        theirs: a cell per measure; None where nothing is printed.
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
    if name not in group.first["task"]["outputs"]:
        return [None] * (len(SCORES) + 1)
    cells: list[Cell] = []
    for score in SCORES:
        estimate = group.class_estimate(name, score)
        rows = {run.seed: run.data["per_output"][name]["scores"][score] for run in group.runs}
        values = {seed: row["value"] for seed, row in rows.items() if row}
        cells.append(number_of(values, _two_decimals, estimate) if estimate else None)
    return [*cells, _counts_of({run.seed: run.data["per_output"][name]["support"] for run in group.runs})]


def _two_decimals(value: float) -> str:
    return f"{value:.2f}"


def _counts_of(values: Mapping[int, int]) -> Number:
    least, most = min(values.values()), max(values.values())
    return Number(
        f"{least}" if least == most else f"{least} to {most}", float(np.mean(list(values.values()))), seeds=values
    )


def _summary_rows(published: Published, table: ClassTable | None, sides: Sequence[Side]) -> list[tuple[Cell, ...]]:
    """Return the last lines of the document's tables; the accuracy stands in the column of F1, as it is printed."""
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
    values = dict(zip(group.seeds, group.values("accuracy"), strict=True))
    return number_of(values, _two_decimals, group.estimate("accuracy")) if values else None


def number_table(published: Published, experiment: str, sides: Sequence[Side]) -> Table:
    """Return every overall number of an experiment, one line per metric and protocol, with interval and seeds."""
    printed = published.numbers(experiment)
    names = dict.fromkeys([*printed, *(name for side in sides for name in side.group.first["metrics"])])
    rows = [row for name in names for row in _number_rows(published, experiment, name, sides)]
    columns = (
        Column("Metric"),
        Column("Verdict", kind="verdict"),
        Column("Protocol"),
        Column("Printed", kind="number"),
        Column("Obtained", kind="number"),
        Column("n", kind="number"),
        Column("Deviation", kind="number"),
        Column("Seed by seed"),
    )
    title = f"{published.experiment(experiment).title}: overall numbers, obtained with their 95 % intervals"
    return Table(f"numbers-{experiment}", title, columns, tuple(rows), notes=notes_on(published, sides))


def _number_rows(published: Published, experiment: str, name: str, sides: Sequence[Side]) -> list[tuple[Cell, ...]]:
    printed = printed_number(published, experiment, name)
    found: list[tuple[Cell, ...]] = []
    for side in sides:
        obtained = precise(published, side.group, name)
        judged = side.group.protocol == "published"
        verdict = verdict_on(published, experiment, name, [side.group]) if judged else NOT_JUDGED
        if obtained is not None:
            found.append(
                (
                    heading(published, name),
                    verdict,
                    side.name,
                    printed,
                    *_spread(finer(published, name, experiment), obtained),
                )
            )
    if not found:
        verdict = verdict_on(published, experiment, name, [side.group for side in sides])
        found.append((heading(published, name), verdict, None, printed, None, None, None, ""))
    return found


def _spread(metric: Metric, number: Number) -> tuple[Cell, ...]:
    """Return a number, how many items are behind it, its deviation and each seed."""
    n = Number(f"{number.n:,}", number.n) if number.n is not None else None
    spread = number.deviation
    deviation = Number(written(metric, spread), spread) if spread is not None else None
    return number, n, deviation, each_seed(number.seeds, metric)


def result_table(published: Published, tables: Sequence[ResultTable], sides: Sequence[Side]) -> Table:
    """Return printed tables of the same columns as one, with one row per experiment.

    The trials of a metric are followed by their mean; where best epochs are printed, they begin each row.

    Args:
        published: what the document prints.
        tables: at least one.
        sides: groups of the study.
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
        lines.append((one.title, *cells, _verdict(layout, one.id, ranked), one.id))
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
    """Return the names of a metric's printed columns."""
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


def _verdict(layout: _Layout, experiment: str, metric: str) -> str:
    groups = [side.group for side in layout.sides if side.group.experiment == experiment]
    return verdict_on(layout.published, experiment, metric, groups)


def place_of(table: str, section: str) -> str:
    """Say where a table stands in its document."""
    if table == "none":
        return f"not printed (section {section})"
    if table == "text":
        return f"text of section {section}"
    return table if section in table else f"{table} (section {section})"


def setting_cell(value: float | str | None) -> Cell:
    """Return the value of a setting as a cell."""
    return Number(f"{value:g}", value) if isinstance(value, int | float) else value


def confusion_table(published: Published, table: ConfusionTable, sides: Sequence[Side]) -> Table:
    """Return a printed confusion matrix in percentages with ours below each of its rows; seeds are summed."""
    columns = [Column("Annotated"), Column("Side")]
    columns += [Column("Predicted", words_of(name), "number") for name in table.classes]
    shares = {side.label: _percentages(side.group, table) for side in sides}
    rows: list[tuple[Cell, ...]] = []
    for place, (name, printed) in enumerate(table.rows.items()):
        rows.append((words_of(name), PRINTED, *_percents(printed, table)))
        rows += [(words_of(name), label, *_percents(share[place], table)) for label, share in shares.items()]
    lines = _diagonal_rows(table, shares)
    whole = "predicted" if table.normalised == "columns" else "annotated"
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
    known = group.first["task"]["outputs"]
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
    """Return the counts that are the only ones to give a matrix' printed percentages.

    Args:
        published: what the document prints.
        table: the printed matrix.
        counts: integers (annotated classes, predicted classes).
    """
    columns = [Column("Annotated"), *(Column("Predicted", words_of(name), "number") for name in table.classes)]
    columns.append(Column("Total", kind="number"))
    lines = [*zip(table.classes, counts, strict=True), ("total", counts.sum(axis=0))]
    rows: list[tuple[Cell, ...]] = [
        (words_of(name), *(_count(int(n)) for n in (*line, line.sum()))) for name, line in lines
    ]
    title = f"{published.experiment(table.experiment).title}: the counts behind the printed percentages"
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
    """Return a printed count per class, corpus or set; beside it ours, where the records count the same things."""
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
