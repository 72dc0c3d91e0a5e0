"""What a search over settings leaves behind, for whoever reads it: `search.json` and the tables beside it.

A search is one folder, `runs/<study>/<experiment>/<protocol>/tune-<search>-seed-<n>/`, beside the protocol's runs.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from common.errors import InputError
from common.files import Place, read_table
from common.runs import records
from common.tasks import of_kind

if TYPE_CHECKING:  # `reports` reads searches, and would wait for scikit-learn that `common.study` needs
    from common.study import Value

SCHEMA = 2
"""Version of `search.json`; readers refuse others."""


def in_words(score: str) -> str:
    """Return a column of a learning curve in words: `val_loss` is `validation loss`."""
    return score.replace("val_", "validation ", 1) if score.startswith("val_") else f"training {score}"


def published_name(score: str) -> str:
    """Return what the published tables of searches call a column of a learning curve: that of a trial's last epoch."""
    return score.replace("val_", "val_epoch_", 1) if score.startswith("val_") else f"train_epoch_{score}"


FIELDS = (
    "study",
    "experiment",
    "protocol",
    "seed",
    "search",
    "kind",
    "objective",
    "space",
    "settings",
    "rows",
    "chosen",
    "data",
    "switches",
    "changed",
    "size",
    "task",
    "configuration",
    "notes",
    "environment",
    "status",
    "finished",
)


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
        switches, changed, size, task, configuration: as in a record; `configuration` has `inputs`, `overrides` and,
            where the network was trained before, `weights`.
        notes: sentences on what the search did not do.
        environment: as in a record.
        status: `complete`; an interrupted search has no `search.json`.
        finished: time in UTC.

    Beside it lie `trials.csv` (the rows), `curves.csv` (every epoch of every trial), `best.toml` (the chosen values, as
    `run --config` takes them) and `tensorboard/`, whose HParams tab shows the trials.
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
        objective, task = self.data["objective"], of_kind(self.data["task"]["kind"], self.data["task"]["outputs"])
        sign = 1 if task.MONITORS[objective] == "min" else -1
        return sorted(complete, key=lambda row: sign * row[objective])

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
        with (self.folder / "curves.csv").open() as file:
            return read_table(file, dtype={"trial": str})  # 0001 is a name, not the number 1

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
    """Read a finished search.

    Raises:
        InputError: there is none, or `search.json` is damaged or of another schema.
    """
    path = folder / "search.json"
    if not path.exists():
        raise InputError(f"{folder} holds no search.json: the search is not finished; make it again to go on")
    data = load(path, "delete it and search again")
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else None
        raise InputError(f"{path} has schema {found}, this Encore reads {SCHEMA}; search again")
    if missing := [name for name in FIELDS if name not in data]:
        raise InputError(f"{path} lacks {', '.join(missing)}; delete it and search again")
    return SearchResult(folder, data)


def load(path: Place, remedy: str) -> Any:
    """Read a file of JSON; `remedy` says what to do where it is damaged.

    Raises:
        InputError: it is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); {remedy}") from None
