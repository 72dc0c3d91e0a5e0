"""Ten songs of each genre of Emotify."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from common.corpora import emotify, scan
from reproductions.emotify_features import descriptors

sys.path.insert(0, str(Path(__file__).parent))

import tiny_emotify


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the songs and of the listeners' table."""
    return tiny_emotify.write(tmp_path_factory.mktemp("emotify"))


@pytest.fixture(scope="session")
def songs(folder: Path) -> pd.DataFrame:
    """Return their manifest."""
    return scan([folder]).manifest


@pytest.fixture(autouse=True)
def votes_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of the short songs is made up: it is not compared with the published one."""
    monkeypatch.setattr(emotify, "_refuse_changed", lambda counted, table: None)


@pytest.fixture
def known_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the descriptors by features that need no audio analysis."""
    monkeypatch.setattr(descriptors, "extract", tiny_emotify.features)
