"""Atomic writing of files: under a temporary name, then renamed, so that a file is complete or absent."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pandas as pd

from common import escaping

Place = Path | zipfile.Path
"""A file or folder, or one inside a zip file."""


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically; folders above it are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")  # the process id: two processes do not share it
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # before the rename: else a power failure could leave an empty file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
