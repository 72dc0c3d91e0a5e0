"""How many clips each class has."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from common.published import Published
from common.published.schema import Counts
from reports.figures.sheet import (
    BLACK,
    COLOUR_OF,
    ORANGE,
    PURPLE,
    SKY,
    WIDTH,
    Picture,
    by_demo,
    data_line,
    left_of,
    name_rows,
    plain_name,
    sheet,
    styled,
)
from reports.results import Group, whole_protocols
from reports.wording import sentence

OURS = "ours, "
GREYS = ("#555555", "#8C8C8C", "#BFBFBF")
BAR = 0.19
"""Inches of a bar and its gap."""


def pictures(published: Published, groups: Sequence[Group], recovered: Mapping[str, np.ndarray]) -> Iterator[Picture]:
    """List the counts of each class.

    Args:
        published: what the document publishes.
        groups: the study's groups.
        recovered: integer matrices behind published percentages, by experiment.
    """
    for ending, members in by_demo(whole_protocols(groups)) or [("", [])]:
        for data, alike in _of_same_classes(published, members).items():
            series = counts_of(published, alike, recovered) if not data else counts_of_ours(alike)
            if not series:
                continue
            yield Picture(
                name=plain_name(f"class-distribution{data}{ending}"),
                title=f"{sentence(_items(published, alike))} of each class: {', '.join(series)}",
                experiment=None,
                protocol=None,
                demo=bool(ending),
                draw=partial(distribution_figure, published, alike, series),
            )


def _of_same_classes(published: Published, groups: Sequence[Group]) -> dict[str, list[Group]]:
    """Part groups by the ending of their picture's name: "" for those with the document's data and classes.

    Experiments on data of their own have classes of their own, and so may clips of your own.
    """
    found: dict[str, list[Group]] = {"": []}
    others: dict[tuple[str, ...], str] = {}
    for group in groups:
        data, classes = published.experiment(group.experiment).data, tuple(group.outputs)
        ending = "".join(f"-{corpus}" for corpus in data.corpora) if data else ""
        known = (data or published.data).classes
        if known and set(classes) != set(known):
            ending = others.setdefault(classes, f"-other-classes-{len(others) + 1}")
        found.setdefault(ending, []).append(group)
    return found


def counts_of(
    published: Published, groups: Sequence[Group], recovered: Mapping[str, np.ndarray]
) -> dict[str, dict[str, int]]:
    """Return how many items each class has, by who says so: the document, its published matrices, our runs."""
    classes = published.data.classes
    said = [(_source(counts), counts.rows) for counts in published.counts if set(counts.rows) == set(classes)]
    for name, matrix in recovered.items():
        table = published.confusion(name)
        if table is not None:
            said.append(("behind the published matrices", dict(zip(table.classes, matrix.sum(axis=1), strict=True))))
    return _different([*said, *_ours(groups)])


def counts_of_ours(groups: Sequence[Group]) -> dict[str, dict[str, int]]:
    """Return how many items each class has in our runs."""
    return _different(_ours(groups))


def _ours(groups: Sequence[Group]) -> list[tuple[str, dict[str, int]]]:
    return [(f"{OURS}{group.protocol}", rows) for group in groups if (rows := group.first["data"]["per_output"])]


def _different(said: Sequence[tuple[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    """Return counts by who says so, numbered where one says several; what was said before is left out."""
    found: dict[str, dict[str, int]] = {}
    for who, rows in said:
        if not any(rows == other for other in found.values()):
            again = sum(name.startswith(who) for name in found)
            found[f"{who} ({again + 1})" if again else who] = rows
    return found


def _source(counts: Counts) -> str:
    return "published" if counts.known == "printed" else counts.id.replace("-", " ")


def _items(published: Published, groups: Sequence[Group]) -> str:
    """Return the word for what is classified: clips, or tracks."""
    return (published.data_of(groups[0].experiment) if groups else published.data).items


@styled
def distribution_figure(published: Published, groups: Sequence[Group], series: dict[str, dict[str, int]]) -> Figure:
    """Draw a bar for each class and each who counts it."""
    items = _items(published, groups)
    # Of many tags, a run may have clips of a few only.
    names = list(dict.fromkeys(name for rows in series.values() for name, count in rows.items() if count))
    colours = _colours(list(series))
    page = sheet(
        len(names) * (BAR * len(series) + 0.14) + 0.45,
        f"{sentence(items)} of each class",
        [f"Ours: {data_line(groups, published)}" if groups else "Not run here"],
        demo=any(group.demo for group in groups),
        keys=[Patch(color=colours[who], label=f"{who}: {sum(rows.values()):,}") for who, rows in series.items()],
    )
    left, pitch = left_of(names), BAR * len(series) + 0.14
    axes = page.axes(left, 0, WIDTH - left - 0.2, pitch * len(names))
    middles = pitch * (np.arange(len(names)) + 0.5)
    for number, (who, rows) in enumerate(series.items()):
        places = middles + BAR * (number - (len(series) - 1) / 2)
        counts = [rows.get(name, 0) for name in names]
        axes.barh(places, counts, height=0.9 * BAR, color=colours[who])
        for place, count in zip(places, counts, strict=True):
            axes.annotate(f"{count:,}", (count, place), (3, 0), textcoords="offset points", va="center", fontsize=8.5)
    name_rows(axes, middles, [name.replace("_", " ") for name in names], pitch * len(names))
    axes.margins(x=0.1)
    axes.set_xlabel(items)
    return page.figure


def _colours(names: Sequence[str]) -> dict[str, str]:
    """Return grey for what the document says, the colour of its protocol for what we count."""
    greys, others = iter(GREYS), iter((ORANGE, PURPLE, SKY))
    found: dict[str, str] = {}
    for name in names:
        ours = name.startswith(OURS)
        colour = COLOUR_OF.get(name.removeprefix(OURS)) if ours else next(greys, None)
        found[name] = next(others, BLACK) if colour is None else colour
    return found
