"""Pictures of one study, from records and published numbers alone.

`pictures` lists them without drawing; `save` draws one into a folder as SVG and PNG. The same records give the same
bytes under one version of matplotlib: no dates and no software names are written into the files.
"""

import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from common.illustrations import Illustrations
from common.published import Published
from common.runs.search_records import SearchResult
from reports.audit import recovered
from reports.effects import Effect
from reports.figures import (
    classes,
    confusion,
    cost,
    curves,
    examples,
    headline,
    networks,
    searches,
    seeds,
    slips,
    trials,
)
from reports.figures.sheet import DEMO, STYLE, Picture
from reports.results import Group
from reports.verdicts import Verdicts

__all__ = ["DEMO", "FEWEST", "Picture", "pictures", "save"]

DPI = 130
QUICK = 4
"""Of zlib's levels: the files are a twelfth larger than at the usual 6, and written in two thirds of the time."""
COLOURS = 128
"""Of a PNG."""
WHITE = 0xFFFFFFFF
FONTS = "'DejaVu Sans', Verdana, sans-serif"
"""Of letters in an SVG, the next one where the one before is not there; all were measured in the first, a wide one."""
FEWEST = 3
"""Pictures that are worth other processes."""
NO_NAMES = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def pictures(
    published: Published,
    groups: Sequence[Group],
    effects: Sequence[Effect],
    verdicts: Verdicts,
    found: Sequence[SearchResult] = (),
    illustrations: Illustrations | None = None,
) -> list[Picture]:
    """List every picture of one study: those of all its experiments first, then those of each one.

    Args:
        published: what the document prints.
        groups: the study's groups.
        effects: what protocols and switches change.
        verdicts: on the document's numbers.
        found: our searches over settings.
        illustrations: of single clips and of models.
    """
    matrices = recovered(published)
    listed = [
        *headline.pictures(published, groups),
        *seeds.pictures(published, groups),
        *slips.pictures(published, effects),
        *cost.pictures(published, groups),
        *searches.pictures(published),
        *trials.pictures(published, found),
        *classes.pictures(published, groups, verdicts, matrices),
        *confusion.pictures(published, groups, matrices),
        *curves.pictures(published, groups),
        *examples.pictures(published, illustrations),
        *networks.pictures(published, illustrations),
    ]
    return sorted(listed, key=lambda picture: picture.experiment is not None)


Saved: TypeAlias = tuple[Path, Path]
"""The SVG and the PNG of a picture."""


def save(picture: Picture, folder: Path) -> Saved:
    """Draw a picture into a folder as `<name>.svg` and `<name>.png`; the folder is made if it is not there.

    The SVG begins with its `<svg>` element, so that a page can hold it as it is, and the names of its parts are its
    own, so that one page can hold several.
    """
    folder.mkdir(parents=True, exist_ok=True)
    svg, png = folder / f"{picture.name}.svg", folder / f"{picture.name}.png"
    figure, text = picture.draw(), io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(text, format="svg", metadata=NO_NAMES)
    svg.write_text(for_pages(text.getvalue(), picture.title), encoding="utf-8")
    _with_few_colours(figure).save(png, dpi=(DPI, DPI), compress_level=QUICK)
    return svg, png


def _with_few_colours(figure: Figure) -> Image.Image:
    """Return the points of a figure: a third of the bytes that full colour needs, and no difference to the eye."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    with mpl.rc_context(STYLE):
        canvas.draw()
    points = np.array(canvas.buffer_rgba()).view(np.uint32)[..., 0]
    # Most of a sheet is white, which needs no counting.
    drawn = points != WHITE
    colours = points[drawn].view(np.uint8).reshape(1, -1, 4)[..., :3]
    counted = Image.fromarray(colours).quantize(COLOURS - 1, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    places = np.zeros(points.shape, np.uint8)
    places[drawn] = np.asarray(counted)[0] + 1
    image = Image.fromarray(places).convert("P")
    image.putpalette([255, 255, 255, *(counted.getpalette() or [])])
    return image


def for_pages(svg: str, title: str) -> str:
    """Turn a file of matplotlib's into one that can stand in a page beside others, and as small as it can be.

    It loses what is before its `<svg>`, comments, a style for everything around it, names of parts that nothing refers
    to, turns by nothing and digits below a hundredth of a point; the other names become its own. It gains a title for
    readers that cannot see it, and fonts for those that lack matplotlib's.
    """
    style = re.search(r'<style type="text/css">\*\{(.*?)\}</style>', svg)
    root = f'<svg role="img" aria-label="{escape(title)}" style="{style[1] if style else ""}; font-family: {FONTS}"'
    body = re.sub(r"<!--.*?-->|<defs>\s*<style.*?</style>\s*</defs>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    body = re.sub(r">\s+<", "><", re.sub(r"\s*\n\s*", " ", body))
    body = re.sub(r"<[^>]*>", lambda tag: _shortened(tag[0]), body)
    own = hashlib.sha256(body.encode()).hexdigest()[:8]
    tags = "".join(re.findall(r"<[^>]*>", body))
    meant = {name: f"{own}-{place}" for place, name in enumerate(dict.fromkeys(re.findall(r"#([\w.-]+)[)\"]", tags)))}
    body = re.sub(r"<[^>]*>", lambda tag: _renamed(tag[0], meant), body)
    return body.replace("<svg", root, 1) + "\n"


def _shortened(tag: str) -> str:
    """Leave out of a tag the font, which its root names, turns by nothing, and digits that nobody can see."""
    tag = re.sub(r"font-family: [^;\"]*;? ?| transform=\"rotate\(-?0 [^\"]*\)\"", "", tag)
    return re.sub(r"scale\([^)]*\)|(-?\d+\.\d\d)\d+", lambda found: found[1] or found[0], tag)


def _renamed(tag: str, meant: Mapping[str, str]) -> str:
    """Give a tag the names that are meant for it and for what it refers to; without one meant, it has none."""
    tag = re.sub(r' id="([^"]+)"', lambda found: f' id="{meant[found[1]]}"' if found[1] in meant else "", tag)
    return re.sub(r"(href=\"|url\()#([^)\"]+)", lambda found: f"{found[1]}#{meant[found[2]]}", tag)
