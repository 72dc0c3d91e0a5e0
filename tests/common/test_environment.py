import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common import environment

COMMON = Path(environment.__file__).parent
WITH_KERAS = {
    *("signals.features", "runs.ensemble", "runs.estimate", "runs.evaluation", "runs.export", "runs.identity"),
    *("runs.jobs", "runs.on_cluster", "runs.prediction", "runs.runner"),
}
"""Modules that import Keras at import time, besides `learners`."""
WITHOUT = ("keras", "tensorflow")


def imported_at_once(path: Path) -> set[str]:
    """Return the packages that a module imports at import time, without those imported in functions."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", sorted(COMMON.rglob("*.py")), ids=lambda path: path.stem)
def test_no_module_imports_tensorflow_at_import_time(path) -> None:
    assert "tensorflow" not in imported_at_once(path)


def test_modules_that_do_not_compute_can_be_imported_without_keras() -> None:
    names = {".".join(path.relative_to(COMMON).with_suffix("").parts) for path in COMMON.rglob("*.py")}
    needless = {name for name in names - WITH_KERAS if not name.startswith("learners.") and "__" not in name}
    modules = [f"common.{name}" for name in sorted(needless)]
    program = "\n".join(
        [
            "import sys",
            *(f"sys.modules[{name!r}] = None" for name in WITHOUT),
            *(f"import {module}" for module in modules),
        ]
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=COMMON.parent, capture_output=True, text=True)
    assert done.stderr == ""


def test_the_environment_in_a_record_has_plain_values_and_no_folder_names() -> None:
    facts = environment.describe()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["backend"] == "tensorflow"
    assert facts["precision"] == "float32"
    assert facts["threads"] >= 1
    assert re.fullmatch(r"\d+\.\d+\.\d+", facts["python"])
    assert {"keras", "tensorflow", "numpy", "librosa", "hardware", "commit"} <= set(facts)
    assert str(Path.home()) not in json.dumps(facts)


def test_a_backend_whose_devices_are_unknown_has_no_accelerators(monkeypatch) -> None:
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    assert environment.accelerators() == []


def test_peak_memory_is_in_mebibytes() -> None:
    assert 20 < environment.peak_memory_mib() < 2**16


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """Return a repository of somebody else with an untracked copy of `common` in it, like an installed package."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "theirs"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *command], cwd=tmp_path, check=True)
    (tmp_path / "common").mkdir()
    copy = tmp_path / "common" / "environment.py"
    copy.write_text("")
    monkeypatch.setattr(environment, "__file__", str(copy))
    return tmp_path


def test_the_commit_of_our_own_repository_is_reported_with_its_changes_and_no_other(checkout) -> None:
    assert environment.commit() == "unknown"
    subprocess.run(["git", "add", "."], cwd=checkout, check=True)
    assert re.fullmatch(r"[0-9a-f]{40}-dirty", environment.commit())


def test_without_git_the_commit_is_unknown(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert environment.commit() == "unknown"


def test_the_peak_memory_is_that_of_this_process_and_not_of_the_one_that_started_it() -> None:
    large = bytes(200 * 2**20)
    program = "from common import environment; print(environment.peak_memory_mib())"
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert 5 < float(printed) < 100
    assert environment.peak_memory_mib() > len(large) / 2**20
