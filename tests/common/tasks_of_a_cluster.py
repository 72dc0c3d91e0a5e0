"""What the tests of clusters let workers do. Workers import it."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import killing

from common.errors import InputError
from common.learners import callbacks
from common.runs import on_cluster
from common.signals.audio import UnusableFilesError

make_fold = on_cluster._make_fold


def doubled(number: int) -> int:
    return 2 * number


def add(shared: int, own: int) -> int:
    return shared + own


def refuse(shared: Any, own: str) -> None:
    raise UnusableFilesError("no", ["a.wav", "b.wav"]) if own == "files" else InputError(own)


def threads_of(shared: Any, own: Any) -> tuple[set[int], str]:
    return os.sched_getaffinity(0), os.environ["OMP_NUM_THREADS"]


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
        killing.at_call(2, callbacks.Report, "on_epoch_end")
    make_fold(shared, own)


def fold_whose_scheduler_dies(scheduler: int, shared: Any, own: Any) -> None:
    """Do a fold, and kill the scheduler after an epoch."""
    killing.at_call(2, callbacks.Report, "on_epoch_end", partial(_kill_and_wait, scheduler))
    make_fold(shared, own)


def _kill_and_wait(scheduler: int, *_: Any) -> None:
    os.kill(scheduler, signal.SIGKILL)
    signal.pause()  # until Dask's process notices
