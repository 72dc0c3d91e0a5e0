"""What `reports check` finds in the shipped records, kept in the cache folder: it depends on files alone.

Reading some thousand records and writing all pages takes seconds. As long as no file that decides the outcome has
changed, the outcome of the last time is read instead.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import common
import reports
from common import cache, published
from common.errors import InputError
from common.files import write_text

LIBRARIES = ("numpy", "pandas", "scipy", "pydantic")
"""Those that decide a number or a page; nothing is drawn for a check."""


def outcome(results: Path, committed: Path, find: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what `find` returns, plain values, from the cache if no file has changed since.

    Args:
        results: folder of the shipped records.
        committed: folder of the pages that are compared with them.
        find: computes the outcome.
    """
    place = _place(results, committed)
    if place is not None:
        with suppress(OSError, ValueError):
            kept: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
            return kept
    found = find()
    if place is not None:
        with suppress(OSError):  # a full disk: it is computed again the next time
            write_text(place, json.dumps(found))
    return found


def _place(results: Path, committed: Path) -> Path | None:
    """Return the file of the outcome for these records, pages, published numbers and code; None without a cache."""
    if os.environ.get("ENCORE_PUBLISHED"):  # more published numbers, in other folders
        return None
    code = [path for package in (common.__path__[0], reports.__path__[0]) for path in _files(Path(package), "*.py")]
    pages = [*_files(committed, "*.md"), *_files(committed.parent, "README.md", below=False)]  # it has findings too
    decisive = [*code, *_files(results, "*"), *_files(published.FOLDER, "*"), *pages]
    pictures = [str(path.relative_to(committed)) for path in _files(committed, "*.svg")]
    try:
        digests = cache.file_digests(decisive)
        names = [str(path) for path in decisive]
        versions = [python_version(), *(version(name) for name in LIBRARIES)]
        return cache.folder() / f"check-{cache.key(names, digests, pictures, versions)}.json"
    except InputError:
        return None


def _files(folder: Path, pattern: str, *, below: bool = True) -> list[Path]:
    found = folder.rglob(pattern) if below else folder.glob(pattern)
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)
