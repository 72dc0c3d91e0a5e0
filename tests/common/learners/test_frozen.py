from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import keras
import numpy as np
import pytest
from keras import layers

from common.arrays import Arrays, Crops, Rows
from common.learners import frozen
from common.learners.keras3 import KerasLearner
from common.study import Training
from common.tasks import Classification

PIXELS, CLIPS, TRAINED = 8, 20, 14
DRAW = np.random.default_rng(0)
PICTURES = DRAW.integers(0, 255, (CLIPS, PIXELS, PIXELS, 3), dtype=np.uint8)
TARGETS = np.eye(3, dtype=np.float32)[DRAW.integers(0, 3, CLIPS)]
TRAIN = Arrays(Rows(PICTURES, np.arange(TRAINED)), TARGETS[:TRAINED])
VALIDATION = Arrays(Rows(PICTURES, np.arange(TRAINED, CLIPS)), TARGETS[TRAINED:])


def base(unfrozen: int = 0, *, inner: tuple[Any, ...] = ()) -> keras.Model:
    """Two convolutions with `inner` layers between them, all frozen except the last `unfrozen`."""
    colours = keras.Input((PIXELS, PIXELS, 3))
    maps = layers.Conv2D(4, 3, activation="relu", name="first")(layers.Rescaling(1 / 255)(colours))
    for layer in inner:
        maps = layer(maps)
    made = keras.Model(colours, layers.Conv2D(4, 3, activation="relu", name="second")(maps), name="base")
    made.trainable = unfrozen > 0
    for layer in made.layers[: len(made.layers) - unfrozen]:
        layer.trainable = False
    return made


def classifier(made: keras.Model, *before: Any) -> keras.Model:
    shown = maps = keras.Input((PIXELS, PIXELS, 3), dtype="uint8")
    for layer in before:
        maps = layer(maps)
    hidden = layers.Dropout(0.5)(layers.Dense(6, "relu")(layers.Flatten()(made(maps))))
    return keras.Model(shown, layers.Dense(3, "softmax")(hidden))


def in_a_row() -> keras.Model:
    made = keras.Sequential([keras.Input((PIXELS, PIXELS, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()])
    made.trainable = False
    return classifier(made)


def residual() -> keras.Model:
    """A frozen encoder that is not a sequence of layers, because its input is added to a later output."""
    return classifier(base(inner=(branched, branched)))


def branched(maps: Any) -> Any:
    return layers.Add()([maps, layers.Conv2D(4, 3, padding="same")(maps)])


TASK = Classification(("a", "b", "c"))


def learner(build: Callable[[], keras.Model], folder: Path | None = None, **options: Any) -> KerasLearner:
    training = Training(epochs=3, batch_size=4, learning_rate=0.01)
    return KerasLearner(build, TASK, training, seed=1, folder=folder, **options)


def refuse(*_: Any) -> NoReturn:
    raise AssertionError("the frozen layers ran again")


@pytest.mark.parametrize(
    "build",
    [lambda: classifier(base()), lambda: classifier(base(1)), in_a_row, residual],
    ids=["frozen", "in part", "sequential", "residual"],
)
def test_training_on_cached_outputs_equals_training_the_whole_network(build, monkeypatch) -> None:
    once = learner(build)
    assert once.divided is not None
    curves = once.fit(TRAIN, VALIDATION, epochs=3, stage="training")
    monkeypatch.setattr(frozen, "LIMIT_GIB", 0.0)
    through = learner(build)
    whole = through.fit(TRAIN, VALIDATION, epochs=3, stage="training")
    np.testing.assert_allclose(curves.drop(columns="seconds"), whole.drop(columns="seconds"), rtol=1e-5)
    np.testing.assert_allclose(once.predict(VALIDATION.x), through.predict(VALIDATION.x), atol=1e-6)


@pytest.mark.parametrize("changing", ["crops", "augmented"])
def test_clips_that_change_in_every_epoch_go_through_the_frozen_layers_each_time(changing, monkeypatch) -> None:
    monkeypatch.setattr(frozen.Divided, "outputs", refuse)
    train, one = TRAIN, learner(lambda: classifier(base()))
    if changing == "crops":
        long = [np.concatenate([picture, picture]) for picture in PICTURES]
        train = Arrays(Crops(long, np.arange(TRAINED), length=PIXELS, seed=1), TRAIN.y)
    else:
        one = learner(lambda: classifier(base()), augment=lambda x, y, random: (255 - x, y))
    assert one.divided is not None
    before = one.model.get_weights()
    history = one.fit(train, VALIDATION, epochs=2, stage="training")
    frozen_before, frozen_after = before[:4], one.model.get_weights()[:4]
    assert len(history) == 2
    assert all(np.array_equal(*pair) for pair in zip(frozen_before, frozen_after, strict=True))
    assert not np.array_equal(before[-1], one.model.get_weights()[-1])


def test_only_layers_that_are_not_frozen_are_trained() -> None:
    divided = frozen.divide(classifier(base(1)))
    assert divided is not None
    assert divided.trunk.output.shape == (None, 6, 6, 4)
    assert next(layer.name for layer in divided.rest.layers if layer.weights) == "second"


def steps(model: keras.Model) -> list[str]:
    divided = frozen.divide(model)
    return [step.name for step in divided.steps] if divided else []


def never_trained() -> keras.Model:
    made = classifier(base())
    made.trainable = False
    return made


@pytest.mark.parametrize(
    "build",
    [
        lambda: classifier(base(), layers.RandomFlip()),
        lambda: classifier(base(2)),
        lambda: branching(base()),
        never_trained,
    ],
    ids=["starts with augmentation", "nothing frozen", "branches after the frozen layers", "all frozen"],
)
def test_a_model_that_cannot_be_divided_is_trained_as_a_whole(build) -> None:
    assert steps(build()) == []


def branching(made: keras.Model) -> keras.Model:
    maps = made(shown := keras.Input((PIXELS, PIXELS, 3)))
    both = layers.Concatenate()([layers.Flatten()(maps), layers.GlobalMaxPooling2D()(maps)])
    return keras.Model(shown, layers.Dense(3, "softmax")(both))


def test_a_dropout_between_frozen_layers_is_trained_with_the_rest() -> None:
    assert steps(classifier(base(inner=(layers.Dropout(0.5),))))[-1] == "first"


def test_a_frozen_encoder_with_residual_connections_is_one_step() -> None:
    divided = frozen.divide(residual())
    assert divided is not None
    assert divided.steps[0].name == "base"
    encoder_weights = 2 * 4  # kernel and bias of four convolutions
    assert (len(divided.trunk.weights), len(divided.trunk.trainable_weights)) == (encoder_weights, 0)
    assert len(divided.rest.trainable_weights) == 4


def test_frozen_layers_run_once_for_all_sets_and_classifiers(monkeypatch) -> None:
    first = frozen.divide(classifier(base()))
    assert first is not None
    weights = first.trunk.get_weights()
    expected = first.trunk.predict(PICTURES, verbose=0)
    np.testing.assert_allclose(first.outputs(TRAIN.x)[:], expected[:TRAINED], rtol=1e-5)
    monkeypatch.setattr(frozen.Divided, "_computed", refuse)
    other = base()
    other.set_weights(weights)
    again = frozen.divide(classifier(other))
    assert again is not None
    np.testing.assert_allclose(again.outputs(VALIDATION.x)[:], expected[TRAINED:], rtol=1e-5)


def test_other_weights_and_other_clips_have_other_outputs() -> None:
    one, other = frozen.divide(classifier(base())), frozen.divide(classifier(base()))
    assert one is not None
    assert other is not None
    given = one.outputs(PICTURES)[:]
    assert not np.allclose(other.outputs(PICTURES)[:], given)
    np.testing.assert_allclose(one.outputs(PICTURES[::-1].copy())[:], given[::-1], rtol=1e-5)


def test_a_model_with_more_frozen_layers_starts_from_cached_outputs(monkeypatch) -> None:
    made = base(1)
    shallow = frozen.divide(classifier(made))
    assert shallow is not None
    shallow.outputs(PICTURES)
    made.trainable = False
    deep = frozen.divide(classifier(made))
    assert deep is not None
    ran: list[list[str]] = []
    build = frozen._in_a_row
    monkeypatch.setattr(
        frozen, "_in_a_row", lambda steps, *of: ran.append([step.name for step in steps]) or build(steps, *of)
    )
    np.testing.assert_allclose(deep.outputs(PICTURES)[:], deep.trunk.predict(PICTURES, verbose=0), rtol=1e-5)
    assert [names[0] for names in ran] == ["second"]


def test_outputs_computed_before_an_interruption_are_kept(monkeypatch) -> None:
    divided = frozen.divide(classifier(base()))
    assert divided is not None
    monkeypatch.setattr(frozen, "CLIPS_IN_A_PART", 8)
    computed, compute = [], frozen.Divided._computed

    def interrupted(self: frozen.Divided, clips: np.ndarray, *of: Any) -> Any:
        computed.append(len(clips))
        if len(computed) == 2:
            raise KeyboardInterrupt
        return compute(self, clips, *of)

    monkeypatch.setattr(frozen.Divided, "_computed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        divided.outputs(PICTURES)
    given = divided.outputs(PICTURES)[:]
    assert computed == [8, 8, 8, 4]
    np.testing.assert_allclose(given, divided.trunk.predict(PICTURES, verbose=0), rtol=1e-5)


def test_outputs_above_the_limit_are_not_cached_but_reported(monkeypatch, capsys, own_cache) -> None:
    divided = frozen.divide(classifier(base()))
    assert divided is not None
    monkeypatch.setattr(frozen, "LIMIT_GIB", divided.gib(CLIPS) * 0.9)
    assert not divided.can_be_kept(TRAIN.x, VALIDATION.x)
    assert "20 clips" in capsys.readouterr().err
    assert not list(own_cache.iterdir())


@pytest.mark.parametrize(
    "build",
    [lambda: classifier(base()), lambda: classifier(base(), layers.RandomFlip(), layers.RandomRotation(0.2))],
    ids=["frozen once", "augmented"],
)
def test_a_resumed_training_gives_the_same_result(build, tmp_path) -> None:
    uninterrupted = learner(build)
    uninterrupted.fit(TRAIN, VALIDATION, epochs=3, stage="training")
    learner(build, tmp_path / "work").fit(TRAIN, VALIDATION, epochs=1, stage="training")
    resumed = learner(build, tmp_path / "work")
    assert len(resumed.fit(TRAIN, VALIDATION, epochs=3, stage="training")) == 3
    np.testing.assert_array_equal(resumed.predict(PICTURES), uninterrupted.predict(PICTURES))


def test_the_saved_model_is_the_whole_network(tmp_path) -> None:
    trained = learner(lambda: classifier(base(1)))
    trained.fit(TRAIN, None, epochs=1, stage="training")
    trained.save(tmp_path / "model.keras")
    loaded = KerasLearner.load(tmp_path / "model.keras", TASK, trained.training)
    np.testing.assert_allclose(loaded.predict(PICTURES), trained.predict(Rows(PICTURES, np.arange(CLIPS))), atol=1e-6)
