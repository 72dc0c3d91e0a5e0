"""librosa with a safe cache of its compiled functions: `from common.signals.numba_cache import librosa`.

Compiling takes half a minute, so numba caches the result for the next process. But it writes a compiled ufunc as two
files, and a process that loads two files of different processes, or of one that was killed in between, crashes (numba's
issue 10128). So each process compiles into a folder of its own. The folder starts with what an earlier process
compiled; at exit, new results are stored in one file, and the folder is deleted; that of a killed process is deleted by
the next one. If NUMBA_CACHE_DIR is set, nothing of this is done.
"""

import atexit
import platform
import tempfile
import zipfile
from contextlib import ExitStack, suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba

from common import cache, files
from common.errors import InputError


def begin() -> None:
    """Set numba's cache to a folder of this process, filled from the stored results; call once, before librosa.

    If the cache folder cannot be written, every process compiles again.
    """
    config: Any = numba.config  # its attributes are made at run time
    if config.CACHE_DIR:
        return
    deleted = ExitStack()
    own = deleted.enter_context(files.temporary_folder(Path(tempfile.gettempdir())))
    config.CACHE_DIR = str(own)
    atexit.register(deleted.close)
    with suppress(InputError):
        kept = cache.folder() / f"compiled-{cache.key(*_versions())}.zip"
        with suppress(FileNotFoundError, zipfile.BadZipFile), zipfile.ZipFile(kept) as archive:
            archive.extractall(own)
        # Called before the deletion, because the last registered comes first.
        atexit.register(_keep, own, kept, len(_files(own)))


def _keep(own: Path, kept: Path, before: int) -> None:
    """Store the compiled files for the next process, atomically, if there are more than at the start."""
    compiled = _files(own)
    if len(compiled) <= before:
        return
    with suppress(OSError), files.replacing(kept) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for path in compiled:
            archive.write(path, path.relative_to(own))


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _versions() -> list[str]:
    """Return what compiled code depends on besides the source files, which numba checks itself."""
    spec = find_spec("librosa")
    place = str(spec.origin) if spec else ""
    return [
        version("librosa"),
        version("numba"),
        platform.python_version(),
        place,
        llvmlite.binding.get_host_cpu_name(),
    ]


begin()  # librosa's decorators read numba's settings when it is imported

import librosa  # noqa: E402

__all__ = ["librosa"]
