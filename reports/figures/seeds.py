"""Seed variance of the headline metric, with the published value as a line."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from common.published import Published
from reports.figures.headline import printed_dot
from reports.figures.sheet import (
    BLACK,
    BLUE,
    TICKS,
    WIDTH,
    Picture,
    by_demo,
    changed_in_words,
    data_line,
    height_of,
    in_parts,
    key,
    left_of,
    look,
    name_rows,
    named,
    names_in,
    percent_axis,
    row_ends,
    seeds_in_words,
    shared,
    sheet,
    stripe,
    styled,
)
from reports.results import Group
from reports.wording import in_words, title_of

FEWEST = 5
"""Seeds of a group whose spread is worth a picture."""
ROWS = 14
"""Groups in one picture."""
PITCH = 0.65
"""Inches of a row, if its name needs no more."""
BINS = 45
"""Dots closer than this part of the axis stand above one another."""


def pictures(published: Published, groups: Sequence[Group]) -> Iterator[Picture]:
    """List the spreads over seeds of a study."""
    for ending, members in by_demo(groups):
        shown = [group for group in members if len(group.values(published.headline)) >= FEWEST]
        for number, part in in_parts(shown, ROWS):
            yield Picture(
                name=f"seeds{ending}{number}",
                title=f"{title_of(published.headline)} seed by seed, and as published, of "
                f"{names_in(published, [group.experiment for group in part])}",
                experiment=None,
                protocol=None,
                demo=bool(ending),
                draw=partial(seeds_figure, published, part),
            )


@styled
def seeds_figure(published: Published, groups: Sequence[Group]) -> Figure:
    """Draw a dot per seed, the mean and the published value with its interval, group by group."""
    metric = in_words(published.headline)
    lines = [
        f"Published: {published.document}; grey: Wilson's 95 % interval",
        f"Ours: {data_line(groups, published)}",
    ]
    one = shared(published, [group.experiment for group in groups])
    labels = [_label(published, group, "" if one else named(published, group.experiment)) for group in groups]
    heights = [max(PITCH, height_of(label)) for label in labels]
    left = left_of(labels)
    title = f"{one}: {metric} seed by seed" if one else f"{title_of(published.headline)} seed by seed"
    page = sheet(sum(heights) + 0.45, title, lines, demo=groups[0].demo, keys=_keys())
    axes = page.axes(left, 0, WIDTH - left - 0.2, sum(heights))
    every = [value for group in groups for value in group.values(published.headline)]
    step = (max(every) - min(every) or 1.0) / BINS
    tops, ends = row_ends(heights)
    for row, group in enumerate(groups):
        stripe(axes, row, tops[row], ends[row])
        _printed(axes, published, group, (tops[row] + 0.05, ends[row] - 0.05))
        _swarm(axes, group, group.values(published.headline), (tops[row] + ends[row]) / 2, step)
    name_rows(axes, (tops + ends) / 2, labels, sum(heights))
    axes.margins(x=0.04)
    axes.xaxis.set_major_locator(MaxNLocator(TICKS))
    axes.set_xlabel(metric)
    if published.headline in published.metric and published.metric[published.headline].percent:
        percent_axis(axes.xaxis)
    return page.figure


def _keys() -> list[Line2D]:
    return [
        key("a seed", BLUE, marker="o", line="", markersize=4.5),
        key("mean", BLACK, marker="|", line="", markersize=12, markeredgewidth=2),
        key("published", BLACK, line="--"),
    ]


def _label(published: Published, group: Group, name: str) -> str:
    """Name the experiment, protocol and switches, and tell the number of seeds and the published value."""
    protocol, _, changes = group.protocol.partition("+")
    printed = published.numbers(group.experiment).get(published.headline)
    scores = [f"published {printed_dot(published, published.headline, printed).text}"] if printed else []
    ours = [f"protocol {protocol}", *changed_in_words(changes), ", ".join([seeds_in_words(group), *scores])]
    return "\n".join([name, *ours] if name else ours)


def _printed(axes: Axes, published: Published, group: Group, row: tuple[float, float]) -> None:
    printed = published.numbers(group.experiment).get(published.headline)
    if printed is None:
        return
    dot = printed_dot(published, published.headline, printed)
    if dot.interval:
        axes.fill_betweenx(row, *dot.interval, color=BLACK, alpha=0.1, linewidth=0)
    axes.plot((dot.value, dot.value), row, color=BLACK, linestyle="--", linewidth=1.3)


def _swarm(axes: Axes, group: Group, values: Sequence[float], row: float, step: float) -> None:
    """Put a dot for each value, those close to one another above and below the line in turn."""
    colour, marker = look(group)
    ordered = sorted(values)
    bins = np.round(np.array(ordered) / step)
    rank = np.array([np.sum(bins[:place] == bins[place]) for place in range(len(bins))])
    offsets = 0.065 * np.ceil(rank / 2) * np.where(rank % 2, 1, -1)
    axes.plot(ordered, row + offsets, marker, color=colour, alpha=0.7, markersize=4.5, linestyle="")
    axes.plot(np.mean(values), row, "|", color=BLACK, markersize=26, markeredgewidth=2)
