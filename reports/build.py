"""Writes the page and the pictures of every study that has records."""

from dataclasses import dataclass
from pathlib import Path

from common import published
from common.records import write_text
from reports import figures, tables
from reports.collect import Collected
from reports.compare import effects

RESULTS = Path(__file__).parent / "results"
"""Records that we ran, shipped with the project; the committed pages beside them are made of these."""


@dataclass(frozen=True)
class Built:
    """Files written."""

    pages: tuple[Path, ...]
    figures: tuple[Path, ...]


def build(collected: Collected, out: Path) -> Built:
    """Write one page per study and its pictures below `out/figures/<study>/`."""
    pages: list[Path] = []
    drawn: list[Path] = []
    for study, text in page_texts(collected).items():
        known, groups = published.load(study), collected.of(study)
        drawn += figures.draw_all(known, groups, effects(groups), out / "figures" / study)
        write_text(out / f"{study}.md", text)
        pages.append(out / f"{study}.md")
    return Built(tuple(pages), tuple(drawn))


def page_texts(collected: Collected) -> dict[str, str]:
    """Return the text of every page by study."""
    return {
        study: tables.page(published.load(study), collected.of(study), f"figures/{study}")
        for study in collected.studies()
    }
