"""Tiny audio files under real names."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile

MakeClips = Callable[..., Path]


@pytest.fixture
def make_clips(tmp_path: Path) -> MakeClips:
    """Return a function that writes short clips under the given names below a folder, and returns the folder."""

    def make(names: Iterable[str], folder: Path = tmp_path / "corpus") -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, np.full(800, 0.1), 16_000)
        return folder

    return make
