"""The networks of document 001: four parallel convolutions, and the two convolutions and two BLSTMs tried first.

The convolutions have large kernels, 12 x 16 to 30 x 40, on one channel; with a map of 128 x 94 they cost 3.4 billion
multiplications per clip, nearly all of the time. With `pool="grid"` only four values of each map are used, so
`GridMaximum` computes the maps by a Fourier transform along the frames, and the gradient from the four patches alone.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import keras
from keras import layers, ops

from common.study import Setting
from reproductions.valence_parallel_conv.settings import BANDS

# "Architecture design": 200 filters, kernels from 12x16 to 30x40. The inner two are those of Tripathi et al. 2019.
FILTERS = 200
KERNELS = ((12, 16), (18, 24), (24, 32), (30, 40))
UNITS = (400, 200)
# Choice (departure 6).
MOMENTUM = 0.9
FRAMES = 94
"""Frames of six seconds."""


@keras.saving.register_keras_serializable(package="encore")
class GridMaximum(layers.Layer):
    """A valid convolution of one channel, and the maximum in each cell of a 2 x 2 grid over its map.

    The result and its gradients are those of `Conv2D`, then `MaxPooling2D` with half of the map in each direction (a
    test compares them; `benchmarks/parallel_conv.py` has the speed). There is no gradient for the input, which is data.

    Shapes: input `(clips, bands, frames, 1)`, output `(clips, 2, 2, filters)`.

    Args:
        filters: number of filters.
        kernel_size: bands and frames of a filter.
    """

    def __init__(self, filters: int, kernel_size: Sequence[int], **settings: Any) -> None:
        super().__init__(**settings)
        self.filters, self.kernel_size = filters, tuple(kernel_size)

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Add the weights, with the names, shapes and initial values of `Conv2D`."""
        self.kernel = self.add_weight(
            name="kernel", shape=(*self.kernel_size, 1, self.filters), initializer="glorot_uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return (clips, 2, 2, filters).

        Raises:
            ValueError: the kernel does not fit twice into the map.
        """
        for name, size, kernel in zip(("bands", "frames"), input_shape[1:3], self.kernel_size, strict=True):
            if size is not None and size < kernel + 1:
                raise ValueError(f"{size} {name} are too few for a kernel of {kernel} and a grid of two")
        return (input_shape[0], 2, 2, self.filters)

    def call(self, inputs: Any) -> Any:
        """Return the maxima: the patches where they are, times the kernel."""
        x = ops.stop_gradient(inputs[..., 0])
        clips, size = ops.shape(x)[0], math.prod(self.kernel_size)
        patches = ops.reshape(self._patches(x, *self._places(x)), (self.filters, 4 * clips, size))
        kernel = ops.reshape(ops.transpose(self.kernel, (3, 0, 1, 2)), (self.filters, size, 1))
        maxima = ops.reshape(ops.matmul(patches, ops.cast(kernel, patches.dtype)), (self.filters, 2, 2, clips))
        return ops.transpose(maxima, (3, 1, 2, 0)) + self.bias

    def _places(self, x: Any) -> tuple[Any, Any]:
        """Return band and frame at which the patch of each maximum begins, integers (filters, 2, 2, clips)."""
        clips = ops.shape(x)[0]
        # The last row and column of an odd map are in no cell, as in `MaxPooling2D`.
        bands, frames = ((size - side + 1) // 2 for size, side in zip(ops.shape(x)[1:], self.kernel_size, strict=True))
        maps = ops.stop_gradient(self._maps(x, 2 * bands, 2 * frames))
        cells = ops.reshape(maps, (2, frames, self.filters, 2, bands, clips))
        # The band first: then only the frames of one band are left to be compared.
        band = ops.argmax(ops.max(cells, axis=1), axis=3)[:, None, :, :, None]
        frame = ops.argmax(ops.take_along_axis(cells, band, axis=4)[:, :, :, :, 0], axis=1)
        first = ops.arange(2, dtype="int32")
        band = ops.cast(band[:, 0, :, :, 0], "int32") + bands * first[None, None, :, None]
        frame = ops.cast(frame, "int32") + frames * first[:, None, None, None]
        return ops.transpose(band, (1, 2, 0, 3)), ops.transpose(frame, (1, 2, 0, 3))

    def _maps(self, x: Any, high_map: Any, wide_map: Any) -> Any:
        """Return the valid convolution of clips (clips, bands, frames) without bias, as far as asked for.

        Shape: (frames of the map, filters, bands of the map, clips).

        Along the frames it is a product of Fourier transforms, along the bands a sum. Both, and the transforms too, are
        matrix products, a quarter of the multiplications of the convolution itself for these sizes. Clips come last, so
        that what is gathered and compared lies together in memory.
        """
        clips, _, frames = ops.shape(x)
        high, wide = self.kernel_size
        # Circular at the length of the clip: the valid part does not wrap around.
        waves = _waves(frames, frames)
        spectra = ops.stack([ops.einsum("nbt,ft->fbn", x, wave) for wave in waves], axis=1)
        rows = ops.arange(high)[:, None] + ops.arange(high_map)[None, :]
        shifted = ops.reshape(ops.take(spectra, rows, axis=2), (-1, 1, 2 * high, high_map * clips))
        kernel = ops.stop_gradient(self.kernel)[:, :, 0]
        real, imaginary = (ops.einsum("htc,ft->fch", kernel, wave[:, :wide]) for wave in waves)
        # A correlation: the spectrum of the kernel is conjugate. Rows: real and imaginary part of the product.
        parts = [ops.concatenate([real, imaginary], axis=2), ops.concatenate([-imaginary, real], axis=2)]
        products = ops.matmul(ops.stack(parts, axis=1), shifted)
        columns = ops.reshape(products, (-1, self.filters * high_map * clips))
        return ops.reshape(ops.matmul(_inverse(frames, wide_map), columns), (wide_map, self.filters, high_map, clips))

    def _patches(self, x: Any, band: Any, frame: Any) -> Any:
        """Return the patches (filters, 2, 2, clips, bands of the kernel, its frames) that begin at these places."""
        clips, bands, frames = ops.shape(x)
        high, wide = self.kernel_size
        left = frames - wide + 1
        # All stretches of as many frames as the kernel has: rows of a patch are copied whole, not number by number.
        stretches = ops.take(x, ops.arange(left)[:, None] + ops.arange(wide)[None, :], axis=2)
        first = (ops.arange(clips, dtype="int32") * bands + band) * left + frame
        rows = first[..., None] + ops.arange(high, dtype="int32") * left
        return ops.take(ops.reshape(stretches, (-1, wide)), rows, axis=0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, so that a saved model can be loaded."""
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size}


def _waves(frames: Any, length: Any) -> tuple[Any, Any]:
    """Return cosine and negative sine of the frequencies of a real transform: (length // 2 + 1, frames) each."""
    # The product of integers is reduced first: large angles would lose digits in float32.
    turns = ops.arange(length // 2 + 1, dtype="int32")[:, None] * ops.arange(frames, dtype="int32")[None, :]
    angles = ops.cast(turns % length, "float32") * (2 * math.pi / ops.cast(length, "float32"))
    return ops.cos(angles), -ops.sin(angles)


def _inverse(length: Any, frames: Any) -> Any:
    """Return the inverse real transform as a matrix: (frames, 2 x frequencies), the real part of each one first."""
    cosine, sine = _waves(frames, length)
    frequency = ops.arange(length // 2 + 1, dtype="int32")
    # All but the constant and, for an even length, the highest frequency stand for their negative ones too.
    single = ops.logical_or(frequency == 0, 2 * frequency == length)
    weight = ops.where(single, 1.0, 2.0) / ops.cast(length, "float32")
    # The inverse transform turns the other way round, and i * i = -1: both signs together leave the sine as it is.
    pairs = ops.stack([cosine * weight[:, None], sine * weight[:, None]], axis=1)
    return ops.transpose(ops.reshape(pairs, (-1, frames)))


def parallel_conv(
    setting: Setting, outputs: int, *, dropout: float = 0.5, padding: Literal["valid", "same"] = "valid"
) -> keras.Model:
    """Return the proposed network for inputs (clips, 128, frames, 1).

    1,882,401 parameters with `pool=grid`, where a filter leaves a 2 x 2 grid (Tripathi et al. pool half of the map in
    each direction); 570,362,401 with `pool=window`, where it leaves the maxima of all 2 x 2 windows (963,162,401 with
    padding). Order of the dense layers: dropout, dense, normalisation, ReLU (departure 6).

    Args:
        setting: its switches `pool` and `length` decide the pooling and whether the frames are fixed.
        outputs: number of values.
        dropout: of both dense layers.
        padding: of the convolutions; only with `pool=window`.
    """
    filters = FILTERS if setting.size == "full" else DEMO_FILTERS
    inputs = keras.Input((BANDS, FRAMES if setting.switches["length"] == "document" else None, 1), name="mel")
    branches = []
    for high, wide in KERNELS:
        if setting.switches["pool"] == "grid":
            maxima = GridMaximum(filters, (high, wide), name=f"conv_{high}x{wide}")(inputs)
        else:
            maps = layers.Conv2D(filters, (high, wide), padding=padding, name=f"conv_{high}x{wide}")(inputs)
            maxima = layers.MaxPooling2D(2, name=f"pool_{high}x{wide}")(maps)
        # After the maximum, which changes nothing: ReLU keeps the order.
        branches.append(layers.Flatten()(layers.ReLU()(maxima)))
    x = layers.Concatenate()(branches)
    for units in UNITS:
        x = layers.Dense(units)(layers.Dropout(dropout)(x))
        x = layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(x))
    return keras.Model(inputs, layers.Dense(outputs, name="valence")(x))


# Sizes of cnn-blstm are choices (departure 9): Yang & Hirschberg 2018 do not print theirs.
CONV_FILTERS = (32, 64)
LSTM_UNITS = 64
DEMO_FILTERS = 20


def cnn_blstm(setting: Setting, outputs: int, *, dropout: float = 0.5) -> keras.Model:
    """Return the architecture that was tried first: two convolutions, then two bidirectional LSTMs over the frames.

    Args:
        setting: its switch `length` decides whether the frames are fixed.
        outputs: number of values.
        dropout: before the output.
    """
    inputs = keras.Input((BANDS, FRAMES if setting.switches["length"] == "document" else None, 1), name="mel")
    x = inputs
    for filters in CONV_FILTERS:
        x = layers.MaxPooling2D(2)(layers.Conv2D(filters, 3, padding="same", activation="relu")(x))
    # One step per frame: all bands and filters of a frame are its features.
    x = layers.Permute((2, 1, 3))(x)
    x = layers.Reshape((-1, x.shape[2] * x.shape[3]))(x)
    x = layers.Bidirectional(layers.LSTM(LSTM_UNITS, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(LSTM_UNITS))(x)
    return keras.Model(inputs, layers.Dense(outputs, name="valence")(layers.Dropout(dropout)(x)))
