"""Writes all that is made of records: pages, tables in three forms, pictures, and the HTML page of all studies."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from common import published
from common.files import write_text
from common.illustrations import Illustrations
from common.published import Published
from common.runs.search_records import SearchResult
from reports import audit, figures
from reports.audit.finding import Finding
from reports.blocks import Block, Chapter, Words
from reports.columns import sides_of
from reports.effects import effects
from reports.figures import Picture
from reports.front_page import all_experiments, study_table
from reports.processes import processes
from reports.renderers import html_page, latex, markdown, spreadsheet
from reports.results import Collected, Group, Row
from reports.studies import answers, of
from reports.study_page import READING, chapter
from reports.verdicts import Verdicts

RESULTS = Path(__file__).parent / "results"
"""Records that we ran, shipped with the project; the committed pages beside them are made of these."""
FRONT = "README.md"
TITLE = "Published numbers on emotion in audio, and ours"
INTRODUCTION = (
    "Every number that these documents publish is stored as data, examined, and compared with our results; code "
    "decides the verdict. Where nothing was run yet, the published numbers stand alone."
)


@dataclass(frozen=True)
class StudyReport:
    """All that is known of one study before anything is written."""

    published: Published
    groups: Sequence[Group]
    pictures: Sequence[Picture]
    findings: Sequence[Finding]
    chapter: Chapter
    compared: frozenset[str]
    verdicts: Verdicts


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
    pictures = figures.pictures(known, shown, changes, verdicts, searches, illustrations)
    said = chapter(known, shown, changes, pictures, findings, matrices, verdicts, searches, answered)
    return StudyReport(known, groups, [*pictures, *answered.pictures], findings, said, answered.compared, verdicts)


def _names(collected: Collected) -> list[str]:
    """Return every study that has published numbers; those that were run come first."""
    run = collected.studies()
    return sorted(published.studies(), key=lambda name: name not in run)


def _gathered(name: str, collected: Collected) -> StudyReport:
    return study_of(name, collected.of(name), collected.searches_of(name), collected.illustrations.get(name))


def page_texts(collected: Collected) -> dict[str, str]:
    """Return the text of every Markdown page by file name; nothing is drawn for it."""
    return _texts([_gathered(name, collected) for name in _names(collected)])


def build(collected: Collected, out: Path) -> Built:
    """Write a Markdown page per study, its tables and pictures, the front page, and one HTML page of all.

    Args:
        collected: the records.
        out: folder; gets `README.md`, `<study>.md`, `tables/<study>/`, `tables/results.csv` (the long table of all
            scores), `pictures/<study>/` and `index.html`.
    """
    names = _names(collected)
    known: dict[str, StudyReport] = {}
    drawn: dict[str, Iterator[Path]] = {}
    with processes() as others:
        # Other processes draw while this one gathers: what has few runs is soon gathered and gives them work at once.
        for name in sorted(names, key=lambda name: len(collected.of(name))):
            known[name] = _gathered(name, collected)
            save = partial(figures.save, folder=out / "pictures" / name)
            drawn[name] = others.begin(save, known[name].pictures, figures.FEWEST)
        studies = [known[name] for name in names]
        tables = [path for study in studies for path in _write_tables(study.chapter, out)]
        rows = pd.DataFrame(collected.long_table(), columns=Row._fields)
        tables.append(_write(out / "tables" / "results.csv", rows.to_csv(index=False, lineterminator="\n")))
        saved = {name: list(files) for name, files in drawn.items()}
    places = {
        (study.chapter.study, picture.name): file
        for study in studies
        for picture, file in zip(study.pictures, saved[study.chapter.study], strict=True)
    }
    pages = [_write(out / name, text) for name, text in _texts(studies).items()]
    html = html_page.page(_front(studies, each=True), [study.chapter for study in studies], lambda *name: places[name])
    files = tuple(file for files in saved.values() for file in files)
    return Built(tuple(pages), tuple(tables), files, _write(out / "index.html", html))


def _texts(studies: Sequence[StudyReport]) -> dict[str, str]:
    pages = {f"{study.chapter.study}.md": markdown.page(study.chapter) for study in studies}
    return {FRONT: markdown.front(TITLE, _front(studies, each=False)), **pages}


def _front(studies: Sequence[StudyReport], *, each: bool) -> list[Block]:
    """Return what stands before the studies: a line per document and, if asked for, one per experiment."""
    compared = frozenset().union(*(study.compared for study in studies))
    known = [(study.published, study.groups, study.findings, study.verdicts) for study in studies]
    lines = study_table(known, compared)
    if not each:
        return [Words(INTRODUCTION), Words(READING), lines]
    rows = all_experiments([(study.published, sides_of(study.groups), study.verdicts) for study in studies], compared)
    return [Words(INTRODUCTION), Words(READING), lines, rows]


def _write_tables(said: Chapter, out: Path) -> Iterable[Path]:
    folder = out / "tables" / said.study
    for table in said.tables:
        yield _write(folder / f"{table.name}.tex", latex.table_text(table, said.study))
        yield _write(folder / f"{table.name}.csv", spreadsheet.table_text(table))


def _write(path: Path, text: str) -> Path:
    write_text(path, text)
    return path
