"""Rows of dots: presets on several sets of features, or orders of the genres."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.intervals import Interval
from reports.figures.sheet import (
    BLACK,
    EDGED,
    WIDTH,
    Line,
    key,
    left_of,
    name_rows,
    percent_axis,
    row_ends,
    sheet,
    stripe,
    styled,
)

STEP = 0.12
"""Inches from one line of dots to the next."""
GAP = 0.25
"""Inches between panels."""
LINES: tuple[Line, ...] = ("--", ":")

Dot = tuple[float, Interval | None]
Rows = Mapping[str, Sequence[Dot | None]]


@styled
def dots_figure(
    panels: Mapping[str, Rows],
    looks: Mapping[str, tuple[str, str]],
    axis: str,
    title: str,
    lines: Sequence[str],
    published: Mapping[str, float] | None = None,
) -> Figure:
    """Draw panels of the same rows, with a dot for each series, below one another where there are intervals.

    Args:
        panels: by title, which one alone does not show; for each row, the dots of all series, None where not run.
        looks: the series, each with its colour and marker.
        axis: what is measured; an accuracy is written in percent.
        title: of the sheet.
        lines: under the title.
        published: values of the document to compare with, by their names; two at most.
    """
    names, references = list(next(iter(panels.values()))), published or {}
    apart = any(dot and dot[1] for rows in panels.values() for dots in rows.values() for dot in dots)
    keys = [key(name, *look, line="-" if apart else "", **EDGED) for name, look in looks.items()]
    keys += [key(f"published, {name}", BLACK, line=line) for name, line in zip(references, LINES, strict=False)]
    heights = [STEP * (1 + (len(looks) if apart else 1))] * len(names)
    tops, ends = row_ends(heights)
    titled, height = len(panels) > 1, sum(heights)
    page = sheet(height + (0.7 if titled else 0.45), title, lines, demo=False, keys=keys)
    left = left_of(names)
    width = (WIDTH - left - 0.2 - GAP * (len(panels) - 1)) / len(panels)
    shown: list[Axes] = []
    for number, (panel, rows) in enumerate(panels.items()):
        axes = page.axes(left + number * (width + GAP), 0.22 if titled else 0, width, height)
        if shown:
            axes.sharex(shown[0])
        shown.append(axes)
        for row, dots in enumerate(rows.values()):
            stripe(axes, row, tops[row], ends[row])
            places = tops[row] + STEP * (np.arange(len(looks)) * apart + 1)
            _draw(axes, dots, looks.values(), places)
        for value, line in zip(references.values(), LINES, strict=False):
            axes.axvline(value, color=BLACK, linestyle=line, linewidth=1.2)
        name_rows(axes, (tops + ends) / 2, names if number == 0 else [""] * len(names), height)
        axes.set_title(panel if titled else "")
        axes.set_xlabel(axis)
        if axis == "accuracy":
            percent_axis(axes.xaxis)
    return page.figure


def _draw(axes: Axes, dots: Sequence[Dot | None], looks: Iterable[tuple[str, str]], places: np.ndarray) -> None:
    for dot, (colour, marker), y in zip(dots, looks, places, strict=True):
        value, interval = dot or (None, None)
        if interval:
            axes.plot(interval, (y, y), color=colour, linewidth=1.4, solid_capstyle="butt")
        if value is not None:
            axes.plot(value, y, marker, color=colour, **{**EDGED, "markersize": 5.5 if interval else 8})
