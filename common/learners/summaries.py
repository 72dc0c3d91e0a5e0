"""Summaries of models: layers and parameter counts of a network, steps and settings of an estimator."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline


def summarise(model: Any) -> dict[str, Any]:
    """Return a model's parameter counts and its operations in order.

    Args:
        model: a model of Keras 3, or of tf-keras, where all operations are layers.

    Returns:
        `total`, `trainable`, `non_trainable` counts, and `layers`: dicts of `name`, `type`, `shape` (None for the
        clips' dimension; the first, if there are several outputs) and `parameters`.
    """
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    total = model.count_params()
    layers = [
        {
            "name": operation.name,
            "type": type(operation).__name__,
            "shape": list(keras.tree.flatten(operation.output)[0].shape),
            "parameters": operation.count_params() if hasattr(operation, "count_params") else 0,
        }
        for operation in (model.operations if isinstance(model, keras.Model) else model.layers)
    ]
    return {"total": total, "trainable": trainable, "non_trainable": total - trainable, "layers": layers}


def connected(model: keras.Model) -> list[dict[str, Any]]:
    """Return the layers of a functional model as `summarise` does, each with `inputs`: the names of its input layers.

    A nested model is replaced by its own layers.
    """
    nodes = {one["name"]: one["inbound_nodes"] for one in model.get_config()["layers"]}
    found: list[dict[str, Any]] = []
    renamed: dict[str, str] = {}
    for layer in summarise(model)["layers"]:
        taken = [renamed.get(name, name) for name in dict.fromkeys(_layers_in(nodes[layer["name"]]))]
        if layer["type"] != "Functional":
            found.append({**layer, "inputs": taken})
            continue
        # The input layer of a nested model is left out: what it receives is connected to the next layers directly.
        entry, *inner = connected(model.get_layer(layer["name"]))
        outside = {entry["name"]: taken}
        found += [
            {**one, "inputs": [up for name in one["inputs"] for up in outside.get(name, [name])]} for one in inner
        ]
        renamed[layer["name"]] = found[-1]["name"]
    return found


def _layers_in(nodes: Any) -> Iterator[str]:
    """Yield the name of each input layer in the configuration of a layer."""
    if isinstance(nodes, Mapping) and "keras_history" in nodes:
        yield nodes["keras_history"][0]
    elif isinstance(nodes, Mapping | list | tuple):
        for inner in nodes.values() if isinstance(nodes, Mapping) else nodes:
            yield from _layers_in(inner)


def steps(estimator: BaseEstimator) -> list[dict[str, Any]]:
    """Return the steps of a pipeline in order; any other estimator is one step.

    Returns:
        Dicts of `name`, `type` and `settings`. Settings are all parameters as plain values: an inner estimator is the
        name of its type, and its own parameters are named `inner__name`.
    """
    named = estimator.steps if isinstance(estimator, Pipeline) else [(type(estimator).__name__.lower(), estimator)]
    return [
        {
            "name": name,
            "type": type(step).__name__,
            "settings": {key: _setting(value) for key, value in sorted(step.get_params().items())},
        }
        for name, step in named
    ]


def _setting(value: Any) -> Any:
    if isinstance(value, BaseEstimator):
        return type(value).__name__
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)
