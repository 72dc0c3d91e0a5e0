"""What a search over settings leaves behind, for whoever reads it: `search.json` and the tables beside it.

A search is one folder, `runs/<study>/<experiment>/<protocol>/tune-<search>-seed-<n>/`, beside the protocol's runs.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from common.errors import LONGEST, InputError
from common.files import Place, read_table, write_text
from common.runs import checksums, records
from common.runs.records import OPEN, Amount, Count, Data, Moment, TaskFacts
from common.study import Value
from common.tasks import of_kind

SCHEMA = 2
"""Version of `search.json`; readers refuse others."""
TABLES = ("trials.csv", "curves.csv", "best.toml")
REMEDY = "delete the folder and search again"


def in_words(score: str) -> str:
    """Return a column of a learning curve in words: `val_loss` is `validation loss`."""
    return score.replace("val_", "validation ", 1) if score.startswith("val_") else f"training {score}"


def published_name(score: str) -> str:
    """Return what the published tables of searches call a column of a learning curve: that of a trial's last epoch."""
    return score.replace("val_", "val_epoch_", 1) if score.startswith("val_") else f"train_epoch_{score}"


class Row(TypedDict):
    """One trial: its values and its best epoch, null if it failed; it has a score for each column of a learning curve.

    `bracket`, `round` and `after` (the trial that this one continues, or null) are those of Hyperband.
    """

    __pydantic_config__ = OPEN  # type: ignore[misc]

    trial: Annotated[str, Field(pattern=r"^\d{4,}$")]
    values: dict[str, Value]
    epochs: Count | None
    best_epoch: Count | None
    seconds: Amount
    status: Literal["complete", "failed"]
    message: str
    bracket: NotRequired[Count]
    round: NotRequired[Count]
    after: NotRequired[str | None]


def scores_of(row: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the scores of a row by their names in the learning curve."""
    return {name: row[name] for name in row if name not in Row.__annotations__}


class Configuration(TypedDict):
    """The settings of the clips and of the features."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    inputs: dict[str, Any]
    overrides: dict[str, Any]


class Content(BaseModel):
    """The content of `search.json`, for whoever writes or reads one; `SearchResult` says what the fields are."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    schema_: Literal[2] = Field(alias="schema")
    study: str
    experiment: str
    protocol: str
    seed: int
    search: str
    kind: Literal["hyperband", "grid"]
    objective: str
    space: Annotated[dict[str, Annotated[list[Value], Field(min_length=1)]], Field(min_length=1)]
    settings: dict[str, Any]
    rows: Annotated[list[Row], Field(min_length=1)]
    chosen: dict[str, Value]
    data: Data
    switches: dict[str, Any]
    changed: list[str]
    size: Literal["full", "demo"]
    task: TaskFacts
    digest: str = ""
    configuration: Configuration
    notes: list[str]
    environment: dict[str, Any]
    status: Literal["complete"]
    finished: Moment

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        records.refuse_other_clips(self.data, self.task)
        if self.objective not in of_kind(self.task["kind"], self.task["outputs"]).MONITORS:
            raise ValueError(f"the objective {self.objective[:LONGEST]} is no score of its task")
        for number, row in enumerate(self.rows):
            if problem := self._problem_of(row, number):
                raise ValueError(f"row {number + 1} {problem}")
        if len({tuple(scores_of(row)) for row in self.rows if row["status"] == "complete"}) != 1:
            raise ValueError("all trials failed, or not all complete ones have the same scores")
        return self

    def _problem_of(self, row: Row, number: int) -> str | None:
        if row["trial"] != f"{number:04d}":
            return f"is not trial {number:04d}"
        if list(row["values"]) != list(self.space):
            return "has other settings than the space"
        # With their types: in Python 1 is True.
        if any(repr(value) not in map(repr, self.space[name]) for name, value in row["values"].items()):
            return "has a value that is not in the space"
        if self.objective not in row:
            return "lacks the objective"
        if (self.kind == "hyperband") != ("bracket" in row):
            return f"is not of kind {self.kind}"
        return _problem_of_numbers(row)


def _problem_of_numbers(row: Row) -> str | None:
    numbers = [row["epochs"], row["best_epoch"], *scores_of(row).values()]
    if row["status"] == "failed":
        return "failed, and has numbers" if any(number is not None for number in numbers) else None
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        return "lacks a number"
    if row["message"] or not 1 <= (row["best_epoch"] or 0) <= (row["epochs"] or 0):
        return "is complete, and has no best epoch or a message"
    return None


@dataclass(frozen=True)
class SearchResult:
    """A finished search: its folder and the content of `search.json`.

    `search.json` has, beside `schema`:
        study, experiment, protocol, seed: as in a record.
        search: its name, as `--search` of the command `tune` takes it.
        kind: `hyperband` or `grid`.
        objective: one of the task's `MONITORS`.
        space: setting -> list of values.
        settings: of the search: the fields of `Training`, and Hyperband's `factor` and `library`.
        rows: one per trial, in order: `trial` (four digits), `values`, `epochs` (the last one trained, counted over all
            trials of these values), `best_epoch`, the learning curve's scores in that epoch, `seconds` of training,
            `status` (`complete` or `failed`, then with null in place of numbers) and `message` (why it failed, else
            empty). Hyperband's also have `bracket`, `round` and `after` (the trial that this one continues, or null).
        chosen: setting -> the best value: that of the best row, the first of equals.
        data: of the clips, as in a record.
        digest: of the clips with their labels, speakers and groups; empty in searches of earlier versions.
        switches, changed, size, task, configuration: as in a record; `configuration` has `inputs`, `overrides` and,
            where the network was trained before, `weights`.
        notes: sentences on what the search did not do.
        environment: as in a record.
        status: `complete`; an interrupted search has no `search.json`.
        finished: time in UTC.

    Beside it lie `trials.csv` (the rows), `curves.csv` (every epoch of every trial), `best.toml` (the chosen values, as
    `run --config` takes them), their checksums and `tensorboard/`, whose HParams tab shows the trials.
    """

    folder: Place
    data: dict[str, Any]

    @property
    def chosen(self) -> "dict[str, Value]":
        """The best value of each setting."""
        return dict(self.data["chosen"])

    @property
    def ranked(self) -> list[dict[str, Any]]:
        """The complete rows, the best first, equals in the order of their trials."""
        complete = [row for row in self.data["rows"] if row["status"] == "complete"]
        return sorted(complete, key=lambda row: self.sign * row[self.data["objective"]])

    @property
    def sign(self) -> int:
        """What the objective is multiplied by, so that the lowest is best."""
        task = of_kind(self.data["task"]["kind"], self.data["task"]["outputs"])
        return 1 if task.MONITORS[self.data["objective"]] == "min" else -1

    @property
    def best(self) -> dict[str, Any]:
        """The best row, the first of equals."""
        return self.ranked[0]

    @property
    def table(self) -> pd.DataFrame:
        """One row per trial: `trial`, a column per setting, then as in `rows`."""
        return table_of(self.data["rows"])

    @property
    def identity(self) -> tuple[str, str, str, str, int]:
        """Study, experiment, protocol, name and seed: what makes a search this search."""
        return tuple(self.data[name] for name in ("study", "experiment", "protocol", "search", "seed"))

    def curves(self) -> pd.DataFrame:
        """Return one row per trial and epoch: `trial`, and the columns of a learning curve."""
        # 0001 is a name, not the number 1.
        return read_table(io.StringIO(self.text("curves.csv")), dtype={"trial": str})

    def text(self, name: str) -> str:
        """Return the content of one of the files beside `search.json`.

        Raises:
            ChangedFileError: it was changed.
        """
        return checksums.read(self.folder, name, REMEDY).decode()

    def last_epochs(self) -> pd.DataFrame:
        """Return the last row of each trial's learning curve, by trial: TensorBoard's table shows these."""
        return self.curves().groupby("trial", sort=False).tail(1).set_index("trial")


def table_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row per trial: `trial`, a column per setting, then what else its row has."""
    flat = [
        {"trial": row["trial"], **row["values"], **{key: row[key] for key in row if key not in ("trial", "values")}}
        for row in rows
    ]
    # Int64, unlike int64, has room for the null of a trial that failed.
    return pd.DataFrame(flat).astype({"epochs": "Int64", "best_epoch": "Int64"})


def folder_of(runs: Path, study: str, experiment: str, protocol: str, search: str, seed: int) -> Path:
    """Return the folder of one search below `runs`."""
    beside = records.folder_of(runs, study, experiment, protocol, seed)
    return beside.with_name(f"tune-{search}-{beside.name}")


def find(runs: Path) -> list[Path]:
    """Return the folders below `runs` that hold a finished search, sorted."""
    # The note of an unfinished search (`common.runs.claims`) has the same name, in its folder `work`.
    return sorted(path.parent for path in runs.rglob("search.json") if path.parent.name != "work")


def read(folder: Place) -> SearchResult:
    """Read and check a finished search.

    Raises:
        InputError: there is none, or `search.json` is damaged, of another schema, or contradicts itself.
    """
    path = folder / "search.json"
    if not path.exists():
        raise InputError(f"{folder} holds no search.json: the search is not finished; make it again to go on")
    data = records.load(folder, path.name, REMEDY)
    found = data.get("schema") if isinstance(data, dict) else None
    if found != SCHEMA:
        raise InputError(f"{path} has schema {str(found)[:LONGEST]}, this Encore reads {SCHEMA}; search again")
    if problem := records.flaw(data, Content):
        raise InputError(f"{path} {problem}; {REMEDY}")
    return SearchResult(folder, data)


def write(folder: Path, content: dict[str, Any]) -> SearchResult:
    """Write `search.json`, last and atomically, and before it the checksums of the folder; return the search.

    Args:
        folder: of the search; its tables are written.
        content: the fields of `Content` but for the schema.

    Raises:
        ValueError: a field is missing, unknown or of another type, or a number is not finite.
    """
    content = {"schema": SCHEMA, **content}
    if problem := records.flaw(content, Content):
        raise ValueError(f"the search {problem}")
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    tables = {name: (folder / name).read_bytes() for name in TABLES}
    write_text(folder / checksums.NAME, checksums.text_of({"search.json": text.encode(), **tables}))
    write_text(folder / "search.json", text)
    return SearchResult(folder, content)
