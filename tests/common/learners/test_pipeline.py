from itertools import chain

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.trainers.epoch_iterator import EpochIterator

from common.arrays import Arrays, Crops, Parts, Rows
from common.learners import pipeline


def clips(count: int) -> Arrays:
    """Return clips whose features and targets are their own number."""
    numbers = np.arange(count, dtype=np.float32)
    return Arrays(numbers[:, np.newaxis], numbers[:, np.newaxis])


def numbers(batches: list) -> list[list[int]]:
    for x, y in batches:
        np.testing.assert_array_equal(x, y)
    return [np.asarray(x)[:, 0].astype(int).tolist() for x, _ in batches]


def under_tensorflow(arrays, orders, size, first_epoch=0, **batching) -> list:
    return list(pipeline._dataset(arrays, orders, pipeline.Batching(size, **batching), first_epoch))


def under_another_backend(arrays, orders, size, first_epoch=0, **batching) -> list:
    batches = pipeline._EpochBatches(arrays, orders, pipeline.Batching(size, **batching), first_epoch)
    return [batches[number] for number in range(len(batches))]


@given(count=st.integers(1, 50), epochs=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
def test_every_clip_comes_once_an_epoch(count, epochs, seed) -> None:
    orders = pipeline.epoch_orders(count, epochs, seed=seed)
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(count), (epochs, 1)))


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_only() -> None:
    np.testing.assert_array_equal(pipeline.epoch_orders(30, 2, seed=5), pipeline.epoch_orders(30, 9, seed=5)[:2])
    orders = [*pipeline.epoch_orders(30, 3, seed=5), *pipeline.epoch_orders(30, 3, seed=6)]
    assert len({tuple(order) for order in orders}) == 6


@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, 20), epochs=st.integers(1, 3), batch_size=st.integers(1, 25), first_epoch=st.integers(0, 2))
def test_every_backend_is_given_the_same_batches(count, epochs, batch_size, first_epoch) -> None:
    orders = pipeline.epoch_orders(count, epochs, seed=1)
    given = (clips(count), orders, batch_size, min(first_epoch, epochs - 1))
    assert numbers(under_tensorflow(*given)) == numbers(under_another_backend(*given))


@pytest.mark.parametrize("batches", [under_tensorflow, under_another_backend])
def test_rows_on_the_disk_make_the_same_batches_as_an_array(batches) -> None:
    orders, given = pipeline.epoch_orders(7, 2, seed=3), clips(7)
    source = np.arange(20, dtype=np.float32)[::-1, np.newaxis]
    from_disk = Arrays(Rows(source, np.arange(19, 12, -1)), given.y)
    in_parts = Arrays(Rows(Parts((source[:8], source[8:16], source[16:])), np.arange(19, 12, -1)), given.y)
    expected = numbers(batches(given, orders, 3))
    assert numbers(batches(from_disk, orders, 3)) == expected
    assert numbers(batches(in_parts, orders, 3)) == expected


@pytest.mark.parametrize("batches", [under_tensorflow, under_another_backend])
def test_a_resumed_run_has_the_batches_of_an_uninterrupted_run(batches) -> None:
    orders = pipeline.epoch_orders(10, 4, seed=2)
    whole, late = (numbers(batches(clips(10), orders, 3, first)) for first in (0, 2))
    assert pipeline.Batching(3).steps(10) == 4
    assert late == whole[2 * 4 :]


@pytest.mark.parametrize("batches", [under_tensorflow, under_another_backend])
@pytest.mark.parametrize(("dropped", "sizes"), [(False, [4, 4, 2]), (True, [4, 4])])
def test_the_last_batch_of_an_epoch_has_what_is_left_unless_dropped(batches, dropped, sizes) -> None:
    orders = pipeline.epoch_orders(10, 2, seed=2)
    given = numbers(batches(clips(10), orders, 4, drop_remainder=dropped))
    assert [len(batch) for batch in given] == sizes * 2
    assert [*chain(*given)] == [*orders[0, : sum(sizes)], *orders[1, : sum(sizes)]]


def test_the_training_loop_of_another_backend_has_each_epoch_in_its_order() -> None:
    """Keras' own loop, as JAX uses it: builds the model from a first batch, resets, then runs epoch after epoch."""
    orders = pipeline.epoch_orders(10, 3, seed=2)
    loop = EpochIterator(pipeline._EpochBatches(clips(10), orders, pipeline.Batching(4), 1), steps_per_epoch=3)
    next(iter(loop.enumerate_epoch()))
    loop.reset()
    for epoch in (1, 2):
        met = [data for _, _, batches in loop.enumerate_epoch() for data in batches]
        assert [*chain(*numbers(met))] == orders[epoch].tolist()


def test_evaluation_takes_the_clips_in_their_own_order() -> None:
    assert numbers(list(pipeline.ordered_batches(clips(5), batch_size=2))) == [[0, 1], [2, 3], [4]]


def test_keras_is_told_the_number_of_batches() -> None:
    orders = pipeline.epoch_orders(10, 3, seed=0)
    batches = pipeline.training_batches(clips(10), orders, pipeline.Batching(4), first_epoch=1)
    assert batches.cardinality() == 6


def noisy(x, y, random):
    """Add noise that differs from clip to clip, and flip a coin for the whole batch."""
    noise = keras.random.uniform(keras.ops.shape(x), seed=random)
    return x + noise, y + keras.random.uniform((), seed=random)


@pytest.mark.parametrize("batches", [under_tensorflow, under_another_backend])
def test_augmentation_follows_from_seed_epoch_and_step(batches) -> None:
    orders = pipeline.epoch_orders(6, 3, seed=1)
    whole, again, late, other = (
        batches(clips(6), orders, 3, first, augment=noisy, seed=seed)
        for first, seed in ((0, 5), (0, 5), (2, 5), (0, 6))
    )
    drawn = [np.asarray(x) - np.floor(x) for x, _ in whole]
    for one, same in zip([*whole, *whole[4:]], [*again, *late], strict=True):
        np.testing.assert_array_equal(one[0], same[0])
        np.testing.assert_array_equal(one[1], same[1])
    assert len({noise.tobytes() for noise in drawn}) == 6
    assert not np.array_equal(drawn[0], np.asarray(other[0][0]) - np.floor(other[0][0]))
    assert len(np.unique(drawn[0])) == 3


def long_arrays() -> list[np.ndarray]:
    """Return clips of 4 to 9 frames; the value of a frame is 10 times its clip plus its number."""
    return [10.0 * clip + np.arange(4 + clip, dtype=np.float32)[:, np.newaxis] for clip in range(6)]


@pytest.mark.parametrize("batches", [under_tensorflow, under_another_backend])
def test_each_epoch_has_random_crops_of_its_own_whatever_the_order(batches) -> None:
    crops = Crops(long_arrays(), np.arange(6), length=3, seed=4)
    targets = np.arange(6, dtype=np.float32)[:, np.newaxis]
    met: dict[tuple[int, int], list[float]] = {}
    for order_seed in (1, 2):
        orders = pipeline.epoch_orders(6, 8, seed=order_seed)
        for number, (x, y) in enumerate(batches(Arrays(crops, targets), orders, 6)):
            for crop, (clip,) in zip(np.asarray(x)[..., 0], np.asarray(y).astype(int), strict=True):
                assert crop.tolist() == (crop[0] + np.arange(3)).tolist()
                assert set(crop // 10) == {clip}
                assert met.setdefault((number, clip), crop.tolist()) == crop.tolist()
    assert len({tuple(met[epoch, 5]) for epoch in range(8)}) > 2


def test_half_of_the_crops_of_a_short_clip_repeat_it_and_the_others_are_filled_up() -> None:
    short = Crops([np.array([1.0, 2.0])], np.zeros(1, int), length=5, fill=-8, wrap=True)
    crops = [tuple(short.at(np.array([0]), epoch)[0]) for epoch in range(60)]
    assert set(crops) == {(1, 2, -8, -8, -8), (1, 2, 1, 2, 1)}
    assert 15 < crops.count((1, 2, 1, 2, 1)) < 45
    assert short[:].tolist() == [[1, 2, -8, -8, -8]]


def test_a_short_clip_may_be_filled_on_both_sides_with_its_minimum() -> None:
    short = Crops([np.array([[3.0, 2.0], [5.0, 4.0]])], np.zeros(1, int), length=5, axis=1, fill=None)
    assert short[:].tolist() == [[[2, 3, 2, 2, 2], [2, 5, 4, 2, 2]]]


def test_outside_training_a_crop_is_the_middle_one_and_short_clips_are_filled_up() -> None:
    crops = Crops(long_arrays(), np.array([5, 0]), length=5)
    assert crops.shape == (2, 5, 1)
    assert crops[:][..., 0].tolist() == [[52, 53, 54, 55, 56], [0, 1, 2, 3, 0]]
    sideways = Crops([one.T for one in long_arrays()], np.array([5]), length=5, axis=1)
    assert sideways[:].tolist() == [[[52, 53, 54, 55, 56]]]
    (batch,) = pipeline.ordered_batches(Arrays(crops, np.zeros((2, 1), np.float32)), batch_size=2)
    np.testing.assert_array_equal(batch[0], crops[:])
