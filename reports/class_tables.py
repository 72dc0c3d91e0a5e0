"""Tables of classes, tags or scales: precision, recall and F1 of each, the published ones beside ours.

Where runs tested clips of several corpora, a table has the scores within each; where a switch was set to other values,
one has the scores of each class under each value.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np

from common.published import Published
from common.published.comparability import corpus_title
from common.published.schema import MEANS, SCORES, ClassTable
from reports.blocks import Cell, Column, Number, Table
from reports.by_corpus import corpora_of, within
from reports.columns import (
    FOLDED,
    MEAN_TITLE,
    PRINTED,
    SCORE_TITLE,
    Side,
    count_cell,
    every_side_of,
    heading,
    notes_on,
    number_of,
    ours,
    place_of,
    precise,
    split_of,
)
from reports.results import Group
from reports.wording import MINUS, title_of, words_of

OF_OUTPUT = {"classification": "f1", "tagging": "lwlrap", "regression": "mae"}
"""The score by which classes, tags or scales are compared under the values of a switch."""


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
        f"{published.experiment(experiment).short}: class by class{place}",
        tuple(columns),
        (*rows, *_summary_rows(published, table, sides)),
        summary=1 + len(MEANS),
        notes=(
            *notes_on(published, sides),
            *split_of([table] if table else []),
            *filter(None, [published.data_of(experiment).note]),
        ),
    )


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
        theirs.append(count_cell(row.support) if row and row.support is not None else None)
    return (words_of(name), *_beside(theirs, [_class_cells(side.group, name) for side in sides]))


def _as_printed(value: float, table: ClassTable) -> Number:
    return Number(f"{value:.{table.decimals}f}", value)


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
    items = table.counted if table else None
    n = count_cell(items.n) if items else None
    accuracy = _as_printed(items.accuracy, table) if table and items else None
    theirs: list[Cell] | None = ["", "", accuracy, n] if table else None
    obtained: list[list[Cell]] = [
        ["", "", _accuracy(side.group), count] for side, count in zip(sides, counted, strict=True)
    ]
    rows: list[tuple[Cell, ...]] = [("Accuracy", *_beside(theirs, obtained))]
    for mean in MEANS:
        line = table.means.get(mean) if table else None
        scores = [_as_printed(value, table) for value in line] if table and line else [None] * len(SCORES)
        printed = [*scores, n] if table else None
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
            *(_score_of(side.group, score=score, output=name) for score in scores for side in sides),
            *(_support_of(side.group, name) for side in sides),
        )
        for name in outputs
    ]
    title = f"{published.experiment(experiment).short}: scores of each output"
    notes = tuple(notes_on(published, sides))
    return Table(f"outputs-{experiment}", title, tuple(columns), tuple(rows), notes=notes, folded=len(rows) > FOLDED)


def _score_of(group: Group, *, score: str, output: str) -> Cell:
    result = group.result(score, output)
    return number_of(result.seeds, lambda value: f"{value:.3f}".replace("-", MINUS), result) if result else None


def _support_of(group: Group, output: str) -> Cell:
    rows = {run.seed: run.data["per_output"].get(output) for run in group.runs}
    counts = {seed: row["support"] for seed, row in rows.items() if row}
    return _counts_of(counts) if counts else None


def corpus_table(published: Published, experiment: str, sides: Sequence[Side]) -> Table | None:
    """Return the headline metric within each corpus, and of a classification the scores of each class there.

    None if all runs tested clips of one corpus.

    Args:
        published: what the document publishes.
        experiment: id.
        sides: the experiment's groups, at least one.
    """
    corpora = corpora_of([side.group for side in sides])
    if len(corpora) < 2:
        return None
    classified = all(side.group.kind == "classification" for side in sides)
    row_of = _rows_of_classes if classified else _row_of_headline
    rows = [
        (corpus_title(corpus, published), *cells)
        for corpus in corpora
        for cells in row_of(published, [within(side.group, corpus) for side in sides])
    ]
    titles = list(SCORE_TITLE.values()) if classified else [heading(published, sides[0].group.headline), "n"]
    columns = [Column("Corpus"), *([Column("Class")] if classified else [])]
    columns += [Column(title, label, "number") for title in titles for label in _labels(sides)]
    title = f"{published.experiment(experiment).short}: corpus by corpus"
    notes = tuple(notes_on(published, sides))
    return Table(f"corpora-{experiment}", title, tuple(columns), tuple(rows), notes=notes)


def _rows_of_classes(published: Published, groups: Sequence[Group | None]) -> list[tuple[Cell, ...]]:
    """Return the accuracy within a corpus, in the column of F1 as in `class_table`, and a row per class it has."""
    known = [group for group in groups if group]
    tested = {name: sum(_support(group, name) for group in known) for group in known for name in group.outputs}
    accuracies = [["", "", _share(group, "accuracy"), _clips(group)] if group else [None] * 4 for group in groups]
    rows: list[tuple[Cell, ...]] = [("Accuracy", *_beside(None, accuracies))]
    for name, support in tested.items():
        if support:
            cells = [_class_cells(group, name) if group else [None] * 4 for group in groups]
            rows.append((words_of(name), *_beside(None, cells)))
    return rows


def _row_of_headline(published: Published, groups: Sequence[Group | None]) -> list[tuple[Cell, ...]]:
    cells = [[precise(published, group, group.headline), _clips(group)] if group else [None] * 2 for group in groups]
    return [tuple(_beside(None, cells))]


def _support(group: Group, name: str) -> int:
    return sum(run.data["per_output"][name]["support"] for run in group.runs)


def _clips(group: Group) -> Number:
    """Return how many clips each run of a group tested."""
    return _counts_of({run.seed: len(run.true) for run in group.runs})


def _share(group: Group, metric: str, output: str | None = None) -> Cell:
    """Return a score between 0 and 1 with its interval."""
    result = group.result(metric, output)
    if result is None:
        return None
    low, high = result.interval
    text = f"{result.value:.3f} [{low:.3f}, {high:.3f}]"
    return Number(text, result.value, result.interval, result.n, result.seeds)


def switch_table(published: Published, experiment: str, groups: Sequence[Group]) -> Table | None:
    """Return the scores overall, within each corpus and of each class, tag or scale under each value of switches.

    None if no switch was set to another value.

    Args:
        published: what the document publishes.
        experiment: id.
        groups: the experiment's groups.
    """
    changed = [group for group in groups if group.first["changed"]]
    if not changed:
        return None
    bases = {group.protocol.partition("+")[0] for group in changed}
    sides = every_side_of([group for group in groups if group in changed or group.protocol in bases])
    columns, cells = zip(*_measures(published, [side.group for side in sides]), strict=True)
    values = [[cell(side.group) for side in sides] for cell in cells]  # (scores, sides)
    names = [side.name for side in sides]
    if len(columns) > FOLDED:  # many tags: a row for each
        shown = (Column("Score"), *(Column(name, kind="number") for name in names))
        rows = [(column.heading, *of_score) for column, of_score in zip(columns, values, strict=True)]
    else:
        shown = (Column("Protocol"), *columns)
        rows = [(name, *of_side) for name, of_side in zip(names, zip(*values, strict=True), strict=True)]
    title = f"{published.experiment(experiment).short}: what the values of switches change"
    note = "published+x=y is the protocol published with the value y for its switch x."
    folded = len(rows) > FOLDED
    return Table(f"switches-{experiment}", title, shown, tuple(rows), notes=(note,), folded=folded)


def _measures(published: Published, groups: Sequence[Group]) -> list[tuple[Column, Callable[[Group], Cell]]]:
    """Return the columns of scores, each with what makes its cell of a group."""
    headline, score = groups[0].headline, OF_OUTPUT[groups[0].kind]
    corpora, outputs = corpora_of(groups), dict.fromkeys(name for group in groups for name in group.outputs)
    metric = heading(published, headline)
    found: list[tuple[Column, Callable[[Group], Cell]]] = [
        (Column(metric, "all" if len(corpora) > 1 else "", "number"), partial(_headline, published))
    ]
    for corpus in corpora if len(corpora) > 1 else ():
        column = Column(metric, corpus_title(corpus, published), "number")
        found.append((column, partial(_headline, published, corpus=corpus)))
    for output in outputs if len(outputs) > 1 else ():
        found.append(
            (Column(title_of(score), words_of(output), "number"), partial(_score_of, score=score, output=output))
        )
    return found


def _headline(published: Published, group: Group, *, corpus: str | None = None) -> Cell:
    part = within(group, corpus) if corpus else group
    return precise(published, part, part.headline) if part else None
