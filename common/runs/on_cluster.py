"""Runs on a cluster: each fold is a task, and its result is stored in the folder of runs, which all processes share.

This process holds the folder of each run and writes its record; workers store their folds there. An interrupted fold
resumes after its last epoch, on whichever worker.

Results are equal to those of one process to the bit, whatever the number of workers and whatever died, if the
processors are of one kind and each process has as many cores: TensorFlow and linear algebra divide sums between their
threads. On this machine a worker has its share of the cores, so workers with one core each give what
`taskset --cpu-list 0 encore run ...` gives. A record says with how many threads its folds were made.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
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
class PortableJob:
    """A run in a form that a worker can restore.

    Attributes:
        job: the run, with absolute paths and without a deadline.
        backend: Keras' backend.
        precision: Keras' precision.
        ends_at: the `time.time()` (s) at which training pauses: a monotonic clock is of one machine. None: never.
    """

    job: Job
    backend: str
    precision: str
    ends_at: float | None

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return the portable form of a run of this process."""
        options = job.options
        left = None if options.deadline is None else options.deadline - time.monotonic()
        portable = replace(
            options,
            runs=options.runs.absolute(),
            weights=_absolute(options.weights),
            impulse_responses=_absolute(options.impulse_responses),
            deadline=None,
            fresh=False,
        )
        return cls(
            replace(job, options=portable),
            keras.backend.backend(),
            keras.mixed_precision.global_policy().name,
            None if left is None else time.time() + left,
        )

    def restored(self) -> Job:
        """Return the run in a worker, and give Keras the same settings as in the process that sent it.

        Raises:
            InputError: Keras has another backend.
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


def _absolute(place: str) -> str:
    """Return the absolute path of a file or folder; a name of something else, such as `imagenet`, as it is."""
    return str(Path(place).absolute()) if place and Path(place).exists() else place


def run_all(planned: Sequence[Job], announce: Callable[[str], None], cluster: Cluster | None) -> Iterator[Record]:
    """Run experiments and yield their records: on a cluster as they finish, else one after the other.

    On a cluster, ensembles come last: they need the runs of their members.

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
    """A run that has begun: what releases its folder, and how many folds have no result yet."""

    run: runner.Claimed
    held: ExitStack
    missing: int


def _by_folds(planned: Sequence[Job], announce: Callable[[str], None], cluster: Cluster) -> Iterator[Record]:
    begun: dict[int, _Begun] = {}  # by the place in `planned`

    def tasks() -> Iterator[Task]:
        for place, job in enumerate(planned):
            of_run = held.enter_context(ExitStack())
            run = of_run.enter_context(runner.claimed(job))
            missing = [] if run.record else runner.unfinished(run)
            begun[place] = _Begun(run, of_run, len(missing))
            shared = (PortableJob.of(job), run.material)
            stages = 2 if isinstance(job.method, Training) and job.method.retrain else 1
            for number in missing:
                name = runner.label_of(job, run.material, number)
                yield Task(name, _make_fold, shared, (place, number), 1 / len(missing), stages)

    open_runs = [job for job in planned if job.options.fresh or not (job.folder / "record.json").exists()]
    # `closing`: after an error, running tasks are cancelled before the folders of their runs are released.
    with ExitStack() as held, closing(cluster.work(tasks(), "runs", len(open_runs))) as done:
        while True:
            finished = next(done, None)
            if finished:
                place, _ = finished[0].own
                begun[place].missing -= 1
            # Also runs all of whose folds, or whose record, was there before.
            for place in [place for place, one in begun.items() if not one.missing]:
                one = begun.pop(place)
                yield _record_of(one.run, announce)
                one.held.close()
            if not finished:
                break


def _record_of(run: runner.Claimed, announce: Callable[[str], None]) -> Record:
    if run.record:
        return run.record
    # A network file system may remember for a while that files of the folds were absent; listing makes it look again.
    list(run.job.folder.glob("work/*/*"))
    return runner.finished(run, announce)


def _make_fold(shared: tuple[PortableJob, Material], own: tuple[int, int]) -> None:
    """Train and test a fold, in a worker."""
    portable, material = shared
    runner.make_fold(portable.restored(), material, own[1])
