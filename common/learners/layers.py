"""Faster versions of Keras layers in which this suite spends much time."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="encore")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalisation of channels-last maps along frames or channels, without strided reductions.

    Same arguments, weights and results as `keras.layers.BatchNormalization` (a test compares them). Keras reduces over
    all axes but one; for a middle axis of a large map, this reads memory in strides. Here a map is a matrix with one
    column per (frame, channel), and columns are summed first, which reads memory in order
    (`benchmarks/normalisation.py`).

    Shapes: input and output `(clips, bands, frames, channels)`; `axis` is 2 (frames) or 3 (channels).
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Normalise `inputs`: in training by the batch's moments, which also update the moving averages."""
        maps = ops.cast(inputs, "float32")  # as Keras does: moments in half precision would be too coarse
        columns = ops.reshape(maps, (-1, maps.shape[-2] * maps.shape[-1]))
        if training and self.trainable:
            mean, variance = self._batch_moments(columns, maps.shape)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        else:
            mean, variance = ops.convert_to_tensor(self.moving_mean), ops.convert_to_tensor(self.moving_variance)
        # First per frame or channel, so that each of the many values needs one multiplication and one addition.
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        offset = self.beta - mean * scale
        normalised = columns * self._per_column(scale, maps.shape) + self._per_column(offset, maps.shape)
        return ops.cast(ops.reshape(normalised, ops.shape(maps)), self.compute_dtype)

    def _batch_moments(self, columns: Any, shape: tuple[int | None, ...]) -> tuple[Any, Any]:
        mean = self._mean(columns, shape)
        return mean, self._mean(ops.square(columns), shape) - ops.square(mean)

    def _mean(self, columns: Any, shape: tuple[int | None, ...]) -> Any:
        per_column = ops.reshape(ops.mean(columns, axis=0), shape[-2:])
        return ops.mean(per_column, axis=1 if self._along_frames else 0)

    def _per_column(self, values: Any, shape: tuple[int | None, ...]) -> Any:
        shaped = ops.expand_dims(values, 1 if self._along_frames else 0)
        return ops.reshape(ops.broadcast_to(shaped, shape[-2:]), (-1,))

    def _move(self, stored: Any, value: Any) -> None:
        stored.assign(stored * self.momentum + value * (1.0 - self.momentum))

    @property
    def _along_frames(self) -> bool:
        return self.axis == 2
