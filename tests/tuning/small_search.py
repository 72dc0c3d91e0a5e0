"""Searches over the settings of a model of a few parameters.

The file is imported by the tests and by the process that they kill.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from common.arrays import Arrays
from common.runs.search_records import SearchResult
from common.study import Training
from common.tasks import Classification
from tuning.search import Search

RATES = (1e-5, 1e-4, 1e-3, 1e-2)
CONTEXT = {
    "search": "full",
    "data": {
        "demo": False,
        "clips": 32,
        "expected_clips": 32,
        "corpora": {},
        "missing": [],
        "per_output": {"a": 10, "b": 11, "c": 11},
        "digest": "0123",
    },
    "switches": {},
    "changed": [],
    "size": "full",
    "task": {"kind": "classification", "outputs": ["a", "b", "c"]},
    "configuration": {"inputs": {}, "overrides": {}},
}
TRAINING = Training(epochs=2, batch_size=8, learning_rate=0.01)


def clips(seed: int, number: int = 16) -> Arrays:
    draw = np.random.default_rng(seed)
    classes = draw.integers(0, 3, number)
    x = classes[:, None] + draw.normal(size=(number, 4))
    return Arrays(x.astype(np.float32), np.eye(3, dtype=np.float32)[classes])


def build(values: Mapping[str, Any]) -> keras.Model:
    inputs = keras.Input((4,))
    hidden = keras.layers.Dropout(0.3)(keras.layers.Dense(values.get("units", 4), "relu")(inputs))
    return keras.Model(inputs, keras.layers.Dense(3, "softmax")(hidden))


def search_in(folder: Path, **changes: Any) -> Search:
    """Return a search over four learning rates."""
    given: dict[str, Any] = {
        "study": "tiny",
        "experiment": "patient",
        "protocol": "published",
        "space": {"learning_rate": RATES},
        "build": build,
        "train": clips(0),
        "validation": clips(1),
        "task": Classification(("a", "b", "c")),
        "training": TRAINING,
        "objective": "val_loss",
        "seed": 0,
        "context": CONTEXT,
        "folder": folder,
    }
    return Search(**{**given, **changes})


def brackets_in(folder: Path, **changes: Any) -> Search:
    """Return a search that, with factor 2, has five trials."""
    space = {"learning_rate": RATES, "units": (2, 4, 8, 16, 32)}
    return search_in(folder, **{"space": space, **changes})


def grid_in(folder: Path, **changes: Any) -> Search:
    """Return a search over two learning rates with a budget of three epochs."""
    given = {"space": {"learning_rate": (RATES[1], RATES[3])}, "training": replace(TRAINING, epochs=3)}
    return search_in(folder, **{**given, **changes})


def assert_same(one: SearchResult, other: SearchResult) -> None:
    """Assert that tables and curves of two searches are equal to the bit, except for their seconds."""
    for mine, theirs in ((one.table, other.table), (one.curves(), other.curves())):
        without_seconds = [frame.drop(columns="seconds") for frame in (mine, theirs)]
        pd.testing.assert_frame_equal(*without_seconds, check_exact=True)
