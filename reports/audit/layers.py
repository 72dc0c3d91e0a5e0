"""Checks of a published layer table: sums, and the parameters that types and shapes give.

A layer's parameters follow from its published output shape and from what goes into it, which is the output of some
earlier row (the tables do not always say which). Types that are not known here are left alone.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from common.published import Published
from common.published.schema import Layer, LayerTable
from reports.audit.finding import Finding, Verdict, none_wrong
from reports.wording import listed

CONVOLUTION = re.compile(r"Conv\dD(Transpose)?$")
NORMALISATION = re.compile(r"BatchNorm")
EMPTY = re.compile(
    r"(InputLayer|Activation|(Leaky)?ReLU|Softmax|\w*Dropout\w*|\w*Pooling\w*|Flatten|Concatenate|Add|Reshape|Permute|"
    r"TFOpLambda)$"
)
"""Types without parameters."""

GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
"""How many weighted sums a recurrent layer has for each unit."""

Shape = tuple[int | None, ...]


def shape_of(layer: Layer) -> Shape:
    """Return a published shape as numbers, None where the size is open; empty if the cell is lost."""
    return tuple(None if word == "None" else int(word) for word in re.findall(r"None|\d+", layer.shape))


@dataclass(frozen=True)
class Explained:
    """How a row's parameters follow: `how` in words, `axes` along which they may lie; no `how`: they do not follow."""

    layer: Layer
    how: str
    axes: frozenset[int] = frozenset()


def explain(rows: Sequence[Layer]) -> list[Explained]:
    """Explain the parameters of each row whose type is known."""
    found = []
    for place, layer in enumerate(rows):
        shapes = [shape_of(row) for row in rows[:place]]
        if not shape_of(layer) and layer.parameters:
            continue
        if CONVOLUTION.match(layer.type):
            found.append(_convolution(layer, shapes))
        elif layer.type == "DepthwiseConv2D":
            found.append(_depthwise(layer))
        elif NORMALISATION.match(layer.type):
            found.append(_normalisation(layer))
        elif layer.type == "Dense":
            found.append(_dense(layer, shapes))
        elif layer.type in GATES:
            found.append(_recurrent(layer, shapes))
        elif layer.type == "Flatten" and not layer.parameters:
            found.append(_flatten(layer, shapes))
        elif EMPTY.match(layer.type):
            found.append(Explained(layer, "" if layer.parameters else "0"))
    return found


def _flatten(layer: Layer, earlier: Sequence[Shape]) -> Explained:
    """The output is as wide as some output before it has numbers."""
    width = shape_of(layer)[-1]
    sizes = {math.prod(size for size in of[1:] if size) for of in earlier if of and None not in of[1:]}
    return Explained(layer, "0" if width is None or width in sizes or not sizes else "")


def _recurrent(layer: Layer, earlier: Sequence[Shape]) -> Explained:
    """Each gate has weights of the input and of the state, and one bias or (Keras' GRU) two."""
    units, gates = shape_of(layer)[-1], GATES[layer.type]
    for width in {of[-1] for of in earlier if of}:
        for biases in (1, 2):
            if units and width and layer.parameters == gates * units * (width + units + biases):
                return Explained(layer, f"{gates} x {units} x ({width} + {units} + {biases})")
    return Explained(layer, "")


def _convolution(layer: Layer, earlier: Sequence[Shape]) -> Explained:
    """Find the channel axis and the kernel: parameters = filters x (kernel x channels in + 1), a square if possible.

    Where no square kernel with a bias does, one without a bias may: such layers stand before a batch normalisation.
    """
    shape = shape_of(layer)
    of_rank = [of for of in reversed(earlier) if len(of) == len(shape) > 2]
    axes = (1, len(shape) - 1)
    ways = [way for axis in axes for way in _kernels(layer.parameters, axis, shape, of_rank, bias=1)]
    if not any(square for square, _, _ in ways):
        ways += [way for axis in axes for way in _kernels(layer.parameters, axis, shape, of_rank, bias=0)]
    if not of_rank:
        ways = [(True, f"{filters} x {layer.parameters // filters}", axis) for axis, filters in _divisors(layer)]
    likely = [way for way in ways if way[0]] or ways
    return Explained(layer, likely[0][1] if likely else "", frozenset(axis for _, _, axis in likely))


def _divisors(layer: Layer) -> list[tuple[int, int]]:
    """Return the axes that can have the filters where the channels of the input do not matter, and their sizes."""
    shape = shape_of(layer)
    sizes = [(axis, shape[axis]) for axis in (1, len(shape) - 1)] if len(shape) > 2 else []
    return [(axis, size) for axis, size in sizes if size and layer.parameters % size == 0]


def _kernels(
    parameters: int, axis: int, shape: Shape, earlier: Sequence[Shape], bias: int
) -> Iterator[tuple[bool, str, int]]:
    """Go through the inputs, the nearest row first: is the kernel a square, the sum in words, the axis."""
    filters = shape[axis] if len(shape) > 2 else None
    if not filters or parameters % filters:
        return
    weights = parameters // filters - bias
    for channels in dict.fromkeys(of[axis] for of in earlier):
        if channels and weights > 0 and weights % channels == 0:
            area = weights // channels
            words = f"{filters} x ({area} x {channels} + 1)" if bias else f"{filters} x {area} x {channels}"
            yield math.isqrt(area) ** 2 == area, words, axis


def _depthwise(layer: Layer) -> Explained:
    """Each channel has a kernel of its own, with or without a bias."""
    ways = [f"{channels} x {layer.parameters // channels}" for _, channels in _divisors(layer)]
    return Explained(layer, ways[-1] if ways else "")


def _normalisation(layer: Layer) -> Explained:
    """Find the axes that the parameters are vectors of: all four, three (no scale) or the two trained ones."""
    sizes = dict(enumerate(shape_of(layer)))
    for vectors in (4, 3, 2):
        axes = [axis for axis, size in sizes.items() if axis and size and vectors * size == layer.parameters]
        if axes:
            return Explained(layer, f"{vectors} x {layer.parameters // vectors}", frozenset(axes))
    return Explained(layer, "")


def _dense(layer: Layer, earlier: Sequence[Shape]) -> Explained:
    units = shape_of(layer)[-1]
    if not earlier and units and layer.parameters % units == 0:
        return Explained(layer, f"{units} x {layer.parameters // units}")
    for width in {of[-1] for of in earlier if of}:
        if units and width and layer.parameters in (units * (width + 1), units * width):
            return Explained(layer, f"{units} x ({width} + 1)" if layer.parameters % width else f"{units} x {width}")
    return Explained(layer, "")


def normalised(table: LayerTable) -> tuple[frozenset[int], frozenset[int]]:
    """Return the axes on which all convolutions may have their channels, and along which all normalisation may go."""
    explained = [found for found in explain(table.rows) if found.axes]
    of = [[found.axes for found in explained if kind.match(found.layer.type)] for kind in (CONVOLUTION, NORMALISATION)]
    convolved, normed = (frozenset.intersection(*axes) if axes else frozenset() for axes in of)
    return convolved, normed


def check(published: Published) -> Iterator[Finding]:
    """Examine every layer table: its sums, the parameters of its rows, and the axis of its normalisation."""
    for table in published.layer_tables:
        tests = {"sum": _sum(table), "parts": _parts(table), "rows": _rows(table), "axis": _axis(table)}
        for name, verdict in tests.items():
            if verdict is not None:
                holds, claim, evidence, numbers = verdict
                claim = f"layer table {table.id}: {claim}"
                # No author says along which axis is normalised: it is noticed.
                kind = "remark" if name == "axis" else "check"
                if kind == "check" or not holds:
                    yield Finding(published.study, f"layers-{name}-{table.id}", holds, claim, evidence, numbers, kind)


def _sum(table: LayerTable) -> Verdict | None:
    """Compare the sum of the rows with the published total; a total that was counted is that sum."""
    if not table.rows or table.known == "count":
        return None
    total = sum(row.parameters for row in table.rows)
    evidence = f"the sum of {len(table.rows)} rows is {total}, published {table.total}"
    numbers = {"total": total, "published": table.total}
    return total == table.total, "the rows add up to the total", evidence, numbers


def _parts(table: LayerTable) -> Verdict | None:
    if table.trainable is None or table.frozen is None:
        return None
    total = table.trainable + table.frozen
    evidence = f"{table.trainable} + {table.frozen} = {total}, published {table.total}"
    numbers = {"total": total, "published": table.total}
    return total == table.total, "trainable and frozen parameters are all", evidence, numbers


def _rows(table: LayerTable) -> Verdict | None:
    explained = explain(table.rows)
    if not any(found.layer.parameters for found in explained):
        return None
    wrong = [f"{found.layer.name} {found.layer.parameters} {found.layer.shape}" for found in explained if not found.how]
    ways = dict.fromkeys(f"{found.layer.parameters} = {found.how}" for found in explained if found.layer.parameters)
    right = f"{len(explained)} of {len(table.rows)} rows recomputed: {listed(ways)}"
    return none_wrong("the parameters follow from types and shapes", wrong, right, len(explained))


def _axis(table: LayerTable) -> Verdict | None:
    channels, axes = normalised(table)
    if not (channels and axes):
        return None
    evidence = f"by the convolutions, channels are axis {listed(channels)}; axis {listed(axes)} is normalised"
    numbers = {"channels": min(channels), "normalised": min(axes)}
    return bool(channels & axes), "batch normalisation is not per channel", evidence, numbers
