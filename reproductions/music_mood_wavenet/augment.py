"""What alters the training clips of document 000: blocks of SpecAugment, mixup, and a stretched centre.

The functions take `random`, seeds for `keras.random`: those of a training step in `common.study.Inputs.augment`, or a
`keras.random.SeedGenerator`. They run inside tf.data and under every backend of Keras. The authors' order is
`centre_stretch`, `spec_augment`, `mixup`.
"""

from typing import Any

import keras
from keras import ops

from reproductions.music_mood_wavenet.settings import MEL_BLOCKS

AUGMENTED = 0.7
STRETCHED = 0.33
WIDEST = 2.3
"""The largest width over height that the authors allow a crop (`resize_ratio` of their transforms)."""


def spec_augment(
    x: Any,
    random: Any,
    *,
    p: float = AUGMENTED,
    blocks: int = MEL_BLOCKS["blocks"],
    max_channels: float = MEL_BLOCKS["max_channels"],
    max_frames: float = MEL_BLOCKS["max_frames"],
) -> Any:
    """Fill blocks of frames and of channels with the minimum of the clip ("SpecAugment").

    One draw per clip decides whether it is altered. The width of a block is uniform from 0 to the largest, rounded
    down, and so is its place. Blocks may overlap. Slide: p 0.7, two blocks of each kind; sheet: the widths, and one
    block of each kind, up to 10 % and 15 %, for the inputs of the WaveNet.

    Args:
        x: (clips, channels, frames, 1).
        random: seeds for `keras.random`.
        p: probability that a clip is altered.
        blocks: number of blocks of channels, and of frames.
        max_channels: largest width of a block of channels, as a share of all.
        max_frames: largest width of a block of frames, as a share of all.
    """
    clips, channels, frames, _ = ops.shape(x)
    altered = keras.random.uniform((clips, 1), seed=random) < p
    rows = ops.logical_and(altered, _in_blocks(clips, channels, random, blocks, max_channels))
    columns = ops.logical_and(altered, _in_blocks(clips, frames, random, blocks, max_frames))
    filled = ops.logical_or(rows[:, :, None, None], columns[:, None, :, None])
    return ops.where(filled, ops.min(x, axis=(1, 2, 3), keepdims=True), x)


def _in_blocks(clips: Any, length: Any, random: Any, blocks: int, share: float) -> Any:
    """Return whether each of `length` places is in one of the blocks of a clip: booleans (clips, length)."""
    width, start = (keras.random.uniform((clips, 1, blocks), seed=random) for _ in range(2))
    whole = ops.cast(length, "float32")
    width = ops.floor(width * share * whole)
    start = ops.floor(start * (whole - width))
    place = ops.cast(ops.arange(length), "float32")[None, :, None]
    return ops.any(ops.logical_and(place >= start, place < start + width), axis=-1)


@keras.saving.register_keras_serializable(package="encore")
class SpecAugment(keras.layers.Layer):
    """`spec_augment` as a layer: seeded, and active only in training.

    Shapes: input and output `(clips, channels, frames, 1)`.

    Args:
        p: probability that a clip is altered.
        blocks: number of blocks of channels, and of frames.
        max_channels: largest width of a block of channels, as a share of all.
        max_frames: largest width of a block of frames, as a share of all.
        seed: of everything random.
    """

    def __init__(
        self,
        *,
        p: float = AUGMENTED,
        blocks: int = MEL_BLOCKS["blocks"],
        max_channels: float = MEL_BLOCKS["max_channels"],
        max_frames: float = MEL_BLOCKS["max_frames"],
        seed: int = 0,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.arguments: dict[str, Any] = {
            "p": p,
            "blocks": blocks,
            "max_channels": max_channels,
            "max_frames": max_frames,
        }
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the inputs, altered in training."""
        return spec_augment(inputs, self.seed_generator, **self.arguments) if training else inputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, so that a saved model can be loaded."""
        return {**super().get_config(), **self.arguments, "seed": self.seed}


def mixup(x: Any, y: Any, random: Any) -> tuple[Any, Any]:
    """Mix every clip and its targets with another clip of the batch (sheet: Beta(1, 1), one weight per clip).

    A choice: partners are a permutation of the same batch, so that a clip may be its own. The authors draw them from
    all clips.

    Args:
        x: (clips, ...).
        y: (clips, outputs).
        random: seeds for `keras.random`.
    """
    clips = ops.shape(x)[0]
    weight = keras.random.uniform((clips,), seed=random)  # which is Beta(1, 1)
    partner = keras.random.shuffle(ops.arange(clips), seed=random)

    def mixed(values: Any) -> Any:
        dtype = keras.backend.standardize_dtype(values.dtype)
        own = ops.reshape(ops.cast(weight, dtype), (clips,) + (1,) * (len(values.shape) - 1))
        return own * values + (1 - own) * ops.take(values, partner, axis=0)

    return mixed(x), mixed(y)


def centre_width(height: int) -> int:
    """Return the columns of the centre patch that stand for the whole image of this height.

    The authors crop at random and resize to the full size: 80 to 100 % of the area, width over height from 1.7 to 2.3
    (`resize_scale` and `resize_ratio` of their transforms), as in torchvision's RandomResizedCrop. A box of 80 % of
    96 x 6590 with the widest ratio is 469 rows high (102 of 32 x 937, 72 of 16 x 937), so that none of the ten that are
    tried fits. Then the class takes the centre: as the image is too wide, its full height, and 2.3 times as many
    columns. This gives patches of 96 x 221, 32 x 74 and 16 x 37. With torchvision's own ratio, 4/3, the first would be
    96 x 128.
    """
    return round(height * WIDEST)


def centre_stretch(x: Any, random: Any, *, p: float = STRETCHED) -> Any:
    """Stretch the centre of a clip to its full width, bilinearly, with probability `p` (see `centre_width`).

    Args:
        x: (clips, channels, frames, 1). Of fewer frames than 2.3 times the channels, all are the centre.
        random: seeds for `keras.random`.
        p: probability that a clip is stretched.
    """
    _, channels, frames, _ = x.shape
    width = min(centre_width(channels), frames)
    first = max(int((frames - WIDEST * channels) // 2), 0)
    patch = x[:, :, first : first + width]
    stretched = ops.image.resize(patch, (channels, frames), interpolation="bilinear", data_format="channels_last")
    drawn = keras.random.uniform((ops.shape(x)[0], 1, 1, 1), seed=random) < p
    return ops.where(drawn, ops.cast(stretched, keras.backend.standardize_dtype(x.dtype)), x)
