"""One training on several devices, in one process or in several: data parallelism under Keras' JAX backend.

Every device holds the whole model and computes its part of each batch. Gradients, losses and the statistics of batch
normalisation are those of the whole batch, so a training gives the losses of one device up to rounding. (TensorFlow's
`mirrored` normalises each device's part by the statistics of that part.)

Several processes, on one machine or on several, run the same command. The environment of each names them, as Keras
documents: `KERAS_DISTRIBUTION_JOB_ADDRESSES` (host:port of process 0), `KERAS_DISTRIBUTION_NUM_PROCESSES` and
`KERAS_DISTRIBUTION_PROCESS_ID`. All of them read the clips, train and predict in step. Process 0 leads: it alone writes
files and messages, and it sends the others which fold is next, the checkpoint to resume from, and when the time is
spent. So the folder of runs need not be shared.
"""

import atexit
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import BudgetSpentError, InputError, ResultError, reason_of
from common.learners.quiet import keras
from common.starting import INTERRUPTED
from common.terminal import say

PROCESSES = "KERAS_DISTRIBUTION_NUM_PROCESSES"
"""The environment variable with the number of processes."""

NO_FOLD = -1
"""What the leading process sends the others in place of a fold's number when a run is finished."""

BATCH = "batch"
"""The name of the mesh's axis along which batches are divided."""


class DataParallel(keras.distribution.DataParallel):
    """Keras' data parallelism, for batches of any size.

    Keras itself divides batches before a step, which JAX can do only if the number of clips is a multiple of the number
    of devices; the last batch of an epoch seldom is. Here every device is given the whole batch, and the outputs of
    layers are divided, inside the compiled step: there, the parts may have different sizes. Each device then computes
    only its part of the first layer, too.

    Attributes:
        divided: the paths of the outputs that are divided; `dividing` sets them.
    """

    def __init__(self) -> None:
        # All processes read the same batches: there is nothing left for Keras to share out between them.
        super().__init__(auto_shard_dataset=False)
        self.divided: frozenset[str] = frozenset()

    def get_data_layout(self, data_shape: Sequence[int]) -> Any:
        """Return the layout of a batch: whole on every device."""
        return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)

    def get_tensor_layout(self, path: str) -> Any:
        """Return the layout of the output (clips, ...) of a layer; None: the compiler chooses one."""
        return keras.distribution.TensorLayout([BATCH], self.device_mesh) if path in self.divided else None


@contextlib.contextmanager
def dividing(model: Any) -> Iterator[None]:
    """Divide the outputs of a model's layers between the devices of the scope; without such a scope, do nothing."""
    scope = keras.distribution.distribution()
    if isinstance(scope, DataParallel):
        # Keras cannot divide several outputs of one layer, such as the states of an LSTM.
        single = [layer for layer in model.layers if isinstance(layer.output, keras.KerasTensor)]
        scope.divided = frozenset(f"{layer.name}/output" for layer in single)
    try:
        yield
    finally:
        if isinstance(scope, DataParallel):
            scope.divided = frozenset()


def join(strategy: str) -> None:
    """Connect this process with the others of its training, if the environment names any.

    Call it before Keras' backend is started.

    Args:
        strategy: the name of the strategy of the training.

    Raises:
        InputError: the strategy is for one process, or the processes cannot be connected.
    """
    if os.environ.get(PROCESSES, "1") == "1":
        return
    if strategy != "data-parallel" or keras.backend.backend() != "jax":
        raise InputError(
            f"{PROCESSES} is set: several processes train together only with KERAS_BACKEND=jax and "
            "--strategy data-parallel"
        )
    # If there is a seed, Keras does not make the processes agree on one; each training sets its own.
    keras.utils.set_random_seed(0)
    say("connecting with the other processes; JAX ends all of them if one does not come", file=sys.stderr, flush=True)
    try:
        keras.distribution.initialize()
    except (RuntimeError, ValueError, TypeError) as error:
        raise InputError(
            f"the processes cannot be connected ({reason_of(error)}); see the KERAS_DISTRIBUTION_ variables"
        ) from error
    _send_native_lines_to_stderr()


def _send_native_lines_to_stderr() -> None:
    """Keep standard output for results: JAX's library for messages between CPUs prints lines there."""
    sys.stdout.flush()
    sys.stdout = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors="replace")
    os.dup2(2, 1)


def processes() -> int:
    """Return the number of processes that train together."""
    return int(_jax().process_count()) if keras.backend.backend() == "jax" else 1


def leads() -> bool:
    """Return whether this process writes files and messages: always, unless there are several."""
    return processes() == 1 or _jax().process_index() == 0


def _jax() -> Any:
    import jax

    return jax


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Work in step with the other processes, and silently unless this one leads.

    If this process fails alone, JAX ends the others; the same commands resume the training.

    Raises:
        ResultError: another process has ended.
    """
    with contextlib.ExitStack() as stack:
        if not leads():
            nowhere = stack.enter_context(Path(os.devnull).open("w"))
            stack.enter_context(contextlib.redirect_stderr(nowhere))
        try:
            yield
        except (BudgetSpentError, ResultError):  # which all processes raise
            raise
        except BaseException as error:
            if processes() > 1:
                # At its end JAX would wait for the others, which may wait for this process in the middle of a step.
                atexit.register(partial(_leave, _exit_code(error)))
            if "Gloo" in str(error):  # JAX's library for messages between CPUs; it has no error class of its own
                raise ResultError(
                    "another process of this training has ended; run the same commands again to resume"
                ) from error
            raise


def _exit_code(error: BaseException) -> int:
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else getattr(error, "exit_code", 1)


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def send_fold(fold: int) -> None:
    """Send the other processes the number of the next fold, or `NO_FOLD`; only the leading process calls this."""
    _of_leader(np.int32(fold))


def received_fold() -> int:
    """Wait for the number that the leading process sends with `send_fold`, and return it."""
    return int(_of_leader(np.int32(NO_FOLD)))


def agreed(decision: bool) -> bool:
    """Return the decision of the leading process; all processes call this at the same point of their work."""
    return bool(_of_leader(np.int32(decision)))


def shared(content: bytes) -> bytes:
    """Return the bytes that the leading process gives; all processes call this at the same point of their work."""
    size = int(_of_leader(np.int32(len(content))))
    mine = np.frombuffer(content, np.uint8) if leads() else np.zeros(size, np.uint8)
    return bytes(_of_leader(mine).tobytes())


def _of_leader(value: Any) -> Any:
    """Return the leading process's value; the type and the shape are the same in all processes."""
    if processes() == 1:
        return value
    from jax.experimental import multihost_utils

    return multihost_utils.broadcast_one_to_all(value)
