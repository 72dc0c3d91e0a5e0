"""Runs on a cluster: a fold of a run is a task, and the folder of runs, which all processes share, has the results.

This process holds the folder of each run and writes its record; workers write their folds into it. A fold is resumed
after its last epoch, by whichever worker has it next.

Results are those of one process to the bit, whatever the number of workers and whatever died, on processors of one kind
if each process has as many cores: TensorFlow and linear algebra divide sums between their threads. On this machine a
worker has its share of the cores; `taskset --cpu-list 0 encore run ...` on one core gives what workers with one core
each give. A record says with how many threads its folds were made.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from common.cluster import Cluster, Task
from common.errors import InputError
from common.learners.callbacks import end_at
from common.learners.quiet import keras, start_backend
from common.runs import runner
from common.runs.jobs import Job, Material
from common.runs.records import Record
from common.study import Ensemble, Training


@dataclass(frozen=True)
class Given:
    """A run as workers are given it.

    Attributes:
        job: the run, with whole paths and without a deadline.
        backend: Keras' backend.
        precision: Keras' precision.
        ends_at: the `time.time()` (s) at which training pauses: other machines have other monotonic clocks.
    """

    job: Job
    backend: str
    precision: str
    ends_at: float | None

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return a run of this process."""
        options = job.options
        left = None if options.deadline is None else options.deadline - time.monotonic()
        portable = replace(
            options,
            runs=options.runs.absolute(),
            weights=_whole(options.weights),
            impulse_responses=_whole(options.impulse_responses),
            deadline=None,
            fresh=False,
        )
        return cls(
            replace(job, options=portable),
            keras.backend.backend(),
            keras.mixed_precision.global_policy().name,
            None if left is None else time.time() + left,
        )

    def taken(self) -> Job:
        """Return the run in a worker, whose Keras is set as in the process that gave it.

        Raises:
            InputError: the backend is another one.
            BudgetSpentError: the deadline has passed.
        """
        start_backend()
        if keras.backend.backend() != self.backend:
            raise InputError(
                f"a worker has Keras with {keras.backend.backend()}; start it with KERAS_BACKEND={self.backend}"
            )
        keras.mixed_precision.set_global_policy(self.precision)
        deadline = None if self.ends_at is None else time.monotonic() + self.ends_at - time.time()
        end_at(deadline)
        return replace(self.job, options=replace(self.job.options, deadline=deadline))


def _whole(place: str) -> str:
    """Return the whole path of a file or folder; a name of something else, such as `imagenet`, as it is."""
    return str(Path(place).absolute()) if place and Path(place).exists() else place


def run_all(planned: Sequence[Job], announce: Callable[[str], None], cluster: Cluster | None) -> Iterator[Record]:
    """Run experiments and yield their records: on a cluster as they are finished, else one after the other.

    Ensembles come last on a cluster: they need the runs of their members.

    Raises:
        InputError, ResultError, BudgetSpentError: as `runner.run` and `Cluster.work`.
    """
    if cluster is None:
        for job in planned:
            yield runner.run(job, announce)
        return
    ensembles = [job for job in planned if isinstance(job.method, Ensemble)]
    yield from _by_folds([job for job in planned if not isinstance(job.method, Ensemble)], announce, cluster)
    yield from run_all(ensembles, announce, None)


@dataclass
class _Begun:
    """A run whose folds are being done: what lets its folder go, and how many folds are missing."""

    run: runner.Claimed
    held: ExitStack
    missing: int


def _by_folds(planned: Sequence[Job], announce: Callable[[str], None], cluster: Cluster) -> Iterator[Record]:
    begun: dict[int, _Begun] = {}
    with ExitStack() as held:

        def tasks() -> Iterator[Task]:
            for place, job in enumerate(planned):
                of_run = held.enter_context(ExitStack())
                run = of_run.enter_context(runner.claimed(job))
                missing = [] if run.record else runner.unfinished(run)
                begun[place] = _Begun(run, of_run, len(missing))
                shared = (Given.of(job), run.material)
                stages = 2 if isinstance(job.method, Training) and job.method.retrain else 1
                for number in missing:
                    name = runner.label_of(job, run.material, number)
                    yield Task(name, _make_fold, shared, (place, number), 1 / len(missing), stages)

        open_runs = [job for job in planned if job.options.fresh or not (job.folder / "record.json").exists()]
        done = cluster.work(tasks(), "runs", len(open_runs))
        while True:
            task = next(done, None)
            if task:
                begun[task[0].own[0]].missing -= 1
            # Of some runs, every fold may have been there before.
            for place in [place for place, one in begun.items() if not one.missing]:
                one = begun.pop(place)
                yield _finished(one.run, announce)
                one.held.close()
            if not task:
                break


def _finished(run: runner.Claimed, announce: Callable[[str], None]) -> Record:
    if run.record:
        return run.record
    # A network file system may still know that the folds were not there; it looks again where a folder is listed.
    list(run.job.folder.glob("work/*/*"))
    return runner.finished(run, announce)


def _make_fold(shared: tuple[Given, Material], own: tuple[int, int]) -> None:
    """Do a fold in a worker."""
    given, material = shared
    runner.make_fold(given.taken(), material, own[1])
