"""Learning curves of one group: every quantity that was followed, for each fold, stage and seed."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from common.published import Published
from reports.figures.sheet import BLUE, ORANGE, PURPLE, RED, Picture, about, key, name_of, sheet, styled
from reports.results import Group, whole_protocols
from reports.wording import in_words

PITCH = 3.0
"""Inches from one row of panels to the next."""
LINES = {"train": (BLUE, "-"), "again": (PURPLE, "--"), "validation": (ORANGE, "-")}
MANY = 8
"""More best epochs than this are given as a range."""


def pictures(published: Published, groups: Sequence[Group]) -> Iterator[Picture]:
    """List the learning curves of a study; what was fitted at once has none."""
    for group in whole_protocols(groups):
        if followed(group):
            yield Picture(
                name=name_of("curves", group, groups),
                title=f"Learning curves of {published.experiment(group.experiment).short}, protocol {group.protocol}: "
                f"{' and '.join(map(in_words, followed(group)))} by epoch",
                experiment=group.experiment,
                protocol=group.protocol,
                demo=group.demo,
                draw=partial(curves_figure, group, published),
            )


def followed(group: Group) -> list[str]:
    """Return the quantities that a group's histories have for training and validation, the loss first."""
    if all(run.history.empty for run in group.runs):
        return []
    columns = list(group.runs[0].history.columns)
    return [name for name in columns if f"val_{name}" in columns]


@styled
def curves_figure(group: Group, published: Published) -> Figure:
    """Draw each quantity by epoch for training and validation; a dot marks the epoch whose weights were kept."""
    quantities = followed(group)
    rows = -(-len(quantities) // 2)
    title = f"{published.experiment(group.experiment).short}: learning curves"
    page = sheet(PITCH * rows, title, about(group, published), demo=group.demo, keys=_keys(group))
    for place, quantity in enumerate(quantities):
        row, column = divmod(place, 2)
        axes = page.axes(0.55 + 3.15 * column, 0.22 + PITCH * row, 2.7, PITCH - 0.75)
        _draw(axes, group, quantity)
        axes.set_title(in_words(quantity), loc="left")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return page.figure


def _draw(axes: Axes, group: Group, quantity: str) -> None:
    lines: dict[str, list[np.ndarray]] = {"train": [], "again": [], "validation": []}
    best = []
    for run in group.runs:
        kept = {fold["fold"]: fold["best_epoch"] for fold in run.data["folds"]}
        for (fold, stage), epochs in run.history.groupby(["fold", "stage"], sort=True):
            if stage == "retrain":
                lines["again"].append(_line(epochs, quantity))
                continue
            lines["train"].append(_line(epochs, quantity))
            validation = _line(epochs, f"val_{quantity}")
            lines["validation"].append(validation)
            best.append(validation[validation[:, 0] == kept.get(fold)])
    style: dict[str, Any] = {"linewidths": 0.9, "alpha": 0.55} if len(best) > 1 else {"linewidths": 1.6}
    for name, (colour, dashes) in LINES.items():
        axes.add_collection(LineCollection(lines[name], colors=colour, linestyles=dashes, label=name, **style))
    axes.plot(*np.concatenate(best).T, "o", color=RED, markersize=4.5, zorder=5)
    axes.autoscale_view()


def _line(epochs: pd.DataFrame, column: str) -> np.ndarray:
    return np.column_stack([epochs["epoch"], epochs[column]]).astype(float)


def _keys(group: Group) -> list[Line2D]:
    lines = [key("training", BLUE), key("validation", ORANGE)]
    if any((run.history["stage"] == "retrain").any() for run in group.runs):
        lines.append(key("trained again", PURPLE, line="--"))
    best = [row["best_epoch"] for run in group.runs for row in run.data["folds"] if row["best_epoch"] is not None]
    if best:
        shown = ", ".join(map(str, best)) if len(best) <= MANY else f"{min(best)} to {max(best)}"
        lines.append(key(f"best epoch ({shown})", RED, marker="o", line=""))
    return lines
