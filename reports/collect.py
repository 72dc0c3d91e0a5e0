"""Reads the records and searches that a report is made of; what is damaged or contradicts itself is named, left out."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from common import illustrations, published
from common.errors import InputError
from common.escaping import printable_in
from common.files import Place
from common.intervals import wilson
from common.published.comparability import cut_to
from common.published.schema import MEANS
from common.runs import records, search_records, store
from common.runs.records import CURVES, Predictions, Record
from common.runs.search_records import SearchResult
from common.tasks.classification import group_confusions
from common.tasks.tagging import label_precisions
from reports.processes import processes
from reports.results import PROTOCOLS, Collected, Group, Run

TOLERANCE = 1e-6
"""What a number of a record may be off by for rounding."""
FEWEST = 100
"""Records that are worth other processes."""

TRAINED_AS = (
    *("epochs", "batch_size", "learning_rate", "monitor", "patience", "retrain"),
    *("loss", "amsgrad", "plateau", "drop_remainder", "library", "model"),
    *("estimator", "weights_of", "mean_of"),
    *("inputs", "overrides", "strategy", "weights"),
)
"""The settings that two runs must share to be seeds of one another."""


Item = TypeVar("Item")
Read = TypeVar("Read")
Found = TypeVar("Found", Run, SearchResult)


def collect(folders: Iterable[Path]) -> Collected:
    """Read all records, searches and illustrations below the folders.

    What is cut off, of another schema, contradicts itself, or is of an experiment that no document has is left out; two
    records that disagree on one run, or searches on one search, are both left out.

    Raises:
        InputError: a folder does not exist.
    """
    folders, skipped = list(folders), list[str]()
    runs: dict[tuple[Any, ...], list[Run]] = {}
    found: dict[tuple[Any, ...], list[SearchResult]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}; run an experiment first, or name a folder with --runs")
        stored = list(_readable(store.find(folder), store.read, skipped, at_once=True))
        shipped = [record for one in stored for record in one.runs]
        for run in (
            *_readable(records.find(folder), _run_in, skipped),
            *_readable(shipped, _run, skipped, at_once=True),
        ):
            runs.setdefault(run.record.identity, []).append(run)
        searched = [search for one in stored for search in one.searches]
        searched += _readable(search_records.find(folder), search_records.read, skipped)
        for search in _readable(searched, _search, skipped):
            found.setdefault(search.identity, []).append(search)
    kept = _agreeing(runs.values(), ("data", "configuration", "metrics", "confusion"), "run", skipped)
    ordered = sorted(
        _agreeing(found.values(), ("data", "settings", "rows", "chosen"), "search", skipped), key=_place_of_search
    )
    drawn = {one.study: one for one in _of_studies(folders, illustrations.NAME, illustrations.read, skipped)}
    return Collected(_grouped(kept), tuple(skipped), tuple(ordered), drawn)


def _of_studies(folders: Iterable[Path], name: str, read: Callable[[Place], Read], skipped: list[str]) -> list[Read]:
    """Return what is not of one experiment; of two of the same study, the one in the first folder counts."""
    places = [place for folder in folders for place in store.find_shared(folder, name)]
    return list(_readable(places, read, skipped))[::-1]


def _readable(
    items: Sequence[Item], read: Callable[[Item], Read], skipped: list[str], *, at_once: bool = False
) -> Iterator[Read]:
    """Yield what can be read, and add a sentence for each of the others; `at_once` without other processes."""
    with processes() as others:
        work = partial(_read_or_why, read)
        for one in map(work, items) if at_once else others.begin(work, items, FEWEST):
            if isinstance(one, InputError):
                skipped.append(f"left out: {one}")
            else:
                yield one


def _read_or_why(read: Callable[[Item], Read], item: Item) -> Read | InputError:
    try:
        return read(item)
    except InputError as error:
        return error


def _agreeing(found: Iterable[Sequence[Found]], fields: Sequence[str], what: str, skipped: list[str]) -> list[Found]:
    """Return one of each that was found once, or several times alike; add a sentence for each of the others."""
    kept = []
    for same in found:
        if all(same[0].data[field] == other.data[field] for other in same for field in fields):
            kept.append(same[0])
        else:
            places = " and ".join(str(_place_of(one)) for one in same)
            skipped.append(f"left out: {places} disagree on one {what}; delete all but one")
    return kept


def _place_of(found: Run | SearchResult) -> Place:
    return found.record.folder if isinstance(found, Run) else found.folder


def _search(search: SearchResult) -> SearchResult:
    """Check a search against its learning curves.

    Raises:
        InputError: it contradicts itself; names the folder and what is wrong.
    """
    try:
        published.load(search.data["study"]).experiment(search.data["experiment"])
        curves = search.curves().set_index(["trial", "epoch"])
        complete = [row for row in search.data["rows"] if row["status"] == "complete"]
        scores = [name for name in curves if name in search.best and name != "seconds"]
        same = search.data["objective"] in scores and all(
            abs(curves.loc[(row["trial"], row["best_epoch"]), score] - row[score]) < TOLERANCE
            for row in complete
            for score in scores
        )
        problem = "" if same and search.best["values"] == search.chosen else "its trials are not those of its curves"
    except InputError as error:
        raise InputError(f"{search.folder}: {error}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"it is damaged ({type(error).__name__}: {error})"
    if problem:
        raise InputError(f"{search.folder}: {problem}; delete the folder and search again")
    return replace(search, data=printable_in(search.data))


def _place_of_search(search: SearchResult) -> tuple[Any, ...]:
    """Order searches as their documents order the experiments, short ones first."""
    study, experiment, protocol, name, seed = search.identity
    order = list(published.load(study).by_id)
    return study, order.index(experiment), protocol, search.data["data"]["demo"], _longest(search), name, seed


def _longest(search: SearchResult) -> int:
    return max(row["epochs"] or 0 for row in search.data["rows"])


def _run_in(folder: Path) -> Run:
    return _run(records.read(folder))


def _run(record: Record) -> Run:
    """Check a record against itself and its tables.

    Raises:
        InputError: it is damaged or contradicts itself; names the folder and what is wrong.
    """
    try:
        published.load(record.data["study"]).experiment(record.data["experiment"])
        problem = _problem_of_identity(record) or _problem_of_history(record.data, record.history())
        tested = record.tested()
        if problem := problem or _problem(record.data, tested):
            raise InputError(problem)
    except InputError as error:
        raise InputError(f"{record.folder}: {error}; delete it and run again") from None
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        what = f"it is damaged ({type(error).__name__}: {error})"
        raise InputError(f"{record.folder}: {what}; delete it and run again") from None
    return Run(record, tested.clips, tested.true, _per_clip(record, tested))


def _per_clip(record: Record, tested: Predictions) -> np.ndarray:
    """Return the score of each clip; of a classification, the predictions are class numbers already."""
    if record.task.KIND == "classification":
        return tested.true == tested.predicted
    return record.task.per_clip(tested.true, tested.predicted)


def _problem_of_identity(record: records.Record) -> str | None:
    """Hold what a record says it is of against its protocol, its settings and the folder that it lies in."""
    data, (study, experiment, protocol, seed) = record.data, record.identity
    if data["status"] != "complete":
        return f"its status is {data['status']}, not complete"
    base, *changes = protocol.split("+")
    if base not in PROTOCOLS:
        return f"there is no protocol {base!r}"
    changed = dict(change.partition("=")[::2] for change in changes)
    if changed.items() - data["switches"].items() or sorted(changed) != sorted(data["changed"]):
        return f"its switches are not those of {protocol}"
    used = data["configuration"].get("identity", {}).get("switches", {})
    if any(value != data["switches"].get(name, value) for name, value in used.items()):
        return "its switches are not those that it was run with"
    names = record.folder.absolute().parts[-4:]
    expected = (study, experiment, protocol, f"seed-{seed}")
    if names[0] == study and names != expected:
        return f"it is the record of {'/'.join(expected[1:])}"
    return None


def _problem(record: Mapping[str, Any], tested: Predictions) -> str | None:
    """Say what in a record cannot be true of its predictions, or None."""
    if not len(tested.true):
        return "it has no predictions"
    if any(record["metrics"][name]["n"] != len(tested.true) for name in record["metrics"] if not _validated(name)):
        return f"its scores are not of {len(tested.true)} clips, as its predictions are"
    return CHECKS[record["task"]["kind"]](record, tested) or _problem_of_intervals(record)


def _validated(metric: str) -> bool:
    """Return whether a metric is of the validation clips, of which a record has no predictions."""
    return metric.startswith("val_")


def _problem_of_history(record: Mapping[str, Any], history: pd.DataFrame) -> str | None:
    """Check the learning curves against the epochs of each fold: a curve that was cut off is that of another run."""
    if missing := [name for name in CURVES if name not in history]:
        return f"its learning curves lack {', '.join(missing)}"
    if history.empty:
        return "it has no learning curves" if any(fold["epochs"] for fold in record["folds"]) else None
    for name, column in history.drop(columns="stage").items():
        if column.dtype.kind not in "if" or np.isinf(column).any():
            return f"its learning curves have words in {name}"
    for fold in record["folds"]:
        own = history[history["fold"] == fold["fold"]]
        again = own["stage"] == "retrain"
        retrained = bool(record["configuration"].get("retrain")) or bool(again.any())
        for rows, epochs in ((own[~again], fold["epochs"]), (own[again], fold["best_epoch"] if retrained else None)):
            if rows["epoch"].tolist() != list(range(1, (epochs or 0) + 1)):
                return f"its learning curve of fold {fold['fold']} has other epochs than its record"
    return None


def _problem_of_classes(record: Mapping[str, Any], tested: Predictions) -> str | None:
    confusion = group_confusions(tested.true, tested.predicted, len(record["task"]["outputs"]))[0]
    if not np.array_equal(confusion, np.asarray(record["confusion"])):
        return "its confusion matrix is not that of its predictions"
    if [row["support"] for row in record["per_output"].values()] != confusion.sum(axis=1).tolist():
        return "its supports are not those of its predictions"
    if abs(record["metrics"]["accuracy"]["value"] - np.trace(confusion) / confusion.sum()) > TOLERANCE:
        return "its accuracy is not that of its predictions"
    counted = _counted(confusion)
    return _problem_of_scores(record["per_output"], confusion, counted) or _problem_of_means(record, confusion, counted)


def _problem_of_tags(record: Mapping[str, Any], tested: Predictions) -> str | None:
    if [row["support"] for row in record["per_output"].values()] != tested.true.sum(axis=0).astype(int).tolist():
        return "its supports are not those of its predictions"
    lwlrap = label_precisions(tested.true, tested.predicted).sum() / tested.true.sum()
    if abs(record["metrics"]["lwlrap"]["value"] - lwlrap) > TOLERANCE:
        return "its lwlrap is not that of its predictions"
    return None


def _problem_of_errors(record: Mapping[str, Any], tested: Predictions) -> str | None:
    errors = np.abs(tested.true.astype(float) - tested.predicted).mean(axis=0)
    ours = [row["scores"]["mae"]["value"] for row in record["per_output"].values()]
    if not np.allclose([*ours, record["metrics"]["mae"]["value"]], [*errors, errors.mean()], rtol=0, atol=TOLERANCE):
        return "its mean absolute errors are not those of its predictions"
    return None


CHECKS: Mapping[str, Callable[[Mapping[str, Any], Predictions], str | None]] = {
    "classification": _problem_of_classes,
    "tagging": _problem_of_tags,
    "regression": _problem_of_errors,
}
"""What holds between the scores and the predictions of each task, computed apart from how the scores were made."""


def _problem_of_scores(
    rows: Mapping[str, Mapping[str, Any]], confusion: np.ndarray, counted: Mapping[str, np.ndarray]
) -> str | None:
    """Hold the scores of each class against the confusions; a class without clips has none."""
    support, plain = confusion.sum(axis=1).tolist(), {score: values.tolist() for score, values in counted.items()}
    for place, (name, row) in enumerate(rows.items()):
        for score, values in plain.items() if support[place] else ():
            ours = row["scores"][score]
            if abs(ours["value"] - values[place]) > TOLERANCE:
                return f"its {score} of {name} is not that of its predictions"
            if not _shares(ours["value"], ours["interval"]):
                return f"its {score} of {name} lies outside its interval, or that outside 0 to 1"
    return None


def _counted(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scores of each class as its confusions give them, independently of how a record's were computed."""
    hits, support, guesses = np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        "precision": hits / np.maximum(guesses, 1),
        "recall": hits / np.maximum(support, 1),
        "f1": 2 * hits / np.maximum(support + guesses, 1),
    }


def _problem_of_means(
    record: Mapping[str, Any], confusion: np.ndarray, counted: Mapping[str, np.ndarray]
) -> str | None:
    """Check the means over the classes against the confusions; only classes with clips count."""
    support = confusion.sum(axis=1)
    for mean, weights in zip(MEANS, (support > 0, support), strict=True):
        for score, values in counted.items():
            name = f"{mean}_{score}"
            ours = record["metrics"][name]
            if abs(ours["value"] - values @ weights / weights.sum()) > TOLERANCE:
                return f"its {name} is not that of its predictions"
            if not _shares(ours["value"], ours["interval"]):
                return f"its {name} lies outside its interval, or that outside 0 to 1"
    return None


def _problem_of_intervals(record: Mapping[str, Any]) -> str | None:
    for name, score in record["metrics"].items():
        if not _within(score["value"], score["interval"]):
            return f"its {name} lies outside its interval"
        if score["method"] == "Wilson" and not np.allclose(
            score["interval"], wilson(score["value"], score["n"]), rtol=0, atol=TOLERANCE
        ):
            return f"the interval of its {name} is not Wilson's"
    return None


def _within(value: float, interval: Sequence[float]) -> bool:
    """Return whether an interval holds its value, but for rounding."""
    low, high = interval
    return low <= value + TOLERANCE and value - TOLERANCE <= high


def _shares(value: float, interval: Sequence[float]) -> bool:
    """Return whether an interval holds its value and lies between 0 and 1, but for rounding."""
    return _within(value, interval) and interval[0] >= -TOLERANCE and interval[1] <= 1 + TOLERANCE


def _grouped(runs: list[Run]) -> tuple[Group, ...]:
    """Put together what differs in the seed only: same experiment, protocol, data and configuration."""
    by_key: dict[str, list[Run]] = {}
    for run in runs:
        by_key.setdefault(json.dumps(_shared(run.data), sort_keys=True), []).append(run)
    groups = [Group(tuple(sorted(members, key=lambda run: run.seed))) for _, members in sorted(by_key.items())]
    return tuple(sorted(groups, key=_place))


def _shared(record: Mapping[str, Any]) -> list[Any]:
    """Return what seeds of one another have in common; what older records do not tell counts as not set."""
    fields = ("study", "experiment", "protocol", "switches", "size", "task")
    data, settings = record["data"], record["configuration"]
    trained = {name: settings.get(name) for name in TRAINED_AS}
    if not (settings.get("patience") or settings.get("plateau")):
        del trained["monitor"]  # Nothing depends on it, and older records do not tell it.
    ran = [cut_to(record), record["environment"].get("precision", "float32")]
    return [*(record[field] for field in fields), data["demo"], data["digest"], trained, *ran]


def _place(group: Group) -> tuple[Any, ...]:
    """Order groups as their documents order the experiments, the protocols as they were invented, real data first."""
    order = list(published.load(group.study).by_id)
    base = group.protocol.partition("+")[0]
    protocol = PROTOCOLS.index(base) if base in PROTOCOLS else len(PROTOCOLS)
    return group.study, order.index(group.experiment), protocol, group.protocol, group.demo
