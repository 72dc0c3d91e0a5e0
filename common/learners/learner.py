"""What the runner asks of a model, whatever library it comes from."""

from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd

from common.arrays import Arrays, Rows


class Learner(Protocol):
    """What the runner asks of a model, whatever library it is from.

    Attributes:
        FILE: name of the file that a run keeps the model in.
        probabilistic: whether `predict` gives probabilities, or only 1 for the class that the model chose.
    """

    FILE: ClassVar[str]

    @property
    def probabilistic(self) -> bool: ...  # noqa: D102

    def fit(self, train: Arrays, validation: Arrays | None, *, epochs: int, stage: str) -> pd.DataFrame:
        """Train, from where an interrupted call stopped; return one row per epoch (`HISTORY_COLUMNS`)."""

    @classmethod
    def refuse(cls, strategy: str) -> None:
        """Raise InputError, before anything is computed, where it cannot train as Keras is set up."""

    def predict(self, x: np.ndarray | Rows) -> np.ndarray:
        """Return class probabilities (clips, classes) float32, in batches of fixed size and order."""

    def save(self, path: Path) -> None:
        """Write the model to a file."""

    @classmethod
    def load(cls, path: Path, training: Any) -> Self:
        """Read what `save` wrote."""

    def summary(self) -> dict[str, Any]:
        """Return `total`, `trainable`, `non_trainable` and `layers`; of an estimator, its `steps`."""


def best_epoch(history: pd.DataFrame, *, by: str) -> int:
    """Return the number of the best epoch, the first of equals: highest accuracy or lowest loss.

    Args:
        history: one row per epoch, as `Learner.fit` returns.
        by: `val_accuracy` or `val_loss`.
    """
    column = history[by]
    place = column.to_numpy().argmin() if by.endswith("loss") else column.to_numpy().argmax()
    return int(history["epoch"].iloc[place])


def file_name(stage: str) -> str:
    """Return what the files of a stage of training are called."""
    return stage.replace(" ", "-").replace("/", "-of-")
