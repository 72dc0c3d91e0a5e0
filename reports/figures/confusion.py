"""Confusion matrices: of one group, of all experiments side by side, and in the form that the document published."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.published import Published
from common.published.schema import ConfusionTable
from reports.figures.sheet import (
    INK,
    LINE,
    MARGIN,
    SMALL,
    Picture,
    Sheet,
    about,
    inches,
    name_of,
    plain_name,
    sheet,
    styled,
)
from reports.results import Group, whole_protocols

ALONE = 24
"""A study with more groups than this shows alone only the matrices of experiments with a published number."""
MOST_CLASSES = 24
"""A matrix of more classes is no picture that anyone can read."""


def pictures(published: Published, groups: Sequence[Group], recovered: Mapping[str, np.ndarray]) -> Iterator[Picture]:
    """List the matrices of a study.

    Args:
        published: what the document publishes.
        groups: the study's groups.
        recovered: integer matrices behind published percentages, by experiment.
    """
    classified = [group for group in whole_protocols(groups) if group.kind == "classification"]
    shown = [group for group in classified if len(group.outputs) <= MOST_CLASSES]
    few = len(shown) <= ALONE
    for group in shown:
        if (few or published.numbers(group.experiment)) and not _is_printed(published, group):
            yield Picture(
                name=name_of("confusion", group, groups),
                title=f"Confusion matrix of {published.experiment(group.experiment).short}, protocol {group.protocol}: "
                f"counts and % of each of {len(group.outputs)} classes",
                experiment=group.experiment,
                protocol=group.protocol,
                demo=group.demo,
                draw=partial(matrix_figure, group, published),
            )
    for table in published.confusions:
        yield from _as_printed(published, table, shown, recovered.get(table.experiment))


def _as_printed(
    published: Published, table: ConfusionTable, groups: Sequence[Group], recovered: np.ndarray | None
) -> Iterator[Picture]:
    """List the document's own form of a matrix: beside ours under `published`, or alone where that was not run."""
    own = [group for group in groups if _fits(group, table) and group.protocol == "published"]
    kind = "confusion-as-printed"
    either: list[Group | None] = [*own] or [None]
    for group in either:
        yield Picture(
            name=name_of(kind, group, groups) if group else plain_name(f"{kind}-{table.experiment}"),
            title=f"Confusion matrix of {published.experiment(table.experiment).short} in the document's form, "
            + ("published and ours" if group else "published; not run here as described"),
            experiment=table.experiment,
            protocol=group.protocol if group else None,
            demo=bool(group and group.demo),
            draw=partial(as_printed_figure, published, table, group, recovered),
        )


def _is_printed(published: Published, group: Group) -> bool:
    """Return whether a group's matrix stands beside the document's, in that one's form."""
    return group.protocol == "published" and any(_fits(group, table) for table in published.confusions)


def _fits(group: Group, table: ConfusionTable) -> bool:
    return group.experiment == table.experiment and set(group.outputs) == set(table.classes)


@styled
def matrix_figure(group: Group, published: Published) -> Figure:
    """Draw a group's confusion matrix: counts (summed over seeds) and percentages of each row."""
    classes = group.outputs
    grid = _Grid(classes, cell=max(0.55, 5.3 / len(classes)))
    title = f"{published.experiment(group.experiment).short}: confusion matrix"
    counted = published.data_of(group.experiment).items + ", summed over the seeds," * (len(group.runs) > 1)
    lines = [*about(group, published), f"Each cell: {counted} and % of the true class"]
    page = sheet(grid.height + 0.2, title, lines, demo=group.demo, width=grid.width + 2 * MARGIN + 0.25)
    axes = grid.axes(page, MARGIN + 0.25, 0)
    confusion = group.confusion
    shares = _shares(confusion, axis=1)
    _shade(axes, shares)
    texts = [
        [f"{n}\n{100 * share:.0f} %" for n, share in zip(*row, strict=True)]
        for row in zip(confusion, shares, strict=True)
    ]
    _write(axes, shares, texts, SMALL)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return page.figure


class _Grid:
    """Where a matrix stands: its cells, the names of its classes at its left and below it. Sizes in inches."""

    def __init__(self, classes: Sequence[str], cell: float, *, named: bool = True, size: float = SMALL) -> None:
        self.names = [name.replace("_", " ") for name in classes]
        self.size = size
        self.side = cell * len(classes)
        self.steep = any(inches(name, size) > cell - 0.06 for name in self.names)
        widest = max(inches(name, size) for name in self.names)
        self.left = widest + 0.1 if named else 0.0
        self.below = 0.1 + (widest if self.steep else LINE)
        self.width, self.height = self.left + self.side, self.side + self.below
        self.named = named

    def axes(self, page: Sheet, left: float, top: float, *, extra: float = 0) -> Axes:
        """Add the axes, with room for so many more lines of cells below the matrix."""
        cell = self.side / len(self.names)
        axes = page.axes(left + self.left, top, self.side, self.side + extra * cell)
        axes.set_xlim(0, len(self.names))
        axes.set_ylim(len(self.names) + extra, 0)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, labelsize=self.size)
        places = np.arange(len(self.names)) + 0.5
        axes.set_xticks(places, self.names, rotation=90 if self.steep else 0)
        axes.set_yticks(places, self.names if self.named else [])
        return axes


def _shares(counts: np.ndarray, axis: int) -> np.ndarray:
    """Return the shares of a row (axis 1) or of a column (axis 0)."""
    shares: np.ndarray = counts / np.maximum(counts.sum(axis=axis, keepdims=True), 1)
    return shares


def _shade(axes: Axes, shares: np.ndarray) -> None:
    axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=1)


def _write(axes: Axes, shares: np.ndarray, texts: Sequence[Sequence[str]], size: float) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if texts[row][column]:
            colour = "white" if share > 0.65 else INK
            place = (column + 0.5, row + 0.5)
            axes.text(*place, texts[row][column], ha="center", va="center", color=colour, fontsize=size)


@dataclass(frozen=True)
class _Panel:
    """One matrix of several: what is written into its cells, and lines of numbers below it by their names."""

    title: str
    shares: np.ndarray
    texts: list[list[str]]
    below: dict[str, list[str]]


@styled
def as_printed_figure(
    published: Published, table: ConfusionTable, group: Group | None, recovered: np.ndarray | None
) -> Figure:
    """Draw a matrix as the document publishes it beside ours, and below them the counts behind both.

    Column-normalised matrices have the document's two lines below: the share of each predicted class that is right
    (PPV), and the rest (FDR).
    """
    panels = [_printed_panel(table)]
    if group is not None:
        counts = _counts(group, table.classes)
        panels.append(_obtained_panel(table, counts))
    if recovered is not None:
        which = "published counts" if table.normalised == "counts" else "counts behind the published"
        panels.append(_counts_panel(table, recovered, f"{which}: {recovered.sum():,}"))
    if recovered is not None and group is not None:
        mean = ", mean of the seeds" if len(group.runs) > 1 else ""
        panels.append(_counts_panel(table, counts, f"our counts: {counts.sum():,.0f}{mean}"))
    return _in_panels(published, table, group, panels)


def _counts(group: Group, classes: Sequence[str]) -> np.ndarray:
    """Return a group's counts in the order of the document's classes, the mean over the seeds."""
    places = [group.outputs.index(name) for name in classes]
    counts: np.ndarray = group.confusion[np.ix_(places, places)] / len(group.runs)
    return counts


def _printed_panel(table: ConfusionTable) -> _Panel:
    percent = np.array(list(table.percentages.values()))
    lines = {"PPV": table.positive, "FDR": table.false}
    below = {name: [f"{value:.{table.decimals}f}" for value in line] for name, line in lines.items() if line}
    texts = [_percentages(row, table.decimals) for row in percent]
    return _Panel(f"published, % of each {_normalised(table)}", percent / 100, texts, below)


def _obtained_panel(table: ConfusionTable, counts: np.ndarray) -> _Panel:
    shares = _shares(counts, _axis(table))
    # A class that is never predicted has no share that is right.
    right = np.where(counts.sum(axis=0) > 0, 100 * np.diagonal(shares), np.nan)
    lines = {"PPV": right, "FDR": 100 - right} if table.positive else {}
    below = {
        name: ["" if np.isnan(value) else f"{value:.{table.decimals}f}" for value in line]
        for name, line in lines.items()
    }
    texts = [_percentages(row, table.decimals) for row in 100 * shares]
    return _Panel(f"ours, % of each {_normalised(table)}", shares, texts, below)


def _counts_panel(table: ConfusionTable, counts: np.ndarray, title: str) -> _Panel:
    return _Panel(title, _shares(counts, _axis(table)), [[f"{n:.0f}" if n else "" for n in row] for row in counts], {})


def _normalised(table: ConfusionTable) -> str:
    return "predicted class" if table.normalised == "columns" else "true class"


def _axis(table: ConfusionTable) -> int:
    return 0 if table.normalised == "columns" else 1


def _percentages(values: Iterable[float], decimals: int) -> list[str]:
    """Write percentages as the document does; as there, a cell without clips is empty."""
    return [f"{value:.{decimals}f}" if value > 0 else "" for value in values]


def _in_panels(published: Published, table: ConfusionTable, group: Group | None, panels: Sequence[_Panel]) -> Figure:
    side, head, gap = 3.2, LINE + 0.1, 0.25
    columns = min(2, len(panels))
    grids = [_Grid(table.classes, cell=side / len(table.classes), named=column == 0) for column in range(columns)]
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    extra = [max(_extra(panel) for panel in row) for row in rows]
    pitches = [head + grids[0].height + side / len(table.classes) * more + 0.15 for more in extra]
    lines = [*about(group, published)] if group else ["Published alone: there is no run of it as described"]
    restored = f"; lost in our copy and restored: PPV of {', '.join(table.restored)}" if table.restored else ""
    lines.append(f"Rows: true; columns: predicted{restored}")
    page = sheet(
        sum(pitches),
        f"{published.experiment(table.experiment).short}: {table.table}",
        lines,
        demo=bool(group and group.demo),
        width=max(2 * MARGIN + grids[0].left + columns * side + (columns - 1) * gap, 5.0),
    )
    for row, members in enumerate(rows):
        for column, panel in enumerate(members):
            left = MARGIN + (grids[0].left + side + gap if column else 0)
            axes = grids[column].axes(page, left, sum(pitches[:row]) + head, extra=_extra(panel))
            _shade(axes, panel.shares)
            _write(axes, panel.shares, panel.texts, 8.5)
            _write_below(axes, panel, grids[column])
            axes.set_title(panel.title, loc="left", fontsize=SMALL, pad=4)
    return page.figure


def _extra(panel: _Panel) -> float:
    """Return how many lines of cells the numbers below a panel take."""
    return 0.4 + len(panel.below) if panel.below else 0.0


def _write_below(axes: Axes, panel: _Panel, grid: _Grid) -> None:
    for line, (name, texts) in enumerate(panel.below.items()):
        y = len(grid.names) + 0.9 + line
        for column, text in enumerate(texts):
            axes.text(column + 0.5, y, text, ha="center", va="center", fontsize=8.5)
        if grid.named:
            axes.text(-0.15, y, name, ha="right", va="center", fontsize=grid.size)
