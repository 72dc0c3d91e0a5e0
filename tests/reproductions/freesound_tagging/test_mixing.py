"""The augmentation of document 003, against its definition computed one clip at a time."""

import keras
import numpy as np
import pytest

from common.arrays import Arrays
from common.learners import pipeline
from reproductions.freesound_tagging.mixing import Mixtures, convolve

LENGTHS = (5, 30, 12, 8)
LENGTH = 10


def mixtures(seed: int = 0) -> Arrays:
    """Return waveforms whose samples are 1 to their length, times a number of their own."""
    sources = [np.arange(1, length + 1, dtype=np.float32) * 100**number for number, length in enumerate(LENGTHS)]
    return Arrays(Mixtures(sources, np.array([0, 1, 3]), LENGTH, seed=seed), np.eye(3, dtype=np.float32))


def test_a_mixture_is_a_weighted_sum_of_one_or_two_training_clips_with_the_tags_of_both() -> None:
    arrays = mixtures()
    numbers, offsets = [], set()
    for epoch in range(100):
        crops = arrays.x.at(np.arange(3), epoch)
        tags = arrays.x.targets(arrays.y, np.arange(3), epoch)
        for crop, has in zip(crops, tags, strict=True):
            clips = np.array([0, 1, 3])[has > 0]
            numbers.append(len(clips))
            longest = max(LENGTHS[clip] for clip in clips)
            begin = max(LENGTH - longest, 0)
            assert not crop[:begin].any()
            # The shares of a mixture's clips are found by least squares at each offset; one offset must fit.
            fits = []
            for first in range(max(longest - LENGTH, 0) + 1):
                parts = np.zeros((LENGTH, len(clips)))
                for column, clip in enumerate(clips):
                    heard = arrays.x.sources[clip][first : first + LENGTH]
                    parts[begin : begin + len(heard), column] = heard
                shares, *_ = np.linalg.lstsq(parts, crop, rcond=None)
                fits.append(np.allclose(parts @ shares, crop, rtol=1e-4))
                if fits[-1] and len(clips) == 1:
                    assert shares[0] == pytest.approx(1, abs=1e-4)
                    offsets.add(first)
            assert any(fits)
    # A third of the pairs are a clip twice: 2 of 3 mixtures of two have two tags.
    assert np.mean(np.array(numbers) == 2) == pytest.approx(1 / 3, abs=0.09)
    assert len(offsets) > 10


def test_every_backend_is_given_the_same_mixtures_and_a_resumed_run_too() -> None:
    arrays, orders = mixtures(seed=4), pipeline.epoch_orders(3, 4, seed=1)
    batching = pipeline.Batching(2)
    of_tensorflow = list(pipeline._dataset(arrays, orders, batching, 0))
    others = pipeline._EpochBatches(arrays, orders, batching, 0)
    late = list(pipeline._dataset(arrays, orders, batching, 2))
    for number, (x, y) in enumerate(of_tensorflow):
        np.testing.assert_array_equal(x, others[number][0])
        np.testing.assert_array_equal(y, others[number][1])
    for one, same in zip(of_tensorflow[4:], late, strict=True):
        np.testing.assert_array_equal(one[0], same[0])
        np.testing.assert_array_equal(one[1], same[1])


def test_a_convolved_clip_is_a_crop_of_its_convolution_with_one_of_the_responses() -> None:
    draw = np.random.default_rng(0)
    x, responses = (draw.normal(size=shape).astype(np.float32) for shape in ((6, 50), (3, 20)))
    found = keras.ops.convert_to_numpy(
        convolve(keras.ops.convert_to_tensor(x), responses, keras.random.SeedGenerator(1), p=1.0)
    )
    used = set()
    for clip, result in zip(x, found, strict=True):
        matches = [
            number
            for number, response in enumerate(responses)
            for whole in [np.convolve(clip, response)]
            if any(np.allclose(whole[first : first + 50], result, atol=1e-4) for first in range(20))
        ]
        assert len(matches) == 1
        used.update(matches)
    assert len(used) > 1


def test_about_half_of_the_clips_are_convolved_and_the_others_unchanged() -> None:
    x = np.random.default_rng(0).normal(size=(400, 30)).astype(np.float32)
    room = np.array([[0.5, 0.5]], np.float32)
    found = keras.ops.convert_to_numpy(convolve(keras.ops.convert_to_tensor(x), room, keras.random.SeedGenerator(2)))
    assert np.mean((found == x).all(axis=1)) == pytest.approx(0.5, abs=0.08)


def test_a_crop_begins_within_the_length_of_its_own_response() -> None:
    x = np.ones((200, 30), np.float32)
    rooms = np.zeros((2, 25), np.float32)
    rooms[:, 0] = 1.0  # leaves a clip as it is, with zeros after it
    rooms[1, 10] = 1e-6
    found = keras.ops.convert_to_numpy(
        convolve(keras.ops.convert_to_tensor(x), rooms, keras.random.SeedGenerator(3), p=1.0)
    )
    # The number of zeros at the end is the place where the crop began.
    starts = (np.abs(found) < 0.5).sum(axis=1)
    assert set(starts) == set(range(11))
    assert np.mean(starts == 0) > 0.5
