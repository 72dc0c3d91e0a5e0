"""Runs on a cluster of two processes, whose results are those of one process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tasks_of_a_cluster
import tiny
import tiny_tasks

from common import cluster as cluster_module
from common.cluster import Cluster, connected
from common.errors import BudgetSpentError, ResultError
from common.learners.keras3 import keras
from common.runs import on_cluster, records, runner
from common.signals.audio import UnusableFilesError

pytest.importorskip("distributed")
pytest.importorskip("cryptography")

FILES = ("predictions.csv", "split.csv")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with connected(2, None) as cluster:
        assert cluster
        yield cluster


def quiet(line: str) -> None:
    pass


def assert_same(one: records.Record, other: records.Record) -> None:
    """Assert that two records are equal to the bit, except for times and where they were made."""
    for name in FILES:
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()
    assert tiny.without_seconds(one.history()).equals(tiny.without_seconds(other.history()))
    assert one.data["metrics"] == other.data["metrics"]


def test_runs_on_a_cluster_are_those_of_one_process_to_the_byte(cluster, corpus, unbroken, tmp_path) -> None:
    planned = [
        tiny.job(corpus, "patient", "independent", runs=tmp_path, folds=2),
        tiny.job(corpus, "retrained", runs=tmp_path),
    ]
    found = {record.folder: record for record in on_cluster.run_all(planned, quiet, cluster)}
    for job in planned:
        alone = unbroken(job.experiment.id, job.protocol.name, folds=job.options.folds)
        assert_same(found[job.folder], alone)
        assert not (job.folder / "work").exists()
        assert found[job.folder].data["environment"]["threads"] == len(cluster._terms["cores"][0])
    # They are finished now: the same command returns them.
    assert len(list(on_cluster.run_all(planned, quiet, cluster))) == 2


def test_an_ensemble_comes_after_its_members(cluster, corpus, tmp_path) -> None:
    job = partial(tiny_tasks.job, "regression", corpus, runs=tmp_path)
    method = job("both").experiment.method
    planned = [job(name) for name in ("both", *method.weights)]
    assert [record.data["experiment"] for record in on_cluster.run_all(planned, quiet, cluster)][-1] == "both"


def test_folds_whose_workers_are_killed_go_on_from_their_last_epoch(
    cluster, corpus, unbroken, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(on_cluster, "_make_fold", partial(tasks_of_a_cluster.fold_that_dies, 2))
    job = tiny.job(corpus, "patient", "independent", runs=tmp_path, folds=2)
    (record,) = on_cluster.run_all([job], quiet, cluster)
    assert_same(record, unbroken("patient", "independent", folds=2))
    assert [(tmp_path / f"attempts-{fold}").stat().st_size for fold in range(2)] == [3, 3]


def test_a_spent_budget_keeps_what_was_done(cluster, corpus, unbroken, tmp_path) -> None:
    job = partial(tiny.job, corpus, "patient", "independent", runs=tmp_path, folds=2)
    with pytest.raises(BudgetSpentError):
        list(on_cluster.run_all([job(deadline=0.0)], quiet, cluster))
    (record,) = on_cluster.run_all([job()], quiet, cluster)
    assert_same(record, unbroken("patient", "independent", folds=2))


def test_damaged_files_are_listed_for_the_next_scan(cluster, corpus, tmp_path, monkeypatch) -> None:
    job = tiny.job(corpus, runs=tmp_path)

    def refuse(shared: Any, own: Any) -> None:
        raise UnusableFilesError("damaged", [str(corpus / "ann-0-0.wav")])

    monkeypatch.setattr(on_cluster, "_make_fold", refuse)
    with pytest.raises(Exception, match="leave-out"):
        list(on_cluster.run_all([job], quiet, cluster))
    with records.hold(job.folder):  # it was let go
        pass


def test_a_run_whose_scheduler_is_killed_is_resumed_by_the_same_call(corpus, unbroken, tmp_path, monkeypatch) -> None:
    job = tiny.job(corpus, "patient", "independent", runs=tmp_path / "runs", folds=2)
    file = tmp_path / "scheduler.json"
    with ExitStack() as stack:
        scheduler = started(stack, "dask_scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", file)
        started(stack, "dask_worker", "--nthreads", "1", "--no-dashboard", "--scheduler-file", file)
        while not file.exists():
            scheduler.poll()
        monkeypatch.setattr(
            on_cluster, "_make_fold", partial(tasks_of_a_cluster.fold_whose_scheduler_dies, scheduler.pid)
        )
        monkeypatch.setattr(cluster_module, "CONNECT_S", 5)  # so long does Dask wait for the scheduler to come back
        with pytest.raises(ResultError), connected(None, str(file)) as cluster:
            list(on_cluster.run_all([job], quiet, cluster))
    assert list(job.folder.glob("work/*.npz"))
    assert_same(runner.run(job), unbroken("patient", "independent", folds=2))


def started(stack: ExitStack, program: str, *options: object) -> subprocess.Popen[bytes]:
    """Start a program of Dask, which is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{program}", *map(str, options)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


def test_precision_and_backend_travel_with_a_run(corpus, tmp_path) -> None:
    given = on_cluster.PortableJob.of(tiny.job(corpus, runs=Path(os.path.relpath(tmp_path)), deadline=1e9, fresh=True))
    assert given.backend == keras.backend.backend()
    assert given.job.options.runs == Path.cwd() / os.path.relpath(tmp_path)
    assert not given.job.options.fresh
    assert given.restored().options.deadline == pytest.approx(1e9, abs=60)
