"""Pictures of one study, from records and published numbers alone.

`pictures` lists them without drawing; `save` draws one into a folder as SVG and PNG. The same records give the same
bytes under one version of matplotlib: no dates and no software names are written into the files.
"""

from collections.abc import Sequence
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
    changes,
    classes,
    confusion,
    cost,
    curves,
    examples,
    headline,
    networks,
    outputs,
    scatter,
    searches,
    seeds,
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
        published: what the document publishes.
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
        *changes.pictures(published, effects),
        *cost.pictures(published, groups),
        *searches.pictures(published),
        *trials.pictures(published, found),
        *classes.pictures(published, groups, verdicts, matrices),
        *confusion.pictures(published, groups, matrices),
        *outputs.pictures(published, groups),
        *scatter.pictures(published, groups),
        *curves.pictures(published, groups),
        *examples.pictures(published, illustrations),
        *networks.pictures(published, illustrations),
    ]
    return sorted(listed, key=lambda picture: picture.experiment is not None)


Saved: TypeAlias = tuple[Path, Path]
"""The SVG and the PNG of a picture."""


def save(picture: Picture, folder: Path) -> Saved:
    """Draw a picture into a folder as `<name>.svg` and `<name>.png`; the folder is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    svg, png = folder / f"{picture.name}.svg", folder / f"{picture.name}.png"
    figure = picture.draw()
    with mpl.rc_context(STYLE):
        figure.savefig(svg, format="svg", metadata=NO_NAMES)
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
