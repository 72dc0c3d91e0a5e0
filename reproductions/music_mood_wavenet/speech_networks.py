"""The networks on raw speech of document 000, whose layers are ours (`speech`): WaveNet, and CNN with LSTM."""

import keras
from keras import layers

from common.study import Setting
from reproductions.music_mood_wavenet.speech import SAMPLE_RATE, SECONDS

STEP = 32
"""Samples (2 ms) of a step of the WaveNet: its first convolution has this stride."""
CHANNELS = 16
DILATIONS = tuple(2**power for power in range(9)) * 2
"""Two stacks of nine layers: with a step of 2 ms they see two seconds back."""

FILTERS = (64, 64, 128, 128)
UNITS = 256
DROPOUT = 0.3


def wavenet(setting: Setting, outputs: int) -> keras.Model:
    """Return a gated causal WaveNet (van den Oord et al. 2016) that classifies by the mean of its skip connections.

    Shapes: input `(clips, samples, 1)`, output `(clips, outputs)`.
    """
    speech = keras.Input((round(SECONDS * SAMPLE_RATE), 1))
    x = layers.Conv1D(CHANNELS, STEP, strides=STEP)(speech)
    skipped = []
    for dilation in DILATIONS:
        gated = layers.Conv1D(2 * CHANNELS, 2, padding="causal", dilation_rate=dilation)(x)
        content, gate = keras.ops.split(gated, 2, axis=-1)  # the gradient of two slices takes a third of a step
        z = layers.Multiply()([layers.Activation("tanh")(content), layers.Activation("sigmoid")(gate)])
        skipped.append(layers.Conv1D(CHANNELS, 1)(z))
        x = layers.Add()([x, layers.Conv1D(CHANNELS, 1)(z)])
    x = layers.Activation("relu")(layers.Add()(skipped))
    x = layers.Conv1D(CHANNELS, 1, activation="relu")(x)
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(speech, layers.Dense(outputs, activation="softmax")(x), name="wavenet")


def cnn_lstm(setting: Setting, outputs: int) -> keras.Model:
    """Return four convolutions, each of stride 4, and an LSTM.

    Shapes: input `(clips, samples, 1)`, output `(clips, outputs)`.
    """
    speech = x = keras.Input((round(SECONDS * SAMPLE_RATE), 1))
    for filters in FILTERS:
        x = layers.Conv1D(filters, 8, strides=4, padding="same", use_bias=False)(x)
        x = layers.Activation("elu")(layers.BatchNormalization()(x))
    x = layers.Dropout(DROPOUT)(layers.LSTM(UNITS)(x))
    return keras.Model(speech, layers.Dense(outputs, activation="softmax")(x), name="cnn_lstm")
