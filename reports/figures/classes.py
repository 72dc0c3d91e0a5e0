"""Class by class: how many clips each has, and ours minus published."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from common.published import Published
from common.published.schema import Counts
from reports.figures.sheet import (
    BLACK,
    BLUE,
    COLOUR_OF,
    EDGED,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    WIDTH,
    Picture,
    about,
    by_demo,
    data_line,
    key,
    left_of,
    name_of,
    name_rows,
    plain,
    plain_name,
    sheet,
    stripe,
    styled,
)
from reports.results import Group
from reports.verdicts import NOT_COMPARABLE, Verdict, Verdicts
from reports.wording import MINUS, sentence

SCORES = {"recall": (BLUE, "o"), "f1": (ORANGE, "s")}
TITLE = {"recall": "recall", "f1": "F1"}
OURS = "ours, "
GREYS = ("#555555", "#8C8C8C", "#BFBFBF")
BAR = 0.19
"""Inches of a bar and its gap."""


def pictures(
    published: Published, groups: Sequence[Group], verdicts: Verdicts, recovered: Mapping[str, np.ndarray]
) -> Iterator[Picture]:
    """List the class by class pictures of a study.

    Args:
        published: what the document publishes.
        groups: the study's groups.
        verdicts: on the document's numbers.
        recovered: integer matrices behind published percentages, by experiment.
    """
    yield from _distributions(published, plain(groups), recovered)
    for group in plain(groups):
        if found := differences(published, verdicts.of(group)):
            yield Picture(
                name=name_of("classes", group, groups),
                title=f"Class by class, ours minus published: {group.experiment}",
                experiment=group.experiment,
                protocol=group.protocol,
                demo=group.demo,
                draw=partial(differences_figure, published, group, found),
            )


def differences(published: Published, verdicts: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    """Return the comparable differences of each class' recall and F1, by class; without those that no clip is of."""
    known = {row.metric: row for row in verdicts if row.difference is not None and row.verdict != NOT_COMPARABLE}
    classes = published.data.classes
    found = {name: [known[key] for score in SCORES if (key := f"{name}_{score}") in known] for name in classes}
    return {name: rows for name, rows in found.items() if rows}


@styled
def differences_figure(published: Published, group: Group, found: Mapping[str, list[Verdict]]) -> Figure:
    """Draw recall and F1 of each class, ours minus published, with 95 % intervals."""
    pitch = 0.5
    band = published.resolution["per_class"]
    lines = [*about(group, published), "Lines: 95 % intervals of the difference"]
    title = f"{published.experiment(group.experiment).title}: class by class"
    keys = [key(TITLE[score], *SCORES[score]) for score in SCORES]
    keys.append(key(f"±{band:g}, as wide as an interval may be for a verdict", GREY, line=":"))
    page = sheet(pitch * len(found) + 0.45, title, lines, demo=group.demo, keys=keys)
    names = [name.replace("_", " ") for name in found]
    left = left_of(names)
    axes = page.axes(left, 0, WIDTH - left - 0.25, pitch * len(found))
    for place, colour, line in ((-band, GREY, ":"), (0, BLACK, "-"), (band, GREY, ":")):
        axes.axvline(place, color=colour, linestyle=line, linewidth=1.2)
    for place, verdicts in enumerate(found.values()):
        stripe(axes, place, place, place + 1)
        for row in verdicts:
            score = row.metric.rpartition("_")[2]
            colour, marker = SCORES[score]
            y = [place + (0.67 if score == "f1" else 0.33)]
            axes.plot(np.array(row.difference_interval), y * 2, color=colour, linewidth=1.8, solid_capstyle="butt")
            axes.plot(np.array(row.difference), y, marker, color=colour, **EDGED)
    name_rows(axes, np.arange(len(found)) + 0.5, names, len(found))
    axes.set_xlabel(f"ours {MINUS} published")
    return page.figure


def _distributions(
    published: Published, groups: Sequence[Group], recovered: Mapping[str, np.ndarray]
) -> Iterator[Picture]:
    for ending, members in by_demo(groups) or [("", [])]:
        # Experiments on data of their own have classes of their own.
        apart: dict[str, list[Group]] = {"": []}
        for group in members:
            own = published.experiment(group.experiment).data
            apart.setdefault("".join(f"-{corpus}" for corpus in own.corpora) if own else "", []).append(group)
        for data, alike in apart.items():
            series = counts_of(published, alike, recovered) if not data else counts_of_ours(alike)
            if not series:
                continue
            yield Picture(
                name=plain_name(f"class-distribution{data}{ending}"),
                title=f"{sentence(_items(published, alike))} of each class",
                experiment=None,
                protocol=None,
                demo=bool(ending),
                draw=partial(distribution_figure, published, alike, series),
            )


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
