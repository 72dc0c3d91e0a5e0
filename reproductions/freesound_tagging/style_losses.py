"""What makes a picture similar in content and in style, and the training that lowers it.

Content is the output of one layer of an image network; style is the Gram matrices of several layers, which say which
features occur together and not where (Gatys et al. 2016). Each loss is relative: the squared difference divided by the
squares of what is wanted. So 0 is equal, a style weight means the same with every image network, and random features
of any scale will do.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from common import environment
from common.learners import pretrained
from common.progress import progress
from common.seeds import derive


@dataclass(frozen=True)
class ImageNetwork:
    """A network of `keras.applications` as a judge of pictures.

    Attributes:
        title: its name in papers.
        make: returns it, given `weights` and further arguments.
        scale: of its colours, for pictures of 0..1.
        offset: added to each channel after scaling.
        content: the layer whose output is the content.
        style: the layers whose Gram matrices are the style, from the first to the last.
    """

    title: str
    make: Callable[..., keras.Model]
    scale: float
    offset: float | tuple[float, ...]
    content: str
    style: tuple[str, ...]


IMAGE_NETWORKS: Mapping[str, ImageNetwork] = {
    # The layers are those of PyTorch's example of fast style transfer, which has the authors' network.
    "vgg16": ImageNetwork(
        "VGG16",
        keras.applications.VGG16,
        scale=255.0,
        offset=(-103.939, -116.779, -123.68),  # the mean colour, blue first; grey has equal channels
        content="block2_conv2",
        style=("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3"),
    ),
    # A choice: every other layer, from details to shapes of the size that a picture of 128 rows has.
    "mobilenet": ImageNetwork(
        "MobileNet v1 0.25",
        partial(keras.applications.MobileNet, alpha=0.25),
        scale=2.0,
        offset=-1.0,
        content="conv_pw_1_relu",
        style=("conv1_relu", "conv_pw_1_relu", "conv_pw_3_relu", "conv_pw_5_relu", "conv_pw_7_relu"),
    ),
}


class Gram(layers.Layer):
    """The Gram matrix of maps: (pictures, height, width, channels) to (pictures, channels, channels).

    It is divided by the number of places, so pictures of different sizes can be compared.
    """

    def call(self, maps: Any) -> Any:
        """Return the mean product of each two channels."""
        shape = ops.shape(maps)
        flat = ops.reshape(maps, (shape[0], shape[1] * shape[2], shape[3]))
        return ops.matmul(ops.transpose(flat, (0, 2, 1)), flat) / ops.cast(shape[1] * shape[2], maps.dtype)


class Grey(layers.Layer):
    """One picture as a weight, so that training changes the picture; it stays within 0..1.

    Args:
        start: float32 (height, width), the picture to start from.
    """

    def __init__(self, start: np.ndarray) -> None:
        super().__init__()
        initial = keras.initializers.Constant(0.0)
        self.picture = self.add_weight((*start.shape, 1), initial, constraint=partial(ops.clip, x_min=0.0, x_max=1.0))
        self.picture.assign(start[..., np.newaxis])

    def call(self, inputs: Any) -> Any:
        """Return the picture, (1, height, width, 1), whatever the inputs are."""
        del inputs
        return ops.expand_dims(self.picture, 0)


def features_of(name: str, weights: str, *, seed: int) -> keras.Model:
    """Return the model from grey pictures (pictures, height, width, 1) of 0..1 to what the losses compare.

    Its outputs are a dictionary: `content`, maps; and `style_1`, `style_2`, ..., Gram matrices. It is frozen.

    Args:
        name: a key of `IMAGE_NETWORKS`.
        weights: `imagenet`, a file, or `none` for random weights.
        seed: of random weights.

    Raises:
        InputError: the weights cannot be loaded.
    """
    chosen = IMAGE_NETWORKS[name]
    settings: dict[str, Any] = {"include_top": False, "input_shape": (None, None, 3)}
    made = pretrained.network(chosen.title, chosen.make, weights, seed=derive(seed, "random weights"), **settings)
    maps = keras.Model(made.input, [made.get_layer(layer).output for layer in (chosen.content, *chosen.style)])
    maps.trainable = False
    pictures = keras.Input((None, None, 1))
    coloured = layers.Rescaling(chosen.scale, chosen.offset)(layers.Concatenate()([pictures] * 3))
    # Batch normalisation by its stored moments: those of one picture would take away part of its style.
    content, *style = maps(coloured, training=False)
    grams = {f"style_{number}": Gram()(each) for number, each in enumerate(style, start=1)}
    return keras.Model(pictures, {"content": content, **grams}, name=name)


def relative_error(wanted: Any, obtained: Any) -> Any:
    """Return the squared difference relative to the squares of `wanted`: (pictures, ...) to (pictures,)."""
    axes = tuple(range(1, len(wanted.shape)))
    squares = ops.sum(ops.square(wanted), axes)
    return ops.sum(ops.square(wanted - obtained), axes) / ops.maximum(squares, keras.config.epsilon())


@dataclass(frozen=True)
class Losses:
    """Relative errors; `style` is the mean over its layers."""

    content: float
    style: float


def losses_between(features: keras.Model, image: np.ndarray, content: np.ndarray, style: np.ndarray) -> Losses:
    """Return the losses of a picture (height, width) to the content of one and the style of another."""
    obtained, kept, wanted = (_predicted(features, picture[np.newaxis]) for picture in (image, content, style))
    errors = {
        name: float(relative_error((kept if name == "content" else wanted)[name], obtained[name])[0])
        for name in obtained
    }
    return _losses(errors)


def _losses(errors: Mapping[str, float]) -> Losses:
    return Losses(errors["content"], float(np.mean([errors[name] for name in errors if name.startswith("style")])))


def _predicted(features: keras.Model, images: np.ndarray) -> dict[str, np.ndarray]:
    return features.predict_on_batch(images[..., np.newaxis])


def optimise(
    features: keras.Model,
    content: np.ndarray,
    style: np.ndarray,
    *,
    steps: int,
    style_weight: float,
    learning_rate: float,
) -> tuple[np.ndarray, list[Losses]]:
    """Change one picture until it has the content of one and the style of another (Gatys et al. 2016).

    Args:
        features: as `features_of` returns it.
        content: float32 (height, width) of 0..1; the optimisation starts from it.
        style: float32 (height, width) of 0..1, of any size.
        steps: of Adam.
        style_weight: the style loss counts so many times as much as the content loss.
        learning_rate: of Adam.

    Returns:
        The picture (height, width), and the losses before each step.
    """
    picture = Grey(content)
    inputs = keras.Input((*content.shape, 1))
    wanted = {**_style_of(features, style, 1), "content": _predicted(features, content[np.newaxis])["content"]}
    batch = (content[np.newaxis, ..., np.newaxis], wanted)
    model = _with_losses(keras.Model(inputs, features(picture(inputs))), style_weight, learning_rate)
    losses = _train(model, (batch for _ in range(steps)), steps, "picture")
    return np.asarray(picture.picture)[..., 0], losses


def train_network(
    features: keras.Model,
    network: keras.Model,
    contents: np.ndarray,
    style: np.ndarray,
    *,
    steps: int,
    batch_size: int,
    style_weight: float,
    learning_rate: float,
    seed: int,
) -> list[Losses]:
    """Train a network that gives every picture the style of one (Johnson et al. 2016).

    Args:
        features: as `features_of` returns it.
        network: from colour pictures to colour pictures; it is changed.
        contents: float32 (pictures, height, width) of 0..1, with height and width that are multiples of 4.
        style: float32 (height, width) of 0..1.
        steps: of Adam.
        batch_size: pictures per step.
        style_weight: the style loss counts so many times as much as the content loss.
        learning_rate: of Adam.
        seed: of the order of the pictures.

    Returns:
        The losses before each step.
    """
    inputs = keras.Input((*contents.shape[1:], 1))
    model = _with_losses(keras.Model(inputs, features(grey_output(network, inputs))), style_weight, learning_rate)
    grams = _style_of(features, style, batch_size)
    draw = np.random.default_rng(derive(seed, "pictures"))

    def batches() -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        for _ in range(steps):
            images = contents[draw.integers(len(contents), size=batch_size)]
            yield images[..., np.newaxis], {**grams, "content": _predicted(features, images)["content"]}

    return _train(model, batches(), steps, "style network")


def grey_output(network: keras.Model, inputs: Any) -> Any:
    """Return the grey pictures that a network of colour pictures makes of grey ones: the mean of its channels."""
    return ops.mean(network(layers.Concatenate()([inputs] * 3)), axis=-1, keepdims=True)


def apply_network(network: keras.Model, image: np.ndarray) -> np.ndarray:
    """Return what a trained network makes of a picture (height, width): float32 of 0..1 and the same size."""
    height, width = image.shape
    coloured = np.repeat(image[np.newaxis, ..., np.newaxis], 3, axis=-1)
    styled = network.predict_on_batch(coloured)[0].mean(axis=-1)
    return np.clip(styled[:height, :width], 0, 1)


def _style_of(features: keras.Model, style: np.ndarray, pictures: int) -> dict[str, np.ndarray]:
    """Return the Gram matrices of one picture, repeated for a batch."""
    found = _predicted(features, style[np.newaxis])
    return {name: np.repeat(value, pictures, axis=0) for name, value in found.items() if name != "content"}


def _with_losses(model: keras.Model, style_weight: float, learning_rate: float) -> keras.Model:
    layers_of_style = len(model.output) - 1
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=dict.fromkeys(model.output, relative_error),
        loss_weights={name: 1.0 if name == "content" else style_weight / layers_of_style for name in model.output},
        jit_compile=environment.jit_compile(),
    )
    return model


def _train(model: keras.Model, batches: Iterator[tuple[Any, Any]], steps: int, label: str) -> list[Losses]:
    losses = []
    with progress(label, steps) as advance:
        for x, y in batches:
            model.reset_metrics()  # Keras averages over steps otherwise
            logs: dict[str, Any] = model.train_on_batch(x, y, return_dict=True)
            errors = {name.removesuffix("_loss"): float(value) for name, value in logs.items() if name != "loss"}
            losses.append(_losses(errors))
            advance(note=f"content {losses[-1].content:.3f}, style {losses[-1].style:.3f}")
    return losses
