"""Multiplications (with an addition each) of a training step, counted from a model's layers.

A layer with weights multiplies in the forward pass, as often again for the gradient of its weights if it is trained,
and as often again for the gradient of its input if something before it is trained. Multiplications with zeros of
padding count; those of normalisation, pooling, activations and the optimiser do not, because they are not products of
matrices.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from keras_nlp.layers import TransformerEncoder

from common.errors import InputError
from common.learners.quiet import keras
from reproductions.valence_parallel_conv.network import GridMaximum

layers = keras.layers
Shape = tuple[int, ...]

ELEMENTWISE = (
    layers.BatchNormalization,
    layers.LayerNormalization,
    layers.GroupNormalization,
    layers.Normalization,
    layers.PReLU,
)
"""Layers that use each weight on values one by one."""


@dataclass(frozen=True)
class Products:
    """Multiplications of a layer's forward pass on a batch.

    Attributes:
        of_input: of what the layer is given with its weights.
        within: of what it computed itself with its weights.
        between: of two things that it computed itself.
    """

    of_input: int = 0
    within: int = 0
    between: int = 0

    def in_step(self, *, trained: bool, reached: bool) -> int:
        """Return the multiplications of a training step.

        Args:
            trained: whether the layer is trained.
            reached: whether something before the layer is trained, so that its input needs a gradient.
        """
        backward = trained or reached
        of_input = self.of_input * (1 + trained + reached)
        return of_input + self.within * (1 + trained + backward) + self.between * (1 + 2 * backward)


def of_step(model: Any, clips: int) -> int:
    """Return the multiplications of a training step of a Keras 3 model on a batch of clips.

    Raises:
        InputError: a layer has weights, and how often it multiplies is not known.
    """
    return _walk(model, (clips, *model.input_shape[1:]), reached=False)


def _walk(model: Any, shape: Shape, *, reached: bool) -> int:
    """Count the layers of a model and of those nested in it.

    Args:
        model: it has one input.
        shape: of its input, with the clips.
        reached: whether something before the model is trained.
    """
    entry = keras.Input(batch_shape=shape, dtype=model.inputs[0].dtype)
    # Tensors that depend on something trained. The tensors themselves are kept, so that no id is used twice.
    depending: dict[int, Any] = {id(entry): entry} if reached else {}
    counts = []

    def note(step: Any, *arguments: Any, **named: Any) -> Any:
        given = [value for value in keras.tree.flatten((arguments, named)) if isinstance(value, keras.KerasTensor)]
        output, reached = step(*arguments, **named), any(id(value) in depending for value in given)
        if isinstance(step, keras.Model):
            counts.append(_walk(step, given[0].shape, reached=reached))
        elif getattr(step, "weights", []):
            found = products(step, given[0].shape, keras.tree.flatten(output)[0].shape)
            counts.append(found.in_step(trained=bool(step.trainable_weights), reached=reached))
        if reached or getattr(step, "trainable_weights", []):
            depending.update({id(value): value for value in keras.tree.flatten(output)})
        return output

    # Cloning without copying: Keras calls every layer and operation in order, and `note` counts the calls.
    keras.models.clone_model(model, input_tensors=entry, clone_function=lambda step: step, call_function=note)
    return sum(counts)


@singledispatch
def products(layer: Any, given: Shape, returned: Shape) -> Products:
    """Return the multiplications of a layer's forward pass.

    Args:
        layer: built.
        given: shape of its input, with the clips.
        returned: shape of its output (the first one), with the clips.

    Raises:
        InputError: how often it multiplies is not known.
    """
    if isinstance(layer, ELEMENTWISE):
        return Products()
    raise InputError(
        f"the multiplications of {layer.name}, a {type(layer).__name__} with weights, are not known; "
        "add its kind to benchmarks/speed/multiplications.py"
    )


@products.register(layers.Conv1D)
@products.register(layers.Conv2D)
def _(layer: Any, given: Shape, returned: Shape) -> Products:
    # Each output is a sum over a kernel; the last axis of the kernel is that of the filters.
    return Products(of_input=math.prod(returned) * math.prod(layer.kernel.shape[:-1]))


@products.register(layers.DepthwiseConv1D)
@products.register(layers.DepthwiseConv2D)
def _(layer: Any, given: Shape, returned: Shape) -> Products:
    return Products(of_input=math.prod(returned) * math.prod(layer.kernel.shape[:-2]))


@products.register(layers.Dense)
def _(layer: Any, given: Shape, returned: Shape) -> Products:
    return Products(of_input=math.prod(given) * layer.units)


@products.register(layers.LSTM)
@products.register(layers.GRU)
def _(layer: Any, given: Shape, returned: Shape) -> Products:
    steps = given[0] * given[1]
    kernel, recurrent = (math.prod(weights.shape) for weights in (layer.cell.kernel, layer.cell.recurrent_kernel))
    return Products(of_input=steps * kernel, within=steps * recurrent)


@products.register(layers.Bidirectional)
def _(layer: Any, given: Shape, returned: Shape) -> Products:
    one = products(layer.forward_layer, given, returned)
    return Products(2 * one.of_input, 2 * one.within, 2 * one.between)


@products.register(TransformerEncoder)
def _(layer: Any, given: Shape, returned: Shape) -> Products:
    sequences, steps, units = given
    return encoder(sequences, steps, units, layer.intermediate_dim)


def encoder(sequences: int, steps: int, units: int, hidden: int) -> Products:
    """Return the multiplications of a transformer encoder layer; its heads together have as many units as its input."""
    of_input = 3 * units * units  # query, key, value
    within = units * units + 2 * units * hidden
    attention = 2 * units * steps  # the weights of all steps, and the sum with these weights
    tokens = sequences * steps
    return Products(tokens * of_input, tokens * within, tokens * attention)


@products.register(GridMaximum)
def _(layer: Any, given: Shape, returned: Shape) -> Products:
    """Return those of the convolution whose maxima it returns: the layer itself has a way that needs fewer."""
    clips, bands, frames, _ = given
    high, wide = layer.kernel_size
    return Products(of_input=clips * (bands - high + 1) * (frames - wide + 1) * high * wide * layer.filters)


def of_wav2vec2(config: Mapping[str, Any], clips: int, samples: int, outputs: int) -> int:
    """Return the multiplications of a training step of wav2vec 2.0 with a dense layer; all of it is trained.

    It is a tf-keras model, in which layers have no shapes; so these follow from its configuration. What is computed
    twice to save memory counts once.

    Args:
        config: fields of `Wav2Vec2Config`.
        clips: of a batch.
        samples: of a clip.
        outputs: of the dense layer.
    """
    counts, channels, steps = [], 1, samples
    for filters, size, stride in zip(config["conv_dim"], config["conv_kernel"], config["conv_stride"], strict=True):
        steps = (steps - size) // stride + 1
        counts.append(Products(of_input=clips * steps * filters * channels * size))
        channels = filters
    units, tokens = config["hidden_size"], clips * steps
    of_group = units // config["num_conv_pos_embedding_groups"]
    projection, position = tokens * channels * units, tokens * units * of_group * config["num_conv_pos_embeddings"]
    counts += [Products(of_input=projection), Products(of_input=position)]
    counts += [encoder(clips, steps, units, config["intermediate_size"])] * config["num_hidden_layers"]
    counts.append(Products(of_input=clips * units * outputs))
    return sum(one.in_step(trained=True, reached=place > 0) for place, one in enumerate(counts))
