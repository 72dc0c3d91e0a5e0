import os
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tf_keras
import tiny
import tiny_tf_keras

from common import errors
from common.arrays import Arrays
from common.errors import InputError, ResultError
from common.learners.tf_keras import EpochSeeds, TfKerasLearner, generators
from common.runs import prediction, runner
from common.runs.estimate import estimate
from common.runs.records import Record
from common.study import Training

HERE = Path(__file__).parents[1]
TASK = tiny.STUDY.task
CHOSEN = Training(epochs=3, batch_size=8, learning_rate=0.01)


def noise(clips: int = 20, seed: int = 0) -> Arrays:
    draw = np.random.default_rng(seed)
    targets = np.eye(3, dtype=np.float32)[draw.integers(0, 3, clips)]
    return Arrays(draw.normal(size=(clips, 65)).astype(np.float32), targets)


def learner(folder: Path | None = None, **options: object) -> TfKerasLearner:
    return TfKerasLearner(tiny_tf_keras.build_three, TASK, CHOSEN, seed=1, folder=folder, **options)


def without_seconds(history: pd.DataFrame) -> pd.DataFrame:
    return history.drop(columns="seconds")


@pytest.fixture(scope="module")
def unbroken(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Record:
    return runner.run(tiny_tf_keras.job(corpus, runs=tmp_path_factory.mktemp("unbroken")))


@pytest.fixture(scope="module")
def killed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the run that `crash_tf_keras.py` began and killed."""
    folder = tmp_path_factory.mktemp("killed")
    environment = {**os.environ, "ENCORE_CACHE": str(folder / "cache")}
    command = [sys.executable, str(HERE / "crash_tf_keras.py"), str(corpus), str(folder / "runs")]
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    return folder / "runs"


def test_a_run_killed_again_and_again_comes_to_the_end_of_an_unbroken_one(killed, corpus, unbroken) -> None:
    resumed = runner.run(tiny_tf_keras.job(corpus, runs=killed))
    assert (resumed.folder / "predictions.csv").read_bytes() == (unbroken.folder / "predictions.csv").read_bytes()
    pd.testing.assert_frame_equal(without_seconds(resumed.history()), without_seconds(unbroken.history()))
    assert resumed.data["folds"] == unbroken.data["folds"]
    assert sorted(path.name for path in (resumed.folder / "fold-0").iterdir()) == [
        "front_end.npz",
        "model.tf_keras.keras",
    ]


def test_training_stops_early_and_restores_the_best_weights(unbroken, corpus) -> None:
    fold, history = unbroken.data["folds"][0], unbroken.history()
    assert 1 < fold["best_epoch"] < fold["epochs"] < tiny_tf_keras.PATIENT.epochs
    job = tiny_tf_keras.job(corpus)
    clips = job.clips()
    validation = tiny.prepare(clips, job.folds(clips)[0], TASK.targets(clips), job.setting).validation
    kept = TfKerasLearner.load(unbroken.folder / "fold-0" / TfKerasLearner.FILE, TASK, tiny_tf_keras.PATIENT)
    loss = keras.losses.CategoricalCrossentropy()(validation.y, kept.predict(validation.x))
    assert float(loss) == pytest.approx(history["val_loss"].min(), abs=1e-4)


def test_a_kept_model_classifies_a_file_as_the_run_did(unbroken, corpus) -> None:
    row = unbroken.predictions().iloc[0]
    predicted = prediction.Models(tiny_tf_keras.STUDY, unbroken).predict(corpus / f"{row['name']}.wav")
    np.testing.assert_allclose(predicted.outputs, row[list(tiny.CLASSES)].to_numpy(float), atol=1e-6)


def test_a_spent_budget_pauses_after_an_epoch_and_training_goes_on_to_the_same_end(tmp_path) -> None:
    whole = learner(tmp_path / "whole").fit(noise(), noise(seed=1), epochs=3, stage="a")
    with pytest.raises(errors.BudgetSpentError):
        learner(tmp_path / "parts", deadline=time.monotonic()).fit(noise(), noise(seed=1), epochs=3, stage="a")
    rest = learner(tmp_path / "parts").fit(noise(), noise(seed=1), epochs=3, stage="a")
    pd.testing.assert_frame_equal(without_seconds(rest), without_seconds(whole))


def test_initial_weights_derive_from_the_seed() -> None:
    first, again = learner(), learner()
    other = TfKerasLearner(tiny_tf_keras.build_three, TASK, CHOSEN, seed=2)
    kernels = [one.model.get_layer("hidden").kernel.numpy() for one in (first, again, other)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert (kernels[0] != kernels[2]).any()


def test_each_epoch_has_its_own_dropout() -> None:
    one = learner()
    seeds = EpochSeeds(seed=3)
    seeds.set_model(one.model)
    drawn = []
    for epoch in (0, 1, 0):
        seeds.on_epoch_begin(epoch)
        drawn.append([generator.state.numpy().tolist() for generator in generators(one.model)])
    assert len(drawn[0]) == 1
    assert drawn[0] == drawn[2] != drawn[1]


def test_a_loss_that_is_no_number_ends_the_training_and_is_not_kept(tmp_path) -> None:
    bad = noise()
    bad.y[3] = np.nan
    with pytest.raises(ResultError, match="a, epoch 1: loss is nan; try a lower learning_rate"):
        learner(tmp_path).fit(bad, noise(), epochs=2, stage="a")
    assert not (tmp_path / "a.npz").exists()


def test_what_is_no_model_is_refused_in_one_sentence(tmp_path) -> None:
    learner().save(tmp_path / "whole.keras")
    contents = {"text.keras": b"no model", "cut.keras": (tmp_path / "whole.keras").read_bytes()[:-300]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for name in (*contents, "absent.keras"):
        with pytest.raises(InputError, match=name) as caught:
            TfKerasLearner.load(tmp_path / name, TASK, CHOSEN)
        assert "\n" not in str(caught.value)


def test_the_first_step_is_traced_once(monkeypatch) -> None:
    traces = []
    step = tf_keras.Model.train_step
    monkeypatch.setattr(tf_keras.Model, "train_step", lambda self, data: traces.append(1) or step(self, data))
    learner().fit(noise(16), None, epochs=2, stage="a")
    assert len(traces) == 1


def test_tensorboard_logs_lie_beside_the_work_folder(tmp_path) -> None:
    learner(tmp_path / "work").fit(noise(), noise(seed=1), epochs=1, stage="a")
    assert {path.name for path in (tmp_path / "tensorboard" / "a").iterdir()} == {"train", "validation"}


def test_a_summary_counts_what_the_model_has() -> None:
    facts = learner().summary()
    assert facts["total"] == 65 * 4 + 4 + 4 * 4 + 4 * 3 + 3
    assert facts["non_trainable"] == 2 * 4
    assert sum(layer["parameters"] for layer in facts["layers"]) == facts["total"]
    assert (facts["layers"][0]["type"], facts["layers"][0]["shape"]) == ("InputLayer", [None, 65])


def test_an_estimate_is_made_with_the_experiment_s_own_learner(corpus, tmp_path) -> None:
    found = estimate(tiny_tf_keras.job(corpus, runs=tmp_path))
    assert found.parameters == learner().model.count_params()
    assert 0 < found.epoch_s < found.total_s


@pytest.mark.parametrize("refused", ["backend", "precision", "strategy"])
def test_what_tf_keras_cannot_do_is_refused_in_one_sentence(refused, monkeypatch) -> None:
    if refused == "backend":
        monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    if refused == "precision":
        monkeypatch.setattr("common.learners.tf_keras.precision", lambda: "mixed_bfloat16")
    says = "need KERAS_BACKEND=tensorflow, not jax" if refused == "backend" else "leave out --strategy"
    with pytest.raises(InputError, match=says):
        learner(strategy="mirrored" if refused == "strategy" else "none")
