"""Records: what a run leaves behind, and all that reports ever read.

One folder per run, `runs/<study>/<experiment>/<protocol>/seed-<n>/`, holds `record.json`, `history.csv`,
`predictions.csv`, `split.csv`, their checksums (`common.runs.checksums`) and the model. `record.json` is written last
and atomically: if it is there, the run is whole. A folder belongs to one process at a time; a second one is refused.

A run of an earlier version has no checksums: a change is found only where `reports.recomputed` computes numbers again.
"""

import errno
import fcntl
import hashlib
import io
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from common.errors import LONGEST, EncoreError, InputError, ResultError, reason_of
from common.files import Place, read_table, write_text
from common.runs import checksums
from common.splits import Leak
from common.tasks import Task, of_kind

SCHEMA = 2
"""Version of `record.json`; readers refuse others."""
NO_SPACE = os.strerror(errno.ENOSPC)

REMEDY = "delete the folder and run again"
TABLES = ("history.csv", "predictions.csv", "split.csv")
CURVES = ("fold", "stage", "epoch")
"""The columns that every learning curve begins with."""

Interval = Annotated[list[float], Field(min_length=2, max_length=2)]
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")]
"""A time in UTC, to the second."""

OPEN = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)
"""The configuration of a part to which methods of learning add fields; every other part has that of `Content`."""


class TaskFacts(TypedDict):
    """What was predicted: one of the classes, any of the tags, or a number for each output."""

    kind: Literal["classification", "tagging", "regression"]
    outputs: Annotated[list[str], Field(min_length=1)]


class Corpus(TypedDict):
    """One corpus of a run: clips found, clips that the whole corpus has, and how its files lie there."""

    clips: Count
    expected: Count
    form: str
    layout: str


class Data(TypedDict):
    """The clips of a run; `per_output` counts those of each class or tag, and is empty for a regression.

    `left_out` counts the files that a scan found and did not use, by reason; `remarks` is what a reader should know of
    the clips. Records of earlier versions have neither.
    """

    demo: bool
    clips: Count
    expected_clips: Count
    corpora: dict[str, Corpus]
    missing: list[str]
    per_output: dict[str, Count]
    digest: str
    left_out: NotRequired[dict[str, Count]]
    remarks: NotRequired[list[str]]


class Score(TypedDict):
    """A score over n clips with its 95 % interval, and the method of the interval."""

    value: float
    interval: Interval
    n: Count
    method: str


class Output(TypedDict):
    """The scores of one output over its `support` clips; null where its clips do not define a score."""

    support: Count
    scores: dict[str, Score | None]


class Identity(TypedDict):
    """What decides a run's numbers; reports read how many folds the command line asked for."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    folds: NotRequired[Count | None]


class Configuration(TypedDict):
    """The settings of a run. Methods of learning add their own."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    inputs: dict[str, Any]
    overrides: dict[str, Any]
    identity: Identity


class Parameters(TypedDict):
    """Sizes of the model; null for what is no network."""

    total: Count | None
    trainable: Count | None


class Fold(TypedDict):
    """One fold: clips in each set, its epochs, null for what is fitted at once, and the task's thresholds, if any."""

    fold: Count
    train: Count
    validation: Count
    test: Count
    best_epoch: Count | None
    epochs: Count | None
    thresholds: NotRequired[list[float]]


class Timings(TypedDict):
    """What a run cost; null where nothing was loaded or trained by the epoch."""

    load_s: Amount | None
    features_s: Amount
    epoch_s: Amount | None
    ms_per_clip: Amount
    peak_memory_mib: Amount
    total_s: Amount


class Content(BaseModel):
    """The content of `record.json`, for whoever writes or reads one.

    Attributes:
        metrics: overall scores by name; `val_accuracy` and `val_loss` are those of the validation clips, as in the
            learning curves, of the network that was kept.
        per_output: scores of each output, in the order of the task's outputs.
        confusion: counts of clips, true classes as rows; null where the task has none.
        baselines: by name, the metrics of predictions that ignore the sound, on the same test clips.
        other_orders: the accuracy in other orders of the test clips, where a prediction depends on its batch.
    """

    # Unknown fields and numbers that are not finite are refused, here and, as pydantic passes it on, in every part.
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    schema_: Literal[2] = Field(alias="schema")
    study: str
    experiment: str
    protocol: str
    seed: int
    size: Literal["full", "demo"]
    status: str
    finished: Moment
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
        outputs = self.task["outputs"]
        if list(self.per_output) != outputs:
            raise ValueError("per_output has other outputs than the task")
        refuse_other_clips(self.data, self.task)
        if len({tuple(output["scores"]) for output in self.per_output.values()}) > 1:
            raise ValueError("not all outputs have the same scores")
        if self.task["kind"] == "classification":
            self._one_class_a_clip()
        return self

    def _one_class_a_clip(self) -> None:
        if self.confusion is None:
            raise ValueError("a classification needs its confusion")
        for name, output in self.per_output.items():
            if any((score is None) != (output["support"] == 0) for score in output["scores"].values()):
                raise ValueError(f"per_output.{name}: a score must be null where there are no clips, and only there")


def refuse_other_clips(data: Data, task: TaskFacts) -> None:
    """Raise ValueError where the facts of the clips are not of the task, or their counts do not add up."""
    counted, outputs, clips = data["per_output"], task["outputs"], data["clips"]
    if len(set(outputs)) < len(outputs):
        raise ValueError("two outputs of the task have one name")
    if list(counted) != ([] if task["kind"] == "regression" else outputs):
        raise ValueError("data.per_output has other outputs than the task")
    if task["kind"] == "classification" and sum(counted.values()) != clips:
        raise ValueError(f"data has {clips} clips, but {sum(counted.values())} in its classes")
    if any(count > clips for count in counted.values()):
        raise ValueError(f"data has {clips} clips, and an output more")
    if twice := {*data["corpora"]} & {*data["missing"]}:
        raise ValueError(f"data has {min(twice)}, and lacks it")


@dataclass(frozen=True, eq=False)
class ClipSet:
    """Clips that a run tested, in the order of their names; runs with the same split share one in memory.

    Attributes:
        names: with the corpus, as UTF-8, ascending, shape (n,).
        digest: of the names: two runs with the same have the same clips.
        groups: what each clip shares with others, and intervals are drawn over: its song, or else speaker, as UTF-8,
            shape (n,).
        unit: the column that the groups are of, `group` or `speaker`.
    """

    names: np.ndarray
    digest: bytes
    groups: np.ndarray
    unit: str

    @cached_property
    def numbers(self) -> tuple[np.ndarray, int]:
        """The number of each clip's group (n,), in the order of their names, and how many groups there are."""
        found, numbers = np.unique(self.groups, return_inverse=True)
        return numbers, len(found)

    @classmethod
    def of(cls, names: np.ndarray, groups: np.ndarray, unit: str) -> Self:
        """Return clips in the order of their names, as `names_and_groups` gives them, with groups of `unit_of`.

        Raises:
            InputError: a clip is there twice.
        """
        if (names[1:] == names[:-1]).any():
            raise InputError("it predicts a clip twice")
        # No name has a zero byte in it, so different names cannot be joined to the same bytes.
        return cls(names, hashlib.sha256(b"\0".join(names.tolist())).digest(), groups, unit)


def unit_of(clips: pd.DataFrame) -> str:
    """Return the column of what clips share: `group`, or else `speaker`."""
    return "group" if "group" in clips else "speaker"


def names_and_groups(clips: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the order of the clips' names, and in this order the names, with the corpus, and the groups, as UTF-8.

    Args:
        clips: name, corpus, speaker and perhaps group of each clip.
    """
    pairs = zip(clips["corpus"].tolist(), clips["name"].tolist(), strict=True)
    names = np.array([f"{corpus}:{name}".encode() for corpus, name in pairs])
    groups = np.array([group.encode() for group in clips[unit_of(clips)].tolist()])
    order = np.argsort(names, kind="stable")  # by name: runs in another order of their folds have the same clips
    return order, names[order], groups[order]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a run predicted of each test clip.

    Attributes:
        clips: which ones, in the order of their names.
        true: class numbers (n,), or float32 (n, outputs).
        predicted: likewise.
        fold: that tested each clip (n,).
    """

    clips: ClipSet
    true: np.ndarray
    predicted: np.ndarray
    fold: np.ndarray


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
        return self._table("history.csv")

    def predictions(self) -> pd.DataFrame:
        """Return one row per predicted clip: name, corpus, speaker, fold, then the columns of the task (`Task.table`).

        Where clips share something else than a speaker (a song), it stands in a column `group` after the speaker.
        """
        words = dict.fromkeys(("name", "corpus", "speaker", "group", "true", "predicted"), str)
        # A class or a speaker may be called `none` or `NA`.
        return self._table("predictions.csv", dtype=words, keep_default_na=False)

    def tested(self) -> Predictions:
        """Return what was predicted of each test clip, as arrays.

        Raises:
            InputError: a clip is there twice.
            ValueError, KeyError: the table has other columns or classes than the record.
        """
        table = self.predictions()
        order, names, groups = names_and_groups(table)
        true, predicted = values_of(self.task, table)
        clips = ClipSet.of(names, groups, unit_of(table))
        return Predictions(clips, true[order], predicted[order], table["fold"].to_numpy()[order])

    def split(self) -> pd.DataFrame:
        """Return one row per clip and fold: name, fold, set, and in newer records the first digits of its digest."""
        words = dict.fromkeys(("name", "set", "digest"), str)
        return self._table("split.csv", dtype=words, keep_default_na=False)

    @property
    def sealed(self) -> bool:
        """Whether its files are compared with checksums when they are read; those of earlier versions have none."""
        return (self.folder / checksums.NAME).exists()

    def _table(self, name: str, **options: Any) -> pd.DataFrame:
        return read_table(io.StringIO(checksums.read(self.folder, name, REMEDY).decode()), **options)


def values_of(task: Task, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return what is true and what was predicted: uint8 class numbers (n,), or float32 (n, outputs).

    Raises:
        ValueError, KeyError: the table of predictions has other classes or outputs than the task.
    """
    if task.KIND != "classification":
        return task.read({str(name): column for name, column in table.items()})
    number = {name: place for place, name in enumerate(task.outputs)}
    true, predicted = (np.array([number[name] for name in table[column]], np.uint8) for column in ("true", "predicted"))
    return true, predicted


def folder_of(runs: Path, study: str, experiment: str, protocol: str, seed: int) -> Path:
    """Return the folder of one run below `runs`."""
    return runs / study / experiment / protocol / f"seed-{seed}"


def find(runs: Path) -> list[Path]:
    """Return the folders below `runs` that hold a record, sorted."""
    return sorted(path.parent for path in runs.rglob("record.json"))


def unreadable(runs: Path) -> list[str]:
    """Return a sentence on each folder below `runs` that cannot be listed: what it holds is in no report."""
    found: list[str] = []
    for _ in os.walk(runs, onerror=lambda error: found.append(_closed(error))):
        pass
    return found


def _closed(error: OSError) -> str:
    why = (error.strerror or str(error)).lower()
    return f"{error.filename} cannot be read ({why}); change its permissions or name another folder with --runs"


def read(folder: Path) -> Record:
    """Read and check one record.

    Raises:
        InputError: the record is cut off, of another schema, lacks a field, or holds a number that is not finite.
    """
    path = folder / "record.json"
    if not path.exists():
        raise InputError(f"{folder} holds no record.json: the run is not finished; run it again to go on")
    return Record(folder, checked(_of_schema(load(folder, path.name, REMEDY), str(path)), str(path)))


def load(folder: Place, name: str, remedy: str, *, needed: bool = False) -> Any:
    """Read a file of JSON, after comparing it with its checksum.

    Args:
        folder: of the file.
        name: of the file.
        remedy: what to do where it is damaged.
        needed: as in `checksums.read`.

    Raises:
        InputError: it was changed, is damaged, or cannot be read.
    """
    place = folder / name
    try:
        text = checksums.read(folder, name, remedy, needed=needed).decode()
    except OSError as error:
        raise InputError(f"{place} cannot be read ({(error.strerror or str(error)).lower()}); {remedy}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{place} is damaged ({error}); {remedy}") from None
    return of_json(text, str(place), remedy)


def parsed(text: str, place: str) -> dict[str, Any]:
    """Return the content of a record, not yet checked but for its schema.

    Args:
        text: JSON.
        place: where it stands, for messages.

    Raises:
        InputError: it is cut off, of another schema, or holds a number that is not finite.
    """
    return _of_schema(of_json(text, place, "delete it and run again"), place)


def _of_schema(data: Any, place: str) -> dict[str, Any]:
    found = data.get("schema") if isinstance(data, dict) else None
    if found != SCHEMA:
        raise InputError(f"{place} has schema {found}, this Encore reads {SCHEMA}; run the experiment again (--fresh)")
    return dict(data)


def of_json(text: str, place: str, remedy: str) -> Any:
    """Return what a text of JSON holds, with finite numbers.

    Args:
        text: JSON.
        place: where it stands, for messages.
        remedy: what to do where it is damaged.

    Raises:
        InputError: it is cut off, nested too deep, or holds a number that is not finite or has thousands of digits.
    """
    try:
        # Python reads NaN and Infinity, which are no JSON, and takes 1e999, which is, for infinite.
        return json.loads(text, parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place} is damaged ({reason_of(error)}); {remedy}") from None


def checked(data: dict[str, Any], place: str) -> dict[str, Any]:
    """Return the content of a record as it is.

    Raises:
        InputError: a field is missing, unknown or wrong.
    """
    if problem := flaw(data):
        raise InputError(f"{place} {problem}; delete it and run again")
    return data


def flaw(content: dict[str, Any], model: type[BaseModel] = Content) -> str | None:
    """Say in one sentence which fields of a record's content are missing, unknown or wrong; None if all are right.

    Args:
        content: of `record.json`, or of another file of JSON.
        model: the fields that it has.
    """
    try:
        model.model_validate(content)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    else:
        return None
    for kind, words in (("missing", "lacks"), ("extra_forbidden", "has unknown fields")):
        if places := [_place(one["loc"]) for one in errors if one["type"] == kind]:
            return f"{words} {', '.join(places)[:LONGEST]}"
    place, message = _place(errors[0]["loc"]), errors[0]["msg"].removeprefix("Value error, ")[:LONGEST]
    return f"is wrong in {place}: {message}" if place else f"contradicts itself: {message}"


def _place(location: tuple[str | int, ...]) -> str:
    return ".".join(map(str, location))[:LONGEST]


def _refused(word: str) -> float:
    raise ValueError(f"{word} is not a result")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refused(digits[:LONGEST])


def write(folder: Path, data: dict[str, Any]) -> Record:
    """Write `record.json`, last and atomically, and before it the checksums of the folder; return the record.

    Args:
        folder: of the run; its tables are written.
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
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    beside = {path.relative_to(folder).as_posix(): path for path in _beside(folder)}
    write_text(folder / checksums.NAME, checksums.text_of({"record.json": text.encode(), **beside}))
    write_text(folder / "record.json", text)
    return Record(folder, content)


def _beside(folder: Path) -> list[Path]:
    """Return the tables of a run, its models, and what its features were fitted to."""
    tables = [folder / name for name in TABLES]
    return [path for path in (*tables, *folder.glob("fold-*/*")) if path.is_file()]


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
            # A lock of the system and no file of our own: that of a killed process is free at once.
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
        # Encore's own errors name the disk that is full: it may be that of the cache.
        if NO_SPACE in str(error) and not isinstance(error, (OSError, EncoreError)):
            raise OSError(errno.ENOSPC, NO_SPACE, str(folder)) from error
        raise
