"""The NSynth encoder: 16 numbers for every 512 samples of audio ("Wavenet as Features for Classification").

The encoder of the WaveNet autoencoder of Engel et al. 2017, "Neural Audio Synthesis of Musical Notes with WaveNet
Autoencoders", as magenta's code builds it: 30 residual blocks of dilated convolutions that are not causal. The document
uses it frozen, with the released weights (`load_checkpoint`). Without them its weights are random, but always the same.
Mu-law coding is the first operation of the model, so that callers give plain waveforms at 16 kHz.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from common import environment
from common.errors import InputError
from common.seeds import derive

HOP_LENGTH = 512
CHANNELS = 16
WIDTH = 128
KERNEL = 3
BLOCKS = 30
DILATIONS = tuple(2 ** (block % 10) for block in range(BLOCKS))
MU = 255

SEED = 0
"""Seed of the weights of an untrained encoder, of every run: its features are cached and compared between runs."""

CONTEXT = -(-(KERNEL // 2 * (1 + sum(DILATIONS))) // HOP_LENGTH)
"""Steps on each side that an output depends on: 3070 samples are within 6 steps."""

PIECE = 244
"""Steps encoded at a time: with the context on both sides a layer's output has 64 MiB, and 5 % is computed twice."""

AVERAGE = "/ExponentialMovingAverage"
"""What TensorFlow adds to the name of a variable for its moving average."""


def mu_law(waveform: Any) -> Any:
    """Return samples in [-1, 1] on the logarithmic scale of mu-law coding, in steps of 1/128, of the same shape.

    Sheet: floor(128 * sign(x) * ln(1 + 255 |x|) / ln 256) / 128. Silence gives 0. A sample of exactly 1 gives 128 / 128
    and not 127 / 128, as in magenta's code, which cuts nothing off.
    """
    logarithm = ops.log(1.0 + MU * ops.absolute(waveform)) / float(np.log(1.0 + MU))
    return ops.floor(128.0 * ops.sign(waveform) * logarithm) / 128.0


def encoder() -> keras.Model:
    """Return the encoder, frozen, with random weights that are always the same.

    1,976,336 parameters. Layers are named like the scopes of the released checkpoint. The variance of the random
    weights is that of He et al. 2015 after a ReLU, divided by the number of blocks where a block ends, so that the sum
    of 30 blocks stays as large as what the first is given: on noise the outputs have a std of 1, and of 24 with the
    variance with which magenta's training began, 1 / inputs everywhere.

    Shapes: input `(clips, samples, 1)`, a waveform at 16 kHz in [-1, 1] whose samples are a multiple of 512; output
    `(clips, steps, 16)`, one step per 512 samples.
    """
    inputs = keras.Input((None, 1), name="waveform")
    start = layers.Conv1D(WIDTH, KERNEL, padding="same", **_named("ae_startconv", 1.0))
    x = start(mu_law(inputs))
    for block, dilation in enumerate(DILATIONS, start=1):
        conv = layers.Conv1D(
            WIDTH,
            KERNEL,
            padding="same",
            dilation_rate=dilation,
            activation="relu",
            **_named(f"ae_dilatedconv_{block}", 2.0),
        )
        # A convolution with a kernel of 1 is a dense layer.
        x = layers.Add()([x, layers.Dense(WIDTH, **_named(f"ae_res_{block}", 2.0 / BLOCKS))(conv(ops.relu(x)))])
    bottleneck = layers.Dense(CHANNELS, **_named("ae_bottleneck", 1.0))
    model = keras.Model(inputs, layers.AveragePooling1D(HOP_LENGTH, name="ae_pool")(bottleneck(x)), name="nsynth")
    model.trainable = False
    model.compile(jit_compile=environment.jit_compile())
    return model


def _named(scope: str, scale: float) -> dict[str, Any]:
    """Return the name of a layer and its random weights, of variance `scale / inputs`."""
    drawn = keras.initializers.VarianceScaling(scale, "fan_in", "uniform", seed=derive(SEED, "nsynth", scope))
    return {"name": scope, "kernel_initializer": drawn}


def steps(samples: int) -> int:
    """Return the number of steps that the encoder gives for this number of samples; the tail fills no step."""
    return samples // HOP_LENGTH


def encode(model: keras.Model, waveform: np.ndarray, *, piece: int = PIECE) -> np.ndarray:
    """Encode a track of any length, in pieces, with the result of a single pass.

    A piece is computed with all that its outputs depend on, and the outputs for this context are left out. At the ends
    of the track there is none, and every layer adds its zeros there, as in a single pass. The memory depends on the
    length of a piece; of the track only its samples are held.

    Args:
        model: from `encoder`.
        waveform: (samples,) at 16 kHz in [-1, 1]; may be a memory map.
        piece: steps that are computed at a time.

    Returns:
        float32 (steps, 16); one step per 512 samples, without the tail that fills none.
    """
    total = steps(len(waveform))
    encoded = np.empty((total, CHANNELS), np.float32)
    for start in range(0, total, piece):
        end = min(start + piece, total)
        first, last = max(start - CONTEXT, 0), min(end + CONTEXT, total)
        part = np.asarray(waveform[first * HOP_LENGTH : last * HOP_LENGTH], np.float32)
        encoded[start:end] = model.predict_on_batch(part[np.newaxis, :, np.newaxis])[0, start - first : end - first]
    return encoded


def load_checkpoint(model: keras.Model, path: str | Path) -> None:
    """Load the released weights: magenta's `wavenet-ckpt`, files `model.ckpt-200000.*`.

    Magenta's `fastgen.encode`, which the authors ran, restores the variables themselves. Training also kept moving
    averages of them; these are loaded where a checkpoint has nothing else.

    Args:
        model: from `encoder`; on an error it is left as it was.
        path: what the files have in common, any one of them, or a folder that TensorFlow saved to.

    Raises:
        InputError: there is no checkpoint, it cannot be read, or it lacks a variable or has one of another shape.
    """
    import tensorflow as tf  # here and not above: the encoder runs under other backends

    path = Path(path)
    if path.suffix in (".index", ".meta") or path.suffix.startswith(".data-"):
        path = path.with_suffix("")
    if not path.exists() and not path.with_name(f"{path.name}.index").exists():
        raise InputError(f"there is no checkpoint {path}; name the files of the encoder as .../model.ckpt-200000")
    try:
        reader = tf.train.load_checkpoint(str(path))
        weights = [(layer, _read(reader, layer, path)) for layer in model.layers if layer.weights]
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:  # a file cut off is an IndexError
        raise InputError(f"{path} cannot be read as a TensorFlow checkpoint; unpack the released files anew") from error
    for layer, values in weights:
        layer.set_weights(values)


def _read(reader: Any, layer: layers.Layer, path: Path) -> list[np.ndarray]:
    """Return kernel and bias of a layer from a checkpoint."""
    kernel, bias = (tuple(weight.shape) for weight in layer.weights)
    # The convolutions of magenta's code are those of images of height 1.
    stored = {"W": (1,) * (4 - len(kernel)) + kernel, "biases": bias}
    values = [_variable(reader, f"{layer.name}/{name}", shape, path) for name, shape in stored.items()]
    return [value.reshape(shape) for value, shape in zip(values, (kernel, bias), strict=True)]


def _variable(reader: Any, name: str, shape: tuple[int, ...], path: Path) -> np.ndarray:
    """Return a variable of a checkpoint, or its moving average if there is only that."""
    found = next((one for one in (name, name + AVERAGE) if reader.has_tensor(one)), None)
    if found is None:
        raise InputError(f"{path} has no variable {name}; name a checkpoint of NSynth's WaveNet autoencoder")
    value = reader.get_tensor(found)
    if value.shape != shape:
        raise InputError(
            f"{found} in {path} has the shape {value.shape}, not {shape}; name a checkpoint of NSynth's WaveNet "
            "autoencoder"
        )
    return value
