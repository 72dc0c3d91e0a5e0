"""A network of two convolutions in place of VGG16."""

from typing import Any

import keras

from reproductions.freesound_tagging.style_losses import ImageNetwork


def make(weights: str | None, input_shape: tuple[int | None, ...], include_top: bool) -> keras.Model:
    assert not include_top
    inputs = keras.Input(input_shape)
    first = keras.layers.Conv2D(6, 3, strides=2, activation="relu", name="first")(inputs)
    second = keras.layers.Conv2D(8, 3, activation="relu", name="second")(first)
    made: Any = keras.Model(inputs, second)
    if weights:
        made.load_weights(weights)
    return made


TINY = ImageNetwork("tiny", make, scale=2.0, offset=-1.0, content="first", style=("first", "second"))
