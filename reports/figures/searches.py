"""Searches over settings as the document publishes them: a table of one setting, and grids with several trials."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from common.published import Printed, Published
from common.published.schema import Experiment, Search
from reports.figures.headline import PAPER, as_printed, smaller_is_better
from reports.figures.sheet import (
    BLACK,
    BLUE,
    ORANGE,
    RED,
    TICKS,
    WIDTH,
    Picture,
    key,
    left_of,
    name_rows,
    plain_name,
    power_of_ten,
    sheet,
    stripe,
    styled,
)
from reports.wording import in_words, listed, title_of

PITCH = 0.34
"""Inches of a row of a grid."""


def pictures(published: Published) -> Iterator[Picture]:
    """List the published searches of a study."""
    for search in published.searches:
        if search.rows and len(search.space) == 1:
            yield Picture(
                name=plain_name(f"search-{search.experiment}"),
                title=f"The published search for the {in_words(*search.space)} of "
                f"{published.experiment(search.experiment).short}: "
                f"{listed(dict.fromkeys(in_words(_quantity(name)) for name in search.columns))}",
                experiment=search.experiment,
                protocol=None,
                demo=False,
                draw=partial(search_figure, published, search),
            )
        elif grid(published, search):
            yield Picture(
                name=plain_name(f"grid-{search.experiment}"),
                title=f"{title_of(published.headline)} of each combination of "
                f"{listed(in_words(name) for name in search.space)}, as published: every trial, and their mean",
                experiment=None,
                protocol=None,
                demo=False,
                draw=partial(grid_figure, published, search),
            )


def grid(published: Published, search: Search) -> list[tuple[Experiment, Printed]]:
    """Return the published experiments that vary just the settings of a search, in the document's order."""
    return [
        (experiment, printed)
        for experiment in published.experiments
        if set(experiment.settings) == set(search.space)
        and (printed := published.numbers(experiment.id).get(published.headline))
    ]


@styled
def search_figure(published: Published, search: Search) -> Figure:
    """Draw each column of a search's table against the setting: training and validation in one panel per quantity."""
    (setting,) = search.space
    panels: dict[str, list[str]] = {}
    for name in search.columns:
        panels.setdefault(_quantity(name), []).append(name)
    title = f"{published.experiment(search.experiment).short}: search for the {in_words(setting)}"
    lines = [f"As published in the {search.table}; ringed: what was chosen"]
    keys = [key("training", BLUE, "s"), key("validation", ORANGE, "o")]
    page = sheet(3.0 * -(-len(panels) // 2), title, lines, demo=False, keys=keys)
    for place, (quantity, names) in enumerate(panels.items()):
        row, column = divmod(place, 2)
        axes = page.axes(0.55 + 3.15 * column, 0.22 + 3.0 * row, 2.7, 2.25)
        _draw_panel(axes, published, search, names)
        axes.set_title(in_words(quantity), loc="left")
        axes.set_xlabel(in_words(setting))
    return page.figure


def _quantity(column: str) -> str:
    return column.removeprefix("train_").removeprefix("val_")


def _draw_panel(axes: Axes, published: Published, search: Search, names: Sequence[str]) -> None:
    values = [row[0] for row in search.rows]
    columns = np.array([[row[1 + search.columns.index(name)] for row in search.rows] for name in names])
    chosen = np.isclose(values, next(iter(search.chosen.values())))
    for name, column in zip(names, columns, strict=True):
        colour, marker = (BLUE, "s") if name.startswith("train_") else (ORANGE, "o")
        axes.plot(values, column, color=colour, marker=marker, markersize=5)
        axes.plot(np.array(values)[chosen], column[chosen], "o", color=RED, markersize=12, markerfacecolor="none")
        for value, number, middle in zip(values, column, columns.mean(axis=0), strict=True):
            # The higher of two numbers is written above its dot, the lower one below.
            up = number >= middle
            text = as_printed(published, name, number, published.metric[name].step)
            style: Any = {"textcoords": "offset points", "ha": "center", "va": "bottom" if up else "top", "bbox": PAPER}
            axes.annotate(text, (value, number), (0, 7 if up else -7), fontsize=8.5, **style)
    axes.set_xscale("log")
    axes.set_xticks(values, [power_of_ten(value) for value in values])
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_locator(MaxNLocator(TICKS - 1))
    axes.margins(x=0.14, y=0.18)


@styled
def grid_figure(published: Published, search: Search) -> Figure:
    """Draw each trial of a grid as a dot, their mean as a line, the chosen settings in colour, the test score."""
    shown, metric = grid(published, search), published.headline
    labels = [" / ".join(f"{experiment.settings[name]:g}" for name in search.space) for experiment, _ in shown]
    chosen = [all(experiment.settings[name] == search.chosen[name] for name in search.space) for experiment, _ in shown]
    tests = _tests(published, search.experiment, metric)
    page = sheet(
        PITCH * len(shown) + 0.45,
        f"{title_of(metric)} of each combination",
        [
            f"Rows: {' / '.join(in_words(name) for name in search.space)}",
            f"As published in {search.table}; bold: the settings that were chosen",
        ],
        demo=False,
        keys=_keys(published, tests),
    )
    left = left_of(labels, weight="bold")
    axes = page.axes(left, 0, WIDTH - left - 0.15, PITCH * len(shown))
    for row, ((_, printed), best) in enumerate(zip(shown, chosen, strict=True)):
        colour = RED if best else BLUE
        stripe(axes, row, row, row + 1)
        axes.plot(printed.trials, [row + 0.5] * len(printed.trials), "o", color=colour, markersize=5, alpha=0.75)
        axes.plot(printed.value, row + 0.5, "|", color=colour, markersize=15, markeredgewidth=2.2)
    for number in tests.values():
        axes.axvline(number.value, color=BLACK, linestyle="--", linewidth=1.2)
    name_rows(axes, np.arange(len(shown)) + 0.5, labels, len(shown))
    for tick, best in zip(axes.get_yticklabels(), chosen, strict=True):
        tick.set_fontweight("bold" if best else "normal")
    better = "lower" if smaller_is_better(published, metric) else "higher"
    axes.set_xlabel(f"{in_words(metric)}, {better} is better")
    return page.figure


def _tests(published: Published, experiment: str, metric: str) -> dict[str, Printed]:
    """Return what the same metric was on the test set, where the headline is of another set."""
    numbers = published.numbers(experiment)
    return {name: number for name, number in numbers.items() if metric.endswith(f"_{name}")}


def _keys(published: Published, tests: dict[str, Printed]) -> list[Line2D]:
    keys = [key("a trial", BLUE, "o", ""), key("mean", BLUE, "|", "", markersize=12, markeredgewidth=2.2)]
    for name, number in tests.items():
        text = as_printed(published, name, number.value, number.step)
        keys.append(key(f"{in_words(name)} on the test set: {text}", BLACK, line="--"))
    return keys
