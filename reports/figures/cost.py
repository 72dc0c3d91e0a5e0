"""What a result costs: the headline metric against the seconds of an epoch."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from common.published import Published
from reports.figures.sheet import (
    EDGED,
    GREY,
    PRINTED,
    SMALL,
    WIDTH,
    Picture,
    by_demo,
    data_line,
    inches,
    key,
    look,
    names_in,
    sheet,
    styled,
    wrapped,
)
from reports.results import Group, whole_protocols
from reports.wording import in_words, title_of

HEIGHT, AXES = 4.0, WIDTH - 0.7 - 0.2
"""Inches of the axes: how high, how wide."""
NAME = 1.5
"""Inches that the name of a point may be wide."""
Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, bottom, right and top of something in the axes, in inches."""


def pictures(published: Published, groups: Sequence[Group]) -> Iterator[Picture]:
    """List the picture of a study that prints seconds beside its headline metric."""
    if not points(published):
        return
    for ending, members in by_demo(whole_protocols(groups)) or [("", [])]:
        yield Picture(
            name=f"cost{ending}",
            title=f"{title_of(published.headline)} against the seconds of an epoch, "
            f"published and ours, of {names_in(published, points(published))}",
            experiment=None,
            protocol=None,
            demo=bool(ending),
            draw=partial(cost_figure, published, members),
        )


def points(published: Published) -> dict[str, Point]:
    """Return published seconds and headline metric by experiment."""
    found = {}
    for experiment in published.experiments:
        numbers = published.numbers(experiment.id)
        seconds = next((number.value for number in numbers.values() if number.kind == "seconds"), None)
        if seconds is not None and published.headline in numbers:
            found[experiment.id] = (seconds, numbers[published.headline].value)
    return found


def obtained(published: Published, group: Group) -> Point | None:
    """Return a group's seconds and headline metric; None where it lacks one, as what is not trained in epochs does."""
    times = [run.data["timings"]["epoch_s"] for run in group.runs]
    ours = group.result(published.headline)
    return None if ours is None or None in times else (float(np.mean(times)), ours.value)


@styled
def cost_figure(published: Published, groups: Sequence[Group]) -> Figure:
    """Draw a point per experiment as published, and ours joined to it; the machines are not the same."""
    printed = points(published)
    own = [(group, point) for group in groups if (point := obtained(published, group))]
    words = f"Ours, on another machine: {data_line([group for group, _ in own], published)}"
    looks = {"published": PRINTED} | {f"ours, {group.protocol}": look(group) for group, _ in own}
    page = sheet(
        HEIGHT + 0.45,
        f"{title_of(published.headline)} against the seconds of an epoch",
        [f"Published: {published.document}", words if own else "Not run here: the published numbers alone"],
        demo=any(group.demo for group, _ in own),
        keys=[key(name, colour, marker, "") for name, (colour, marker) in looks.items()],
    )
    axes = page.axes(0.7, 0, AXES, HEIGHT)
    axes.plot(*zip(*printed.values(), strict=True), PRINTED[1], color=PRINTED[0], markersize=7)
    for group, point in own:
        colour, marker = look(group)
        joined = [printed.get(group.experiment, point), point]
        axes.plot(*zip(*joined, strict=True), color=GREY, linewidth=0.8)
        axes.plot(*point, marker, color=colour, **EDGED)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xticks([], minor=True)
    axes.margins(x=0.08, y=0.08)
    places = {group.experiment: point for group, point in own} | printed
    names = {"\n".join(_lines(published, name)): point for name, point in places.items()}
    _name(axes, names, [point for _, point in own])
    axes.set_xlabel("seconds of an epoch")
    axes.set_ylabel(in_words(published.headline))
    return page.figure


def _lines(published: Published, experiment: str) -> list[str]:
    return wrapped(published.experiment(experiment).short, NAME, SMALL)


def _name(axes: Axes, named: dict[str, Point], others: Sequence[Point]) -> None:
    """Write each experiment's name beside its point, where it meets no other one and not the end of the picture."""
    dots = [_place(axes, point) for point in (*named.values(), *others)]
    taken = [(x - 0.06, y - 0.06, x + 0.06, y + 0.06) for x, y in dots]
    for name, point in named.items():
        x, y = _place(axes, point)
        wide, high = inches(name, SMALL), 0.17 * len(name.split("\n")) - 0.03
        boxes = {
            (7, 0): (x + 0.1, y - high / 2, x + 0.1 + wide, y + high / 2),
            (-7, 0): (x - 0.1 - wide, y - high / 2, x - 0.1, y + high / 2),
            (0, 4): (x - wide / 2, y + 0.06, x + wide / 2, y + 0.06 + high),
            (0, -4): (x - wide / 2, y - 0.06 - high, x + wide / 2, y - 0.06),
            (-1, 4): (x - wide, y + 0.06, x, y + 0.06 + high),
            (-1, -4): (x - wide, y - 0.06 - high, x, y - 0.06),
            (1, 4): (x, y + 0.06, x + wide, y + 0.06 + high),
            (1, -4): (x, y - 0.06 - high, x + wide, y - 0.06),
        }
        inside = [side for side, box in boxes.items() if box[0] > 0 and box[2] < AXES] or [(7, 0)]
        side = next((side for side in inside if not _meets(boxes[side], taken)), inside[0])
        taken.append(boxes[side])
        across, up = (int(np.sign(part)) for part in side)
        align: Any = {"ha": ("center", "left", "right")[across], "va": ("center", "bottom", "top")[up]}
        axes.annotate(name, point, side, textcoords="offset points", fontsize=SMALL, **align)


def _place(axes: Axes, point: Point) -> Point:
    """Return where a point is in the axes, in inches."""
    across, up = axes.transAxes.inverted().transform(axes.transData.transform(point))
    return across * AXES, up * HEIGHT


def _meets(box: Box, others: Sequence[Box]) -> bool:
    left, low, right, high = box
    return any(left < other[2] and other[0] < right and low < other[3] and other[1] < high for other in others)
