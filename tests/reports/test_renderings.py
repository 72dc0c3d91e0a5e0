"""The forms that a table takes: Markdown, LaTeX, CSV."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from common import published
from reports.audit import audit, recovered
from reports.blocks import Chapter, Column, Facts, Link, Number, Section, Shown, Table, Typed, Words
from reports.renderers import latex, markdown, spreadsheet
from reports.study_page import chapter
from reports.verdicts import Verdicts

OURS = Number("0.62 ± 0.03", 0.62, (0.58, 0.66), 144, {0: 0.6, 1: 0.64})
TABLE = Table(
    "classes",
    "Class by class, 100 % & more",
    (Column("Class"), Column("F1", "published", "number"), Column("F1", "ours", "number"), Column("Id", kind="code")),
    (("An_gry|*", Number("0.63", 0.63), OURS, "a_b"), ("Sad", None, None, "")),
    notes=("Ours: 50 % of the clips.",),
)


def tables() -> Iterator[tuple[str, Table]]:
    for study in published.studies():
        known = published.load(study)
        said = chapter(known, [], [], [], audit(known), recovered(known), Verdicts(known, []))
        yield from ((study, table) for table in [*said.tables, TABLE])


def lines_of(text: str) -> list[str]:
    """Return the rows of the only tabular of a LaTeX table."""
    body = text.partition(r"\toprule")[2].partition(r"\bottomrule")[0]
    return [line for line in body.splitlines() if line.endswith(r"\\")]


def cells_of(line: str) -> int:
    joined = sum(int(width) - 1 for width in re.findall(r"\\multicolumn\{(\d+)\}", line))
    return len(re.split(r"(?<!\\)&", line)) + joined


def test_csv_has_all_that_is_known_of_a_number_unrounded() -> None:
    table = pd.read_csv(io.StringIO(spreadsheet.table_text(TABLE)))
    known = ["f1_ours_low", "f1_ours_high", "f1_ours_n", "f1_ours_std", "f1_ours_seed_0", "f1_ours_seed_1"]
    assert list(table) == ["class", "f1_published", "f1_ours", *known, "id"]
    assert table["f1_ours_seed_1"][0] == 0.64
    assert table["f1_ours_std"][0] == pytest.approx(0.0283, abs=1e-4)
    assert table.loc[1].drop("class").isna().all()


def test_csv_of_every_table_is_rectangular_and_names_no_column_twice() -> None:
    for study, table in tables():
        read = pd.read_csv(io.StringIO(spreadsheet.table_text(table)), header=None, dtype=str)
        assert len(read) == len(table.rows) + 1
        assert read.loc[0].is_unique, (study, table.name)


def test_markdown_of_a_table_is_read_back_as_it_was_meant() -> None:
    html = MarkdownIt().enable("table").render(markdown.table_text(TABLE, lambda link: ""))
    assert re.findall("<th.*?>(.*?)</th>", html) == ["Class", "F1, published", "F1, ours", "Id"]
    cells = ["An_gry|*", "0.63", "0.62 ± 0.03", "<code>a_b</code>", "Sad", "\N{EN DASH}", "\N{EN DASH}", ""]
    assert re.findall("<td.*?>(.*?)</td>", html) == cells


def test_a_markdown_page_links_to_pictures_and_sections() -> None:
    links = (Link("One", "study", "one"), Link("Far", "study", "far"), Link("Row", "study", "row"), Link("All", ""))
    table = Table("t", "T", (Column("E"),), tuple((link,) for link in links))
    blocks = (table, Words("careful", warning=True), Facts("How", (("Data", "<all>"),)), Shown("a", "A picture"))
    rows = Table("rows", "Rows", (Column("E"),), (("x",),), anchors=("row",))
    far = Section(
        "far", "Far", (rows, table, Typed("run it"), Shown("b", "Another"), replace(TABLE, filed=True)), apart=True
    )
    pages = markdown.pages("All", [], [Chapter("study", "Title", (Section("one", "One", blocks), far))], Path())
    text, apart = pages["study.md"], pages["pages/study/far.md"]
    assert '<a id="one"></a>' in text
    for link in ("[One](#one)", "[Far](pages/study/far.md)", "[Row](pages/study/far.md#row)", "[All](README.md)"):
        assert f"| {link} |" in text
    assert "![A picture](pictures/study/a.svg)" in text
    assert r"- Data: \<all>" in text
    for link in ("[One](../../study.md#one)", "[Row](#row)", "[All](../../README.md)"):
        assert f"| {link} |" in apart
    assert '| <a id="row"></a>x |' in apart
    assert "![Another](../../pictures/study/b.svg)" in apart
    assert "```bash\nrun it\n```" in apart
    assert TABLE.caption not in apart


@pytest.mark.parametrize("text", ["<b>", "*stars*", "`tick`", "[a](b)", "_under_ in_side", r"\back|slash"])
def test_markdown_takes_words_literally(text: str) -> None:
    html = MarkdownIt().renderInline(markdown.escape(text))
    assert html == text.replace("<", "&lt;").replace(">", "&gt;")


def test_latex_of_a_table_has_booktabs_rules_and_a_title_over_both_sides() -> None:
    text = latex.table_text(TABLE, "study")
    assert text.count(r"\toprule") == text.count(r"\midrule") == text.count(r"\bottomrule") == 1
    assert r" & \multicolumn{2}{c}{F1} & " in text
    assert r"\cmidrule(lr){2-3}" in text
    assert r"An\_gry\textbar{}* & 0.63 & 0.62 $\pm$ 0.03 & \texttt{a\_\allowbreak{}b} \\" in text
    assert r"\label{tab:study-classes}" in text


def test_latex_of_every_table_is_sound() -> None:
    for study, table in tables():
        text = latex.table_text(table, study)
        body = re.sub(r"^%.*$|%$", "", text, flags=re.MULTILINE)
        plain = re.sub(r"\\[\\{}$&#%_^~]", "", body)
        assert plain.count("{") == plain.count("}")
        assert plain.count("$") % 2 == 0
        assert not re.search(r"[#%^~?]", plain), (study, table.name)
        assert {cells_of(line) for line in lines_of(text)} == {len(table.columns)}
        assert re.findall(r"\\begin\{(\w+)\}", text) == list(reversed(re.findall(r"\\end\{(\w+)\}", text)))
