"""What the tests of clusters let workers do. Workers import it; only those that do a fold import Keras."""

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import killing

from common.errors import InputError
from common.signals.audio import UnusableFilesError


def doubled(number: int) -> int:
    return 2 * number


def add(shared: int, own: int) -> int:
    return shared + own


class StrangeError(Exception):
    """An error that can be pickled but not unpickled, as some libraries have them."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text} {code}")


def refuse(shared: Any, own: str) -> None:
    raise {
        "files": UnusableFilesError("no", ["a.wav", "b.wav"]),
        "call": InputError("no"),
        "disk": OSError(errno.ENOSPC, "full", "a.npy"),
        "strange": StrangeError(5, "number"),
    }[own]


def never_end(begun: Path, own: Any) -> None:
    begun.write_bytes(b".")
    signal.pause()


def refuse_after(begun: Path, own: Any) -> None:
    """Fail as soon as another task has begun."""
    begun.read_bytes()
    raise InputError("no")


def threads_of(shared: Any, own: Any) -> tuple[set[int], str]:
    return os.sched_getaffinity(0), os.environ["OMP_NUM_THREADS"]


def gpu_of(shared: Path, own: Any) -> str:
    """Return the GPU that this process sees, once another process has asked too: else one could do both tasks."""
    attempts_of(shared)
    while shared.stat().st_size < 2:
        os.sched_yield()
    return os.environ["CUDA_VISIBLE_DEVICES"]


def die(times: Path, own: str) -> str:
    """Kill this process or Dask's until a file has as many bytes as its name says."""
    if attempts_of(times) <= int(times.stem):
        os.kill(os.getppid() if own == "of Dask" else os.getpid(), signal.SIGKILL)
        signal.pause()
    return own


def attempts_of(place: Path) -> int:
    """Count one attempt more, and return how many there were."""
    with place.open("ab") as file:
        file.write(b".")
    return place.stat().st_size


def fold_that_dies(deaths: int, shared: Any, own: Any) -> None:
    """Do a fold, and die after an epoch as often as is said; a file in the folder of runs counts."""
    given, _ = shared
    if attempts_of(given.job.options.runs / f"attempts-{own[1]}") <= deaths:
        _do_fold(shared, own, killing.die)
    else:
        _do_fold(shared, own)


def fold_whose_scheduler_dies(scheduler: int, shared: Any, own: Any) -> None:
    """Do a fold, kill the scheduler after an epoch, and wait until Dask's process notices."""

    def kill(*_: Any) -> None:
        os.kill(scheduler, signal.SIGKILL)
        signal.pause()

    _do_fold(shared, own, kill)


def fold_that_notes_its_epochs(shared: Any, own: Any) -> None:
    """Do a fold, and write its number and that of each epoch into a file in the folder of runs."""
    with _at_the_end_of_each_epoch(partial(_note, shared, own)):
        _do_fold(shared, own)


def fold_that_waits(shared: Any, own: Any) -> None:
    """Do a fold, noting its epochs; after the second, write into the pipe `waiting` and wait to be killed."""

    def note(epoch: int) -> None:
        _note(shared, own, epoch)
        if epoch == 2:
            (shared[0].job.options.runs / "waiting").write_bytes(b".")
            signal.pause()

    with _at_the_end_of_each_epoch(note):
        _do_fold(shared, own)


def _note(shared: Any, own: Any, epoch: int) -> None:
    with (shared[0].job.options.runs / "epochs").open("a") as file:
        file.write(f"fold {own[1]}, epoch {epoch}\n")


@contextmanager
def _at_the_end_of_each_epoch(do: Callable[[int], None]) -> Iterator[None]:
    """Call a function with the number of each epoch that has been trained and stored."""
    from common.learners import callbacks

    report = callbacks.Report.on_epoch_end
    callbacks.Report.on_epoch_end = lambda self, epoch, logs=None: do(epoch + 1)  # type: ignore[method-assign]
    try:
        yield
    finally:
        callbacks.Report.on_epoch_end = report  # type: ignore[method-assign]


def _do_fold(shared: Any, own: Any, after_an_epoch: Callable[..., Any] | None = None) -> None:
    from common.learners import callbacks
    from common.runs import on_cluster

    if after_an_epoch:
        killing.at_call(2, callbacks.Report, "on_epoch_end", after_an_epoch)
    on_cluster._make_fold(shared, own)
