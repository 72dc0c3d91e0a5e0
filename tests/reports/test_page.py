from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reports.blocks import Chapter, Column, Facts, Link, Number, Section, Shown, Table, Words
from reports.renderers.html_page import page

VOID = {"meta", "link", "img", "input", "br"}
TABLE = Table(
    "front",
    "Every experiment",
    (
        Column("Experiment"),
        Column("Verdict", kind="verdict"),
        Column("F1", "published", "number"),
        Column("F1", "ours", "number"),
    ),
    (
        (
            Link("One <b>", "study", "one"),
            "not reproduced",
            Number("0.63", 0.63),
            Number("0.6 ± 0.1", 0.62, seeds={0: 0.5, 1: 0.7}),
        ),
        ("Sum", "", None, None),
    ),
    summary=1,
)


class Elements(HTMLParser):
    """Collects elements with their attributes; fails where they are not nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def all(self, attribute: str) -> list[str]:
        return [value for _, marks in self.found if (value := marks.get(attribute)) is not None]


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "a.svg").write_text('<svg viewBox="0 0 30 15" xmlns="http://www.w3.org/2000/svg"/>')
    blocks = (
        TABLE,
        Words("Careful", warning=True),
        Facts("How", (("Data", "<all>"),)),
        Shown("a", "A picture"),
        Table("more", "More", (Column("What"),), (("x",),), folded=True),
    )
    chapter = Chapter("study", "A study", (Section("one", "One", blocks),))
    return page("Numbers", [Words("Read this")], [chapter], lambda study, name: tmp_path / f"{name}.svg")


def test_elements_are_nested_and_every_id_is_there_once(text: str) -> None:
    ids = Counter(Elements(text).all("id"))
    assert set(ids.values()) == {1}


def test_every_link_leads_to_something_on_the_page(text: str) -> None:
    elements = Elements(text)
    inner = {link.removeprefix("#") for link in elements.all("href") if link.startswith("#")}
    assert "study.one" in inner
    assert inner <= set(elements.all("id"))


def test_nothing_is_loaded_from_elsewhere(text: str) -> None:
    elements = Elements(text)
    assert all(place.startswith("data:") for place in elements.all("src"))
    assert all(place.startswith(("#", "data:")) for place in elements.all("href"))
    assert "http" not in text
    assert "@import" not in text


def test_words_of_records_are_no_markup(text: str) -> None:
    assert "One &lt;b&gt;" in text
    assert "&lt;all&gt;" in text


def test_a_verdict_is_a_word(text: str) -> None:
    assert '<span class="badge not-reproduced">not reproduced</span>' in text


def test_a_number_is_sorted_by_its_value_and_tells_its_seeds(text: str) -> None:
    assert '<td class="number" data-value="0.62" title="seed 0: 0.5, seed 1: 0.7">0.6 ± 0.1</td>' in text


def test_a_picture_has_its_words_and_its_size(text: str) -> None:
    (image,) = [marks for tag, marks in Elements(text).found if tag == "img"]
    assert (image["alt"], image["width"], image["height"]) == ("A picture", "40", "20")


def test_the_lines_that_sum_up_stand_apart_from_those_that_are_sorted(text: str) -> None:
    assert text.count("<tfoot>") == 1
    assert ">Sum</th>" in text.partition("<tfoot>")[2]
