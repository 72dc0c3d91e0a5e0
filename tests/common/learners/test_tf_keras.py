import keras
import pytest
import tiny
import tiny_tf_keras

from common.errors import InputError
from common.learners.tf_keras import TfKerasLearner
from common.runs.estimate import estimate


def test_an_estimate_is_made_with_the_experiment_s_own_learner(corpus, tmp_path) -> None:
    found = estimate(tiny_tf_keras.job(corpus, runs=tmp_path))
    assert found.parameters == tiny_tf_keras.build_three().count_params()
    assert 0 < found.epoch_s < found.total_s


@pytest.mark.parametrize("refused", ["backend", "precision", "strategy"])
def test_what_tf_keras_models_cannot_be_trained_with_is_refused(refused, monkeypatch) -> None:
    if refused == "backend":
        monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    if refused == "precision":
        monkeypatch.setattr("common.learners.tf_keras.precision", lambda: "mixed_bfloat16")
    strategy = "mirrored" if refused == "strategy" else "none"
    with pytest.raises(InputError, match="KERAS_BACKEND" if refused == "backend" else "--strategy"):
        TfKerasLearner(tiny_tf_keras.build_three, tiny.STUDY.task, tiny_tf_keras.PATIENT, strategy=strategy)
