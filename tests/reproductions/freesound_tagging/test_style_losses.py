from pathlib import Path

import keras
import numpy as np
import pytest

from common.errors import InputError
from reproductions.freesound_tagging.style_losses import (
    IMAGE_NETWORKS,
    Gram,
    apply_network,
    features_of,
    losses_between,
    optimise,
    relative_error,
    train_network,
)

DRAW = np.random.default_rng(0)
CONTENT = np.repeat(np.linspace(0.1, 0.9, 32, dtype=np.float32)[:, np.newaxis], 40, axis=1)
STYLE = DRAW.integers(0, 2, (48, 48)).astype(np.float32)


@pytest.fixture
def features(tiny) -> keras.Model:
    return features_of("vgg16", "none", seed=0)


def test_an_error_of_a_tenth_of_every_value_is_a_hundredth() -> None:
    wanted = DRAW.normal(size=(3, 4, 5)).astype(np.float32)
    obtained = wanted * np.float32([[[1.1]], [[1.0]], [[0.0]]])
    np.testing.assert_allclose(relative_error(wanted, obtained), [0.01, 0, 1], atol=1e-6)


def test_a_gram_matrix_does_not_know_where_features_are_nor_how_large_the_picture_is() -> None:
    maps = DRAW.normal(size=(2, 6, 7, 3)).astype(np.float32)
    gram = np.asarray(Gram()(maps))
    np.testing.assert_allclose(gram[1], np.einsum("hwc,hwd->cd", maps[1], maps[1]) / 42, atol=1e-5)
    np.testing.assert_allclose(Gram()(maps[:, ::-1, DRAW.permutation(7)]), gram, atol=1e-5)
    np.testing.assert_allclose(Gram()(np.concatenate([maps, maps], axis=1)), gram, atol=1e-5)


def test_a_picture_has_no_loss_to_itself(features) -> None:
    assert vars(losses_between(features, CONTENT, CONTENT, CONTENT)) == {"content": 0, "style": 0}
    apart = losses_between(features, CONTENT[::-1], CONTENT, STYLE)
    assert min(apart.content, apart.style) > 0.01


def test_optimising_brings_the_style_nearer_and_stays_within_a_picture_s_range(features) -> None:
    image, history = optimise(features, CONTENT, STYLE, steps=60, style_weight=100.0, learning_rate=0.02)
    assert image.shape == CONTENT.shape
    assert 0 <= image.min() < image.max() <= 1
    start, end = losses_between(features, CONTENT, CONTENT, STYLE), losses_between(features, image, CONTENT, STYLE)
    assert end.style < 0.5 * start.style
    assert start.content < end.content
    assert len(history) == 60
    assert (history[0].content, history[0].style) == pytest.approx((start.content, start.style), rel=1e-3)


def test_the_style_weight_decides_between_style_and_content(features) -> None:
    ends = []
    for style_weight in (0.0, 1.0, 1000.0):
        image, _ = optimise(features, CONTENT, STYLE, steps=40, style_weight=style_weight, learning_rate=0.02)
        ends.append(losses_between(features, image, CONTENT, STYLE))
    assert ends[0].content == pytest.approx(0, abs=1e-6)  # the content alone leaves the picture as it is
    assert ends[0].content < ends[1].content < ends[2].content
    assert ends[0].style > ends[1].style > ends[2].style


def small_network() -> keras.Model:
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, keras.layers.Conv2D(3, 5, padding="same")(inputs))


def test_a_network_is_trained_on_other_pictures_and_leaves_the_judge_as_it_is(features) -> None:
    keras.utils.set_random_seed(0)
    contents = np.stack([np.roll(CONTENT, shift, axis=0) for shift in (3, 8, 20)])
    network, before = small_network(), [weight.copy() for weight in features.get_weights()]
    settings = {"steps": 40, "batch_size": 2, "style_weight": 1.0, "learning_rate": 0.01, "seed": 0}
    history = train_network(features, network, contents, STYLE, **settings)
    first, last = (np.mean([one.content + one.style for one in part]) for part in (history[:4], history[-4:]))
    assert last < 0.5 * first
    for mine, other in zip(features.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, other)
    styled = apply_network(network, CONTENT)
    assert styled.shape == CONTENT.shape
    assert 0 <= styled.min() < styled.max() <= 1


def test_random_weights_are_reproducible_and_a_file_of_weights_is_loaded(tiny, tmp_path: Path) -> None:
    first, again, other = (features_of("vgg16", "none", seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.get_weights()[0], again.get_weights()[0])
    assert np.abs(first.get_weights()[0] - other.get_weights()[0]).max() > 0.01
    made = IMAGE_NETWORKS["vgg16"].make(weights=None, input_shape=(None, None, 3), include_top=False)
    made.save_weights(tmp_path / "w.weights.h5")
    loaded = features_of("vgg16", str(tmp_path / "w.weights.h5"), seed=0)
    np.testing.assert_array_equal(loaded.get_weights()[0], made.get_weights()[0])
    with pytest.raises(InputError):
        features_of("vgg16", str(tmp_path / "absent.weights.h5"), seed=0)


@pytest.mark.parametrize(
    ("name", "content", "style"), [("vgg16", 128, [64, 128, 256, 512]), ("mobilenet", 16, [8, 16, 32, 64, 128])]
)
def test_the_image_networks_have_the_layers(name: str, content: int, style: list[int]) -> None:
    outputs = features_of(name, "none", seed=0).output
    assert outputs["content"].shape[-1] == content
    assert [outputs[f"style_{number}"].shape[-2:] for number in range(1, len(style) + 1)] == [(n, n) for n in style]


def test_the_real_mobilenet_sees_a_pattern_in_a_picture(shared_data: Path) -> None:
    weights = str(shared_data / "weights" / "mobilenet_v1_0.25_224_notop.weights.h5")
    features = features_of("mobilenet", weights, seed=0)
    stripes = np.tile(np.float32([0, 0, 0, 0, 1, 1, 1, 1]), (64, 8))
    shifted, turned = np.roll(stripes, 8, axis=1), stripes.T
    same, other = (losses_between(features, one, stripes, stripes).style for one in (shifted, turned))
    assert same < 1e-6
    assert other > 0.01
