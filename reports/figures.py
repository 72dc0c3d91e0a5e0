"""Pictures of one study as PNG, in one style; a picture of the demo corpus says so in itself.

The same records give the same bytes: no dates and no software names are written into the files.
"""

import math
import re
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from common.metrics import Interval, wilson
from common.published import Experiment, Published
from reports.collect import Group
from reports.compare import Effect, data_in_words, obstacle, signed

# Okabe and Ito's colours, which all kinds of colour vision tell apart.
BLACK, ORANGE, GREEN, BLUE, RED, PURPLE = "#000000", "#E69F00", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#7F7F7F"
COLOUR_OF = {"published": BLUE, "corrected": GREEN, "independent": RED}
MARKER_OF = {"published": "o", "corrected": "s", "independent": "D"}
DEMO = "DEMO CORPUS: synthesised sounds, not a result"
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "legend.frameon": False,
    "figure.titlesize": 11,
}
DPI = 110


def draw_all(published: Published, groups: Sequence[Group], effects: Sequence[Effect], folder: Path) -> list[Path]:
    """Draw every picture of one study into a folder and return the files.

    Args:
        published: what the document prints.
        groups: the study's groups.
        effects: what protocols and switches change.
        folder: where the pictures go; made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plain = [group for group in groups if not group.first["changed"]]
    pictures: dict[str, Callable[[], Figure]] = {ACCURACY: partial(accuracy_figure, published, plain)}
    for group in plain:
        pictures[name_of("confusion", group, groups)] = partial(confusion_figure, group, published)
        pictures[name_of("curves", group, groups)] = partial(curves_figure, group, published)
    for protocol, demo in compared(groups):
        chosen = [group for group in plain if group.protocol == protocol and group.demo == demo]
        pictures[compared_name(protocol, demo)] = partial(compared_figure, chosen, published)
    if slips := slip_effects(effects):
        pictures[SLIPS] = partial(slips_figure, slips, published)
    return [_save(draw, folder / name) for name, draw in pictures.items()]


ACCURACY = "accuracy.png"
SLIPS = "slips.png"


def name_of(kind: str, group: Group, groups: Sequence[Group]) -> str:
    """Return the file name of a group's picture; numbered where several groups share experiment and protocol."""
    alike = [other for other in groups if (other.experiment, other.protocol) == (group.experiment, group.protocol)]
    number = f"-{alike.index(group) + 1}" if len(alike) > 1 else ""
    return re.sub(r"[^A-Za-z0-9.]+", "-", f"{kind}-{group.experiment}-{group.protocol}{number}") + ".png"


def compared(groups: Sequence[Group]) -> list[tuple[str, bool]]:
    """Return the protocols (and whether on the demo corpus) with at least two experiments to compare."""
    plain = [(group.protocol, group.demo) for group in groups if not group.first["changed"]]
    return [key for key in dict.fromkeys(plain) if plain.count(key) > 1]


def compared_name(protocol: str, demo: bool) -> str:
    """Return the file name of the picture of all confusion matrices of a protocol."""
    return f"confusions-{protocol}{'-demo' if demo else ''}.png"


def slip_effects(effects: Sequence[Effect]) -> list[Effect]:
    """Return the effects of single switches (not of whole protocols)."""
    return [effect for effect in effects if effect.other.first["changed"]]


def _save(draw: Callable[[], Figure], path: Path) -> Path:
    with mpl.rc_context(STYLE):
        draw().savefig(path, dpi=DPI, facecolor="white", metadata={"Software": None})
    return path


def _canvas(width: float, height: float, title: str, *, demo: bool) -> Figure:
    """Make a figure whose title leaves room at its top; a demo is marked across it."""
    figure = Figure(figsize=(width, height))
    figure.text(0.02, 1 - 0.10 / height, title, va="top", ha="left", fontsize=10.5, linespacing=1.4)
    if demo:
        figure.text(0.98, 0.06 / height, DEMO, va="bottom", ha="right", color=RED, fontsize=9, weight="bold")
        figure.text(0.5, 0.5, "DEMO", rotation=25, alpha=0.08, fontsize=13 * width, ha="center", va="center", zorder=9)
    return figure


def _title(group: Group, published: Published) -> str:
    folds = len(group.first["folds"])
    counted = [f", {folds} folds"] * (folds > 1) + [f", {len(group.runs)} seeds"] * (len(group.runs) > 1)
    words = data_in_words(group.first, published)
    return f"{published.experiment(group.experiment).title}: protocol {group.protocol}{''.join(counted)}\n{words}"


def confusion_figure(group: Group, published: Published) -> Figure:
    """Draw a group's confusion matrix: counts (summed over seeds) and percentages of each row."""
    figure = _canvas(6.4, 6.0, _title(group, published), demo=group.demo)
    axes = figure.add_axes((0.15, 0.14, 0.82, 0.73))
    _matrix(axes, group, counts=True)
    axes.set_xlabel("predicted")
    axes.set_ylabel("annotated")
    return figure


def _matrix(axes: Axes, group: Group, *, counts: bool) -> None:
    confusion, classes = group.confusion, group.first["classes"]
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    for (row, column), share in np.ndenumerate(shares):
        text = f"{confusion[row, column]}\n{share:.0%}" if counts else f"{100 * share:.0f}"
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            color="white" if share > 0.68 else "#222222",
            fontsize=8.5 if counts else 7,
        )
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks(range(len(classes)), classes, rotation=0 if counts else 90)
    axes.set_yticks(range(len(classes)), classes)


def compared_figure(groups: Sequence[Group], published: Published) -> Figure:
    """Draw the confusion matrices of several experiments side by side, in row percentages."""
    columns = min(3, len(groups))
    rows = math.ceil(len(groups) / columns)
    first = groups[0]
    width, height = 3.3 * columns + 0.6, 3.5 * rows + 1.0
    title = f"Confusion matrices, % of each annotated class\nprotocol {first.protocol}; " + data_in_words(
        first.first, published
    )
    figure = _canvas(width, height, title, demo=first.demo)
    for place, group in enumerate(groups):
        row, column = divmod(place, columns)
        left, top = (0.8 + 3.3 * column) / width, (height - 1.0 - 3.5 * row) / height
        axes = figure.add_axes((left, top - 2.6 / height, 2.5 / width, 2.5 / height))
        _matrix(axes, group, counts=False)
        axes.set_title(f"{group.experiment}, accuracy {group.estimate('accuracy').value:.3f}", fontsize=9)
        if column:
            axes.set_yticklabels([])
    return figure


def curves_figure(group: Group, published: Published) -> Figure:
    """Draw loss and accuracy by epoch for training and validation; a dot marks the epoch whose weights were kept."""
    figure = _canvas(9.0, 4.4, _title(group, published), demo=group.demo)
    several = sum(len(run.data["folds"]) for run in group.runs) > 1
    for place, quantity in enumerate(("loss", "accuracy")):
        axes = figure.add_axes((0.07 + 0.48 * place, 0.24, 0.44, 0.56))
        for run in group.runs:
            for (fold, stage), epochs in run.history.groupby(["fold", "stage"], sort=True):
                _curve(axes, epochs, quantity, str(stage), several=several)
                if stage != "retrain":
                    _best(axes, epochs, quantity, _best_epoch(run.data["folds"], fold))
        axes.set_title(quantity)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _curve_legend(figure, group)
    return figure


def _curve(axes: Axes, epochs: pd.DataFrame, quantity: str, stage: str, *, several: bool) -> None:
    style: dict[str, Any] = {"linewidth": 0.9 if several else 1.6, "alpha": 0.55 if several else 1.0}
    if stage == "retrain":
        axes.plot(epochs["epoch"], epochs[quantity], color=PURPLE, linestyle="--", zorder=3, **style)
        return
    axes.plot(epochs["epoch"], epochs[quantity], color=BLUE, **style)
    axes.plot(epochs["epoch"], epochs[f"val_{quantity}"], color=ORANGE, **style)


def _best_epoch(folds: list[dict[str, Any]], fold: Hashable) -> int | None:
    return next((row["best_epoch"] for row in folds if row["fold"] == fold), None)


def _best(axes: Axes, epochs: pd.DataFrame, quantity: str, best: int | None) -> None:
    row = epochs[epochs["epoch"] == best]
    axes.plot(row["epoch"], row[f"val_{quantity}"], "o", color=RED, markersize=4.5, zorder=5)


def _curve_legend(figure: Figure, group: Group) -> None:
    stages = {stage for run in group.runs for stage in run.history["stage"]}
    best = [str(row["best_epoch"]) for run in group.runs for row in run.data["folds"]]
    shown = ", ".join(best[:8]) + (", ..." if len(best) > 8 else "")
    lines = [
        Line2D([], [], color=BLUE, label="training"),
        Line2D([], [], color=ORANGE, label="validation"),
        Line2D([], [], color=RED, marker="o", linestyle="", label=f"best epoch ({shown})"),
    ]
    if "retrain" in stages:
        lines.insert(2, Line2D([], [], color=PURPLE, linestyle="--", label="training, retrained"))
    figure.legend(handles=lines, loc="lower left", bbox_to_anchor=(0.05, 0.03), ncols=len(lines))


def accuracy_figure(published: Published, groups: Sequence[Group]) -> Figure:
    """Draw the printed accuracies (with Wilson's interval) above ours, experiment by experiment."""
    run = {group.experiment for group in groups}
    shown = [experiment for experiment in published.experiments.values() if experiment.table or experiment.id in run]
    height = 1.7 + 0.62 * len(shown)
    words = "; ".join(dict.fromkeys(data_in_words(group.first, published) for group in groups))
    comparable = any(obstacle(group.first, published) is None for group in groups)
    ours = "ours" if comparable else "ours is not comparable"
    title = f"Accuracy as {published.document} prints it, and ours, with 95 % intervals\n{ours}: {words}"
    figure = _canvas(8.6, height, title, demo=any(group.demo for group in groups))
    axes = figure.add_axes((0.2, 0.95 / height, 0.77, 0.62 * len(shown) / height))
    for row, experiment in enumerate(shown):
        if row % 2:
            axes.axhspan(row - 0.5, row + 0.5, color="#F3F3F3", zorder=0, linewidth=0)
        _accuracy_row(axes, row, experiment, [group for group in groups if group.experiment == experiment.id])
    axes.set_yticks(range(len(shown)), [experiment.id for experiment in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("accuracy")
    axes.grid(axis="y", visible=False)
    _accuracy_legend(figure, groups, height)
    return figure


def _accuracy_row(axes: Axes, row: int, experiment: Experiment, groups: Sequence[Group]) -> None:
    """Put the printed accuracy, if there is one, above those of the groups, evenly within the row."""
    dots: list[tuple[float, Interval, str, str, str]] = []
    if table := experiment.table:
        interval = wilson(table.accuracy, table.n)
        dots.append((table.accuracy, interval, BLACK, "X", f"{table.accuracy:.2f}"))
    for group in groups:
        ours = group.estimate("accuracy")
        dots.append((ours.value, ours.interval, *_look(group), f"{ours.value:.3f}"))
    step = 0.8 / max(len(dots), 3)
    for number, (value, interval, colour, marker, text) in enumerate(dots):
        y = row + step * (number - (len(dots) - 1) / 2)
        axes.plot(interval, (y, y), color=colour, linewidth=1.8, solid_capstyle="butt")
        axes.plot(value, y, marker, color=colour, markersize=6)
        axes.annotate(text, (interval[1], y), (4, 0), textcoords="offset points", va="center", fontsize=7.5)


def _look(group: Group) -> tuple[str, str]:
    return COLOUR_OF.get(group.protocol, GREY), MARKER_OF.get(group.protocol, "^")


def _accuracy_legend(figure: Figure, groups: Sequence[Group], height: float) -> None:
    looks = {"document": (BLACK, "X")} | {f"ours, {group.protocol}": _look(group) for group in groups}
    lines = [Line2D([], [], color=colour, marker=marker, label=name) for name, (colour, marker) in looks.items()]
    figure.legend(handles=lines, loc="lower left", bbox_to_anchor=(0.18, 0.17 / height), ncols=len(lines))


def slips_figure(effects: Sequence[Effect], published: Published) -> Figure:
    """Draw what each switch changes in accuracy: a grey dot per seed, the mean with its 95 % interval."""
    height = 1.55 + 0.55 * len(effects)
    words = data_in_words(effects[0].other.first, published)
    title = f"What each slip was worth: change in accuracy when it is mended\n{words}"
    figure = _canvas(8.6, height, title, demo=any(effect.other.demo for effect in effects))
    axes = figure.add_axes((0.32, 0.75 / height, 0.65, 0.55 * len(effects) / height))
    axes.axvline(0, color=BLACK, linewidth=1)
    for row, effect in enumerate(effects):
        axes.plot([pair.difference for pair in effect.pairs], [row] * len(effect.pairs), "o", color=GREY, alpha=0.6)
        axes.plot(effect.interval, (row, row), color=BLUE, linewidth=1.8)
        axes.plot(effect.mean, row, "D", color=BLUE, markersize=6)
        axes.annotate(
            signed(effect.mean), (effect.mean, row), (0, 7), textcoords="offset points", ha="center", fontsize=8
        )
    labels = [f"{effect.base.experiment}\n{effect.change}, {_seeds(effect)}" for effect in effects]
    axes.set_yticks(range(len(effects)), labels)
    axes.set_ylim(len(effects) - 0.5, -0.6)
    axes.margins(x=0.08)
    axes.set_xlabel("difference in accuracy: mended \N{MINUS SIGN} published")
    axes.grid(axis="y", visible=False)
    return figure


def _seeds(effect: Effect) -> str:
    return f"{len(effect.pairs)} seed" + ("s" if len(effect.pairs) > 1 else "")
