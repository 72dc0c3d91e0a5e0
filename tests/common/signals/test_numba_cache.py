import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numba
import pytest

from common import cache
from common.signals import numba_cache

COMPILE = """
import numba
from common.signals.numba_cache import librosa
import numpy as np
librosa.zero_crossings(np.zeros(8, np.float32))
print(numba.config.CACHE_DIR)
"""


@pytest.fixture
def compile_in(own_cache: Path):
    """Return a function that compiles in a new process, without NUMBA_CACHE_DIR, and returns numba's folder there."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}

    def run() -> Path:
        ran = subprocess.run(
            [sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True, check=True
        )
        return Path(ran.stdout.strip())

    return run


def test_a_second_process_reuses_compiled_code_in_a_folder_of_its_own(compile_in, own_cache) -> None:
    first = compile_in()
    (kept,) = own_cache.glob("compiled-*.zip")
    written = kept.stat().st_mtime_ns
    second = compile_in()
    assert first != second
    assert any("guf-audio._zc_wrapper" in name for name in zipfile.ZipFile(kept).namelist())
    assert kept.stat().st_mtime_ns == written, "the second process compiled something again"
    assert not first.exists() and not second.exists()


def test_a_damaged_archive_is_replaced(compile_in, own_cache) -> None:
    kept = own_cache / f"compiled-{cache.key(*numba_cache._versions())}.zip"
    kept.write_bytes(b"PK half of an archive")
    compile_in()
    assert zipfile.ZipFile(kept).testzip() is None


def test_a_folder_set_by_the_user_is_unchanged(tmp_path, own_cache, monkeypatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    numba_cache.begin()
    assert str(tmp_path) == numba.config.CACHE_DIR
    assert not list(own_cache.iterdir())
