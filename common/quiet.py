"""Keras without the log lines that its backend prints before anybody can turn them off."""

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
    """Import Keras and start its backend, quietly."""
    with quiet_stderr():
        accelerators()
