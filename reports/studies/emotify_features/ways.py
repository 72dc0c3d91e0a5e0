"""Tables and the picture of the ways in which Emotify's songs can have been labelled and divided."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from common.trials import Trial, Trials
from reports.blocks import Cell, Column, Number, Table
from reports.studies.emotify_features.evidence import (
    ALPHABETICAL,
    CORPUS,
    HANDCRAFTED,
    KNOWN,
    WAYS,
    Evidence,
    confusions_of,
    experiments_of,
    held_against,
    is_plain_order,
    mean_accuracy,
    ratios_of,
    signed,
)
from reports.studies.emotify_features.likelihoods import chi_square, expected, likeliest, own_distances
from reports.studies.emotify_features.ways_figure import ways_figure
from reports.wording import MINUS


def cell_table(found: Evidence) -> Table:
    """Return accuracy and distance to the printed matrix under both labels and both folds."""
    columns = (
        Column("Labels"),
        Column("Folds of"),
        Column("Accuracy (%)", kind="number"),
        Column("Lowest", kind="number"),
        Column("Highest", kind="number"),
        Column("Printed lies at (deviations)", kind="number"),
        Column("Seeds that reach it"),
        Column("Distance to the printed matrix", kind="number"),
        Column("Own runs' distance, mean", kind="number"),
        Column("Own runs' distance, largest", kind="number"),
    )
    rows = [_cell_row(found, labels, folds) for labels in (ALPHABETICAL, CORPUS) for folds in ("piece", "song")]
    notes = (
        "Distance: Pearson's chi square of the counts, given the row totals, from the mean of the runs; that of each "
        "run of ours is from the mean of the others.",
    )
    caption = f"Both labels and both folds, {HANDCRAFTED}: accuracy and matrix against the printed"
    return Table("really-done-cells", caption, columns, tuple(rows), notes=notes)


def _cell_row(found: Evidence, labels: str, folds: str) -> tuple[Cell, ...]:
    group = found.cells[labels, folds]
    values, runs = group.values("accuracy"), confusions_of(group)
    own = own_distances(runs)
    deviation = float(np.std(values, ddof=1))
    apart = (found.printed - float(np.mean(values))) / deviation
    text = f"{100 * np.mean(values):.1f} ± {100 * deviation:.1f}"
    reach = sum(value >= found.printed for value in values)
    return (
        KNOWN[labels],
        folds,
        Number(text, float(np.mean(values)), seeds=dict(zip(group.seeds, values, strict=True))),
        _share(min(values)),
        _share(max(values)),
        Number(signed(apart), apart),
        f"{reach} of {len(values)}",
        _one_decimal(chi_square(found.matrices[HANDCRAFTED], expected(runs))),
        _one_decimal(float(np.mean(own))),
        _one_decimal(max(own)),
    )


def order_table(found: Evidence) -> Table:
    """Return how likely the printed matrix is under every order of the genres, the likeliest first."""
    matrix, orders = found.matrices[HANDCRAFTED], found.orders
    all_cells, errors = likeliest(matrix, orders), likeliest(matrix, orders, errors=True)
    best, least = max(all_cells.values()), max(errors.values())
    rows = [
        (
            order,
            KNOWN.get(order, ""),
            "yes" if order in found.reached else "no",
            _share(float(np.mean([np.trace(run) / run.sum() for run in orders[order]]))),
            _one_decimal(all_cells[order] - best),
            _one_decimal(errors[order] - least),
            _one_decimal(chi_square(matrix, expected(orders[order]))),
        )
        for order in all_cells
    ]
    columns = (
        Column("Order of the genres"),
        Column("Which is"),
        Column("Row totals can come out"),
        Column("Accuracy (%)", kind="number"),
        Column("Log likelihood, all cells", kind="number"),
        Column("Log likelihood, errors alone", kind="number"),
        Column("Distance", kind="number"),
    )
    seeds = len(next(iter(orders.values())))
    notes = (f"Single pieces in the folds, {seeds} seeds each; likelihoods as differences to the best.",)
    caption = "The printed matrix of handcrafted features under every order of the genres"
    return Table("really-done-orders", caption, columns, tuple(rows), notes=notes)


def other_table(found: Evidence) -> Table:
    """Return what other features, classifiers and labels give."""
    columns = (
        Column("Features and classifier, or labels"),
        Column("Matrix held against", kind="code"),
        Column("Seeds, piece folds", kind="number"),
        *(
            Column("Accuracy (%)", f"{KNOWN[labels]}, {folds}", "number")
            for labels in (ALPHABETICAL, CORPUS)
            for folds in ("piece", "song")
        ),
        Column("Log ratio to the corpus' own labels", "all cells", "number"),
        Column("Log ratio to the corpus' own labels", "errors alone", "number"),
    )
    rows = [_other_row(found, name) for name in experiments_of(found.trials)]
    rows += [_bare_row(found, labels) for labels in _other_labels(found.trials)]
    caption = "Other features, classifiers and labels (trials)"
    notes = (
        "The log ratio says how much likelier the printed matrix is, with single pieces in the folds, under the "
        "alphabetical order than under the corpus' own; in the last rows, under the labels named.",
    )
    return Table("really-done-others", caption, columns, tuple(rows), notes=notes)


def _other_row(found: Evidence, experiment: str) -> tuple[Cell, ...]:
    accuracies = [
        _mean_share(found.trials.of(experiment=experiment, labels=labels, folds=folds))
        for labels in (ALPHABETICAL, CORPUS)
        for folds in WAYS
    ]
    return (
        experiment,
        held_against(experiment),
        _seeds(found.trials, experiment, ALPHABETICAL),
        *accuracies,
        *_signs(ratios_of(found, experiment, ALPHABETICAL)),
    )


def _signs(ratios: tuple[float, float] | None) -> list[Cell]:
    return [Number(signed(ratio), ratio) for ratio in ratios] if ratios else [None, None]


def _other_labels(trials: Trials) -> list[str]:
    """Return labels that are no plain order of the genres."""
    return list(dict.fromkeys(one.labels for one in trials.all if not is_plain_order(one.labels)))


def _bare_row(found: Evidence, labels: str) -> tuple[Cell, ...]:
    """Return a row of labels that are neither order: their accuracies stand under the alphabetical's."""
    own = [_mean_share(found.trials.of(experiment=HANDCRAFTED, labels=labels, folds=folds)) for folds in WAYS]
    seeds = _seeds(found.trials, HANDCRAFTED, labels)
    return (
        f"{HANDCRAFTED}, {labels}",
        HANDCRAFTED,
        seeds,
        *own,
        None,
        None,
        *_signs(ratios_of(found, HANDCRAFTED, labels)),
    )


def _seeds(trials: Trials, experiment: str, labels: str) -> Number:
    count = len(trials.of(experiment=experiment, labels=labels, folds="piece"))
    return Number(f"{count}", count)


def _mean_share(own: Sequence[Trial]) -> Cell:
    if not own:
        return None
    values = {one.seed: one.accuracy for one in own}
    text = f"{100 * mean_accuracy(own):.1f}"
    if len(own) > 1:
        text += f" ± {100 * float(np.std(list(values.values()), ddof=1)):.1f}"
    return Number(text, mean_accuracy(own), seeds=values)


def _share(value: float) -> Number:
    return Number(f"{100 * value:.1f}", value)


def _one_decimal(value: float) -> Number:
    return Number(f"{value:.1f}".replace("-", MINUS), value)


def draw(found: Evidence, document: str) -> Figure:
    """Draw the likelihood of the printed matrix under every order of the genres, in the order of the table."""
    matrix, orders = found.matrices[HANDCRAFTED], found.orders
    all_cells, errors = likeliest(matrix, orders), likeliest(matrix, orders, errors=True)
    best, least = max(all_cells.values()), max(errors.values())
    rows = {_labelled(order, found.reached): (all_cells[order] - best, errors[order] - least) for order in all_cells}
    return ways_figure(
        rows,
        ("all cells", "errors alone"),
        "The printed confusion matrix under each order of the genres",
        [
            f"Printed: {document}; * the row totals can come out exactly",
            "Obtained: mean matrices of our trials, single pieces in the folds",
        ],
        "log likelihood, difference to the best",
    )


def _labelled(order: str, reached: Sequence[str]) -> str:
    known = f" ({KNOWN[order]})" if order in KNOWN else ""
    return f"{order}{known}{' *' * (order in reached)}"
