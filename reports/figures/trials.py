"""Our searches over one setting, epoch by epoch: what a short search saw, and what came of it."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from common.published import Published
from common.runs.search_records import SearchResult
from common.runs.search_records import in_words as score_in_words
from reports.figures.sheet import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Picture,
    data_of,
    key,
    plain_name,
    power_of_ten,
    sheet,
    styled,
)
from reports.wording import in_words

COLOURS = (BLUE, SKY, GREEN, ORANGE, RED, PURPLE)
"""Of the values, in their order; a search over more values has no picture."""
PITCH = 3.0
"""Inches from one row of panels to the next."""
SHORT = 5
"""A curve of at most so many epochs shows each of them as a dot."""


def pictures(published: Published, found: Sequence[SearchResult]) -> Iterator[Picture]:
    """List a picture for each experiment, protocol and seed: the searches made for it, the shortest first."""
    shown = [one for one in found if len(one.data["space"]) == 1 and len(values_of(one)) <= len(COLOURS)]
    for (experiment, protocol, seed, demo), same in groupby(shown, _subject):
        ending = f"-seed-{seed}" * (seed != 0) + "-demo" * demo
        yield Picture(
            name=plain_name(f"trials-{experiment}-{protocol}{ending}"),
            title=f"Our search for the settings of {published.experiment(experiment).short} epoch by epoch, protocol "
            f"{protocol}",
            experiment=experiment,
            protocol=protocol,
            demo=demo,
            draw=partial(trials_figure, published, list(same)),
        )


def _subject(search: SearchResult) -> tuple[str, str, int, bool]:
    data = search.data
    return data["experiment"], data["protocol"], data["seed"], bool(data["data"]["demo"])


def values_of(search: SearchResult) -> list[Any]:
    """Return the values of a search over one setting, in their order."""
    (values,) = search.data["space"].values()
    return list(values)


def epochs_of(search: SearchResult) -> int:
    """Return the last epoch that any trial was trained for."""
    return int(search.curves()["epoch"].max())


@styled
def trials_figure(published: Published, found: Sequence[SearchResult]) -> Figure:
    """Draw every quantity by epoch, a line per value, and ring what each search chose where it ended.

    Args:
        published: what the document publishes.
        found: searches of the same values on the same clips; the curves are those of the longest.
    """
    searches = sorted(found, key=epochs_of)
    longest = searches[-1]
    (setting,) = longest.data["space"]
    experiment = published.experiment(longest.data["experiment"])
    lines = [
        f"Protocol {longest.data['protocol']}, seed {longest.data['seed']}",
        *(_told(search) for search in searches),
        data_of(longest.data, published),
        "Dashed: the last epoch of a search; ringed: what it chose",
    ]
    colours = dict(zip(values_of(longest), COLOURS, strict=False))
    keys = [key(f"{in_words(setting)} {_short(value)}", colour) for value, colour in colours.items()]
    title, demo = f"{experiment.short}: search for the {in_words(setting)}", bool(longest.data["data"]["demo"])
    quantities = _quantities(longest)
    page = sheet(PITCH * -(-len(quantities) // 2), title, lines, demo=demo, keys=keys)
    for place, quantity in enumerate(quantities):
        row, column = divmod(place, 2)
        axes = page.axes(0.55 + 3.15 * column, 0.22 + PITCH * row, 2.7, PITCH - 0.75)
        _draw(axes, searches, colours, quantity)
        axes.set_title(score_in_words(quantity), loc="left")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return page.figure


def _quantities(search: SearchResult) -> list[str]:
    """Return what the learning curves follow, that of the validation clips first."""
    names = [str(name) for name in search.curves() if name not in ("trial", "epoch", "seconds", "learning_rate")]
    return sorted(names, key=lambda name: (not name.startswith("val_"), name))


def _told(search: SearchResult) -> str:
    ((setting, value),) = search.chosen.items()
    objective = search.data["objective"]
    best = f"{score_in_words(objective)} {search.best[objective]:.3f} in epoch {search.best['best_epoch']}"
    return f"{search.data['search']}: {epochs_of(search)} epochs; chosen: {in_words(setting)} {_short(value)}, {best}"


def _short(value: Any) -> str:
    return power_of_ten(value) if isinstance(value, float) else str(value)


def _draw(axes: Axes, searches: Sequence[SearchResult], colours: dict[Any, str], quantity: str) -> None:
    longest = by_value(searches[-1])
    for value, curve in longest.items():
        dot = "." if len(curve) <= SHORT else None
        axes.plot(curve["epoch"], curve[quantity], color=colours[value], linewidth=1.3, marker=dot)
    for search in searches:
        (value,) = search.chosen.values()
        last = by_value(search)[value].iloc[-1]
        axes.axvline(last["epoch"], color=BLACK, linestyle="--", linewidth=0.8)
        axes.plot(last["epoch"], last[quantity], "o", color=BLACK, markersize=10, markerfacecolor="none")


def by_value(search: SearchResult) -> dict[Any, pd.DataFrame]:
    """Return the learning curve of each value that has one; trials that went on from another one follow it."""
    curves = dict(iter(search.curves().groupby("trial")))
    found: dict[Any, list[pd.DataFrame]] = {}
    for row in search.data["rows"]:
        (value,) = row["values"].values()
        if row["trial"] in curves:
            found.setdefault(value, []).append(curves[row["trial"]])
    return {value: pd.concat(parts, ignore_index=True) for value, parts in found.items()}
