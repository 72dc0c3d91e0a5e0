"""The networks of document 003: parameters and shapes of the sheet, PyTorch's conventions, the backbones."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from common.errors import InputError
from common.study import Setting, Size
from reproductions.freesound_tagging import networks, waveform_networks

TAGS = 80
WEIGHTS = Path("weights") / "mobilenet_v1_0.25_224_notop.weights.h5"


def setting(
    *,
    gru_axis: str = "bands",
    backbone: str = "mobilenet-0.25",
    seed: int = 0,
    size: Size = "full",
    weights: str = "none",
) -> Setting:
    return Setting({"gru_axis": gru_axis, "backbone": backbone}, seed, size, weights)


BUILD: dict[str, Callable[[Setting, int], keras.Model]] = {
    "dcnn": networks.dcnn,
    "moddcnn": networks.moddcnn,
    "moddcnn, instance": partial(networks.moddcnn, normalisation="instance"),
    "gru": networks.gru,
    "kaggle": networks.kaggle,
    "mcnn": partial(networks.mcnn, masked=True),
    "mcnn-nomask": partial(networks.mcnn, masked=False),
    "samplecnn": waveform_networks.samplecnn,
    "rese2multi": waveform_networks.rese2multi,
    "imagenet-cnn": networks.imagenet_cnn,
}


def clips(model: keras.Model, number: int = 2) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(number, *model.input_shape[1:])).astype(np.float32)


def outputs_of(model: keras.Model, x: np.ndarray) -> np.ndarray:
    return model.predict(x, verbose=0)


def layers_of(model: keras.Model, kind: type) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if isinstance(layer, kind)]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("dcnn", 722_336),
        ("moddcnn", 722_576),
        ("moddcnn, instance", 722_576),
        ("gru", 254_288),
        ("kaggle", 4_764_305),
        ("mcnn", 4_247_120),
        ("mcnn-nomask", 4_247_120),
        ("samplecnn", 1_854_480),
        ("rese2multi", 389_648),
    ],
)
def test_the_trainable_parameters_are_those_of_the_sheet(name, parameters) -> None:
    model = BUILD[name](setting(), TAGS)
    assert sum(int(np.prod(weights.shape)) for weights in model.trainable_variables) == parameters


@pytest.mark.parametrize("name", BUILD)
def test_a_network_has_a_probability_per_tag_and_is_the_same_after_saving(name, tmp_path) -> None:
    model = BUILD[name](setting(), 5)
    x = clips(model)
    outputs = outputs_of(model, x)
    assert outputs.shape == (2, 5)
    assert ((outputs > 0) & (outputs < 1)).all()
    assert np.allclose(outputs.sum(axis=1), 1) == name.startswith("mcnn")  # a softmax
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(outputs_of(loaded, x), outputs)


@pytest.mark.parametrize(("name", "numbers"), [("dcnn", 2400), ("moddcnn", 2400), ("mcnn", 2048), ("samplecnn", 512)])
def test_a_clip_is_as_many_numbers_before_the_dense_layers_as_in_the_sheet(name, numbers) -> None:
    (flat,) = layers_of(BUILD[name](setting(), TAGS), layers.Flatten)
    assert flat.output.shape == (None, numbers)


@pytest.mark.parametrize("name", ["samplecnn", "rese2multi"])
def test_the_lengths_of_the_waveform_networks_are_those_of_the_sheet(name) -> None:
    model = BUILD[name](setting(), TAGS)
    assert model.input_shape == (None, 88_200, 1)
    first, *_ = layers_of(model, layers.Conv1D)
    pooled = [layer.output.shape[1] for layer in layers_of(model, layers.MaxPooling1D)]
    assert [first.output.shape[1], *pooled] == [29400, 9800, 3266, 1088, 362, 120, 40, 13, 4, 1]


@pytest.mark.parametrize("name", BUILD)
def test_batch_normalisation_and_leaky_relu_are_pytorchs(name) -> None:
    model = BUILD[name](setting(), TAGS)
    for layer in layers_of(model, layers.BatchNormalization):
        assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)
    for layer in layers_of(model, layers.LeakyReLU):
        assert layer.negative_slope == 0.01


@pytest.mark.parametrize(("name", "fan_in"), [("dcnn", 25), ("mcnn", 9 * 128), ("samplecnn", 3)])
def test_initial_weights_and_biases_are_uniform_between_plus_and_minus_the_root_of_the_fan_in(name, fan_in) -> None:
    first = next(layer for layer in BUILD[name](setting(), TAGS).layers if layer.weights)
    for weights in first.get_weights():
        assert 0.8 < np.abs(weights).max() * fan_in**0.5 <= 1
        drawn = weights[weights != 0]
        assert len(np.unique(drawn)) > 0.9 * drawn.size


def test_the_convolutions_of_kaggle_are_initialised_after_he_and_its_prelu_has_one_slope() -> None:
    model = networks.kaggle(setting(), TAGS)
    for layer in layers_of(model, layers.Conv2D)[1:]:
        kernel, bias = layer.get_weights()
        assert kernel.std() == pytest.approx((2 / np.prod(kernel.shape[:-1])) ** 0.5, rel=0.02)
        assert not bias.any()
    (prelu,) = layers_of(model, layers.PReLU)
    assert np.ravel(prelu.get_weights()).tolist() == [0.25]


def test_kaggle_has_a_quarter_of_its_channels_at_demo_size() -> None:
    demo = networks.kaggle(setting(size="demo"), TAGS)
    assert [layer.filters for layer in layers_of(demo, layers.Conv2D)] == [16, 16, 32, 32, 64, 64, 128, 128]


def test_the_gru_steps_over_bands_or_over_frames() -> None:
    bands, frames = (networks.gru(setting(gru_axis=axis), TAGS) for axis in ("bands", "frames"))
    frames.set_weights(bands.get_weights())
    x = clips(bands)
    np.testing.assert_allclose(outputs_of(bands, x), outputs_of(frames, x.transpose(0, 2, 1)), rtol=1e-5, atol=1e-7)
    assert not np.allclose(outputs_of(bands, x), outputs_of(frames, x), atol=1e-3)


def test_the_gru_uses_384_final_states_and_each_direction_has_its_own_weights() -> None:
    model = networks.gru(setting(), TAGS)
    assert model.layers[-1].kernel.shape == (384, TAGS)
    kernels = [weights for weights in model.get_weights() if weights.shape == (128, 192)]
    assert len(kernels) == 6
    assert len({weights.tobytes() for weights in kernels}) == 6


def gru_states(x: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """Return the state after each step, by PyTorch's equations with two bias vectors; gates z, r, n."""
    kernel, recurrent, (bias, recurrent_bias) = weights
    h, states = np.zeros((len(x), 64)), []
    for step in range(x.shape[1]):
        z, r, n = np.split(x[:, step] @ kernel + bias, 3, axis=1)
        hz, hr, hn = np.split(h @ recurrent + recurrent_bias, 3, axis=1)
        z, r = (1 / (1 + np.exp(-value)) for value in (z + hz, r + hr))
        h = (1 - z) * np.tanh(n + r * hn) + z * h
        states.append(h)
    return np.stack(states, axis=1)


def test_the_gru_computes_pytorchs_equations() -> None:
    model = networks.gru(setting(gru_axis="frames"), TAGS)
    clip = clips(model)
    x, weights, final = clip, model.get_weights(), []
    for number in range(3):
        of = weights[6 * number : 6 * number + 6]
        forward, backward = gru_states(x, of[:3]), gru_states(x[:, ::-1], of[3:])
        final += [forward[:, -1], backward[:, -1]]
        x = np.concatenate([forward, backward[:, ::-1]], axis=2)
    logits = np.concatenate(final, axis=1) @ weights[-2] + weights[-1]
    np.testing.assert_allclose(outputs_of(model, clip), 1 / (1 + np.exp(-logits)), atol=1e-5)


@pytest.mark.parametrize(("masked", "densities"), [(True, (0.400, 0.223, 1, 1)), (False, (1, 1, 1, 1))])
def test_mcnn_masks_its_first_two_layers_alone_and_without_masks_none(masked, densities) -> None:
    convs = layers_of(networks.mcnn(setting(), TAGS, masked=masked), layers.Conv1D)
    found = [np.mean(conv.get_weights()[0] != 0) for conv in convs]
    assert found == pytest.approx(densities, abs=0.0005)


def test_a_block_of_rese_gates_its_branch_by_the_mean_of_its_input() -> None:
    draw = np.random.default_rng(0)
    inputs = keras.Input((9, 64))
    model = keras.Model(inputs, waveform_networks._rese_block(inputs))
    first, second = layers_of(model, layers.Conv1D)
    wide, narrow = layers_of(model, layers.Dense)
    # The branch: twice the input, by kernels that pass the middle tap on. The moving averages are still 0 and 1.
    for conv, factor in ((first, 1), (second, 2)):
        kernel = np.zeros((3, 64, 64))
        kernel[1] = factor * np.eye(64)
        conv.set_weights([kernel, np.zeros(64)])
    x = draw.uniform(0, 1, (2, 9, 64)).astype(np.float32)
    (kernel, bias), (last_kernel, last_bias) = wide.get_weights(), narrow.get_weights()
    hidden = np.maximum(x.mean(axis=1) @ kernel + bias, 0)
    gate = 1 / (1 + np.exp(-(hidden @ last_kernel + last_bias)))
    expected = (x + 2 * x * gate[:, None]).reshape(2, 3, 3, 64).max(axis=2)
    np.testing.assert_allclose(outputs_of(model, x), expected, rtol=1e-4)


def test_instance_normalisation_makes_a_clip_independent_of_its_batch_and_filters_widens_the_maps() -> None:
    model = networks.moddcnn(setting(), TAGS, normalisation="instance", filters=8)
    assert [layer.filters for layer in layers_of(model, layers.Conv2D)] == [8, 16, 16]
    maps = keras.Model(model.input, layers_of(model, layers.Flatten)[0].output)
    x = clips(model, 3)
    together, alone = np.array(maps(x, training=True)), np.array(maps(x[:1], training=True))
    np.testing.assert_allclose(together[:1], alone, rtol=1e-4, atol=1e-5)
    # Of each channel and clip, the mean over the map is 0 and the variance 1.
    first = keras.Model(model.input, layers_of(model, layers.GroupNormalization)[0].output)
    values = np.array(first(x))
    np.testing.assert_allclose(values.mean(axis=(1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(values.var(axis=(1, 2)), 1, atol=1e-2)


def test_an_unknown_normalisation_is_refused() -> None:
    with pytest.raises(InputError, match="batch or instance"):
        networks.moddcnn(setting(), TAGS, normalisation="layer")  # type: ignore[arg-type]


def test_each_clip_becomes_pixels_of_0_to_255_and_a_constant_one_0() -> None:
    x = np.stack([np.linspace(-100, 20, 12), np.linspace(-3, 5, 12), np.full(12, -100)]).reshape(3, 4, 3, 1)
    pixels = np.array(networks.PixelRange()(x))
    np.testing.assert_allclose(pixels[:2].reshape(2, -1), np.linspace([0, 0], [255, 255], 12).T, atol=1e-3)
    assert not pixels[2].any()


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("mobilenet-0.25", keras.applications.mobilenet),
        ("mobilenetv2", keras.applications.mobilenet_v2),
        ("efficientnetb0", keras.applications.efficientnet),
        ("resnet50", keras.applications.resnet50),
        ("vgg16", keras.applications.vgg16),
    ],
)
def test_pixels_are_prepared_as_keras_prepares_them_for_each_backbone(name, module) -> None:
    grey = np.repeat(np.random.default_rng(0).uniform(0, 255, (2, 6, 6, 1)), 3, axis=3).astype(np.float32)
    _, _, prepared = networks.BACKBONES[name]
    np.testing.assert_allclose(np.array(prepared()(grey)), module.preprocess_input(grey.copy()), atol=1e-4)


def backbone_of(model: keras.Model) -> keras.Model:
    (found,) = layers_of(model, keras.Model)
    return found


def test_random_backbones_depend_on_the_seed_and_are_trained() -> None:
    one, same, other = (
        backbone_of(networks.imagenet_cnn(setting(seed=seed), TAGS)).get_weights()[0] for seed in (0, 0, 1)
    )
    assert (one == same).all()
    assert (one != other).all()
    model = networks.imagenet_cnn(setting(), TAGS)
    assert len(backbone_of(model).trainable_variables) == len(model.trainable_variables) - 2


def test_the_real_weights_of_mobilenet_are_loaded(shared_data) -> None:
    model = networks.imagenet_cnn(setting(weights=str(shared_data / WEIGHTS)), TAGS)
    theirs = keras.applications.MobileNet(
        input_shape=(224, 224, 3), alpha=0.25, include_top=False, weights=str(shared_data / WEIGHTS)
    )
    for ours, read in zip(backbone_of(model).get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, read)


def test_the_weights_of_another_backbone_are_refused(shared_data) -> None:
    with pytest.raises(InputError, match="VGG16"):
        networks.imagenet_cnn(setting(backbone="vgg16", weights=str(shared_data / WEIGHTS)), TAGS)
