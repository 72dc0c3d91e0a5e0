"""Computes again what the tables of a record or a search tell, by other code than that which wrote it, and compares.

Whatever differs is named by the first sentence that is true of it. What no table tells is taken as it stands: times,
memory, the environment, notes, sizes of a model, scores of validation clips under other folds than one. Checksums
(`common.runs.checksums`) protect those. Intervals that are drawn take longer to draw again than all the rest: that is
done of records without checksums only.
"""

import functools
import io
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.escaping import in_line
from common.files import without_formulas
from common.intervals import Score, drawn_over, wilson, wilson_over
from common.published.schema import MEANS
from common.runs.records import CURVES, Predictions, Record
from common.runs.search_records import SearchResult, folder_of, scores_of
from common.runs.store import StoredRecord
from common.splits import SETS
from common.tasks import Pooled
from common.tasks.tagging import label_precisions
from reports.results import PROTOCOLS, VALIDATED

TOLERANCE = 1e-6
"""What a number of a record may be off by for rounding."""
OF_A_CURVE = 2e-3
"""What a score of the validation clips may differ from that in a learning curve, relatively: batches are summed up."""
DRAWN = 0.1
"""What the end of an interval that is drawn again may be off by, as a share of its width: six standard errors."""
RECORDINGS = ("sound", "bytes")
"""The check of the leak audit on identical recordings; earlier records compared the bytes of files."""
OF_ANY_SPLIT = (*RECORDINGS, "augmented", "scaler", "selection")
"""Checks of the leak audit that compare no column of the manifest."""


def problem_of(record: Record) -> tuple[str | None, Predictions]:
    """Say what in a record cannot be true of its tables, or None; return the predictions too.

    Raises:
        InputError: a table was changed, or a clip is predicted twice.
        OSError, ValueError, KeyError, TypeError, IndexError: a table is missing or damaged.
    """
    history = record.history()
    early = _problem_of_identity(record) or _problem_of_history(record.data, history)
    with np.errstate(over="ignore"):  # a number that is too large for float32 becomes infinite, and is named below
        tested = record.tested()
    return early or _problem(record, tested, history), tested


def _problem_of_identity(record: Record) -> str | None:
    """Compare what a record says it is of with its protocol, its settings and the folder that it lies in."""
    data, (study, experiment, protocol, seed) = record.data, record.identity
    if data["status"] != "complete":
        return f"its status is {data['status']}, not complete"
    base, *changes = protocol.split("+")
    if base not in PROTOCOLS:
        return f"there is no protocol {base!r}"
    changed = dict(change.partition("=")[::2] for change in changes)
    if changed.items() - data["switches"].items() or sorted(changed) != sorted(data["changed"]):
        return f"its switches are not those of {protocol}"
    used, settings = data["configuration"]["identity"], data["configuration"]
    if any(value != data["switches"].get(name, value) for name, value in used.get("switches", {}).items()):
        return "its switches are not those that it was run with"
    stated = {**used.get("training", {}), **{name: used[name] for name in ("estimator", "weights") if name in used}}
    if used.get("size", data["size"]) != data["size"] or any(
        value != settings.get(name, value) for name, value in stated.items()
    ):
        return "its settings are not those that it was run with"
    names = record.folder.absolute().parts[-4:]
    expected = (study, experiment, protocol, f"seed-{seed}")
    if names[0] == study and names != expected:
        return f"it is the record of {'/'.join(expected[1:])}"
    return None


def _problem(record: Record, tested: Predictions, history: pd.DataFrame) -> str | None:
    data = record.data
    if not len(tested.true):
        return "it has no predictions"
    if not (np.isfinite(tested.true).all() and np.isfinite(tested.predicted).all()):
        return "it has predictions that are not finite"
    if any(data["metrics"][name]["n"] != len(tested.true) for name in data["metrics"] if not _validated(name)):
        return f"its scores are not of {len(tested.true)} clips, as its predictions are"
    return (
        CHECKS[data["task"]["kind"]](data, tested)
        or _problem_of_intervals(data, tested)
        or _problem_of_folds(data, tested)
        or _problem_of_leaks(data, tested)
        or _problem_of_validation(data, history)
        or _problem_of_losses(record, tested)
        or _problem_of_split(record, tested)
        or (None if record.sealed else _problem_of_drawn(record, tested))
    )


def _validated(metric: str) -> bool:
    """Return whether a metric is of the validation clips, of which a record has no predictions."""
    return metric.startswith(VALIDATED)


def _problem_of_history(record: Mapping[str, Any], history: pd.DataFrame) -> str | None:
    """Check the learning curves against the epochs of each fold: a curve that was cut off is that of another run."""
    if history.empty:
        return "it has no learning curves" if any(fold["epochs"] for fold in record["folds"]) else None
    if missing := [name for name in CURVES if name not in history]:
        return f"its learning curves lack {', '.join(missing)}"
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
    size = len(record["task"]["outputs"])
    cells = tested.true.astype(int) * size + tested.predicted
    confusion = np.bincount(cells, minlength=size * size).reshape(size, size)
    if not np.array_equal(confusion, np.asarray(record["confusion"])):
        return "its confusion matrix is not that of its predictions"
    if [row["support"] for row in record["per_output"].values()] != confusion.sum(axis=1).tolist():
        return "its supports are not those of its predictions"
    if abs(record["metrics"]["accuracy"]["value"] - np.trace(confusion) / confusion.sum()) > TOLERANCE:
        return "its accuracy is not that of its predictions"
    counted = _counted(confusion)
    return (
        _problem_of_scores(record["per_output"], confusion, counted)
        or _problem_of_means(record, confusion, counted)
        or _problem_of_baselines(record, confusion)
    )


def _problem_of_tags(record: Mapping[str, Any], tested: Predictions) -> str | None:
    if [row["support"] for row in record["per_output"].values()] != tested.true.sum(axis=0).astype(int).tolist():
        return "its supports are not those of its predictions"
    lwlrap = label_precisions(tested.true, tested.predicted).sum() / tested.true.sum()
    if abs(record["metrics"]["lwlrap"]["value"] - lwlrap) > TOLERANCE:
        return "its lwlrap is not that of its predictions"
    return None


def _problem_of_errors(record: Mapping[str, Any], tested: Predictions) -> str | None:
    true, said = tested.true.astype(float), tested.predicted.astype(float)
    squared, covariance = (
        np.square(said - true).mean(axis=0),
        ((true - true.mean(0)) * (said - said.mean(0))).mean(axis=0),
    )
    with np.errstate(
        invalid="ignore", divide="ignore"
    ):  # constant outputs have no correlation, and no score in a record
        found = {
            "mae": np.abs(said - true).mean(axis=0),
            "rmse": np.sqrt(squared),
            "r2": 1 - squared / true.var(axis=0),
            "pearson": covariance / (true.std(axis=0) * said.std(axis=0)),
            "ccc": 2
            * covariance
            / (true.var(axis=0) + said.var(axis=0) + np.square(true.mean(axis=0) - said.mean(axis=0))),
        }
    rows = list(record["per_output"].values())
    for name, values in found.items():
        pairs = [(row["scores"].get(name), value) for row, value in zip(rows, values.tolist(), strict=True)]
        for score, value in [*pairs, (record["metrics"].get(name), float(values.mean()))]:
            if score is not None and not abs(score["value"] - value) < TOLERANCE * (1 + abs(value)):
                return f"its {name} is not that of its predictions"
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
    """Compare the scores of each class with the confusions; a class without clips has none."""
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


def _problem_of_intervals(record: Mapping[str, Any], tested: Predictions) -> str | None:
    methods = _methods(tested.clips.numbers[1])
    validated = sum(fold["validation"] for fold in record["folds"])
    for name, score, n, trials in _every_score(record, len(tested.true), validated):
        if not _within(score["value"], score["interval"]):
            return f"its {name} lies outside its interval"
        if score["n"] != n:
            return f"its {name} is not of {n} clips"
        if _validated(name):  # of other clips, of which we do not know what they share
            continue
        if score["method"] not in methods:
            return f"the interval of its {name} is said to be of something else than its clips"
        if score["method"].startswith("Wilson"):
            ends = zip(score["interval"], wilson(score["value"], trials), strict=True)
            if any(abs(ours - theirs) > TOLERANCE for ours, theirs in ends):
                return f"the interval of its {name} is not Wilson's"
    return None


@functools.cache
def _methods(groups: int) -> frozenset[str]:
    """Return what may be said of the intervals of clips in so many groups: they are drawn over these, or over clips."""
    said = {"clips", drawn_over(list(map(str, range(groups))))[1]}
    exact = {wilson_over(over) for over in said if over.startswith("clips")}
    drawn = {f"{kind}bootstrap over {over}" for kind in ("", "basic ") for over in said}
    return frozenset({*exact, *drawn, "no clip has a tag"})


def _every_score(record: Mapping[str, Any], tested: int, validated: int) -> Iterator[tuple[str, Score, int, int]]:
    """Yield each score with its name, the clips that it is of, and the trials that Wilson's interval counts."""
    for name, score in record["metrics"].items():
        n = validated if _validated(name) else tested
        yield name, score, n, n
    guessed = np.sum(record["confusion"], axis=0).tolist() if record["confusion"] else None
    for place, (output, row) in enumerate(record["per_output"].items()):
        for name, score in row["scores"].items():
            if score is not None:
                # A precision is a share of the clips that were said to be of the class.
                trials = guessed[place] if guessed and name == "precision" else row["support"]
                yield f"{name} of {output}", score, row["support"], trials


def _problem_of_folds(record: Mapping[str, Any], tested: Predictions) -> str | None:
    sizes = [fold["test"] for fold in record["folds"]]
    if [fold["fold"] for fold in record["folds"]] != list(range(len(sizes))):
        return "its folds are not numbered from 0"
    if np.bincount(tested.fold, minlength=len(sizes)).tolist() != sizes:
        return "its folds test other clips than its predictions"
    if any((fold["best_epoch"] or 0) > (fold["epochs"] or 0) for fold in record["folds"]):
        return "the best epoch of a fold is later than its last"
    return None


def _problem_of_baselines(record: Mapping[str, Any], confusion: np.ndarray) -> str | None:
    """Check those of a classification: a class drawn by chance, and one for all test clips of a fold."""
    said, n = record["baselines"], confusion.sum()
    if "chance" in said and abs(said["chance"]["accuracy"] - 1 / len(confusion)) > TOLERANCE:
        return "its baseline by chance is not that of its classes"
    hits = said.get("majority", {"accuracy": 0.0})["accuracy"] * n
    possible = confusion.sum(axis=1) if len(record["folds"]) == 1 else np.arange(n + 1)
    if np.abs(possible - hits).min() > TOLERANCE * n:
        return "its baseline of the largest class is not that of its test clips"
    return None


def _problem_of_leaks(record: Mapping[str, Any], tested: Predictions) -> str | None:
    """Check the verdict on the speakers, or songs, by those of the clips that each fold tests.

    The sets of one fold are in no table but that of the split, whose clips have no speakers there.
    """
    own = [leak for leak in record["leaks"] if leak["check"] not in OF_ANY_SPLIT]
    named = own if len(own) == 1 else [leak for leak in own if leak["check"] == tested.clips.unit]
    # In folds of others, a clip that one fold tests may be in no set of another one.
    if not named or len(record["folds"]) == 1 or "split" in record["configuration"]["overrides"]:
        return None
    numbers, groups = tested.clips.numbers
    in_fold = np.zeros((groups, len(record["folds"])), bool)
    in_fold[numbers, tested.fold] = True
    (leak,) = named
    # A clip that one fold tests is trained on or validated on by the others.
    if leak["clean"] and (in_fold.sum(axis=1) > 1).any():
        return f"its leak audit is clean of any {leak['check']} in two sets, but two folds test clips of one"
    if leak["clean"] and (tested.clips.groups == b"").any():
        return f"its leak audit is clean of any {leak['check']}, but that of some clips is unknown"
    whole = len(tested.true) == record["data"]["clips"]
    if leak.get("worst") == 0 and whole and not (in_fold.sum(axis=1) > 1).any():
        return f"its leak audit has a {leak['check']} in train and test, but no two folds test clips of one"
    return None


def _problem_of_validation(record: Mapping[str, Any], history: pd.DataFrame) -> str | None:
    """Check the scores of the validation clips by the learning curve: a network is kept of its best or last epoch."""
    retrained = bool(record["configuration"].get("retrain"))
    if len(record["folds"]) > 1 or retrained or history.empty:
        return None
    (fold,) = record["folds"]
    for name in filter(_validated, record["metrics"]):
        if name not in history or fold["best_epoch"] is None:
            continue
        value, curve = record["metrics"][name]["value"], history.set_index("epoch")[name]
        known = (curve.get(fold["best_epoch"], np.nan), curve.iloc[-1])
        if all(abs(value - of_epoch) > OF_A_CURVE * (1 + abs(value)) for of_epoch in known):
            return f"its {name} is not in its learning curve"
    return None


def _problem_of_losses(record: Record, tested: Predictions) -> str | None:
    """Check the loss; that of classes needs probabilities, which the store leaves out."""
    if "loss" not in record.data["metrics"]:
        return None
    true, said = tested.true, tested.predicted
    if record.task.KIND == "classification":
        table = record.predictions()
        if any(name not in table for name in record.task.outputs):
            return None
        true, said = record.task.read({str(name): column for name, column in table.items()})
        if (said.argmax(axis=1) != true.argmax(axis=1)).sum() != (tested.true != tested.predicted).sum():
            return "its probabilities are not those of its predicted classes"
    value, loss = record.data["metrics"]["loss"]["value"], float(record.task.losses(true, said).mean())
    return None if abs(value - loss) < TOLERANCE * (1 + loss) else "its loss is not that of its predictions"


def _problem_of_split(record: Record, tested: Predictions) -> str | None:
    """Check sizes of sets, and what two sets share, by `split.csv`; the store leaves it out."""
    if isinstance(record, StoredRecord):
        return None
    split = record.split()
    for fold in record.data["folds"]:
        own = split[split["fold"] == fold["fold"]]
        sets = {name: own[own["set"] == name] for name in SETS}
        if len(own) != sum(map(len, sets.values())):
            return "its split has a set that is not train, validation or test"
        counts = [len(sets[name]) for name in ("validation", "test")]
        if counts != [fold["validation"], fold["test"]] or not len(sets["train"]):
            return f"its fold {fold['fold']} has other clips than its split"
        predicted = [name.partition(b":")[2].decode() for name in tested.clips.names[tested.fold == fold["fold"]]]
        if sorted(sets["test"]["name"]) != sorted(predicted):
            return f"its fold {fold['fold']} predicts other clips than its split tests"
    if len(split) != sum(split["fold"] == fold["fold"] for fold in record.data["folds"]).sum():
        return "its split has other folds than its record"
    return _problem_of_copies(record.data, split)


def _problem_of_copies(record: Mapping[str, Any], split: pd.DataFrame) -> str | None:
    """Check the verdict on identical recordings; the table has the first digits of each clip's digest."""
    said = next((leak["clean"] for leak in record["leaks"] if leak["check"] in RECORDINGS), None)
    if said is None or "digest" not in split:
        return None
    places = split[["fold", "digest", "set"]].drop_duplicates()
    shared = bool(places.duplicated(["fold", "digest"]).any()) or bool((split["digest"] == "").any())
    return "its leak audit of identical recordings is not that of its split" if said is shared else None


def _problem_of_drawn(record: Record, tested: Predictions) -> str | None:
    """Compute all scores again, and draw their intervals.

    What depends on the training clips, of which there are no predictions, is left out: `relative_mae`.
    """
    data, task = record.data, record.task
    true, said = tested.true, tested.predicted
    if task.KIND == "classification":
        eye = np.eye(len(task.outputs), dtype=np.float32)
        true, said = eye[true], eye[said]
    limits = [fold.get("thresholds", []) for fold in data["folds"]]
    thresholds = np.array([limits[fold] for fold in tested.fold])
    over_groups = str(data["metrics"][task.HEADLINE]["method"]).endswith(" groups")
    groups = np.char.decode(tested.clips.groups) if over_groups else None
    again = task.scores(Pooled(true, said, np.zeros_like(said), thresholds), groups=groups, seed=data["seed"])
    if again.metrics.keys() - data["metrics"].keys() - {"relative_mae"}:
        return "it lacks scores"
    found = {name: score for name, score, *_ in _every_score({**data, **vars(again)}, 0, 0)}
    for name, ours, *_ in _every_score(data, 0, 0):
        theirs = found.get(name)
        if theirs is None or "relative_mae" in name:
            continue
        if abs(ours["value"] - theirs["value"]) > TOLERANCE * (1 + abs(theirs["value"])):
            return f"its {name} is not that of its predictions"
        low, high = theirs["interval"]
        # Another version of numpy draws other numbers, and a run another order of its clips; a share of n clips jumps.
        if np.abs(np.subtract(ours["interval"], theirs["interval"])).max() > DRAWN * (high - low) + 2 / theirs["n"]:
            return f"the interval of its {name} is not that of its predictions"
    return None


def problem_of_search(search: SearchResult) -> str | None:
    """Say what in a search cannot be true of its learning curves and its other files, or None.

    Raises:
        InputError: a file was changed.
        OSError, ValueError, KeyError, TypeError: a file is missing or damaged.
    """
    study, experiment, protocol, name, seed = search.identity
    expected = folder_of(Path(), study, experiment, protocol, name, seed).parts[-2:]
    lies_in = tuple(str(search.folder).rstrip("/").split("/")[-2:])
    if lies_in[-1].startswith("tune-") and lies_in != expected:
        return f"it is the search {in_line('/'.join(expected))}"
    curves, rows = search.curves(), search.data["rows"]
    complete = [row for row in rows if row["status"] == "complete"]
    if list(dict.fromkeys(curves["trial"])) != [row["trial"] for row in complete]:
        return "its learning curves are of other trials"
    numbers = curves.drop(columns="trial")
    if not all(column.dtype.kind in "if" and np.isfinite(column).all() for _, column in numbers.items()):
        return "its learning curves have words"
    for row in complete:
        if problem := _problem_of_trial(row, curves[curves["trial"] == row["trial"]], search):
            return f"trial {row['trial']} {problem}"
    if search.best["values"] != search.chosen:
        return "what it chose is not its best trial"
    best = tomllib.loads(search.text("best.toml"))
    if {name: value for table in best.values() for name, value in table.items()} != search.chosen:
        return "its best.toml has other values than it chose"
    ours = without_formulas(search.table).to_csv(index=False, float_format="%.9g")
    tables = [pd.read_csv(io.StringIO(text), dtype=str) for text in (ours, search.text("trials.csv"))]
    return None if tables[0].equals(tables[1]) else "its trials.csv has other rows"


def _problem_of_trial(row: Mapping[str, Any], curve: pd.DataFrame, search: SearchResult) -> str | None:
    epochs = curve["epoch"].tolist()
    if epochs != list(range(epochs[0], epochs[0] + len(epochs))) or epochs[-1] != row["epochs"]:
        return "has other epochs than its curve"
    if set(scores_of(row)) != {*curve} - {"trial", "epoch", "seconds"}:
        return "has other scores than its curve"
    if epochs[int((search.sign * curve[search.data["objective"]]).to_numpy().argmin())] != row["best_epoch"]:
        return "has another best epoch than its curve"
    best = curve.iloc[epochs.index(row["best_epoch"])]
    scores = {name: value for name, value in scores_of(row).items() if value is not None}
    if any(abs(best[name] - value) > TOLERANCE * (1 + abs(value)) for name, value in scores.items()):
        return "has other scores than its curve"
    return None if abs(curve["seconds"].sum() - row["seconds"]) < 0.01 else "took other seconds than its curve"


def _within(value: float, interval: Sequence[float]) -> bool:
    """Return whether an interval holds its value, but for rounding."""
    low, high = interval
    return low <= value + TOLERANCE and value - TOLERANCE <= high


def _shares(value: float, interval: Sequence[float]) -> bool:
    """Return whether an interval holds its value and lies between 0 and 1, but for rounding."""
    return _within(value, interval) and interval[0] >= -TOLERANCE and interval[1] <= 1 + TOLERANCE
