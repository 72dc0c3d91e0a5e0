import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tiny
from tiny import noise, without_seconds

from common.errors import InputError
from common.learners import keras3, layers
from common.learners.learner import best_epoch
from common.runs import runner
from common.study import Setting, Training

HERE = Path(__file__).parents[1]


def learner(folder: Path | None = None, *, learning_rate: float = 0.01, **options: object) -> keras3.KerasLearner:
    chosen = Training(epochs=3, batch_size=8, learning_rate=learning_rate)
    return keras3.KerasLearner(
        lambda: tiny.build(Setting(tiny.PUBLISHED, 0), 3), tiny.STUDY.task, chosen, seed=1, folder=folder, **options
    )


@pytest.mark.parametrize("backend", ["theano", "torch"])
def test_a_backend_that_is_not_installed_is_named_in_one_line(backend) -> None:
    if importlib.util.find_spec(backend):
        pytest.skip(f"{backend} is installed")
    called = "import typer; app = typer.Typer(); app.command()(lambda: __import__('common.learners.quiet')); "
    ran = subprocess.run(
        [sys.executable, "-c", f"from common.cli import console; {called} console.main(app, [])"],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert backend in ran.stderr


def test_a_process_that_has_built_no_model_loads_one_with_layers_of_encore(tmp_path) -> None:
    bands = keras.Input((8,))
    hidden = layers.BatchNormalization()(bands)
    model = keras.Model(bands, keras.layers.Dense(3, "softmax")(hidden))
    keras3.KerasLearner(lambda: model, tiny.STUDY.task, tiny.PATIENT).save(tmp_path / "model.keras")
    x = np.random.default_rng(0).random((4, 8), np.float32)
    np.save(tmp_path / "x.npy", x)
    # `predict` of the command line is such a process: a study imports its networks when it builds them.
    load = """
import sys; import numpy as np; from pathlib import Path
from common.learners.keras3 import KerasLearner
from common.study import Training
from common.tasks import Classification
assert "common.learners.layers" not in sys.modules
model = KerasLearner.load(Path("model.keras"), Classification(("a", "b", "c")), Training(1, 8, 0.1))
np.save("outputs.npy", model.predict(np.load("x.npy")))
"""
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", load], cwd=tmp_path, env={**os.environ, **path}, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "outputs.npy"), model.predict(x, verbose=0), atol=1e-6)


def test_the_kept_models_of_a_resumed_and_an_unbroken_run_are_equal(killed, corpus, unbroken) -> None:
    resumed = runner.run(tiny.job(corpus, runs=killed("tiny"), folds=2)).folder
    x = noise().x
    predictions = [
        keras3.KerasLearner.load(folder / "fold-0" / "model.keras", tiny.STUDY.task, tiny.PATIENT).predict(x)
        for folder in (resumed, unbroken("patient", "published", folds=2).folder)
    ]
    np.testing.assert_array_equal(*predictions)


def test_a_run_repeated_is_equal_to_the_bit(corpus, unbroken, tmp_path) -> None:
    again = runner.run(tiny.job(corpus, runs=tmp_path, folds=2))
    first = unbroken("patient", "published", folds=2)
    assert (again.folder / "predictions.csv").read_bytes() == (first.folder / "predictions.csv").read_bytes()
    pd.testing.assert_frame_equal(without_seconds(again.history()), without_seconds(first.history()))


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


def test_the_checkpoint_of_another_model_is_refused(tmp_path) -> None:
    learner(tmp_path).fit(noise(), None, epochs=1, stage="a")
    wider = keras3.KerasLearner(
        lambda: tiny.build(Setting({"width": "8"}, 0), 3), tiny.STUDY.task, tiny.PATIENT, seed=1, folder=tmp_path
    )
    with pytest.raises(InputError, match=r"a\.npz"):
        wider.fit(noise(), None, epochs=2, stage="a")


def test_a_summary_counts_what_the_model_has() -> None:
    facts = learner().summary()
    assert facts["total"] == 65 * 4 + 4 + 4 * 4 + 4 * 3 + 3
    assert facts["non_trainable"] == 2 * 4
    assert facts["trainable"] + facts["non_trainable"] == facts["total"]
    assert sum(layer["parameters"] for layer in facts["layers"]) == facts["total"]
    assert [layer["shape"] for layer in facts["layers"]][-1] == [None, 3]


@pytest.fixture
def usual_precision() -> Iterator[None]:
    yield
    keras.mixed_precision.set_global_policy("float32")


def test_mixed_precision_trains_on_a_cpu_and_predicts_finite_float32(usual_precision) -> None:
    keras3.use_mixed_precision(on_gpu=False)
    assert keras3.precision() == "mixed_bfloat16"
    half = learner()
    history = half.fit(noise(), noise(seed=1), epochs=1, stage="a")
    assert np.isfinite(history[["loss", "val_loss"]].to_numpy()).all()
    probabilities = half.predict(noise().x)
    assert probabilities.dtype == np.float32
    assert np.isfinite(probabilities).all()
    assert {weight.dtype for weight in half.model.weights} == {"float32"}


@pytest.mark.parametrize(
    ("name", "backend"), [("tpu", "tensorflow"), ("mirrored", "jax"), ("data-parallel", "tensorflow")]
)
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
