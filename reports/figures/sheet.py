"""The style that all pictures share: what a picture is, its colours and signs, and the sheet it is drawn on.

Places and sizes on a sheet are inches, counted from its upper left corner, so that a picture with many rows grows
instead of shrinking its letters.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from itertools import pairwise
from typing import Any, Literal, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from common.published import Published
from common.published.comparability import data_in_words, reasons
from reports.results import Group

# Okabe and Ito's colours, which all kinds of colour vision tell apart.
BLACK, ORANGE, GREEN, BLUE, RED, PURPLE = "#000000", "#E69F00", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
SKY = "#56B4E9"
GREY, PALE, INK = "#7F7F7F", "#F3F3F3", "#222222"
SMALLEST = 0.05
"""Smaller numbers of a logarithmic scale are written as powers of ten."""
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
COLOUR_OF = {"published": BLUE, "corrected": GREEN, "independent": RED}
MARKER_OF = {"published": "o", "corrected": "s", "independent": "D"}
PRINTED: tuple[str, str] = (BLACK, "X")
DEMO = "DEMO CORPUS: synthesised sounds, not a result"

WIDTH = 6.6
"""Inches of a sheet: letters of 10 points stay readable on a phone, and a page of 1100 pixels shows it whole."""
MARGIN = 0.12
LABEL = 2.1
"""Inches that the name of a row may have."""
LINE = 0.19
"""Inches of a line of text."""
FEW = 4
"""Experiments of a picture that are named one by one where its words stand for it."""
TICKS = 6
"""Steps that an axis has at most, if its numbers are long."""
SIZE, SMALL, TITLE = 10.0, 9.5, 11.5
"""Letters, in points."""
STYLE: Any = {
    # Where a reader has no DejaVu Sans: Verdana has nearly its widths, which the places of all words count on.
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": SIZE,
    "text.color": INK,
    "text.parse_math": False,
    "axes.titlesize": SIZE,
    # Nothing stands above the axes, so titles need not be moved; to find that out, all ticks would be measured twice.
    "axes.titley": 1.0,
    "axes.labelsize": SIZE,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "xtick.color": INK,
    "ytick.color": INK,
    # Letters stay text: to be searched and changed, and quick. The salt keeps the names of parts from changing.
    "svg.fonttype": "none",
    "svg.hashsalt": "encore",
}

EDGED: Any = {"markersize": 8, "markeredgecolor": "white", "markeredgewidth": 0.8}
"""How a mark stands out from its interval."""
LEGEND: Any = {
    "loc": "upper left",
    "borderpad": 0,
    "borderaxespad": 0,
    "handletextpad": 0.5,
    "columnspacing": 1.2,
    "labelspacing": 0.4,
}

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Line = Literal["-", "--", ":", ""]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Picture:
    """A picture that can be drawn.

    Attributes:
        name: stem of its files, unique in its study.
        title: what it shows, for a caption or a reader that cannot see it.
        experiment: whose it is; None where it compares several.
        protocol: of the runs it shows; None where it compares several or shows published numbers alone.
        demo: whether the runs it shows are of synthesised sounds.
        draw: draws it.
    """

    name: str
    title: str
    experiment: str | None
    protocol: str | None
    demo: bool
    draw: Callable[[], Figure]


@dataclass(frozen=True)
class Sheet:
    """A figure with a title; `top` is where its body begins."""

    figure: Figure
    top: float

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes; `top` counts from the beginning of the body."""
        whole, high = self.figure.get_size_inches()
        return self.figure.add_axes((left / whole, 1 - (self.top + top + height) / high, width / whole, height / high))


def styled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Make a function that draws do so in the style of all pictures."""

    @wraps(function)
    def inside(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with mpl.rc_context(STYLE):
            return function(*args, **kwargs)

    return inside


def sheet(
    body: float,
    title: str,
    lines: Iterable[str],
    *,
    demo: bool,
    keys: Sequence[Artist] = (),
    width: float = WIDTH,
) -> Sheet:
    """Make a sheet of the height that its title, its legend and a body need.

    Args:
        body: inches below the legend.
        title: what the picture shows.
        lines: what else must be said: of which data, compared how.
        demo: marked under the title and across the sheet.
        keys: what stands in the legend.
        width: inches.
    """
    room = width - 2 * MARGIN
    heading = wrapped(title, room, TITLE, "bold")
    words = [part for line in lines if line for part in wrapped(line, room, SMALL)]
    rows = [(text, TITLE, "bold", INK) for text in heading] + [(text, SMALL, "normal", "#444444") for text in words]
    if demo:
        rows.insert(len(heading), (DEMO, SMALL, "bold", RED))
    columns = _columns([str(entry.get_label()) for entry in keys], room)
    title_end = MARGIN + LINE * len(rows) + 0.06 * len(heading) + 0.12
    top = title_end + (0.21 * -(-len(keys) // columns) + 0.14 if keys else 0)
    height = top + body + MARGIN
    figure = Figure(figsize=(width, height), facecolor="white")
    if keys:
        place = (MARGIN / width, 1 - title_end / height)
        figure.legend(handles=list(keys), bbox_to_anchor=place, ncols=columns, **LEGEND)
    y = MARGIN
    for text, size, weight, colour in rows:
        figure.text(MARGIN / width, 1 - y / height, text, va="top", fontsize=size, weight=weight, color=colour)
        y += LINE + 0.06 * (size == TITLE)
    if demo:
        across: Any = {"rotation": 25, "alpha": 0.08, "ha": "center", "va": "center", "zorder": 9}
        figure.text(0.5, 0.5 * (1 - top / height), "DEMO", fontsize=13 * min(width, 1.4 * (height - top)), **across)
    return Sheet(figure, top)


def _columns(labels: Sequence[str], room: float) -> int:
    """Return in how many columns a legend fits; matplotlib fills them one by one, as evenly as it can."""
    for rows in range(1, len(labels)):
        columns = -(-len(labels) // rows)
        widest = [max(inches(label, SMALL) for label in column) for column in np.array_split(labels, columns)]
        if sum(widest) + 0.58 * columns <= room:
            return columns
    return 1


def inches(text: str, size: float, weight: str = "normal") -> float:
    """Return how wide the widest line of a text is."""
    return max(measured(line or " ", size, weight)[0] for line in text.split("\n")) / 72


def measured(line: str, size: float, weight: int | str = "normal") -> tuple[float, float, float]:
    """Return the width, the height and the descent of a line of text in points, as matplotlib measures it."""
    # Word by word: pictures share words, and measuring texts is a tenth of what a picture costs.
    widths, heights, descents = zip(*(_at_100_points(part, weight) for part in re.split("( )", line)), strict=True)
    descent = max(descents)
    rise = max(height - below for height, below in zip(heights, descents, strict=True))
    scale = size / 100
    return sum(widths) * scale, (rise + descent) * scale, descent * scale


@cache
def _at_100_points(word: str, weight: int | str) -> tuple[float, float, float]:
    font = FontProperties(family="DejaVu Sans", size=100, weight=weight)
    return text_to_path.get_text_width_height_descent(word, font, ismath=False)


def wrapped(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Break a text into lines of at most so many inches, between words."""
    # Word by word: pictures share words, and measuring a text is most of what a title costs.
    space = inches("n n", size, weight) - 2 * inches("n", size, weight)
    lines: list[str] = []
    used = 0.0
    for word in text.split():
        needed = inches(word, size, weight)
        if lines and used + space + needed <= width:
            lines[-1] += f" {word}"
            used += space + needed
        else:
            lines.append(word)
            used = needed
    return lines


def about(group: Group, published: Published) -> list[str]:
    """Say whose runs a picture shows, how many clips they tested and of which data, in lines under its title."""
    folds = len(group.first["folds"])
    counted = [f"{folds} folds"] * (folds > 1) + [seeds_in_words(group)]
    tested = f"n = {len(group.distinct):,} tested {published.data_of(group.experiment).items}"
    return [f"Protocol {group.protocol}, {', '.join(counted)}, {tested}", data_line([group], published)]


def named(published: Published, experiment: str) -> str:
    """Return an experiment's name in lines that fit beside a row."""
    return "\n".join(wrapped(published.experiment(experiment).short, LABEL, SMALL))


def shared(published: Published, experiments: Iterable[str]) -> str:
    """Return the name of the experiment that all rows of a picture are of, for its title; empty if they differ."""
    names = set(experiments)
    return published.experiment(names.pop()).short if len(names) == 1 else ""


def changed_in_words(changes: str) -> list[str]:
    """Return what was set of switches, each as words: of `track_ids=corpus`, that is `track ids: corpus`."""
    return [change.replace("_", " ").replace("=", ": ") for change in changes.split("+") if change]


def names_in(published: Published, experiments: Iterable[str]) -> str:
    """Name experiments for readers who cannot see a picture: a few one by one, many by their number."""
    names = list(dict.fromkeys(published.experiment(name).short for name in experiments))
    return "; ".join(names) if len(names) <= FEW else f"{len(names)} experiments"


def with_names(text: str, published: Published) -> str:
    """Return a text with the names of experiments in place of their ids."""
    ids = sorted(published.by_id, key=len, reverse=True)
    known = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, ids))})(?![\w-])")
    return known.sub(lambda found: published.experiment(found[1]).short, text) if ids else text


def seeds_in_words(group: Group) -> str:
    """Return `seed 3`, or how many seeds there are."""
    return f"{len(group.runs)} seeds" if len(group.runs) > 1 else f"seed {group.seeds[0]}"


def data_line(groups: Iterable[Group], published: Published) -> str:
    """Say which data the runs had, and why they cannot be compared with the document if they cannot."""
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        words, why = _data_and_why_not(group.first, published)
        found.setdefault(why, {})[words] = None
    return "; ".join("; ".join(words) + why for why, words in found.items())


def data_of(record: dict[str, Any], published: Published) -> str:
    """Say which data a run or a search had, and why it cannot be compared with the document if it cannot."""
    return "".join(_data_and_why_not(record, published))


def _data_and_why_not(record: dict[str, Any], published: Published) -> tuple[str, str]:
    words, why = data_in_words(record, published), reasons(record, published)
    more = "; ".join(reason for reason in why if reason != words)
    reason = f"not comparable: {more}" if more else "not comparable"
    return words, f" ({reason})" if why else ""


def name_of(kind: str, group: Group, groups: Sequence[Group]) -> str:
    """Return the name of a group's picture; numbered where several groups share experiment and protocol."""
    number = ordinal(group, groups)
    return plain_name(f"{kind}-{group.experiment}-{group.protocol}" + (f"-{number}" if number else ""))


def plain_name(words: str) -> str:
    """Return a name that every file system and page takes."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", words)


def ordinal(group: Group, groups: Sequence[Group]) -> int:
    """Return which of the groups with the same experiment and protocol this is, from 1; 0 if it is the only one."""
    alike = [other for other in groups if (other.experiment, other.protocol) == (group.experiment, group.protocol)]
    return alike.index(group) + 1 if len(alike) > 1 else 0


def by_demo(groups: Sequence[Group]) -> list[tuple[str, list[Group]]]:
    """Part real from synthesised sounds, which never share a picture: an ending for the name, and the groups."""
    parts = [("", [group for group in groups if not group.demo]), ("-demo", [group for group in groups if group.demo])]
    return [(ending, members) for ending, members in parts if members]


def in_parts(items: Sequence[Item], most: int) -> list[tuple[str, Sequence[Item]]]:
    """Part items evenly into pictures of at most so many; an ending for the name where there are several."""
    count = -(-len(items) // most)
    bounds = [len(items) * place // count for place in range(count + 1)] if count else []
    parts = [items[start:stop] for start, stop in pairwise(bounds)]
    return [(f"-{place}" if count > 1 else "", part) for place, part in enumerate(parts, start=1)]


def look(group: Group) -> tuple[str, str]:
    """Return the colour and the marker of a group's protocol, whatever switches were set in it."""
    protocol = group.protocol.partition("+")[0]
    return COLOUR_OF.get(protocol, GREY), MARKER_OF.get(protocol, "^")


def key(label: str, colour: str, marker: str = "", line: Line = "-", **style: Any) -> Line2D:
    """Return a line for a legend."""
    edged = EDGED if marker and line else {}
    return Line2D([], [], color=colour, marker=marker or None, linestyle=line, label=label, **{**edged, **style})


def name_rows(axes: Axes, places: Sequence[float] | np.ndarray, names: Sequence[str], bottom: float) -> None:
    """Name the rows of a picture, whose axis runs from 0 downwards to `bottom`, and leave their lines out."""
    axes.set_ylim(bottom, 0)
    axes.set_yticks(places, names, fontsize=SMALL)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)


def stripe(axes: Axes, number: int, top: float, bottom: float) -> None:
    """Shade every other row."""
    if number % 2:
        axes.axhspan(top, bottom, color=PALE, zorder=0, linewidth=0)


def row_ends(heights: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return where rows of these heights begin and where they end."""
    ends = np.cumsum(heights)
    return ends - heights, ends


def height_of(label: str) -> float:
    """Return the height of a row with this name."""
    return 0.17 * len(label.split("\n")) + 0.16


def left_of(names: Iterable[str], weight: str = "normal") -> float:
    """Return where axes begin whose rows have these names."""
    return MARGIN + 0.12 + max(inches(name, SMALL, weight) for name in names)


def power_of_ten(value: float) -> str:
    """Write a number of a logarithmic scale: 0.1, 10⁻⁵, 3 × 10⁻⁴."""
    if not 0 < value < SMALLEST:
        return f"{value:g}"
    first, _, exponent = f"{value:e}".partition("e")
    power = f"10{str(int(exponent)).translate(RAISED)}"
    return power if float(first) == 1 else f"{float(first):g} \N{MULTIPLICATION SIGN} {power}"


def percent_axis(axis: Axis) -> None:
    """Write the ticks of an axis of shares as percentages."""
    axis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
