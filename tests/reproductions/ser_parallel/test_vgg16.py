"""Chapter 5: pictures, frozen and trained layers, weights."""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import soundfile

from common.arrays import Prepared
from common.corpora import demo, scan
from common.learners import frozen
from common.runs import jobs, prediction, runner
from common.study import Setting
from reproductions.ser_parallel import CLASSES, PUBLISHED, STUDY, vgg16, vgg16_inputs, vgg16_network


def setting(size: Any = "demo", weights: str = "none", seed: int = 0, **switches: str) -> Setting:
    return Setting({**PUBLISHED, **switches}, seed, size, weights)


def model(name: str, chosen: Setting | None = None, **settings: int) -> keras.Model:
    return STUDY.experiment(name).build(chosen or setting(), len(CLASSES), **settings)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.write(tmp_path_factory.mktemp("demo"), clips_per_class=9, corpora=("ravdess",))


def prepared(name: str, corpus: Path) -> tuple[pd.DataFrame, Any, Prepared]:
    clips = STUDY.label(scan([corpus]).manifest, setting())
    (fold,) = vgg16.split(clips, setting())
    targets = STUDY.task.targets(clips)
    return clips, fold, STUDY.experiment(name).inputs.prepare(clips, fold, targets, setting())


def test_a_clip_and_its_file_give_the_same_colour_picture(corpus: Path) -> None:
    clips, fold, arrays = prepared("vgg16-1", corpus)
    pixels = vgg16.PIXELS["demo"]
    fed = vgg16_inputs.inputs_of(Path(clips["path"].iloc[fold.test[0]]), setting(), {})
    assert (arrays.test.x.shape, arrays.test.x.dtype) == ((len(fold.test), pixels, pixels, 3), np.uint8)
    assert np.ptp(arrays.test.x[:1]) > 100
    assert np.mean(fed.x != arrays.test.x[:1]) < 0.01


def test_only_training_clips_are_augmented(corpus: Path) -> None:
    _, fold, altered = prepared("vgg16-2", corpus)
    assert set(altered.augmented) == set(fold.train)
    assert not len(prepared("vgg16-1", corpus)[2].augmented)


def test_pictures_are_augmented_in_training_only() -> None:
    shown = np.random.default_rng(0).integers(0, 255, (8, 32, 32, 3), dtype=np.uint8)
    altering = model("vgg16-2")
    names = [type(layer).__name__ for layer in altering.layers[1:4]]
    altered = keras.Model(altering.input, altering.layers[3].output)
    assert names == ["RandomFlip", "RandomRotation", "RandomZoom"]
    np.testing.assert_array_equal(altered(shown, training=False), shown)
    assert np.abs(np.asarray(altered(shown, training=True)) - shown).mean() > 10


def test_colours_are_preprocessed_as_in_vgg16s_training() -> None:
    base = vgg16_network.convolutional_base(setting())
    shown = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3)).astype(np.float32)
    centred = keras.Model(base.input, base.get_layer("block1_conv1").input)(shown)
    np.testing.assert_allclose(centred, keras.applications.vgg16.preprocess_input(shown.copy()), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "unfreeze", "last"),
    [("vgg16-3", "layers", "block5_conv2"), ("vgg16-5", "layers", "block4_pool"), ("vgg16-5", "blocks", "block2_pool")],
)
def test_training_starts_after_the_last_frozen_layer(name: str, unfreeze: str, last: str) -> None:
    divided = frozen.divide(model(name, setting(unfreeze=unfreeze)))
    assert divided is not None
    assert divided.steps[-1].name == last


def test_a_frozen_base_runs_once_unless_pictures_are_augmented() -> None:
    divided = frozen.divide(model("vgg16-1"))
    assert divided is not None
    assert [type(layer).__name__ for layer in divided.rest.layers[1:]] == ["Dense", "Dropout", "Dense", "Dense"]
    assert frozen.divide(model("vgg16-2")) is None


def test_random_weights_of_the_base_are_the_same_in_every_run() -> None:
    one, other = model("vgg16-1"), model("vgg16-1")
    np.testing.assert_array_equal(one.layers[1].get_weights()[0], other.layers[1].get_weights()[0])
    assert not np.array_equal(one.get_weights()[-2], other.get_weights()[-2])


def official_file(path: Path) -> keras.Model:
    """Write random weights in the layout of the files that keras.applications downloads."""
    made = keras.applications.VGG16(include_top=False, weights=None)
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in made.layers]
        for layer in made.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}_{kind}_1:0" for kind in ("W", "b")[: len(layer.weights)]]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.get_weights(), strict=True):
                group.create_dataset(name, data=weight)
    return made


@pytest.mark.parametrize("name", ["vgg16_notop.h5", "vgg16_notop.weights.h5"])
def test_a_file_in_the_official_layout_is_loaded(name: str, tmp_path: Path) -> None:
    made = official_file(tmp_path / "vgg16_notop.h5")
    if name.endswith(".weights.h5"):
        made.save_weights(tmp_path / name)
    loaded = vgg16_network.convolutional_base(setting(weights=str(tmp_path / name)))
    for mine, theirs in zip(loaded.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_run_retrains_for_its_best_epoch_and_predicts_without_its_weights_file(corpus, tmp_path: Path) -> None:
    official_file(tmp_path / "vgg16.h5")
    overrides, weights = {"epochs": 2, "patience": 1}, str(tmp_path / "vgg16.h5")
    options = jobs.Options(runs=tmp_path / "runs", size="demo", overrides=overrides, weights=weights)
    job = jobs.Job(STUDY, STUDY.experiment("vgg16-3"), STUDY.protocol("published"), scan([corpus]), options)
    record = runner.run(job)
    curves = pd.read_csv(record.folder / "history.csv")
    searched = curves[curves["stage"] == "search"]
    best = record.data["folds"][0]["best_epoch"]
    assert best == searched["epoch"].iloc[searched["val_accuracy"].argmax()]
    assert (curves["stage"] == "retrain").sum() == best
    (tmp_path / "vgg16.h5").unlink()
    soundfile.write(tmp_path / "a.ogg", np.random.default_rng(0).normal(size=(44_100, 2)) / 9, 44_100)
    said = prediction.Models(STUDY, record).predict(tmp_path / "a.ogg")
    assert said.outputs.sum() == pytest.approx(1, abs=1e-5)
    length, epochs, patience, switches = said.notes
    assert "1.0 s" in length
    assert "epochs = 2" in epochs
    assert "patience = 1" in patience
    assert "unfreeze = layers" in switches
