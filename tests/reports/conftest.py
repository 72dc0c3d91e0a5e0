"""Synthetic records in the form that runs leave, for reports to read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from synthetic import CLASSES, SWITCHES, Write, classified, data, edit

from common import files
from common.runs import search_records


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def write(runs: Path) -> Write:
    """Write one synthetic classification and return its folder."""

    def written(*of: Any, into: Path | None = None, **options: Any) -> Path:
        return classified(*of, **options).write(into or runs)

    return written


@pytest.fixture
def configure() -> Callable[..., Path]:
    """Change the configuration of a record, as another command line would; return its folder."""
    return lambda folder, **settings: edit(folder, {f"configuration.{name}": to for name, to in settings.items()})


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
        "data": data(84 if demo else 1440, dict.fromkeys(CLASSES, 12), demo=demo),
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
    return content, pd.concat(parts, ignore_index=True)
