"""The taggers of document 000 ("Approach Overview"): a front that makes three channels of one, an ImageNet backbone.

Facts are the authors' code's, except where a choice is named.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
from keras import layers

from common.learners import pretrained
from common.seeds import derive
from common.study import Setting
from reproductions.music_mood_wavenet import inputs, nsynth
from reproductions.music_mood_wavenet.weights import backbone_of

FRONT = (10, 3)
"""Filters of the two 1 x 1 convolutions before the backbone."""
SCALED_IN = "stem_conv_pad"
"""The first layer of Keras' EfficientNets after their own scaling of pixels."""

BACKBONES: dict[str, tuple[str, Callable[..., keras.Model]]] = {
    "b0": ("EfficientNet-B0", keras.applications.EfficientNetB0),
    "b6": ("EfficientNet-B6", keras.applications.EfficientNetB6),
    "b7": ("EfficientNet-B7", keras.applications.EfficientNetB7),
    "mobilenetv2": ("MobileNetV2", keras.applications.MobileNetV2),
}
"""`keras.applications` has no EfficientNet-B8, which one slide names."""


def mel_b0(setting: Setting, outputs: int) -> keras.Model:
    """Return EfficientNet-B0 for mel spectrograms, (tracks, 96, frames, 1), which are divided by 100 (code)."""
    shape = (inputs.BANDS, inputs.frames_of(setting))
    return tagger(setting, outputs, name="b0", shape=shape, dropout=0.2, scale=100.0)


def wavenet(setting: Setting, outputs: int, *, tiled: int) -> keras.Model:
    """Return the network for WaveNet features (tracks, 16 * tiled, steps, 1): MobileNetV2; if tiled, EfficientNet."""
    shape = (nsynth.CHANNELS * tiled, inputs.steps_of(setting))
    name = "mobilenetv2" if tiled == 1 else setting.switches["variant"] if setting.size == "full" else "b0"
    setting = replace(setting, weights=backbone_of(setting.weights, name))
    return tagger(setting, outputs, name=name, shape=shape, dropout=0.2 if tiled == 1 else 0.5)


def tagger(
    setting: Setting, outputs: int, *, name: str, shape: tuple[int, int], dropout: float, scale: float = 1.0
) -> keras.Model:
    """Return the network of one row of the table.

    Shapes: input `(clips, bands, frames, 1)`, output `(clips, tags)`, a probability per tag.

    Args:
        setting: its weights are those of the backbone.
        outputs: number of tags.
        name: of the backbone, a key of `BACKBONES`.
        shape: bands and frames of the input.
        dropout: before the dense layer.
        scale: what the input is divided by.

    Raises:
        InputError: the weights cannot be loaded.
    """
    x = inputs = keras.Input((*shape, 1), name="features")
    x = layers.BatchNormalization(name="front_normalisation")(layers.Rescaling(1 / scale)(x))
    for number, filters in enumerate(FRONT, start=1):
        x = layers.Conv2D(filters, 1, activation="relu", name=f"front_{number}")(x)
    x = layers.GlobalAveragePooling2D()(backbone(setting, name, shape)(x))
    return keras.Model(inputs, layers.Dense(outputs, activation="sigmoid")(layers.Dropout(dropout)(x)))


def backbone(setting: Setting, name: str, shape: tuple[int, int]) -> keras.Model:
    """Return a network of `keras.applications` without its top and without its own scaling of pixels.

    Keras' EfficientNets begin with a division by 255 and a normalisation, the authors' do not: what the front returns
    are no pixels of 0 to 255.
    """
    title, make = BACKBONES[name]
    settings: dict[str, Any] = {"include_top": False, "input_shape": (*shape, 3)}
    if min(shape) < 32:  # Keras refuses smaller sizes unless they are left open
        settings["input_shape"] = (None, None, 3)
    made = pretrained.network(title, make, setting.weights, seed=derive(setting.seed, "backbone"), **settings)
    if name == "mobilenetv2":
        return _padded_on_both_sides(made)
    return keras.Model(made.get_layer(SCALED_IN).input, made.output, name=made.name)


def _padded_on_both_sides(made: keras.Model) -> keras.Model:
    """Return a network that pads both sides before a stride, as PyTorch's does: with Keras' no row of 16 is left.

    The first convolution pads as before.
    """

    def padded(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, layers.ZeroPadding2D):
            return layers.ZeroPadding2D(1, name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    again = keras.models.clone_model(made, clone_function=padded)
    again.set_weights(made.get_weights())
    return again
