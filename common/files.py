"""Files that are complete or absent: each is written under a temporary name, synced and renamed.

What a killed process was writing is removed by the next one that writes into the same folder. A process holds the lock
of what it is writing, so nothing of a living one is removed, on whichever machine it runs.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

import pandas as pd

from common import escaping
from common.errors import InputError, reason_of

Place = Path | zipfile.Path
"""A file or folder, or one inside a zip file."""

UNFINISHED = ".encore-"
"""How the names of temporary files and folders begin."""


class DamagedError(InputError):
    """A file is not what was written: cut off, emptied or changed."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path, with the same suffix; the file written there becomes `path` if the block does not fail.

    Folders above it are made. The file has the permissions that the umask leaves, as any other.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_unfinished_once(path.parent)
    temporary, lock = _locked(path.parent, f"-{path.name}", _make_file)
    try:
        yield temporary
        _sync(temporary)  # before the rename: else a power failure could leave an empty file under the final name
        temporary.replace(path)
        _sync(path.parent)  # the rename itself: what is deleted afterwards may depend on it
    finally:
        temporary.unlink(missing_ok=True)
        os.close(lock)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock while `path` is made or changed; other processes and threads that ask for it wait.

    On a file system without locks nobody waits.

    Raises:
        OSError: the lock, a file beside `path`, cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path.with_name(f"{UNFINISHED}lock-{path.name}")
    while True:
        lock = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_at(place, lock):
            break
        os.close(lock)  # its last holder has deleted it meanwhile
    try:
        yield
    finally:
        place.unlink(missing_ok=True)
        os.close(lock)


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether an open file still has this name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Give a new folder below `parent`, which nobody else may read; it is deleted when the block ends.

    Raises:
        OSError: it cannot be made.
    """
    parent.mkdir(parents=True, exist_ok=True)
    clear_unfinished(parent)
    folder, lock = _locked(parent, "", _make_folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def clear_unfinished(folder: Path) -> None:
    """Remove the temporary files and folders that killed processes have left in a folder."""
    for path in folder.glob(f"{UNFINISHED}*"):
        # A lock that cannot be had belongs to a living process, or the file system has no locks: then nobody can know.
        with suppress(OSError):
            lock = _open(path)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            finally:
                os.close(lock)


@cache
def clear_unfinished_once(folder: Path) -> None:
    """Call `clear_unfinished` the first time only: to look through a large folder for each file takes long."""
    clear_unfinished(folder)


def _locked(folder: Path, ending: str, make: Callable[[Path], None]) -> tuple[Path, int]:
    """Return the path of a new file or folder, and an open descriptor that holds its lock."""
    while True:
        path = folder / f"{UNFINISHED}{secrets.token_hex(4)}{ending}"
        make(path)
        try:
            lock = _open(path)
        except FileNotFoundError:  # removed already, by another one that took it for a leftover
            continue
        with suppress(OSError):  # a file system without locks: what is left there is not removed
            fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return path, lock
        os.close(lock)  # removed between the two calls


def _make_file(path: Path) -> None:
    path.touch(exist_ok=False)


def _make_folder(path: Path) -> None:
    path.mkdir(mode=0o700)


def _open(path: Path) -> int:
    # For writing, where possible: network file systems give no exclusive lock else.
    return os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically; folders above it are made."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_sealed(path: Path, content: Any) -> None:
    """Write a plain value as JSON together with its digest, atomically; `read_sealed` notices every change."""
    text = json.dumps(content)
    write_text(path, json.dumps({"sha256": _digest(text), "content": text}))


def read_sealed(path: Path) -> Any:
    """Read a value that `write_sealed` wrote.

    Raises:
        DamagedError: it is missing, cut off or changed.
    """
    try:
        sealed = json.loads(path.read_bytes())
        text = sealed["content"]
        if sealed["sha256"] == _digest(text):
            return json.loads(text)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError(f"{path} is damaged ({reason_of(error)})") from None
    raise DamagedError(f"{path} is damaged (its digest is another)")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as hex digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_digest(path: Path, digest: str) -> None:
    """Check that a file is what was written.

    Raises:
        DamagedError: it is missing, or its SHA-256 is another one.
    """
    try:
        found = digest_of(path)
    except OSError as error:
        raise DamagedError(f"{path} cannot be read ({error.strerror})") from error
    if found != digest:
        raise DamagedError(f"{path} is damaged (its digest is another)")


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as CSV, atomically; nine digits restore every float32 exactly."""
    write_text(path, without_formulas(frame).to_csv(index=False, float_format="%.9g", lineterminator="\n"))


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table for a CSV file, in which no cell is a formula of a spreadsheet."""
    return _in_words(frame, escaping.spreadsheet)


def read_table(source: Path | IO[str], **options: Any) -> pd.DataFrame:
    """Read a table that `write_table` wrote; the options are those of `pandas.read_csv`."""
    return _in_words(pd.read_csv(source, **options), escaping.from_spreadsheet)


def _in_words(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Return a table with its words changed, also those at the head of its columns."""

    def changed(cell: Any) -> Any:
        return change(cell) if isinstance(cell, str) else cell

    table = frame.copy()
    for place, kind in enumerate(frame.dtypes):  # by place: two columns may have one name
        if not pd.api.types.is_numeric_dtype(kind):
            table.isetitem(place, frame.iloc[:, place].map(changed).array)
    return table.rename(columns=changed)
