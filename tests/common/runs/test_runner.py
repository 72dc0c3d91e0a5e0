import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tiny

from common import cache
from common.errors import InputError, ResultError
from common.learners import keras3
from common.runs import jobs, records, runner


@pytest.fixture
def finished(unbroken, tmp_path) -> Path:
    """Return a runs folder of one's own that holds the first two folds of `patient independent`."""
    record = unbroken("patient", "independent", folds=2)
    copy = records.folder_of(tmp_path / "runs", *record.identity)
    shutil.copytree(record.folder, copy)
    return tmp_path / "runs"


def independent(corpus: Path, runs: Path, **options: Any) -> jobs.Job:
    return tiny.job(corpus, "patient", "independent", runs=runs, **{"folds": 2, **options})


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a training began")

    monkeypatch.setattr(keras3, "KerasLearner", refuse)


def test_a_record_says_what_was_run_on_what(unbroken) -> None:
    record = unbroken("patient", "published", folds=2)
    data = record.data
    assert records.read(record.folder).data == data
    assert (data["study"], data["experiment"], data["protocol"], data["seed"]) == ("tiny", "patient", "published", 0)
    assert data["switches"] == tiny.PUBLISHED
    assert data["data"]["clips"] == 96
    assert data["data"]["per_output"] == {"high": 32, "low": 32, "middle": 32}
    assert data["data"]["missing"] == ["savee"]
    assert data["data"]["expected_clips"] == 480
    assert data["parameters"] == {"total": 295, "trainable": 287}
    assert data["configuration"]["learning_rate"] == 0.1
    assert data["configuration"]["identity"]["folds"] is None  # there is but one, and two were asked for
    assert data["notes"] == []
    assert data["status"] == "complete"
    assert set(data["timings"]) == {"load_s", "features_s", "epoch_s", "ms_per_clip", "peak_memory_mib", "total_s"}


def test_the_validation_scores_are_those_of_the_epoch_whose_weights_were_kept(unbroken) -> None:
    record = unbroken("patient", "published", folds=2)
    history = record.history()
    best = history.loc[history["val_loss"].idxmin()]
    ours = record.data["metrics"]
    assert ours["val_loss"]["value"] == pytest.approx(best["val_loss"], rel=1e-4)
    assert ours["val_accuracy"]["value"] == pytest.approx(best["val_accuracy"])
    assert ours["val_accuracy"]["n"] == record.data["folds"][0]["validation"]


def test_the_loss_is_that_of_the_predictions(unbroken) -> None:
    record = unbroken("patient", "independent", folds=2)
    predictions = record.predictions()
    of_the_true = [row[row["true"]] for _, row in predictions.iterrows()]
    loss = record.data["metrics"]["loss"]
    assert loss["value"] == pytest.approx(-np.log(of_the_true).mean(), rel=1e-4)
    assert loss["method"] == "bootstrap over clips: 3 groups are too few to draw"


def absolute(targets: Any, outputs: Any) -> Any:
    return keras.ops.mean(keras.ops.absolute(targets - outputs), axis=-1)


def test_a_loss_of_the_document_s_own_is_named_and_the_task_s_loss_is_not_scored(corpus, tmp_path) -> None:
    job = tiny.job(corpus, runs=tmp_path, overrides={"epochs": 1})
    method = replace(job.experiment.method, loss=absolute)
    data = runner.run(replace(job, experiment=replace(job.experiment, method=method))).data
    assert data["configuration"]["loss"] == "absolute"
    assert "val_accuracy" in data["metrics"]
    assert not {"loss", "val_loss"} & data["metrics"].keys()


def test_a_speaker_on_both_sides_is_found_and_kept_in_the_record(unbroken) -> None:
    leaks = {
        protocol: {leak["check"]: leak["clean"] for leak in unbroken("patient", protocol, folds=2).data["leaks"]}
        for protocol in ("published", "independent")
    }
    assert not leaks["published"]["speaker"]
    assert leaks["independent"]["speaker"]
    assert set(leaks["published"]) == {"speaker", "group", "sound", "augmented", "scaler", "selection"}


def test_predictions_agree_with_the_split_the_metrics_and_the_confusion(unbroken) -> None:
    record = unbroken("patient", "independent", folds=2)
    predictions, split = record.predictions(), record.split()
    tested = split[split["set"] == "test"]
    assert predictions[["name", "fold"]].to_numpy().tolist() == tested[["name", "fold"]].to_numpy().tolist()
    classes = record.data["task"]["outputs"]
    assert list(predictions["predicted"]) == [classes[best] for best in predictions[classes].to_numpy().argmax(axis=1)]
    np.testing.assert_allclose(predictions[classes].sum(axis=1), 1, atol=1e-5)
    right = predictions["true"] == predictions["predicted"]
    assert record.data["metrics"]["accuracy"]["value"] == pytest.approx(right.mean())
    assert record.data["metrics"]["accuracy"]["n"] == len(predictions)
    crossed = pd.crosstab(predictions["true"], predictions["predicted"])
    crossed = crossed.reindex(index=classes, columns=classes, fill_value=0)
    assert record.data["confusion"] == crossed.to_numpy().tolist()


def test_only_the_first_folds_are_run_and_a_note_says_so(unbroken) -> None:
    record = unbroken("patient", "independent", folds=2)
    assert [fold["fold"] for fold in record.data["folds"]] == [0, 1]
    assert "only the first 2 of 3 folds were run" in record.data["notes"]
    speakers = record.predictions().groupby("fold")["speaker"].agg(set)
    assert speakers[0].isdisjoint(speakers[1])


def test_if_predictions_depend_on_the_batch_their_variation_over_random_orders_is_noted(unbroken) -> None:
    data = unbroken("paired", "published").data
    (note,) = data["notes"]
    accuracy = data["metrics"]["accuracy"]["value"]
    assert f"{accuracy:.4f} to {accuracy:.4f}, mean {accuracy:.4f}" in note  # the order has no effect on this model
    assert data["other_orders"] == [accuracy] * 20
    assert unbroken("patient", "published", folds=2).data["other_orders"] == []


def test_a_finished_run_is_returned_and_not_trained_again_wherever_its_clips_are(
    finished, corpus, no_training, tmp_path
) -> None:
    moved = shutil.copytree(corpus, tmp_path / "moved" / "tones")
    for folder in (corpus, moved):
        assert runner.run(independent(folder, finished)).data["status"] == "complete"


@pytest.mark.parametrize(
    "options",
    [{"overrides": {"epochs": 3}}, {"size": "demo"}, {"strategy": "mirrored"}, {"folds": None}],
    ids=lambda options: next(iter(options)),
)
def test_a_finished_run_of_other_settings_is_refused(options, finished, corpus, no_training) -> None:
    with pytest.raises(InputError, match=r"seed-0 .*--fresh"):
        runner.run(independent(corpus, finished, **options))


@pytest.mark.parametrize(
    ("owner", "name", "value"), [(keras3, "precision", "mixed_bfloat16"), (keras.backend, "backend", "jax")]
)
def test_a_finished_run_in_another_precision_or_backend_is_refused(
    owner, name, value, finished, corpus, no_training, monkeypatch
) -> None:
    monkeypatch.setattr(owner, name, lambda: value)
    with pytest.raises(InputError, match="--fresh"):
        runner.run(independent(corpus, finished))


def other_clip(folder: Path) -> None:
    shutil.copy(folder / "ann-0-0.wav", folder / "ann-0-1.wav")


def other_labels(folder: Path) -> None:
    table = pd.read_csv(folder / "clips.csv")
    labels = table["label"].sample(frac=1, random_state=0).to_numpy()
    table.assign(label=labels).to_csv(folder / "clips.csv", index=False)


@pytest.mark.parametrize("change", [other_clip, other_labels])
def test_a_finished_run_of_other_clips_or_labels_is_refused(change, finished, corpus, no_training, tmp_path) -> None:
    other = shutil.copytree(corpus, tmp_path / "tones")
    change(other)
    with pytest.raises(InputError, match="--fresh"):
        runner.run(independent(other, finished))


def test_fresh_deletes_the_earlier_run(finished, corpus, monkeypatch) -> None:
    monkeypatch.setattr(runner, "finished", lambda run, *_: list(run.job.folder.rglob("*")))
    left = runner.run(independent(corpus, finished, fresh=True))
    assert sorted(path.name for path in left) == [".lock", "run.json", "work"]


def begun(job: jobs.Job, *, got_somewhere: bool) -> None:
    """Leave what a run leaves that was killed before or after its first checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "finished", lambda *_: None)
        runner.run(job)
    if got_somewhere:
        (job.folder / "work" / "stage.npz").write_bytes(b"")


def test_an_interrupted_run_of_other_settings_is_refused(corpus, no_training, tmp_path) -> None:
    begun(tiny.job(corpus, runs=tmp_path), got_somewhere=True)
    with pytest.raises(InputError, match=r"seed-0 .*interrupted.*--fresh"):
        runner.run(tiny.job(corpus, runs=tmp_path, overrides={"batch_size": 4}))


def test_work_of_unknown_settings_is_not_taken_over(corpus, no_training, tmp_path, capsys) -> None:
    job = tiny.job(corpus, runs=tmp_path)
    begun(job, got_somewhere=True)
    (job.folder / "work" / "run.json").unlink()
    begun(replace(job, options=replace(job.options, overrides={"batch_size": 4})), got_somewhere=False)
    assert not (job.folder / "work" / "stage.npz").exists()
    assert "run.json" in capsys.readouterr().err


def test_a_run_that_has_computed_nothing_yet_can_be_replaced(corpus, monkeypatch, tmp_path) -> None:
    begun(tiny.job(corpus, runs=tmp_path), got_somewhere=False)
    monkeypatch.setattr(runner, "finished", lambda *_: "made")
    assert runner.run(tiny.job(corpus, runs=tmp_path, overrides={"epochs": 1})) == "made"


def test_a_folder_in_use_is_refused(corpus, tmp_path) -> None:
    job = tiny.job(corpus, runs=tmp_path)
    with records.hold(job.folder), pytest.raises(InputError, match=str(job.folder)):
        runner.run(job)


def test_a_corpus_with_other_labels_is_classified_into_its_own_classes(tmp_path) -> None:
    folder = tiny.write_corpus(tmp_path / "own", ("none", "NA"))
    record = runner.run(tiny.job(folder, runs=tmp_path / "runs", overrides={"epochs": 1}))
    assert record.data["task"]["outputs"] == ["NA", "none"]
    assert set(record.predictions()["true"]) == {"NA", "none"}
    assert record.data["notes"] == ["set on the command line: epochs = 1"]


@pytest.mark.parametrize(
    ("classes", "named"), [(("low",), "low"), (("true", "false"), r"predictions\.csv .*true")], ids=["one", "a column"]
)
def test_classes_that_cannot_be_learned_are_refused_before_anything_is_written(classes, named, tmp_path) -> None:
    folder = tiny.write_corpus(tmp_path / "own", classes)
    with pytest.raises(InputError, match=named):
        runner.run(tiny.job(folder, runs=tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()


def test_a_model_with_outputs_that_are_not_finite_leaves_no_record(corpus, monkeypatch, tmp_path) -> None:
    class Broken:
        def predict(self, x: np.ndarray) -> np.ndarray:
            return np.full((len(x), 3), np.nan, np.float32)

    monkeypatch.setattr(runner, "_learned", lambda *_: (Broken(), pd.DataFrame(), 1))
    job = tiny.job(corpus, runs=tmp_path)
    with pytest.raises(ResultError, match="patient published seed 0"):
        runner.run(job)
    assert records.find(tmp_path) == []


def test_each_file_is_read_for_its_digest_once_a_run(corpus, tmp_path, monkeypatch) -> None:
    read, digest = [], cache._file_digest
    clips = shutil.copytree(corpus, tmp_path / "clips")
    monkeypatch.setattr(cache, "_file_digest", lambda path: read.append(path) or digest(path))
    runner.run(tiny.job(clips, "paired", "independent", runs=tmp_path / "runs", overrides={"epochs": 1}))
    assert len(read) == len(set(read)) == 96
