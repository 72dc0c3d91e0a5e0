"""Runs on a cluster of two processes, whose results are those of one process."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
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
from common.runs import jobs, on_cluster, records, runner
from common.signals.audio import UnusableFilesError

pytest.importorskip("distributed")
pytest.importorskip("cryptography")

OneRun = Callable[..., records.Record]

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


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """Start a scheduler and two workers as programs of their own; return the scheduler's file and its process."""
    file = tmp_path / "scheduler.json"
    with ExitStack() as stack:
        scheduler = started(stack, "dask_scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", file)
        for _ in range(2):
            started(stack, "dask_worker", "--nthreads", "1", "--no-dashboard", "--scheduler-file", file)
        monkeypatch.setattr(cluster_module, "CONNECT_S", 300)  # on a busy machine
        cluster_module._address_in(file)
        yield file, scheduler


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


def test_a_run_whose_scheduler_is_killed_is_resumed_by_the_same_call(
    elsewhere, corpus, unbroken, tmp_path, monkeypatch
) -> None:
    file, scheduler = elsewhere
    job = tiny.job(corpus, "patient", "independent", runs=tmp_path / "runs", folds=2)
    monkeypatch.setattr(on_cluster, "_make_fold", partial(tasks_of_a_cluster.fold_whose_scheduler_dies, scheduler.pid))
    monkeypatch.setattr(cluster_module, "CONNECT_S", 5)  # so long does Dask wait for the scheduler to come back
    with pytest.raises(ResultError), connected(None, str(file)) as cluster:
        list(on_cluster.run_all([job], quiet, cluster))
    assert list(job.folder.glob("work/*.npz"))
    assert_same(runner.run(job), unbroken("patient", "independent", folds=2))


def ended(how: signal.Signals, corpus: Path, runs: Path, *words: str) -> tuple[int, str]:
    """Run two folds with the command line, and end it after two epochs of each.

    Returns:
        The exit code; and what it and the processes that it started print, until the last of them has ended.
    """
    runs.mkdir(exist_ok=True)
    os.mkfifo(runs / "waiting")
    waiting = os.open(runs / "waiting", os.O_RDWR)
    script = Path(tasks_of_a_cluster.__file__).with_name("on_workers.py")
    run = ("run", "patient", "--protocol", "independent", "--folds", "2", "--data", corpus, "--runs", runs)
    command = subprocess.Popen(
        [sys.executable, script, *run, *words],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # What a shell starts in the background ignores Ctrl-C, and so does all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for _ in range(2):
        assert select.select([waiting], [], [], 300)[0]
        os.read(waiting, 1)
    os.close(waiting)
    # A terminal sends Ctrl-C to all processes that were started in it.
    os.killpg(command.pid, how) if how == signal.SIGINT else command.send_signal(how)
    _, said = command.communicate(timeout=300)
    return command.returncode, said


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_command_that_is_ended_leaves_no_process_and_is_resumed_on_other_workers(
    how, code, cluster, corpus, unbroken, tmp_path, monkeypatch
) -> None:
    found, said = ended(how, corpus, tmp_path, "--workers", "2")
    assert found == code
    assert ("interrupted" in said) == (how == signal.SIGINT)
    assert "Traceback" not in said
    assert_resumed(cluster, tiny.job(corpus, "patient", "independent", runs=tmp_path, folds=2), unbroken, monkeypatch)


def assert_resumed(cluster: Cluster, job: jobs.Job, unbroken: OneRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Assert that a run goes on on a cluster, gives the same result, and trains no epoch twice."""
    monkeypatch.setattr(on_cluster, "_make_fold", tasks_of_a_cluster.fold_that_notes_its_epochs)
    (record,) = on_cluster.run_all([job], quiet, cluster)
    assert_same(record, unbroken("patient", "independent", folds=2))
    trained = (job.options.runs / "epochs").read_text().splitlines()
    history = record.history()
    assert sorted(trained) == sorted(
        f"fold {fold}, epoch {epoch}" for fold, epoch in history[["fold", "epoch"]].to_numpy()
    )


def test_workers_elsewhere_end_the_tasks_of_a_command_that_is_killed_and_do_those_of_the_next(
    elsewhere, corpus, unbroken, tmp_path, monkeypatch
) -> None:
    file, _ = elsewhere
    runs = tmp_path / "runs"
    assert ended(signal.SIGKILL, corpus, runs, "--scheduler", str(file))[0] == -signal.SIGKILL
    job = tiny.job(corpus, "patient", "independent", runs=runs, folds=2)
    with connected(None, str(file)) as cluster:
        assert cluster
        assert_resumed(cluster, job, unbroken, monkeypatch)


def test_precision_and_backend_travel_with_a_run(corpus, tmp_path) -> None:
    given = on_cluster.PortableJob.of(tiny.job(corpus, runs=Path(os.path.relpath(tmp_path)), deadline=1e9, fresh=True))
    assert given.backend == keras.backend.backend()
    assert given.job.options.runs == Path.cwd() / os.path.relpath(tmp_path)
    assert not given.job.options.fresh
    assert given.restored().options.deadline == pytest.approx(1e9, abs=60)
