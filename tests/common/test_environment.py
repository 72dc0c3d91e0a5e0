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
    *("cli.commands", "cli.describe", "signals.features"),
    *("runs.estimate", "runs.evaluation", "runs.jobs", "runs.prediction", "runs.runner"),
}
"""Modules that need Keras as they are imported, besides `learners`."""
WITHOUT = "Keras TensorFlow".lower().split()


def imported_at_once(path: Path) -> set[str]:
    """Return the packages that a module imports when it is imported, not those of its functions."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", sorted(COMMON.rglob("*.py")), ids=lambda path: path.stem)
def test_no_module_imports_tensorflow_before_it_needs_it(path) -> None:
    assert "tensorflow" not in imported_at_once(path)


def test_all_but_the_modules_that_compute_import_without_keras() -> None:
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


def test_a_record_s_environment_is_plain_and_names_no_folder() -> None:
    facts = environment.describe()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["backend"] == "tensorflow"
    assert facts["precision"] == "float32"
    assert facts["threads"] >= 1
    assert re.fullmatch(r"\d+\.\d+\.\d+", facts["python"])
    assert {"keras", "tensorflow", "numpy", "librosa", "hardware", "commit"} <= set(facts)
    assert str(Path.home()) not in json.dumps(facts)


def test_a_backend_that_does_not_tell_its_devices_has_none(monkeypatch) -> None:
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    assert environment.accelerators() == []


def test_peak_memory_is_in_mebibytes() -> None:
    assert 20 < environment.peak_memory_mib() < 2**16


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """Return somebody's own repository with a copy of `common` in it, as an installed package would lie."""
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


def test_the_commit_of_a_repository_around_the_package_is_not_ours(checkout) -> None:
    assert environment._commit() == "unknown"


def test_the_commit_of_our_own_repository_is_told_with_its_changes(checkout) -> None:
    subprocess.run(["git", "add", "."], cwd=checkout, check=True)
    assert re.fullmatch(r"[0-9a-f]{40}-dirty", environment._commit())


def test_without_git_the_commit_is_unknown(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert environment._commit() == "unknown"
