"""The augmentation of document 000: which clips are altered, where, and by how much."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from PIL import Image

from common.arrays import Arrays
from common.learners import pipeline
from reproductions.music_mood_wavenet.augment import (
    SpecAugment,
    centre_stretch,
    centre_width,
    mixup,
    spec_augment,
)

MINIMUM = -7.0


def maps(clips: int, channels: int, frames: int) -> np.ndarray:
    """Return clips without a value that occurs twice, whose minimum is different in every clip."""
    draw = np.random.default_rng(0)
    x = draw.uniform(0, 1, (clips, channels, frames, 1)).astype(np.float32)
    x[:, 0, 0, 0] = MINIMUM - np.arange(clips)
    return x


def filled(x: np.ndarray, result) -> np.ndarray:
    """Return which values of each clip were filled: booleans (clips, channels, frames)."""
    result = ops.convert_to_numpy(result)
    changed = (result != x)[..., 0]
    lowest = x.min(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_array_equal(result, np.where(changed[..., None], lowest, x))
    # The place of the minimum itself shows no change; it is filled where its row or its column is.
    changed[:, 0, 0] |= changed[:, 0, 1:].all(axis=1) | changed[:, 1:, 0].all(axis=1)
    return changed


def runs(places: np.ndarray) -> list[int]:
    """Return the lengths of the stretches of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], places.astype(int), [0]])))
    return list(edges[1::2] - edges[::2])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    blocks=st.integers(1, 3),
    max_channels=st.sampled_from([0.1, 0.15, 0.5]),
    max_frames=st.sampled_from([0.15, 0.2]),
    channels=st.sampled_from([16, 32, 41]),
    frames=st.sampled_from([30, 101]),
)
def test_whole_rows_and_columns_are_filled_in_at_most_so_many_blocks(
    seed, blocks, max_channels, max_frames, channels, frames
) -> None:
    x = maps(8, channels, frames)
    limits = {"blocks": blocks, "max_channels": max_channels, "max_frames": max_frames}
    changed = filled(x, spec_augment(x, keras.random.SeedGenerator(seed), p=1.0, **limits))
    for clip in changed:
        rows, columns = clip.all(axis=1), clip.all(axis=0)
        np.testing.assert_array_equal(clip, rows[:, None] | columns[None, :])
        for places, share in ((rows, max_channels), (columns, max_frames)):
            assert len(runs(places)) <= blocks
            assert places.sum() <= blocks * int(share * len(places))


def single_blocks(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the widths (channels, frames) of one block of each kind in 500 clips, and the first frames."""
    x = maps(500, 40, 60)
    changed = filled(x, spec_augment(x, keras.random.SeedGenerator(seed), p=1.0, blocks=1))
    columns = changed.all(axis=1)
    return np.stack([changed.all(axis=2).sum(axis=1), columns.sum(axis=1)]), columns.argmax(axis=1)[columns.any(axis=1)]


def test_widths_are_uniform_up_to_the_largest_and_places_reach_from_end_to_end() -> None:
    (channels, frames), starts = single_blocks(3)
    # Up to 15 % of 40 channels and 20 % of 60 frames, rounded down: 0 to 5, and 0 to 11.
    for widths, values in ((channels, 6), (frames, 12)):
        counts = np.bincount(widths)
        assert len(counts) == values
        expected = len(widths) / values
        assert ((counts - expected) ** 2 / expected).sum() < 40  # chi-square: p below 1e-4 for 11 degrees of freedom
    assert starts.min() < 3
    assert starts.max() > 48


def test_about_three_clips_in_ten_stay_as_they_are() -> None:
    x = maps(2000, 40, 60)
    changed = filled(x, spec_augment(x, keras.random.SeedGenerator(5))).any(axis=(1, 2))
    # Besides those that are not chosen: all four widths are 0 in (1/6 * 1/12) ** 2 of the rest.
    untouched = 0.3 + 0.7 / 72**2
    assert abs((~changed).mean() - untouched) < 4 * np.sqrt(untouched * (1 - untouched) / len(x))


def test_with_probability_0_no_clip_is_altered() -> None:
    x = maps(50, 40, 60)
    np.testing.assert_array_equal(spec_augment(x, keras.random.SeedGenerator(1), p=0.0), x)


ALTERATIONS = {
    "spec_augment": lambda x, y, random: (spec_augment(x, random), y),
    "mixup": mixup,
    "centre_stretch": lambda x, y, random: (centre_stretch(x, random, p=0.5), y),
}


@pytest.mark.parametrize("alter", ALTERATIONS.values(), ids=ALTERATIONS)
def test_the_same_seed_gives_the_same_batch_and_another_seed_another(alter) -> None:
    x, y = maps(20, 16, 90), np.eye(20, dtype=np.float32)
    one, same, other = (alter(x, y, keras.random.SeedGenerator(seed))[0] for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert np.any(ops.convert_to_numpy(one) != ops.convert_to_numpy(other))


def under_tensorflow(arrays, orders, first) -> list:
    batching = pipeline.Batching(4, augment=everything, seed=9)
    return list(pipeline._dataset(arrays, orders, batching, first))


def under_another_backend(arrays, orders, first) -> list:
    batches = pipeline._EpochBatches(arrays, orders, pipeline.Batching(4, augment=everything, seed=9), first)
    return [batches[number] for number in range(len(batches))]


def everything(x, y, random):
    return mixup(spec_augment(centre_stretch(x, random), random), y, random)


@pytest.mark.parametrize("batches", [under_tensorflow, under_another_backend])
def test_a_resumed_run_is_given_the_batches_of_an_unbroken_one(batches) -> None:
    arrays = Arrays(maps(10, 16, 90), np.eye(10, dtype=np.float32))
    orders = pipeline.epoch_orders(10, 2, seed=1)
    whole, late = batches(arrays, orders, 0), batches(arrays, orders, 1)
    for one, same in zip(whole[3:], late, strict=True):
        for before, after in zip(one, same, strict=True):
            np.testing.assert_array_equal(before, after)
    assert np.any(np.asarray(whole[0][0]) != np.asarray(whole[3][0]))


def test_the_layer_alters_clips_in_training_alone() -> None:
    x, layer = maps(30, 16, 40), SpecAugment(seed=2)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layer(x, training=False), x)
    first, second = layer(x, training=True), layer(x, training=True)
    np.testing.assert_array_equal(first, SpecAugment(seed=2)(x, training=True))
    assert filled(x, first).any()
    assert np.any(ops.convert_to_numpy(first) != ops.convert_to_numpy(second))


def test_a_saved_layer_keeps_its_arguments(tmp_path) -> None:
    inputs = keras.Input((16, 40, 1))
    keras.Model(inputs, SpecAugment(p=1.0, blocks=1, max_channels=0.1, seed=6)(inputs)).save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras").layers[-1]
    x = maps(5, 16, 40)
    expected = SpecAugment(p=1.0, blocks=1, max_channels=0.1, seed=6)(x, training=True)
    np.testing.assert_array_equal(again(x, training=True), expected)


@settings(max_examples=25, deadline=None)
@given(clips=st.integers(1, 12), seed=st.integers(0, 2**31 - 1))
def test_mixup_gives_clip_and_targets_the_same_weight_and_keeps_the_sum_of_targets(clips, seed) -> None:
    # Clip and target are the number of the clip in one-hot form, so that the weights can be read off.
    y = np.eye(clips, dtype=np.float32)
    mixed_x, mixed_y = mixup(y[:, :, None, None], y, keras.random.SeedGenerator(seed))
    weights = ops.convert_to_numpy(mixed_y)
    np.testing.assert_array_equal(ops.convert_to_numpy(mixed_x)[:, :, 0, 0], weights)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert weights.min() >= 0
    assert ((weights > 0).sum(axis=1) <= 2).all()
    # Besides its own weight, each clip is given away once: the partners are a permutation.
    others = weights * (1 - y)
    assert ((others > 0).sum(axis=0) <= 1).all()


def test_the_weights_of_mixup_are_uniform_and_differ_from_clip_to_clip() -> None:
    y = np.eye(800, dtype=np.float32)
    _, mixed = mixup(y, y, keras.random.SeedGenerator(7))
    own = np.diag(ops.convert_to_numpy(mixed))
    assert len(np.unique(own)) > 790
    assert np.abs(np.quantile(own, [0.1, 0.5, 0.9]) - [0.1, 0.5, 0.9]).max() < 0.06


def torchvision_crop(height: int, width: int, seed: int) -> tuple[int, int, int, int] | None:
    """Return top, left, height and width of a box by the documented algorithm; None: no box fits."""
    draw = np.random.default_rng(seed)
    for _ in range(10):
        area, ratio = draw.uniform(0.8, 1.0) * height * width, np.exp(draw.uniform(*np.log([1.7, 2.3])))
        wide, high = round(np.sqrt(area * ratio)), round(np.sqrt(area / ratio))
        if wide <= width and high <= height:
            return 0, 0, high, wide
    return None


@pytest.mark.parametrize(("size", "columns"), [((96, 6590), 221), ((32, 937), 74), ((16, 937), 37)])
def test_the_centre_is_the_patch_that_stands_in_for_a_box_that_never_fits(size, columns) -> None:
    assert all(torchvision_crop(*size, seed) is None for seed in range(100))
    assert centre_width(size[0]) == columns
    x = maps(2, *size)
    stretched = ops.convert_to_numpy(centre_stretch(x, keras.random.SeedGenerator(0), p=1.0))
    height, width = size
    left = (width - height * 2.3) // 2
    for before, after in zip(x, stretched, strict=True):
        # Pillow rounds the corners of the box, as it did for the authors.
        patch = Image.fromarray(before[..., 0]).crop((left, 0, left + height * 2.3, height))
        assert patch.size == (columns, height)
        expected = np.asarray(patch.resize((width, height), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(after[..., 0], expected, atol=1e-4)


def test_a_third_of_the_clips_is_stretched() -> None:
    x = maps(1500, 4, 30)
    result = ops.convert_to_numpy(centre_stretch(x, keras.random.SeedGenerator(1)))
    share = (result != x).any(axis=(1, 2, 3)).mean()
    assert abs(share - 0.33) < 4 * np.sqrt(0.33 * 0.67 / len(x))
