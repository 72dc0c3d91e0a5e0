"""Batches for `fit`: tf.data under TensorFlow, the same batches as arrays under any other Keras backend.

The order of the clips in every epoch depends on (seed, epoch) alone, so a resumed run has the same batches as an
uninterrupted one. Under TensorFlow, batches are gathered inside tf.data, several ahead, and copied to the accelerator
if there is one; no Python code runs between two steps. Rows of a memory-mapped array are read when they are needed, so
that they need not fit into memory.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from common.arrays import Arrays, Rows
from common.seeds import derive

CLIPS_AT_ONCE = 256
"""Rows that are copied at a time into the memory from which tf.data reads."""


def epoch_orders(clips: int, epochs: int, *, seed: int) -> np.ndarray:
    """Return the order of the clips in each epoch, int32 (epochs, clips); epoch e depends on (seed, e) alone."""
    orders = np.empty((epochs, clips), np.int32)
    for epoch in range(epochs):
        orders[epoch] = np.random.default_rng(derive(seed, "order", epoch)).permutation(clips)
    return orders


def steps_per_epoch(clips: int, batch_size: int) -> int:
    """Return the number of batches in an epoch; the last one may be smaller."""
    return math.ceil(clips / batch_size)


def training_batches(
    arrays: Arrays, orders: np.ndarray, *, batch_size: int, first_epoch: int = 0, distributed: bool = False
) -> Any:
    """Return what `model.fit` takes to train from `first_epoch` to the last of `orders`.

    Args:
        arrays: features (clips, ...) and targets (clips, classes).
        orders: int32 (epochs, clips), from `epoch_orders`.
        batch_size: clips a step; the last batch of an epoch has what is left.
        first_epoch: where to begin, counted from 0.
        distributed: whether a strategy will divide the batches between devices.

    Returns:
        A `tf.data.Dataset` or, under another backend, a `keras.utils.PyDataset`, that runs through all epochs;
        `steps_per_epoch` tells where one ends.
    """
    if keras.backend.backend() != "tensorflow":
        return _EpochBatches(arrays, orders, batch_size, first_epoch)
    return _prefetched(_dataset(arrays, orders, batch_size, first_epoch), distributed)


def ordered_batches(arrays: Arrays, *, batch_size: int, distributed: bool = False) -> Any:
    """Return what `model.evaluate` takes: one pass over the clips in their own order."""
    order = np.arange(len(arrays.x), dtype=np.int32)[np.newaxis]
    return training_batches(arrays, order, batch_size=batch_size, distributed=distributed)


class _EpochBatches(keras.utils.PyDataset):
    """The batches of all epochs in sequence, for backends without tf.data.

    The epoch follows from the number of the batch. Counting calls of `on_epoch_end` would be wrong, because Keras also
    calls it before the first epoch.
    """

    def __init__(self, arrays: Arrays, orders: np.ndarray, batch_size: int, first_epoch: int) -> None:
        super().__init__()
        self._arrays, self._orders, self._batch_size = arrays, orders[first_epoch:], batch_size
        self._steps = steps_per_epoch(len(arrays.x), batch_size)

    def __len__(self) -> int:
        return len(self._orders) * self._steps

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, step = divmod(number, self._steps)
        rows = self._orders[epoch, step * self._batch_size : (step + 1) * self._batch_size]
        return self._arrays.x[rows], self._arrays.y[rows]


def _dataset(arrays: Arrays, orders: np.ndarray, batch_size: int, first_epoch: int) -> Any:
    import tensorflow as tf

    read, y, rows = _reader(arrays.x), _resident(arrays.y), _resident(orders)
    epochs, clips = orders.shape
    steps = steps_per_epoch(clips, batch_size)

    def batch(number: Any) -> tuple[Any, Any]:
        first = number % steps * batch_size
        chosen = tf.gather(rows, number // steps)[first : tf.minimum(first + batch_size, clips)]
        return read(chosen), tf.gather(y, chosen)

    numbers = tf.data.Dataset.range(first_epoch * steps, epochs * steps)
    batches = numbers.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return batches.apply(tf.data.experimental.assert_cardinality((epochs - first_epoch) * steps))


def _reader(x: np.ndarray | Rows) -> Callable[[Any], Any]:
    """Return what reads the clips of a batch, given their numbers."""
    import tensorflow as tf

    if isinstance(x, Rows):
        shape = tf.TensorShape((None, *x.shape[1:]))
        return lambda chosen: tf.ensure_shape(tf.numpy_function(x.__getitem__, [chosen], x.dtype), shape)
    resident = _resident(x)
    return lambda chosen: tf.gather(resident, chosen)


def _resident(array: np.ndarray) -> Any:
    """Copy an array once into a variable in the host's memory, from which tf.data gathers.

    A variable is captured by a dataset's function by reference; a tensor would be copied again.
    """
    import tensorflow as tf

    with tf.device("/cpu:0"):
        resident = tf.Variable(tf.zeros(array.shape, array.dtype), trainable=False)
        for start in range(0, len(array), CLIPS_AT_ONCE):
            values = array[start : start + CLIPS_AT_ONCE]
            # Scattering writes in place; assigning to a slice would copy the whole variable.
            resident.scatter_update(tf.IndexedSlices(values, np.arange(start, start + len(values))))
    return resident


def _prefetched(batches: Any, distributed: bool) -> Any:
    """Prefetch batches: to the GPU if there is exactly one, else in the host's memory."""
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU")
    if len(devices) == 1 and not distributed:
        return batches.apply(tf.data.experimental.prefetch_to_device(devices[0].name))
    return batches.prefetch(tf.data.AUTOTUNE)
