"""A corpus of your own whose folder, classes, speakers and files have hostile names: run, predict, export."""

import csv
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import tiny

from common.cli import commands
from common.corpora import scan
from common.escaping import FORMULA, INVISIBLE
from common.runs import records
from common.tasks import Classification

CLASSES = ("[/bold]", "=cmd|'/c calc'!a0", "<b>`|`\x1b]0;title\x07\u202e\x1b[2j")
COLOUR = re.compile("\\x1b\\[[0-9;]*m")
"""Colours of boxes and bars, which are ours."""
SPEAKERS = ("@sum(1)", "+1", "[red]", "-2")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Return the folder of the corpus; its files have escape sequences in their names."""
    folder = tiny.write_corpus(tmp_path / "=1+1 [blink]\x1b[5m", CLASSES, SPEAKERS)
    table = pd.read_csv(folder / "clips.csv", dtype=str)
    table["path"] = [f"\u202e\x1b[31m[{number}].wav" for number in range(len(table))]
    for old, new in zip(pd.read_csv(folder / "clips.csv")["path"], table["path"], strict=True):
        (folder / old).rename(folder / new)
    table.to_csv(folder / "clips.csv", index=False)
    return folder


@pytest.fixture
def encore(hostile: Path, commands_of: Callable[..., Callable[..., tuple[int, str, str]]]) -> Callable[..., str]:
    """Return what runs a command of a study of these classes and returns all that it printed."""
    classes = tuple(sorted(scan([hostile]).manifest["label"].unique()))
    study = replace(tiny.STUDY, task=Classification(classes), label=lambda clips, setting: clips)
    printed = tiny.published("tiny", [one.id for one in study.experiments], classes=("a", "b", "c"))
    run = commands_of(commands.study_app(study), "tiny", printed)

    def harmless(*words: object) -> str:
        code, out, err = run(*words)
        said = COLOUR.sub("", out) + err if sys.stdout.isatty() else out + err
        assert (code, INVISIBLE.search(said)) == (0, None)
        return said

    return harmless


def test_nothing_that_is_printed_or_written_obeys_a_name(encore, hostile: Path, tmp_path: Path) -> None:
    ran = encore("run", "retrained", "--data", hostile)
    assert "\\x1b[5m" in ran  # the folder, where the corpus was found
    (folder,) = records.find(Path("runs") / "tiny")
    record = records.read(folder)
    assert set(record.predictions()["true"]) == set(record.data["task"]["outputs"])
    assert set(record.predictions()["speaker"].str.rpartition("-")[2]) <= {"@sum(1)", "+1", "[red]", "2"} | {*SPEAKERS}
    for name in ("predictions.csv", "split.csv", "history.csv"):
        rows = list(csv.reader((folder / name).read_text().split("\n")))
        assert not [cell for row in rows for cell in row if FORMULA.match(cell) and not _is_number_or_marked(cell)]
    said = encore("predict", next(hostile.glob("*.wav")))
    assert "[/bold]" in said
    encore("predict", next(hostile.glob("*.wav")), "--json")
    encore("export", folder, "--out", tmp_path / "card")
    card = (tmp_path / "card" / "README.md").read_text()
    assert INVISIBLE.search(card) is None
    assert r"\<b>\`\|\`" in card


def test_on_a_terminal_markup_of_a_name_is_text(encore, hostile: Path, monkeypatch) -> None:
    encore("run", "retrained", "--data", hostile)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    said = encore("predict", next(hostile.glob("*.wav")))
    assert "│ [/bold]" in said
    assert "\\x1b[31m[" in said


def _is_number_or_marked(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.startswith("'")
    return True
