"""Batches for `fit`: tf.data under TensorFlow, the same batches as arrays under any other Keras backend.

The order of the clips in an epoch depends only on (seed, epoch), a random crop on (seed, epoch, clip), and augmentation
on (seed, epoch, step). A resumed run therefore has the same batches as an uninterrupted one. Under TensorFlow, tf.data
makes several batches ahead and copies them to the GPU, if there is one; no Python code runs between two steps. Arrays
on the disk are read batch by batch, so they need not fit into memory.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from common.arrays import Arrays, Crops, Rows
from common.seeds import derive

Augment = Callable[[Any, Any, Any], tuple[Any, Any]]

CLIPS_AT_ONCE = 256
"""Number of rows that are copied at a time into the memory from which tf.data reads."""


def epoch_orders(clips: int, epochs: int, *, seed: int) -> np.ndarray:
    """Return the order of the clips in each epoch, int32 (epochs, clips); epoch e depends on (seed, e) alone."""
    orders = np.empty((epochs, clips), np.int32)
    for epoch in range(epochs):
        orders[epoch] = np.random.default_rng(derive(seed, "order", epoch)).permutation(clips)
    return orders


@dataclass(frozen=True)
class Batching:
    """How clips are divided into batches.

    Attributes:
        size: clips per batch.
        drop_remainder: leave out the last clips of an epoch if they do not fill a batch.
        augment: alters a batch, (x, y, random) -> (x, y), as in `common.study.Inputs`. None: batches are not altered.
        seed: seed of the random numbers of `augment`.
        distributed: whether a strategy of tf.distribute divides the batches between devices.
    """

    size: int
    drop_remainder: bool = False
    augment: Augment | None = None
    seed: int = 0
    distributed: bool = False

    def steps(self, clips: int) -> int:
        """Return the number of batches in an epoch; the last one may be smaller, or is dropped if there are others."""
        return max(clips // self.size, 1) if self.drop_remainder else math.ceil(clips / self.size)

    def altered(self, x: Any, y: Any, epoch_seed: Any, step: Any) -> tuple[Any, Any]:
        """Return a batch for the model: augmented, if `augment` is set."""
        return self.augment(x, y, StepSeeds(epoch_seed, step)) if self.augment else (x, y)

    def epoch_seeds(self, epochs: int) -> np.ndarray:
        """Return a seed for each epoch, int64 (epochs,)."""
        return np.array([derive(self.seed, "augment", epoch) for epoch in range(epochs)], np.int64)


class StepSeeds(keras.random.SeedGenerator):
    """The seeds of one training step; they depend only on (seed, epoch, step) and on the number of the draw.

    Pass it as `seed` to the functions of `keras.random`, also inside tf.data.
    """

    def __init__(self, epoch_seed: Any, step: Any) -> None:
        # `super().__init__` is not called. It makes a variable, which is impossible inside tf.data.
        self._epoch_seed, self._step, self._draws = epoch_seed, step, 0

    def next(self, ordered: bool = True) -> Any:
        """Return the next seed, a pair of numbers."""
        number, dtype = derive(0, "draw", self._draws), _seed_dtype()
        self._draws += 1
        # Seeds have 32 bits. They are computed in the backend's own type for them: JAX has no int64.
        first = ops.bitwise_xor(ops.cast(self._epoch_seed, dtype), ops.convert_to_tensor(number, dtype))
        return ops.stack([first, ops.cast(self._step, dtype)])


@functools.cache
def _seed_dtype() -> str:
    return str(keras.backend.standardize_dtype(keras.random.SeedGenerator(0).state.dtype))


def training_batches(arrays: Arrays, orders: np.ndarray, batching: Batching, *, first_epoch: int = 0) -> Any:
    """Return the training batches of all epochs from `first_epoch`, for `model.fit`.

    Args:
        arrays: features (clips, ...) and targets (clips, outputs). Features that are `Crops` differ in each epoch.
        orders: int32 (epochs, clips), from `epoch_orders`.
        batching: how clips are divided into batches.
        first_epoch: the first epoch, counted from 0.

    Returns:
        A `tf.data.Dataset` or, under another backend, a `keras.utils.PyDataset`. An epoch has `Batching.steps` batches.
    """
    if keras.backend.backend() != "tensorflow":
        return _EpochBatches(arrays, orders, batching, first_epoch)
    return _prefetched(_dataset(arrays, orders, batching, first_epoch), batching.distributed)


def ordered_batches(arrays: Arrays, *, batch_size: int, distributed: bool = False) -> Any:
    """Return the batches of one pass over the clips, in their order and not augmented, to validate on."""
    order = np.arange(len(arrays.x), dtype=np.int32)[np.newaxis]
    # Rows of `Crops` are always the middle crops.
    still = replace(arrays, x=Rows(arrays.x, np.arange(len(arrays.x)))) if isinstance(arrays.x, Crops) else arrays
    return training_batches(still, order, Batching(batch_size, distributed=distributed))


class _EpochBatches(keras.utils.PyDataset):
    """The batches of all epochs in sequence, for backends without tf.data.

    The epoch follows from the number of the batch. Counting calls of `on_epoch_end` would be wrong, because Keras also
    calls it before the first epoch.
    """

    def __init__(self, arrays: Arrays, orders: np.ndarray, batching: Batching, first_epoch: int) -> None:
        super().__init__()
        self._arrays, self._orders, self._batching, self._first = arrays, orders, batching, first_epoch
        self._steps, self._seeds = batching.steps(len(arrays.x)), batching.epoch_seeds(len(orders))

    def __len__(self) -> int:
        return (len(self._orders) - self._first) * self._steps

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, step = divmod(number + self._first * self._steps, self._steps)
        size, x = self._batching.size, self._arrays.x
        rows = self._orders[epoch, step * size : (step + 1) * size]
        drawn = _drawn(self._arrays, rows, epoch) if isinstance(x, Crops) else (x[rows], self._arrays.y[rows])
        features, targets = drawn
        batch = self._batching.altered(features, targets, self._seeds[epoch], step)
        return tuple(map(ops.convert_to_numpy, batch))


def _dataset(arrays: Arrays, orders: np.ndarray, batching: Batching, first_epoch: int) -> Any:
    import tensorflow as tf

    read, rows = _reader(arrays), _resident(orders)
    epochs, clips = orders.shape
    steps, seeds = batching.steps(clips), _resident(batching.epoch_seeds(epochs))

    def batch(number: Any) -> tuple[Any, Any]:
        epoch, step = number // steps, number % steps
        first = step * batching.size
        chosen = tf.gather(rows, epoch)[first : tf.minimum(first + batching.size, clips)]
        return batching.altered(*read(chosen, epoch), tf.gather(seeds, epoch), step)

    numbers = tf.data.Dataset.range(first_epoch * steps, epochs * steps)
    batches = numbers.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return batches.apply(tf.data.experimental.assert_cardinality((epochs - first_epoch) * steps))


def _reader(arrays: Arrays) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Return the function that reads features and targets of a batch, given the numbers of its clips and the epoch."""
    import tensorflow as tf

    x, y = arrays.x, _resident(arrays.y)
    if isinstance(x, np.ndarray):
        resident = _resident(x)
        return lambda chosen, epoch: (tf.gather(resident, chosen), tf.gather(y, chosen))
    # tf.numpy_function loses the shape, which the model needs.
    shape = tf.TensorShape((None, *x.shape[1:]))
    if isinstance(x, Rows):
        from_disk = partial(tf.numpy_function, x.__getitem__, Tout=x.dtype)
        return lambda chosen, epoch: (tf.ensure_shape(from_disk([chosen]), shape), tf.gather(y, chosen))
    drawn = partial(tf.numpy_function, partial(_drawn, arrays), Tout=(x.dtype, arrays.y.dtype))

    def read(chosen: Any, epoch: Any) -> tuple[Any, Any]:
        features, targets = drawn([chosen, epoch])
        return tf.ensure_shape(features, shape), tf.ensure_shape(targets, (None, *arrays.y.shape[1:]))

    return read


def _drawn(arrays: Arrays, chosen: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what `Crops` draw for an epoch: features and targets of a batch."""
    crops: Any = arrays.x
    return crops.at(chosen, int(epoch)), crops.targets(arrays.y, chosen, int(epoch))


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
