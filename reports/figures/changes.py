"""What each error was worth, and what the protocols differ by."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from common.published import Published
from reports.columns import difference, metric_of, points
from reports.effects import Effect
from reports.figures.sheet import (
    BLACK,
    BLUE,
    EDGED,
    GREY,
    LABEL,
    SMALL,
    TICKS,
    WIDTH,
    Picture,
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
    plain_name,
    row_ends,
    shared,
    sheet,
    styled,
    wrapped,
)
from reports.results import Group
from reports.wording import MINUS, in_words

ROWS = 16
"""Effects in one picture."""
PITCH = 0.5
"""Inches of a row, if its name needs no more."""
SWITCH = ("errors", "What each error was worth")
PROTOCOL = ("protocols", "What the other protocols differ by")


def pictures(published: Published, effects: Sequence[Effect]) -> Iterator[Picture]:
    """List the effects of single switches, and apart from them those of whole protocols."""
    for demo in (False, True):
        for changed, (name, title) in ((True, SWITCH), (False, PROTOCOL)):
            own = [one for one in effects if one.other.demo == demo and bool(one.other.first["changed"]) == changed]
            for metric, alike in _by_metric(own).items():
                apart = "" if metric == own[0].metric else plain_name(f"-{metric}")
                for number, part in in_parts(alike, ROWS):
                    yield Picture(
                        name=f"{name}{apart}{'-demo' * demo}{number}",
                        title=f"{title}: change in {in_words(metric)} of "
                        f"{names_in(published, [one.base.experiment for one in part])}",
                        experiment=None,
                        protocol=None,
                        demo=demo,
                        draw=partial(effects_figure, part, published, title),
                    )


def _by_metric(effects: Sequence[Effect]) -> dict[str, list[Effect]]:
    """Part effects by their metric: differences of an accuracy and of an error share no axis."""
    found: dict[str, list[Effect]] = {}
    for effect in effects:
        found.setdefault(effect.metric, []).append(effect)
    return found


@styled
def effects_figure(effects: Sequence[Effect], published: Published, title: str) -> Figure:
    """Draw what each change does to the metric: a grey dot per seed, the mean with its 95 % interval."""
    one = shared(published, [effect.base.experiment for effect in effects])
    names = ["" if one else named(published, effect.base.experiment) for effect in effects]
    labels = [_label(effect, name) for effect, name in zip(effects, names, strict=True)]
    heights = [max(PITCH, height_of(label)) for label in labels]
    left = left_of(labels)
    groups: list[Group] = [group for effect in effects for group in (effect.base, effect.other)]
    mean = key("mean, 95 % interval", BLUE if effects[0].other.first["changed"] else BLACK)
    page = sheet(
        sum(heights) + 0.45,
        f"{title}: change in {in_words(effects[0].metric)}" + (f", {one}" if one else ""),
        [data_line(groups, published), f"Intervals: {'; '.join(dict.fromkeys(one.method for one in effects))}"],
        demo=effects[0].other.demo,
        keys=[key("a seed", GREY, marker="o", line="", alpha=0.6), mean],
    )
    axes = page.axes(left, 0, WIDTH - left - 0.2, sum(heights))
    axes.axvline(0, color=BLACK, linewidth=1)
    tops, ends = row_ends(heights)
    middles = (tops + ends) / 2 + 0.05
    for row, effect in zip(middles, effects, strict=True):
        colour, marker = look(effect.other)
        axes.plot([pair.difference for pair in effect.pairs], [row] * len(effect.pairs), "o", color=GREY, alpha=0.6)
        axes.plot(effect.interval, (row, row), color=colour, linewidth=1.8, solid_capstyle="butt")
        axes.plot(effect.mean, row, marker, color=colour, **EDGED)
        above: Any = {"textcoords": "offset points", "ha": "center", "fontsize": SMALL}
        axes.annotate(difference(published, effect.metric, effect.mean), (effect.mean, row), (0, 7), **above)
    name_rows(axes, middles, labels, sum(heights))
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(TICKS))
    if metric_of(published, effects[0].metric).percent:
        axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}".replace("-", MINUS))
    unit = points(published, effects[0].metric)
    axes.set_xlabel(f"{in_words(effects[0].metric)}{unit}: changed {MINUS} unchanged")
    return page.figure


def _label(effect: Effect, name: str) -> str:
    """Name the experiment, what is changed, and over how many seeds."""
    changes = [line for part in changed_in_words(effect.change) for line in wrapped(part, LABEL, SMALL)]
    seeds = f"{len(effect.pairs)} seed" + "s" * (len(effect.pairs) > 1)
    base = effect.base.protocol
    instead = [] if base == "published" else wrapped(f"instead of {base}", LABEL, SMALL)
    return "\n".join([*filter(None, [name]), *changes, *instead, seeds])
