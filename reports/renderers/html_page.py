"""The HTML page: all studies in one file that needs no network, no other file, and no script to be read."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from common.escaping import printable
from reports.blocks import MISSING, Block, Cell, Chapter, Column, File, Link, Number, Shown, Table

TEMPLATES = Path(__file__).parent / "templates"

Locate = Callable[[str, str], Path]
"""Returns the file of a picture, given study and name."""


def page(title: str, front: Sequence[Block], chapters: Sequence[Chapter], locate: Locate) -> str:
    """Return the page.

    Args:
        title: of the page.
        front: what stands before the studies.
        chapters: one per study.
        locate: finds a picture, which the page takes in.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_shown,
    )
    environment.filters |= {"cell": _cell, "marks": _marks, "link": _link, "runs": _runs}
    environment.globals |= {"header": _header, "picture": lambda study, name: _inlined(locate(study, name))}
    environment.tests["a"] = lambda block, kind: type(block).__name__ == kind
    return environment.get_template("page.html").render(title=title, front=front, chapters=chapters)


def _shown(value: object) -> object:
    """Return what an expression of the template gives, its invisible characters escaped; markup stays markup."""
    return type(value)(printable(value)) if isinstance(value, str) else value


def _header(columns: Sequence[Column]) -> list[tuple[str, list[Column]]]:
    """Return the titles, each with its columns; neighbours of one title stand under it together."""
    return [(title, list(own)) for title, own in groupby(columns, key=lambda column: column.title)]


def _cell(cell: Cell, column: Column) -> Markup:
    """Return what stands in a cell; a verdict is a word with a mark, so that it needs no colour."""
    if cell is None:
        return Markup('<span class="missing">{}</span>').format(MISSING)
    if isinstance(cell, Link):
        return _link(cell)
    if isinstance(cell, tuple):
        return Markup(", ").join(map(_link, cell))
    if isinstance(cell, Number):
        return Markup.escape(cell.text)
    if cell and column.kind == "verdict":
        return Markup('<span class="badge {}">{}</span>').format(cell.replace(" ", "-"), cell)
    return Markup("<code>{}</code>").format(cell) if cell and column.kind == "code" else Markup.escape(cell)


def _link(link: Link | File) -> Markup:
    if isinstance(link, File):
        return Markup("<code>{}</code>").format(link.text)
    name = f"{link.study}.{link.section}".rstrip(".") if link.study else "all"
    return Markup('<a href="#{}">{}</a>').format(name, link.text)


def _runs(blocks: Sequence[Block]) -> list[list[Block]]:
    """Put pictures that follow each other together, to stand side by side; leave out what is only in files."""
    shown = [block for block in blocks if not (isinstance(block, Table) and block.filed)]
    return [list(run) for _, run in groupby(shown, key=lambda block: isinstance(block, Shown))]


def _marks(cell: Cell, column: Column) -> Markup:
    """Return a cell's attributes: its kind, and for numbers what they are sorted by and the value of each seed."""
    marks = Markup(' class="{}"').format(column.kind)
    if not isinstance(cell, Number):
        return marks
    marks += Markup(' data-value="{}"').format(f"{cell.value:.6g}")
    if len(cell.seeds) > 1:
        seeds = ", ".join(f"seed {seed}: {value:.4g}" for seed, value in cell.seeds.items())
        marks += Markup(' title="{}"').format(seeds)
    return marks


@dataclass(frozen=True)
class Inlined:
    """A picture as a data URL, with its size in pixels of a page."""

    url: str
    width: int
    height: int


def _inlined(path: Path) -> Inlined:
    """Take a picture in; as an image of its own, so that its styles and names of parts stay apart from the page's."""
    _, root = next(ElementTree.iterparse(path, events=["start"]))
    # matplotlib counts in points; a page has 4 pixels to 3 of them.
    width, height = (round(float(points) * 4 / 3) for points in root.attrib["viewBox"].split()[2:])
    return Inlined(f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}", width, height)
