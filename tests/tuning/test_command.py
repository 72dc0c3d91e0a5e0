import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny

from common.cli import preparing
from common.corpora import DEMO_MARKER
from common.corpora.scanning import LEAVE_OUT
from common.runs import records, search_records
from tuning import command
from tuning.plan import Plan

RATES = (1e-3, 0.1)
PLANS = (
    Plan("short", "patient", "1", "as it was done", "hyperband", {"learning_rate": RATES}, 9, "val_accuracy"),
    Plan("whole", "patient", "1", "to the end", "grid", {"dropout": (0.1, 0.5)}, 2, "val_loss", demo_epochs=1),
    Plan("sizes", "retrained", "1", "of batches", "grid", {"batch_size": (4, 8)}, 2, "val_loss"),
    Plan("none", "paired", "1", "of nothing", "grid", {"depth": (1, 2)}, 2, "val_loss"),
)
PUBLISHED = """
[metric.val_epoch_loss]
kind = "error"
decimals = 2

[[search]]
experiment = "patient"
section = "1"
table = "table of 1"
space = {learning_rate = [0.001, 0.1]}
columns = ["val_epoch_loss"]
rows = [[0.001, 7.25], [0.1, 6.5]]
chosen = {learning_rate = 0.1}
"""

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def encore(commands_of) -> Command:
    return commands_of(command.study_app(tiny.STUDY, PLANS), "tiny", tiny.published("tiny", ["patient"], PUBLISHED))


def folder(search: str, protocol: str = "published", runs: str = "runs") -> Path:
    return search_records.folder_of(Path(runs), "tiny", "patient", protocol, search, 0)


def test_the_searches_of_an_experiment_are_made_one_after_the_other(encore, corpus) -> None:
    code, out, err = encore("tune", "patient", "--data", corpus)
    assert code == 0
    kinds = [search_records.read(folder(name)).data["kind"] for name in ("short", "whole")]
    assert kinds == ["hyperband", "grid"]
    assert out.index("learning_rate = ") < out.index("dropout = ")
    trials = [line.split(":")[0] for line in err.splitlines() if "; at most " in line]
    assert trials == ["trial 0000", "trial 0001"] * 2


def test_one_search_can_be_named_and_read_by_programs(encore, corpus) -> None:
    code, out, _ = encore("tune", "patient", "--data", corpus, "--search", "whole", "--epochs", 1, "--json")
    (line,) = map(json.loads, out.splitlines())
    stored = search_records.read(Path(line["folder"]))
    assert code == 0
    assert not folder("short").exists()
    assert list(line) == [
        *("study", "experiment", "protocol", "search", "seed", "kind", "chosen", "objective", "score", "trials"),
        *("folder", "status"),
    ]
    assert line["chosen"] == stored.chosen
    assert line["score"] == min(row["val_loss"] for row in stored.data["rows"])
    assert stored.data["configuration"]["overrides"] == {"epochs": 1}


def test_the_scores_of_the_last_epoch_are_beside_the_published_ones(encore, corpus) -> None:
    _, out, _ = encore("tune", "patient", "--data", corpus, "--search", "short")
    result = search_records.read(folder("short"))
    for row in result.data["rows"]:
        (line,) = [line for line in out.splitlines() if line.startswith(f"{row['trial']}\t")]
        last = result.curves().query(f"trial == '{row['trial']}'").iloc[-1]
        assert f"{last['val_loss']:.3f}" in line
        assert {0.001: "7.25", 0.1: "6.50"}[row["values"]["learning_rate"]] in line
        assert ("chosen" in line) == (row["values"] == result.chosen)


def test_a_search_of_other_data_and_settings_says_that_it_is_not_comparable(encore, corpus) -> None:
    _, out, _ = encore("tune", "patient", "--data", corpus, "--search", "whole", "--epochs", 1, "--batch-size", 4)
    reasons = [line.partition("not comparable: ")[2] for line in out.splitlines() if "not comparable" in line]
    assert len(reasons) == 2
    assert all("instead of savee" in one and "batch_size = 4, epochs = 1" in one for one in reasons)


def test_options_that_say_what_the_document_says_are_no_change(encore, corpus) -> None:
    size = tiny.STUDY.experiment("patient").method.batch_size
    words = ("tune", "patient", "--data", corpus, "--search", "whole")
    assert encore(*words)[0] == 0
    code, out, _ = encore(*words, "--epochs", 2, "--batch-size", size)
    assert code == 0
    assert search_records.read(folder("whole")).data["configuration"]["overrides"] == {}
    assert "epochs = 2;" not in out


def test_run_takes_the_winner(encore, corpus) -> None:
    encore("tune", "patient", "--data", corpus, "--search", "whole")
    best = folder("whole") / "best.toml"
    code, _, _ = encore("run", "patient", "--data", corpus, "--config", best, "--epochs", 1)
    record = records.read(records.folder_of(Path("runs"), "tiny", "patient", "published", 0))
    assert code == 0
    assert tomllib.loads(best.read_text()) == {"model": record.data["configuration"]["model"]}


def test_without_data_it_searches_the_demo_corpus_at_demo_size_and_says_so(
    encore, corpus, monkeypatch, tmp_path
) -> None:
    sounds = shutil.copytree(corpus, tmp_path / "sounds")
    (sounds / DEMO_MARKER).write_text("")
    monkeypatch.setattr(preparing.demo, "write", lambda *_, **__: sounds)
    _, out, _ = encore("tune", "patient", "--search", "whole")
    result = search_records.read(folder("whole", runs="runs-demo"))
    assert "chosen (demo corpus): dropout" in out
    assert (result.data["data"]["demo"], result.data["size"]) == (True, "demo")
    assert set(result.table["epochs"]) == {1}


def test_under_several_folds_the_first_is_searched_and_the_result_says_so(encore, corpus) -> None:
    _, out, _ = encore("tune", "patient", "--data", corpus, "--search", "whole", "--protocol", "independent")
    assert "first of 3 folds" in out
    assert folder("whole", "independent").is_dir()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("tune unknown", "'unknown'"),
        ("tune paired --data {corpus}", "depth"),  # a setting that the model does not have
        ("tune patient --search long", "short, whole"),
        ("tune patient --protocol all", "'all'"),
        ("tune patient --weights imagenet", "patient"),
        ("tune retrained --batch-size 8", "--batch-size"),  # the search tries some itself
        ("tune patient --runs /dev/null/runs", "/dev/null"),  # a file, below which nothing can be written
    ],
)
def test_a_wrong_call_has_exit_code_2_and_one_line(words, named, encore, corpus, tmp_path) -> None:
    code, out, err = encore(*words.format(corpus=corpus).split())
    assert (code, out) == (2, "")
    assert named in err.splitlines()[-1]
    assert not (tmp_path / "runs-demo").exists()


def test_files_that_cannot_be_decoded_are_listed_as_a_run_lists_them(encore, corpus, tmp_path) -> None:
    sounds = shutil.copytree(corpus, tmp_path / "sounds")
    bad = np.full(128, np.nan)
    for name in ("ann-0-0.wav", "bob-1-1.wav"):
        soundfile.write(sounds / name, bad, tiny.SAMPLE_RATE, subtype="FLOAT")
    code, _, err = encore("tune", "patient", "--data", sounds, "--search", "whole")
    assert code == 2
    assert str(Path("runs") / LEAVE_OUT) in err
    assert (Path("runs") / LEAVE_OUT).read_text().splitlines() == [
        str(sounds / "ann-0-0.wav"),
        str(sounds / "bob-1-1.wav"),
    ]
