"""A folder of arrays that are costly to make and cheap to keep, named by what they were made from.

An array here is whole or absent: it is written under a temporary name and renamed, so neither a killed process nor
a full disk leaves half of one behind, and two processes that make the same array both end well. Arrays are read
memory-mapped: what is not used does not occupy memory.
"""

import hashlib
import json
import mmap
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import platformdirs

from common.errors import InputError
from common.progress import progress

LEFTOVER_AFTER_S = 3600.0
"""A temporary file that nobody has written to for so long belongs to a process that was killed."""


def folder() -> Path:
    """Return the cache folder, made if absent: `$ENCORE_CACHE`, else the user's cache folder of this system.

    Raises:
        InputError: The folder cannot be made.
    """
    path = Path(os.environ.get("ENCORE_CACHE") or platformdirs.user_cache_dir("encore"))
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def key(*parts: Any) -> str:
    """Digest nested plain values (strings, numbers, booleans, None, lists, tuples, dicts) into 32 hex digits.

    Equal values give equal keys in every process and on every machine; the order of a dict does not matter.

    Raises:
        TypeError: A part is no plain value, so that its text might differ from run to run.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def array(name: str, length: int, chunks: Callable[[], Iterable[np.ndarray]]) -> np.ndarray:
    """Return the array kept under `name`, making it from `chunks()` if it is not there.

    Args:
        name: What the array is and what it was made from, for instance `"clips-" + key(...)`.
        length: Rows of the whole array.
        chunks: Makes the rows, in order, in arrays of shape (rows, ...) of one dtype. Whatever it raises passes
            through, and nothing is kept.

    Returns:
        A read-only memory map of shape (length, ...).

    Raises:
        InputError: The folder cannot be written, or the disk is full.
        ValueError: `chunks` made another number of rows.
    """
    kept = find(name, length)
    if kept is None:
        path = folder() / f"{name}.npy"
        _write(path, length, chunks())
        kept = np.load(path, mmap_mode="r")
    return kept


def find(name: str, length: int) -> np.ndarray | None:
    """Open the array kept under `name`, or return None if it is absent or something else cut it off.

    Args:
        name: As in `array`.
        length: Rows of the whole array.

    Raises:
        InputError: The cache folder cannot be made.
    """
    try:
        kept = np.load(folder() / f"{name}.npy", mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return kept if len(kept) == length else None


def release(kept: np.ndarray) -> None:
    """Give back the memory that reading a memory-mapped array has come to occupy; its values stay where they are.

    The system does so by itself when memory runs short, but until then a pass over a large array counts as that much
    memory of this process. An array that is no memory map is left alone.
    """
    mapped: Any = getattr(kept, "_mmap", None)
    if hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)


def file_digests(paths: Sequence[str | Path]) -> list[str]:
    """Return the SHA-256 of each file's bytes, as hex digits, in the order of `paths`; files are read in parallel.

    Raises:
        InputError: A file is missing or cannot be read.
    """
    with ThreadPoolExecutor() as pool, progress("reading", len(paths)) as advance:
        digests = []
        for digest in pool.map(_file_digest, paths):
            digests.append(digest)
            advance()
    return digests


def _file_digest(path: str | Path) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); check the corpus folder and scan it again."
        ) from error


def _write(path: Path, length: int, chunks: Iterable[np.ndarray]) -> None:
    _remove_leftovers(path)
    with _writing(path.parent):
        descriptor, temporary = tempfile.mkstemp(prefix=f"{path.stem}.", suffix=".tmp", dir=path.parent)
    file = os.fdopen(descriptor, "wb")
    try:
        _write_rows(file, path.parent, length, chunks)
        with _writing(path.parent):
            Path(temporary).replace(path)
    finally:
        with suppress(OSError):  # after a failed write, closing tries that write again
            file.close()
        Path(temporary).unlink(missing_ok=True)


def _write_rows(file: IO[bytes], where: Path, length: int, chunks: Iterable[np.ndarray]) -> None:
    # Plain writes, not a writable memory map: on a full disk a map ends the process with a bus error.
    rows = 0
    for chunk in chunks:
        with _writing(where):
            if rows == 0:
                shape = (length, *chunk.shape[1:])
                header = {"descr": np.lib.format.dtype_to_descr(chunk.dtype), "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
            file.write(np.ascontiguousarray(chunk).data)
        rows += len(chunk)
    if rows != length:
        raise ValueError(f"expected {length} rows, got {rows}")
    with _writing(where):
        file.flush()
        os.fsync(file.fileno())


def _remove_leftovers(path: Path) -> None:
    """Remove what killed processes left of this array; a living one has written to its file more recently."""
    for leftover in path.parent.glob(f"{path.stem}.*.tmp"):
        try:
            if time.time() - leftover.stat().st_mtime > LEFTOVER_AFTER_S:
                leftover.unlink()
        except OSError:
            continue  # another process was faster, or it is not ours to remove


@contextmanager
def _writing(where: Path) -> Iterator[None]:
    """Turn the system's refusal to write into one sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"The cache folder {where} cannot be written ({reason}); free space there, "
            "or set ENCORE_CACHE to a folder with room that you may write to."
        ) from error
