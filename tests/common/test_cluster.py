import errno
import os
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import tasks_of_a_cluster

from common import cluster as cluster_module
from common import cluster_worker, environment
from common.cache import file_digests
from common.cluster import Cluster, Task, connected, shares
from common.corpora import scan
from common.corpora.__main__ import _digests, app
from common.errors import InputError, ResultError
from common.signals.audio import UnusableFilesError


def needs_dask() -> None:
    pytest.importorskip("distributed")
    pytest.importorskip("cryptography")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    needs_dask()
    with connected(2, None) as cluster:
        assert cluster
        yield cluster


def test_without_workers_and_scheduler_there_is_no_cluster() -> None:
    with connected(None, None) as cluster:
        assert cluster is None


def test_workers_and_a_scheduler_exclude_each_other() -> None:
    with pytest.raises(InputError), connected(2, "tcp://127.0.0.1:1"):
        pass


def test_without_dask_a_sentence_says_what_to_install(monkeypatch, tmp_path, capsys) -> None:
    from common.cli import console

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SystemExit) as ended:
        console.main(app, ["scan", str(tmp_path), "--workers", "2"])
    assert ended.value.code == 2
    assert "encore-emotion[cluster]" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "", "[]", '{"id": "Scheduler"}'])
def test_a_file_without_the_address_of_a_scheduler_is_refused(content, tmp_path, monkeypatch) -> None:
    needs_dask()
    monkeypatch.setattr(cluster_module, "CONNECT_S", 0)
    file = tmp_path / "scheduler.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=r"scheduler\.json"), connected(None, str(file)):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere", "smoke://127.0.0.1:1"])
def test_an_address_at_which_no_scheduler_answers_is_refused(address, monkeypatch) -> None:
    needs_dask()
    monkeypatch.setattr(cluster_module, "CONNECT_S", 1)
    with pytest.raises(InputError, match=address), connected(None, address):
        pass


@pytest.mark.parametrize(
    ("cores", "workers", "each"),
    [
        ([4, 5, 6, 7], 2, [[4, 5], [6, 7]]),
        ([0, 1, 2], 2, [[0], [1]]),
        ([0, 1], 3, [[0], [1], [0]]),
        ([], 2, [[], []]),
    ],
)
def test_workers_share_the_cores_evenly(cores, workers, each) -> None:
    assert shares(cores, workers) == each


def test_results_come_in_the_order_of_the_items(cluster) -> None:
    assert cluster.apply(tasks_of_a_cluster.doubled, range(120), "doubling") == [2 * number for number in range(120)]


def test_tasks_are_taken_as_there_is_room_for_them(cluster) -> None:
    taken = []

    def tasks() -> Iterator[Task]:
        for number in range(12):
            taken.append(number)
            yield Task(str(number), tasks_of_a_cluster.add, 100, number)

    work = cluster.work(tasks(), "adding", 12)
    first, _ = next(work)
    assert len(taken) <= 5
    assert {first.own + 100, *(result for _, result in work)} == set(range(100, 112))


@pytest.mark.parametrize(
    ("own", "kind", "facts"),
    [
        ("files", UnusableFilesError, {"paths": ["a.wav", "b.wav"]}),
        ("call", InputError, {"args": ("no",)}),
        ("disk", OSError, {"errno": errno.ENOSPC, "filename": "a.npy"}),
    ],
)
def test_an_error_of_a_task_is_raised_as_it_was(own, kind, facts, cluster) -> None:
    with pytest.raises(kind) as raised:
        list(cluster.work([Task("wrong", tasks_of_a_cluster.refuse, None, own)], "refusing", 1))
    assert {name: getattr(raised.value, name) for name in facts} == facts


def test_an_error_that_cannot_be_sent_is_told_in_words(cluster) -> None:
    with pytest.raises(RuntimeError, match="number 5"):
        list(cluster.work([Task("strange", tasks_of_a_cluster.refuse, None, "strange")], "refusing", 1))


def test_what_runs_when_a_task_fails_is_ended_and_the_workers_do_other_tasks(cluster, tmp_path) -> None:
    os.mkfifo(tmp_path / "begun")
    tasks = [
        Task("endless", tasks_of_a_cluster.never_end, tmp_path / "begun", None),
        Task("wrong", tasks_of_a_cluster.refuse_after, tmp_path / "begun", None),
    ]
    with pytest.raises(InputError):
        list(cluster.work(tasks, "both", 2))
    work = cluster.work([Task(str(n), tasks_of_a_cluster.add, 1, n) for n in range(8)], "adding", 8)
    assert sorted(result for _, result in work) == list(range(1, 9))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not limit processes")
def test_a_worker_keeps_to_its_cores(cluster) -> None:
    tasks = [Task(str(number), tasks_of_a_cluster.threads_of, None, number) for number in range(4)]
    for _, (cores, threads) in cluster.work(tasks, "asking", len(tasks)):
        assert sorted(cores) in cluster._terms["cores"]
        assert threads == str(len(cores))


@pytest.mark.parametrize("whose", ["of its own", "of Dask"])
def test_a_task_whose_process_is_killed_three_times_is_done(whose, cluster, tmp_path) -> None:
    times = tmp_path / "3"
    ((_, result),) = cluster.work([Task("killed", tasks_of_a_cluster.die, times, whose)], "dying", 1)
    assert result == whose
    assert times.stat().st_size == 4


def test_a_task_of_which_all_workers_die_is_named(cluster, tmp_path) -> None:
    with pytest.raises(ResultError, match="deadly"):
        list(cluster.work([Task("deadly", tasks_of_a_cluster.die, tmp_path / "99", "of its own")], "dying", 1))


def test_files_are_read_as_they_are_without_a_cluster(cluster, corpus) -> None:
    assert scan([corpus], thorough=True, apply=cluster.apply).manifest.equals(scan([corpus]).manifest)
    paths = sorted(corpus.glob("*.wav"))
    assert _digests(cluster, paths) == file_digests(paths)


def test_each_worker_has_a_gpu_of_its_own_and_this_process_has_none(monkeypatch, tmp_path) -> None:
    needs_dask()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,9")
    with pytest.raises(InputError, match="2"), connected(3, None):
        pass
    with connected(2, None) as cluster:
        assert cluster
        assert cluster.on_gpus
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "-1"
        tasks = [Task(str(number), tasks_of_a_cluster.gpu_of, tmp_path / "asked", number) for number in range(2)]
        assert sorted(gpu for _, gpu in cluster.work(tasks, "asking", 2)) == ["7", "9"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7,9"


@pytest.mark.parametrize(
    ("tasks", "software", "named"),
    [(8, environment.software(), "--nthreads 1"), (1, {**environment.software(), "numpy": "1.0"}, "numpy")],
    ids=["several tasks", "other software"],
)
def test_a_worker_that_would_get_other_numbers_is_refused(tasks, software, named) -> None:
    worker = SimpleNamespace(name="w", state=SimpleNamespace(nthreads=tasks))
    with pytest.raises(InputError, match=named):
        cluster_worker._refuse(worker, software)
