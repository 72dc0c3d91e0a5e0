"""The tiny document, its clips, and its finished runs."""

import sys
from collections.abc import Callable, Iterator
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
    """Return a function that gives the record of an unbroken run; a test that asks for the same run gets the same."""
    runs = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENCORE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield lambda *of, **options: runner.run(tiny.job(corpus, *of, runs=runs, **options))


@pytest.fixture(scope="session")
def of_pieces(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> OneRun:
    """Return a function that gives the record of a run on pieces of songs, like `unbroken`. Tests only read it."""
    runs = tmp_path_factory.mktemp("pieces")
    return lambda *of, **options: runner.run(tiny_pieces.job(corpus, *of, runs=runs, **options))
