"""Tables of results, confusions, parameters and counts: the published numbers, and ours beside them.

Numbers are written as the document writes its own. Without a record a table shows the published ones alone. Below every
table stands what data our columns are from, and that they are not comparable where that is not the document's.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from common.published import Published
from common.published.schema import ConfusionTable, Counts, Metric, ResultTable
from reports.blocks import Cell, Column, Number, Table
from reports.columns import (
    BEST_EPOCH,
    KNOWN,
    PRINTED,
    Side,
    count_cell,
    each_seed,
    finer,
    heading,
    labels_of,
    leaks_of,
    marked,
    notes_on,
    ours,
    place_of,
    precise,
    printed_number,
    ranked_by,
    setting_cell,
    split_of,
    written,
)
from reports.results import VALIDATED, Group
from reports.verdicts import Verdicts
from reports.wording import in_words, sentence, words_of


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
        Column("Interval"),
        Column("Seed by seed"),
    )
    title = f"{published.experiment(experiment).short}: overall numbers, ours with their 95 % intervals"
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
            result = side.group.result(name)
            spread = _spread(finer(published, name, experiment), obtained, result.method if result else "")
            found.append((heading(published, name), verdict, side.name, printed, *spread))
    if not found:
        verdict, _ = verdicts.on_first(experiment, name)
        found.append((heading(published, name), verdict, None, printed, None, None, None, "", ""))
    return found


def _spread(metric: Metric, number: Number, method: str) -> tuple[Cell, ...]:
    """Return a number, how many items are behind it, its std, the method of its interval, and each seed."""
    n = Number(f"{number.n:,}", number.n) if number.n is not None else None
    spread = number.std
    std = Number(written(metric, spread), spread) if spread is not None else None
    return number, n, std, method, each_seed(number.seeds, metric)


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
        lines.append((one.short, *cells, verdicts.on_first(one.id, ranked)[0], one.id))
    notes = [*leaks_of(own), *notes_on(published, own), *split_of(tables), f"The verdict is on {in_words(ranked)}."]
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
    return [_marked(layout.published, groups[label], name) if label in groups else None for label in labels]


def _marked(published: Published, group: Group, name: str) -> Cell:
    """Return a group's number, with a mark if it is a score of test clips that are not apart from the others."""
    number = ours(published, group, name)
    tested = group.result(name) is not None and not name.startswith(VALIDATED)
    return marked(number, group) if tested else number


def confusion_table(published: Published, table: ConfusionTable, sides: Sequence[Side]) -> Table:
    """Return a published confusion matrix in percentages with ours below each of its rows; seeds are summed.

    Published counts stand as percentages of the true class.
    """
    columns = [Column("True label"), Column("Side")]
    columns += [Column("Predicted", words_of(name), "number") for name in table.classes]
    shares = {side.label: _percentages(side.group, table) for side in sides if side.group.kind == "classification"}
    rows: list[tuple[Cell, ...]] = []
    for place, (name, printed) in enumerate(table.percentages.items()):
        rows.append((words_of(name), PRINTED, *_percents(printed, table)))
        rows += [(words_of(name), label, *_percents(share[place], table)) for label, share in shares.items()]
    lines = _diagonal_rows(table, shares)
    whole = "predicted" if table.normalised == "columns" else "true"
    whose, where = published.experiment(table.experiment).short, place_of(table.table, table.section)
    title = f"{whose}: confusion matrix, % of each {whole} class, {where}"
    name = f"confusion-{table.experiment}"
    restored = ", ".join(words_of(name) for name in table.restored)
    notes = [*notes_on(published, sides), *split_of([table])]
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
    """Return the counts that are published, or are the only ones to give a matrix' published percentages.

    Args:
        published: what the document publishes.
        table: the published matrix.
        counts: integers (true classes, predicted classes).
    """
    columns = [Column("True label"), *(Column("Predicted", words_of(name), "number") for name in table.classes)]
    columns.append(Column("Total", kind="number"))
    lines = [*zip(table.classes, counts, strict=True), ("total", counts.sum(axis=0))]
    rows: list[tuple[Cell, ...]] = [
        (words_of(name), *(count_cell(int(n)) for n in (*line, line.sum()))) for name, line in lines
    ]
    which = "published counts" if table.normalised == "counts" else "counts behind the published percentages"
    title = f"{published.experiment(table.experiment).short}: the {which}"
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
        rows.append((experiment.short, *(_whole(value) for value in (*total, *trainable)), how, experiment.id))
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
