"""The protocol that models of all libraries share, and the choice of the class for an experiment."""

from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd

from common.arrays import Features
from common.study import Experiment, Fit, Training
from common.tasks import Mode, Task


class Learner(Protocol):
    """A model, before or after training. `fit` is not part of the protocol: its arguments differ between classes.

    Attributes:
        FILE: name of the file of the saved model.
        probabilistic: whether outputs are probabilities or values; False: they are 0 or 1, for the model's choice.
    """

    FILE: ClassVar[str]

    @property
    def probabilistic(self) -> bool: ...  # noqa: D102

    def predict(self, x: Features) -> np.ndarray:
        """Return outputs (clips, outputs) float32. Batches have a fixed size and follow the order of the clips."""

    def save(self, path: Path) -> None:
        """Write the model to a file."""

    @classmethod
    def load(cls, path: Path, task: Task, method: Any) -> Self:
        """Read a model that `save` wrote."""

    def summary(self) -> dict[str, Any]:
        """Return `total`, `trainable`, `non_trainable` and `layers`; for an estimator, its `steps`."""


def class_of(experiment: Experiment) -> type[Any]:
    """Return the class of an experiment's models.

    Raises:
        TypeError: the experiment is an ensemble, which has no model of its own.
    """
    # Imported here: tf-keras and scikit-learn take seconds to import, and most experiments need one of them only.
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
    """Return the number of the best epoch; tie-breaking: the first.

    Args:
        history: one row per epoch, as `fit` returns it.
        by: the column of scores.
        mode: whether the lowest (`min`) or the highest (`max`) score is best.
    """
    column = history[by].to_numpy()
    return int(history["epoch"].iloc[column.argmin() if mode == "min" else column.argmax()])


def file_name(stage: str) -> str:
    """Return the name of the files of a training stage."""
    return stage.replace(" ", "-").replace("/", "-of-")
