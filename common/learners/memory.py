"""Memory that stays flat, however many models are trained one after the other."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import keras

CUSTOM_GRADIENT = "CustomGradient-"


@contextmanager
def released() -> Iterator[None]:
    """Let go, at the end, of what Keras and TensorFlow keep of the models built inside.

    TensorFlow 2.21 keeps every graph in which a gradient of its own was defined, as that of the cross-entropy is: the
    gradient stays in a registry under a new name, for ever, and holds the graph. About 4 MiB a model of two layers.
    Nothing built inside may be used afterwards.
    """
    before = set(_gradients())
    try:
        yield
    finally:
        policy = keras.config.dtype_policy()
        keras.utils.clear_session(free_memory=False)
        keras.config.set_dtype_policy(policy)  # clearing resets it: the next model would not be of mixed precision
        registry = _gradients()
        for name in [name for name in registry if name.startswith(CUSTOM_GRADIENT) and name not in before]:
            del registry[name]
        gc.collect()


def _gradients() -> dict[str, object]:
    """Return TensorFlow's registry of gradients; an empty one under another backend."""
    if keras.backend.backend() != "tensorflow":
        return {}
    from tensorflow.python.framework import ops

    return ops.gradient_registry._registry
