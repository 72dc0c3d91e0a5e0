"""Ways in which something may have been done, each with one or two values: a row of dots for each way."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from reports.figures.sheet import (
    BLUE,
    EDGED,
    ORANGE,
    WIDTH,
    key,
    left_of,
    name_rows,
    row_ends,
    sheet,
    stripe,
    styled,
)

LOOKS = ((BLUE, "o"), (ORANGE, "D"))
PITCH = 0.24
"""Inches of a row."""


@styled
def ways_figure(
    rows: Mapping[str, Sequence[float]], series: Sequence[str], title: str, lines: Sequence[str], axis: str
) -> Figure:
    """Draw a row for each way, with a dot for each of its values.

    Args:
        rows: the values of each way, one for each of `series`.
        series: what the values are, two at most.
        title: of the sheet.
        lines: under the title.
        axis: what is measured.
    """
    keys = [key(name, colour, marker, line="", **EDGED) for name, (colour, marker) in zip(series, LOOKS, strict=False)]
    heights = [PITCH] * len(rows)
    page = sheet(sum(heights) + 0.45, title, lines, demo=False, keys=keys)
    left = left_of(rows)
    axes = page.axes(left, 0, WIDTH - left - 0.2, sum(heights))
    tops, ends = row_ends(heights)
    for row, values in enumerate(rows.values()):
        stripe(axes, row, tops[row], ends[row])
        for value, (colour, marker) in zip(values, LOOKS, strict=False):
            axes.plot(value, (tops[row] + ends[row]) / 2, marker, color=colour, **EDGED)
    name_rows(axes, (tops + ends) / 2, list(rows), sum(heights))
    axes.margins(x=0.05)
    axes.set_xlabel(axis)
    return page.figure
