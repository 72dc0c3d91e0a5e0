"""A worker of a cluster: a process of its own, beside Dask's, does its tasks.

Dask's process draws random numbers in its threads, from the generator of Python that Keras seeds and draws initial
weights from: in the same process, no training could be repeated. It also answers the scheduler while a training keeps
Python busy. The process beside it lives as long as it, and does one task after the other.
"""

import functools
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from common import environment
from common.errors import InputError
from common.progress import Listener, told

LOOK_EVERY_S = 1.0
"""Seconds between two looks at whether a task is still wanted; and at least between two words about its progress."""
OF_BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""The variables from which libraries of linear algebra take their number of threads."""


class DiedError(Exception):
    """The process that did a task died; another one may do it."""


class _Beside:
    """The process that does the tasks of this worker, and the pipe to it."""

    def __init__(self, cores: Sequence[int], gpu: str | None) -> None:
        if cores:
            os.sched_setaffinity(0, cores)  # of this thread, and of the process that it starts
        # Dask gives linear algebra one thread. With another number than in a process without Dask on the same cores,
        # results would not be the same to the bit.
        variables = {**os.environ, **dict.fromkeys(OF_BLAS, str(environment.threads()))}
        variables |= {"PYTHONPATH": os.pathsep.join(sys.path)} | ({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})
        self.pipe, theirs = Pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
            env=variables,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=2,  # standard output is for results
            start_new_session=True,  # Ctrl-C is not for it
        )
        theirs.close()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.pipe.close()


_BESIDE: list[_Beside] = []
"""The one process of this worker, if it was started."""


def do(setting: Mapping[str, Any], named: tuple[str, int], content: tuple[bytes, ...]) -> bytes:
    """Do a task, in Dask's process of a worker.

    Args:
        setting: what the giver of the task says of all tasks.
        named: name and number of stages of the task.
        content: its function, what it shares with others and what is its own, pickled.

    Returns:
        The result and the error, of which one is None, pickled.

    Raises:
        DiedError: the process that did the task died.
    """
    from distributed import get_worker

    worker = get_worker()
    try:
        _refuse(worker, setting["software"])
    except InputError as error:
        return pickle.dumps((None, error))
    if not _BESIDE:
        cores, gpus = setting.get("cores"), setting.get("gpus")
        _BESIDE.append(_Beside(cores[worker.name] if cores else [], gpus[worker.name] if gpus else None))
    try:
        return _done(worker, setting["topic"], named, content)
    except (EOFError, OSError) as error:
        raise DiedError(named[0]) from error


def _refuse(worker: Any, software: Mapping[str, str]) -> None:
    """Refuse a worker that would do several tasks at a time, or get other numbers."""
    if worker.state.nthreads > 1:
        raise InputError(f"worker {worker.name} does several tasks at a time; start it with --nthreads 1")
    own = _software()
    other = [name for name in {**software, **own} if software.get(name) != own.get(name)]
    if other:
        differ = ", ".join(f"{name} {own.get(name, 'absent')}, here {software.get(name, 'absent')}" for name in other)
        raise InputError(f"worker {worker.name} has other software ({differ}); install the same and start it again")


@functools.cache
def _software() -> dict[str, str]:
    return environment.software()


def _done(worker: Any, topic: str, named: tuple[str, int], content: tuple[bytes, ...]) -> bytes:
    """Let the process beside do a task; end it if nobody waits for the result any more."""
    beside, key, finished = _BESIDE[0], worker.get_current_task(), False
    try:
        beside.pipe.send((named, content))
        while True:
            if not beside.pipe.poll(LOOK_EVERY_S):
                # The giver of the task was interrupted or died, or the scheduler died.
                task = worker.state.tasks.get(key)
                if task is None or task.state == "cancelled" or worker.status.name != "running":
                    raise EOFError
                continue
            kind, value = beside.pipe.recv()
            if kind == "result":
                finished = True
                return bytes(value)
            worker.log_event(topic, [key, value])
    finally:
        if not finished:
            beside.end()
            _BESIDE.clear()


# What follows runs in the process beside.


def _main(pipe: Connection) -> None:
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, tasks), daemon=True).start()
    while True:
        named, content = tasks.get()
        pipe.send(("result", _pickled(*_outcome(pipe, named, content))))


def _receive(pipe: Connection, tasks: "queue.SimpleQueue[Any]") -> None:
    """Take tasks from Dask's process, and end with it."""
    while True:
        try:
            tasks.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(1)


def _outcome(pipe: Connection, named: tuple[str, int], content: tuple[bytes, ...]) -> tuple[Any, Exception | None]:
    try:
        # The function first: its module may have to be imported before all others.
        function, shared, own = pickle.loads(content[0]), _kept(content[1]), pickle.loads(content[2])
        with told(_telling(pipe, *named)):
            return function(shared, own), None
    except Exception as error:
        error.add_note(traceback.format_exc())  # what is sent has no traceback
        return None, error


def _pickled(result: Any, error: Exception | None) -> bytes:
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps((result, error)))
    except Exception as reason:
        return pickle.dumps((None, RuntimeError(f"{error or result!r} cannot be sent ({reason})")))


@functools.lru_cache(maxsize=1)
def _kept(content: bytes) -> Any:
    return pickle.loads(content)


def _telling(pipe: Connection, name: str, stages: int) -> Listener:
    """Return what tells which part of a task is done."""
    labels: list[str] = []
    last = 0.0

    def listener(label: str, done: float, total: int) -> None:
        nonlocal last
        if label.startswith(name) and time.monotonic() - last >= LOOK_EVERY_S:
            last = time.monotonic()
            if label not in labels:
                labels.append(label)
            pipe.send(("part", min(1.0, (labels.index(label) + done / total) / stages)))

    return listener


if __name__ == "__main__":
    _main(Connection(int(sys.argv[1])))
