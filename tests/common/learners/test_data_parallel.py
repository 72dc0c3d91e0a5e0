import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny

from common import illustrations
from common.errors import InputError
from common.learners import data_parallel
from common.runs import records

HERE = Path(__file__).parents[1]
needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
TOLERANCE = 1e-4
"""Relative: sums over the clips of a batch are added up in another order."""


def program(*words: object, process: int | None = None, address: str = "", **more: str) -> subprocess.Popen[str]:
    """Start a script under JAX, as one of two processes if `process` is given."""
    several = {
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
        "KERAS_DISTRIBUTION_PROCESS_ID": str(process),
    }
    environment = {**os.environ, **more, "KERAS_BACKEND": "jax", **({} if process is None else several)}
    command = [sys.executable, *map(str, words)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outputs(*started: subprocess.Popen[str]) -> list[str]:
    """Wait for processes, and return the standard output of each."""
    ended = [one.communicate() for one in started]
    assert [one.returncode for one in started] == [0] * len(started), [errors for _, errors in ended]
    return [output for output, _ in ended]


def address() -> str:
    """Return an address of this machine that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def devices(strategy: str, folder: Path, processes: Sequence[int | None] = (None,), **more: str) -> list[dict]:
    """Return what each of the processes of `devices.py` saw; each has a folder of its own."""
    at = address()
    started = [
        program(HERE / "devices.py", strategy, folder / str(number or 0), process=number, address=at, **more)
        for number in processes
    ]
    return [json.loads(output) for output in outputs(*started)]


@pytest.fixture(scope="module")
def one_device(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return devices("none", tmp_path_factory.mktemp("one"))[0]


@pytest.fixture(scope="module")
def two_devices(tmp_path_factory: pytest.TempPathFactory) -> dict:
    flags = "--xla_force_host_platform_device_count=2"
    return devices("data-parallel", tmp_path_factory.mktemp("two"), XLA_FLAGS=flags)[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of two processes: it has one folder for each."""
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def two_processes(folder) -> list[dict]:
    return devices("data-parallel", folder, (0, 1))


@needs_jax
def test_each_of_two_devices_computes_its_part_of_a_batch(one_device, two_devices) -> None:
    assert one_device["whole"]["on_one_device"] == [8]
    assert two_devices["whole"]["on_one_device"] == [4]


@needs_jax
@pytest.mark.parametrize("training", ["whole", "frozen"])
def test_two_devices_give_the_losses_and_predictions_of_one(training, one_device, two_devices) -> None:
    # Dropout, batch normalisation and a last batch of odd size included.
    for facts in ("scores", "predictions"):
        np.testing.assert_allclose(two_devices[training][facts], one_device[training][facts], rtol=TOLERANCE)


@needs_jax
def test_two_devices_resume_to_the_same_result(two_devices) -> None:
    assert two_devices["resumed"] == two_devices["whole"]


@needs_jax
def test_two_processes_give_the_losses_and_predictions_of_one(one_device, two_processes) -> None:
    for seen in two_processes:
        for training in ("whole", "frozen"):
            for facts in ("scores", "predictions"):
                np.testing.assert_allclose(seen[training][facts], one_device[training][facts], rtol=TOLERANCE)


@needs_jax
def test_only_the_first_process_writes_and_the_other_resumes_from_what_it_wrote(two_processes, folder) -> None:
    assert [seen["leads"] for seen in two_processes] == [True, False]
    assert [one["resumed"] for one in two_processes] == [one["whole"] for one in two_processes]
    assert (folder / "0" / "resumed" / "a.npz").exists()
    assert not list((folder / "1").rglob("*.npz"))


STUDY = """
import sys
sys.path[:0] = sys.argv[1:3]
from common.cli import commands, console
import tiny
console.main(commands.study_app(tiny.STUDY), sys.argv[3:])
"""


@needs_jax
def test_two_processes_run_all_experiments_and_the_first_reports_them(corpus, tmp_path) -> None:
    (tmp_path / "published").mkdir()
    names = [experiment.id for experiment in tiny.STUDY.experiments]
    (tmp_path / "published" / "tiny.toml").write_text(tiny.published("tiny", names))
    words = [
        "run",
        "--protocol",
        "independent",
        "--folds",
        "2",
        "--epochs",
        "1",
        "--strategy",
        "data-parallel",
        "--json",
    ]
    at = address()
    started = [
        program(
            *("-c", STUDY, HERE, HERE.parents[1], *words),
            *("--data", corpus, "--runs", tmp_path / f"runs-{process}"),
            process=process,
            address=at,
            ENCORE_PUBLISHED=str(tmp_path / "published"),
        )
        for process in (0, 1)
    ]
    first, second = outputs(*started)
    found = [records.read(Path(json.loads(line)["record"])) for line in first.splitlines()]
    assert [record.data["experiment"] for record in found] == names
    assert {record.data["configuration"]["strategy"] for record in found} == {"data-parallel"}
    assert [[fold["test"] for fold in record.data["folds"]] for record in found] == [[48, 24]] * 3
    assert illustrations.path_of(tmp_path / "runs-0", "tiny").exists()
    assert second == ""
    assert not (tmp_path / "runs-1").exists()


@pytest.mark.parametrize("strategy", ["none", "data-parallel"])
def test_several_processes_under_another_backend_or_without_the_strategy_are_refused(strategy, monkeypatch) -> None:
    monkeypatch.setenv(data_parallel.PROCESSES, "2")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax" if strategy == "none" else "tensorflow")
    with pytest.raises(InputError, match=data_parallel.PROCESSES):
        data_parallel.join(strategy)


def test_what_is_agreed_by_one_process_is_its_own_decision() -> None:
    assert data_parallel.leads()
    assert data_parallel.agreed(True)
    assert not data_parallel.agreed(False)
    assert data_parallel.shared(b"content") == b"content"
