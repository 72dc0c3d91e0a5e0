"""A cache folder of arrays that are slow to compute, under names that depend on what they were computed from.

An array is complete or absent: it is written under a temporary name and renamed. So a killed process or a full disk
leaves no partial array. Of several processes that need the same array, one computes it and the others wait, also on
other machines with the same folder. Files have the permissions that the umask leaves, so a group can share a cache.
Arrays are read as memory maps: parts that are not used take no memory.
"""

import hashlib
import json
import mmap
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import platformdirs

from common import files, threads
from common.errors import InputError


def folder() -> Path:
    """Return the cache folder, `$ENCORE_CACHE` or else the system's cache folder of the user; make it if absent.

    Raises:
        InputError: The folder cannot be made.
    """
    path = Path(os.environ.get("ENCORE_CACHE") or platformdirs.user_cache_dir("encore"))
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def key(*parts: Any) -> str:
    """Hash nested plain values (strings, numbers, booleans, None, lists, tuples, dicts) to 32 hex digits.

    Equal values give equal keys in every process and on every machine; the order of a dict does not matter.

    Raises:
        TypeError: A part is not a plain value; its text could differ from run to run.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]  # 128 bits: short names that do not meet by chance


def array(name: str, length: int | None, chunks: Callable[[], Iterable[np.ndarray]]) -> np.ndarray:
    """Return the array cached under `name`; if it is absent, compute it by `chunks()` and cache it.

    Args:
        name: Identifies the array and what it was computed from, for instance `"clips-" + key(...)`.
        length: Number of rows of the array. None: it is not known before, and there is one chunk.
        chunks: Yields the rows, in order, in arrays of shape (rows, ...) and one dtype. If it raises an error, nothing
            is cached.

    Returns:
        A read-only memory map of shape (length, ...).

    Raises:
        InputError: The folder cannot be written, or the disk is full.
        ValueError: `chunks` yielded another number of rows.
    """
    kept = find(name, length)
    return _made(folder() / f"{name}.npy", length, chunks) if kept is None else kept


def _made(path: Path, length: int | None, chunks: Callable[[], Iterable[np.ndarray]]) -> np.ndarray:
    """Compute an array and cache it, unless another process has done so meanwhile."""
    with ExitStack() as waiting:
        with _writing(path.parent):
            waiting.enter_context(files.alone(path))
        kept = find(path.stem, length)
        if kept is None:
            _write(path, length, chunks())
            kept = np.load(path, mmap_mode="r")
        return kept


def find(name: str, length: int | None) -> np.ndarray | None:
    """Return the array cached under `name`, or None if it is absent or incomplete.

    Args:
        name: As in `array`.
        length: Number of rows of the array.

    Raises:
        InputError: The cache folder cannot be made.
    """
    try:
        kept = np.load(folder() / f"{name}.npy", mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return kept if length in (None, len(kept)) else None


def release(kept: np.ndarray) -> None:
    """Release the memory that reading a memory-mapped array has taken; the array can still be read.

    The system does this itself when memory runs short, but until then a pass over a large array counts as memory of
    this process. An array that is not a memory map is unchanged.
    """
    mapped: Any = getattr(kept, "_mmap", None)
    if hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)


def file_digests(paths: Sequence[str | Path]) -> list[str]:
    """Return the SHA-256 of each file's bytes, as hex digits, in the order of `paths`; files are read in parallel.

    A process reads a file once, unless its size or the time of its last change differs.

    Raises:
        InputError: A file is missing or cannot be read.
    """
    known = [_as_it_is(path) for path in paths]
    unread = list(dict.fromkeys(file for file in known if file not in _DIGESTS))
    if unread:
        digests = threads.mapped(_file_digest, [path for path, _, _ in unread], "reading")
        _DIGESTS.update(zip(unread, digests, strict=True))
    return [_DIGESTS[file] for file in known]


_DIGESTS: dict[tuple[str, int, int], str] = {}
"""By path, size in bytes, and time of the last change in nanoseconds: every fold of a run asks for the same files."""


def _as_it_is(path: str | Path) -> tuple[str, int, int]:
    with _reading(path):
        status = Path(path).stat()
    return str(path), status.st_size, status.st_mtime_ns


def _file_digest(path: str) -> str:
    with _reading(path):
        return files.digest_of(Path(path))


@contextmanager
def _reading(path: str | Path) -> Iterator[None]:
    """Turn the system's refusal to read into one sentence."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); check the folder of the corpus and run the command again."
        ) from error


def _write(path: Path, length: int | None, chunks: Iterable[np.ndarray]) -> None:
    with ExitStack() as replacing:
        with _writing(path.parent):
            temporary = replacing.enter_context(files.replacing(path))
            file = temporary.open("wb")
        try:
            _write_rows(file, path.parent, length, chunks)
        finally:
            with suppress(OSError):  # after a failed write, closing tries to write the same bytes again
                file.close()
        with _writing(path.parent):  # not around `chunks`: those may fail on another disk
            replacing.close()


def _write_rows(file: IO[bytes], where: Path, length: int | None, chunks: Iterable[np.ndarray]) -> None:
    # Plain writes and not a writable memory map, because on a full disk a map kills the process by a bus error.
    rows = 0
    for chunk in chunks:
        with _writing(where):
            if rows == 0:  # only the first chunk says the dtype and the shape of a row
                length = len(chunk) if length is None else length
                shape = (length, *chunk.shape[1:])
                header = {"descr": np.lib.format.dtype_to_descr(chunk.dtype), "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
            file.write(np.ascontiguousarray(chunk).data)
        rows += len(chunk)
    if rows != length:
        raise ValueError(f"expected {length} rows, got {rows}")
    with _writing(where):
        file.flush()


@contextmanager
def _writing(where: Path) -> Iterator[None]:
    """Turn an OSError from writing into an InputError that says what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"The cache folder {where} cannot be written ({reason}); free some space there, "
            "or set ENCORE_CACHE to a writable folder on another disk."
        ) from error
