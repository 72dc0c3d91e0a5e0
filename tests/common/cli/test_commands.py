import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import pytest
import tiny

from common import environment, illustrations
from common.cli import commands, preparing
from common.corpora import DEMO_MARKER
from common.errors import InputError
from common.learners import callbacks, keras3
from common.learners.tf_keras import TfKerasLearner
from common.runs import jobs, on_cluster, records, runner
from common.runs.estimate import Estimate

NAMES = ("patient", "retrained", "paired")
PUBLISHED = """
[[classes]]
experiment = "patient"
section = "1"
table = "1"
split = "test"
n = 30
rows = [["high", 0.5, 0.5, 0.5, 10], ["low", 0.5, 0.5, 0.5, 10], ["middle", 0.5, 0.5, 0.5, 10]]
accuracy = 0.5
macro = [0.5, 0.5, 0.5]
weighted = [0.5, 0.5, 0.5]

[[layers]]
id = "small"
experiments = ["patient"]
section = "2"
total = 295
known = "count"
rows = [
  ["input", "InputLayer", "(None, 65)", 0],
  ["dense", "Dense", "(None, 4)", 264],
  ["norm", "BatchNorm", "(None, 4)", 16],
  ["drop", "Dropout", "(None, 9)", 0],
  ["out", "Dense", "(None, 3)", 15],
]
"""

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def encore(commands_of) -> Command:
    return commands_of(commands.study_app(tiny.STUDY), "tiny", tiny.published("tiny", NAMES, PUBLISHED))


@pytest.fixture
def finished(unbroken, corpus, tmp_path) -> tuple[object, ...]:
    """Return the words that name a run that is already finished."""
    record = unbroken("patient", "published", folds=2)
    shutil.copytree(record.folder, records.folder_of(tmp_path / "runs", *record.identity))
    return ("patient", "--data", corpus, "--folds", 2)


@pytest.fixture
def started(monkeypatch) -> list[jobs.Job]:
    """Return a list of the runs that are started; none of them is run."""
    started: list[jobs.Job] = []
    monkeypatch.setattr(runner, "run", lambda job, _: started.append(job))
    monkeypatch.setattr(preparing, "print_record", lambda *_: None)
    return started


def test_a_run_has_its_accuracy_with_an_interval_and_its_record_and_the_same_as_json(encore, finished) -> None:
    code, out, err = encore("run", *finished)
    assert code == 0
    assert "0.800 [0.584, 0.919]" in out
    assert out.endswith("runs/tiny/patient/published/seed-0\n")
    assert "tones" in err and "savee" not in err  # one of your own: nothing is absent from it
    (line,) = map(json.loads, encore("run", *finished, "--json")[1].splitlines())
    assert list(line) == ["study", "experiment", "protocol", "seed", "record", "metrics", "status"]
    assert line["status"] == "complete"
    assert line["metrics"]["accuracy"] == records.read(Path(line["record"])).data["metrics"]["accuracy"]["value"]


def test_illustrate_keeps_what_figures_show_beside_the_runs(encore, corpus) -> None:
    code, _, err = encore("illustrate", "--data", corpus)
    assert code == 0
    assert "runs/tiny/illustrations.npz" in err
    kept = illustrations.read(Path("runs/tiny/illustrations.npz"))
    assert [one.title for one in kept.examples] == ["high, labels right"]
    assert kept.diagrams[0].layers[0]["type"] == "InputLayer"
    assert (kept.demo, kept.diagrams[0].experiment) == (False, "patient")


def test_running_everything_illustrates_too_and_one_experiment_does_not(encore, corpus) -> None:
    place = Path("runs/tiny/illustrations.npz")
    assert encore("run", "paired", "--data", corpus, "--epochs", 1, "--folds", 1)[0] == 0
    assert not place.exists()
    assert encore("run", "--data", corpus, "--epochs", 1, "--folds", 1, "--fresh")[0] == 0
    assert place.exists()


def test_what_keras_cannot_train_is_left_out_or_if_named_refused(encore, corpus, monkeypatch) -> None:
    def refuse(strategy: str) -> None:
        raise InputError("needs another backend")

    paired = tiny.STUDY.experiment("paired")
    able = replace(paired, method=replace(paired.method, library="tf-keras"))
    study = replace(tiny.STUDY, experiments=(tiny.STUDY.experiment("patient"), able))
    monkeypatch.setattr(keras3.KerasLearner, "refuse", refuse)
    monkeypatch.setattr(TfKerasLearner, "refuse", lambda strategy: None)
    assert [one.id for one in commands._able(study.experiments, "none", named=False)] == ["paired"]
    with pytest.raises(InputError, match="another backend"):
        commands._able(study.experiments, "none", named=True)


def test_without_a_command_it_runs(encore, finished) -> None:
    assert encore(*finished, "--json") == encore("run", *finished, "--json")


def test_without_data_it_runs_on_the_demo_corpus_at_demo_size_and_says_so(encore, corpus, monkeypatch, tmp_path):
    sounds = shutil.copytree(corpus, tmp_path / "sounds")
    (sounds / DEMO_MARKER).write_text("")
    asked = {}
    monkeypatch.setattr(preparing.demo, "write", lambda folder, **of: asked.update(of) or sounds)
    code, out, err = encore("run", "patient")
    record = records.read(tmp_path / "runs-demo/tiny/patient/published/seed-0")
    assert code == 0
    assert "(demo corpus)" in out
    assert "demo corpus" in err
    assert asked["corpora"] == tiny.STUDY.corpora
    assert record.data["size"] == "demo"
    assert record.data["data"]["demo"]
    assert record.data["folds"][0]["epochs"] == 3


def test_every_experiment_protocol_and_seed_named_is_run(encore, corpus, started) -> None:
    assert encore("run", "--data", corpus, "--protocol", "all", "--seed", 1, "--seed", 2, "--runs", "r")[0] == 0
    named = itertools.product(NAMES, tiny.PROTOCOLS, (1, 2))
    assert len(started) == 18
    assert {job.folder for job in started} == {records.folder_of(Path("r"), "tiny", *of) for of in named}


def test_options_reach_the_run(encore, corpus, started, tmp_path) -> None:
    (tmp_path / "c.toml").write_text("[training]\nepochs = 9\nlearning_rate = 0.5\n")
    words = "--set width=8 --epochs 7 --batch-size 4 --folds 1 --size demo --fresh --config c.toml --strategy mirrored"
    assert encore("run", "patient", "--data", corpus, *words.split())[0] == 0
    (job,) = started
    assert job.protocol.name == "published+width=8"
    assert (job.method.epochs, job.method.batch_size, job.method.learning_rate) == (7, 4, 0.5)
    assert (job.options.folds, job.options.size, job.options.fresh) == (1, "demo", True)
    assert job.options.strategy == "mirrored"


def test_a_setting_of_the_model_reaches_the_model_and_the_record(encore, corpus, tmp_path) -> None:
    (tmp_path / "c.toml").write_text("[model]\ndropout = 0.25\n")
    assert encore("run", "patient", "--data", corpus, "--epochs", 1, "--config", "c.toml")[0] == 0
    record = records.read(tmp_path / "runs/tiny/patient/published/seed-0")
    learner = keras3.KerasLearner.load(
        record.folder / "fold-0" / keras3.KerasLearner.FILE, tiny.STUDY.task, tiny.PATIENT
    )
    (layer,) = [layer for layer in learner.model.layers if isinstance(layer, keras.layers.Dropout)]
    assert layer.rate == 0.25
    assert record.data["configuration"]["model"] == {"dropout": 0.25}
    assert record.data["configuration"]["overrides"] == {"dropout": 0.25, "epochs": 1}
    code, _, err = encore("run", "patient", "--data", corpus, "--epochs", 1)
    assert code == 2
    assert "--fresh" in err


def test_a_setting_with_the_document_s_own_value_is_no_override(encore, finished, tmp_path) -> None:
    (tmp_path / "c.toml").write_text("[training]\nlearning_rate = 0.1\n[model]\ndropout = 0.4\n")
    code, out, _ = encore("run", *finished, "--config", "c.toml", "--json")
    assert code == 0
    record = records.read(Path(json.loads(out)["record"]))
    assert record.data["configuration"]["overrides"] == {}


def test_mixed_precision_is_used_when_asked_for(encore, corpus, started) -> None:
    try:
        encore("run", "patient", "--data", corpus, "--mixed-precision")
        assert keras3.precision() == "mixed_bfloat16"
    finally:
        keras.mixed_precision.set_global_policy("float32")


def test_a_dry_run_estimates_and_starts_nothing(encore, corpus, tmp_path) -> None:
    words = ("run", "retrained", "--data", corpus, "--dry-run")
    code, out, _ = encore(*words)
    assert code == 0
    assert all(number in out for number in ("96 clips", "1 fold", "295 parameters"))
    facts = json.loads(encore(*words, "--json")[1])
    assert set(facts) == set(Estimate.__dataclass_fields__)
    assert facts["parameters"] == 295
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_with_workers_measures_on_the_cores_of_one_and_starts_none(encore, corpus, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    measured_on = []
    monkeypatch.setattr(keras3, "steps_per_second", lambda *_: measured_on.append(environment.threads()) or 10.0)
    before = environment.threads()
    words = ("run", "patient", "--data", corpus, "--protocol", "independent", "--seed", 0, "--seed", 1, "--dry-run")
    code, out, _ = encore(*words, "--workers", before)
    assert code == 0
    if hasattr(os, "sched_getaffinity"):
        assert measured_on == [1]
    assert (f"{before} workers" in out) == (before > 1)
    assert "2 runs" in out.splitlines()[-1]
    assert environment.threads() == before


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("unknown", "'unknown'"),
        ("summary unknown", "'unknown'"),
        ("run --protocol printed", "'printed'"),
        ("run --set depth=3", "'depth'"),
        ("run --set width", "--set"),
        ("run --set width=4 --set width=8", "4 and 8"),
        ("run --set width=5", "4, 8"),
        ("run --strategy tpu", "tpu"),
        ("run --strategy data-parallel", "KERAS_BACKEND=jax"),
        ("run --budget 30", "--budget"),
        ("run --dry-run --workers 2 --scheduler tcp://127.0.0.1:1", "--workers"),
        ("run --weights imagenet", "patient, retrained, paired"),
        ("run --config absent.toml", "absent.toml"),
        ("run --data absent", "absent"),
        ("run --epochs 0", "--epochs"),
        ("run --epochs 100000000000", "--epochs"),
        ("run --unknown", "--unknown"),
    ],
)
def test_a_wrong_call_has_exit_code_2_and_one_line(words, named, encore, tmp_path) -> None:
    code, out, err = encore(*words.split())
    assert (code, out) == (2, "")
    assert named in err
    assert err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_runs_folder_that_cannot_be_written_is_named(encore, corpus, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for words in (["run", "patient"], ["run", "patient", "--dry-run"], ["attribution", "patient", "--dry-run"]):
        code, _, err = encore(*words, "--data", corpus, "--runs", "file/runs")
        assert code == 2
        assert "file/runs" in err.splitlines()[-1]


@pytest.mark.parametrize("place", ["file/below.csv", "folder"])
def test_predictions_that_cannot_be_written_are_refused_before_anything_is_predicted(encore, tmp_path, place) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    code, out, err = encore("predict", "absent.wav", "--out", place)
    assert (code, out) == (2, "")
    assert place in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("epochs = ", "c.toml"),
        ("epochs = 3", "[training]"),
        ("[training]\nepochs = 3\n[trainnig]\npatience = 1", "trainnig"),
        ("[training]\nmomentum = 0.9", "momentum"),
        ("[training]\nepochs = true", "epochs"),
        ("[training]\npatience = -1", "patience"),
        ("[training]\nlearning_rate = nan", "learning_rate"),
        ("[training]\nlearning_rate = inf", "learning_rate"),
        ("[training]\nbatch_size = 99999999999999999999999", "batch_size"),
        ("[model]\ndepth = 2", "depth"),
        ("[model]\ndropout = 1", "dropout"),
        ("[model]\ndropout = nan", "dropout"),
    ],
)
def test_a_wrong_configuration_is_refused_and_its_setting_named(content, named, encore, tmp_path) -> None:
    (tmp_path / "c.toml").write_text(content)
    code, _, err = encore("run", "--config", "c.toml")
    assert code == 2
    assert "c.toml" in err
    assert named in err
    assert err.count("\n") == 1


def test_a_model_that_cannot_be_built_with_a_setting_is_named_with_it(encore, corpus, tmp_path) -> None:
    (tmp_path / "c.toml").write_text("[model]\ndropout = 2.0")
    code, _, err = encore("run", "patient", "--data", corpus, "--config", "c.toml")
    assert code == 2
    assert "dropout = 2.0" in err.splitlines()[-1]


def test_a_corpus_that_the_document_does_not_use_is_left_out_and_named_or_refused(encore, corpus, tmp_path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    shutil.copy(next(corpus.glob("*.wav")), foreign / "03-01-05-01-01-01-12.wav")  # a clip of RAVDESS
    code, out, err = encore("run", "patient", "--data", corpus, "--data", foreign, "--dry-run", "--json")
    assert (code, json.loads(out)["clips"]) == (0, 96)
    assert "ravdess" in err
    code, _, err = encore("run", "patient", "--data", foreign)
    assert code == 2
    assert "ravdess" in err and "savee" in err


def test_ctrl_c_in_the_middle_of_an_epoch_loses_nothing_and_the_advice_is_to_resume(
    encore, corpus, unbroken, tmp_path
) -> None:
    def press(callback: object, epoch: int, logs: object = None) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    words = ("run", "patient", "--data", corpus, "--folds", 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(callbacks.Report, "on_epoch_begin", press)
        code, _, err = encore(*words, "--fresh")
    assert code == 130
    assert "without --fresh" in err
    assert encore(*words)[0] == 0
    whole = unbroken("patient", "published", folds=2).folder / "predictions.csv"
    resumed = tmp_path / "runs/tiny/patient/published/seed-0/predictions.csv"
    assert resumed.read_bytes() == whole.read_bytes()


def test_the_list_as_json_has_the_fields_of_the_contract(encore) -> None:
    first, second, _ = json.loads(encore("list", "--json")[1])
    assert list(first) == ["study", "id", "title", "section", "published", "parameters"]
    assert (first["id"], first["published"]["accuracy"], first["parameters"]) == ("patient", 0.5, 295)
    assert second["published"] == {}
    assert all(name in encore("list")[1] for name in NAMES)


def test_a_summary_as_json_has_the_fields_of_the_contract(encore) -> None:
    facts = json.loads(encore("summary", "patient", "--json")[1])
    assert list(facts) == ["total", "trainable", "non_trainable", "layers"]
    assert (facts["total"], facts["trainable"], facts["non_trainable"]) == (295, 287, 8)
    assert {tuple(layer) for layer in facts["layers"]} == {("name", "type", "shape", "parameters")}


def test_a_summary_follows_protocol_and_switches(encore) -> None:
    totals = [
        json.loads(encore("summary", "patient", "--json", *words.split())[1])["total"]
        for words in ("", "--protocol corrected", "--set width=8", "--protocol corrected --set width=4")
    ]
    assert totals[0] == totals[3] < totals[1] == totals[2]


def test_a_summary_compares_each_layer_with_the_published_one(encore) -> None:
    code, out, _ = encore("summary", "patient")
    same = [line.split("\t")[-1] for line in out.splitlines() if line.endswith(("yes", "no"))]
    assert code == 0
    assert same == ["yes", "yes", "yes", "no", "yes", "no"]
    assert "total 295" in out
    assert "document 295" in out


def test_attribution_corrects_one_error_at_a_time_and_leaves_out_those_that_change_no_clip(encore, corpus) -> None:
    words = ("attribution", "patient", "--data", corpus, "--epochs", 1, "--seed", 0)
    code, out, err = encore(*words, "--json")
    *lines, worth = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line["protocol"] for line in lines] == ["published", "published+width=8"]
    assert (worth["protocol"], worth["interval"]) == ("published+width=8", None)
    assert "left out: labels" in err
    code, out, _ = encore(*words)
    first, second = (line["metrics"]["accuracy"] for line in lines)
    assert code == 0
    assert worth["difference"] == [pytest.approx(second - first)]
    assert f"{second:.4f}" in out
    assert f"{second - first:.4f}" in out


def test_attribution_compares_the_runs_of_each_seed_in_whatever_order_they_are_finished(
    encore, corpus, monkeypatch
) -> None:
    words = ("attribution", "patient", "--data", corpus, "--epochs", 1, "--seed", 0, "--seed", 1, "--json")
    _, forwards, _ = encore(*words)
    one_by_one = on_cluster.run_all
    monkeypatch.setattr(on_cluster, "run_all", lambda planned, *rest: one_by_one(planned[::-1], *rest))
    code, backwards, _ = encore(*words)
    assert code == 0
    assert backwards.splitlines()[:4] == forwards.splitlines()[3::-1]
    assert backwards.splitlines()[4:] == forwards.splitlines()[4:]


@pytest.mark.parametrize("command", ["run", "attribution"])
def test_without_dask_no_cluster_is_started(command, encore, corpus, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, out, err = encore(command, "patient", "--data", corpus, "--workers", 2)
    assert (code, out) == (2, "")
    assert "encore-emotion[cluster]" in err


def test_a_dry_run_of_attribution_estimates_each_protocol_once_and_all_runs(encore, corpus, tmp_path) -> None:
    words = (
        "attribution",
        "patient",
        "--data",
        corpus,
        "--seed",
        0,
        "--seed",
        1,
        "--runs",
        tmp_path / "r",
        "--dry-run",
    )
    code, out, _ = encore(*words, "--dry-run", "--json")
    assert code == 0
    assert [json.loads(line)["protocol"] for line in out.splitlines()] == ["published", "published+width=8"]
    code, out, _ = encore(*words, "--dry-run")
    assert code == 0
    assert "4 runs" in out.splitlines()[-1]
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(("budget", "seconds"), [("90s", 90), ("30m", 1800), ("1.5h", 5400)])
def test_a_budget_is_a_number_with_a_unit(budget, seconds) -> None:
    assert preparing._seconds(budget) == seconds
