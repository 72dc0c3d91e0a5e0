"""Published against ours: one row per experiment, in the metric by which the document ranks them."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from common.intervals import Interval, wilson
from common.published import Printed, Published
from common.published.comparability import set_in_words
from common.published.schema import Experiment
from reports.figures.sheet import (
    EDGED,
    GREY,
    PRINTED,
    SMALL,
    WIDTH,
    Picture,
    by_demo,
    data_line,
    height_of,
    in_parts,
    inches,
    key,
    left_of,
    look,
    name_rows,
    named,
    names_in,
    ordinal,
    percent_axis,
    plain_name,
    row_ends,
    sheet,
    stripe,
    styled,
)
from reports.results import LEAKY, Group, whole_protocols
from reports.wording import in_words, listed, title_of

DOTS = 48
"""How many numbers one picture has room for."""
STEP = 0.19
"""Inches from one dot of a row to the next."""
PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.8}
"""Behind a number that a line may cross."""


@dataclass(frozen=True)
class Dot:
    """One number of a row: published, or a group's."""

    value: float
    interval: Interval | None
    text: str
    look: tuple[str, str]
    trials: tuple[float, ...] = ()

    @property
    def ends(self) -> tuple[float, ...]:
        """All values that the axis must show."""
        return (self.value, *(self.interval or ()), *self.trials)


@dataclass(frozen=True)
class Row:
    """All numbers of one experiment in one metric, the published one first."""

    experiment: Experiment
    printed: Printed | None
    dots: list[Dot]


def pictures(published: Published, groups: Sequence[Group]) -> Iterator[Picture]:
    """List the comparisons of a study, real runs apart from the demo corpus; without runs, the published alone."""
    for metric, experiments in metrics(published).items():
        names = {experiment.id for experiment in experiments}
        own = [group for group in whole_protocols(groups) if group.experiment in names and group.result(metric)]
        for ending, members in by_demo(own) or [("", [])]:
            shown = rows(published, metric, experiments, members)
            apart = "" if metric == published.headline else plain_name(f"-{metric}")
            for number, part in in_parts(shown, _most(shown)):
                run = [group for group in members if group.experiment in {row.experiment.id for row in part}]
                yield Picture(
                    name=f"headline{apart}{ending}{number}",
                    title=_in_words(published, metric, part),
                    experiment=None,
                    protocol=None,
                    demo=any(group.demo for group in run),
                    draw=partial(headline_figure, published, metric, part, run),
                )


def _in_words(published: Published, metric: str, shown: Sequence[Row]) -> str:
    """Say what a picture shows: the metric, of which experiments, the first row."""
    best, *_ = shown
    names = names_in(published, [row.experiment.id for row in shown])
    first = f"; first: {best.experiment.short}, {best.dots[0].text}" if len(shown) > 1 else ""
    return f"{title_of(metric)}, published and ours, with 95 % intervals, of {names}{first}"


def _most(shown: Sequence[Row]) -> int:
    """Return how many rows one picture has room for."""
    return max(1, DOTS * len(shown) // max(1, sum(len(row.dots) for row in shown)))


def metrics(published: Published) -> dict[str, list[Experiment]]:
    """Return the experiments by the metric they are shown in.

    That is the headline, or for those that are published in other metrics only, the first of these that lies in 0..1.
    """
    found: dict[str, list[Experiment]] = {}
    for experiment in published.experiments:
        printed = published.numbers(experiment.id)
        others = [name for name, number in printed.items() if number.kind in ("proportion", "score")]
        metric = published.headline if published.headline in printed or not others else others[0]
        found.setdefault(metric, []).append(experiment)
    return found


def rows(published: Published, metric: str, experiments: Sequence[Experiment], groups: Sequence[Group]) -> list[Row]:
    """Return the experiments that were published or run: published ones first, each part from the best to the worst."""
    found = []
    for experiment in experiments:
        printed = published.numbers(experiment.id).get(metric)
        own = [group for group in groups if group.experiment == experiment.id]
        ours = [obtained_dot(published, metric, group, ordinal(group, groups)) for group in own]
        dots = [printed_dot(published, metric, printed)] if printed else []
        found.append(Row(experiment, printed, dots + [dot for dot in ours if dot]))
    sign = 1 if smaller_is_better(published, metric) else -1
    return sorted((row for row in found if row.dots), key=lambda row: (row.printed is None, sign * row.dots[0].value))


def smaller_is_better(published: Published, metric: str) -> bool:
    """Whether a metric is an error."""
    return metric in published.metric and published.metric[metric].kind == "error"


def printed_dot(published: Published, metric: str, printed: Printed) -> Dot:
    """Return a published number; only a proportion of known n has an interval of its own."""
    interval = wilson(printed.value, printed.n) if printed.kind == "proportion" and printed.n else None
    trials = printed.trials if len(printed.trials) > 1 else ()
    return Dot(printed.value, interval, as_printed(published, metric, printed.value, printed.step), PRINTED, trials)


def as_printed(published: Published, metric: str, value: float, step: float) -> str:
    """Write a number as the document does, down to its last published digit."""
    percent = metric in published.metric and published.metric[metric].percent
    decimals = max(0, round(-math.log10(step)) - 2 * percent)
    return f"{100 * value:.{decimals}f} %" if percent else f"{value:.{decimals}f}"


def obtained_dot(published: Published, metric: str, group: Group, number: int) -> Dot | None:
    """Return a group's number; None without one. `number` tells groups of one experiment and protocol apart."""
    ours = group.result(metric)
    if ours is None:
        return None
    seeds = f", {len(group.runs)} seeds" * (len(group.runs) > 1)
    changed = f", {words}" if (words := set_in_words(group.first)) else ""
    more = f", n {ours.n:,}" + seeds + changed + (f" ({number})" if number else "")
    leaky = f" {LEAKY}" * bool(group.leaks)
    text = as_printed(published, metric, ours.value, 0.001) + leaky + more
    return Dot(ours.value, ours.interval, text, look(group))


@dataclass(frozen=True)
class Reference:
    """A result that the others are compared with."""

    text: str
    value: float


def references(published: Published, metric: str, groups: Sequence[Group]) -> list[Reference]:
    """Return what others reached, and what always naming the most common class reaches where our runs agree on it.

    Others' results are the numbers known from elsewhere whose id ends in the metric's name, averaging aside.
    """
    words = metric.removeprefix("macro_").replace("_", "-")
    found = [
        Reference(f"{number.says}: {number.value:.{number.decimals}f}", number.value)
        for number in published.figures
        if number.known != "printed" and number.id.endswith(f"-{words}")
    ]
    shares = {group.baselines.get("majority", {}).get(metric) for group in groups}
    if len(shares) == 1 and (share := shares.pop()) is not None:
        found.append(Reference(f"majority class: {as_printed(published, metric, share, 0.001)}", share))
    return found


@styled
def headline_figure(published: Published, metric: str, shown: Sequence[Row], groups: Sequence[Group]) -> Figure:
    """Draw the published numbers above ours with 95 % intervals, experiment by experiment."""
    words = f"Ours: {data_line(groups, published)}" if groups else "The published numbers alone"
    labels = [named(published, row.experiment.id) for row in shown]
    pairs = zip(shown, labels, strict=True)
    heights = [max(0.36, STEP * len(row.dots) + 0.1, height_of(label)) for row, label in pairs]
    lines = references(published, metric, groups)
    page = sheet(
        sum(heights) + 0.45,
        f"{title_of(metric)}, published and ours",
        [f"Published: {published.document}", words, _intervals(shown), *_leaks(published, groups)],
        demo=any(group.demo for group in groups),
        keys=_keys(shown, groups, lines),
    )
    left = left_of(labels)
    axes = page.axes(left, 0, WIDTH - left - 0.28, sum(heights))
    for line in lines:
        axes.axvline(line.value, color=GREY, linestyle=":", linewidth=1.4)
    places = _draw_rows(axes, shown, heights, PAPER if lines else None)
    name_rows(axes, places, labels, sum(heights))
    _fit(axes, shown, [line.value for line in lines], WIDTH - left - 0.28)
    known = published.metric.get(metric)
    on = known.measured_on if known else "test"
    if known and known.percent:
        percent_axis(axes.xaxis)
    if known and known.kind in ("proportion", "score"):  # the room for digits may reach beyond the best possible
        axes.set_xticks([tick for tick in axes.get_xticks() if axes.get_xlim()[0] <= tick < 1 + 1e-9])
    axes.set_xlabel(in_words(metric) + (f" ({on})" if on not in ("test", *in_words(metric).split()) else ""))
    return page.figure


def _draw_rows(axes: Axes, shown: Sequence[Row], heights: Sequence[float], paper: Any) -> np.ndarray:
    """Draw the rows from top to bottom, on an axis of inches, and return where their middles are."""
    tops, ends = row_ends(heights)
    for number, row in enumerate(shown):
        stripe(axes, number, tops[number], ends[number])
        middle = (tops[number] + ends[number]) / 2
        for place, dot in enumerate(row.dots):
            _draw(axes, dot, middle + STEP * (place - (len(row.dots) - 1) / 2), paper)
    return (tops + ends) / 2


def _draw(axes: Axes, dot: Dot, y: float, paper: Any) -> None:
    colour, marker = dot.look
    if dot.trials:
        axes.plot(dot.trials, [y] * len(dot.trials), "o", color=colour, markersize=4, markerfacecolor="none")
    if dot.interval:
        axes.plot(dot.interval, (y, y), color=colour, linewidth=1.8, solid_capstyle="butt")
    axes.plot(dot.value, y, marker, color=colour, **EDGED)
    style: Any = {"textcoords": "offset points", "va": "center", "fontsize": SMALL, "bbox": paper}
    axes.annotate(dot.text, (max(dot.ends), y), (7, 0), **style)


def _fit(axes: Axes, shown: Sequence[Row], others: Sequence[float], width: float) -> None:
    """Make an axis of so many inches as long as the numbers need, with room for their digits at the right of each."""
    dots = [dot for row in shown for dot in row.dots]
    ends = [*others, *(end for dot in dots for end in dot.ends)]
    low = min(ends) - 0.04 * (max(ends) - min(ends) or 0.1)
    digits = [(inches(dot.text, SMALL) + 0.2) / width for dot in dots]
    needed = [(max(dot.ends) - low * part) / (1 - part) for dot, part in zip(dots, digits, strict=True)]
    axes.set_xlim(low, max(*ends, *needed))


def _intervals(shown: Sequence[Row]) -> str:
    """Say what the lines beside the dots are, and the open circles."""
    printed = [row.dots[0] for row in shown if row.printed]
    trials = "; open circles: trials, and their mean" if any(dot.trials for dot in printed) else ""
    if any(dot.interval for dot in printed):
        return f"Lines: 95 % intervals (of the published: Wilson's){trials}"
    if any(dot.interval for row in shown for dot in row.dots):
        return f"Lines: 95 % intervals (the published numbers have none){trials}"
    return f"The published numbers have no intervals{trials}"


def _leaks(published: Published, groups: Sequence[Group]) -> list[str]:
    """Say what the mark means: what the test clips of each protocol share; of which experiments, where these differ."""
    found: dict[str, dict[str, list[str]]] = {}
    for group in groups:
        found.setdefault(group.leaks, {}).setdefault(group.protocol, []).append(group.experiment)
    said = Counter(protocol for protocols in found.values() for protocol in protocols)
    return [
        f"{LEAKY} {listed(name + _of(published, own) * (said[name] > 1) for name, own in protocols.items())}: {words}"
        for words, protocols in found.items()
        if words
    ]


def _of(published: Published, experiments: Sequence[str]) -> str:
    return f" ({names_in(published, experiments)})"


def _keys(shown: Sequence[Row], groups: Sequence[Group], lines: Sequence[Reference]) -> list[Line2D]:
    looks = {"published": PRINTED} if any(row.printed for row in shown) else {}
    looks |= {f"ours, {group.protocol}": look(group) for group in groups}
    keys = [key(name, colour, marker) for name, (colour, marker) in looks.items()]
    return keys + [key(line.text, GREY, line=":") for line in lines]
