"""Files that are whole or absent: written under a temporary name, then renamed."""

import os
import zipfile
from pathlib import Path

import pandas as pd

Place = Path | zipfile.Path
"""A file or folder, or one inside a zip file."""


def write_text(path: Path, text: str) -> None:
    """Write a text as `write_bytes` does, in UTF-8."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that it is either wholly there or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as CSV, atomically; floats keep the digits that give the same float32 back."""
    write_text(path, frame.to_csv(index=False, float_format="%.9g", lineterminator="\n"))
