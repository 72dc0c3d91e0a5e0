"""Keras without the log lines that its backend prints before anybody can turn them off."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from common.environment import accelerators


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Silence what native code writes to standard error; set TF_CPP_MIN_LOG_LEVEL=0 to see it."""
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def import_keras() -> None:
    """Import Keras and start its backend, quietly; set TF_CPP_MIN_LOG_LEVEL=0 to hear of everything."""
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "0":
        # Each model that predicts is traced anew, which TensorFlow takes for a mistake.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with quiet_stderr():
        import keras  # noqa: F401

        if "TF_CONFIG" not in os.environ:  # a worker of several must choose its strategy before the backend starts
            accelerators()
