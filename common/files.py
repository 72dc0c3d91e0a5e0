"""Atomic writing of files: under a temporary name, then renamed, so that a file is complete or absent."""

import os
import zipfile
from pathlib import Path

import pandas as pd

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
    write_text(path, frame.to_csv(index=False, float_format="%.9g", lineterminator="\n"))
