"""Writes all that is made of records: pages, tables in three forms, pictures, and the HTML page of all studies."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from common import published
from common.files import temporary_folder, without_formulas, write_text
from common.illustrations import Illustrations
from common.runs.search_records import SearchResult
from reports import audit, figures
from reports.blocks import Block, Chapter
from reports.effects import effects
from reports.figures import Picture
from reports.front_page import Known, found, front_blocks
from reports.processes import processes
from reports.renderers import html_page, latex, markdown, spreadsheet
from reports.results import Collected, Group, Row
from reports.studies import answers, of
from reports.study_page import chapter
from reports.verdicts import Verdicts

RESULTS = Path(__file__).parent / "results"
"""Records that we ran, shipped with the project; the committed pages beside them are made of these."""
README = Path(__file__).parents[1] / "README.md"
FINDINGS = re.compile(r"(<!-- findings, generated -->).*?(<!-- end -->)", re.DOTALL)
TITLE = "Published numbers on emotion in audio, and ours"


@dataclass(frozen=True)
class StudyReport:
    """All that is known of one study before anything is written."""

    known: Known
    pictures: Sequence[Picture]

    @property
    def chapter(self) -> Chapter:
        """What is said of it."""
        return self.known.chapter


@dataclass(frozen=True)
class Built:
    """Files written."""

    pages: tuple[Path, ...]
    tables: tuple[Path, ...]
    pictures: tuple[Path, ...]
    html: Path


def study_of(
    name: str,
    groups: Sequence[Group],
    searches: Sequence[SearchResult] = (),
    illustrations: Illustrations | None = None,
) -> StudyReport:
    """Gather what is said of one study.

    Experiments that are compared in an answer have their lines in the front tables and no section of their own.

    Raises:
        InputError: its published numbers are damaged.
    """
    known = published.load(name)
    matrices, findings = audit.recovered(known), audit.audit(known)
    answered = answers(known, groups, matrices)
    groups = [group for group in groups if of(name).shown(group)]
    shown = [group for group in groups if group.experiment not in answered.compared]
    changes, verdicts = effects(shown), Verdicts(known, groups, matrices)
    pictures = figures.pictures(known, shown, changes, searches, illustrations)
    said = chapter(known, groups, changes, pictures, findings, matrices, verdicts, searches, answered)
    front = Known(known, groups, findings, verdicts, said, answered.compared)
    return StudyReport(front, [*pictures, *answered.pictures])


def _names(collected: Collected) -> list[str]:
    """Return every study that has published numbers; those that were run come first."""
    run = collected.studies()
    return sorted(published.studies(), key=lambda name: name not in run)


def _gathered(name: str, collected: Collected) -> StudyReport:
    return study_of(name, collected.of(name), collected.searches_of(name), collected.illustrations.get(name))


def page_texts(collected: Collected, out: Path) -> dict[str, str]:
    """Return the text of every page that `build` writes into a folder, by its file; nothing is drawn for it."""
    return _texts([_gathered(name, collected) for name in _names(collected)], out)


def _readme(studies: Sequence[StudyReport], out: Path) -> dict[str, str]:
    """Return the project's README, with what was found, for the committed pages; nothing where it is not shipped."""
    if out.resolve() != RESULTS.parent or not README.is_file():
        return {}
    leads = markdown.leads_of_front(found([one.known for one in studies]), [one.chapter for one in studies])
    text = FINDINGS.sub(lambda marks: f"{marks[1]}\n{leads}\n{marks[2]}", README.read_text(encoding="utf-8"))
    return {"../README.md": text}


def build(collected: Collected, out: Path) -> Built:
    """Write a Markdown page per study, its tables and pictures, the front page, and one HTML page of all.

    All is written into a temporary folder first and moved into its place when it is complete, so an interrupted report
    leaves the older one as it was.

    Args:
        collected: the records.
        out: folder; gets `README.md`, `<study>.md`, `pages/<study>/`, `tables/<study>/`, `tables/results.csv` (the long
            table of all scores), `pictures/<study>/` and `index.html`. Other files in it stay as they are.
    """
    studies = [_gathered(name, collected) for name in _names(collected)]
    with temporary_folder(out) as new:  # in `out` itself: only within a file system a file is moved in one step
        built = _built(studies, collected, out, new)
        # What a page shows comes before the page.
        pictures, tables, pages = (
            [_moved(path, new, out) for path in paths] for paths in (built.pictures, built.tables, built.pages)
        )
        html = _moved(built.html, new, out)
    for name, text in _readme(studies, out).items():
        write_text(out / name, text)
        pages.append(out / name)
    return Built(tuple(pages), tuple(tables), tuple(pictures), html)


def _built(studies: Sequence[StudyReport], collected: Collected, out: Path, new: Path) -> Built:
    """Write into a folder what is to lie in another."""
    shown = [(study.chapter.study, picture) for study in studies for picture in study.pictures]
    with processes() as others:
        # Other processes draw while this one writes. They begin when all is known: one that begins earlier copies what
        # is read later, and measures texts for one study only.
        drawn = others.begin(partial(_draw, new / "pictures"), shown, figures.FEWEST)
        tables = [path for study in studies for path in _write_tables(study.chapter, new)]
        rows = pd.DataFrame(collected.long_table(), columns=Row._fields)
        text = without_formulas(rows).to_csv(index=False, lineterminator="\n")
        tables.append(_write(new / "tables" / "results.csv", text))
        pages = [_write(new / name, text) for name, text in _pages(studies, out).items()]
        files = list(drawn)
    places = {(study, picture.name): file for (study, picture), file in zip(shown, files, strict=True)}
    html = html_page.page(TITLE, _front(studies), [study.chapter for study in studies], lambda *name: places[name])
    return Built(tuple(pages), tuple(tables), tuple(files), _write(new / "index.html", html))


def _moved(path: Path, new: Path, out: Path) -> Path:
    """Move a file from below one folder to the same place below another, over the one that is there."""
    place = out / path.relative_to(new)
    place.parent.mkdir(parents=True, exist_ok=True)
    return path.replace(place)


def _draw(folder: Path, shown: tuple[str, Picture]) -> Path:
    study, picture = shown
    return figures.save(picture, folder / study)


def _texts(studies: Sequence[StudyReport], out: Path) -> dict[str, str]:
    return _pages(studies, out) | _readme(studies, out)


def _pages(studies: Sequence[StudyReport], out: Path) -> dict[str, str]:
    return markdown.pages(TITLE, _front(studies), [study.chapter for study in studies], out)


def _front(studies: Sequence[StudyReport]) -> list[Block]:
    return front_blocks([one.known for one in studies])


def _write_tables(said: Chapter, out: Path) -> Iterable[Path]:
    folder = out / "tables" / said.study
    for table in said.tables:
        yield _write(folder / f"{table.name}.tex", latex.table_text(table, said.study))
        yield _write(folder / f"{table.name}.csv", spreadsheet.table_text(table))


def _write(path: Path, text: str) -> Path:
    """Write a file unsynced: a report can be built again, and to sync hundreds of files takes seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
