"""Classifiers on several sets of features: a row a classifier, a panel a protocol, a dot a set."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.intervals import Interval
from reports.figures.sheet import (
    BLACK,
    BLUE,
    EDGED,
    GREEN,
    ORANGE,
    PURPLE,
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

LOOKS = ((BLUE, "o"), (GREEN, "s"), (ORANGE, "D"), (PURPLE, "^"))
STEP = 0.12
"""Inches from one set of features to the next."""
GAP = 0.25
"""Inches between panels."""
LINES: tuple[Line, ...] = ("--", ":")

Dot = tuple[float, Interval]


@styled
def presets_figure(
    rows: Mapping[str, Sequence[Sequence[Dot | None]]],
    protocols: Sequence[str],
    sets: Sequence[str],
    published: Mapping[str, float],
    document: str,
) -> Figure:
    """Draw the accuracy with its interval over songs of every classifier on every set of features.

    Args:
        rows: for each classifier, for each protocol, for each set, its accuracy and interval; None where not run.
        protocols: the panels.
        sets: of features.
        published: accuracies of the document by set of features; two at most.
        document: in words.
    """
    keys = [key(name, colour, marker) for name, (colour, marker) in zip(sets, LOOKS, strict=False)]
    keys += [key(f"published, {name}", BLACK, line=line) for name, line in zip(published, LINES, strict=False)]
    heights = [STEP * (len(sets) + 1)] * len(rows)
    lines = [f"Published: {document}", "Ours: means over seeds, with 95 % CI over songs"]
    page = sheet(sum(heights) + 0.7, "Every preset on every set of features", lines, demo=False, keys=keys)
    left = left_of(rows)
    width = (WIDTH - left - 0.2 - GAP * (len(protocols) - 1)) / len(protocols)
    tops, ends = row_ends(heights)
    shown: Axes | None = None
    for number, protocol in enumerate(protocols):
        axes = page.axes(left + number * (width + GAP), 0.22, width, sum(heights))
        if shown is not None:
            axes.sharex(shown)
        shown = axes
        for row, dots in enumerate(rows.values()):
            stripe(axes, row, tops[row], ends[row])
            _dots(axes, dots[number], tops[row])
        for value, line in zip(published.values(), LINES, strict=False):
            axes.axvline(value, color=BLACK, linestyle=line, linewidth=1.2)
        name_rows(axes, (tops + ends) / 2, list(rows) if number == 0 else [""] * len(rows), sum(heights))
        axes.set_title(protocol)
        axes.set_xlabel("accuracy")
        percent_axis(axes.xaxis)
    return page.figure


def _dots(axes: Axes, dots: Sequence[Dot | None], top: float) -> None:
    for place, (dot, (colour, marker)) in enumerate(zip(dots, LOOKS, strict=False), start=1):
        if dot is None:
            continue
        value, interval = dot
        axes.plot(interval, [top + STEP * place] * 2, color=colour, linewidth=1.4, solid_capstyle="butt")
        axes.plot(value, top + STEP * place, marker, color=colour, **{**EDGED, "markersize": 5.5})
