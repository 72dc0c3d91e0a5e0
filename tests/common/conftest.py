"""The tiny document, its clips, and its finished runs."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest

from common.runs import runner
from common.runs.records import Record

sys.path.insert(0, str(Path(__file__).parent))

import tiny
import tiny_pieces

OneRun = Callable[..., Record]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tiny corpus."""
    return tiny.write_corpus(tmp_path_factory.mktemp("data") / "tones")


@pytest.fixture(scope="session")
def unbroken(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneRun]:
    """Return a function that gives the record of an unbroken run, made by `job`.

    A test that asks for the same run gets the same record, so tests only read it.
    """
    runs = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENCORE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield lambda *of, job=tiny.job, **options: runner.run(job(corpus, *of, runs=runs, **options))


@pytest.fixture(scope="session")
def of_pieces(unbroken: OneRun) -> OneRun:
    """Return a function that gives the record of a run on pieces of songs, like `unbroken`."""
    return partial(unbroken, job=tiny_pieces.job)


@pytest.fixture(scope="session")
def killed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that gives the folder of the runs of a document that `crash.py` started and killed."""

    @cache
    def kill(document: str) -> Path:
        folder = tmp_path_factory.mktemp("killed")
        command = [
            sys.executable,
            str(Path(__file__).with_name("crash.py")),
            document,
            str(corpus),
            str(folder / "runs"),
        ]
        environment = {**os.environ, "ENCORE_CACHE": str(folder / "cache")}
        subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
        return folder / "runs"

    return kill
