"""The faster batch normalisation against Keras' own."""

import keras
import numpy as np
import pytest
from keras import ops

from common.learners.layers import BatchNormalization

MAPS = np.random.default_rng(0).normal(3.0, 2.0, (8, 6, 5, 4)).astype(np.float32)


def twins(axis: int) -> list[keras.layers.BatchNormalization]:
    pair = [keras.layers.BatchNormalization(axis=axis), BatchNormalization(axis=axis)]
    draw = np.random.default_rng(1)
    weights = [draw.uniform(0.5, 2.0, MAPS.shape[axis]).astype(np.float32) for _ in range(4)]
    for layer in pair:
        layer.build(MAPS.shape)
        layer.set_weights(weights)
    return pair


@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("training", [True, False])
def test_output_and_moving_moments_are_those_of_keras(axis: int, training: bool) -> None:
    pair = twins(axis)
    expected, obtained = (ops.convert_to_numpy(layer(MAPS, training=training)) for layer in pair)
    np.testing.assert_allclose(obtained, expected, rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(pair[1].get_weights(), pair[0].get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize("axis", [2, 3])
def test_one_training_step_gives_the_weights_that_keras_gives(axis: int) -> None:
    stepped = []
    for layer in twins(axis):
        inputs = keras.Input(MAPS.shape[1:])
        model = keras.Model(inputs, keras.layers.Flatten()(ops.square(layer(inputs))))
        model.compile(keras.optimizers.SGD(1e-3), "mse", jit_compile=False)
        model.train_on_batch(MAPS, np.zeros((8, 120), np.float32))
        stepped.append(layer.get_weights())
    for theirs, ours in zip(*stepped, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("axis", [2, 3])
def test_the_gradient_of_what_is_normalised_is_that_of_keras(axis: int) -> None:
    stepped = []
    for layer in twins(axis):
        inputs = keras.Input(MAPS.shape[1:])
        before = keras.layers.Dense(MAPS.shape[-1], kernel_initializer="identity")
        after = keras.layers.Dense(3, kernel_initializer=keras.initializers.RandomNormal(seed=0))
        model = keras.Model(inputs, after(keras.layers.Flatten()(ops.tanh(layer(before(inputs))))))
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        for _ in range(3):
            model.train_on_batch(MAPS, np.ones((8, 3), np.float32))
        stepped.append(before.get_weights())
    assert np.abs(stepped[0][0] - np.eye(4)).max() > 1e-3  # the steps moved it
    for theirs, ours in zip(*stepped, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_maps_without_any_spread_give_finite_values() -> None:
    for value in np.linspace(-300, 300, 50, dtype=np.float32):  # the mean square of some rounds below the squared mean
        normalised = twins(2)[1](np.full_like(MAPS, value), training=True)
        assert np.isfinite(ops.convert_to_numpy(normalised)).all()


def test_a_frozen_layer_keeps_its_moving_moments() -> None:
    layer = twins(2)[1]
    layer.trainable = False
    before = layer.get_weights()
    layer(MAPS, training=True)
    np.testing.assert_array_equal(layer.get_weights(), before)


def test_half_precision_comes_out_as_half_precision() -> None:
    layer = BatchNormalization(axis=2, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(layer(MAPS, training=True).dtype) == "bfloat16"
