"""What a task is: the protocol that every task meets, what scoring returns, and the bootstrap that intervals share.

A task knows its outputs, their targets in the manifest, the loss and the scores. Learners, the runner and the reports
ask it and know nothing of classes, tags or scales themselves.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
import pandas as pd

from common.intervals import PERCENTILES, RESAMPLES, Score, drawn_over

Mode = Literal["min", "max"]
Kind = Literal["classification", "tagging", "regression"]
Groups = Sequence[str] | np.ndarray | None
"""What clips share (a speaker, a song), one per clip; None where each clip stands for itself."""

DRAWS_AT_ONCE = 100
"""Resamples that are in memory together: a weight per clip and draw, times a few arrays of that size."""


@dataclass(frozen=True)
class Scores:
    """What a task says of predictions, as plain values that a record keeps.

    Attributes:
        metrics: overall, by name.
        per_output: by class, tag or scale: its `support` (clips), and `scores` by name; None where there is no clip.
        confusion: integers (true class, predicted class); None where a clip has not exactly one class.
    """

    metrics: dict[str, Score]
    per_output: dict[str, dict[str, Any]]
    confusion: list[list[int]] | None = None


class Task(Protocol):
    """What is predicted of a clip.

    All arrays of targets and outputs are float32 (clips, outputs): one-hot and probabilities for a classification,
    several ones and probabilities for tagging, values for a regression.

    Attributes:
        KIND: its name in records.
        HEADLINE: the metric that ranks experiments.
        SHOWN: the metrics that a finished run prints.
        LOSS: Keras' name of the loss, unless a training names another.
        MONITORS: what a training may watch, and whether less or more is better.
        MEANING: what an output is, in a word: a probability, or a value.
        outputs: names of the columns: classes, tags, scales.
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
        """The columns of the manifest that targets are made of."""

    def of(self, clips: pd.DataFrame) -> Self:
        """Return this task for the outputs that the clips have: the document's own, unless they have others.

        Raises:
            InputError: nothing could be learned from these clips.
        """

    def targets(self, clips: pd.DataFrame) -> np.ndarray:
        """Return float32 (clips, outputs)."""

    def strata(self, clips: pd.DataFrame) -> np.ndarray:
        """Return what a stratified split keeps the proportions of: a label per clip, or 0/1 (clips, outputs)."""

    def counts(self, clips: pd.DataFrame) -> dict[str, int]:
        """Count the clips of each output; empty where every clip has a value of each."""

    def keras_metrics(self) -> list[Any]:
        """Return new metrics for `compile`; each is in the history under its own name."""

    def losses(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return the default loss of each clip (clips,), as Keras computes it."""

    def constant(self, targets: np.ndarray) -> np.ndarray:
        """Return the outputs (outputs,) that are best without looking at a clip, fitted on training targets."""

    def thresholds(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return from which value on each output counts as predicted (outputs,), chosen on validation clips.

        Empty for a task without thresholds.
        """

    def logits(self, outputs: np.ndarray) -> np.ndarray:
        """Return what an ensemble may average in place of outputs (clips, outputs), float64."""

    def from_logits(self, logits: np.ndarray) -> np.ndarray:
        """Return the outputs (clips, outputs), float32, that have these logits."""

    def per_clip(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return a number per clip (clips,) that paired tests compare: a hit, an absolute error, an lwlrap."""

    def headline(self, targets: np.ndarray, outputs: np.ndarray, *, groups: Groups, seed: int) -> Score:
        """Return the headline metric alone."""

    def scores(
        self,
        targets: np.ndarray,
        outputs: np.ndarray,
        *,
        constants: np.ndarray,
        thresholds: np.ndarray,
        groups: Groups = None,
        seed: int = 0,
    ) -> Scores:
        """Score predictions, overall and per output, with 95 % intervals.

        Args:
            targets: (clips, outputs).
            outputs: (clips, outputs).
            constants: what `constant` returned for each clip's fold (clips, outputs).
            thresholds: what `thresholds` returned for each clip's fold (clips, outputs); no columns without any.
            groups: what clips share; if given, intervals are bootstrapped over groups.
            seed: of the bootstrap.
        """

    def baselines(self, targets: np.ndarray, constants: np.ndarray) -> dict[str, dict[str, float]]:
        """Return the scores of each baseline: what is reached without looking at the clips."""

    def fit_targets(self, targets: np.ndarray) -> np.ndarray:
        """Return the targets as a scikit-learn estimator takes them."""

    def probabilistic(self, estimator: Any) -> bool:
        """Return whether an estimator gives outputs of every degree, or only 0 and 1 for what it chose."""

    def estimated(self, estimator: Any, x: np.ndarray) -> np.ndarray:
        """Return the outputs of a fitted scikit-learn estimator, float32 (clips, outputs)."""

    def table(self, targets: np.ndarray, outputs: np.ndarray) -> dict[str, np.ndarray]:
        """Return the columns that `predictions.csv` has of each clip: what is true, then each output by its name."""

    def read(self, table: Mapping[str, Sequence[Any] | pd.Series]) -> tuple[np.ndarray, np.ndarray]:
        """Return targets and outputs from the columns that `table` made.

        Raises:
            ValueError, KeyError: they are not such columns.
        """

    def noise(self, clips: int, draw: np.random.Generator) -> np.ndarray:
        """Return random targets, to measure a training step with."""

    def answer(self, outputs: np.ndarray) -> str:
        """Say in a word or a number what outputs (outputs,) mean."""

    def shares(self, outputs: np.ndarray) -> np.ndarray | None:
        """Return the share of a file's parts whose answer is each output; None where an answer is not one of them.

        Args:
            outputs: of each part (parts, outputs).
        """


def bootstrap(
    statistics: Callable[[np.ndarray], Mapping[str, np.ndarray]], clips: int, *, groups: Groups, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], str]:
    """Compute statistics of weighted clips, and their percentile intervals.

    Args:
        statistics: from weights (draws, clips) to values by name, (draws,) or (draws, outputs); NaN where undefined.
        clips: how many.
        groups: what clips share; drawn in place of clips if there are enough of them.
        seed: of the draws.

    Returns:
        The values, () or (outputs,); their intervals with a last axis of low and high; and the method in words.
    """
    units, over = drawn_over(groups)
    member = np.arange(clips) if units is None else np.unique(units, return_inverse=True)[1]
    drawn = [statistics(weights) for weights in _weights(member, seed)]
    values = {name: value[0] for name, value in statistics(np.ones((1, clips))).items()}
    intervals = {name: _interval(np.concatenate([one[name] for one in drawn])) for name in values}
    return values, intervals, f"bootstrap over {over}"


def _weights(member: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each clip is drawn, (draws, clips): as often as its group."""
    draw, units = np.random.default_rng(seed), int(member.max()) + 1
    for start in range(0, RESAMPLES, DRAWS_AT_ONCE):
        size = min(DRAWS_AT_ONCE, RESAMPLES - start)
        yield draw.multinomial(units, np.full(units, 1 / units), size=size)[:, member].astype(float)


def _interval(draws: np.ndarray) -> np.ndarray:
    """Return low and high of draws (draws, ...), as the last axis; NaN for a statistic that no draw defines."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy warns where all draws are NaN
        return np.moveaxis(np.nanpercentile(draws, PERCENTILES, axis=0), 0, -1)


def score(value: float | np.ndarray, interval: np.ndarray, n: int, method: str) -> Score | None:
    """Return a score as records keep it; None where these clips do not define it.

    Percentiles of skewed draws can leave the value out; the interval is widened to hold it.
    """
    value = float(value)
    if not math.isfinite(value):
        return None
    low, high = map(float, interval)
    return {"value": value, "interval": [min(low, value), max(high, value)], "n": n, "method": method}
