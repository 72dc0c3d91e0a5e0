"""Regression: one or several values per clip, such as its valence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from common.errors import InputError
from common.intervals import Score, mean_score
from common.tasks.task import Groups, Kind, Mode, Pooled, Scores, bootstrap, score

STRATA = 5
"""Number of strata: quantiles of the first scale."""

SCORES = ("mae", "relative_mae", "rmse", "r2", "pearson", "ccc")


@dataclass(frozen=True)
class Regression:
    """The values of a clip on one or more scales; each scale is a column of the manifest.

    Attributes:
        outputs: names of the scales.
    """

    outputs: tuple[str, ...]

    KIND: ClassVar[Kind] = "regression"
    HEADLINE: ClassVar[str] = "mae"
    SHOWN: ClassVar[tuple[str, ...]] = ("mae", "relative_mae", "ccc")
    LOSS: ClassVar[str] = "mean_squared_error"
    MONITORS: ClassVar[Mapping[str, Mode]] = MappingProxyType({"val_loss": "min", "val_mae": "min"})
    MEANING: ClassVar[str] = "value"

    @property
    def columns(self) -> tuple[str, ...]:
        """The scales."""
        return self.outputs

    def of(self, clips: pd.DataFrame, *, own: bool = False) -> Self:
        """Return this task, whosever the clips are.

        Raises:
            InputError: a scale is missing, has a value that is not finite, or has the same value for all clips.
        """
        for name in self.outputs:
            if name not in clips:
                raise InputError(f"the clips have no {name}; add a column of that name to their table")
            values = pd.to_numeric(clips[name], errors="coerce")
            if bad := list(clips["name"][~np.isfinite(values)]):
                raise InputError(f"{name} is not a number for {len(bad)} of {len(clips)} clips, first for {bad[0]}")
            if values.nunique() < 2:
                raise InputError(f"{name} is {values.iloc[0]:g} for all clips: there is nothing to predict")
        return self

    def targets(self, clips: pd.DataFrame) -> np.ndarray:
        """Return the values, float32 (clips, scales)."""
        return clips[list(self.outputs)].to_numpy(np.float32)

    def strata(self, clips: pd.DataFrame) -> np.ndarray:
        """Return the quantile of each clip on the first scale, int (clips,)."""
        # Of ranks, not of values: many clips may have the same value, and quantiles of ranks have equal sizes.
        ranks = clips[self.outputs[0]].rank(method="first")
        return pd.qcut(ranks, min(STRATA, len(clips)), labels=False).to_numpy()

    def counts(self, clips: pd.DataFrame) -> dict[str, int]:
        """Return an empty dict: every clip has a value on each scale."""
        return {}

    def keras_metrics(self) -> list[Any]:
        """Return the mean absolute error."""
        return ["mae"]

    def losses(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return the mean squared error of each clip (clips,)."""
        return np.square(outputs - targets, dtype=np.float64).mean(axis=1)

    def constant(self, targets: np.ndarray) -> np.ndarray:
        """Return the mean of the training targets (scales,)."""
        return targets.mean(axis=0, dtype=np.float64).astype(np.float32)

    def thresholds(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return an empty array: values have no thresholds."""
        return np.empty(0)

    def logits(self, outputs: np.ndarray) -> np.ndarray:
        """Return the values: they are averaged as they are."""
        return outputs.astype(np.float64)

    def from_logits(self, logits: np.ndarray) -> np.ndarray:
        """Return the values."""
        return logits.astype(np.float32)

    def per_clip(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return the absolute error of each clip (clips,), the mean over scales."""
        return np.abs(outputs - targets, dtype=np.float64).mean(axis=1)

    def headline(self, targets: np.ndarray, outputs: np.ndarray, *, groups: Groups, seed: int) -> Score:
        """Return the mean absolute error."""
        return mean_score(self.per_clip(targets, outputs), groups=groups, seed=seed)

    def scores(self, pooled: Pooled, *, groups: Groups = None, seed: int = 0) -> Scores:
        """Return MAE, RMSE, R2, Pearson's r, CCC, and the MAE relative to the baseline's: `relative_mae`.

        The baseline is the training mean. CCC is Lin's concordance correlation coefficient (Lin 1989, Biometrics 45).
        Overall scores are means over the scales. Undefined scores, such as r for constant outputs, are left out.
        """
        arrays = (pooled.targets, pooled.outputs, pooled.constants)
        true, outputs, mean = (np.asarray(array, np.float64) for array in arrays)
        values, intervals, method = bootstrap(
            lambda weights: _statistics(weights, true, outputs, mean), len(true), groups=groups, seed=seed
        )
        n = len(true)
        overall = {name: score(values[f"mean_{name}"], intervals[f"mean_{name}"], n, method) for name in SCORES}
        rows = {
            scale: {
                "support": n,
                "scores": {name: score(values[name][place], intervals[name][place], n, method) for name in SCORES},
            }
            for place, scale in enumerate(self.outputs)
        }
        return Scores({name: one for name, one in overall.items() if one}, rows)

    def baselines(self, targets: np.ndarray, constants: np.ndarray) -> dict[str, dict[str, float]]:
        """Return MAE and RMSE of the training mean as the baseline."""
        true, mean = (np.asarray(array, np.float64) for array in (targets, constants))
        found = _statistics(np.ones((1, len(true))), true, mean, mean)
        return {"training mean": {name: float(found[f"mean_{name}"][0]) for name in ("mae", "rmse")}}

    def fit_targets(self, targets: np.ndarray) -> np.ndarray:
        """Return the values, (clips,) for one scale."""
        return targets[:, 0] if len(self.outputs) == 1 else targets  # scikit-learn warns about a single column

    def probabilistic(self, estimator: Any) -> bool:
        """Return True: all estimators return values."""
        return True

    def estimated(self, estimator: Any, x: np.ndarray) -> np.ndarray:
        """Return the predicted values, float32 (clips, scales)."""
        return np.asarray(estimator.predict(x), np.float32).reshape(len(x), len(self.outputs))

    def table(self, targets: np.ndarray, outputs: np.ndarray) -> dict[str, np.ndarray]:
        """Return the true values as `true_<scale>`, then the predicted values as `<scale>`."""
        true = {f"true_{name}": column for name, column in zip(self.outputs, targets.T, strict=True)}
        return true | dict(zip(self.outputs, outputs.T, strict=True))

    def read(self, table: Mapping[str, Sequence[Any] | pd.Series]) -> tuple[np.ndarray, np.ndarray]:
        """Return targets and outputs.

        Raises:
            ValueError, KeyError: a column is missing, or is not numeric.
        """
        return (
            np.column_stack([np.asarray(table[f"true_{name}"], np.float32) for name in self.outputs]),
            np.column_stack([np.asarray(table[name], np.float32) for name in self.outputs]),
        )

    def noise(self, clips: int, draw: np.random.Generator) -> np.ndarray:
        """Return random values of mean 0 and std 1."""
        return draw.normal(size=(clips, len(self.outputs))).astype(np.float32)

    def answer(self, outputs: np.ndarray) -> str:
        """Return the values with their scales, such as `valence 3.21`."""
        return ", ".join(f"{name} {value:.3g}" for name, value in zip(self.outputs, outputs, strict=True))

    def shares(self, outputs: np.ndarray) -> np.ndarray | None:
        """Return None: a part has a value, not a class."""
        return None


def _statistics(weights: np.ndarray, true: np.ndarray, outputs: np.ndarray, mean: np.ndarray) -> dict[str, np.ndarray]:
    """Return all scores of weighted clips.

    Args:
        weights: (draws, clips).
        true: targets (clips, scales).
        outputs: of the model (clips, scales).
        mean: the training mean of each clip's fold (clips, scales).

    Returns:
        Scores per scale (draws, scales) by name, and their means over scales (draws,) as `mean_<name>`.
    """

    def averaged(values: np.ndarray) -> np.ndarray:
        return (weights @ values) / weights.sum(axis=1, keepdims=True)

    true_mean, outputs_mean = averaged(true), averaged(outputs)
    # Values are centred first: for values far from 0, the two terms of a variance would nearly cancel.
    centre = true.mean(axis=0)
    true_variance = averaged(np.square(true - centre)) - np.square(true_mean - centre)
    outputs_variance = averaged(np.square(outputs - centre)) - np.square(outputs_mean - centre)
    covariance = averaged((true - centre) * (outputs - centre)) - (true_mean - centre) * (outputs_mean - centre)
    absolute, squared = averaged(np.abs(outputs - true)), averaged(np.square(outputs - true))
    with np.errstate(invalid="ignore", divide="ignore"):  # a resample may have no variance; its score is NaN then
        found = {
            "mae": absolute,
            "relative_mae": absolute / averaged(np.abs(mean - true)),
            "rmse": np.sqrt(squared),
            "r2": 1 - squared / _positive(true_variance),
            "pearson": covariance / np.sqrt(_positive(true_variance) * _positive(outputs_variance)),
            "ccc": 2 * covariance / _positive(true_variance + outputs_variance + np.square(true_mean - outputs_mean)),
        }
    return found | {f"mean_{name}": values.mean(axis=1) for name, values in found.items()}


def _positive(variance: np.ndarray) -> np.ndarray:
    """Return a variance; NaN if it is only a rounding error."""
    return np.where(variance > 1e-12, variance, np.nan)
