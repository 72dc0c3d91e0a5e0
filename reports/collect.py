"""Reads the records and searches that a report is made of; what is damaged or contradicts itself is named, left out."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from common import illustrations, published
from common.errors import InputError, reason_of
from common.escaping import printable_in
from common.files import Place
from common.published.comparability import cut_to
from common.runs import records, search_records, store
from common.runs.checksums import ChangedFileError
from common.runs.records import Predictions, Record
from common.runs.search_records import SearchResult
from common.study import Training
from reports.processes import processes
from reports.recomputed import problem_of, problem_of_search
from reports.results import PROTOCOLS, Collected, Group, Run

FEWEST = 100
"""Records that are worth other processes."""

TRAINED_AS = (
    *("epochs", "batch_size", "learning_rate", "monitor", "patience", "retrain"),
    *("loss", "amsgrad", "plateau", "drop_remainder", "library", "model"),
    *("estimator", "weights_of", "mean_of", "members"),
    *("inputs", "overrides", "strategy", "weights"),
)
"""The settings that two runs must share to be seeds of one another."""
CONSTANT = 1e-4
"""Outputs that differ by less over all clips are the same but for rounding."""
DEFAULTS = {field.name: field.default for field in fields(Training) if field.default is not MISSING}
"""What a setting was before it could be chosen: older records do not name it."""


Item = TypeVar("Item")
Read = TypeVar("Read")
Found = TypeVar("Found", Run, SearchResult)


def collect(folders: Iterable[Path]) -> Collected:
    """Read all records, searches and illustrations below the folders.

    What is cut off, changed, of another schema, contradicts itself or its tables (`reports.recomputed`), or is of an
    experiment that no document has is left out, and so is what a folder holds that cannot be read; two records that
    disagree on one run, or searches on one search, are both left out.

    Raises:
        InputError: a folder does not exist.
    """
    folders, skipped = list(folders), list[str]()
    runs: dict[tuple[Any, ...], list[Run]] = {}
    found: dict[tuple[Any, ...], list[SearchResult]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}; run an experiment first, or name a folder with --runs")
        skipped += [f"left out: {sentence}" for sentence in records.unreadable(folder)]
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

    def read_in(path: Path) -> Read | None:
        place = store.shared_in(path, name)
        return read(place) if place.exists() else None

    return [one for one in _readable(places, read_in, skipped) if one is not None][::-1]


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
    """Check a search against its learning curves and its other files.

    Raises:
        InputError: it contradicts itself; names the folder and what is wrong.
    """
    try:
        published.load(search.data["study"]).experiment(search.data["experiment"])
        problem = problem_of_search(search)
    except ChangedFileError:
        raise
    except InputError as error:
        raise InputError(f"{search.folder}: {error}") from None
    except store.DAMAGED as error:
        problem = _damaged(error)
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
        problem, tested = problem_of(record)
        if problem:
            raise InputError(problem)
        constant = bool(np.ptp(tested.predicted, axis=0).max() < CONSTANT)
    except ChangedFileError:  # it says all
        raise
    except InputError as error:
        raise InputError(f"{record.folder}: {error}; delete it and run again") from None
    except store.DAMAGED as error:
        raise InputError(f"{record.folder}: {_damaged(error)}; delete it and run again") from None
    return Run(record, tested.clips, tested.true, _per_clip(record, tested), constant)


def _damaged(error: Exception) -> str:
    return f"it is damaged ({type(error).__name__}: {reason_of(error)})"


def _per_clip(record: Record, tested: Predictions) -> np.ndarray:
    """Return the score of each clip; of a classification, the predictions are class numbers already."""
    if record.task.KIND == "classification":
        return tested.true == tested.predicted
    return record.task.per_clip(tested.true, tested.predicted)


def _grouped(runs: list[Run]) -> tuple[Group, ...]:
    """Put together what differs in the seed only: same experiment, protocol, data and configuration."""
    by_key: dict[str, list[Run]] = {}
    for run in runs:
        by_key.setdefault(json.dumps(_shared(run.data), sort_keys=True), []).append(run)
    groups = [Group(tuple(sorted(members, key=lambda run: run.seed))) for _, members in sorted(by_key.items())]
    return tuple(sorted(groups, key=_place))


def _shared(record: Mapping[str, Any]) -> list[Any]:
    """Return what seeds of one another have in common."""
    names = ("study", "experiment", "protocol", "switches", "size", "task")
    data, settings = record["data"], record["configuration"]
    trained = {name: settings.get(name, DEFAULTS.get(name)) for name in TRAINED_AS}
    if not (settings.get("patience") or settings.get("plateau")):
        del trained["monitor"]  # nothing depends on it
    # What an older record does not name is not in its identity either.
    identity = settings.get("identity", {})
    ran = [cut_to(record), record["environment"].get("precision", "float32")]
    ran += [identity.get("backend", "tensorflow"), identity.get("impulse_responses")]
    return [*(record[name] for name in names), data["demo"], data["digest"], trained, *ran]


def _place(group: Group) -> tuple[Any, ...]:
    """Order groups as their documents order the experiments, the protocols as they were invented, real data first."""
    order = list(published.load(group.study).by_id)
    base = group.protocol.partition("+")[0]
    protocol = PROTOCOLS.index(base) if base in PROTOCOLS else len(PROTOCOLS)
    return group.study, order.index(group.experiment), protocol, group.protocol, group.demo
