"""The protocol of all tasks, the scores that they return, and the bootstrap of their intervals.

A task defines outputs, targets, loss and scores. Learners, runner and reports use only this protocol, so they work for
classes, tags and scales.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
import pandas as pd

from common.intervals import PERCENTILES, RESAMPLES, Interval, Score, drawn_over

Mode = Literal["min", "max"]
Kind = Literal["classification", "tagging", "regression"]
Groups = Sequence[str] | np.ndarray | None
"""The group of each clip, such as its speaker or song; None if clips are independent."""

EPSILON = 1e-7
"""Probabilities are clipped to [EPSILON, 1 - EPSILON] before a logarithm, as in Keras."""

DRAWS_AT_ONCE = 100
"""Number of resamples in memory at a time; each needs a weight per clip, in a few arrays."""


@dataclass(frozen=True)
class Pooled:
    """The test clips of a run, fold after fold; arrays are (clips, outputs).

    Attributes:
        targets: what is true.
        outputs: what the method returned.
        constants: the `constant` of each clip's fold, from its training clips.
        thresholds: the `thresholds` of each clip's fold, from its validation clips; no columns for a task without them.
    """

    targets: np.ndarray
    outputs: np.ndarray
    constants: np.ndarray
    thresholds: np.ndarray


@dataclass(frozen=True)
class Scores:
    """The scores of predictions, as plain values for a record.

    Attributes:
        metrics: overall scores by name.
        per_output: for each class, tag or scale its `support` (number of clips) and its `scores` by name; a score is
            None if there are no clips.
        confusion: integers (true class, predicted class); None for tasks other than classification.
    """

    metrics: dict[str, Score]
    per_output: dict[str, dict[str, Any]]
    confusion: list[list[int]] | None = None


class Task(Protocol):
    """What is predicted for a clip.

    Targets and outputs are float32 arrays (clips, outputs). Classification: one-hot targets, and probabilities.
    Tagging: targets with several ones, and probabilities. Regression: values.

    Attributes:
        KIND: its name in records.
        HEADLINE: the metric by which experiments are compared.
        SHOWN: the metrics that are printed after a run.
        LOSS: Keras' name of the default loss.
        MONITORS: the scores that a training may monitor, and whether the lowest or the highest is best.
        MEANING: what an output is: `probability` or `value`.
        outputs: names of the outputs: classes, tags or scales.
    """

    KIND: ClassVar[Kind]
    HEADLINE: ClassVar[str]
    SHOWN: ClassVar[tuple[str, ...]]
    LOSS: ClassVar[str]
    MONITORS: ClassVar[Mapping[str, Mode]]
    MEANING: ClassVar[str]

    @property
    def outputs(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the manifest that the targets are made from."""

    def of(self, clips: pd.DataFrame, *, own: bool = False) -> Self:
        """Return this task, with the document's outputs or, if the clips have others, with those of the clips.

        Args:
            clips: a row per clip, with `columns`.
            own: they are all of a corpus of your own: outputs of the document that no clip has are left out.

        Raises:
            InputError: nothing can be learned from these clips.
        """

    def targets(self, clips: pd.DataFrame) -> np.ndarray:
        """Return the targets of clips, float32 (clips, outputs)."""

    def strata(self, clips: pd.DataFrame) -> np.ndarray:
        """Return the strata of a stratified split: one label per clip (clips,), or 0 and 1 (clips, outputs)."""

    def counts(self, clips: pd.DataFrame) -> dict[str, int]:
        """Return the number of clips of each output; empty for a regression."""

    def keras_metrics(self) -> list[Any]:
        """Return new metrics for `compile`; the history has them by their names."""

    def losses(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return the default loss of each clip (clips,), as Keras computes it."""

    def constant(self, targets: np.ndarray) -> np.ndarray:
        """Return the constant outputs of the baseline (outputs,), fitted on training targets (clips, outputs)."""

    def thresholds(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return the threshold of each output (outputs,), chosen on validation clips; empty without thresholds."""

    def logits(self, outputs: np.ndarray) -> np.ndarray:
        """Return the logits of outputs, float64 (clips, outputs)."""

    def from_logits(self, logits: np.ndarray) -> np.ndarray:
        """Return the outputs of logits, float32 (clips, outputs)."""

    def per_clip(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return a score per clip (clips,) for paired tests: a hit (0 or 1), an absolute error, or lwlrap."""

    def headline(self, targets: np.ndarray, outputs: np.ndarray, *, groups: Groups, seed: int) -> Score:
        """Return only the headline metric, with its interval."""

    def scores(self, pooled: Pooled, *, groups: Groups = None, seed: int = 0) -> Scores:
        """Return scores overall and per output, with 95 % CIs.

        Args:
            pooled: the test clips.
            groups: the group of each clip; if given, intervals are bootstrapped over groups.
            seed: seed of the bootstrap.
        """

    def baselines(self, targets: np.ndarray, constants: np.ndarray) -> dict[str, dict[str, float]]:
        """Return the scores of each baseline, given targets and constants as in `Pooled`."""

    def fit_targets(self, targets: np.ndarray) -> np.ndarray:
        """Return the targets in the form that scikit-learn estimators need."""

    def probabilistic(self, estimator: Any) -> bool:
        """Return whether an estimator gives probabilities or values; False: only 0 and 1, for its choice."""

    def estimated(self, estimator: Any, x: np.ndarray) -> np.ndarray:
        """Return the outputs of a fitted scikit-learn estimator, float32 (clips, outputs)."""

    def table(self, targets: np.ndarray, outputs: np.ndarray) -> dict[str, np.ndarray]:
        """Return the columns of `predictions.csv`: the true ones, then each output by its name."""

    def read(self, table: Mapping[str, Sequence[Any] | pd.Series]) -> tuple[np.ndarray, np.ndarray]:
        """Return targets and outputs, (clips, outputs) each, from the columns that `table` returned.

        Raises:
            ValueError, KeyError: a column is missing or has other values.
        """

    def noise(self, clips: int, draw: np.random.Generator) -> np.ndarray:
        """Return random targets (clips, outputs), to measure the time of a training step."""

    def answer(self, outputs: np.ndarray) -> str:
        """Return the prediction in words or numbers, given the outputs for one file (outputs,)."""

    def shares(self, outputs: np.ndarray) -> np.ndarray | None:
        """Return the fraction of a file's parts that each class has the highest output for; None without classes.

        Args:
            outputs: outputs of each part (parts, outputs).
        """


def bootstrap(
    statistics: Callable[[np.ndarray], Mapping[str, np.ndarray]], clips: int, *, groups: Groups, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], str]:
    """Return statistics of clips with their bootstrap percentile intervals.

    A resample is given by the weights of the clips: how often each was drawn.

    Args:
        statistics: function from weights (draws, clips) to statistics by name, (draws,) or (draws, outputs) each; NaN
            where a statistic is undefined.
        clips: number of clips.
        groups: the group of each clip; groups are drawn instead of clips if there are enough of them.
        seed: seed of the draws.

    Returns:
        The statistics, () or (outputs,) each; their 95 % CIs, with low and high on the last axis; the method in words.
    """
    units, over = drawn_over(groups)
    member = np.arange(clips) if units is None else np.unique(units, return_inverse=True)[1]
    drawn = [statistics(weights) for weights in _weights(member, seed)]
    values = {name: value[0] for name, value in statistics(np.ones((1, clips))).items()}  # weights of 1: all clips once
    intervals = {name: _interval(np.concatenate([one[name] for one in drawn])) for name in values}
    return values, intervals, f"bootstrap over {over}"


def _weights(member: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """Yield the weights of the clips, (draws, clips): a clip is drawn as often as its group."""
    draw, units = np.random.default_rng(seed), int(member.max()) + 1
    for start in range(0, RESAMPLES, DRAWS_AT_ONCE):
        size = min(DRAWS_AT_ONCE, RESAMPLES - start)
        yield draw.multinomial(units, np.full(units, 1 / units), size=size)[:, member].astype(float)


def _interval(draws: np.ndarray) -> np.ndarray:
    """Return the percentiles of draws (draws, ...), low and high on the last axis; NaN if all draws are NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy warns where all draws are NaN
        return np.moveaxis(np.nanpercentile(draws, PERCENTILES, axis=0), 0, -1)


def score(value: float | np.ndarray, interval: np.ndarray | Interval, n: int, method: str) -> Score | None:
    """Return a score in the form of records; None if it is undefined for these clips."""
    value = float(value)
    if not math.isfinite(value):
        return None
    low, high = map(float, interval)
    # The percentiles of a skewed bootstrap distribution may exclude the value; the interval is widened to contain it.
    return {"value": value, "interval": [min(low, value), max(high, value)], "n": n, "method": method}
