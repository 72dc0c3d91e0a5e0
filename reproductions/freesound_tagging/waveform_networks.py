"""The networks of document 003 on waveforms, as in the authors' code.

Inputs are `(clips, 88200 samples, 1)`, outputs a probability per tag, `(clips, tags)`.
"""

from typing import Any

import keras
from keras import layers

from common.study import Setting
from reproductions.freesound_tagging.networks import batch_normalised, conv, dense

SAMPLES = 88_200
"""Two seconds at 44.1 kHz."""


def _front(inputs: Any) -> Any:
    """Return the first layer of both networks: 64 channels, a third of the samples (clips, 29400, 64)."""
    return layers.ReLU()(batch_normalised(conv(inputs, layers.Conv1D, 64, 3, strides=3)))


SAMPLECNN_CHANNELS = (64, 128, 128, 128, 256, 256, 256, 512, 512)


def samplecnn(setting: Setting, outputs: int) -> keras.Model:
    """Return SampleCNN (Lee et al. 2017), 1,854,480 trainable parameters for 80 tags.

    Args:
        setting: has no effect.
        outputs: number of tags.
    """
    inputs = keras.Input((SAMPLES, 1), name="waveform")
    x = _front(inputs)
    for channels in SAMPLECNN_CHANNELS:
        x = layers.ReLU()(batch_normalised(conv(x, layers.Conv1D, channels, 3, padding="same")))
        x = layers.MaxPooling1D(3)(x)
    return keras.Model(inputs, dense(layers.Flatten()(x), outputs, "sigmoid"))


RESE_BLOCKS, RESE_CHANNELS = 9, 64


def rese2multi(setting: Setting, outputs: int) -> keras.Model:
    """Return ReSE-2-Multi (Kim et al. 2018), 389,648 trainable parameters for 80 tags.

    The tags depend on the maxima over time of the last three blocks.

    Args:
        setting: has no effect.
        outputs: number of tags.
    """
    inputs = keras.Input((SAMPLES, 1), name="waveform")
    blocks = [_front(inputs)]
    for _ in range(RESE_BLOCKS):
        blocks.append(_rese_block(blocks[-1]))
    levels = layers.Concatenate()([layers.GlobalMaxPooling1D()(block) for block in blocks[-3:]])
    return keras.Model(inputs, dense(levels, outputs, "sigmoid"))


def _rese_block(x: Any) -> Any:
    """Return a residual block with squeeze and excitation. As in the authors' code, the block's input is squeezed."""
    branch = layers.ReLU()(batch_normalised(conv(x, layers.Conv1D, RESE_CHANNELS, 3, padding="same")))
    branch = batch_normalised(conv(layers.Dropout(0.2)(branch), layers.Conv1D, RESE_CHANNELS, 3, padding="same"))
    gate = dense(layers.GlobalAveragePooling1D()(x), 2 * RESE_CHANNELS, "relu")
    gate = layers.Reshape((1, RESE_CHANNELS))(dense(gate, RESE_CHANNELS, "sigmoid"))
    return layers.MaxPooling1D(3)(layers.ReLU()(layers.Add()([x, layers.Multiply()([branch, gate])])))
