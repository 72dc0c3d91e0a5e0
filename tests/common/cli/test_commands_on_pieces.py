"""The commands of a study of scikit-learn estimators, and `predict`."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import tiny
import tiny_pieces

from common.cli import commands, preparing
from common.runs import records, runner

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def encore(commands_of) -> Command:
    published = tiny.published("tiny_pieces", ("trees", "svm", "pictures"), clips=192)
    return commands_of(commands.study_app(tiny_pieces.STUDY), "tiny_pieces", published)


def test_without_names_experiments_with_pretrained_networks_are_left_out(encore, corpus) -> None:
    code, out, err = encore("run", "--data", corpus, "--json")
    assert code == 0
    assert [json.loads(line)["experiment"] for line in out.splitlines()] == ["trees", "svm"]
    assert "pictures" in err


def test_pretrained_weights_are_imagenet_s_unless_others_are_named(encore, corpus, monkeypatch, tmp_path) -> None:
    started = []
    (tmp_path / "w.h5").touch()
    monkeypatch.setattr(runner, "run", lambda job, _: started.append(job))
    monkeypatch.setattr(preparing, "print_record", lambda *_: None)
    encore("run", "pictures", "trees", "--data", corpus)
    encore("run", "pictures", "--data", corpus, "--weights", "w.h5")
    encore("run", "--data", corpus, "--weights", "none")
    assert [(job.experiment.id, job.setting.weights) for job in started] == [
        ("pictures", "imagenet"),
        ("trees", "none"),
        ("pictures", "w.h5"),
        ("trees", "none"),
        ("svm", "none"),
        ("pictures", "none"),
    ]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("run trees --epochs 3", "trees"),
        ("run trees --mixed-precision", "trees"),
        ("run trees svm --strategy mirrored", "trees, svm"),
        ("attribution trees --epochs 3", "trees"),
        ("run pictures --weights absent.h5", "absent.h5"),
        ("run pictures --weights absent.h5 --dry-run", "absent.h5"),
        ("run pictures --weights imagnet --dry-run", "imagnet"),
        ("attribution pictures --weights absent.h5 --dry-run", "absent.h5"),
        ("predict absent.wav", "runs-demo"),
        ("predict absent.wav --run nowhere", "nowhere"),
    ],
)
def test_a_wrong_call_has_exit_code_2_and_a_message(words, named, encore, corpus, tmp_path) -> None:
    given = ["--data", corpus] if not words.startswith("predict") else []
    code, out, err = encore(*words.split(), *given)
    assert (code, out) == (2, "")
    assert named in err.splitlines()[-1]
    assert not (tmp_path / "runs").exists()


def test_a_summary_as_json_has_the_steps_and_their_settings(encore) -> None:
    facts = json.loads(encore("summary", "svm", "--json")[1])
    assert [step["type"] for step in facts["steps"]] == ["StandardScaler", "SVC"]
    assert facts["steps"][1]["settings"]["kernel"] == "rbf"
    assert "kernel = rbf" in encore("summary", "svm")[1]
    assert {row["parameters"] for row in json.loads(encore("list", "--json")[1])} == {None}


def test_predict_names_the_model_and_a_bad_file_does_not_hide_the_other_predictions(encore, corpus, tmp_path) -> None:
    encore("run", "trees", "--data", corpus)
    code, out, _ = encore("predict", corpus / "ann-0-0.wav")
    assert code == 0
    assert all(fact in out for fact in ("128 of 192 clips of tones", "2 parts", *tiny.CLASSES))
    (tmp_path / "notes.wav").write_text("not a sound")
    folder = records.folder_of(tmp_path / "runs", "tiny_pieces", "trees", "published", 0)
    files = [corpus / "ann-0-0.wav", tmp_path / "notes.wav", tmp_path / "absent.wav", corpus / "ann-1-0.wav"]
    code, out, err = encore("predict", *files, "--run", folder, "--json")
    first, second = (json.loads(line) for line in out.splitlines())
    assert code == 2
    assert "notes.wav" in err
    assert "absent.wav" in err.splitlines()[-1]
    assert (first["file"], second["file"]) == (str(files[0]), str(files[3]))
    assert set(first) == {"file", "predicted", "probabilities", "parts", "shares", "over_time", "notes", "run", "model"}
    assert sum(stretch["parts"] for stretch in first["over_time"]) == first["parts"] == 2
    assert first["predicted"] == max(first["probabilities"], key=first["probabilities"].__getitem__)


def test_predictions_of_many_files_are_one_table_and_a_csv_of_their_parts(encore, of_pieces, corpus, tmp_path) -> None:
    (tmp_path / "notes.wav").write_text("not a sound")
    files = [corpus / "ann-0-0.wav", tmp_path / "notes.wav", corpus / "ann-1-0.wav"]
    code, out, err = encore("predict", *files, "--run", of_pieces().folder, "--out", tmp_path / "new" / "made.csv")
    rows = [line.split("\t") for line in out.splitlines() if line.startswith(str(corpus))]
    assert code == 2
    assert "notes.wav" in err
    made = pd.read_csv(tmp_path / "new" / "made.csv")
    assert list(made["file"]) == [str(files[place]) for place in (0, 0, 2, 2, 1)]
    assert list(made["part"].iloc[:4]) == [1, 2, 1, 2]
    assert "notes.wav" in made["error"].iloc[4]
    np.testing.assert_allclose(made[list(tiny.CLASSES)].iloc[:4].sum(axis=1), 1, rtol=1e-6)
    for row, parts in zip(rows, (made.iloc[:2], made.iloc[2:4]), strict=True):
        mean = parts[list(tiny.CLASSES)].mean()
        assert row[1] == mean.idxmax()
        assert float(row[2]) == pytest.approx(mean.max(), abs=6e-4)
