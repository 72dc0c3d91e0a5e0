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
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from common.errors import InputError, ResultError
from common.files import write_text
from common.tasks import Task, of_kind

SCHEMA = 2
"""Version of `record.json`; readers refuse others."""
NO_SPACE = os.strerror(errno.ENOSPC)

PACKED = "predictions.csv.xz"
"""Where the predictions are in a record that was packed to be shipped."""

Columns = dict[str, Sequence[str]]
"""A table by the names of its columns."""

Interval = Annotated[list[float], Field(min_length=2, max_length=2)]
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]


class Part(BaseModel):
    """A part of a record: typed strictly; unknown fields and numbers that are not finite are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class TaskFacts(Part):
    """What was predicted: one of the classes, any of the tags, or a number for each output."""

    kind: Literal["classification", "tagging", "regression"]
    outputs: Annotated[list[str], Field(min_length=1)]


class Corpus(Part):
    """One corpus of a run: clips found, clips that the whole corpus has, and how its files lie there."""

    clips: Count
    expected: Count
    form: str
    layout: str


class Data(Part):
    """The clips of a run; `per_output` counts those of each class or tag, and is empty for a regression."""

    demo: bool
    clips: Count
    expected_clips: Count
    corpora: dict[str, Corpus]
    missing: list[str]
    per_output: dict[str, Count]
    digest: str


class Score(Part):
    """A score over n clips with its 95 % interval, and the method of the interval."""

    value: float
    interval: Interval
    n: Count
    method: str


class Output(Part):
    """The scores of one output over its `support` clips; null where its clips do not define a score."""

    support: Count
    scores: dict[str, Score | None]


class Identity(Part):
    """What decides a run's numbers; reports read how many folds the command line asked for."""

    model_config = ConfigDict(extra="allow")

    folds: Count | None = None


class Configuration(Part):
    """The settings of a run. Methods of learning add their own."""

    model_config = ConfigDict(extra="allow")

    inputs: dict[str, Any]
    overrides: dict[str, Any]
    identity: Identity


class Parameters(Part):
    """Sizes of the model; null for what is no network."""

    total: Count | None
    trainable: Count | None


class Fold(Part):
    """One fold: clips in each set, its epochs, null for what is fitted at once, and the task's thresholds, if any."""

    fold: Count
    train: Count
    validation: Count
    test: Count
    best_epoch: Count | None
    epochs: Count | None
    thresholds: list[float] = []


class Leak(Part):
    """One check of what training and test clips share."""

    check: str
    clean: bool
    detail: str


class Timings(Part):
    """What a run cost; null where nothing was loaded or trained by the epoch."""

    load_s: Amount | None
    features_s: Amount
    epoch_s: Amount | None
    ms_per_clip: Amount
    peak_memory_mib: Amount
    total_s: Amount


class Content(Part):
    """The content of `record.json`, for whoever writes or reads one.

    Attributes:
        metrics: overall scores by name; `val_accuracy` and `val_loss` are those of the validation clips, as in the
            learning curves, of the network that was kept.
        per_output: scores of each output, in the order of the task's outputs.
        confusion: counts of clips, true classes as rows; null where the task has none.
        baselines: by name, the metrics of predictions that ignore the sound, on the same test clips.
        other_orders: the accuracy in other orders of the test clips, where a prediction depends on its batch.
    """

    schema_: Literal[2] = Field(alias="schema")
    study: str
    experiment: str
    protocol: str
    seed: int
    size: str
    status: str
    finished: str
    notes: list[str]
    switches: dict[str, Any]
    changed: list[str]
    task: TaskFacts
    data: Data
    configuration: Configuration
    parameters: Parameters
    metrics: dict[str, Score]
    per_output: dict[str, Output]
    confusion: list[list[Count]] | None
    baselines: dict[str, dict[str, float]]
    folds: Annotated[list[Fold], Field(min_length=1)]
    leaks: list[Leak]
    timings: Timings
    environment: dict[str, Any]
    other_orders: list[float]

    @model_validator(mode="after")
    def _of_its_task(self) -> Self:
        counted, outputs = self.data.per_output, self.task.outputs
        if list(self.per_output) != outputs:
            raise ValueError("per_output has other outputs than the task")
        if list(counted) != ([] if self.task.kind == "regression" else outputs):
            raise ValueError("data.per_output has other outputs than the task")
        if len({tuple(output.scores) for output in self.per_output.values()}) > 1:
            raise ValueError("not all outputs have the same scores")
        if self.task.kind == "classification":
            self._one_class_a_clip()
        return self

    def _one_class_a_clip(self) -> None:
        counted = sum(self.data.per_output.values())
        if counted != self.data.clips:
            raise ValueError(f"data has {self.data.clips} clips, but {counted} in its classes")
        if self.confusion is None:
            raise ValueError("a classification needs its confusion")
        for name, output in self.per_output.items():
            if any((score is None) != (output.support == 0) for score in output.scores.values()):
                raise ValueError(f"per_output.{name}: a score must be null where there are no clips, and only there")


@dataclass(frozen=True)
class Record:
    """One finished run: its folder and the content of `record.json`, checked as `Content`."""

    folder: Path
    data: dict[str, Any]

    @property
    def identity(self) -> tuple[str, str, str, int]:
        """Study, experiment, protocol and seed: what makes a run this run."""
        return (self.data["study"], self.data["experiment"], self.data["protocol"], self.data["seed"])

    @property
    def task(self) -> Task:
        """What the run predicted."""
        return of_kind(self.data["task"]["kind"], self.data["task"]["outputs"])

    def history(self) -> pd.DataFrame:
        """Return the learning curves: one row per fold, stage and epoch (epochs count from 1)."""
        return pd.read_csv(self.folder / "history.csv")

    def predictions(self) -> pd.DataFrame:
        """Return one row per predicted clip: name, corpus, speaker, fold, then the columns of the task (`Task.table`).

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
    found = data.get("schema") if isinstance(data, dict) else None
    if found != SCHEMA:
        raise InputError(f"{path} has schema {found}, this Encore reads {SCHEMA}; run the experiment again (--fresh)")
    if problem := flaw(data):
        raise InputError(f"{path} {problem}; delete the folder and run again")
    return Record(folder, data)


def flaw(content: dict[str, Any]) -> str | None:
    """Say in one sentence which fields of a record's content are missing, unknown or wrong; None if all are right."""
    try:
        Content.model_validate(content)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    else:
        return None
    for kind, words in (("missing", "lacks"), ("extra_forbidden", "has unknown fields")):
        if places := [_place(one["loc"]) for one in errors if one["type"] == kind]:
            return f"{words} {', '.join(places)}"
    place, message = _place(errors[0]["loc"]), errors[0]["msg"].removeprefix("Value error, ")
    return f"is wrong in {place}: {message}" if place else f"contradicts itself: {message}"


def _place(location: tuple[str | int, ...]) -> str:
    return ".".join(map(str, location))


def _finite(word: str) -> float:
    if not math.isfinite(number := float(word)):
        raise ValueError(f"{word} is not a result")
    return number


def write(folder: Path, data: dict[str, Any]) -> Record:
    """Write `record.json`, last and atomically, and return the record.

    Args:
        folder: of the run.
        data: the fields of `Content` but for the schema.

    Raises:
        ResultError: a number is not finite.
        ValueError: a field is missing, unknown or of another type.
    """
    content = {"schema": SCHEMA, **data}
    if where := _not_finite(content):
        raise ResultError(f"the run in {folder} gave no finite {where}; no record is kept")
    if problem := flaw(content):
        raise ValueError(f"the record {problem}")
    write_text(folder / "record.json", json.dumps(content, indent=1, allow_nan=False) + "\n")
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
