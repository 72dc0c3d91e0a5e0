"""Classes, corpora and notes with hostile names, through every form of a report."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from markdown_it import MarkdownIt
from matplotlib.figure import Figure
from synthetic import classified, reseal

from common import files
from common.escaping import FORMULA, INVISIBLE
from reports import figures
from reports.blocks import Chapter, Column, Facts, Link, Section, Table, Typed, Words
from reports.build import build
from reports.collect import collect
from reports.renderers import html_page, latex, markdown, spreadsheet

HOSTILE = (
    "[/bold]",
    "=cmd|'/C calc'!A0",
    "+1",
    "@SUM(1)",
    "\tx",
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "`</td>|[x](javascript:alert(1))",
    "```\n# title",
    "\x1b[31mred\x07\u202egnp\u2066",
    "$\\input{/etc/passwd}$ \\write18{id} % ^^41",
    "{{ 7 * 7 }}",
    "&#x202e;&lt;b",
    "[a]: http://x",
    "a\x00b\x0b\x7f\x85",
)
TABLE = Table(
    HOSTILE[0],
    HOSTILE[5],
    (Column(HOSTILE[5]), Column(HOSTILE[7], kind="code"), Column(HOSTILE[1], kind="prose")),
    tuple((name, name, name) for name in HOSTILE),
    notes=HOSTILE,
)
BLOCKS = (
    *(Words(name, warning=True) for name in HOSTILE),
    *(Typed(name) for name in HOSTILE),
    Facts(HOSTILE[5], tuple((name, name) for name in HOSTILE)),
    Table("links", "Links", (Column("Link"),), tuple((Link(name, ""),) for name in HOSTILE)),
)
LEADS_ASTRAY = re.compile(r'(href|src)="?[^" >]*javascript')
DANGEROUS = re.compile(r"<(?!/?code)(script|img|b\b)", re.IGNORECASE)


def test_a_spreadsheet_executes_no_cell() -> None:
    rows = list(csv.reader(spreadsheet.table_text(TABLE).splitlines(keepends=True)))
    assert len(rows) == len(HOSTILE) + 1
    assert not [cell for row in rows for cell in row if FORMULA.match(cell) and not cell.startswith("'")]


def test_markdown_has_no_markup_of_a_name() -> None:
    section = Section("one", HOSTILE[5], (TABLE, *BLOCKS))
    text = markdown.pages(HOSTILE[5], BLOCKS, [Chapter("study", HOSTILE[5], (section,))], Path("reports"))["study.md"]
    assert INVISIBLE.search(text) is None
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text.replace("<details>", ""))
    assert not DANGEROUS.search(html)
    assert html.count("<tr>") >= len(HOSTILE) + 1
    assert not LEADS_ASTRAY.search(html)
    assert "<h1>title" not in html
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in html


def test_every_row_of_markdown_keeps_its_cells() -> None:
    html = MarkdownIt().enable("table").render(markdown.table_text(TABLE, lambda link: ""))
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    assert [row.count("<td") for row in rows[1:]] == [3] * len(HOSTILE)
    assert [row.count("<code>") for row in rows[1:]] == [1] * len(HOSTILE)


def test_latex_has_no_command_of_a_name() -> None:
    text = latex.table_text(TABLE, "study")
    assert INVISIBLE.search(text) is None
    ours = {"textbackslash", "textasciicircum", "textless", "textgreater", "textbar", "textquotedbl", "allowbreak"}
    assert not set(re.findall(r"\\(input|write|immediate|def)\b", text))
    assert ours & set(re.findall(r"\\([a-z]+)", text))
    assert not re.search(r"(?<!\\)%[^\n]", text.partition("\n\\begin")[2].replace("{%\n", ""))
    # A cell that begins with a bracket would be an argument of the line break before it.
    assert not re.search(r"\\\\\n\s*[\[*]", text)


def test_html_has_no_element_of_a_name() -> None:
    section = Section("one", HOSTILE[5], (TABLE, *BLOCKS))
    html = html_page.page(HOSTILE[5], BLOCKS, [Chapter("study", HOSTILE[5], (section,))], lambda *_: Path())
    assert INVISIBLE.search(html) is None
    assert "<script>alert" not in html
    assert not re.search(r"<img[^>]*onerror", html)
    assert not LEADS_ASTRAY.search(html)
    assert "{{ 7 * 7 }}" in html


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """Return a folder of runs whose classes, corpora, speakers and notes have hostile names."""
    folder = classified("single-cnn", clips=1440).write(tmp_path / "runs")
    changes = dict(zip(("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"), HOSTILE, strict=False))
    record = (folder / "record.json").read_text()
    for name, hostile in changes.items():
        record = record.replace(json.dumps(name), json.dumps(hostile))
    content = json.loads(record)
    content["notes"] = list(HOSTILE)
    content["leaks"] = [{"check": name, "clean": False, "detail": name} for name in HOSTILE]
    facts = {"clips": 1, "expected": 1, "form": "original"}
    content["data"]["corpora"] |= {name: {**facts, "layout": name} for name in HOSTILE}
    (folder / "record.json").write_text(json.dumps(content))
    files.write_table(folder / "predictions.csv", pd.read_csv(folder / "predictions.csv").replace(changes))
    reseal(folder)
    return tmp_path / "runs"


@pytest.fixture
def own_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the pictures of the experiment alone; those of published numbers have no names of a run."""
    draw = figures.save

    def drawn(picture: figures.Picture, folder: Path) -> Path:
        nothing = Figure(figsize=(2, 1))
        return draw(picture if picture.experiment == "single-cnn" else replace(picture, draw=lambda: nothing), folder)

    monkeypatch.setattr(figures, "save", drawn)


def test_a_report_of_a_run_with_hostile_names_is_harmless(named: Path, own_drawn: None, tmp_path: Path) -> None:
    collected = collect([named])
    assert collected.groups
    built = build(collected, tmp_path / "report")
    html = built.html.read_text()
    assert "<script>alert" not in html
    for path in (*built.pages, *built.tables, built.html):
        assert INVISIBLE.search(path.read_text()) is None, path
    for path in built.tables:
        if path.suffix == ".csv":
            cells = [cell for row in csv.reader(path.read_text().splitlines()) for cell in row]
            assert not [cell for cell in cells if cell.startswith(("=", "@"))], path
    drawn = "".join(str(text) for path in built.pictures for text in ElementTree.parse(path).getroot().itertext())
    for name in HOSTILE[:6]:
        assert name.strip() in drawn
