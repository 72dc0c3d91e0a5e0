from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.trainers.epoch_iterator import EpochIterator

from common.arrays import Arrays, Parts, Rows
from common.learners import pipeline


def clips(count: int) -> Arrays:
    """Return clips whose features and targets are their own number."""
    numbers = np.arange(count, dtype=np.float32)
    return Arrays(numbers[:, np.newaxis], numbers[:, np.newaxis])


def numbers(batches: list) -> list[list[int]]:
    for x, y in batches:
        np.testing.assert_array_equal(x, y)
    return [np.asarray(x)[:, 0].astype(int).tolist() for x, _ in batches]


def under_tensorflow(*given, **named) -> list[list[int]]:
    return numbers(list(pipeline._dataset(*given, **named)))


def under_another_backend(*given) -> list[list[int]]:
    batches = pipeline._EpochBatches(*given)
    return numbers([batches[number] for number in range(len(batches))])


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
    assert under_tensorflow(*given) == under_another_backend(*given)


@pytest.mark.parametrize("batches", [under_tensorflow, under_another_backend])
def test_rows_that_lie_on_the_disk_make_the_batches_of_an_array(batches) -> None:
    orders, given = pipeline.epoch_orders(7, 2, seed=3), clips(7)
    source = np.arange(20, dtype=np.float32)[::-1, np.newaxis]
    from_disk = Arrays(Rows(source, np.arange(19, 12, -1)), given.y)
    in_parts = Arrays(Rows(Parts((source[:8], source[8:16], source[16:])), np.arange(19, 12, -1)), given.y)
    expected = batches(given, orders, 3, 0)
    assert batches(from_disk, orders, 3, 0) == expected
    assert batches(in_parts, orders, 3, 0) == expected


@pytest.mark.parametrize("batches", [under_tensorflow, under_another_backend])
def test_a_run_that_goes_on_meets_the_batches_that_a_whole_run_has(batches) -> None:
    orders = pipeline.epoch_orders(10, 4, seed=2)
    whole, late = (batches(clips(10), orders, 3, first) for first in (0, 2))
    assert pipeline.steps_per_epoch(10, 3) == 4
    assert late == whole[2 * 4 :]


@pytest.mark.parametrize("batches", [under_tensorflow, under_another_backend])
def test_the_last_batch_of_an_epoch_has_what_is_left(batches) -> None:
    orders = pipeline.epoch_orders(10, 2, seed=2)
    given = batches(clips(10), orders, 4, 0)
    assert [len(batch) for batch in given] == [4, 4, 2, 4, 4, 2]
    assert [*chain(*given[:3])] == orders[0].tolist()


def test_the_training_loop_of_another_backend_meets_each_epoch_in_its_order() -> None:
    """Keras' own loop, as JAX uses it: builds the model from a first batch, resets, then runs epoch after epoch."""
    orders = pipeline.epoch_orders(10, 3, seed=2)
    loop = EpochIterator(pipeline._EpochBatches(clips(10), orders, 4, 1), steps_per_epoch=3)
    next(iter(loop.enumerate_epoch()))
    loop.reset()
    for epoch in (1, 2):
        met = [data for _, _, batches in loop.enumerate_epoch() for data in batches]
        assert [*chain(*numbers(met))] == orders[epoch].tolist()


def test_evaluation_takes_the_clips_in_their_own_order() -> None:
    assert numbers(list(pipeline.ordered_batches(clips(5), batch_size=2))) == [[0, 1], [2, 3], [4]]


def test_keras_is_told_the_number_of_batches() -> None:
    batches = pipeline.training_batches(clips(10), pipeline.epoch_orders(10, 3, seed=0), batch_size=4, first_epoch=1)
    assert batches.cardinality() == 6
