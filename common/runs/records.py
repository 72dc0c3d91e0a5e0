"""Records: what a run leaves behind, and all that reports ever read.

One folder per run, `runs/<study>/<experiment>/<protocol>/seed-<n>/`, holds `record.json`, `history.csv`,
`predictions.csv`, `split.csv` and the model. `record.json` is written last and atomically: if it is there, the run
is whole. A folder belongs to one process at a time; a second one is refused.
"""

import csv
import errno
import fcntl
import io
import json
import lzma
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from common.errors import InputError, ResultError
from common.files import write_text

SCHEMA = 1
"""Version of `record.json`; readers refuse others."""
NO_SPACE = os.strerror(errno.ENOSPC)

PACKED = "predictions.csv.xz"
"""Where the predictions are in a record that was packed to be shipped."""

Columns = dict[str, Sequence[str]]
"""A table by the names of its columns."""

FIELDS = (
    "study",
    "experiment",
    "protocol",
    "seed",
    "switches",
    "changed",
    "size",
    "data",
    "classes",
    "configuration",
    "parameters",
    "metrics",
    "per_class",
    "confusion",
    "folds",
    "leaks",
    "timings",
    "environment",
    "notes",
    "status",
    "finished",
)


@dataclass(frozen=True)
class Record:
    """One finished run: its folder and the content of `record.json` (field by field as DESIGN names them)."""

    folder: Path
    data: dict[str, Any]

    @property
    def identity(self) -> tuple[str, str, str, int]:
        """Study, experiment, protocol and seed: what makes a run this run."""
        return (self.data["study"], self.data["experiment"], self.data["protocol"], self.data["seed"])

    def history(self) -> pd.DataFrame:
        """Return the learning curves: one row per fold, stage and epoch (epochs count from 1)."""
        return pd.read_csv(self.folder / "history.csv")

    def predictions(self) -> pd.DataFrame:
        """Return one row per predicted clip: name, corpus, speaker, fold, true, predicted, one probability a class.

        Where clips share something else than a speaker (a song), it stands in a column `group` after the speaker.
        """
        words = dict.fromkeys(("name", "corpus", "speaker", "group", "true", "predicted"), str)
        # A class or a speaker may be called `none` or `NA`.
        return pd.read_csv(self._predictions, dtype=words, keep_default_na=False)

    @property
    def _predictions(self) -> Path:
        packed = self.folder / PACKED
        return packed if packed.is_file() else self.folder / "predictions.csv"

    def words(self) -> tuple[Columns, Columns]:
        """Return the learning curves and the predictions as words, in half the time of data frames.

        Raises:
            OSError, ValueError: a table is missing or damaged.
        """
        return _columns(self.folder / "history.csv"), _columns(self._predictions)

    def split(self) -> pd.DataFrame:
        """Return one row per clip and fold: name, fold, set, and in newer records the first digits of its digest."""
        words = dict.fromkeys(("name", "set", "digest"), str)
        return pd.read_csv(self.folder / "split.csv", dtype=words, keep_default_na=False)


def _columns(path: Path) -> Columns:
    content = path.read_bytes()
    try:
        text = (lzma.decompress(content) if path.suffix == ".xz" else content).decode()
        if '"' not in text and "\r" not in text:
            return _plain_columns(text)
        header, *rows = csv.reader(io.StringIO(text, newline=""))
    except (lzma.LZMAError, EOFError, csv.Error) as error:
        raise ValueError(f"{path.name}: {error}") from error
    return dict(zip(header, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(header, ())


def _plain_columns(text: str) -> Columns:
    """Return the columns of a table without quotes, in half the time that `csv` takes; raises ValueError."""
    header, _, body = text.partition("\n")
    names, rows = header.split(","), body.count("\n")
    # A cell of its own for each end of a line: were one row short and another long, it would not stand in its place.
    cells = body.replace("\n", ",\n,").split(",")
    width = len(names) + 1
    if len(cells) != rows * width + 1 or cells[width - 1 :: width] != ["\n"] * rows:
        raise ValueError("a row has not as many values as the header, or the last one is cut off")
    return {name: tuple(cells[place:-1:width]) for place, name in enumerate(names)}


def folder_of(runs: Path, study: str, experiment: str, protocol: str, seed: int) -> Path:
    """Return the folder of one run below `runs`."""
    return runs / study / experiment / protocol / f"seed-{seed}"


def find(runs: Path) -> list[Path]:
    """Return the folders below `runs` that hold a record, sorted."""
    return sorted(path.parent for path in runs.rglob("record.json"))


def read(folder: Path) -> Record:
    """Read and check one record.

    Raises:
        InputError: the record is cut off, of another schema, lacks a field, or holds a number that is not finite.
    """
    path = folder / "record.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_float=_finite, parse_constant=_finite)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder} holds no record.json: the run is not finished; run it again to go on") from None
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}); delete the folder and run again") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else None
        raise InputError(f"{path} has schema {found}, this Encore reads {SCHEMA}; run the experiment again")
    missing = [field for field in FIELDS if field not in data]
    if missing:
        raise InputError(f"{path} lacks {', '.join(missing)}; delete the folder and run again")
    return Record(folder, data)


def _finite(word: str) -> float:
    if not math.isfinite(number := float(word)):
        raise ValueError(f"{word} is not a result")
    return number


def write(folder: Path, data: dict[str, Any]) -> Record:
    """Write `record.json`, last and atomically, and return the record.

    Raises:
        ResultError: a number is not finite.
    """
    content = {"schema": SCHEMA, **data}
    missing = [field for field in FIELDS if field not in content]
    if missing:
        raise ValueError(f"a record needs {', '.join(missing)}")
    try:
        text = json.dumps(content, indent=1, allow_nan=False)
    except ValueError:
        raise ResultError(f"the run in {folder} gave no finite {_not_finite(content)}; no record is kept") from None
    write_text(folder / "record.json", text + "\n")
    return Record(folder, content)


def _not_finite(value: Any, where: str = "") -> str:
    """Name the first place in a nested value that holds NaN or an infinity."""
    if isinstance(value, float):
        return "" if math.isfinite(value) else where
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    places = (_not_finite(item, f"{where}.{name}".lstrip(".")) for name, item in inner)
    return next((place for place in places if place), "")


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Own a run's folder while working in it.

    Raises:
        InputError: another process works in this folder, or it cannot be written.
        OSError: the disk is full, whatever TensorFlow calls that.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot write {folder} ({reason}); name another folder with --runs") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another process is running in {folder}; wait for it or choose another --runs") from None
        except OSError as error:
            raise InputError(f"{folder} cannot be locked ({error.strerror}); name a local folder with --runs") from None
        with _full_disk_as_os_error(folder):
            yield


@contextmanager
def _full_disk_as_os_error(folder: Path) -> Iterator[None]:
    """Raise TensorFlow's own error for a full disk, met where TensorBoard's files are written, as everybody else's."""
    try:
        yield
    except Exception as error:
        if NO_SPACE in str(error) and not isinstance(error, OSError):
            raise OSError(errno.ENOSPC, NO_SPACE, str(folder)) from error
        raise
