"""scikit-learn estimators behind the same protocol as networks: fitted at once, without epochs."""

from pathlib import Path
from typing import Any, ClassVar, Self

import joblib
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from common.arrays import Arrays, Rows
from common.errors import InputError, ResultError
from common.learners.callbacks import HISTORY_COLUMNS, end_at
from common.learners.summaries import steps
from common.seeds import derive

COMPRESSION = 3
"""Of saved estimators: thirty trees shrink to a quarter, and zlib's checksum finds a damaged file."""


class SklearnLearner:
    """A scikit-learn classifier, fitted at once: it has no epochs, no learning curve, and nothing to resume.

    Args:
        estimator: unfitted, or fitted if it only predicts.
        n_classes: columns of its predictions; a class that no training clip has gets probability 0.
        seed: of everything random in it.
        deadline: `time.monotonic()` after which it is not fitted any more; None: never.
    """

    FILE: ClassVar[str] = "model.joblib"

    def __init__(
        self, estimator: BaseEstimator, *, n_classes: int, seed: int = 0, deadline: float | None = None
    ) -> None:
        self.estimator: Any = estimator
        self._n_classes, self._seed, self._deadline = n_classes, seed, deadline

    @classmethod
    def refuse(cls, strategy: str) -> None:
        """Refuse nothing: the commands do not take what only concerns networks."""

    @property
    def probabilistic(self) -> bool:
        """Whether the classifier has probabilities: a one-vs-one SVM has votes only."""
        return hasattr(self.estimator, "predict_proba")

    def fit(self, train: Arrays, validation: Arrays | None = None, *, epochs: int = 1, stage: str = "") -> pd.DataFrame:
        """Fit the classifier on the training clips; the other arguments are of no use to it.

        Args:
            train: features (clips, features) and one-hot targets.

        Returns:
            No rows: `HISTORY_COLUMNS`.

        Raises:
            BudgetSpentError: the deadline has passed.
            ResultError: the classifier refuses these clips.
        """
        end_at(self._deadline)
        random = [name for name in self.estimator.get_params() if name.rpartition("__")[2] == "random_state"]
        self.estimator.set_params(**{name: derive(self._seed, name) for name in random})
        try:
            self.estimator.fit(train.x, train.y.argmax(axis=1))
        except ValueError as error:
            reason = str(error).strip().partition("\n")[0]
            raise ResultError(f"{stage}: it cannot be fitted to {len(train.x)} clips ({reason})") from error
        return pd.DataFrame(columns=list(HISTORY_COLUMNS), dtype=float)

    def predict(self, x: np.ndarray | Rows) -> np.ndarray:
        """Return class probabilities (clips, classes) float32; 1 for the chosen class where there are none."""
        if not self.probabilistic:
            return np.eye(self._n_classes, dtype=np.float32)[self.estimator.predict(x)]
        probabilities = np.zeros((len(x), self._n_classes), np.float32)
        probabilities[:, self.estimator.classes_] = self.estimator.predict_proba(x)
        return probabilities

    def save(self, path: Path) -> None:
        """Write the fitted classifier with joblib; the file is whole or absent."""
        temporary = path.with_name(f".{path.name}")
        joblib.dump((self.estimator, self._n_classes), temporary, compress=COMPRESSION)
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path, training: None = None) -> Self:
        """Read a classifier that `save` wrote. Unpickling runs code: load only files that you trust.

        Raises:
            InputError: the file is missing, damaged, or no saved classifier.
        """
        try:
            estimator, n_classes = joblib.load(path)
        except Exception as error:  # a damaged pickle can raise whatever there is
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise InputError(f"{path} is no model that Encore saved ({reason}); run the experiment again") from error
        return cls(estimator, n_classes=n_classes)

    def summary(self) -> dict[str, Any]:
        """Return `steps`: dicts of `name`, `type` and `settings`."""
        return {"steps": steps(self.estimator)}
