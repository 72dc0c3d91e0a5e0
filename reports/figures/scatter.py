"""True against predicted values of a regression, output by output."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from common.published import Published
from reports.figures.sheet import GREY, MARGIN, Picture, about, look, name_of, sheet, styled
from reports.results import Group, whole_protocols

SIDE = 2.8
"""Inches of one panel."""
COLUMNS = 2
MOST = 8
"""Outputs in one picture."""


def pictures(published: Published, groups: Sequence[Group]) -> Iterator[Picture]:
    """List a picture for each group of trained regressions; of several seeds, it shows the lowest."""
    for group in whole_protocols(groups):
        if group.kind == "regression" and any(fold["epochs"] for fold in group.first["folds"]):
            yield Picture(
                name=name_of("scatter", group, groups),
                title=f"Predicted against true values of {published.experiment(group.experiment).short}, protocol "
                f"{group.protocol}: a dot for each test clip",
                experiment=group.experiment,
                protocol=group.protocol,
                demo=group.demo,
                draw=partial(scatter_figure, published, group),
            )


def slope_of(true: np.ndarray, predicted: np.ndarray) -> float:
    """Return the least-squares slope of predicted on true values (n,): 1 where none is lost, 0 for a constant."""
    deviation = true - true.mean()
    return float((deviation * (predicted - predicted.mean())).sum() / (deviation**2).sum())


@styled
def scatter_figure(published: Published, group: Group) -> Figure:
    """Draw a dot per test clip, the diagonal, and the least-squares line with its slope."""
    run = group.runs[0]
    tested = run.record.tested()
    outputs = group.outputs[:MOST]
    rows, columns = -(-len(outputs) // COLUMNS), min(COLUMNS, len(outputs))
    seed = f" of seed {run.seed}" if len(group.runs) > 1 else ""
    lines = [*about(group, published), f"Dots: clips{seed}; grey: predicted = true; line: least squares"]
    title = f"{published.experiment(group.experiment).short}: true and predicted"
    pitch = SIDE + 0.75
    page = sheet(rows * pitch, title, lines, demo=group.demo, width=2 * MARGIN + columns * (SIDE + 0.75))
    colour, _ = look(group)
    for place, name in enumerate(outputs):
        true, predicted = (values[:, place].astype(float) for values in (tested.true, tested.predicted))
        row, column = divmod(place, COLUMNS)
        axes = page.axes(MARGIN + 0.55 + column * (SIDE + 0.75), row * pitch + 0.25, SIDE, SIDE)
        ends = np.array([min(true.min(), predicted.min()), max(true.max(), predicted.max())])
        axes.plot(ends, ends, color=GREY, linewidth=1)
        axes.plot(true, predicted, ".", color=colour, alpha=0.5, markersize=4)
        slope = slope_of(true, predicted)
        span = np.array([true.min(), true.max()])
        axes.plot(span, predicted.mean() + slope * (span - true.mean()), color=colour, linewidth=1.5)
        axes.set_title(f"{name.replace('_', ' ')}: n = {len(true):,}, slope {slope:.2f}", loc="left")
        axes.set_xlabel("true")
        axes.set_ylabel("predicted")
    return page.figure
