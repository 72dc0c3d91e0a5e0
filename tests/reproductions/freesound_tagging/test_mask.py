"""The mask of MCNN: its pattern, and that training, saving and loading leave masked weights at zero."""

import math

import keras
import numpy as np
import pytest

from reproductions.freesound_tagging.mask import MaskedConv1D, mask


def seen_by(node: int, of: np.ndarray) -> list[int]:
    return np.flatnonzero(of[:, node]).tolist()


def test_nodes_see_the_inputs_of_the_sheet() -> None:
    found = mask(128, 256, bandwidth=64, overlap=32)
    assert (found.shape, found.dtype, set(np.unique(found))) == ((128, 256), np.float32, {0, 1})
    for node, (first, last) in enumerate([(0, 63), (32, 95), (64, 127), (96, 127), (0, 31), (0, 63)]):
        assert seen_by(node, found) == list(range(first, last + 1))


@pytest.mark.parametrize(("inputs", "density"), [(128, 0.400), (256, 0.223)])
def test_the_densities_are_those_of_the_sheet(inputs, density) -> None:
    assert round(float(mask(inputs, 256, bandwidth=64, overlap=32).mean()), 3) == density


@pytest.mark.parametrize(
    ("inputs", "nodes", "bandwidth", "overlap"),
    [(128, 256, 64, 32), (256, 256, 64, 32), (7, 5, 3, 1), (10, 4, 4, -3), (6, 9, 6, 0), (5, 12, 1, 0), (8, 3, 5, 4)],
)
def test_the_ones_are_at_the_linear_indices_of_medhat(inputs, nodes, bandwidth, overlap) -> None:
    places = set()
    step = inputs + bandwidth - overlap
    for a in range(1, bandwidth + 1):
        for g in range(1, math.ceil(inputs * nodes / step) + 1):
            if (place := a + (g - 1) * step) <= inputs * nodes:
                places.add(place - 1)  # the paper counts from 1
    found = mask(inputs, nodes, bandwidth=bandwidth, overlap=overlap)
    assert {node * inputs + place for node in range(nodes) for place in seen_by(node, found)} == places


INPUTS, NODES = 8, 12
PATTERN = mask(INPUTS, NODES, bandwidth=4, overlap=2)


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, INPUTS))
    conv = MaskedConv1D(NODES, 5, bandwidth=4, overlap=2, padding="same", name="masked")
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.LeakyReLU()(conv(inputs))))
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    return model


def kernel(model: keras.Model) -> np.ndarray:
    return model.get_layer("masked").get_weights()[0]


def train(model: keras.Model) -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(8, 16, INPUTS)), draw.normal(size=(8, 16, 1))
    for _ in range(4):
        model.train_on_batch(x, y)


def test_masked_weights_are_zero_before_and_after_training_and_the_others_are_trained() -> None:
    model = network()
    before = kernel(model)
    assert ((before != 0) == PATTERN).all()  # at each tap
    train(model)
    after = kernel(model)
    assert ((after != 0) == PATTERN).all()
    assert (np.abs(after - before)[:, PATTERN == 1] > 1e-4).all()


def test_a_loaded_model_has_the_same_outputs_and_keeps_its_mask(tmp_path) -> None:
    model = network()
    train(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(1).normal(size=(2, 16, INPUTS))
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    train(loaded)
    assert ((kernel(loaded) != 0) == PATTERN).all()


def test_the_mask_holds_in_half_precision_too() -> None:
    x = np.ones((1, 16, INPUTS), np.float32)
    full, half = (
        MaskedConv1D(NODES, 5, bandwidth=4, overlap=2, dtype=dtype) for dtype in ("float32", "mixed_bfloat16")
    )
    full.build(x.shape)
    half.build(x.shape)
    half.set_weights(full.get_weights())
    assert half(x).dtype == "bfloat16"
    np.testing.assert_allclose(*(keras.ops.convert_to_numpy(conv(x)).astype(float) for conv in (half, full)), atol=0.05)


def test_a_node_depends_on_the_inputs_in_its_mask_alone_whatever_the_weights() -> None:
    conv = MaskedConv1D(NODES, 5, bandwidth=4, overlap=2, padding="same")
    x = np.random.default_rng(0).normal(size=(1, 16, INPUTS)).astype(np.float32)
    conv.build(x.shape)
    conv.set_weights([np.ones(weights.shape) for weights in conv.weights])
    before = np.array(conv(x))
    for place in range(INPUTS):
        changed = x.copy()
        changed[:, :, place] += 1
        differs = (np.abs(np.array(conv(changed)) - before) > 0.5).all(axis=(0, 1))
        assert (differs == PATTERN[place]).all()
        same = PATTERN[place] == 0
        np.testing.assert_array_equal(np.array(conv(changed))[..., same], before[..., same])
