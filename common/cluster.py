"""Runs tasks on a Dask cluster, which is started on this machine or exists elsewhere.

Each worker runs one task at a time (`common.cluster_worker`). On this machine it has its share of the cores and, where
there are GPUs, one GPU. A worker whose software differs from that of this process is refused: its results could differ.
Tasks store their results in a folder that all processes share, so finished work survives the death of a worker, of the
scheduler and of this process.
"""

import itertools
import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
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

TASKS_PER_WORKER = 2
"""Tasks submitted per worker: one runs, and the next is ready when it ends."""
LOOK_EVERY_S = 1.0
"""Seconds between two checks of the workers and of their progress."""
ATTEMPTS = 4
"""How often a task is tried when the process that runs it dies; Dask allows as many deaths of its own processes."""
FILES_PER_TASK = 50
CONNECT_S = 30
"""Seconds within which a scheduler must answer, and its file must exist."""


@dataclass(frozen=True)
class Task:
    """A unit of work for one worker.

    Attributes:
        name: for messages. Progress whose label begins with it is progress of this task.
        function: a function of a module, called in a worker as `function(shared, own)`.
        shared: an argument that many tasks have in common. A worker unpickles it once.
        own: an argument of this task.
        size: its part of the total, in any unit.
        stages: number of progress bars that it shows one after the other.
    """

    name: str
    function: Callable[[Any, Any], Any]
    shared: Any
    own: Any
    size: float = 1
    stages: int = 1


@dataclass
class _Submitted:
    """A task that has no result yet, Dask's future of it, and the fraction of it that the progress shows."""

    task: Task
    future: Any
    shown: float = 0.0


@contextmanager
def connected(workers: int | None, scheduler: str | None) -> Iterator["Cluster | None"]:
    """Start a cluster on this machine or connect to one; yield None if neither is asked for.

    Call it before Keras starts: this process leaves the GPUs of this machine to the workers.

    Args:
        workers: number of worker processes to start on this machine.
        scheduler: address of a Dask scheduler, or path of the JSON file that it writes (`--scheduler-file`).

    Raises:
        InputError: both are given, Dask is not installed, there are fewer GPUs than workers, or no scheduler answers.
    """
    if workers is None and scheduler is None:
        yield None
        return
    refuse_both(workers, scheduler)
    distributed = _dask()
    with ExitStack() as stack:
        if workers is not None:
            cores, gpus = shares(_cores(), workers), _gpus(workers)
            local = stack.enter_context(_local(distributed, workers, on_gpus=bool(gpus)))
            client = stack.enter_context(distributed.Client(local, set_as_default=False))
            client.wait_for_workers(workers)
            yield Cluster(client, cores, gpus)
        else:
            yield Cluster(stack.enter_context(_client(distributed, str(scheduler))))


def refuse_both(workers: int | None, scheduler: str | None) -> None:
    """Refuse to start a cluster and to connect to one.

    Raises:
        InputError: both are given.
    """
    if workers is not None and scheduler is not None:
        raise InputError("--workers starts a cluster and --scheduler names one; leave out one of them")


@contextmanager
def limited_to_a_share(workers: int | None) -> Iterator[None]:
    """Give this process the cores that each of `workers` workers would have, to measure how fast one is.

    Raises:
        InputError: there are fewer GPUs than workers.
    """
    cores = _cores()
    if not workers or not cores:
        yield
        return
    _gpus(workers)
    os.sched_setaffinity(0, shares(cores, workers)[0])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _dask() -> Any:
    try:
        import cryptography  # noqa: F401 (Dask encrypts the connections of a local cluster with it)
        import distributed
    except ImportError as error:
        raise InputError(
            f"--workers and --scheduler need Dask ({error}); pip install 'encore-emotion[cluster]'"
        ) from None
    return distributed


@contextmanager
def _local(distributed: Any, workers: int, *, on_gpus: bool) -> Iterator[Any]:
    """Start a cluster on this machine. If it has GPUs, this process does not see them."""
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    if on_gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # TensorFlow would take the memory of all of them in this process
    try:
        with distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            security=True,  # a task is any code: no other user of this machine may submit one
            scheduler_kwargs={"dashboard": False},
            dashboard_address="127.0.0.1:0",  # any free port: Dask warns if its usual one is taken
            memory_limit=0,  # else Dask pauses workers where there are many of them and little memory
            resources={"GPU": 1} if on_gpus else None,
            preload=["common.cluster"],  # calls `dask_setup`
            silence_logs="CRITICAL",  # a worker that dies is replaced
        ) as cluster:
            yield cluster
    finally:
        if before is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = before
        elif on_gpus:
            del os.environ["CUDA_VISIBLE_DEVICES"]


def dask_setup(worker: Any) -> None:
    """Ignore Ctrl-C in a worker on this machine, which gets it too; Dask calls this when the worker starts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _client(distributed: Any, scheduler: str) -> Any:
    address = _address_in(Path(scheduler)) if scheduler.endswith(".json") else scheduler
    try:
        return distributed.Client(address, set_as_default=False, timeout=CONNECT_S)
    # AssertionError: on a busy machine, Dask's own event loop may not start within its ten seconds.
    except (OSError, ValueError, TypeError, AssertionError) as error:
        raise InputError(
            f"no scheduler answers at {scheduler} ({reason_of(error)}); start one, or give --workers"
        ) from error


def _address_in(file: Path) -> str:
    """Return the address in a scheduler's file. Wait for the file: a batch job starts scheduler and run together."""
    give_up = time.monotonic() + CONNECT_S
    while True:
        try:
            return str(json.loads(file.read_bytes())["address"])
        except (OSError, ValueError, KeyError, TypeError) as error:  # absent, half written, or not of a scheduler
            if time.monotonic() > give_up:
                raise InputError(
                    f"{file} has no address of a scheduler ({reason_of(error)}); start one with --scheduler-file {file}"
                ) from None
        time.sleep(LOOK_EVERY_S)


def _cores() -> list[int]:
    """Return the numbers of the cores that this process may use; empty where a system does not limit processes."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def shares(cores: Sequence[int], workers: int) -> list[list[int]]:
    """Return the cores of each worker: equally many, and disjoint unless there are more workers than cores."""
    each, around = max(1, len(cores) // workers), itertools.cycle(cores)
    return [list(itertools.islice(around, each)) for _ in range(workers)]


def _gpus(workers: int) -> list[str]:
    """Return the names of the NVIDIA GPUs that this process may use, in the form of `CUDA_VISIBLE_DEVICES`.

    Raises:
        InputError: there are GPUs, but fewer than workers.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = _every_gpu() if chosen is None else [name for name in chosen.split(",") if name not in ("", "-1")]
    if names and workers > len(names):
        raise InputError(f"each worker needs a GPU of its own, and there are {len(names)}; give fewer --workers")
    return names


def _every_gpu() -> list[str]:
    # TensorFlow and JAX would list them too, but take memory of the GPUs for it.
    query = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return []


class Cluster:
    """A connection to a scheduler and its workers; made by `connected`.

    Args:
        client: Dask's client.
        cores: of each worker on this machine; empty for workers that exist elsewhere.
        gpus: of each worker on this machine; empty without GPUs, and for workers that exist elsewhere.
    """

    def __init__(self, client: Any, cores: Sequence[Sequence[int]] = (), gpus: Sequence[str] = ()) -> None:
        topic = f"encore-{client.id}"
        self._client = client
        # Plain values, which a worker with another version of Encore can read and then refuse.
        self._terms = {"topic": topic, "cores": cores, "gpus": gpus, "software": environment.software()}
        self._fractions: dict[str, float] = {}  # how much of each task is done, by its key
        client.subscribe_topic(topic, lambda event: self._fractions.update([event[1]]))

    @property
    def on_gpus(self) -> bool:
        """Whether a worker has a GPU: workers declare it as Dask's resource `GPU`."""
        return any("GPU" in worker["resources"] for worker in self._workers())

    def _workers(self) -> list[Mapping[str, Any]]:
        """Return Dask's facts of each worker; while there is none, wait.

        Raises:
            ResultError: the scheduler does not answer.
        """
        try:
            # Not by `scheduler_info()`: a regular update of the client may empty its answer before it is returned.
            while not (found := self._client.sync(self._client.scheduler.identity, n_workers=-1)["workers"]):
                say("waiting for a worker of the cluster", file=sys.stderr, flush=True)
                self._client.wait_for_workers(1)
        except (OSError, AttributeError) as error:  # a closed client has no scheduler
            raise _lost() from error
        return list(found.values())

    def apply(self, function: Callable[[Item], Result], items: Sequence[Item], label: str) -> list[Result]:
        """Apply a function of a module to every item, and return the results in order, with progress under `label`."""
        parts = [items[start : start + FILES_PER_TASK] for start in range(0, len(items), FILES_PER_TASK)]
        tasks = (Task(label, _apply, function, numbered, len(numbered[1])) for numbered in enumerate(parts))
        results = {task.own[0]: result for task, result in self.work(tasks, label, len(items))}
        return [result for number in range(len(parts)) for result in results[number]]

    def work(self, tasks: Iterable[Task], label: str, total: int) -> Generator[tuple[Task, Any], None, None]:
        """Run tasks, and yield each with its result as it finishes.

        `tasks` is read only as far as there are workers for them. When the time budget is spent, no new task is
        submitted, and those that run stop after their current epoch. After an error, tasks that run are ended.

        Args:
            tasks: what to run.
            label: for the progress.
            total: the sum of the tasks' sizes.

        Raises:
            BudgetSpentError: the budget is spent.
            InputError, ResultError, OSError: a task raised it; or workers cannot run it, or die of it; or the scheduler
                died.
        """
        needs = {"GPU": 1} if self.on_gpus else None
        todo, submitted = iter(tasks), dict[str, _Submitted]()
        finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
        spent: EncoreError | None = None
        with progress(label, total) as advance:
            try:
                while True:
                    room = 0 if spent else max(0, TASKS_PER_WORKER * len(self._workers()) - len(submitted))
                    for task in itertools.islice(todo, room):
                        future = self._submit(task, needs)
                        submitted[future.key] = _Submitted(task, future)
                        future.add_done_callback(finished.put)
                    if not submitted:
                        break
                    try:
                        future = finished.get(timeout=LOOK_EVERY_S)
                    except queue.Empty:
                        self._show(submitted, advance)
                        continue
                    one = submitted.pop(future.key)
                    try:
                        result = _result(future, one.task.name)
                    except BudgetSpentError as error:
                        spent = error
                        continue
                    advance(one.task.size * (1 - one.shown), one.task.name)
                    yield one.task, result
            finally:
                if self._client.status == "running":
                    self._client.cancel([one.future for one in submitted.values()])
        if spent:
            raise spent

    def _submit(self, task: Task, needs: Mapping[str, int] | None) -> Any:
        """Return Dask's future of a task."""
        import cloudpickle

        # As bytes, which the worker unpickles only after it has compared its software with ours.
        content = tuple(cloudpickle.dumps(part) for part in (task.function, task.shared, task.own))
        # A new key each time: Dask returns the old result of a known key, whose files may have been deleted since.
        key = f"encore-{uuid.uuid4()}"
        named = (task.name, task.stages)
        return self._client.submit(
            cluster_worker.run, self._terms, named, content, key=key, resources=needs, retries=ATTEMPTS - 1
        )

    def _show(self, submitted: Mapping[str, _Submitted], advance: Advance) -> None:
        """Show what has been done of running tasks since the last time."""
        for key, one in submitted.items():
            fraction = self._fractions.get(key, 0.0)
            if fraction > one.shown:
                advance(one.task.size * (fraction - one.shown), one.task.name)
                one.shown = fraction


def _result(future: Any, name: str) -> Any:
    """Return the result of a finished task, or raise its error."""
    from distributed import KilledWorker

    if future.cancelled():
        raise _lost()
    error = future.exception()
    if isinstance(error, KilledWorker | cluster_worker.DiedError):
        raise ResultError(
            f"{name}: each of {ATTEMPTS} processes that ran it died, perhaps for lack of memory; "
            "finished work is kept: give fewer workers and run the same command again"
        )
    if isinstance(error, ImportError):
        raise InputError(f"a worker cannot start ({reason_of(error)}); install Encore where the workers run")
    if error:
        raise error
    result, failure = pickle.loads(future.result())
    if failure:
        raise failure
    return result


def _lost() -> ResultError:
    return ResultError("the scheduler does not answer; finished work is kept: start it and run the same command again")


def _apply(function: Callable[[Any], Any], numbered: tuple[int, Sequence[Any]]) -> list[Any]:
    """Apply a function to the items of one task, in a worker."""
    with threads.pool() as pool:
        return list(pool.map(function, numbered[1]))
