"""The multiplications of a training step, against counts by hand."""

import importlib

import numpy as np
import pytest
from keras_nlp.layers import TransformerEncoder
from speed import multiplications

from common.errors import InputError
from common.learners.quiet import keras
from common.study import Setting, Study
from reproductions.ser_parallel.wav2vec2 import BASE, SAMPLES
from reproductions.valence_parallel_conv.network import GridMaximum

layers = keras.layers
FORWARD, WITH_WEIGHTS, WITH_BOTH = 1, 2, 3
"""How often a layer multiplies: forward; and for the gradient of its weights; and for that of its input."""


def network(shape: tuple[int | None, ...], *steps: keras.layers.Layer) -> keras.Model:
    inputs = x = keras.Input(shape)
    for step in steps:
        x = step(x)
    return keras.Model(inputs, x)


def of_step(*arguments, clips: int = 2) -> int:
    return multiplications.of_step(network(*arguments), clips)


def test_the_first_layer_needs_no_gradient_of_its_input() -> None:
    assert of_step((5,), layers.Dense(4), layers.ReLU(), layers.Dense(3)) == 2 * (20 * WITH_WEIGHTS + 12 * WITH_BOTH)


def test_a_frozen_layer_passes_a_gradient_on_only_to_something_trained() -> None:
    first, last = layers.Dense(4, trainable=False), layers.Dense(3, trainable=False)
    assert of_step((5,), first, layers.Dense(3)) == 2 * (20 * FORWARD + 12 * WITH_WEIGHTS)
    assert of_step((5,), layers.Dense(4), last) == 2 * (20 * WITH_WEIGHTS + 12 * 2)


@pytest.mark.parametrize(
    ("shape", "layer", "forward"),
    [
        ((6, 5, 2), layers.Conv2D(4, (3, 2)), (4 * 4 * 4) * (3 * 2 * 2)),
        ((6, 5, 2), layers.Conv2D(4, 3, padding="same", strides=2), (3 * 3 * 4) * (3 * 3 * 2)),
        ((6, 5, 4), layers.Conv2D(4, 1, groups=2), (6 * 5 * 4) * 2),
        ((9, 2), layers.Conv1D(3, 2, dilation_rate=4, padding="causal"), (9 * 3) * (2 * 2)),
        ((6, 5, 4), layers.DepthwiseConv2D(3), (4 * 3 * 4) * 9),
        ((6, 5, 4), layers.DepthwiseConv2D(3, depth_multiplier=2), (4 * 3 * 8) * 9),
        ((6, 5, 4), layers.Dense(7), 6 * 5 * 4 * 7),
        ((6, 5, 4), layers.BatchNormalization(), 0),
        ((6, 5, 4), layers.PReLU(), 0),
    ],
)
def test_a_layer_multiplies_each_output_with_its_kernel(shape, layer, forward) -> None:
    assert of_step(shape, layer, clips=3) == 3 * forward * WITH_WEIGHTS
    before = layers.Dense(shape[-1])
    assert of_step(shape, before, layer, clips=3) == 3 * (
        forward * WITH_BOTH + np.prod(shape) * shape[-1] * WITH_WEIGHTS
    )


@pytest.mark.parametrize(("layer", "gates"), [(layers.LSTM, 4), (layers.GRU, 3)])
def test_a_recurrent_layer_multiplies_at_each_step_its_input_and_its_state(layer, gates) -> None:
    steps, inputs, units = 7, 5, 3
    expected = steps * gates * units * (inputs * WITH_WEIGHTS + units * WITH_BOTH)
    assert of_step((steps, inputs), layer(units)) == 2 * expected
    assert of_step((steps, inputs), layers.Bidirectional(layer(units))) == 2 * 2 * expected


def test_the_attention_of_an_encoder_has_a_gradient_on_both_sides() -> None:
    steps, units, hidden = 7, 8, 5
    encoder = TransformerEncoder(intermediate_dim=hidden, num_heads=2)
    within = units * units + 2 * units * hidden
    expected = steps * (3 * units**2 * WITH_WEIGHTS + within * WITH_BOTH + 2 * steps * units * 3)
    assert of_step((steps, units), encoder) == 2 * expected


def test_maxima_of_a_grid_count_as_their_convolution() -> None:
    assert of_step((9, 8, 1), GridMaximum(4, (3, 2))) == of_step((9, 8, 1), layers.Conv2D(4, (3, 2)))


def test_a_nested_network_has_the_sizes_that_it_is_given() -> None:
    inner = network((None, None, 2), layers.Conv2D(3, 3), layers.Conv2D(2, 3))
    assert of_step((9, 8, 2), inner) == of_step((9, 8, 2), layers.Conv2D(3, 3), layers.Conv2D(2, 3))


def test_parallel_branches_count_each_on_its_own() -> None:
    inputs = keras.Input((5,))
    trained = layers.Dense(4)(inputs)
    joined = layers.Concatenate()([layers.Dense(3)(trained), layers.Dense(2)(inputs)])
    expected = 20 * WITH_WEIGHTS + 12 * WITH_BOTH + 10 * WITH_WEIGHTS
    assert multiplications.of_step(keras.Model(inputs, joined), 1) == expected


def test_an_unknown_layer_with_weights_is_named() -> None:
    unknown = layers.SeparableConv2D(4, 3, name="unheard-of")
    with pytest.raises(InputError, match="unheard-of"):
        of_step((6, 5, 4), unknown)


def step_of(study: str, experiment: str, clips: int) -> int:
    found: Study = importlib.import_module(f"reproductions.{study}").STUDY
    row = found.experiment(experiment)
    setting = Setting(found.protocols["published"].switches, seed=0)
    return multiplications.of_step(row.build(setting, len(found.task_of(row).outputs)), clips)


def test_one_cnn_block() -> None:
    first = 128 * 94 * 16 * 9
    others = 64 * 47 * 32 * (9 * 16) + 16 * 11 * 64 * (9 * 32) + 512 * 7
    assert step_of("ser_parallel", "single-cnn", 32) == 32 * (first * WITH_WEIGHTS + others * WITH_BOTH)


def test_four_encoders_with_attention_over_the_clips_of_a_batch() -> None:
    clips, frames, units, hidden = 32, 94, 128, 512
    blocks = 2 * step_of("ser_parallel", "single-cnn", clips)  # each with its part of the dense layer
    head = clips * 7 * units
    weighted = 4 * units**2 + 2 * units * hidden
    encoders = 4 * frames * clips * (weighted * WITH_BOTH + 2 * clips * units * 3)
    first_has_data = 3 * frames * clips * units**2
    assert step_of("ser_parallel", "parallel-mfcc", clips) == blocks + head * WITH_BOTH + encoders - first_has_data


def test_four_parallel_convolutions() -> None:
    kernels = ((12, 16), (18, 24), (24, 32), (30, 40))
    convolutions = 200 * sum((128 - h + 1) * (94 - w + 1) * h * w for h, w in kernels)
    dense = 3200 * 400 + 400 * 200 + 200
    assert step_of("valence_parallel_conv", "combination-6", 16) == 16 * (
        convolutions * WITH_WEIGHTS + dense * WITH_BOTH
    )


def test_wav2vec2_is_dominated_by_its_encoder_and_its_convolutions() -> None:
    """Frames of a clip: 9599, 4799, 2399, 1199, 599, 299, 149 after each convolution."""
    first, later = 9599 * 512 * 10, 512**2 * (3 * (4799 + 2399 + 1199 + 599) + 2 * (299 + 149))
    inner = 149 * (512 * 768 + 768 * 48 * 128) + 768 * 7
    encoders = 12 * 149 * (4 * 768**2 + 2 * 768 * 3072 + 2 * 149 * 768)
    expected = first * WITH_WEIGHTS + (later + inner + encoders) * WITH_BOTH
    assert multiplications.of_wav2vec2(BASE, 8, SAMPLES, 7) == 8 * expected
