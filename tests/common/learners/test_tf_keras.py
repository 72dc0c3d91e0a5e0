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
from tiny import noise, without_seconds

from common import errors
from common.errors import InputError
from common.learners.tf_keras import EpochSeeds, TfKerasLearner, generators
from common.runs import prediction, runner
from common.runs.estimate import estimate
from common.runs.records import Record
from common.study import Training

HERE = Path(__file__).parents[1]
TASK = tiny.STUDY.task
CHOSEN = Training(epochs=3, batch_size=8, learning_rate=0.01)


def learner(folder: Path | None = None, **options: object) -> TfKerasLearner:
    return TfKerasLearner(tiny_tf_keras.build_three, TASK, CHOSEN, seed=1, folder=folder, **options)


@pytest.fixture(scope="module")
def unbroken(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Record:
    return runner.run(tiny_tf_keras.job(corpus, runs=tmp_path_factory.mktemp("unbroken")))


@pytest.fixture(scope="module")
def killed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the run that `crash_tf_keras.py` started and killed."""
    folder = tmp_path_factory.mktemp("killed")
    environment = {**os.environ, "ENCORE_CACHE": str(folder / "cache")}
    command = [sys.executable, str(HERE / "crash_tf_keras.py"), str(corpus), str(folder / "runs")]
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    return folder / "runs"


def test_a_run_killed_again_and_again_resumes_and_gives_the_same_result(killed, corpus, unbroken) -> None:
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


def test_a_spent_budget_pauses_after_an_epoch_and_resumed_training_gives_the_same_result(tmp_path) -> None:
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


def test_a_file_that_is_not_a_saved_model_is_refused_by_name(tmp_path) -> None:
    learner().save(tmp_path / "whole.keras")
    (tmp_path / "cut.keras").write_bytes((tmp_path / "whole.keras").read_bytes()[:-300])
    for name in ("cut.keras", "absent.keras"):
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


def test_an_estimate_is_made_with_the_experiment_s_own_learner(corpus, tmp_path) -> None:
    found = estimate(tiny_tf_keras.job(corpus, runs=tmp_path))
    assert found.parameters == learner().model.count_params()
    assert 0 < found.epoch_s < found.total_s


@pytest.mark.parametrize("refused", ["backend", "precision", "strategy"])
def test_what_tf_keras_models_cannot_be_trained_with_is_refused(refused, monkeypatch) -> None:
    if refused == "backend":
        monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    if refused == "precision":
        monkeypatch.setattr("common.learners.tf_keras.precision", lambda: "mixed_bfloat16")
    with pytest.raises(InputError, match="KERAS_BACKEND" if refused == "backend" else "--strategy"):
        learner(strategy="mirrored" if refused == "strategy" else "none")
