"""Pictures of one study, from records and published numbers alone.

`pictures` lists them without drawing; `save` draws one into a folder as SVG, which pages show and papers can take. The
same records give the same bytes under one version of matplotlib: no dates and no software names are written into the
files.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

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

FEWEST = 2
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


def save(picture: Picture, folder: Path) -> Path:
    """Draw a picture into a folder as `<name>.svg`; the folder is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{picture.name}.svg"
    figure = picture.draw()
    with mpl.rc_context(STYLE):
        figure.savefig(file, format="svg", metadata=NO_NAMES)
    return file
