"""Fixtures that many tests share."""

import atexit
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# A busy machine is no failure.
hypothesis.settings.register_profile("encore", deadline=None)
hypothesis.settings.load_profile("encore")

sys.path.insert(0, str(Path(__file__).parent))  # for `synthetic`, which tests of several folders import

# One folder for what numba compiles in this process and in those that it starts, one after the other; a worker must
# not share that of the controller, whose environment it inherits (common.signals.numba_cache says why).
os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="encore-tests-")
atexit.register(shutil.rmtree, os.environ["NUMBA_CACHE_DIR"], ignore_errors=True)

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real audio beside the checkout; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real audio beside the checkout is not here")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has an empty cache folder of its own, so that no test sees what another one left."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("ENCORE_CACHE", str(folder))
    return folder


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def commands_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Command]:
    """Return what takes the command line of a study and its published numbers, and gives a function that runs it.

    That one takes words, and returns the exit code, standard output and standard error. It runs in an empty folder.
    """
    from common.cli import console

    def encore(app: Any, study: str, printed: str) -> Command:
        (tmp_path / "published").mkdir()
        (tmp_path / "published" / f"{study}.toml").write_text(printed)
        monkeypatch.setenv("ENCORE_PUBLISHED", str(tmp_path / "published"))
        monkeypatch.chdir(tmp_path)

        def command(*words: object) -> tuple[int, str, str]:
            with pytest.raises(SystemExit) as ended:
                console.main(app, [str(word) for word in words])
            return ended.value.code, *capsys.readouterr()

        return command

    return encore


@pytest.fixture
def graphs() -> Callable[[], int]:
    """Return a function that counts the graphs that TensorFlow holds for training steps."""
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow has graphs")
    from tensorflow.python.framework.func_graph import FuncGraph

    def count() -> int:
        gc.collect()
        # By type: an instance check would follow weak proxies, and some of those lead nowhere any more.
        return sum(issubclass(type(thing), FuncGraph) for thing in gc.get_objects())

    return count
