"""What holds for the networks of both libraries, Keras 3 and tf-keras."""

import errno
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crash
import keras
import numpy as np
import pandas as pd
import pytest
import tf_keras
import tiny
import tiny_tf_keras
from tiny import noise, without_seconds

from common import errors
from common.errors import InputError, ResultError
from common.learners import callbacks
from common.learners import tf_keras as tf_keras_learner
from common.learners.keras3 import KerasLearner
from common.learners.tf_keras import TfKerasLearner
from common.runs import prediction, runner
from common.runs.records import Record
from common.study import Plateau, Setting, Training

TASK, SETTING = tiny.STUDY.task, Setting(tiny.PUBLISHED, 0)
STILL = 1e-12
"""A learning rate at which nothing is learned: no epoch is better than the first."""


@dataclass(frozen=True)
class Library:
    """A library, its learner, its callback of seeds, and the tiny document whose first experiment it trains."""

    keras: Any
    learner: type[KerasLearner]
    seeds: Any
    document: Any

    def random_states(self, model: Any) -> list[list[int]]:
        """Return the states of the generators of dropout."""
        if self.keras is tf_keras:
            return [generator.state.numpy().tolist() for generator in tf_keras_learner.generators(model)]
        found = [variable for variable in model.variables if "seed_generator_state" in variable.path]
        return [np.asarray(variable).tolist() for variable in found]


LIBRARIES = {
    "keras": Library(keras, KerasLearner, callbacks.EpochSeeds, tiny),
    "tf-keras": Library(tf_keras, TfKerasLearner, tf_keras_learner.EpochSeeds, tiny_tf_keras),
}
KILLED = [(document, run) for document, runs in crash.RUNS.items() for run in runs]


@pytest.fixture(params=LIBRARIES.values(), ids=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Library:
    return request.param


@pytest.fixture
def learner(library) -> Callable[..., KerasLearner]:
    """Return what makes a learner of the tiny model from settings of its training."""

    def make(
        folder: Path | None = None, *, build: Callable[[], Any] | None = None, seed: int = 1, **settings: Any
    ) -> KerasLearner:
        training = Training(**{"epochs": 3, "batch_size": 8, "learning_rate": 0.01, **settings})
        tiny_model = build or (lambda: library.document.build(SETTING, 3))
        return library.learner(tiny_model, TASK, training, seed=seed, folder=folder)

    return make


@pytest.fixture
def whole(library, unbroken) -> Record:
    """Return an unbroken run of the library."""
    return unbroken(job=library.document.job, folds=2)


@pytest.mark.parametrize(("document", "run"), KILLED, ids=[" ".join((of, *run)) for of, run in KILLED])
def test_a_run_killed_again_and_again_resumes_and_gives_the_same_result(
    document, run, killed, corpus, unbroken
) -> None:
    job = crash.JOBS[document]
    uninterrupted = unbroken(*run, job=job, folds=2)
    resumed = runner.run(job(corpus, *run, runs=killed(document), folds=2))
    assert (resumed.folder / "predictions.csv").read_bytes() == (uninterrupted.folder / "predictions.csv").read_bytes()
    pd.testing.assert_frame_equal(without_seconds(resumed.history()), without_seconds(uninterrupted.history()))
    for field in ("metrics", "per_output", "baselines", "confusion", "folds", "leaks", "parameters", "data"):
        assert resumed.data[field] == uninterrupted.data[field]
    files = [sorted(path.name for path in record.folder.rglob("fold-*/*")) for record in (resumed, uninterrupted)]
    assert files[0] == files[1]
    assert not (resumed.folder / "work").exists()


def test_a_spent_budget_pauses_after_an_epoch_and_the_resumed_run_gives_the_same_result(
    library, whole, corpus, tmp_path
) -> None:
    with pytest.raises(errors.BudgetSpentError, match="--fresh") as caught:
        runner.run(library.document.job(corpus, runs=tmp_path, folds=2, deadline=time.monotonic()))
    assert caught.value.exit_code == 1
    resumed = runner.run(library.document.job(corpus, runs=tmp_path, folds=2))
    assert (resumed.folder / "predictions.csv").read_bytes() == (whole.folder / "predictions.csv").read_bytes()
    assert resumed.data["timings"]["total_s"] >= round(resumed.history()["seconds"].sum(), 1)


def test_a_paused_run_ends_with_the_epochs_that_it_is_given_then_but_not_with_fewer_than_it_has(
    library, corpus, tmp_path
) -> None:
    paused, short = tmp_path / "paused", tmp_path / "short"
    for _ in range(2):
        with pytest.raises(errors.BudgetSpentError):
            runner.run(library.document.job(corpus, runs=paused, deadline=time.monotonic(), overrides={"epochs": 3}))
    with pytest.raises(errors.InputError, match="2"):
        runner.run(library.document.job(corpus, runs=paused, overrides={"epochs": 1}))
    ended = runner.run(library.document.job(corpus, runs=paused, overrides={"epochs": 2}))
    at_once = runner.run(library.document.job(corpus, runs=short, overrides={"epochs": 2}))
    assert ended.data["configuration"]["epochs"] == 2
    assert (ended.folder / "predictions.csv").read_bytes() == (at_once.folder / "predictions.csv").read_bytes()


def test_training_stops_early_and_restores_the_best_weights(library, whole, corpus) -> None:
    fold, history = whole.data["folds"][0], whole.history()
    assert 1 < fold["best_epoch"] < fold["epochs"] < library.document.PATIENT.epochs
    assert fold["best_epoch"] == history.loc[history["val_loss"].idxmin(), "epoch"]
    job = library.document.job(corpus)
    clips = job.clips()
    validation = tiny.prepare(clips, job.folds(clips)[0], TASK.targets(clips), job.setting).validation
    kept = library.learner.load(whole.folder / "fold-0" / library.learner.FILE, TASK, library.document.PATIENT)
    loss = keras.losses.CategoricalCrossentropy()(validation.y, kept.predict(validation.x))
    assert float(loss) == pytest.approx(history["val_loss"].min(), abs=1e-4)


def test_a_kept_model_classifies_a_file_as_the_run_did(library, whole, corpus) -> None:
    row = whole.predictions().iloc[0]
    predicted = prediction.Models(library.document.STUDY, whole).predict(corpus / f"{row['name']}.wav")
    np.testing.assert_allclose(predicted.outputs, row[list(tiny.CLASSES)].to_numpy(float), atol=1e-6)


def test_initial_weights_derive_from_the_seed(learner) -> None:
    first, again, other = (learner(seed=seed).model.get_weights()[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_each_epoch_has_its_own_dropout(library, learner) -> None:
    one, seeds, drawn = learner(), library.seeds(seed=3), []
    seeds.set_model(one.model)
    for epoch in (0, 1, 0):
        seeds.on_epoch_begin(epoch)
        drawn.append(library.random_states(one.model))
    assert len(drawn[0]) == 1
    assert drawn[0] == drawn[2] != drawn[1]


def test_the_first_step_is_traced_once(library, learner, monkeypatch) -> None:
    traces = []
    step = library.keras.Model.train_step
    monkeypatch.setattr(library.keras.Model, "train_step", lambda self, data: traces.append(1) or step(self, data))
    learner().fit(noise(16), noise(8), epochs=2, stage="a")
    assert len(traces) == 1


def test_saving_and_loading_keeps_every_bit_and_other_files_are_refused_by_name(library, learner, tmp_path) -> None:
    trained, whole = learner(), tmp_path / "whole.keras"
    trained.fit(noise(), None, epochs=1, stage="a")
    trained.save(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["whole.keras"]
    loaded = library.learner.load(whole, TASK, trained.training)
    np.testing.assert_array_equal(loaded.predict(noise().x), trained.predict(noise().x))
    (tmp_path / "cut.keras").write_bytes(whole.read_bytes()[:-300])
    np.savez(tmp_path / "other.npz", a=1)
    (tmp_path / "other.npz").rename(tmp_path / "other.keras")
    for name in ("cut.keras", "other.keras", "absent.keras"):
        with pytest.raises(InputError, match=name) as caught:
            library.learner.load(tmp_path / name, TASK, trained.training)
        assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_lambda_is_refused_and_not_executed(library, tmp_path) -> None:
    keras, touched = library.keras, tmp_path / "executed"
    inputs = keras.Input((65,))
    # A call of a file's method: what a stranger's byte code does when it is loaded and called on the first input.
    code = eval(f"lambda x: [x, __import__('pathlib').Path({str(touched)!r}).touch()][0]")
    hostile = keras.Model(inputs, keras.layers.Lambda(code, output_shape=(65,))(inputs))
    touched.unlink(missing_ok=True)
    hostile.save(tmp_path / "zip.keras")
    hostile.save(tmp_path / "model.h5")
    (tmp_path / "model.h5").rename(tmp_path / "hdf5.keras")
    for name in ("zip.keras", "hdf5.keras"):
        with pytest.raises(InputError, match=name) as caught:
            library.learner.load(tmp_path / name, TASK, library.document.PATIENT)
        assert len(str(caught.value)) < 500
    assert not touched.exists()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-400]), id="cut off"),
        pytest.param(lambda path: np.savez(path, state=np.array("{}")), id="without weights"),
        pytest.param(lambda path: path.write_bytes(zeroed(path.read_bytes())), id="zeros inside"),
    ],
)
def test_a_training_with_a_damaged_checkpoint_starts_again_and_says_so(damage, learner, tmp_path, capsys) -> None:
    whole = learner(tmp_path).fit(noise(), None, epochs=1, stage="a/b c")
    damage(tmp_path / "a-of-b-c.npz")
    again = learner(tmp_path).fit(noise(), None, epochs=1, stage="a/b c")
    assert "a-of-b-c.npz" in capsys.readouterr().err
    pd.testing.assert_frame_equal(without_seconds(again), without_seconds(whole))


def test_a_checkpoint_that_cannot_be_read_now_is_kept(learner, tmp_path, monkeypatch) -> None:
    learner(tmp_path).fit(noise(), None, epochs=1, stage="a")
    kept = (tmp_path / "a.npz").read_bytes()

    def fails(_: Any) -> Any:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(callbacks, "_read", fails)
    with pytest.raises(OSError, match="Stale"):
        learner(tmp_path).fit(noise(), None, epochs=2, stage="a")
    assert (tmp_path / "a.npz").read_bytes() == kept


def test_every_damage_of_a_checkpoint_is_noticed(learner, tmp_path) -> None:
    learner(tmp_path).fit(noise(), None, epochs=1, stage="a")
    path, draw = tmp_path / "a.npz", random.Random(0)
    whole = path.read_bytes()
    state, arrays = callbacks._read(path)
    for _ in range(300):
        bit = draw.randrange(8 * len(whole))
        path.write_bytes(whole[: bit // 8] + bytes([whole[bit // 8] ^ 1 << bit % 8]) + whole[bit // 8 + 1 :])
        try:
            found, read = callbacks._read(path)
        except Exception:
            continue  # it is noticed, whatever zipfile and NumPy call it
        assert found == state  # a bit that has no meaning, such as one of a date
        assert all(
            np.array_equal(one, other) for kind in arrays for one, other in zip(read[kind], arrays[kind], strict=True)
        )


def test_a_checkpoint_of_another_model_is_refused_by_name(learner, tmp_path) -> None:
    learner(tmp_path).fit(noise(), None, epochs=1, stage="a")
    with np.load(tmp_path / "a.npz") as stored:
        other = {**stored, "weight_0": np.zeros(1)}
    np.savez(tmp_path / "a.npz", **other)
    with pytest.raises(InputError, match=r"a\.npz"):
        learner(tmp_path).fit(noise(), None, epochs=2, stage="a")


def zeroed(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[: middle - 300] + bytes(600) + content[middle + 300 :]


@pytest.mark.parametrize("spoilt", ["loss", "val_loss"])
def test_a_loss_that_is_not_finite_ends_the_training_and_is_not_kept(spoilt, learner, tmp_path) -> None:
    good, bad = noise(), noise()
    bad.y[3] = np.nan
    train, validation = (bad, good) if spoilt == "loss" else (good, bad)
    with pytest.raises(ResultError, match=rf"epoch 1: {spoilt} is nan"):
        learner(tmp_path).fit(train, validation, epochs=2, stage="a")
    assert not (tmp_path / "a.npz").exists()


def test_tensorboard_logs_lie_beside_the_work_folder(learner, tmp_path) -> None:
    learner(tmp_path / "work").fit(noise(), noise(seed=1), epochs=1, stage="a")
    assert {path.name for path in (tmp_path / "tensorboard" / "a").iterdir()} == {"train", "validation"}


def test_amsgrad_is_on_only_if_asked_for(learner) -> None:
    assert [learner(amsgrad=amsgrad).model.optimizer.amsgrad for amsgrad in (False, True)] == [False, True]


@pytest.mark.parametrize(("dropped", "steps"), [(False, 3), (True, 2)])
def test_clips_that_fill_no_batch_make_a_step_unless_dropped(dropped, steps, learner) -> None:
    one = learner(drop_remainder=dropped)
    one.fit(noise(20), None, epochs=1, stage="a")
    assert int(one.model.optimizer.iterations) == steps


def absolute(targets: Any, outputs: Any) -> Any:
    """A loss that is not Keras' own."""
    return keras.ops.mean(keras.ops.absolute(targets - outputs), axis=-1)


def test_a_loss_may_be_a_function(learner) -> None:
    one, validation = learner(loss=absolute), noise(16, seed=1)
    history = one.fit(noise(16), validation, epochs=1, stage="a")
    expected = np.abs(validation.y - one.predict(validation.x)).mean()
    assert history["val_loss"][0] == pytest.approx(expected, rel=1e-5)


def test_a_plateau_that_began_before_an_interruption_counts_after_it(library, learner, tmp_path) -> None:
    def build() -> Any:  # without batch normalisation, whose moving means change the scores even if nothing is learned
        return library.keras.Sequential([library.keras.Input((65,)), library.keras.layers.Dense(3, "softmax")])

    settings = {"build": build, "learning_rate": STILL, "plateau": Plateau(factor=0.5, patience=2)}
    data = {"train": noise(), "validation": noise(seed=1), "stage": "a"}
    uninterrupted = learner(tmp_path / "whole", **settings).fit(**data, epochs=5)
    learner(tmp_path / "parts", **settings).fit(**data, epochs=2)
    resumed = learner(tmp_path / "parts", **settings).fit(**data, epochs=5)
    assert (uninterrupted["learning_rate"] / STILL).tolist() == pytest.approx([1, 1, 1, 0.5, 0.5])
    assert resumed["learning_rate"].tolist() == uninterrupted["learning_rate"].tolist()
