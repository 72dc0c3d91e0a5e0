"""librosa, with a folder of its own for what numba compiles of it: `from common.signals.numba_cache import librosa`.

Compiling takes half a minute, so numba keeps the result for the next process. But it writes the two halves of a
compiled ufunc one after the other, and whoever loads halves of two processes, or of one that was killed in between,
crashes (numba's issue 10128). So each process compiles into a folder that no other one uses. It begins with what an
earlier process kept, and what this one adds is kept, as one file, when it ends. Whoever sets NUMBA_CACHE_DIR has their
own arrangement, and it is left alone.
"""

import atexit
import platform
import shutil
import tempfile
import zipfile
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba

from common import cache
from common.errors import InputError


def begin() -> None:
    """Give numba a folder of this process' own, with what an earlier process kept; to be called once, before librosa.

    Where the cache folder cannot be written, numba compiles anew in every process.
    """
    config: Any = numba.config  # its attributes are made at run time
    if config.CACHE_DIR:
        return
    own = Path(tempfile.mkdtemp(prefix="encore-numba-"))
    config.CACHE_DIR = str(own)
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    with suppress(InputError):
        kept = cache.folder() / f"compiled-{cache.key(*_versions())}.zip"
        with suppress(FileNotFoundError, zipfile.BadZipFile), zipfile.ZipFile(kept) as archive:
            archive.extractall(own)
        atexit.register(_keep, own, kept, len(_files(own)))  # what is registered last is called first


def _keep(own: Path, kept: Path, files: int) -> None:
    """Keep what was compiled where the next process finds it, whole or not at all, if it is more than there was."""
    with suppress(OSError), tempfile.TemporaryDirectory(dir=kept.parent, prefix=".compiled-") as folder:
        if len(_files(own)) > files:
            Path(shutil.make_archive(f"{folder}/copy", "zip", own)).replace(kept)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _versions() -> list[str]:
    """Return what compiled code depends on besides the source, which numba itself compares."""
    spec = find_spec("librosa")
    place = str(spec.origin) if spec else ""
    return [
        version("librosa"),
        version("numba"),
        platform.python_version(),
        place,
        llvmlite.binding.get_host_cpu_name(),
    ]


begin()

import librosa  # noqa: E402

__all__ = ["librosa"]
