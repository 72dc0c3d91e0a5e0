"""The networks of chapter 4 of document 004: one CNN block, two in parallel, and two beside a transformer encoder."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops
from keras_nlp.layers import TransformerEncoder

from common.learners.layers import BatchNormalization
from common.study import Setting
from reproductions.ser_parallel.from_scratch import BANDS

# Section 4.3.1: filters and pools of the three layers of a block, and its dropout.
BLOCK = ((16, 2), (32, 4), (64, 4))
BLOCK_DROPOUT = 0.3
FRAME_AXIS, CHANNEL_AXIS = 2, 3

# Section 4.5.1: the encoder.
ENCODERS = 4
ENCODER = {"intermediate_dim": 512, "num_heads": 4, "dropout": 0.4, "activation": "relu"}


def cnn_block(maps: Any, normalise: str, name: str) -> Any:
    """Section 4.3.1: three times convolution, normalisation, ReLU, pooling and dropout; then flattened.

    Args:
        maps: shape (clips, 128, frames, 1).
        normalise: `time` or `channel`.
        name: of the flattened output, which has 512 values for 94 frames and 1280 for 188.
    """
    for filters, pool in BLOCK:
        maps = layers.Conv2D(filters, 3, padding="same")(maps)
        maps = BatchNormalization(axis=FRAME_AXIS if normalise == "time" else CHANNEL_AXIS)(maps)
        maps = layers.Activation("relu")(maps)
        maps = layers.MaxPooling2D(pool)(maps)
        maps = layers.Dropout(BLOCK_DROPOUT)(maps)
    return layers.Flatten(name=name)(maps)


def encoder_block(maps: Any, attention: str) -> Any:
    """Section 4.5.1: four encoders, averaged over time to 128 values.

    Args:
        maps: shape (clips, 128, frames, 1).
        attention: `batch` feeds (frames, clips, 128) to layers that expect (batch, time, 128), so that attention is
            over the clips; `time` feeds (clips, frames, 128).
    """
    coefficients = ops.squeeze(maps, CHANNEL_AXIS)
    over_batch = attention == "batch"
    sequence = ops.transpose(coefficients, (2, 0, 1) if over_batch else (0, 2, 1))
    for _ in range(ENCODERS):
        sequence = TransformerEncoder(**ENCODER)(sequence)
    return ops.mean(sequence, axis=0 if over_batch else 1)


def classifier(inputs: Any, parts: Sequence[Any], n_classes: int) -> keras.Model:
    """Return a model that concatenates the parts and classifies them by Dense and softmax."""
    joined = ops.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
    probabilities = layers.Softmax(dtype="float32")  # in half precision two classes could tie
    return keras.Model(inputs, probabilities(layers.Dense(n_classes)(joined)))


def single_cnn(setting: Setting, n_classes: int, *, frames: int) -> keras.Model:
    """Section 4.3: one block. 27,495 parameters on 94 frames, normalised by frame."""
    inputs = keras.Input((BANDS, frames, 1))
    return classifier(inputs, [cnn_block(inputs, setting.switches["normalise"], "first_block")], n_classes)


def dual_cnn(setting: Setting, n_classes: int, *, frames: int) -> keras.Model:
    """Section 4.4: two blocks in parallel. 54,983 parameters."""
    inputs, normalise = keras.Input((BANDS, frames, 1)), setting.switches["normalise"]
    blocks = [cnn_block(inputs, normalise, name) for name in ("first_block", "second_block")]
    return classifier(inputs, blocks, n_classes)


def parallel(setting: Setting, n_classes: int, *, frames: int) -> keras.Model:
    """Section 4.5: an encoder and two blocks in parallel. 848,967 parameters on 94 frames, 860,943 on 188."""
    inputs, normalise = keras.Input((BANDS, frames, 1)), setting.switches["normalise"]
    blocks = [cnn_block(inputs, normalise, name) for name in ("first_block", "second_block")]
    return classifier(inputs, [encoder_block(inputs, setting.switches["attention"]), *blocks], n_classes)
