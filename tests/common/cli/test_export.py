import json
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny

from common.cli import commands

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def encore(commands_of) -> Command:
    return commands_of(commands.study_app(tiny.STUDY), "tiny", tiny.published("tiny", ("patient",)))


def test_predict_takes_what_export_wrote(encore, unbroken, corpus) -> None:
    run = unbroken("patient", "independent", folds=2).folder
    facts = json.loads(encore("export", run, "--out", "model", "--json")[1])
    assert facts == {"run": str(run), "folder": "model"}
    song = corpus / "bob-1-3.wav"
    exported, kept = (json.loads(encore("predict", song, "--run", folder, "--json")[1]) for folder in ("model", run))
    assert exported["probabilities"] == kept["probabilities"]


def test_without_a_name_the_folder_is_named_after_the_run(encore, unbroken) -> None:
    code, out, _ = encore("export", unbroken("patient").folder)
    assert code == 0
    assert "tiny-patient-published-0" in out
    assert Path("tiny-patient-published-0/README.md").is_file()


def test_what_is_no_finished_run_is_refused_in_a_line(encore, tmp_path) -> None:
    (tmp_path / "half").mkdir()
    for wrong in ("nowhere", "half"):
        code, out, err = encore("export", wrong, "--out", "model")
        assert (code, out) == (2, "")
        assert wrong in err
        assert len(err.splitlines()) == 1
    assert not Path("model").exists()


def test_a_folder_that_exists_is_refused(encore, unbroken, tmp_path) -> None:
    (tmp_path / "model").mkdir()
    code, _, err = encore("export", unbroken("patient").folder, "--out", "model")
    assert code == 2
    assert "--out" in err
