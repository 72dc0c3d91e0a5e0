"""The network of chapter 5 of document 004: VGG16 with a new classifier."""

from typing import Any

import keras
from keras import layers, ops

from common.learners import pretrained
from common.seeds import derive
from common.study import Setting
from reproductions.ser_parallel.vgg16 import PIXELS

# VGG16 was trained with blue first and the mean colour subtracted (Simonyan & Zisserman 2014).
MEAN_RED_GREEN_BLUE = (123.68, 116.779, 103.939)

# Section 5.2.1: what the search found. The dropout between the dense layers is departure 16.
FIRST_UNITS, SECOND_UNITS = 512, 192
DROPOUT = 0.5

# Section 5.2.3 names flip, rotation and zoom; the amounts, shares of a full turn and of the size, are departure 17.
ROTATION, ZOOM = 0.1, 0.2

BLOCKS = 5


def network(
    setting: Setting,
    n_classes: int,
    *,
    unfrozen: int = 0,
    augmented: bool = False,
    first_units: int = FIRST_UNITS,
    second_units: int = SECOND_UNITS,
) -> keras.Model:
    """Sections 5.2 and 5.3: VGG16 with a new classifier. 27,660,103 parameters.

    Args:
        setting: its `size` gives the size of pictures, its `weights` those of VGG16.
        n_classes: outputs of the softmax.
        unfrozen: how many of VGG16's last layers or blocks are trained too.
        augmented: whether training pictures are flipped, rotated and zoomed.
        first_units: units of the first dense layer.
        second_units: units of the second dense layer.
    """
    shown = keras.Input((PIXELS[setting.size], PIXELS[setting.size], 3), dtype="uint8")
    base = convolutional_base(setting)
    _unfreeze(base, unfrozen, setting)
    hidden = layers.Flatten()(base(_altered(shown) if augmented else shown))
    hidden = layers.Dense(first_units, "relu")(hidden)
    hidden = layers.Dropout(DROPOUT)(hidden)
    hidden = layers.Dense(second_units, "relu")(hidden)
    probabilities = layers.Dense(n_classes, "softmax", dtype="float32")  # in half precision two classes could tie
    return keras.Model(shown, probabilities(hidden))


def convolutional_base(setting: Setting) -> keras.Model:
    """Section 5.1: VGG16 up to its last pooling, for colours of 0..255. 14,714,688 parameters.

    Raises:
        InputError: the weights cannot be downloaded, or are not weights of VGG16.
    """
    colours = keras.Input((PIXELS[setting.size], PIXELS[setting.size], 3))
    centred = layers.Rescaling(1.0, offset=[-mean for mean in MEAN_RED_GREEN_BLUE])(colours)
    made = pretrained.network(
        "VGG16",
        keras.applications.VGG16,
        setting.weights,
        seed=derive(0, "random weights", "vgg16"),
        include_top=False,
        input_tensor=ops.flip(centred, axis=-1),
    )
    # A new model, because `made` expects a list with one tensor as its input.
    return keras.Model(colours, made.output, name=made.name)


def _altered(shown: Any) -> Any:
    """Section 5.2.3: random horizontal flip, rotation and zoom; Keras applies them in training only."""
    flipped = layers.RandomFlip("horizontal")(shown)
    return layers.RandomZoom(ZOOM)(layers.RandomRotation(ROTATION)(flipped))


def _unfreeze(base: keras.Model, last: int, setting: Setting) -> None:
    """Section 5.3: unfreeze the last layers or blocks and freeze the others."""
    convolutions = [layer for layer in base.layers if layer.weights]
    if setting.switches["unfreeze"] == "layers":
        trained = convolutions[len(convolutions) - last :]
    else:
        blocks = tuple(f"block{number}_" for number in range(BLOCKS + 1 - last, BLOCKS + 1))
        trained = [layer for layer in convolutions if layer.name.startswith(blocks)]
    base.trainable = bool(trained)  # first the model, since this sets all of its layers, then each layer
    for layer in base.layers:
        layer.trainable = layer in trained
