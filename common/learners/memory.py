"""Releasing the memory of finished models, so that it does not grow with the number of models trained."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import keras

CUSTOM_GRADIENT = "CustomGradient-"


@contextmanager
def released() -> Iterator[None]:
    """Release at the end what Keras and TensorFlow hold of the models built inside the `with` block.

    TensorFlow 2.21 never frees a graph with a custom gradient, such as that of the cross-entropy: the gradient stays in
    a registry under a new name and refers to the graph. This is about 4 MiB for a model of two layers. Nothing that is
    built inside the block may be used after it.
    """
    before = set(_gradients())
    try:
        yield
    finally:
        policy = keras.config.dtype_policy()
        keras.utils.clear_session(free_memory=False)
        keras.config.set_dtype_policy(policy)  # clear_session resets it, which would end mixed precision
        registry = _gradients()
        for name in [name for name in registry if name.startswith(CUSTOM_GRADIENT) and name not in before]:
            del registry[name]
        gc.collect()  # graphs are in reference cycles


def _gradients() -> dict[str, object]:
    """Return TensorFlow's registry of gradients; an empty dict under another backend."""
    if keras.backend.backend() != "tensorflow":
        return {}
    from tensorflow.python.framework import ops

    return ops.gradient_registry._registry
