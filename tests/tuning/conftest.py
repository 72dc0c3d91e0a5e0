"""The small searches, one of each kind made once for all tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "common"))

import small_search
import tiny

from common.runs.search_records import SearchResult
from tuning import grid, hyperband


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tiny corpus."""
    return tiny.write_corpus(tmp_path_factory.mktemp("data") / "tones")


@pytest.fixture(scope="session")
def brackets(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """Return a whole Hyperband of two brackets: two trials of one epoch, one of them promoted, two of both epochs."""
    return hyperband.search(small_search.brackets_in(tmp_path_factory.mktemp("brackets")), factor=2)


@pytest.fixture(scope="session")
def whole_grid(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """Return a grid of two learning rates, each trained for three epochs."""
    return grid.search(small_search.grid_in(tmp_path_factory.mktemp("grid")))
