"""Work on a cluster: Dask gives tasks to workers, on this machine or on others (`common.cluster_worker`).

A worker does one task at a time, with its share of the cores and with a GPU of its own, if there are any. It has the
same software as the process that gives the tasks, or refuses; it tells of its progress, and stops if nobody waits for
the task any more. What tasks leave behind should be in a folder that all processes share: then nothing is lost if a
worker, the scheduler or the giver dies.
"""

import itertools
import os
import pickle
import queue
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from common import cluster_worker, environment, threads
from common.errors import BudgetSpentError, EncoreError, InputError, ResultError, reason_of
from common.progress import Advance, progress
from common.terminal import say

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""Tasks per worker that are given at a time: a worker that finishes one has the next at once."""
LOOK_EVERY_S = 1.0
"""Seconds between two looks at what workers have done, and how many there are."""
ATTEMPTS = 4
"""So often is a task given to a worker that dies of it: as often as Dask gives it if its own process dies."""
ITEMS_IN_A_TASK = 50
"""Files that are one task: seconds of work."""
CONNECT_S = 30
"""Seconds within which a scheduler must answer."""


@dataclass(frozen=True)
class Task:
    """A piece of work.

    Attributes:
        name: what it is, for messages. Progress under a label that begins like this is progress of the task.
        function: a function of a module, called in a worker as `function(shared, own)`.
        shared: what it has in common with other tasks. A worker keeps the last one that it was given.
        own: what is its own.
        size: how much of the total it is.
        stages: how many stages with a progress of their own it has, one after the other.
    """

    name: str
    function: Callable[[Any, Any], Any]
    shared: Any
    own: Any
    size: float = 1
    stages: int = 1


@dataclass
class _Given:
    """A task that was given to the workers, and the part of it whose progress has been shown."""

    task: Task
    shown: float = 0.0


@contextmanager
def connected(workers: int | None, scheduler: str | None) -> Iterator["Cluster | None"]:
    """Start a cluster on this machine, or connect to one that there is; without both, give None.

    Call it before Keras starts: this process leaves the GPUs of this machine to its workers.

    Args:
        workers: number of processes on this machine.
        scheduler: address of a Dask scheduler, or path of the JSON file that it wrote.

    Raises:
        InputError: both are given, Dask is not installed, there are fewer GPUs than workers, or no scheduler answers.
    """
    if workers is None and scheduler is None:
        yield None
        return
    if workers is not None and scheduler is not None:
        raise InputError("--workers starts a cluster and --scheduler names one; leave out one of them")
    distributed = _dask()
    setting: dict[str, Any] = {"software": environment.software()}
    with ExitStack() as stack:
        if workers is not None:
            setting |= {"cores": shares(_cores(), workers), "gpus": _gpus(workers)}
            cluster = stack.enter_context(_local(distributed, workers, on_gpus=bool(setting["gpus"])))
            client = stack.enter_context(distributed.Client(cluster, set_as_default=False))
            client.wait_for_workers(workers)
        else:
            client = stack.enter_context(_client(distributed, str(scheduler)))
        yield Cluster(client, setting)


def _dask() -> Any:
    try:
        import cryptography  # noqa: F401 (Dask needs it for the keys of a cluster on this machine)
        import distributed
    except ImportError as error:
        raise InputError(
            f"--workers and --scheduler need Dask ({error}); pip install 'encore-emotion[cluster]'"
        ) from None
    return distributed


@contextmanager
def _local(distributed: Any, workers: int, *, on_gpus: bool) -> Iterator[Any]:
    """Start a cluster on this machine, whose GPUs only its workers see."""
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    if on_gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # TensorFlow would take the memory of all of them in this process
    try:
        with distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            # Another user of this machine must not be able to give tasks, which can be any code.
            security=True,
            scheduler_kwargs={"dashboard": False},
            dashboard_address="127.0.0.1:0",  # any free port: Dask warns if its usual one is taken
            # By default a worker that needs more than its share of the memory is ended, and many trainings do.
            memory_limit=0,
            resources={"GPU": 1} if on_gpus else None,
            preload=["common.cluster"],
            silence_logs="CRITICAL",  # a worker that dies is replaced
        ) as cluster:
            yield cluster
    finally:
        if before is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = before
        elif on_gpus:
            del os.environ["CUDA_VISIBLE_DEVICES"]


def dask_setup(worker: Any) -> None:
    """Begin as a worker on this machine (Dask calls this): Ctrl-C, which every process gets, is not for workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _client(distributed: Any, scheduler: str) -> Any:
    in_file = scheduler.endswith(".json")
    if in_file and not Path(scheduler).is_file():
        raise InputError(f"there is no file {scheduler}; a scheduler writes it with --scheduler-file")
    named = {"scheduler_file": scheduler} if in_file else {"address": scheduler}
    try:
        return distributed.Client(**named, set_as_default=False, timeout=CONNECT_S)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"no scheduler answers at {scheduler} ({reason_of(error)}); start one, or give --workers"
        ) from error


def _cores() -> list[int]:
    """Return the numbers of the cores that this process may use; empty where a system does not limit processes."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def shares(cores: Sequence[int], workers: int) -> list[list[int]]:
    """Return the cores of each worker: the same number for all, and none for two unless there are too few."""
    each, around = max(1, len(cores) // workers), itertools.cycle(cores)
    return [list(itertools.islice(around, each)) for _ in range(workers)]


def _gpus(workers: int) -> list[str]:
    """Return the names of the NVIDIA GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` takes them.

    Raises:
        InputError: there are fewer than workers.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = _every_gpu() if chosen is None else [name for name in chosen.split(",") if name not in ("", "-1")]
    if names and workers > len(names):
        raise InputError(f"each worker has a GPU of its own, and there are {len(names)}; give fewer --workers")
    return names


def _every_gpu() -> list[str]:
    # Not by a library, which would take memory of the GPUs.
    query = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return []


class Cluster:
    """A connection to workers; made by `connected`."""

    def __init__(self, client: Any, setting: Mapping[str, Any]) -> None:
        self._client, self._setting = client, {**setting, "topic": f"encore-{client.id}"}
        self._parts: dict[str, float] = {}  # how much of each task is done
        client.subscribe_topic(self._setting["topic"], lambda event: self._parts.update([event[1]]))

    @property
    def on_gpus(self) -> bool:
        """Whether a worker has a GPU. Workers of a cluster say so by Dask's resource `GPU`."""
        return any("GPU" in worker["resources"] for worker in self._workers())

    def _workers(self) -> list[Mapping[str, Any]]:
        """Return Dask's facts of each worker; if there is none, wait for one.

        Raises:
            ResultError: the scheduler does not answer.
        """
        try:
            while not (found := list(self._client.scheduler_info()["workers"].values())):
                say("waiting for a worker of the cluster", file=sys.stderr, flush=True)
                self._client.wait_for_workers(1)
        except OSError as error:
            raise _lost() from error
        return found

    def apply(self, function: Callable[[Item], Result], items: Sequence[Item], label: str) -> list[Result]:
        """Apply a function of a module to every item, and return the results in order, with progress under `label`."""
        parts = [items[start : start + ITEMS_IN_A_TASK] for start in range(0, len(items), ITEMS_IN_A_TASK)]
        tasks = (Task(label, _each, function, numbered, len(numbered[1])) for numbered in enumerate(parts))
        results = {task.own[0]: result for task, result in self.work(tasks, label, len(items))}
        return [result for number in range(len(parts)) for result in results[number]]

    def work(self, tasks: Iterable[Task], label: str, total: int) -> Iterator[tuple[Task, Any]]:
        """Do tasks, and yield each with its result when it is finished.

        A task is taken from `tasks` when there will soon be a worker for it. If the time budget is spent, no more are
        taken, and those that have begun come to the end of their epoch.

        Args:
            tasks: what is to do.
            label: what the progress is of.
            total: the sum of the tasks' sizes.

        Raises:
            BudgetSpentError: the budget is spent.
            InputError, ResultError, OSError: a task raised it; workers cannot do it, or die of it; the scheduler died.
        """
        given: dict[str, _Given] = {}
        finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
        todo, submit = iter(tasks), _Submitter(self._client, self._setting, needs={"GPU": 1} if self.on_gpus else None)
        spent: EncoreError | None = None
        with progress(label, total) as advance:
            while True:
                room = 0 if spent else max(0, AHEAD * len(self._workers()) - len(given))
                for task in itertools.islice(todo, room):
                    future = submit(task)
                    given[future.key] = _Given(task)
                    future.add_done_callback(finished.put)
                if not given:
                    break
                try:
                    future = finished.get(timeout=LOOK_EVERY_S)
                except queue.Empty:
                    self._show(given, advance)
                    continue
                one = given.pop(future.key)
                try:
                    result = _result(future, one.task.name)
                except BudgetSpentError as error:
                    spent = error
                    continue
                advance(one.task.size * (1 - one.shown), one.task.name)
                yield one.task, result
        if spent:
            raise spent

    def _show(self, given: Mapping[str, _Given], advance: Advance) -> None:
        """Show the parts of tasks that have been done since the last time."""
        for key, one in given.items():
            part = self._parts.get(key, 0.0)
            if part > one.shown:
                advance(one.task.size * (part - one.shown), one.task.name)
                one.shown = part


class _Submitter:
    """Gives tasks to workers."""

    def __init__(self, client: Any, setting: Mapping[str, Any], needs: Mapping[str, int] | None) -> None:
        self._client, self._setting, self._needs = client, setting, needs
        self._last: tuple[Any, bytes] = (None, b"")

    def __call__(self, task: Task) -> Any:
        """Return Dask's future of a task."""
        import cloudpickle

        if not self._last[1] or task.shared is not self._last[0]:
            self._last = (task.shared, cloudpickle.dumps(task.shared))
        # As bytes: they are read after the worker has seen that it has the same software.
        content = (cloudpickle.dumps(task.function), self._last[1], cloudpickle.dumps(task.own))
        named = (task.name, task.stages)
        # A key of its own: a task that is given again is done again, as what it left behind may have been deleted.
        key = f"encore-{uuid.uuid4()}"
        return self._client.submit(
            cluster_worker.do, self._setting, named, content, key=key, resources=self._needs, retries=ATTEMPTS - 1
        )


def _result(future: Any, name: str) -> Any:
    """Return the result of a finished task, or raise its error."""
    from distributed import KilledWorker

    if future.cancelled():
        raise _lost()
    error = future.exception()
    if isinstance(error, KilledWorker | cluster_worker.DiedError):
        raise ResultError(
            f"{name}: every worker that was given this died, perhaps for lack of memory; "
            "finished work is kept, give fewer workers and more memory to each"
        )
    if isinstance(error, ImportError):
        raise InputError(f"a worker cannot begin ({reason_of(error)}); install Encore where the workers run")
    if error:
        raise error
    result, failure = pickle.loads(future.result())
    if failure:
        raise failure
    return result


def _lost() -> ResultError:
    return ResultError("the scheduler died; finished work is kept: start it and run the same command again")


def _each(function: Callable[[Any], Any], numbered: tuple[int, Sequence[Any]]) -> list[Any]:
    """Apply a function to the items of a task, in a worker."""
    with threads.pool() as pool:
        return list(pool.map(function, numbered[1]))
