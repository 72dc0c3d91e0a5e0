"""Keras without its log lines: `from common.learners.quiet import keras`, before anything else that imports Keras."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from common.environment import accelerators
from common.errors import InputError


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Suppress what native code writes to standard error; set TF_CPP_MIN_LOG_LEVEL=0 to see it."""
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    sys.stderr.flush()
    # The file descriptor itself is redirected: native code does not use Python's sys.stderr.
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def _import_keras() -> Any:
    """Import Keras without log lines; set TF_CPP_MIN_LOG_LEVEL=0 to see them."""
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "0":
        # TensorFlow warns about repeated tracing, but each fold has a new model, whose `predict` must be traced.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        with quiet_stderr():
            import keras
    except (ImportError, ValueError) as error:
        # Keras has the name from KERAS_BACKEND or from its own settings file.
        backend = os.environ.get("KERAS_BACKEND")
        named = f"KERAS_BACKEND={backend}" if backend else "the backend in ~/.keras/keras.json"
        raise InputError(f"Keras cannot start with {named} ({error}); install it, or name tensorflow") from None
    return keras


def start_backend() -> None:
    """Start Keras' backend without log lines. Its threads do not survive a fork, so importing alone starts nothing."""
    with quiet_stderr():
        accelerators()


keras = _import_keras()
