"""The networks of document 003 on mel spectrograms, as in the authors' code.

Inputs are `(clips, 128 frames, 128 bands)`, outputs a probability per tag, `(clips, tags)`. The authors' networks
return logits; here the sigmoid or softmax is part of the network.

PyTorch's defaults are kept where Keras has others: the slope of LeakyReLU, momentum and epsilon of batch normalisation,
and the distribution of initial weights and biases. One detail differs: the moving variance of batch normalisation is
the batch's own, without PyTorch's correction n / (n - 1).
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import keras
from keras import layers, ops

from common.errors import InputError
from common.learners import pretrained
from common.seeds import derive
from common.study import Setting
from reproductions.freesound_tagging.mask import MaskedConv1D

FRAMES, BANDS = 128, 128


def uniform(fan_in: int, *, of: tuple[str, ...] = ("kernel", "bias")) -> dict[str, keras.initializers.Initializer]:
    """Return PyTorch's default initialisers, uniform in +- 1 / sqrt(fan_in), as arguments of a layer."""
    bound = fan_in**-0.5
    # One object for each: Keras draws the same values again from an object that is used twice.
    return {f"{weights}_initializer": keras.initializers.RandomUniform(-bound, bound) for weights in of}


def conv(x: Any, layer: type[keras.layers.Layer], filters: int, size: int, **settings: Any) -> Any:
    """Return the output of a convolution of `size` in each direction, initialised as in PyTorch."""
    return layer(filters, size, **uniform(x.shape[-1] * size ** (len(x.shape) - 2)), **settings)(x)


def dense(x: Any, units: int, activation: str | None = None) -> Any:
    """Return the output of a dense layer, initialised as in PyTorch."""
    return layers.Dense(units, activation, **uniform(x.shape[-1]))(x)


def batch_normalised(x: Any) -> Any:
    """Return the output of batch normalisation over channels with PyTorch's momentum and epsilon."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def leaky(x: Any) -> Any:
    """Return the output of LeakyReLU with PyTorch's slope."""
    return layers.LeakyReLU(0.01)(x)


def mel() -> keras.KerasTensor:
    """Return the input of all networks of this module (clips, 128 frames, 128 bands)."""
    return keras.Input((FRAMES, BANDS), name="mel")


def one_channel(x: Any) -> Any:
    """Return a mel spectrogram as a map of one channel (clips, frames, bands, 1)."""
    return layers.Reshape((*x.shape[1:], 1))(x)


# (filters as a multiple of the first layer's, pooling in frames and bands) of both DCNNs.
DCNN_CONVS = ((1, (4, 2)), (2, (4, 2)), (2, None))
DCNN_FILTERS = 24


def dcnn(setting: Setting, outputs: int) -> keras.Model:
    """Return the deep CNN of Salamon & Bello, 722,336 parameters for 80 tags. A clip is 2400 numbers after flattening.

    Args:
        setting: has no effect.
        outputs: number of tags.
    """
    inputs = mel()
    x = one_channel(inputs)
    for times, pool in DCNN_CONVS:
        x = conv(x, layers.Conv2D, times * DCNN_FILTERS, 5)
        x = layers.ReLU()(layers.MaxPooling2D(pool)(x) if pool else x)
    return keras.Model(inputs, _dcnn_head(x, layers.ReLU(), outputs))


def moddcnn(
    setting: Setting,
    outputs: int,
    *,
    normalisation: Literal["batch", "instance"] = "batch",
    filters: int = DCNN_FILTERS,
) -> keras.Model:
    """Return the modified DCNN, with normalisation and LeakyReLU: 722,576 trainable parameters for 80 tags.

    Args:
        setting: has no effect.
        outputs: number of tags.
        normalisation: of the maps. `instance` is named on a slide and is not in the authors' final code.
        filters: of the first convolution; the others have twice as many. More are named on a slide too.

    Raises:
        InputError: there is no such normalisation.
    """
    normalised = {"batch": batch_normalised, "instance": _instance_normalised}
    if normalisation not in normalised:
        raise InputError(f"normalisation is {' or '.join(normalised)}, not {normalisation!r}")
    inputs = mel()
    x = one_channel(inputs)
    for times, pool in DCNN_CONVS:
        x = conv(x, layers.Conv2D, times * filters, 5)
        x = leaky(normalised[normalisation](layers.MaxPooling2D(pool)(x) if pool else x))
    return keras.Model(inputs, _dcnn_head(x, layers.LeakyReLU(0.01), outputs))


def _instance_normalised(x: Any) -> Any:
    return layers.GroupNormalization(groups=-1, epsilon=1e-5)(x)


def _dcnn_head(x: Any, activation: keras.layers.Layer, outputs: int) -> Any:
    x = activation(dense(layers.Dropout(0.5)(layers.Flatten()(x)), 256))
    return dense(layers.Dropout(0.5)(x), outputs, "sigmoid")


GRU_LAYERS, GRU_UNITS = 3, 64


def gru(setting: Setting, outputs: int) -> keras.Model:
    """Return three bidirectional GRUs, 254,288 parameters for 80 tags.

    The tags depend on the 384 final states: of each layer, in each direction.

    Args:
        setting: its switch `gru_axis` decides whether the steps are `bands`, each with its 128 frames, or `frames`.
        outputs: number of tags.
    """
    inputs = mel()
    x = layers.Permute((2, 1))(inputs) if setting.switches["gru_axis"] == "bands" else inputs
    states = []
    for number in range(GRU_LAYERS):
        if number > 0:
            x = layers.Dropout(0.2)(x)
        x, forward, backward = layers.Bidirectional(
            layers.GRU(
                GRU_UNITS,
                return_sequences=True,
                return_state=True,
                **uniform(GRU_UNITS, of=("kernel", "recurrent", "bias")),
            )
        )(x)
        states += [forward, backward]
    return keras.Model(inputs, dense(layers.Concatenate()(states), outputs, "sigmoid"))


KAGGLE_CHANNELS = (64, 128, 256, 512)
KAGGLE_DEMO_CHANNELS = (16, 32, 64, 128)


def kaggle(setting: Setting, outputs: int) -> keras.Model:
    """Return the CNN of a public Kaggle kernel: 4,764,305 trainable parameters for 80 tags.

    Args:
        setting: at demo size, the convolutions have a quarter of the channels.
        outputs: number of tags.
    """
    inputs = mel()
    x = one_channel(inputs)
    for channels in KAGGLE_CHANNELS if setting.size == "full" else KAGGLE_DEMO_CHANNELS:
        for _ in range(2):
            x = layers.Conv2D(channels, 3, padding="same", kernel_initializer="he_normal")(x)
            x = layers.ReLU()(batch_normalised(x))
        x = layers.AveragePooling2D(2)(x)
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    # One slope for all units, as in PyTorch.
    x = layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25), shared_axes=[1])(dense(x, 128))
    return keras.Model(inputs, dense(layers.Dropout(0.1)(batch_normalised(x)), outputs, "sigmoid"))


MCNN_CONV: Mapping[str, Any] = {"filters": 256, "size": 9, "padding": "same"}
"""A conditional layer of order 4: a node sees four frames before and after its own."""
MCNN_MASK = {"bandwidth": 64, "overlap": 32}


def mcnn(setting: Setting, outputs: int, *, masked: bool) -> keras.Model:
    """Return the masked conditional network: 4,247,120 trainable parameters for 80 tags, masked ones included.

    The output is a softmax over the tags, because its loss is the cross-entropy of a softmax.

    Args:
        setting: has no effect.
        outputs: number of tags.
        masked: whether the first two layers have masks.
    """
    first: dict[str, Any] = {"layer": MaskedConv1D, **MCNN_MASK} if masked else {"layer": layers.Conv1D}
    inputs = mel()
    x = batch_normalised(leaky(conv(inputs, **first, **MCNN_CONV)))
    x = batch_normalised(layers.MaxPooling1D(2)(leaky(conv(x, **first, **MCNN_CONV))))
    x = layers.MaxPooling1D(2)(leaky(conv(x, layers.Conv1D, **MCNN_CONV)))
    x = batch_normalised(layers.MaxPooling1D(4)(leaky(conv(x, layers.Conv1D, **MCNN_CONV))))
    x = leaky(dense(layers.Flatten()(x), 1024))
    return keras.Model(inputs, dense(x, outputs, "softmax"))


@keras.saving.register_keras_serializable(package="encore")
class PixelRange(layers.Layer):
    """Scales each clip so that its smallest value is 0 and its largest 255; a constant clip becomes 0.

    Shapes: input and output `(clips, frames, bands, channels)`.
    """

    def call(self, inputs: Any) -> Any:
        """Scale `inputs`."""
        lowest, highest = (take(inputs, axis=(1, 2, 3), keepdims=True) for take in (ops.min, ops.max))
        return 255 * (inputs - lowest) / ops.maximum(highest - lowest, keras.config.epsilon())


def _minus_one_to_one() -> keras.layers.Layer:
    return layers.Rescaling(1 / 127.5, -1.0)


def _without_the_mean_of_imagenet() -> keras.layers.Layer:
    return layers.Rescaling(1.0, [-103.939, -116.779, -123.68])  # blue, green, red


def _unchanged() -> keras.layers.Layer:
    return layers.Identity()


def _mobilenet(**settings: Any) -> keras.Model:
    return keras.applications.MobileNet(alpha=0.25, **settings)


BACKBONES: dict[str, tuple[str, Callable[..., keras.Model], Callable[[], keras.layers.Layer]]] = {
    "mobilenet-0.25": ("MobileNet v1 0.25", _mobilenet, _minus_one_to_one),
    "mobilenetv2": ("MobileNetV2", keras.applications.MobileNetV2, _minus_one_to_one),
    "efficientnetb0": ("EfficientNet-B0", keras.applications.EfficientNetB0, _unchanged),  # scales pixels itself
    "resnet50": ("ResNet-50", keras.applications.ResNet50, _without_the_mean_of_imagenet),
    "vgg16": ("VGG16", keras.applications.VGG16, _without_the_mean_of_imagenet),
}
"""Name in papers, function, and how pixels of 0 to 255 are prepared, as `preprocess_input` of `keras.applications`."""


def imagenet_cnn(setting: Setting, outputs: int) -> keras.Model:
    """Return a classifier of ImageNet that is trained further on mel spectrograms as grey images.

    The document does not say which classifiers it tried.

    Args:
        setting: its switch `backbone` is a key of `BACKBONES`; its weights are those of the backbone.
        outputs: number of tags.

    Raises:
        InputError: the weights cannot be loaded.
    """
    title, make, prepared = BACKBONES[setting.switches["backbone"]]
    seed = derive(setting.seed, "backbone")
    shape = (FRAMES, BANDS, 3)
    backbone = pretrained.network(title, make, setting.weights, seed=seed, include_top=False, input_shape=shape)
    inputs = mel()
    pixels = PixelRange()(one_channel(inputs))
    x = layers.GlobalAveragePooling2D()(backbone(prepared()(layers.Concatenate()([pixels] * 3))))
    return keras.Model(inputs, dense(x, outputs, "sigmoid"))
