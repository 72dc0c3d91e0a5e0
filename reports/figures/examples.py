"""Clips as the models see them, and how many there are: waveforms, spectrograms, coefficients, histograms."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from common.illustrations import Bars, Example, Illustrations, Panel
from common.published import Published
from common.published.comparability import corpus_title
from reports.figures.sheet import (
    BLUE,
    GREEN,
    INK,
    LINE,
    ORANGE,
    PURPLE,
    SMALL,
    WIDTH,
    Picture,
    plain_name,
    sheet,
    styled,
    with_names,
)

LEFT, RIGHT = 0.75, 0.15
BAR_RIGHT = 0.9
"""Inches right of a picture whose colours have a scale."""
HEIGHT, TITLE, BELOW = 1.75, 0.24, 0.5
"""Inches of a panel, above it and below it."""
FEW = 4
"""Panels that stand below each other; more stand in two columns, as squares."""
SERIES = (BLUE, ORANGE, GREEN, PURPLE)
COLOURS = "magma"
GREY_LEVELS = (0.0, 255.0)
SHOWN = (2.0, 98.0)
"""Percentiles between which colours change, so that the first one of 128 coefficients does not take all."""


def pictures(published: Published, illustrations: Illustrations | None) -> Iterator[Picture]:
    """List a picture for each figure of clips."""
    if illustrations is None:
        return
    for example in illustrations.examples:
        yield Picture(
            name=plain_name(f"figure-{example.name}" + "-demo" * illustrations.demo),
            title=_title(published, example),
            experiment=None,
            protocol=None,
            demo=illustrations.demo,
            draw=partial(example_figure, published, illustrations, example),
        )


def _title(published: Published, example: Example) -> str:
    return f"{example.figure}: {with_names(example.title, published)}"


@styled
def example_figure(published: Published, illustrations: Illustrations, example: Example) -> Figure:
    """Draw the panels of one figure."""
    columns = 1 if len(example.panels) <= FEW else 2
    rows = -(-len(example.panels) // columns)
    pictured = [panel for panel in example.panels if isinstance(panel, Panel)]
    width = WIDTH / columns - LEFT - (BAR_RIGHT if any(panel.unit for panel in pictured) else RIGHT)
    height = HEIGHT if columns == 1 else width
    heading = TITLE + LINE * max(panel.title.count("\n") for panel in example.panels)
    pitch = heading + height + BELOW
    corpora = ", ".join(corpus_title(name, published) for name in illustrations.corpora)
    lines = [f"Clips: {corpora}"] if example.of_clips else []
    demo = illustrations.demo and example.of_clips
    page = sheet(pitch * rows, _title(published, example), lines, demo=demo)
    limits = _limits(pictured)
    for number, panel in enumerate(example.panels):
        row, column = divmod(number, columns)
        axes = page.axes(LEFT + WIDTH / columns * column, heading + pitch * row, width, height)
        if isinstance(panel, Panel):
            _draw(page.figure, axes, panel, limits)
        else:
            _draw_bars(axes, panel)
    return page.figure


def _draw_bars(axes: Axes, bars: Bars) -> None:
    axes.set_title(f"{bars.title}: n = {int(bars.values.sum()):,}", loc="left", fontsize=SMALL)
    axes.set_xlabel(bars.horizontal)
    axes.set_ylabel(bars.vertical)
    axes.grid(axis="x", visible=False)
    bottom = np.zeros(bars.values.shape[1])
    for place, counts in enumerate(bars.values):
        label = bars.series[place] if bars.series else None
        axes.stairs(bottom + counts, bars.edges, baseline=bottom, fill=True, color=SERIES[place], label=label)
        bottom = bottom + counts
    if bars.mark is not None:
        axes.axvline(bars.mark, color=INK, linestyle="--", linewidth=1.2, label=bars.mark_label)
    if bars.series or bars.mark is not None:
        axes.legend(loc="best")


def _limits(panels: Sequence[Panel]) -> tuple[float, float]:
    """Return what the ends of the colours mean, the same for all panels of a figure."""
    values = [panel.values.ravel() for panel in panels if panel.unit]
    low, high = np.percentile(np.concatenate(values), SHOWN) if values else GREY_LEVELS
    return float(low), float(high)


def _draw(figure: Figure, axes: Axes, panel: Panel, limits: tuple[float, float]) -> None:
    axes.set_title(panel.title, loc="left", fontsize=SMALL)
    axes.set_xlabel(panel.horizontal)
    axes.set_ylabel(panel.vertical)
    axes.grid(visible=False)
    if not panel.top:
        places = np.linspace(0, panel.duration_s, panel.values.shape[1])
        axes.fill_between(places, *panel.values, color=BLUE, linewidth=0.4)
        axes.set_xlim(0, panel.duration_s)
        return
    place: Any = {"origin": "lower", "aspect": "auto", "extent": (0, panel.duration_s, 0, panel.top)}
    colours = COLOURS if panel.unit else "gray"
    image = axes.imshow(panel.values, **place, cmap=colours, interpolation="nearest", vmin=limits[0], vmax=limits[1])
    if panel.unit:
        _scale(figure, axes, image, panel)


def _scale(figure: Figure, axes: Axes, image: AxesImage, panel: Panel) -> None:
    """Draw what the colours mean, right of a picture; a pointed end where values go on beyond it."""
    box, whole = axes.get_position(), figure.get_size_inches()[0]
    place = figure.add_axes((box.x1 + 0.1 / whole, box.y0, 0.12 / whole, box.height))
    low, high = image.get_clim()
    beyond = panel.values.min() < low, panel.values.max() > high
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get(beyond, "neither")
    figure.colorbar(image, cax=place, label=panel.unit, extend=extend)
    place.grid(visible=False)
