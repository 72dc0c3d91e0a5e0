"""Synthetic records of each task, in the form that runs leave: the one factory that all tests of records use."""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common import files
from common.runs import checksums, records, search_records
from common.tasks import Pooled, Regression, Tagging, classification
from reports.results import Run

CLASSES = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
SUPPORT = [187, 186, 186, 187, 178, 186, 107]
CORPORA = {"ravdess": 1440, "savee": 480, "tess": 2800, "crema_d": 7442}
SWITCHES = {"labels": "document", "normalise": "time", "split": "stratified"}
CONFIGURATION = {"epochs": 100, "batch_size": 32, "learning_rate": 0.01, "inputs": {"n_mels": 128}}
SCALER = {"check": "scaler", "clean": True, "detail": "fitted statistics come from 1152 training clips only"}
TIMINGS = {"load_s": 1.0, "features_s": 2.0, "epoch_s": 2.5, "ms_per_clip": 1.2, "peak_memory_mib": 1800.0}
ENVIRONMENT = {"python": "3.11.9", "keras": "3.15.1", "backend": "tensorflow", "threads": 2, "commit": "abc"}


@dataclass(frozen=True)
class Synthetic:
    """A run's record and its tables; `write` puts them where a run does."""

    content: dict[str, Any]
    history: pd.DataFrame
    predictions: pd.DataFrame

    @property
    def split(self) -> pd.DataFrame:
        """The sets of each fold; a fold trains on what others test, and on clips that no fold tests."""
        parts = []
        for fold in self.content["folds"]:
            tested = self.predictions["fold"] == fold["fold"]
            others = [*self.predictions.loc[~tested, "name"], *(f"untested-{number}" for number in range(2000))]
            sets = {"test": list(self.predictions.loc[tested, "name"]), "validation": others[: fold["validation"]]}
            sets["train"] = others[fold["validation"] :][: fold["train"]]
            parts += [pd.DataFrame({"name": names, "fold": fold["fold"], "set": of}) for of, names in sets.items()]
        split = pd.concat(parts, ignore_index=True)
        return split.assign(digest=[f"{zlib.crc32(name.encode()):016x}" for name in split["name"]])

    def write(self, runs: Path) -> Path:
        """Write the run below a folder of runs and return its own folder."""
        folder = records.folder_of(runs, *(self.content[name] for name in ("study", "experiment", "protocol", "seed")))
        files.write_table(folder / "history.csv", self.history)
        files.write_table(folder / "predictions.csv", self.predictions)
        files.write_table(folder / "split.csv", self.split)
        records.write(folder, self.content)
        return folder


def classified(
    experiment: str = "single-cnn",
    protocol: str = "published",
    seed: int = 0,
    accuracy: float = 0.67,
    *,
    clips: int = 12162,
    demo: bool = False,
    size: str = "full",
    n: int | None = None,
) -> Synthetic:
    """Return a run of ser_parallel with exactly round(accuracy * n) of its test clips right.

    The protocol `independent` has six folds that test every clip, the others one of a tenth.
    """
    folds = 6 if protocol.partition("+")[0] == "independent" else 1
    tested = n or (1217 if clips == 12162 else clips if folds > 1 else 144)
    support = [round(number * tested / 1217) for number in SUPPORT]
    support[-1] += tested - sum(support)
    true, predicted = confused(accuracy, support, seed)
    table = clip_table(tested, seed, folds).assign(true=np.array(CLASSES)[true], predicted=np.array(CLASSES)[predicted])
    retrain = experiment.startswith("single")
    scores = classification.classification(true, predicted, CLASSES, groups=table["speaker"] if folds > 1 else None)
    counts = {name: (clips + place) // 7 for place, name in enumerate(CLASSES)}
    content = content_of("ser_parallel", experiment, protocol, seed, table, kind="classification", outputs=CLASSES)
    content |= vars(scores) | {"data": data(clips, counts, demo=demo), "size": size}
    content["baselines"] = {"majority": {"accuracy": support[0] / tested}, "chance": {"accuracy": 1 / 7}}
    content["configuration"] |= {"retrain": retrain}
    return Synthetic(content, curves(folds, 60, retrain=37 if retrain else None), table)


def tagged(
    outputs: Sequence[str], study: str, experiment: str, protocol: str = "published", seed: int = 0, *, n: int = 200
) -> Synthetic:
    """Return a run that gave every tag of every clip a score of 0..1; each clip has one to three tags."""
    draw = np.random.default_rng(seed)
    ranks = draw.random((n, len(outputs))).argsort(axis=1).argsort(axis=1)
    true = (ranks < draw.integers(1, 4, (n, 1))).astype(np.float32)
    scores = (0.35 * true + 0.65 * draw.random(true.shape)).astype(np.float32)
    return _evaluated(Tagging(tuple(outputs)), true, scores, study, experiment, protocol, seed)


def regressed(
    outputs: Sequence[str], study: str, experiment: str, protocol: str = "published", seed: int = 0, *, n: int = 200
) -> Synthetic:
    """Return a run that predicted a number for each output, half of its spread explained."""
    draw = np.random.default_rng(seed)
    true = draw.normal(size=(n, len(outputs))).astype(np.float32)
    guessed = (0.5 * true + 0.5 * draw.normal(size=true.shape)).astype(np.float32)
    return _evaluated(Regression(tuple(outputs)), true, guessed, study, experiment, protocol, seed)


def _evaluated(
    task: Tagging | Regression,
    targets: np.ndarray,
    outputs: np.ndarray,
    study: str,
    experiment: str,
    protocol: str,
    seed: int,
) -> Synthetic:
    """Return a run on one fold, as its task scores it; the training clips have the means of the test clips."""
    n = len(targets)
    clips = clip_table(n, seed)
    table = clips.assign(**task.table(targets, outputs))
    content = content_of(study, experiment, protocol, seed, table, kind=task.KIND, outputs=task.outputs)
    constants = np.tile(task.constant(targets), (n, 1))
    content |= vars(task.scores(Pooled(targets, outputs, constants, np.full_like(targets, 0.5))))
    content["baselines"] = task.baselines(targets, constants)
    counts = dict(zip(task.outputs, map(int, targets.sum(axis=0)), strict=True)) if task.KIND == "tagging" else {}
    content["data"] = data(n, counts)
    return Synthetic(content, curves(1, 60, retrain=None), table)


def content_of(
    study: str, experiment: str, protocol: str, seed: int, table: pd.DataFrame, *, kind: str, outputs: Sequence[str]
) -> dict[str, Any]:
    """Return what the records of all tasks have in common; the confusion is null."""
    changes = [change.split("=") for change in protocol.split("+")[1:]]
    folds = table["fold"].max() + 1
    return {
        "study": study,
        "experiment": experiment,
        "protocol": protocol,
        "seed": seed,
        "size": "full",
        "switches": SWITCHES | dict(changes),
        "changed": [name for name, _ in changes],
        "task": {"kind": kind, "outputs": list(outputs)},
        "configuration": {**CONFIGURATION, "overrides": {}, "identity": {"folds": None}},
        "parameters": {"total": 27495, "trainable": 27191},
        "confusion": None,
        "folds": [
            {"fold": fold, "train": 1152, "validation": 144, "test": int((table["fold"] == fold).sum())}
            | {"best_epoch": 37, "epochs": 60}
            for fold in range(folds)
        ],
        "leaks": [{"check": "speaker", "clean": bool(folds > 1), "detail": "24 speakers in train and test"}, SCALER],
        "timings": {**TIMINGS, "total_s": 301.0},
        "environment": ENVIRONMENT,
        "other_orders": [],
        "notes": [],
        "status": "complete",
        "finished": "2026-01-01T00:00:00+00:00",
    }


def clip_table(n: int, seed: int, folds: int = 1) -> pd.DataFrame:
    """Return the names of n clips of 24 speakers, which are tested in turn by so many folds."""
    names = [f"clip-{seed if folds == 1 else 0}-{number}" for number in range(n)]
    speakers = [f"ravdess-{number % 24 + 1:02d}" for number in range(n)]
    return pd.DataFrame({"name": names, "corpus": "ravdess", "speaker": speakers, "fold": np.arange(n) % folds})


def confused(accuracy: float, support: Sequence[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw true and predicted classes with exactly round(accuracy * n) hits, clustered as confusions are."""
    draw = np.random.default_rng(seed)
    true = np.repeat(np.arange(7), support)
    wrong = (true + draw.choice([1, 2, 3, 5], len(true), p=[0.5, 0.25, 0.15, 0.1])) % 7
    hit = draw.permutation(np.arange(len(true)) < round(accuracy * len(true)))
    return true, np.where(hit, true, wrong)


def curves(folds: int, epochs: int, *, retrain: int | None) -> pd.DataFrame:
    """Return learning curves that overfit a little after some 40 epochs."""
    parts = []
    for fold in range(folds):
        epoch = np.arange(1, epochs + 1)
        loss = 1.9 * np.exp(-epoch / 20) + 0.3
        val = 1.7 * np.exp(-epoch / 15) + 0.75 + 0.003 * epoch + 0.02 * np.sin(epoch + fold)
        table = {"fold": fold, "stage": "search" if retrain else "train", "epoch": epoch, "loss": loss}
        table |= {"accuracy": 1 - loss / 2.2, "val_loss": val, "val_accuracy": 1 - val / 2.5, "seconds": 2.5}
        parts.append(pd.DataFrame(table))
        if retrain:
            short = parts[-1].head(retrain).assign(stage="retrain", val_loss=None, val_accuracy=None)
            parts.append(short)
    return pd.concat(parts, ignore_index=True)


def data(clips: int, counts: Mapping[str, int], *, demo: bool = False) -> dict[str, Any]:
    """Return what a record says of its clips: the whole corpora, a demo of them, or RAVDESS alone."""
    whole = clips == 12162
    present = CORPORA if whole or demo else {"ravdess": 1440}
    form = "original" if whole else "re-encoded"
    return {
        "demo": demo,
        "clips": clips,
        "expected_clips": 12162,
        "corpora": {
            name: {"clips": n, "expected": n, "form": form, "layout": "folders"} for name, n in present.items()
        },
        "missing": [name for name in CORPORA if name not in present],
        "per_output": dict(counts),
        "digest": f"{clips}{demo}",
    }


def run_on(table: pd.DataFrame, content: Mapping[str, Any]) -> Run:
    """Return a run of which only some fields of its record and its predictions are known."""
    order, names, groups = records.names_and_groups(table)
    correct = (table["true"] == table["predicted"]).to_numpy(bool)
    true = np.unique(table["true"], return_inverse=True)[1]
    clips = records.ClipSet.of(names, groups, records.unit_of(table))
    return Run(records.Record(Path(), dict(content)), clips, true[order], correct[order])


@dataclass(frozen=True)
class SyntheticSearch:
    """A search over the learning rates of single-cnn; `write` puts it where a search does."""

    content: dict[str, Any]
    curves: pd.DataFrame

    def write(self, runs: Path) -> Path:
        """Write the search below a folder of runs and return its own folder."""
        names = ("study", "experiment", "protocol", "search", "seed")
        folder = search_records.folder_of(runs, *(self.content[name] for name in names))
        files.write_table(folder / "trials.csv", search_records.table_of(self.content["rows"]))
        files.write_table(folder / "curves.csv", self.curves)
        chosen = "".join(f"{name} = {value}\n" for name, value in self.content["chosen"].items())
        files.write_text(folder / "best.toml", f"[training]\n{chosen}")
        search_records.write(folder, self.content)
        return folder


def searched(
    name: str = "literal", epochs: int = 2, best: float = 0.01, *, demo: bool = False, seed: int = 0, **more: Any
) -> SyntheticSearch:
    """Return a search over the learning rates of single-cnn, of which one is better by far."""
    rows, parts = [], []
    for place, rate in enumerate((1e-5, 1e-4, 1e-3, 1e-2)):
        epoch = np.arange(1, epochs + 1)
        accuracy = 0.1 + 0.05 * place + 0.001 * epoch + 0.3 * (rate == best)
        curve = pd.DataFrame({"trial": f"{place:04d}", "epoch": epoch, "loss": 2.0 / epoch, "accuracy": accuracy})
        parts.append(curve.assign(val_loss=2.5 - accuracy, val_accuracy=accuracy, seconds=1.0))
        last = parts[-1].iloc[-1]
        scores = {column: float(last[column]) for column in ("accuracy", "loss", "val_accuracy", "val_loss")}
        row = {"trial": f"{place:04d}", "values": {"learning_rate": rate}, "epochs": epochs, "best_epoch": epochs}
        if name == "literal":
            row |= {"bracket": 0, "round": 0, "after": None}
        rows.append({**row, **scores, "seconds": float(epochs), "status": "complete", "message": ""})
    clips = 84 if demo else 1440
    content = {
        "study": "ser_parallel",
        "experiment": "single-cnn",
        "protocol": "published",
        "seed": seed,
        "search": name,
        "kind": "hyperband" if name == "literal" else "grid",
        "objective": "val_accuracy",
        "space": {"learning_rate": [1e-5, 1e-4, 1e-3, 1e-2]},
        "settings": {"epochs": 100},
        "rows": rows,
        "chosen": {"learning_rate": best},
        "data": data(clips, {name: (clips + place) // 7 for place, name in enumerate(CLASSES)}, demo=demo),
        "switches": SWITCHES,
        "changed": [],
        "size": "demo" if demo else "full",
        "task": {"kind": "classification", "outputs": CLASSES},
        "configuration": {"inputs": {}, "overrides": {}},
        "notes": ["it ended early"],
        "environment": {"python": "3.11.9"},
        "status": "complete",
        "finished": "2026-01-01T00:00:00+00:00",
    }
    return SyntheticSearch(content | more, pd.concat(parts, ignore_index=True))


def reseal(folder: Path) -> None:
    """Write new checksums of a run or a search, as somebody may who changed its files."""
    path = folder / checksums.NAME
    names = [line.partition("  ")[2] for line in path.read_text().splitlines()]
    contents = {name: (folder / name).read_bytes() for name in names if (folder / name).exists()}
    path.write_text(checksums.text_of(contents))


def edit(folder: Path, changes: Mapping[str, Any]) -> Path:
    """Change fields of a record by their dotted names, as a foreign program might; `...` takes one out."""
    path = folder / "record.json"
    record = json.loads(path.read_text())
    for name, value in changes.items():
        *outer, last = name.split(".")
        inner = reduce(getitem, outer, record)
        if value is ...:
            del inner[last]
        else:
            inner[last] = value
    path.write_text(json.dumps(record))
    reseal(folder)
    return folder


Write = Callable[..., Path]
