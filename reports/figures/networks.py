"""A model from its layers: boxes from its input at the top to its output at the bottom, branches side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from common.illustrations import Diagram, Illustrations
from common.published import Published
from reports.figures.sheet import INK, LINE, MARGIN, PALE, SMALL, WIDTH, Picture, plain_name, sheet, styled, wrapped

GAP = 0.26
"""Inches between a box and the next one."""
WIDEST = 3.6
"""Inches of a box."""
MOST = 30
"""A model of more boxes than this has one box for each size of its outputs."""


@dataclass(frozen=True)
class Box:
    """Layers that follow each other, drawn as one.

    Attributes:
        name: of its last layer.
        inputs: names of the boxes that it takes.
        types: of its layers, in order.
        shape: of its output.
        parameters: of all of them.
    """

    name: str
    inputs: tuple[str, ...]
    types: tuple[str, ...]
    shape: tuple[int | None, ...]
    parameters: int

    @property
    def words(self) -> str:
        """Its types, how often before each that is repeated."""
        counted = [(name, len(list(same))) for name, same in groupby(self.types)]
        return ", ".join(f"{times} {name}" if times > 1 else name for name, times in counted)


def pictures(published: Published, illustrations: Illustrations | None) -> Iterator[Picture]:
    """List a picture for each figure of a model."""
    if illustrations is None:
        return
    for diagram in illustrations.diagrams:
        yield Picture(
            name=plain_name(f"figure-{diagram.experiment}-model"),
            title=f"{diagram.figure}: the layers of {published.experiment(diagram.experiment).short}, in our model",
            experiment=None,
            protocol=None,
            demo=False,
            draw=partial(network_figure, published, diagram),
        )


def boxes_of(layers: Sequence[Mapping[str, Any]]) -> list[Box]:
    """Put layers together that need no box of their own, if nothing else takes what comes between them.

    Those are layers without weights, normalisations, and what does the same once more.

    Args:
        layers: as in `common.illustrations.Diagram`.
    """
    consumers = [name for layer in layers for name in layer["inputs"]]
    found: list[Box] = []
    ends: dict[str, int] = {}
    for layer in layers:
        box = Box(layer["name"], tuple(layer["inputs"]), (layer["type"],), tuple(layer["shape"]), layer["parameters"])
        place = ends[box.inputs[0]] if len(box.inputs) == 1 and consumers.count(box.inputs[0]) == 1 else None
        if place is not None and _goes_on(found[place], box):
            before = found[place]
            types, parameters = before.types + box.types, before.parameters + box.parameters
            found[place] = replace(box, inputs=before.inputs, types=types, parameters=parameters)
        else:
            place = len(found)
            found.append(box)
        ends[box.name] = place
    return found


def _goes_on(before: Box, layer: Box) -> bool:
    if "InputLayer" in before.types:
        return not layer.parameters and len(before.shape) == len(layer.shape)
    once_more = {*before.types, *layer.types} == {*layer.types} and before.shape == layer.shape
    return once_more or not layer.parameters or "Normalization" in layer.types[0]


def stages_of(boxes: Sequence[Box]) -> list[Box]:
    """Put together what keeps the size of the output (all but its channels), from waist to waist of the model.

    A waist is a box that everything before it goes through. Padding belongs to what follows it.
    """
    last_use = {name: place for place, box in enumerate(boxes) for name in box.inputs}
    found: list[Box] = []
    parts: list[Box] = []
    for place, box in enumerate(boxes):
        parts.append(box)
        around = any(last_use.get(before.name, place) > place for before in boxes[:place])
        if around or "Padding" in box.types[-1]:
            continue
        stage = _together(parts)
        if found and found[-1].shape[1:-1] == stage.shape[1:-1]:
            stage = _together([found.pop(), stage])
        found.append(stage)
        parts = []
    return found


def _together(parts: Sequence[Box]) -> Box:
    """Return one box for several, with layers of one type counted together."""
    types = [name for part in parts for name in part.types]
    in_order = tuple(sorted(types, key=types.index))
    return replace(parts[-1], inputs=parts[0].inputs, types=in_order, parameters=sum(one.parameters for one in parts))


@dataclass(frozen=True)
class Placed:
    """A box on the sheet: the share of the width that its branch has, its row, and its lines."""

    box: Box
    left: float
    right: float
    row: int
    lines: tuple[str, ...]

    @property
    def middle(self) -> float:
        """Of its branch, as a share of the width."""
        return (self.left + self.right) / 2

    @property
    def height(self) -> float:
        """Inches."""
        return LINE * len(self.lines) + 0.14


def placed(boxes: Sequence[Box], width: float) -> dict[str, Placed]:
    """Give every box a row, below all that it takes, and its branch a share of the width."""
    found: dict[str, Placed] = {}
    for box in boxes:
        above = [found[name] for name in box.inputs]
        left = min((one.left for one in above), default=0.0)
        right = max((one.right for one in above), default=1.0)
        if len(above) == 1:
            branches = [other.name for other in boxes if box.inputs[0] in other.inputs]
            share, place = (right - left) / len(branches), branches.index(box.name)
            left, right = left + share * place, left + share * (place + 1)
        row = 1 + max((one.row for one in above), default=-1)
        found[box.name] = Placed(box, left, right, row, _lines(box, _inches(left, right, width) - 0.16))
    return found


def _inches(left: float, right: float, width: float) -> float:
    return min(WIDEST, (right - left) * width - 0.12)


def _lines(box: Box, room: float) -> tuple[str, ...]:
    shape = " x ".join("clips" if size is None else str(size) for size in box.shape)
    parameters = [f"{box.parameters:,} parameters"] if box.parameters else []
    parts = [box.words, shape, *parameters]
    return tuple(line for part in parts for line in wrapped(part, room, SMALL))


@styled
def network_figure(published: Published, diagram: Diagram) -> Figure:
    """Draw a model."""
    width = WIDTH - 2 * MARGIN
    shown, words = boxes_of(diagram.layers), "each box with the shape of its output"
    if len(shown) > MOST:
        shown, words = stages_of(shown), "a box for each size of the output, with the last shape of that size"
    boxes = placed(shown, width)
    heights = [max(one.height for one in boxes.values() if one.row == row) for row in sorted(_rows(boxes))]
    total = sum(layer["parameters"] for layer in diagram.layers)
    page = sheet(
        sum(heights) + GAP * (len(heights) - 1) + 0.05,
        f"{diagram.figure}: {published.experiment(diagram.experiment).short}",
        [f"Drawn from our model of {total:,} parameters; {words}"],
        demo=False,
    )
    axes = page.axes(MARGIN, 0, width, sum(heights) + GAP * (len(heights) - 1))
    axes.set(xlim=(0, width), ylim=(sum(heights) + GAP * (len(heights) - 1), 0))
    axes.axis("off")
    tops = [sum(heights[:row]) + GAP * row for row in range(len(heights))]
    for one in boxes.values():
        for name in one.box.inputs:
            _arrow(axes, boxes[name], one, tops, width)
    for one in boxes.values():
        _draw(axes, one, tops[one.row], width)
    return page.figure


def _rows(boxes: Mapping[str, Placed]) -> set[int]:
    return {one.row for one in boxes.values()}


def _draw(axes: Axes, one: Placed, top: float, width: float) -> None:
    inches = _inches(one.left, one.right, width)
    left = one.middle * width - inches / 2
    patch = FancyBboxPatch(
        (left + 0.06, top + 0.06),
        inches - 0.12,
        one.height - 0.12,
        boxstyle="round,pad=0.06",
        facecolor=PALE,
        edgecolor=INK,
        linewidth=0.9,
    )
    axes.add_artist(patch)  # not `add_patch`, which follows the curves of each corner to find the limits set above
    text = "\n".join(one.lines)
    axes.text(one.middle * width, top + one.height / 2, text, ha="center", va="center", fontsize=SMALL, linespacing=1.3)


def _arrow(axes: Axes, start: Placed, end: Placed, tops: Sequence[float], width: float) -> None:
    """Lead from the lower edge of a box to the upper edge of the one that takes its output."""
    begin = (start.middle * width, tops[start.row] + start.height)
    reach = (end.middle * width, tops[end.row])
    turn = reach[1] - GAP / 2
    style: Any = {"color": INK, "linewidth": 0.9, "zorder": 0}
    axes.plot([begin[0], begin[0], reach[0], reach[0]], [begin[1], turn, turn, reach[1] - 0.03], **style)
    axes.plot(reach[0], reach[1] - 0.04, marker="v", markersize=4.5, **style)
