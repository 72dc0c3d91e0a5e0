"""Tables and the picture of the ways in which Emotify's songs may have been labelled and divided."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from reports.blocks import Cell, Column, Number, Table
from reports.figures.sheet import BLUE, ORANGE
from reports.studies.emotify_features.dots_figure import Rows, dots_figure
from reports.studies.emotify_features.evidence import (
    ALPHABETICAL,
    BY_NAME,
    CORPUS,
    FOLDS,
    HANDCRAFTED,
    KNOWN,
    PERMUTED,
    Evidence,
    compared_with,
    confusion_of,
    genres_of,
    named_labels,
)
from reports.studies.emotify_features.likelihoods import chi_square, expected, likeliest, own_distances
from reports.wording import MINUS, signed


def cell_table(found: Evidence) -> Table:
    """Return accuracy and distance to the published matrix under both known orders and both kinds of folds."""
    columns = (
        Column("Labels"),
        Column("Folds of"),
        Column("Accuracy (%)", kind="number"),
        Column("Lowest", kind="number"),
        Column("Highest", kind="number"),
        Column(f"Published {MINUS} mean (std of seeds)", kind="number"),
        Column("Seeds that reach the published accuracy"),
        Column("Distance to the published matrix", kind="number"),
        Column("Distance of our runs, mean", kind="number"),
        Column("Distance of our runs, largest", kind="number"),
    )
    rows = [_cell_row(found, labels, folds) for labels in (ALPHABETICAL, CORPUS) for folds in FOLDS]
    notes = (
        "Distance: Pearson's chi square of a matrix' counts from the mean of our runs, given the row totals. Each run "
        "of ours is compared with the mean of the others.",
    )
    caption = f"Both orders and both kinds of folds, {HANDCRAFTED}: accuracy and matrix, published and ours"
    return Table("really-done-cells", caption, columns, tuple(rows), notes=notes)


def _cell_row(found: Evidence, labels: str, folds: str) -> tuple[Cell, ...]:
    group = found.groups[HANDCRAFTED, labels, folds]
    values, runs = group.values("accuracy"), [confusion_of(run) for run in group.runs]
    own = own_distances(runs)
    std = float(np.std(values, ddof=1))
    apart = (found.published - float(np.mean(values))) / std
    reach = sum(value >= found.published for value in values)
    return (
        KNOWN[labels],
        folds,
        _mean_share(dict(zip(group.seeds, values, strict=True))),
        _share(min(values)),
        _share(max(values)),
        Number(signed(apart, 1), apart),
        f"{reach} of {len(values)}",
        _one_decimal(chi_square(found.matrices[HANDCRAFTED], expected(runs))),
        _one_decimal(float(np.mean(own))),
        _one_decimal(max(own)),
    )


def order_table(found: Evidence) -> Table:
    """Return how likely the published matrix is under every order of the genres, the likeliest first."""
    matrix, orders = found.matrices[HANDCRAFTED], found.orders
    all_cells, errors = likeliest(matrix, orders), likeliest(matrix, orders, errors=True)
    best, least = max(all_cells.values()), max(errors.values())
    rows = [
        (
            " ".join(genres_of(order)),
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
        Column("Name"),
        Column("Can give the row totals"),
        Column("Accuracy (%)", kind="number"),
        Column("Log likelihood, all cells", kind="number"),
        Column("Log likelihood, errors alone", kind="number"),
        Column("Distance", kind="number"),
    )
    seeds = len(next(iter(orders.values())))
    notes = (f"Single pieces in the folds, {seeds} seeds per order. Likelihoods are differences to the best order.",)
    caption = "The published matrix of the handcrafted features under every order of the genres"
    return Table("really-done-orders", caption, columns, tuple(rows), notes=notes)


def other_table(found: Evidence) -> Table:
    """Return the results of other features, classifiers and labels."""
    columns = (
        Column("Features and classifier, or labels"),
        Column("Compared with the matrix of", kind="code"),
        *(Column("Seeds", f"{folds} folds", "number") for folds in FOLDS),
        *(
            Column("Accuracy (%)", f"{KNOWN[labels]}, {folds}", "number")
            for labels in (ALPHABETICAL, CORPUS)
            for folds in FOLDS
        ),
        Column("Log likelihood ratio to the corpus' own labels", "all cells", "number"),
        Column("Log likelihood ratio to the corpus' own labels", "errors alone", "number"),
    )
    rows = [_experiment_row(found, name) for name in found.experiments]
    rows += [_labels_row(found, labels) for labels in _other_labels(found)]
    caption = "Other features, classifiers and labels"
    notes = (
        "The log likelihood ratio is that of the published matrix, with single pieces in the folds: above 0, it is "
        "likelier under the alphabetical order than under the corpus' own. In the last rows, the labels named take the "
        "place of the alphabetical order.",
    )
    return Table("really-done-others", caption, columns, tuple(rows), notes=notes)


def _experiment_row(found: Evidence, experiment: str) -> tuple[Cell, ...]:
    accuracies = [found.accuracies(experiment, labels, folds) for labels in (ALPHABETICAL, CORPUS) for folds in FOLDS]
    return (
        experiment,
        compared_with(experiment),
        *map(_count, accuracies[: len(FOLDS)]),
        *map(_mean_share, accuracies),
        *_ratios(found, experiment, ALPHABETICAL),
    )


def _other_labels(found: Evidence) -> list[str]:
    """Return the labels that are not by an order of the genres alone."""
    values = [track_ids for of, track_ids, folds in found.groups if (of, folds) == (HANDCRAFTED, "piece")]
    known = [f"{order}{BY_NAME}" for order in KNOWN] + [PERMUTED]
    return [one for one in known if one in values]


def _labels_row(found: Evidence, labels: str) -> tuple[Cell, ...]:
    """Return the row of labels in neither order; their accuracies are in the columns of the alphabetical order."""
    accuracies = [found.accuracies(HANDCRAFTED, labels, folds) for folds in FOLDS]
    return (
        f"{HANDCRAFTED}, {named_labels(labels)}",
        HANDCRAFTED,
        *map(_count, accuracies),
        *map(_mean_share, accuracies),
        None,
        None,
        *_ratios(found, HANDCRAFTED, labels),
    )


def _ratios(found: Evidence, experiment: str, labels: str) -> list[Number]:
    return [Number(signed(ratio, 1), ratio) for ratio in found.ratios(experiment, labels)]


def _count(values: dict[int, float]) -> Cell:
    return Number(f"{len(values)}", len(values)) if values else None


def _mean_share(values: dict[int, float]) -> Cell:
    """Return the mean of several seeds, with their standard deviation."""
    if not values:
        return None
    mean, std = float(np.mean(list(values.values()))), float(np.std(list(values.values()), ddof=1))
    return Number(f"{100 * mean:.1f} ± {100 * std:.1f}", mean, seeds=values)


def _share(value: float) -> Number:
    return Number(f"{100 * value:.1f}", value)


def _one_decimal(value: float) -> Number:
    return Number(f"{value:.1f}".replace("-", MINUS), value)


def draw(found: Evidence, document: str) -> Figure:
    """Draw the likelihood of the published matrix under every order of the genres, in the order of the table."""
    matrix, orders = found.matrices[HANDCRAFTED], found.orders
    all_cells, errors = likeliest(matrix, orders), likeliest(matrix, orders, errors=True)
    best, least = max(all_cells.values()), max(errors.values())
    rows: Rows = {
        _labelled(order, found.reached): [(all_cells[order] - best, None), (errors[order] - least, None)]
        for order in all_cells
    }
    return dots_figure(
        {"": rows},
        {"all cells": (BLUE, "o"), "errors alone": (ORANGE, "D")},
        "log likelihood, difference to the best order",
        "The published confusion matrix under each order of the genres",
        [
            f"Published: {document}; * can give the row totals exactly",
            "Ours: mean matrices of our runs, single pieces in the folds",
        ],
    )


def _labelled(order: str, reached: Sequence[str]) -> str:
    known = f" ({KNOWN[order]})" if order in KNOWN else ""
    return f"{' '.join(genres_of(order))}{known}{' *' * (order in reached)}"
