"""Each setting of `Training` reaches the model, whether it is of Keras 3 or of tf-keras."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
import tiny

from common.learners.keras3 import KerasLearner
from common.learners.tf_keras import TfKerasLearner
from common.study import Plateau, Training

STILL = 1e-12
"""A learning rate at which nothing is learned: no epoch is better than the first."""


def absolute(targets: Any, outputs: Any) -> Any:
    """A loss that is not Keras' own."""
    return keras.ops.mean(keras.ops.absolute(targets - outputs), axis=-1)


@pytest.fixture(params=[(KerasLearner, keras), (TfKerasLearner, tf_keras)], ids=["keras", "tf-keras"])
def learner(request: pytest.FixtureRequest) -> Callable[..., KerasLearner]:
    """Return what makes a learner of one dense layer from settings of its training."""
    kind, library = request.param

    def build() -> Any:
        return library.Sequential([library.Input((65,)), library.layers.Dense(3, "softmax")])

    def make(folder: Path | None = None, learning_rate: float = STILL, **settings: Any) -> KerasLearner:
        training = Training(epochs=5, batch_size=8, learning_rate=learning_rate, **settings)
        return kind(build, tiny.STUDY.task, training, seed=1, folder=folder)

    return make


def test_amsgrad_is_on_only_if_asked_for(learner) -> None:
    assert [learner(amsgrad=amsgrad).model.optimizer.amsgrad for amsgrad in (False, True)] == [False, True]


@pytest.mark.parametrize(("dropped", "steps"), [(False, 3), (True, 2)])
def test_clips_that_fill_no_batch_make_a_step_unless_dropped(dropped, steps, learner) -> None:
    one = learner(drop_remainder=dropped)
    one.fit(tiny.noise(20), None, epochs=1, stage="a")
    assert int(one.model.optimizer.iterations) == steps


def test_a_loss_may_be_a_function(learner) -> None:
    one, validation = learner(loss=absolute), tiny.noise(16, seed=1)
    history = one.fit(tiny.noise(16), validation, epochs=1, stage="a")
    expected = np.abs(validation.y - one.predict(validation.x)).mean()
    assert history["val_loss"][0] == pytest.approx(expected, rel=1e-5)


def test_a_plateau_that_began_before_an_interruption_counts_after_it(learner, tmp_path) -> None:
    settings = {"plateau": Plateau(factor=0.5, patience=2)}
    data = {"train": tiny.noise(), "validation": tiny.noise(seed=1), "stage": "a"}
    whole = learner(tmp_path / "whole", **settings).fit(**data, epochs=5)
    learner(tmp_path / "parts", **settings).fit(**data, epochs=2)
    resumed = learner(tmp_path / "parts", **settings).fit(**data, epochs=5)
    assert (whole["learning_rate"] / STILL).tolist() == pytest.approx([1, 1, 1, 0.5, 0.5])
    assert resumed["learning_rate"].tolist() == whole["learning_rate"].tolist()
