"""The style-transfer network ("Audio-image style transfer"): from the picture of a clip to one in the style of another.

It is the network of Johnson et al. (2016) as the authors' code has it: three convolutions down, five residual blocks,
two steps up, one convolution. Their five blocks are one module that is applied five times, so it has 496,515
parameters instead of 1,679,235; each instance normalisation has a scale and an offset per channel.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

BLOCKS = 5
CHANNELS = 128


def style_network() -> keras.Model:
    """Return the untrained network, of 496,515 parameters.

    Shapes: input (pictures, height, width, 3), output the same with height and width rounded up to a multiple of 4.
    Both are unbounded, as the authors': pictures of 0..1 are clipped after the network.
    """
    x = inputs = keras.Input((None, None, 3))
    for filters, kernel, strides in ((32, 9, 1), (64, 3, 2), (CHANNELS, 3, 2)):
        x = _normalised(_convolution(filters, kernel, strides)(x))
    block = _residual_block()
    for _ in range(BLOCKS):
        x = block(x)
    for filters in (64, 32):
        x = _normalised(_convolution(filters, 3)(layers.UpSampling2D(2, interpolation="nearest")(x)))
    return keras.Model(inputs, _convolution(3, 9)(x), name="style_network")


def _residual_block() -> keras.Model:
    inputs = keras.Input((None, None, CHANNELS))
    x = _normalised(_convolution(CHANNELS, 3)(inputs))
    x = _instance_normalisation()(_convolution(CHANNELS, 3)(x))
    return keras.Model(inputs, layers.Add()([inputs, x]), name="residual")


def _convolution(filters: int, kernel: int, strides: int = 1) -> Callable[[Any], Any]:
    """Return a convolution of a picture that is reflected at its edges."""
    edge = kernel // 2
    convolve = layers.Conv2D(filters, kernel, strides)
    return lambda x: convolve(ops.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)), mode="reflect"))


def _normalised(x: Any) -> Any:
    return layers.ReLU()(_instance_normalisation()(x))


def _instance_normalisation() -> keras.layers.Layer:
    return layers.GroupNormalization(groups=-1, epsilon=1e-5)  # one group per channel; PyTorch's epsilon
