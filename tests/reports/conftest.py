"""Synthetic records in the form that runs leave, for reports to read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthetic import Write, classified, edit, searched


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def write(runs: Path) -> Write:
    """Write one synthetic classification and return its folder."""

    def written(*of: Any, into: Path | None = None, **options: Any) -> Path:
        return classified(*of, **options).write(into or runs)

    return written


@pytest.fixture
def configure() -> Callable[..., Path]:
    """Change the configuration of a record, as another command line would; return its folder."""
    return lambda folder, **settings: edit(folder, {f"configuration.{name}": to for name, to in settings.items()})


@pytest.fixture
def search(runs: Path) -> Write:
    """Write one synthetic search over the learning rates of single-cnn and return its folder."""
    return lambda *of, **options: searched(*of, **options).write(runs)
