import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import crash
import keras
import numpy as np
import pandas as pd
import pytest
import tiny
from tiny import noise, without_seconds

from common import errors
from common.errors import InputError, ResultError
from common.learners import callbacks, keras3
from common.learners.learner import best_epoch
from common.runs import runner
from common.study import Setting, Training

HERE = Path(__file__).parents[1]


def learner(folder: Path | None = None, *, learning_rate: float = 0.01, **options: object) -> keras3.KerasLearner:
    chosen = Training(epochs=3, batch_size=8, learning_rate=learning_rate)
    return keras3.KerasLearner(
        lambda: tiny.build(Setting(tiny.PUBLISHED, 0), 3), tiny.STUDY.task, chosen, seed=1, folder=folder, **options
    )


@pytest.fixture(scope="module")
def killed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the runs that `crash.py` started and killed."""
    folder = tmp_path_factory.mktemp("killed")
    environment = {**os.environ, "ENCORE_CACHE": str(folder / "cache")}
    command = [sys.executable, str(HERE / "crash.py"), str(corpus), str(folder / "runs")]
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    return folder / "runs"


@pytest.mark.parametrize("run", crash.RUNS, ids=" ".join)
def test_a_run_killed_again_and_again_resumes_and_gives_the_same_result(run, killed, corpus, unbroken) -> None:
    whole = unbroken(*run, folds=2)
    resumed = runner.run(tiny.job(corpus, *run, runs=killed, folds=2))
    assert (resumed.folder / "predictions.csv").read_bytes() == (whole.folder / "predictions.csv").read_bytes()
    pd.testing.assert_frame_equal(without_seconds(resumed.history()), without_seconds(whole.history()))
    for field in ("metrics", "per_output", "baselines", "confusion", "folds", "leaks", "parameters", "data"):
        assert resumed.data[field] == whole.data[field]
    assert not (resumed.folder / "work").exists()


def test_the_kept_models_of_a_resumed_and_an_unbroken_run_are_equal(killed, corpus, unbroken) -> None:
    resumed = runner.run(tiny.job(corpus, runs=killed, folds=2)).folder
    x = noise().x
    predictions = [
        keras3.KerasLearner.load(folder / "fold-0" / "model.keras", tiny.STUDY.task, tiny.PATIENT).predict(x)
        for folder in (resumed, unbroken("patient", "published", folds=2).folder)
    ]
    np.testing.assert_array_equal(*predictions)
    assert sorted(path.name for path in (resumed / "fold-0").iterdir()) == ["front_end.npz", "model.keras"]


def test_a_run_repeated_is_equal_to_the_bit(corpus, unbroken, tmp_path) -> None:
    again = runner.run(tiny.job(corpus, runs=tmp_path, folds=2))
    first = unbroken("patient", "published", folds=2)
    assert (again.folder / "predictions.csv").read_bytes() == (first.folder / "predictions.csv").read_bytes()
    pd.testing.assert_frame_equal(without_seconds(again.history()), without_seconds(first.history()))


def test_another_seed_gives_another_run(corpus, unbroken) -> None:
    first, other = (unbroken("patient", "published", folds=2, seed=seed).history() for seed in (0, 1))
    assert first["loss"][0] != other["loss"][0]


def test_training_stops_early_and_restores_the_best_weights(corpus, unbroken) -> None:
    record = unbroken("patient", "published", folds=2)
    fold, history = record.data["folds"][0], record.history()
    assert 1 < fold["best_epoch"] < fold["epochs"] < tiny.PATIENT.epochs
    assert fold["best_epoch"] == history.loc[history["val_loss"].idxmin(), "epoch"]
    job = tiny.job(corpus)
    clips = job.clips()
    targets = tiny.STUDY.task.targets(clips)
    validation = tiny.prepare(clips, job.folds(clips)[0], targets, job.setting).validation
    kept = keras3.KerasLearner.load(record.folder / "fold-0" / "model.keras", tiny.STUDY.task, tiny.PATIENT)
    loss = keras.losses.CategoricalCrossentropy()(validation.y, kept.predict(validation.x))
    assert float(loss) == pytest.approx(history["val_loss"].min(), abs=1e-4)


def test_retraining_starts_from_new_weights_and_lasts_until_the_best_epoch(unbroken) -> None:
    record = unbroken("retrained", "published", folds=2)
    history = record.history()
    search, again = (history[history["stage"] == stage].reset_index() for stage in ("search", "retrain"))
    best = record.data["folds"][0]["best_epoch"]
    assert best == search["epoch"][search["val_accuracy"].argmax()]
    assert list(again["epoch"]) == list(range(1, best + 1))
    assert again["val_loss"].isna().all()
    assert again["loss"][0] != search["loss"][0]


@pytest.mark.parametrize(("by", "mode", "best"), [("val_loss", "min", 2), ("val_accuracy", "max", 3)])
def test_of_epochs_with_equal_scores_the_first_is_best(by, mode, best) -> None:
    history = pd.DataFrame(
        {"epoch": [1, 2, 3, 4], "val_loss": [0.9, 0.5, 0.5, 0.7], "val_accuracy": [0.1, 0.2, 0.4, 0.4]}
    )
    assert best_epoch(history, by=by, mode=mode) == best


def test_a_spent_budget_pauses_after_an_epoch_and_the_resumed_run_gives_the_same_result(
    corpus, unbroken, tmp_path
) -> None:
    paused = tiny.job(corpus, runs=tmp_path, folds=2, deadline=time.monotonic())
    with pytest.raises(errors.BudgetSpentError, match="--fresh") as caught:
        runner.run(paused)
    assert caught.value.exit_code == 1
    resumed = runner.run(tiny.job(corpus, runs=tmp_path, folds=2))
    whole = unbroken("patient", "published", folds=2)
    assert (resumed.folder / "predictions.csv").read_bytes() == (whole.folder / "predictions.csv").read_bytes()
    assert resumed.data["timings"]["total_s"] >= round(resumed.history()["seconds"].sum(), 1)


def test_the_first_step_is_traced_once(monkeypatch) -> None:
    traces = []
    step = keras.Model.train_step
    monkeypatch.setattr(keras.Model, "train_step", lambda self, data: traces.append(1) or step(self, data))
    learner().fit(noise(16), noise(8), epochs=2, stage="a")
    assert len(traces) == 1


def test_each_epoch_has_its_own_dropout() -> None:
    def states() -> list[list[int]]:
        found = [variable for variable in one.model.variables if "seed_generator_state" in variable.path]
        return [np.asarray(variable).tolist() for variable in found]

    one = learner()
    seeds = callbacks.EpochSeeds(seed=3)
    seeds.set_model(one.model)
    drawn = []
    for epoch in (0, 1, 0):
        seeds.on_epoch_begin(epoch)
        drawn.append(states())
    assert len(drawn[0]) == 1
    assert drawn[0] == drawn[2] != drawn[1]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-400]), id="cut off"),
        pytest.param(lambda path: np.savez(path, state=np.array("{}")), id="without weights"),
        pytest.param(lambda path: path.write_bytes(zeroed(path.read_bytes())), id="zeros inside"),
    ],
)
def test_a_damaged_checkpoint_is_named_in_one_sentence(damage, tmp_path) -> None:
    learner(tmp_path).fit(noise(), None, epochs=1, stage="a/b c")
    damage(tmp_path / "a-of-b-c.npz")
    with pytest.raises(InputError, match=r"a-of-b-c\.npz"):
        learner(tmp_path).fit(noise(), None, epochs=2, stage="a/b c")


def zeroed(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[: middle - 300] + bytes(600) + content[middle + 300 :]


def test_the_checkpoint_of_another_model_is_refused(tmp_path) -> None:
    learner(tmp_path).fit(noise(), None, epochs=1, stage="a")
    wider = keras3.KerasLearner(
        lambda: tiny.build(Setting({"width": "8"}, 0), 3), tiny.STUDY.task, tiny.PATIENT, seed=1, folder=tmp_path
    )
    with pytest.raises(InputError, match=r"a\.npz"):
        wider.fit(noise(), None, epochs=2, stage="a")


@pytest.mark.parametrize("spoilt", ["loss", "val_loss"])
def test_a_loss_that_is_not_finite_ends_the_training_and_is_not_kept(spoilt, tmp_path) -> None:
    good, bad = noise(), noise()
    bad.y[3] = np.nan
    train, validation = (bad, good) if spoilt == "loss" else (good, bad)
    with pytest.raises(ResultError, match=rf"epoch 1: {spoilt} is nan"):
        learner(tmp_path).fit(train, validation, epochs=2, stage="a")
    assert not (tmp_path / "a.npz").exists()


def test_saving_and_loading_keeps_every_bit_of_a_prediction(tmp_path) -> None:
    trained = learner()
    trained.fit(noise(), None, epochs=1, stage="a")
    trained.save(tmp_path / "model.keras")
    loaded = keras3.KerasLearner.load(tmp_path / "model.keras", trained.task, trained.training)
    np.testing.assert_array_equal(loaded.predict(noise().x), trained.predict(noise().x))
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_a_file_that_is_not_a_saved_model_is_refused_by_name(tmp_path) -> None:
    learner().save(tmp_path / "whole.keras")
    (tmp_path / "cut.keras").write_bytes((tmp_path / "whole.keras").read_bytes()[:-300])
    np.savez(tmp_path / "other.npz", a=1)
    (tmp_path / "other.npz").rename(tmp_path / "other.keras")
    for name in ("cut.keras", "other.keras", "absent.keras"):
        with pytest.raises(InputError, match=name) as caught:
            keras3.KerasLearner.load(tmp_path / name, tiny.STUDY.task, tiny.PATIENT)
        assert "\n" not in str(caught.value)


def test_a_summary_counts_what_the_model_has() -> None:
    facts = learner().summary()
    assert facts["total"] == 65 * 4 + 4 + 4 * 4 + 4 * 3 + 3
    assert facts["non_trainable"] == 2 * 4
    assert facts["trainable"] + facts["non_trainable"] == facts["total"]
    assert sum(layer["parameters"] for layer in facts["layers"]) == facts["total"]
    assert [layer["shape"] for layer in facts["layers"]][-1] == [None, 3]


def test_tensorboard_logs_lie_beside_the_work_folder(tmp_path) -> None:
    learner(tmp_path / "work").fit(noise(), noise(seed=1), epochs=1, stage="a")
    assert {path.name for path in (tmp_path / "tensorboard" / "a").iterdir()} == {"train", "validation"}


@pytest.fixture
def usual_precision() -> Iterator[None]:
    yield
    keras.mixed_precision.set_global_policy("float32")


def test_mixed_precision_trains_on_a_cpu_and_predicts_finite_float32(usual_precision) -> None:
    keras3.use_mixed_precision()
    assert keras3.precision() == "mixed_bfloat16"
    half = learner()
    history = half.fit(noise(), noise(seed=1), epochs=1, stage="a")
    assert np.isfinite(history[["loss", "val_loss"]].to_numpy()).all()
    probabilities = half.predict(noise().x)
    assert probabilities.dtype == np.float32
    assert np.isfinite(probabilities).all()
    assert {weight.dtype for weight in half.model.weights} == {"float32"}


@pytest.mark.parametrize(("name", "backend"), [("tpu", "tensorflow"), ("mirrored", "jax")])
def test_a_strategy_that_the_backend_does_not_have_is_refused(name, backend, monkeypatch) -> None:
    keras3.strategy_scope.cache_clear()
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    with pytest.raises(InputError, match=name):
        keras3.strategy_scope(name)


@pytest.fixture(scope="module")
def distributed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Return what `strategies.py` saw on two logical CPUs."""
    command = [sys.executable, str(HERE / "strategies.py"), str(tmp_path_factory.mktemp("strategies"))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_mirrored_training_divides_each_batch_between_two_devices(distributed) -> None:
    assert distributed["mirrored"]["replicas"] == 2
    assert distributed["mirrored"]["seen"] == [4, 4]


def test_mirrored_training_gives_the_losses_of_one_device(distributed) -> None:
    assert distributed["mirrored"]["loss"] == pytest.approx(distributed["none"]["loss"], rel=1e-4)
    assert distributed["mirrored"]["val_loss"] == pytest.approx(distributed["none"]["val_loss"], rel=1e-4)


def test_mirrored_training_resumes_from_its_checkpoint(distributed) -> None:
    assert distributed["mirrored"]["loss"][:1] == distributed["mirrored"]["paused"]


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX as another backend")
def test_training_under_jax_needs_no_tensorflow() -> None:
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    script = str(HERE / "without_tensorflow.py")
    program = f"import runpy, sys; sys.modules['tensorflow'] = None; runpy.run_path({script!r})"
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
