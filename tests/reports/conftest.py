"""Synthetic records in the form that runs leave, for reports to read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from common import files
from common.runs import records, search_records
from common.tasks.classification import classification

CLASSES = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
SUPPORT = [187, 186, 186, 187, 178, 186, 107]
CORPORA = {"ravdess": 1440, "savee": 480, "tess": 2800, "crema_d": 7442}
SWITCHES = {"labels": "document", "normalise": "time", "split": "stratified"}
CONFIGURATION = {"epochs": 100, "batch_size": 32, "learning_rate": 0.01, "inputs": {"n_mels": 128}}
SCALER = {"check": "scaler", "clean": True, "detail": "fitted statistics come from 1152 training clips only"}
TIMINGS = {"features_s": 2.0, "epoch_s": 2.5, "ms_per_clip": 1.2, "peak_memory_mib": 1800.0, "total_s": 301.0}
ENVIRONMENT = {"python": "3.11.9", "keras": "3.15.1", "backend": "tensorflow", "threads": 2, "commit": "abc"}

Write = Callable[..., Path]


def confused(accuracy: float, support: list[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw true and predicted classes with exactly round(accuracy * n) hits, clustered as confusions are."""
    draw = np.random.default_rng(seed)
    true = np.repeat(np.arange(7), support)
    wrong = (true + draw.choice([1, 2, 3, 5], len(true), p=[0.5, 0.25, 0.15, 0.1])) % 7
    hit = draw.permutation(np.arange(len(true)) < round(accuracy * len(true)))
    return true, np.where(hit, true, wrong)


def curves(folds: int, epochs: int, *, retrain: int | None) -> pd.DataFrame:
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


def data(clips: int, *, demo: bool) -> dict[str, Any]:
    whole = clips == 12162
    present = CORPORA if whole or demo else {"ravdess": 1440}
    return {
        "demo": demo,
        "clips": clips,
        "expected_clips": 12162,
        "corpora": {
            name: {"clips": n, "expected": n, "form": "original" if whole else "re-encoded", "layout": "folders"}
            for name, n in present.items()
        },
        "missing": [name for name in CORPORA if name not in present],
        "per_class": {name: (clips + place) // 7 for place, name in enumerate(CLASSES)},
        "digest": f"{clips}{demo}",
    }


def content(
    experiment: str, protocol: str, seed: int, accuracy: float, clips: int, *, demo: bool, size: str, n: int | None
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    base = protocol.partition("+")[0]
    folds = 6 if base == "independent" else 1
    tested = n or (1217 if clips == 12162 else clips if folds > 1 else 144)
    support = [round(number * tested / 1217) for number in SUPPORT]
    support[-1] += tested - sum(support)
    true, predicted = confused(accuracy, support, seed)
    speakers = np.array([f"ravdess-{number % 24 + 1:02d}" for number in range(tested)])
    predictions = pd.DataFrame(
        {
            "name": [f"clip-{seed if folds == 1 else 0}-{number}" for number in range(tested)],
            "corpus": "ravdess",
            "speaker": speakers,
            "fold": np.arange(tested) % folds,
            "true": np.array(CLASSES)[true],
            "predicted": np.array(CLASSES)[predicted],
        }
    )
    history = curves(folds, 60, retrain=37 if experiment.startswith("single") else None)
    changed = [part.partition("=")[0] for part in protocol.split("+")[1:]]
    switches = SWITCHES | dict(part.split("=") for part in protocol.split("+")[1:])
    scores = classification(true, predicted, CLASSES, groups=speakers if folds > 1 else None)
    record = {
        "study": "ser_parallel",
        "experiment": experiment,
        "protocol": protocol,
        "seed": seed,
        "switches": switches,
        "changed": changed,
        "size": size,
        "data": data(clips, demo=demo),
        "classes": CLASSES,
        "configuration": CONFIGURATION | {"retrain": experiment.startswith("single")},
        "parameters": {"total": 27495, "trainable": 27191},
        **scores,
        "folds": [
            {"fold": fold, "train": 1152, "validation": 144, "test": tested // folds, "best_epoch": 37, "epochs": 60}
            for fold in range(folds)
        ],
        "leaks": [{"check": "speaker", "clean": folds > 1, "detail": "24 speakers in train and test"}, SCALER],
        "timings": TIMINGS,
        "environment": ENVIRONMENT,
        "notes": [],
        "status": "complete",
        "finished": "2026-01-01T00:00:00+00:00",
    }
    return record, history, predictions


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def write(runs: Path) -> Write:
    """Write one synthetic record and return its folder."""

    def written(
        experiment: str = "single-cnn",
        protocol: str = "published",
        seed: int = 0,
        accuracy: float = 0.67,
        *,
        clips: int = 12162,
        demo: bool = False,
        size: str = "full",
        n: int | None = None,
        into: Path | None = None,
    ) -> Path:
        record, history, predictions = content(experiment, protocol, seed, accuracy, clips, demo=demo, size=size, n=n)
        folder = records.folder_of(into or runs, "ser_parallel", experiment, protocol, seed)
        files.write_table(folder / "history.csv", history)
        files.write_table(folder / "predictions.csv", predictions)
        files.write_table(folder / "split.csv", predictions[["name", "fold"]].assign(set="test"))
        records.write(folder, record)
        return folder

    return written


@pytest.fixture
def configure() -> Callable[..., Path]:
    """Change the configuration of a record, as another command line would; return its folder."""

    def configured(folder: Path, **settings: Any) -> Path:
        record = records.read(folder).data
        records.write(folder, record | {"configuration": record["configuration"] | settings})
        return folder

    return configured


@pytest.fixture
def search(runs: Path) -> Write:
    """Write one synthetic search over the learning rates of single-cnn and return its folder."""

    def written(
        name: str = "literal", epochs: int = 2, best: float = 0.01, *, demo: bool = False, seed: int = 0, **more: Any
    ) -> Path:
        content, curves = searched(name, epochs, best, demo=demo, seed=seed)
        folder = search_records.folder_of(runs, "ser_parallel", content["experiment"], "published", name, seed)
        files.write_table(folder / "curves.csv", curves)
        files.write_text(folder / "search.json", json.dumps({**content, **more}))
        return folder

    return written


def searched(name: str, epochs: int, best: float, *, demo: bool, seed: int) -> tuple[dict[str, Any], pd.DataFrame]:
    rows, parts = [], []
    for place, rate in enumerate((1e-5, 1e-4, 1e-3, 1e-2)):
        epoch = np.arange(1, epochs + 1)
        accuracy = 0.1 + 0.05 * place + 0.001 * epoch + 0.3 * (rate == best)
        curve = pd.DataFrame({"trial": f"{place:04d}", "epoch": epoch, "loss": 2.0 / epoch, "accuracy": accuracy})
        parts.append(curve.assign(val_loss=2.5 - accuracy, val_accuracy=accuracy, seconds=1.0))
        last = parts[-1].iloc[-1]
        scores = {column: float(last[column]) for column in ("accuracy", "loss", "val_accuracy", "val_loss")}
        row = {"trial": f"{place:04d}", "values": {"learning_rate": rate}, "epochs": epochs, "best_epoch": epochs}
        rows.append({**row, **scores, "seconds": float(epochs), "status": "complete", "message": ""})
    content = {
        "schema": search_records.SCHEMA,
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
        "data": data(84 if demo else 1440, demo=demo),
        "switches": SWITCHES,
        "changed": [],
        "size": "demo" if demo else "full",
        "classes": CLASSES,
        "configuration": {"inputs": {}, "overrides": {}},
        "notes": ["it ended early"],
        "environment": {"python": "3.11.9"},
        "status": "complete",
        "finished": "2026-01-01T00:00:00+00:00",
    }
    return content, pd.concat(parts, ignore_index=True)
