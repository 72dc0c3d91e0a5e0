"""A worker of a cluster: Dask's process, and a process of its own in which the tasks run.

Tasks do not run in Dask's process, because its threads draw random numbers from Python's global generator, from which
Keras draws seeds and initial weights: results would differ from run to run. Also, Dask's process can answer the
scheduler while a task keeps Python busy. The task process lives as long as Dask's, and runs one task after the other.
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
from common.progress import Listener, reported_to

LOOK_EVERY_S = 1.0
"""Seconds between two checks that a task is still wanted; and, at least, between two reports of its progress."""
BLAS_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""The variables from which libraries of linear algebra take their number of threads."""


class DiedError(Exception):
    """The process that ran a task died; the task may be tried again."""


class _TaskProcess:
    """The process in which the tasks of this worker run, and the pipe to it."""

    def __init__(self, cores: Sequence[int], gpu: str | None) -> None:
        if cores:
            os.sched_setaffinity(0, cores)  # of this thread, from which the new process inherits it
        # Dask gives linear algebra one thread. Results are the same to the bit only with as many threads as a process
        # without Dask takes on the same cores.
        variables = {**os.environ, **dict.fromkeys(BLAS_THREADS, str(environment.threads()))}
        variables |= {"PYTHONPATH": os.pathsep.join(sys.path)} | ({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})
        self.pipe, theirs = Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
            env=variables,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=2,  # standard error: standard output is for results
            start_new_session=True,  # it does not get Ctrl-C
        )
        theirs.close()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self.pipe.close()


_PROCESS: list[_TaskProcess] = []
"""The task process of this worker, once it has started."""


def run(terms: Mapping[str, Any], named: tuple[str, int], content: tuple[bytes, ...]) -> bytes:
    """Run a task; Dask calls this in its own process.

    Args:
        terms: what holds for all tasks of a `common.cluster.Cluster`.
        named: name and number of stages of the task.
        content: its function, shared argument and own argument, pickled.

    Returns:
        The result and the error, of which one is None, pickled.

    Raises:
        DiedError: the process that ran the task died.
    """
    from distributed import get_worker

    worker = get_worker()
    try:
        _refuse(worker, terms["software"])
    except InputError as error:
        return pickle.dumps((None, error))
    try:
        if not _PROCESS:
            cores, gpus = terms["cores"], terms["gpus"]
            # Workers on this machine have numbers for names.
            _PROCESS.append(_TaskProcess(cores[worker.name] if cores else [], gpus[worker.name] if gpus else None))
        return _run_in_process(worker, terms["topic"], named, content)
    except (EOFError, OSError) as error:
        raise DiedError(named[0]) from error


def _refuse(worker: Any, software: Mapping[str, str]) -> None:
    """Refuse to work if the results could be others than those of the process that submitted the task."""
    if worker.state.nthreads > 1:
        raise InputError(f"worker {worker.name} runs several tasks at a time; start it with --nthreads 1")
    own = _software()
    other = [name for name in {**software, **own} if software.get(name) != own.get(name)]
    if other:
        differ = ", ".join(f"{name} {own.get(name, 'absent')}, here {software.get(name, 'absent')}" for name in other)
        raise InputError(f"worker {worker.name} has other software ({differ}); install the same and restart it")


@functools.cache
def _software() -> dict[str, str]:
    return environment.software()


def _run_in_process(worker: Any, topic: str, named: tuple[str, int], content: tuple[bytes, ...]) -> bytes:
    """Run a task in the task process, and kill that process if the result is no longer wanted."""
    process, key, finished = _PROCESS[0], worker.get_current_task(), False
    try:
        process.pipe.send((named, content))
        while True:
            if not process.pipe.poll(LOOK_EVERY_S):
                # The process that submitted the task was interrupted or died, or the scheduler died.
                task = worker.state.tasks.get(key)
                if task is None or task.state == "cancelled" or worker.status.name not in ("running", "paused"):
                    raise EOFError
                continue
            kind, value = process.pipe.recv()
            if kind == "result":
                finished = True
                return bytes(value)
            worker.log_event(topic, [key, value])
    finally:
        if not finished:
            process.end()
            _PROCESS.clear()


# What follows runs in the task process.


def _main(pipe: Connection) -> None:
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, tasks), daemon=True).start()
    while True:
        named, content = tasks.get()
        pipe.send(("result", _pickled(*_outcome(pipe, named, content))))


def _receive(pipe: Connection, tasks: "queue.SimpleQueue[Any]") -> None:
    """Receive tasks from Dask's process, and end this process when that one ends."""
    while True:
        try:
            tasks.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(1)


def _outcome(pipe: Connection, named: tuple[str, int], content: tuple[bytes, ...]) -> tuple[Any, Exception | None]:
    try:
        # The function first: its module may have to be imported before those of the arguments.
        function, shared, own = pickle.loads(content[0]), _unpickled_once(content[1]), pickle.loads(content[2])
        with reported_to(_reporter(pipe, *named)):
            return function(shared, own), None
    except Exception as error:
        error.add_note(traceback.format_exc())  # pickling drops the traceback
        return None, error


def _pickled(result: Any, error: Exception | None) -> bytes:
    import cloudpickle

    try:
        content = bytes(cloudpickle.dumps((result, error)))
        if error:
            pickle.loads(content)  # fails for errors whose constructor takes other arguments than the message
        return content
    except Exception as reason:
        return pickle.dumps((None, RuntimeError(f"{error or result!r} cannot be pickled ({reason})")))


@functools.lru_cache(maxsize=1)
def _unpickled_once(content: bytes) -> Any:
    return pickle.loads(content)


def _reporter(pipe: Connection, name: str, stages: int) -> Listener:
    """Return a listener that sends the fraction of the task that is done."""
    labels: list[str] = []  # of the stages that have begun
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
