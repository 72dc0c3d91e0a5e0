"""Pictures of one study, from records and published numbers alone.

`pictures` lists them without drawing; `save` draws one into a folder as SVG, which pages show and papers can take. The
same records give the same bytes under one version of matplotlib: no dates and no software names are written into the
files.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from common.escaping import printable
from common.illustrations import Illustrations
from common.published import Published
from common.published.comparability import has_random_weights
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
from reports.figures.sheet import Picture, measured, styled
from reports.results import Group

__all__ = ["FEWEST", "Picture", "pictures", "save"]

FEWEST = 2
"""Pictures that are worth other processes."""
DARK = (
    "@media (prefers-color-scheme: dark) { svg { filter: invert(.91) hue-rotate(180deg) } "
    "image { filter: invert(1) hue-rotate(180deg) } }"
)
"""Where readers like it dark, light and dark change places; hues stay, and so do images of clips."""
POINTS = 72
"""Points in an inch, which are the units of SVG."""
NO_NAMES = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def pictures(
    published: Published,
    groups: Sequence[Group],
    effects: Sequence[Effect],
    found: Sequence[SearchResult] = (),
    illustrations: Illustrations | None = None,
) -> list[Picture]:
    """List every picture of one study: those of all its experiments first, then those of each one.

    A network with random weights in place of pretrained ones is in none.

    Args:
        published: what the document publishes.
        groups: the study's groups.
        effects: what protocols and switches change.
        found: our searches over settings.
        illustrations: of single clips and of models.
    """
    matrices = recovered(published)
    groups = [group for group in groups if not has_random_weights(group.first)]
    alone = _alone(published, groups)
    listed = [
        *headline.pictures(published, groups),
        *seeds.pictures(published, groups),
        *changes.pictures(published, effects),
        *cost.pictures(published, groups),
        *searches.pictures(published),
        *trials.pictures(published, found),
        *classes.pictures(published, groups, matrices),
        *confusion.pictures(published, groups, matrices),
        *outputs.pictures(published, alone),
        *scatter.pictures(published, alone),
        *curves.pictures(published, alone),
        *examples.pictures(published, illustrations),
        *networks.pictures(published, illustrations),
    ]
    return sorted(listed, key=lambda picture: picture.experiment is not None)


def _alone(published: Published, groups: Sequence[Group]) -> list[Group]:
    """Return the groups that have pictures of their own: of a document's search, those of what it chose."""
    tried = {one.id for one in published.experiments if one.settings}
    chosen = {search.experiment for search in published.searches}
    return [group for group in groups if group.experiment not in tried - chosen]


def save(picture: Picture, folder: Path) -> Path:
    """Draw a picture into a folder as `<name>.svg`; the folder is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{picture.name}.svg"
    # A control character would make the whole file no XML.
    text = printable(_svg(picture.draw())).replace("</style>", f"{DARK}</style>", 1)
    file.write_text(text, encoding="utf-8")
    return file


@styled
def _svg(figure: Figure) -> str:
    """Return a figure as SVG, as `Figure.savefig` does, in less time."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if not axis.label.get_text():
                axis.set_label_coords(0, 0)  # else all ticks are measured to place a label without text too
    drawn, dpi, (width, height) = io.StringIO(), figure.dpi, figure.get_size_inches()
    figure.dpi = POINTS
    lines = _Renderer(width * POINTS, height * POINTS, drawn, image_dpi=dpi, metadata=NO_NAMES)
    renderer: Any = MixedModeRenderer(figure, width, height, dpi, lines)  # what has very many cells becomes an image
    figure.draw(renderer)
    renderer.finalize()
    return drawn.getvalue()


class _Renderer(RendererSVG):
    """Measures each text once: pictures share words, and to measure them takes a tenth of the time to draw."""

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> tuple[float, float, float]:
        return measured(s, prop.get_size_in_points(), prop.get_weight())
