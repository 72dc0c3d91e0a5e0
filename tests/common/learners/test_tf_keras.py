import json
import zipfile

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


SYSTEM = {"class_name": "function", "config": "system", "module": "os"}


@pytest.mark.parametrize(
    "foreign",
    [
        SYSTEM,
        {**SYSTEM, "registered_name": "encore>system"},
        {**SYSTEM, "registered_name": "encore>function"},
        {"class_name": "Dense", "config": {"units": 3}, "module": "os"},
        {"class_name": "Dense", "config": {"units": 3}, "module": "keras.layers", "registered_name": "encore>Absent"},
        {"class_name": "TFOpLambda", "config": {"function": "io.write_file"}, "module": "keras.layers"},
        {"class_name": "Lambda", "config": {"function": SYSTEM, "function_type": "function"}, "module": "keras.layers"},
    ],
)
@pytest.mark.parametrize("place", ["layer", "activation"])
def test_a_model_with_a_foreign_class_or_function_is_refused(foreign, place, tmp_path) -> None:
    saved = tmp_path / "model.keras"
    TfKerasLearner(tiny_tf_keras.build_three, tiny.STUDY.task, tiny_tf_keras.PATIENT).save(saved)
    with zipfile.ZipFile(saved) as file:
        members = {name: file.read(name) for name in file.namelist()}
    config = json.loads(members["config.json"])
    layers = config["config"]["layers"]
    if place == "layer":
        layers[1] = {**layers[1], "registered_name": None, **foreign}
    else:
        layers[1]["config"]["activation"] = foreign
    with zipfile.ZipFile(saved, "w") as file:
        for name, content in (members | {"config.json": json.dumps(config).encode()}).items():
            file.writestr(name, content)
    with pytest.raises(InputError, match="trusted"):
        TfKerasLearner.load(saved, tiny.STUDY.task, tiny_tf_keras.PATIENT)


def test_a_model_with_another_file_is_refused(tmp_path) -> None:
    saved = tmp_path / "model.keras"
    TfKerasLearner(tiny_tf_keras.build_three, tiny.STUDY.task, tiny_tf_keras.PATIENT).save(saved)
    with zipfile.ZipFile(saved, "a") as file:
        file.writestr("assets/evil", b"evil")
    with pytest.raises(InputError, match="assets/evil"):
        TfKerasLearner.load(saved, tiny.STUDY.task, tiny_tf_keras.PATIENT)
