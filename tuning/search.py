"""The common part of all hyperparameter searches: the search space, its trials, and the result.

A search trains a model for each of several combinations of values. It chooses the one with the best epoch on the
validation clips. All random numbers of a trial depend on (seed, epoch) and not on the trial. So trials differ only in
their values, and a short trial is equal to the beginning of a longer one with the same values, to the bit.

Searches resume: each finished trial is stored in a file, written atomically, with its checksum. The next trial depends
only on the seed and the scores so far. A search that was killed therefore runs through the same trials again, reads
those that are stored, and resumes the interrupted one after its last finished epoch. A file that was damaged or changed
is no finished trial.
"""

import itertools
import json
import math
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from common import environment, files
from common.arrays import Arrays
from common.errors import InputError, ResultError
from common.learners import keras3, memory
from common.learners.learner import best_epoch
from common.learners.pipeline import Augment
from common.progress import duration_in_words
from common.runs import checksums, claims, records
from common.runs.search_records import Row, SearchResult, read, table_of, write
from common.seeds import derive
from common.study import Training, Value
from common.tasks import Mode, Task
from tuning import hparams
from tuning.plan import Kind

OF_TRAINING = ("learning_rate", "batch_size", "patience")
"""Settings that are fields of `Training`; all others are settings of the model."""

NAME = re.compile(r"[a-z][a-z0-9_]*")

NO_CURVE = pd.DataFrame(columns=["epoch", "seconds"])
AGAIN = "the trial is trained again"


@dataclass(frozen=True)
class Search:
    """A search: its space, its clips, and the folder of its result.

    Attributes:
        study: name of the study.
        experiment: id of the experiment whose settings are searched.
        protocol: name of the protocol of clips and model.
        space: the values of each setting. `learning_rate`, `batch_size` and `patience` are settings of the training,
            all others of the model.
        build: returns the uncompiled Keras model from the values of the model's settings.
        train: training clips.
        validation: validation clips, by which the best trial is chosen.
        task: what is predicted.
        training: the training of every trial, except for the settings in `space`. `epochs` is the largest number of
            epochs of one combination.
        objective: the score that is optimised: one of the task's `MONITORS`.
        seed: seed of everything random.
        context: more fields of `search.json`, as plain values (`common.runs.search_records.SearchResult`).
        folder: the folder of this search only.
        deadline: the `time.monotonic()` (s) after which no epoch starts. None: never.
        fresh: delete the files of an earlier search first.
        notes: sentences for `search.json` about the limits of the search.
        augment: alters training batches, as in `common.study.Inputs`.
        on_cluster: trains trials at the same time in other processes, which store them in the folder. None: one trial
            after the other is trained in this process.
    """

    study: str
    experiment: str
    protocol: str
    space: Mapping[str, Sequence[Value]]
    build: Callable[[Mapping[str, Value]], keras.Model]
    train: Arrays
    validation: Arrays
    task: Task
    training: Training
    objective: str
    seed: int
    context: Mapping[str, Any]
    folder: Path
    deadline: float | None = None
    fresh: bool = False
    notes: tuple[str, ...] = ()
    augment: Augment | None = None
    on_cluster: Callable[[Sequence["Trial"]], None] | None = None

    @property
    def mode(self) -> Mode:
        """Whether the lowest or the highest objective is best."""
        return self.task.MONITORS[self.objective]

    @property
    def combinations(self) -> list[dict[str, Value]]:
        """Every combination of values, the last setting varying fastest."""
        return [dict(zip(self.space, values, strict=True)) for values in itertools.product(*self.space.values())]

    def key(self, row: Mapping[str, Any]) -> float:
        """Return the sort key of a row; the best row has the lowest."""
        score = float(row[self.objective])
        return score if self.mode == "min" else -score


@dataclass(frozen=True)
class Trial:
    """One training with one combination of values.

    Attributes:
        name: its number in four digits.
        values: the value of each setting.
        epochs: number of its last epoch.
        begins_after: number of epochs of the earlier trial that it continues; 0 if it continues none.
        after: name of that trial. Training continues from the weights of its best epoch, with a new optimiser.
        place: its `bracket` and `round` in Hyperband.
        promotable: whether a later trial may continue it.
    """

    name: str
    values: Mapping[str, Value]
    epochs: int
    begins_after: int = 0
    after: str | None = None
    place: Mapping[str, int] = field(default_factory=dict)
    promotable: bool = False


class Trials:
    """The trials of one search. A trial that an interrupted search stored is read and not trained again.

    Args:
        search: the search.
        planned: largest number of epochs of the whole search.
        announce: receives a line of text per trial.
    """

    def __init__(self, search: Search, planned: int, announce: Callable[[str], None]) -> None:
        self._search, self._planned, self._announce = search, planned, announce
        self._work = search.folder / "work"
        self.rows: list[dict[str, Any]] = []
        self.curves: list[pd.DataFrame] = []
        self._begun = self._done = 0
        self._from_cluster: set[str] = set()
        if kept := sum(1 for _ in self._work.glob("trial-*.json")):
            announce(f"resuming after {kept} finished trial(s)")

    def train_at_once(self, trials: Sequence[Trial]) -> None:
        """On a cluster, train those trials that are not stored at the same time; `run` then reads them.

        Without a cluster nothing is done. No trial may continue another one of them.
        """
        if self._search.on_cluster is None:
            return
        if missing := [trial for trial in trials if not self._is_stored(trial)]:
            self._search.on_cluster(missing)
            self._from_cluster |= {trial.name for trial in missing}
            # A network file system may remember for a while that the files were absent; listing makes it look again.
            list(self._work.iterdir())

    def train(self, trial: Trial) -> None:
        """Train and store a trial, in another process than that which holds the folder of the search.

        If two processes are given the same trial, because one of them seemed to be dead, the second waits.
        """
        with files.alone(self._finished(trial.name)):
            if not self._is_stored(trial):
                self._train(trial)

    def run(self, trial: Trial) -> dict[str, Any]:
        """Return the row of a trial; train it first if it is not stored.

        Raises:
            BudgetSpentError: the deadline has passed.
            InputError: the weights of the trial that this one continues are missing or damaged.
        """
        new = trial.name in self._from_cluster
        if not self._is_stored(trial):
            self._train(trial)
            new = True
        # A new trial is read back too, so that its numbers are those that a resumed search would have.
        row, curve = self._kept(trial)
        self.rows.append(row)
        self.curves.append(curve)
        self._done += len(curve)
        self._begun += trial.epochs - trial.begins_after
        if new:
            self._announce(self._line(trial, row))
        return row

    def _is_stored(self, trial: Trial) -> bool:
        """Return whether a trial is stored as it was written; say so where it is damaged."""
        if not self._finished(trial.name).exists():
            return False
        try:
            self._kept(trial)
        except InputError as error:
            self._announce(str(error))
            return False
        return True

    def _kept(self, trial: Trial) -> tuple[dict[str, Any], pd.DataFrame]:
        return _kept(self._finished(trial.name), trial, self._search)

    def forget(self, name: str) -> None:
        """Delete the weights of a trial that no later trial will continue."""
        self._weights(name).unlink(missing_ok=True)

    def _train(self, trial: Trial) -> None:
        path, curve, message = self._finished(trial.name), NO_CURVE, ""
        with memory.released():
            try:
                curve = self._fitted(trial)
            except ResultError as error:  # such as a loss that is not finite: the trial failed, the search goes on
                message = str(error)
        hparams.write_trial(self._search.folder / "tensorboard" / f"trial-{trial.name}", trial.values, trial.name)
        row = _row(trial, curve, message, self._search)
        content = {"trial": asdict(trial), "row": row, "curve": curve.to_dict("records")}
        checksums.replace(path, json.dumps(content, allow_nan=False).encode())
        path.with_suffix(".npz").unlink(missing_ok=True)  # the checkpoint: the trial is finished

    def _fitted(self, trial: Trial) -> pd.DataFrame:
        """Train and return the learning curve; its epochs include those of the trial that this one continues."""
        search = self._search
        learner = keras3.KerasLearner(
            partial(self._model, trial),
            search.task,
            self._training(trial),
            seed=derive(search.seed, "search", trial.begins_after),  # not of the name: see the module's docstring
            augment=search.augment,
            folder=self._work,
            deadline=search.deadline,
        )
        epochs = trial.epochs - trial.begins_after
        curve = learner.fit(search.train, search.validation, epochs=epochs, stage=f"trial {trial.name}")
        if trial.promotable:
            self._keep_weights(learner.model, trial.name)
        return curve.assign(epoch=curve["epoch"] + trial.begins_after)

    def _model(self, trial: Trial) -> keras.Model:
        model = self._search.build({name: value for name, value in trial.values.items() if name not in OF_TRAINING})
        if trial.after is not None:
            self._restore_weights(model, trial.after)
        return model

    def _training(self, trial: Trial) -> Training:
        """Return the training of a trial."""
        chosen: dict[str, Any] = {name: value for name, value in trial.values.items() if name in OF_TRAINING}
        own = replace(self._search.training, monitor=self._search.objective, **chosen)
        # A later trial continues from the best weights. Early stopping restores them, also if it never stops early.
        return replace(own, patience=own.patience or trial.epochs) if trial.promotable else own

    def _weights(self, name: str) -> Path:
        return self._work / f"weights-{name}.npz"

    def _keep_weights(self, model: keras.Model, name: str) -> None:
        with files.replacing(self._weights(name)) as temporary:
            np.savez(temporary, *model.get_weights())

    def _restore_weights(self, model: keras.Model, name: str) -> None:
        path, finished = self._weights(name), self._finished(name)
        try:
            with path.open("rb") as file, np.load(file) as stored:
                model.set_weights([stored[array] for array in stored.files])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(f"{path} is missing or damaged; delete {finished} to train trial {name} again") from error

    def _finished(self, name: str) -> Path:
        return self._work / f"trial-{name}.json"

    def _line(self, trial: Trial, row: Mapping[str, Any]) -> str:
        """Return a line about a finished trial, with the longest time that the others may take.

        On a cluster, the progress shows the time left instead.
        """
        left = self._planned - self._begun
        # Seconds per epoch. Trials that stop early make the rest shorter, so this is the longest time.
        pace = sum(row["seconds"] for row in self.rows) / max(self._done, 1)
        took, to_go = duration_in_words(row["seconds"]), duration_in_words(left * pace)
        before = f" after {trial.after}" if trial.after else ""
        line = f"trial {trial.name}{before}: {_settings(trial)}: {self._score(row)}, {took}"
        return line if self._search.on_cluster else f"{line}; at most {to_go} left"

    def _score(self, row: Mapping[str, Any]) -> str:
        if row["status"] == "failed":
            return f"failed ({row['message']})"
        objective = self._search.objective
        return f"{objective} {row[objective]:.3f} in epoch {row['best_epoch']} of {row['epochs']}"


def _settings(trial: Trial) -> str:
    return ", ".join(f"{name} {value}" for name, value in trial.values.items())


def _row(trial: Trial, curve: pd.DataFrame, message: str, search: Search) -> dict[str, Any]:
    """Return what `SearchResult` documents as a row."""
    row: dict[str, Any] = {"trial": trial.name, "values": dict(trial.values), **trial.place}
    if trial.place:
        row["after"] = trial.after
    row |= dict.fromkeys(("epochs", "best_epoch", search.objective))
    if not message:
        best = best_epoch(curve, by=search.objective, mode=search.mode)
        scores = curve.loc[curve["epoch"] == best].drop(columns=["epoch", "seconds"]).iloc[0]
        row |= {"epochs": int(curve["epoch"].max()), "best_epoch": best}
        row |= {str(name): float(value) for name, value in scores.items()}
    # A failed trial keeps null as its scores, so that all rows have the same columns.
    status = "failed" if message else "complete"
    return {**row, "seconds": round(float(curve["seconds"].sum()), 3), "status": status, "message": message}


class StoredTrial(BaseModel):
    """The file of a finished trial: the trial, its row, and its learning curve, a row per epoch."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    trial: dict[str, Any]
    row: Row
    curve: list[dict[str, float]]


def _kept(path: Path, trial: Trial, search: Search) -> tuple[dict[str, Any], pd.DataFrame]:
    """Read the row and the learning curve of a stored trial.

    Raises:
        InputError: the file is damaged or was changed, or is of another trial.
    """
    content = records.load(path.parent, path.name, AGAIN, needed=True)
    problem = records.flaw(content, StoredTrial)
    if problem is None and content["trial"] != _plain(asdict(trial)):
        problem = f"is not trial {trial.name} of this search"
    if problem is None:
        curve = pd.DataFrame(content["curve"]) if content["curve"] else NO_CURVE
        if content["row"] == _row(trial, curve, content["row"]["message"], search):
            return content["row"], curve.assign(trial=trial.name)
        problem = "has other scores than its learning curve"
    raise InputError(f"{path} {problem}; {AGAIN}")


def conduct(
    search: Search,
    kind: Kind,
    settings: Mapping[str, Value],
    proceed: Callable[[Trials], Sequence[str]],
    *,
    planned: int,
    announce: Callable[[str], None],
) -> SearchResult:
    """Make a search, or return its result if it is finished.

    Args:
        search: what is searched.
        kind: the kind of search.
        settings: settings that only this kind has.
        proceed: runs all trials and returns notes for the result.
        planned: largest number of epochs of the whole search.
        announce: receives a line of text per trial.

    Raises:
        BudgetSpentError: the deadline has passed; the same call resumes the search.
        InputError: the space cannot be searched; or the folder is in use, cannot be written, is damaged, or holds a
            search of other clips or settings.
        ResultError: every trial failed.
    """
    _check(search)
    identity = _identity(search, kind, settings)
    with records.hold(search.folder):
        if search.fresh:
            claims.clear(search.folder)
        if (search.folder / "search.json").exists():
            result = read(search.folder)
            found = {name: result.data.get(name) for name in identity}
            claims.check_finished(search.folder, "search", found, identity)
            return result
        claims.begin(search.folder, "search", identity)
        hparams.write_space(search.folder / "tensorboard", search.space, search.task)
        trials = Trials(search, planned, announce)
        notes = proceed(trials)
        return _write(search, identity, trials, notes)


def _check(search: Search) -> None:
    """Refuse a space that cannot be searched, and a search without validation clips."""
    if not search.space:
        raise InputError(f"{search.experiment}: the search has no settings; name one or more")
    if not len(search.validation.x):
        raise InputError(f"{search.experiment}: a search needs validation clips, and there are none")
    for name, values in search.space.items():
        if not NAME.fullmatch(name) or name in ("epochs", "monitor", "retrain"):
            raise InputError(f"{search.experiment}: {name!r} is not a setting that can be searched")
        if not all(isinstance(value, Value) and _finite(value) for value in values):
            raise InputError(f"{search.experiment}: {name} takes numbers, strings or booleans, not {list(values)}")
        # keras-tuner's `Choice` takes values of one type only.
        if not values or len({type(value) for value in values}) > 1 or len(set(values)) < len(values):
            raise InputError(f"{search.experiment}: {name} takes different values of one type, not {list(values)}")


def _finite(value: Value) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _identity(search: Search, kind: Kind, settings: Mapping[str, Value]) -> dict[str, Any]:
    """Return all that decides the result, as plain values."""
    fixed = {name: value for name, value in search.training.facts().items() if name not in search.space}
    identity = {
        "study": search.study,
        "experiment": search.experiment,
        "protocol": search.protocol,
        "seed": search.seed,
        "kind": kind,
        "objective": search.objective,
        "space": {name: list(values) for name, values in search.space.items()},
        "settings": {
            **fixed,
            "precision": keras3.precision(),
            **_other_backend(),
            **settings,
        },
        # `data` is left out: it has the layout of folders, which does not matter. The context also has the digest.
        **{name: value for name, value in search.context.items() if name != "data"},
    }
    return _plain(identity)


def _other_backend() -> dict[str, str]:
    backend = keras.backend.backend()
    return {} if backend == "tensorflow" else {"backend": backend}


def _write(search: Search, identity: dict[str, Any], trials: Trials, notes: Sequence[str]) -> SearchResult:
    """Write the result; `search.json` is the last file, so a folder that has it holds a finished search."""
    complete = [row for row in trials.rows if row["status"] == "complete"]
    if not complete:
        reason = trials.rows[0]["message"]
        raise ResultError(f"{search.experiment}: all {len(trials.rows)} trials failed; the first: {reason}")
    best = min(complete, key=search.key)
    if failed := len(trials.rows) - len(complete):
        notes = [*notes, f"{failed} of {len(trials.rows)} trials failed"]
    files.write_table(search.folder / "trials.csv", table_of(trials.rows))
    curves = pd.concat([curve for curve in trials.curves if len(curve)], ignore_index=True)
    # Which scores there are depends on the task.
    columns = ["trial", *(name for name in curves if name not in ("trial", "seconds")), "seconds"]
    files.write_table(search.folder / "curves.csv", curves[columns])
    files.write_text(search.folder / "best.toml", _configuration(search, best))
    content = {
        **identity,
        "data": search.context["data"],
        "rows": trials.rows,
        "chosen": best["values"],
        "notes": [*search.notes, *notes],
        "environment": environment.describe(),
        "status": "complete",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    result = write(search.folder, content)
    shutil.rmtree(search.folder / "work")
    return result


def _configuration(search: Search, best: Mapping[str, Any]) -> str:
    """Return the chosen values as TOML, for `run --config`."""
    score = f"{search.objective} {best[search.objective]:.4f}"
    lines = [f"# {search.experiment}: trial {best['trial']} of the search beside this file, {score}."]
    for table, ours in (("training", True), ("model", False)):
        chosen = {name: value for name, value in best["values"].items() if (name in OF_TRAINING) is ours}
        # Numbers, strings and booleans are written in the same way in JSON and in TOML.
        lines += [f"\n[{table}]"] if chosen else []
        lines += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in chosen.items()]
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> Any:
    """Return a value as it will be read from JSON, where tuples are lists."""
    return json.loads(json.dumps(value))
