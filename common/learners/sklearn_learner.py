"""scikit-learn estimators with the same protocol as networks. They are fitted without epochs."""

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from common.arrays import Arrays, Features
from common.errors import ResultError, reason_of
from common.learners import estimator_file
from common.learners.callbacks import end_at
from common.learners.summaries import steps
from common.seeds import derive
from common.study import Fit
from common.tasks import Task


class SklearnLearner:
    """A scikit-learn estimator. It has no epochs and no learning curve; an interrupted fit starts again.

    Args:
        estimator: unfitted, or fitted if it is only used to predict.
        task: what it predicts.
        seed: seed of everything random in it.
        deadline: the `time.monotonic()` (s) after which `fit` raises an error. None: never.
    """

    FILE: ClassVar[str] = "model.skops"

    def __init__(self, estimator: BaseEstimator, task: Task, *, seed: int = 0, deadline: float | None = None) -> None:
        self.estimator: Any = estimator
        self._task, self._seed, self._deadline = task, seed, deadline

    @property
    def probabilistic(self) -> bool:
        """Whether outputs are probabilities or values, and not only a choice as of a one-vs-one SVM."""
        return self._task.probabilistic(self.estimator)

    def fit(self, train: Arrays, *, stage: str = "") -> pd.DataFrame:
        """Fit the estimator on the training clips.

        Args:
            train: features (clips, features) and targets (clips, outputs).
            stage: name of the fit, for messages.

        Returns:
            A learning curve without rows.

        Raises:
            BudgetSpentError: the deadline has passed.
            ResultError: the estimator cannot be fitted to these clips.
        """
        end_at(self._deadline)
        # Those of inner estimators too: each random part has a seed of its own.
        random = [name for name in self.estimator.get_params() if name.rpartition("__")[2] == "random_state"]
        self.estimator.set_params(**{name: derive(self._seed, name) for name in random})
        try:
            self.estimator.fit(train.x, self._task.fit_targets(train.y))
        except ValueError as error:
            raise ResultError(f"{stage}: it cannot be fitted to {len(train.x)} clips ({reason_of(error)})") from error
        return pd.DataFrame(columns=["epoch", "seconds"], dtype=float)

    def predict(self, x: Features) -> np.ndarray:
        """Return outputs (clips, outputs) float32."""
        return self._task.estimated(self.estimator, np.asarray(x[:]))  # a slice reads rows that are on the disk

    def save(self, path: Path) -> None:
        """Write the fitted estimator; the file is whole or absent."""
        estimator_file.write(path, self.estimator)

    @classmethod
    def load(cls, path: Path, task: Task, method: Fit) -> Self:
        """Read an estimator that `save` wrote. No code of the file is run.

        Raises:
            InputError: the file is missing, damaged, not a saved estimator, or contains something that is not trusted.
        """
        return cls(estimator_file.read(path, method.own), task)

    def summary(self) -> dict[str, Any]:
        """Return `steps`: dicts of `name`, `type` and `settings`."""
        return {"steps": steps(self.estimator)}
