"""Audio files below a folder: finding them, reading their headers, working on many of them in parallel."""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import soundfile

from common.errors import InputError
from common.progress import progress
from common.signals import audio

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus"})
VIDEO_SUFFIXES = frozenset({".mp4"})
THREADS = min(16, 4 * (os.cpu_count() or 1))
"""Reading headers and hashing wait for the disk and release the GIL: more threads than cores pay off."""

LFS_POINTER = b"version https://git-lfs"
ANNEX = "annex/objects"
"""Where the links of git-annex and datalad lead."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def files_below(folder: Path, suffixes: frozenset[str] = AUDIO_SUFFIXES) -> Iterator[Path]:
    """Yield the files below `folder` with one of `suffixes` (any case), in a fixed order.

    Hidden files and folders, `__MACOSX` and its `._x.wav` companions are passed over. Linked folders are followed, each
    real folder once.
    """
    seen = set()
    for where, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        for name in sorted(names):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes:  # noqa: PTH122 (10x Path)
                yield Path(where, name)


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it where they are not there yet.

    Raises:
        InputError: something that is no folder is in its place, or above it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"{folder} cannot be a folder: a file or a broken link is in its place or above it; name another"
        ) from error


def in_threads(
    work: Callable[[Item], Result], items: Sequence[Item], label: str, threads: int = THREADS
) -> list[Result]:
    """Apply `work` to every item in parallel threads and return the results in order; `label` names the progress.

    An error, or an interruption, ends it after the items in progress.
    """
    with progress(label, len(items)) as advance, ThreadPoolExecutor(threads) as pool:
        results = []
        try:
            for result in pool.map(work, items):
                results.append(result)
                advance()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        return results


def size_or_reason(path: Path) -> int | str:
    """Return the bytes of the file `path`, or why there is none to open.

    To open a pipe would wait for somebody to write into it, so this comes before any reading.
    """
    try:
        status = path.stat()
    except OSError as error:
        leads_nowhere = error.errno in (errno.ENOENT, errno.ELOOP) and path.is_symlink()
        return _dangling(path) if leads_nowhere else f"cannot be opened ({error.strerror})"
    return status.st_size if stat.S_ISREG(status.st_mode) else "no regular file"


def _dangling(link: Path) -> str:
    annexed = ANNEX in link.readlink().as_posix()
    return f"a link to nothing ({'run `git annex get .` in its folder' if annexed else 'fetch what it links to'})"


ABSENT = "File does not exist"
"""How libsndfile begins about an MP3 without a whole frame, which is there all the same."""


def duration_or_reason(path: Path) -> float | str:
    """Return the seconds of audio that the header of `path` announces, or why it is no audio."""
    try:
        with soundfile.SoundFile(path) as file:
            if not file.frames:
                return "no samples in it"
            # Without its seconds: scans count the files of one reason.
            return "cut off before its end" if audio.cut_off(file) else file.frames / file.samplerate
    except (soundfile.LibsndfileError, OSError) as error:
        return _why_unreadable(path, error)


def _why_unreadable(path: Path, error: Exception) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(len(LFS_POINTER))
    except OSError as unreadable:
        return f"cannot be opened ({unreadable.strerror})"
    if not start:
        return "an empty file"
    if start == LFS_POINTER:
        return "a git-lfs pointer instead of audio (run `git lfs pull` in its folder)"
    reason = str(getattr(error, "error_string", error))
    if reason.startswith(ABSENT):
        reason = "damaged, or of a format that is not known"
    return f"not readable as audio ({reason})".replace("..", ".").replace(".)", ")")
