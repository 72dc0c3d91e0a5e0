"""Every task through every command: what holds for one study holds for any task."""

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tiny_tasks
from typer.testing import CliRunner

from common.errors import InputError
from common.published import comparability
from common.runs import ensemble, prediction, records, runner, search_records
from common.runs.estimate import estimate
from common.study import Ensemble
from common.tasks import Pooled
from reports.__main__ import app as reports
from tuning import command
from tuning.plan import Plan

KINDS = tuple(tiny_tasks.TASKS)
NAMES = ("network", "again", "forest", "both")


def plans(kind: str) -> tuple[Plan, ...]:
    objective = tiny_tasks.MONITOR[kind]
    return (Plan("units", "network", "1", "the units", "grid", {"units": (4, 8)}, 2, objective),)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def finished(kind, unbroken) -> dict[str, records.Record]:
    """Return the record of each experiment, run as published."""
    return {name: unbroken(name, job=partial(tiny_tasks.job, kind)) for name in NAMES}


@pytest.fixture
def encore(kind, commands_of):
    return commands_of(command.study_app(tiny_tasks.study(kind), plans(kind)), f"tiny_{kind}", tiny_tasks.printed(kind))


def test_a_record_has_the_scores_of_its_task_and_they_follow_from_its_predictions(kind, finished) -> None:
    task = tiny_tasks.TASKS[kind]
    for record in finished.values():
        data = record.data
        targets, outputs = task.read({str(name): column for name, column in record.predictions().items()})
        thresholds = np.tile(data["folds"][0]["thresholds"], (len(targets), 1))
        again = task.scores(Pooled(targets, outputs, np.ones_like(targets), thresholds))
        for name, score in again.metrics.items():
            if name != "relative_mae":  # which also depends on the training clips
                assert data["metrics"][name] == score
        assert data["per_output"].keys() == again.per_output.keys()
        assert (data["confusion"] is not None) == (kind == "classification")


def test_every_method_beats_the_baseline(kind, finished) -> None:
    metric = tiny_tasks.TASKS[kind].HEADLINE
    for name in ("forest", "both"):
        data = finished[name].data
        ours, baseline = data["metrics"][metric]["value"], next(iter(data["baselines"].values()))[metric]
        assert (ours < baseline) if kind == "regression" else (ours > baseline)


def test_the_baseline_is_fitted_on_the_training_clips(kind, finished, corpus) -> None:
    task, job = tiny_tasks.TASKS[kind], tiny_tasks.job(kind, corpus, "forest")
    clips = job.clips()
    targets, (fold,) = task.targets(clips), job.folds(clips)
    constants = np.tile(task.constant(targets[fold.train]), (len(fold.test), 1))
    assert finished["forest"].data["baselines"] == task.baselines(targets[fold.test], constants)


def test_learning_curves_have_the_metrics_of_the_task_and_the_learning_rate(kind, finished) -> None:
    metric = tiny_tasks.MONITOR[kind]
    history = finished["network"].history()
    columns = {"loss", "val_loss", metric, metric.removeprefix("val_"), "learning_rate"}
    assert columns <= set(history)
    assert list(history)[:3] == ["fold", "stage", "epoch"]
    assert set(finished["again"].history()["stage"]) == {"search", "retrain"}
    assert finished["forest"].history().empty


def test_an_ensemble_is_the_weighted_mean_of_its_members(kind, finished) -> None:
    task = tiny_tasks.TASKS[kind]
    again, forest, both = (
        task.read({str(name): column for name, column in finished[of].predictions().items()})[1]
        for of in ("again", "forest", "both")
    )
    assert np.allclose(both, (2 * again + forest) / 3, atol=1e-6)
    assert finished["both"].data["parameters"] == {"total": None, "trainable": None}
    again, forest, both = (
        np.array([fold["thresholds"] for fold in finished[of].data["folds"]]) for of in ("again", "forest", "both")
    )
    assert np.allclose(both, (2 * again + forest) / 3, atol=1e-6)
    assert both.size == (len(task.outputs) if kind == "tagging" else 0)


def test_the_raw_mean_is_compared_with_the_thresholds_of_the_raw_members() -> None:
    task, method = tiny_tasks.TASKS["tagging"], Ensemble({"raw": 0.7, "other": 0.3}, raw=("raw",))
    raw, other = (np.full(len(task.outputs), value) for value in (0.4, 0.9))
    (held,) = task.logits(ensemble.thresholds_of([raw, other], task, method)[np.newaxis])
    assert np.allclose(held, 0.4, atol=1e-6)


def test_an_ensemble_whose_member_was_not_run_says_which(kind, corpus, tmp_path) -> None:
    with pytest.raises(InputError, match="again"):
        runner.run(tiny_tasks.job(kind, corpus, "both", runs=tmp_path))


def test_an_ensemble_of_a_member_that_was_run_again_is_not_taken_for_the_same(kind, corpus, finished) -> None:
    runs = finished["both"].folder.parents[3]
    job = tiny_tasks.job(kind, corpus, "both", runs=runs)
    assert runner.run(job).data == finished["both"].data
    changed = ensemble.identity_of_members(job, job.method)
    assert changed["members"] == {name: finished[name].data["finished"] for name in ("again", "forest")}


def test_an_ensemble_says_how_its_members_were_trained_and_has_their_size(kind, corpus, finished, tmp_path) -> None:
    shutil.copytree(finished["both"].folder.parents[3], tmp_path / "runs")
    runner.run(tiny_tasks.job(kind, corpus, "again", runs=tmp_path / "runs", overrides={"epochs": 1}, fresh=True))
    made = runner.run(tiny_tasks.job(kind, corpus, "both", runs=tmp_path / "runs", fresh=True))
    assert made.data["configuration"]["overrides"] == {}
    assert comparability.set_in_words(made.data) == "again epochs = 1"
    with pytest.raises(InputError, match="full size"):
        runner.run(tiny_tasks.job(kind, corpus, "both", runs=tmp_path / "runs", size="demo", fresh=True))


def test_members_are_found_from_inside_the_folder_of_an_ensemble(kind, finished, monkeypatch) -> None:
    monkeypatch.chdir(finished["both"].folder.parent)
    record = records.read(Path(finished["both"].folder.name))
    found = ensemble.member_folder(tiny_tasks.study(kind), record, "again")
    assert found.resolve() == finished["again"].folder.resolve()


def test_logits_of_members_are_averaged_if_asked_for(kind) -> None:
    task, draw = tiny_tasks.TASKS[kind], np.random.default_rng(0)
    outputs = task.from_logits(draw.normal(size=(2 * 5, len(task.outputs)))).reshape(2, 5, -1)
    method = replace(tiny_tasks.study(kind).experiment("both").method, of="logits")
    mean = ensemble.mean_of(list(outputs), task, method)
    assert np.allclose(
        task.logits(ensemble.mean_of([outputs[0]] * 2, task, method)), task.logits(outputs[0]), atol=1e-5
    )
    low, high = outputs.min(axis=0), outputs.max(axis=0)
    assert mean.shape == (5, len(task.outputs))
    if kind != "classification":  # where probabilities also have to add up to 1
        assert ((low - 1e-6 <= mean) & (mean <= high + 1e-6)).all()


def test_raw_logits_of_one_member_are_averaged_with_outputs_of_another(kind) -> None:
    task, draw = tiny_tasks.TASKS[kind], np.random.default_rng(0)
    outputs = task.from_logits(draw.normal(size=(2 * 5, len(task.outputs)))).reshape(2, 5, -1)
    method = replace(tiny_tasks.study(kind).experiment("both").method, raw=("again",))
    expected = task.from_logits((2 * task.logits(outputs[0]) + outputs[1]) / 3)
    np.testing.assert_allclose(ensemble.mean_of(list(outputs), task, method), expected, atol=1e-6)


def test_files_are_predicted_by_networks_estimators_and_ensembles(kind, finished, corpus) -> None:
    task, own = tiny_tasks.TASKS[kind], tiny_tasks.study(kind)
    for record in finished.values():
        row = record.predictions().iloc[0]
        one = prediction.Models(own, record).predict(corpus / f"{row['name']}.wav")
        assert np.allclose(one.outputs, row[list(task.outputs)].to_numpy(float), atol=1e-5)
        facts = json.loads(json.dumps(one.facts()))
        assert facts["predicted"] == one.predicted
        assert ("values" in facts) == (kind == "regression")


def test_an_estimate_needs_no_run(kind, corpus, tmp_path) -> None:
    for name in NAMES:
        found = estimate(tiny_tasks.job(kind, corpus, name, runs=tmp_path / "runs"))
        assert found.clips == 96
        assert (found.epoch_s is None) == (name in ("forest", "both"))
    assert not (tmp_path / "runs").exists()


def test_the_commands(kind, encore, corpus, tmp_path) -> None:
    def rows(*words: object) -> list[dict]:
        code, out, _ = encore(*words, "--json")
        assert code == 0
        return [json.loads(line) for line in out.splitlines()]

    task = tiny_tasks.TASKS[kind]
    assert [row["id"] for row in rows("list")[0]] == list(NAMES)
    for name in NAMES:
        (summary,) = rows("summary", name)
        assert summary.get("total") == (65 * 8 + 8 + 9 * len(task.outputs) if "layers" in summary else None)
    assert [row["experiment"] for row in rows("run", "--data", corpus, "--dry-run")] == list(NAMES)
    assert not (tmp_path / "runs").exists()
    ran = rows("run", "--data", corpus)
    assert [row["experiment"] for row in ran] == list(NAMES)
    assert all(task.HEADLINE in row["metrics"] for row in ran)
    assert (tmp_path / "runs" / f"tiny_{kind}" / "illustrations.npz").is_file()
    assert rows("tune", "network", "--data", corpus)[0]["chosen"]["units"] in (4, 8)
    found = search_records.read(search_records.find(tmp_path / "runs")[0])
    scores = [row[tiny_tasks.MONITOR[kind]] for row in found.data["rows"]]
    assert found.best[tiny_tasks.MONITOR[kind]] == (min(scores) if kind == "regression" else max(scores))
    assert rows("attribution", "again", "--data", corpus, "--seed", 0, "--seed", 1)
    code, out, _ = encore("predict", corpus / "ann-0-0.wav", "--run", ran[0]["record"])
    assert code == 0
    assert all(name in out for name in task.outputs)


def test_the_reports(kind, encore, corpus, tmp_path) -> None:
    assert encore("run", "--data", corpus, "--seed", 0, "--seed", 1)[0] == 0
    built = CliRunner().invoke(reports, ["build", "--runs", "runs", "--out", "report"])
    assert built.exit_code == 0, built.output
    page = (tmp_path / "report" / f"tiny_{kind}.md").read_text()
    assert "not comparable" in page
    assert list((tmp_path / "report" / "pictures" / f"tiny_{kind}").glob("*.svg"))
    checked = CliRunner().invoke(reports, ["check", "--runs", "runs", "--json"])
    rows = [row for row in json.loads(checked.stdout.splitlines()[0]) if row["study"] == f"tiny_{kind}"]
    assert {row["experiment"] for row in rows} == set(NAMES)
    assert {row["verdict"] for row in rows} == {"not comparable"}
    assert all(row["obtained"] is not None for row in rows)


def test_a_predicted_value_has_the_spread_over_the_seeds_that_were_run(corpus, tmp_path) -> None:
    runs = tmp_path / "runs"
    records_of = [runner.run(tiny_tasks.job("regression", corpus, "forest", runs=runs, seed=seed)) for seed in range(3)]
    runner.run(tiny_tasks.job("regression", corpus, "again", runs=runs))
    assert [one.data["seed"] for one in prediction.other_seeds(records_of[1])] == [0, 2]
    file = corpus / "ann-0-0.wav"
    models, *others = [prediction.Models(tiny_tasks.study("regression"), one) for one in records_of]
    one = prediction.with_seeds(models, others, file)
    alone = [known.predict(file).outputs[0] for known in (models, *others)]
    assert [float(one.seeds[seed][0]) for seed in range(3)] == alone
    assert f"{min(alone):.3g} to {max(alone):.3g}" in one.spread
    assert set(one.facts()["seeds"]) == {0, 1, 2}
