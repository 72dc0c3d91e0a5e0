"""What a report says, before anything is written: tables, words, facts and pictures, in sections.

Every form of a report (Markdown, LaTeX, CSV, HTML) is a rendering of these values; none adds a number of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from common.intervals import Interval

MISSING = "\N{EN DASH}"

Kind = Literal["words", "prose", "code", "verdict", "number"]


@dataclass(frozen=True)
class Number:
    """A number in a cell, the document's or ours.

    Attributes:
        text: as people read it, rounded.
        value: as it is; over several seeds their mean.
        interval: 95 %.
        n: items behind it.
        seeds: the value of each seed.
    """

    text: str
    value: float
    interval: Interval | None = None
    n: int | None = None
    seeds: Mapping[int, float] = field(default_factory=dict)

    @property
    def std(self) -> float | None:
        """Standard deviation over the seeds; None for fewer than two."""
        return float(np.std(list(self.seeds.values()), ddof=1)) if len(self.seeds) > 1 else None


@dataclass(frozen=True)
class Link:
    """Words that lead to a study's page, or to a section or a row of it by its name."""

    text: str
    study: str
    section: str = ""


@dataclass(frozen=True)
class File:
    """Words that lead to a file or a folder beside the pages; the page that is one file only names it."""

    text: str
    path: Path


Cell: TypeAlias = str | Number | Link | tuple[Link, ...] | None


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: neighbours of the same title stand under it together.
        side: which of those this is: `published`, `ours, published`.
        kind: `prose` are sentences, `code` is typed as it stands, `verdict` a word that is marked.
    """

    title: str
    side: str = ""
    kind: Kind = "words"

    @property
    def heading(self) -> str:
        """Title and side in one line."""
        return f"{self.title}, {self.side}" if self.title and self.side else self.title or self.side


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: of its files, unique in a study.
        caption: a sentence without its full stop.
        columns: from left to right.
        rows: a cell per column; None is a dash, an empty word an empty cell.
        summary: how many rows at the end sum the others up.
        notes: what a reader must know to read it rightly.
        folded: whether it is of second rank and shown when asked for.
        filed: whether it is only in its files, because a picture shows the same.
        anchors: the name of each row, by which links find it; unique in a study. None where no row has one.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    summary: int = 0
    notes: tuple[str, ...] = ()
    folded: bool = False
    filed: bool = False
    anchors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if odd := [row for row in self.rows if len(row) != len(self.columns)]:
            raise ValueError(f"table {self.name}: {len(self.columns)} columns, a row of {len(odd[0])}: {odd[0]}")


@dataclass(frozen=True)
class Words:
    """A paragraph; a warning is marked as one."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Typed:
    """A command, as it is typed."""

    text: str


@dataclass(frozen=True)
class Facts:
    """Names with what is known of each, under a title."""

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Shown:
    """A picture by the stem of its files; the title says in words what it shows. `study` if it is another one's."""

    name: str
    title: str
    study: str = ""


@dataclass(frozen=True)
class Leads:
    """Sentences, and what each leads to: the section with its evidence, or several, or files."""

    rows: tuple[tuple[str, tuple[Link | File, ...]], ...]


Block: TypeAlias = Table | Words | Typed | Facts | Shown | Leads


@dataclass(frozen=True)
class Section:
    """Blocks under a title.

    Attributes:
        name: unique in a chapter.
        label: a shorter title for lists.
        finding: what the section finds, in a sentence or two, for the top of the chapter.
        apart: whether it is of second rank: a page of its own, folded where all is one page.
        verdict: on what it is about, to be seen before it is opened.
    """

    name: str
    title: str
    blocks: tuple[Block, ...]
    label: str = ""
    finding: str = ""
    apart: bool = False
    verdict: str = ""


@dataclass(frozen=True)
class Chapter:
    """All that is said of one document; `about` says which one it is."""

    study: str
    title: str
    sections: tuple[Section, ...]
    about: str = ""

    @property
    def tables(self) -> list[Table]:
        """All tables, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Table)]

    @property
    def leads(self) -> tuple[tuple[str, tuple[Link, ...]], ...]:
        """What its sections find, each with the section."""
        return leads_of(self.study, self.sections)

    @property
    def places(self) -> dict[str, str]:
        """The names of sections and of rows that links may lead to, each with its page: "" for the first one."""
        found: dict[str, str] = {"": ""}
        for section in self.sections:
            rows = [name for block in section.blocks if isinstance(block, Table) for name in block.anchors]
            found |= dict.fromkeys([section.name, *rows], section.name if section.apart else "")
        return found

    @property
    def pictures(self) -> list[str]:
        """Names of all pictures shown, in order."""
        return [block.name for section in self.sections for block in section.blocks if isinstance(block, Shown)]


def leads_of(study: str, sections: Iterable[Section]) -> tuple[tuple[str, tuple[Link, ...]], ...]:
    """Return what sections of a study find, each with the section."""
    return tuple((one.finding, (Link(one.title, study, one.name),)) for one in sections if one.finding)


def cell_text(cell: Cell) -> str:
    """Return a cell as plain words."""
    if cell is None:
        return MISSING
    if isinstance(cell, tuple):
        return ", ".join(link.text for link in cell)
    return cell if isinstance(cell, str) else cell.text
