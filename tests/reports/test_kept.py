from collections.abc import Callable
from pathlib import Path

import pytest

from reports import kept


@pytest.fixture
def found(tmp_path: Path) -> tuple[Callable[[], int], Path]:
    """Return a function that asks for the outcome and returns how often it was computed, and the folder of pages."""
    folder = tmp_path / "reports"
    (folder / "results").mkdir(parents=True)
    (folder / "results" / "one.zip").write_bytes(b"1")
    (folder / "page.md").write_text("page")
    computed: list[None] = []

    def find() -> dict[str, object]:
        computed.append(None)
        return {"rows": [{"metric": "accuracy", "interval": [0.25, 0.5]}], "stale": ["page.md"]}

    def ask() -> int:
        assert kept.outcome(folder / "results", folder, find)["stale"] == ["page.md"]
        return len(computed)

    return ask, folder


def test_an_outcome_is_computed_once_while_no_file_changes(found) -> None:
    ask, _ = found
    assert (ask(), ask()) == (1, 1)


@pytest.mark.parametrize("name", ["results/one.zip", "page.md", "results/two.zip", "pictures/new.svg", "../README.md"])
def test_it_is_computed_again_if_a_record_a_page_or_the_pictures_change(name, found) -> None:
    ask, folder = found
    ask()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"something else")
    assert ask() == 2


def test_a_damaged_file_is_computed_again(found, own_cache) -> None:
    ask, _ = found
    ask()
    next(own_cache.glob("check-*.json")).write_text("{")
    assert ask() == 2


def test_it_is_not_kept_with_published_numbers_of_other_folders(found, monkeypatch, own_cache) -> None:
    monkeypatch.setenv("ENCORE_PUBLISHED", ".")
    ask, _ = found
    assert (ask(), ask()) == (1, 2)
    assert not list(own_cache.glob("check-*"))
