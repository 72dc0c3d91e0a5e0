"""Faster versions of Keras layers in which this suite spends much time."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="encore")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalisation of channels-last maps along frames or channels, without strided reductions.

    Same weights and results as `keras.layers.BatchNormalization` with scale and offset (a test compares them). Keras
    reduces over all axes but one; for a middle axis of a large map, this reads memory in strides. Here a map is a
    matrix with one column per (frame, channel), and columns are summed first, which reads memory in order
    (`benchmarks/normalisation.py`). The variance is the mean square less the squared mean, so it loses digits where the
    mean is more than about 100 standard deviations, which maps of standardised inputs never are.

    Shapes: input and output `(clips, bands, frames, channels)`; `axis` is 2 (frames) or 3 (channels).
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Normalise `inputs`: in training by the batch's moments, which also update the moving averages."""
        maps = ops.cast(inputs, "float32")  # as Keras does: moments in half precision would be too coarse
        columns = ops.reshape(maps, (-1, maps.shape[-2] * maps.shape[-1]))
        if training and self.trainable:
            count, sums = self._sums(columns, maps.shape)
            mean = ops.stop_gradient(sums(columns) / count)
            squares = ops.stop_gradient(sums(ops.square(columns)) / count)
            variance = ops.maximum(squares - ops.square(mean), 0.0)  # rounding can take it below
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
            normalised = self._by_moments(columns, mean, variance, maps.shape)
        else:
            mean, variance = ops.convert_to_tensor(self.moving_mean), ops.convert_to_tensor(self.moving_variance)
            # First per frame or channel, so that each of the many values needs one multiplication and one addition.
            scale = self.gamma * ops.rsqrt(variance + self.epsilon)
            normalised = self._scaled(columns, scale, self.beta - mean * scale, maps.shape)
        return ops.cast(ops.reshape(normalised, ops.shape(maps)), self.compute_dtype)

    def _by_moments(self, columns: Any, mean: Any, variance: Any, shape: tuple[int | None, ...]) -> Any:
        """Normalise by moments of the columns themselves, which the gradient takes into account.

        Backends derive a gradient with several passes over the map. Written out, it is two sums for each frame or
        channel, and one multiplication and addition of each value and its gradient (Ioffe and Szegedy 2015, section 3).
        """
        count, sums = self._sums(columns, shape)
        inverse_std = ops.rsqrt(variance + self.epsilon)

        @ops.custom_gradient
        def normalise(columns: Any, gamma: Any, beta: Any) -> Any:
            scale = gamma * inverse_std

            def gradient(*arguments: Any, upstream: Any = None) -> tuple[Any, Any, Any]:
                (outer,) = arguments if upstream is None else (upstream,)
                of_beta = sums(outer)
                of_gamma = (sums(outer * columns) - mean * of_beta) * inverse_std
                slope = -scale * inverse_std * of_gamma / count
                offset = -mean * slope - scale * of_beta / count
                of_columns = outer * self._per_column(scale, shape) + self._scaled(columns, slope, offset, shape)
                return of_columns, of_gamma, of_beta

            return self._scaled(columns, scale, beta - mean * scale, shape), gradient

        # As results of an operation: TensorFlow refuses variables in a gradient of one's own.
        return normalise(columns, 1.0 * self.gamma, 1.0 * self.beta)

    def _sums(self, columns: Any, shape: tuple[int | None, ...]) -> tuple[Any, Callable[[Any], Any]]:
        """Return how many values each frame or channel has, and a function that sums them."""
        rows = ops.shape(columns)[0]
        across = shape[-1] if self._along_frames else shape[-2]
        # A product with ones reads memory in order and uses all cores; `ops.sum` over rows takes half as long again.
        ones = ops.ones((1, rows), "float32")

        def sums(values: Any) -> Any:
            return ops.sum(ops.reshape(ops.matmul(ones, values), shape[-2:]), axis=1 if self._along_frames else 0)

        return ops.cast(rows * across, "float32"), sums

    def _scaled(self, columns: Any, scale: Any, offset: Any, shape: tuple[int | None, ...]) -> Any:
        return columns * self._per_column(scale, shape) + self._per_column(offset, shape)

    def _per_column(self, values: Any, shape: tuple[int | None, ...]) -> Any:
        shaped = ops.expand_dims(values, 1 if self._along_frames else 0)
        return ops.reshape(ops.broadcast_to(shaped, shape[-2:]), (-1,))

    def _move(self, stored: Any, value: Any) -> None:
        stored.assign(stored * self.momentum + value * (1.0 - self.momentum))

    @property
    def _along_frames(self) -> bool:
        return self.axis == 2
