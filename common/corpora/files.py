"""Audio files below a folder: find them, and read their headers."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from common import escaping
from common.errors import InputError
from common.signals import audio

AUDIO_SUFFIXES = frozenset(
    {
        *(".wav", ".flac", ".mp3", ".ogg", ".opus"),
        *(".aif", ".aifc", ".aiff", ".au", ".caf", ".oga", ".rf64", ".snd", ".sph", ".w64", ".wave"),
    }
)
"""Suffixes of the formats that libsndfile reads."""
USUAL = ".wav .flac .mp3 .ogg .opus"
"""The suffixes that messages name."""
VIDEO_SUFFIXES = frozenset(
    {".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv"}
)
UNREAD_SUFFIXES = frozenset(
    {
        *(".aac", ".ac3", ".amr", ".ape", ".dsf", ".dts", ".gsm", ".m4a", ".m4b", ".mka", ".mp2", ".mpc", ".pcm"),
        *(".ra", ".raw", ".shn", ".spx", ".tta", ".wma", ".wv"),
    }
)
"""Suffixes of recordings that libsndfile does not read: they are named, never passed over."""
ARRAY_SUFFIXES = frozenset({".npy"})


def format_not_read(path: Path) -> str:
    """Return why a recording with one of `UNREAD_SUFFIXES` or `VIDEO_SUFFIXES` is not used, and what to do."""
    return f"a format that is not read ({path.suffix.lower()}): convert it to .wav or .flac"


LFS_POINTER = b"version https://git-lfs"
ANNEX = "annex/objects"
"""Part of the target of each symbolic link that git-annex and datalad make."""


def files_below(
    folder: Path, suffixes: frozenset[str] = AUDIO_SUFFIXES, unreadable: list[OSError] | None = None
) -> Iterator[Path]:
    """Yield the files below `folder` with one of `suffixes` (any case), in a fixed order.

    Hidden files and folders are ignored, and so are `__MACOSX` and its `._x.wav` files. Linked folders are followed,
    each real folder once.

    Args:
        folder: where to look.
        suffixes: with the dot, in lower case.
        unreadable: receives the error of each folder that cannot be opened, with its `filename`; None: it is raised.

    Raises:
        InputError: a folder cannot be opened, and nobody wants to know which.
    """
    seen = set()  # of real paths: a link to a parent folder would otherwise never end

    def named(error: OSError) -> None:
        if unreadable is None:
            raise InputError(f"the folder {error.filename} cannot be opened ({error.strerror})") from error
        unreadable.append(error)

    for where, folders, names in os.walk(folder, onerror=named, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        # In place: os.walk descends into what is left of this list, in its order.
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        for name in sorted(names):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes:  # noqa: PTH122 (10x Path)
                yield Path(where, name)


def make_folder(folder: Path) -> None:
    """Make `folder` and its parents if they do not exist.

    Raises:
        InputError: something that is not a folder is in its place, or in the place of a parent.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"the folder {folder} cannot be made: it, or a folder above it, is a file or a broken link; name another"
        ) from error


def size_or_reason(path: Path) -> int | str:
    """Return the size of the file `path` in bytes, or the reason why it cannot be opened.

    Call it before reading a file: opening a named pipe would wait until something writes to it.
    """
    if not escaping.is_text(str(path)):  # it could be written in no table
        return "a name that is not text in UTF-8: rename it"
    try:
        status = path.stat()
    except OSError as error:
        leads_nowhere = error.errno in (errno.ENOENT, errno.ELOOP) and path.is_symlink()
        return _dangling(path) if leads_nowhere else f"cannot be opened ({error.strerror})"
    return status.st_size if stat.S_ISREG(status.st_mode) else "not a regular file"


def _dangling(link: Path) -> str:
    annexed = ANNEX in link.readlink().as_posix()
    return f"a broken link ({'run `git annex get .` in its folder' if annexed else 'restore the file it links to'})"


ABSENT = "File does not exist"
"""The start of libsndfile's message about an MP3 file that exists but has no complete frame."""


def duration_or_reason(path: Path) -> float | str:
    """Return the duration in seconds by the header and the end of `path`, or the reason why it is not usable audio."""
    # First: libsndfile would take a pointer for a damaged MP3.
    if reason := _why_unreadable(path):
        return reason
    try:
        with audio.opened(path) as file:
            if not file.frames:
                return "no samples in it"
            if reason := audio.wrong_header(file):
                return reason
            # The reason has no seconds in it, because scans count files by reason.
            if audio.cut_off(file) or audio.ends_early(path, file):
                return "cut off before its end"
            return file.frames / file.samplerate
    except (soundfile.LibsndfileError, OSError) as error:
        return f"not readable as audio ({_reason(error)})"


def decoded_or_reason(path: Path) -> float | str:
    """Return the duration in seconds of `path`, which is decoded from its beginning to its end, or why it is unusable.

    `duration_or_reason` does not notice damage in the middle of a file.
    """
    found = duration_or_reason(path)
    return found if isinstance(found, str) else audio.damage_in(path) or found


def array_or_reason(path: Path) -> np.ndarray | str:
    """Return the memory map of a `.npy` file, whose header alone is read, or the reason why it is not readable."""
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, OverflowError):
        # NumPy's reasons have the sizes of a file in them, but scans count files by reason.
        return _why_unreadable(path) or "not a NumPy array, or cut off before its end"


def _why_unreadable(path: Path) -> str:
    """Return why no file of any kind is readable there; "" if its contents are the reason."""
    try:
        with path.open("rb") as file:
            start = file.read(len(LFS_POINTER))
    except OSError as unreadable:
        return f"cannot be opened ({unreadable.strerror})"
    if not start:
        return "an empty file"
    if start == LFS_POINTER:
        return "a git-lfs pointer instead of the file (run `git lfs pull` in its folder)"
    return ""


def _reason(error: Exception) -> str:
    reason = str(getattr(error, "error_string", error))
    return "damaged, or of an unknown format" if reason.startswith(ABSENT) else reason.rstrip(".")
