"""What the runner asks of a model, whatever library it comes from."""

from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd

from common.arrays import Features
from common.study import Experiment, Fit, Training
from common.tasks import Mode, Task


class Learner(Protocol):
    """A model that has learned, or is about to; how each kind learns differs (`fit` of the classes).

    Attributes:
        FILE: name of the file that a run keeps the model in.
        probabilistic: whether outputs are of every degree, or only 0 and 1 for what the model chose.
    """

    FILE: ClassVar[str]

    @property
    def probabilistic(self) -> bool: ...  # noqa: D102

    def predict(self, x: Features) -> np.ndarray:
        """Return outputs (clips, outputs) float32, in batches of fixed size and order."""

    def save(self, path: Path) -> None:
        """Write the model to a file."""

    @classmethod
    def load(cls, path: Path, task: Task, method: Any) -> Self:
        """Read what `save` wrote."""

    def summary(self) -> dict[str, Any]:
        """Return `total`, `trainable`, `non_trainable` and `layers`; of an estimator, its `steps`."""


def class_of(experiment: Experiment) -> type[Any]:
    """Return the class that an experiment learns with.

    Raises:
        TypeError: an ensemble has no model of its own.
    """
    if isinstance(experiment.method, Fit):
        from common.learners.sklearn_learner import SklearnLearner

        return SklearnLearner
    if not isinstance(experiment.method, Training):
        raise TypeError(f"{experiment.id} has no model of its own")
    if experiment.method.library == "tf-keras":
        from common.learners.tf_keras import TfKerasLearner

        return TfKerasLearner
    from common.learners.keras3 import KerasLearner

    return KerasLearner


def best_epoch(history: pd.DataFrame, *, by: str, mode: Mode) -> int:
    """Return the number of the best epoch, the first of equals.

    Args:
        history: one row per epoch, as `fit` returns.
        by: a column of it.
        mode: whether the lowest or the highest is best.
    """
    column = history[by].to_numpy()
    return int(history["epoch"].iloc[column.argmin() if mode == "min" else column.argmax()])


def file_name(stage: str) -> str:
    """Return what the files of a stage of training are called."""
    return stage.replace(" ", "-").replace("/", "-of-")
