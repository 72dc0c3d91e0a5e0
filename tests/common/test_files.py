"""Files that are complete or absent."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common import files
from common.files import (
    UNFINISHED,
    DamagedError,
    alone,
    clear_unfinished,
    read_sealed,
    replacing,
    temporary_folder,
    write_sealed,
)

WRITER = """
import sys
from pathlib import Path
from common import files
with files.replacing(Path(sys.argv[1], "a.txt")) as temporary, files.temporary_folder(Path(sys.argv[1])) as folder:
    temporary.write_text("half of it")
    (folder / "file").touch()
    print("writing", flush=True)
    sys.stdin.read()
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that is in the middle of writing a file and a temporary folder."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    root = Path(files.__file__).parents[1]
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], cwd=root, **pipes)  # type: ignore[call-overload]
    assert process.stdout.readline() == b"writing\n"
    yield process
    process.kill()
    process.communicate()


def test_what_a_living_process_writes_is_kept_and_what_a_killed_one_left_is_removed(writer, tmp_path) -> None:
    left = names(tmp_path)
    assert len(left) == 2
    clear_unfinished(tmp_path)
    assert names(tmp_path) == left
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    clear_unfinished(tmp_path)
    assert names(tmp_path) == []


def test_a_file_that_is_not_finished_leaves_the_older_one(tmp_path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        raise KeyboardInterrupt
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_the_temporary_file_has_the_suffix_of_the_file(tmp_path) -> None:
    with replacing(tmp_path / "folder" / "model.tf_keras.keras") as temporary:
        assert temporary.name.endswith("model.tf_keras.keras")
        temporary.write_bytes(b"")
    assert names(tmp_path / "folder") == ["model.tf_keras.keras"]


def test_nobody_else_reads_a_temporary_folder(tmp_path) -> None:
    before = os.umask(0)
    try:
        with temporary_folder(tmp_path) as folder:
            assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(before)
    assert names(tmp_path) == []


def test_work_that_one_does_alone_makes_the_others_wait(tmp_path) -> None:
    at_work, most = 0, 0

    def work(_: int) -> None:
        nonlocal at_work, most
        with alone(tmp_path / "a.txt"):
            at_work += 1
            most = max(most, at_work)
            assert names(tmp_path)[0].startswith(UNFINISHED)
            at_work -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(100)))
    assert most == 1
    assert names(tmp_path) == []


def test_what_a_process_that_was_killed_did_alone_is_done_by_the_next(tmp_path) -> None:
    (tmp_path / f"{UNFINISHED}lock-a.txt").touch()
    with alone(tmp_path / "a.txt"):
        pass
    assert names(tmp_path) == []


CONTENT = {"a": [1, 2.5, None, "é"], "b": {}}


def test_a_sealed_value_is_read_as_it_was(tmp_path) -> None:
    write_sealed(tmp_path / "a.json", CONTENT)
    assert read_sealed(tmp_path / "a.json") == CONTENT


def test_every_changed_bit_and_every_cut_of_a_sealed_value_is_noticed(tmp_path) -> None:
    path = tmp_path / "a.json"
    write_sealed(path, CONTENT)
    whole = path.read_bytes()
    bits = int.from_bytes(whole)
    flipped = [(bits ^ 1 << bit).to_bytes(len(whole)) for bit in range(8 * len(whole))]
    for content in [*flipped, *(whole[:length] for length in range(len(whole)))]:
        path.write_bytes(content)
        with pytest.raises(DamagedError, match=r"a\.json"):
            read_sealed(path)


@pytest.mark.parametrize("content", ["[]", "1", "{}", json.dumps({"sha256": "", "content": 1}), "[" * 100_000])
def test_what_is_no_sealed_value_is_damaged(content, tmp_path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DamagedError):
        read_sealed(tmp_path / "a.json")


def test_a_temporary_file_that_another_thread_takes_for_a_leftover_is_made_again(tmp_path: Path, monkeypatch) -> None:
    made: list[Path] = []

    def make(path: Path) -> None:
        path.touch()
        made.append(path)
        if len(made) == 1:  # before it is locked
            files.clear_unfinished(tmp_path)

    monkeypatch.setattr(files, "_make_file", make)
    files.write_bytes(tmp_path / "a.txt", b"whole")
    assert len(made) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"whole"
