"""Single-label classification: each clip has exactly one class.

Proportions of clips (accuracy, recall, precision) have Wilson's interval as long as clips are independent; F1 and means
over classes have a bootstrap. Where clips share a speaker or a song, everything is bootstrapped over these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from common.errors import InputError
from common.intervals import (
    RESAMPLES,
    Score,
    drawn_over,
    mean_score,
    percentiles,
    wilson,
    wilson_over,
)
from common.tasks.task import Groups, Kind, Mode, Scores

EPSILON = 1e-7
"""What probabilities are kept away from 0 and 1 by, as in Keras."""

PER_CLASS = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Classification:
    """Which of several classes a clip has; the manifest says it in `label`.

    Attributes:
        outputs: the classes, in the document's order.
    """

    outputs: tuple[str, ...]

    KIND: ClassVar[Kind] = "classification"
    HEADLINE: ClassVar[str] = "accuracy"
    SHOWN: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1")
    LOSS: ClassVar[str] = "categorical_crossentropy"
    MONITORS: ClassVar[Mapping[str, Mode]] = MappingProxyType({"val_loss": "min", "val_accuracy": "max"})
    MEANING: ClassVar[str] = "probability"

    @property
    def columns(self) -> tuple[str, ...]:
        """The label."""
        return ("label",)

    def of(self, clips: pd.DataFrame) -> Self:
        """Return the task with the document's classes or, where the clips have others, with theirs.

        Raises:
            InputError: the clips have fewer than two classes.
        """
        found = set(clips["label"])
        if len(found) < 2:
            raise InputError(f"all clips are labelled {', '.join(found)}: a classifier needs at least two classes")
        return self if found <= set(self.outputs) else replace(self, outputs=tuple(sorted(found)))

    def targets(self, clips: pd.DataFrame) -> np.ndarray:
        """Return one-hot targets, float32 (clips, classes)."""
        number = {name: place for place, name in enumerate(self.outputs)}
        return np.eye(len(self.outputs), dtype=np.float32)[[number[label] for label in clips["label"]]]

    def strata(self, clips: pd.DataFrame) -> np.ndarray:
        """Return the label of each clip."""
        return clips["label"].to_numpy()

    def counts(self, clips: pd.DataFrame) -> dict[str, int]:
        """Count the clips of each class, in the order of the classes."""
        counts = clips["label"].value_counts()
        return {name: int(counts.get(name, 0)) for name in self.outputs}

    def keras_metrics(self) -> list[Any]:
        """Return the accuracy."""
        return ["accuracy"]

    def losses(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return the categorical cross-entropy of each clip in nats (clips,), as Keras computes it."""
        of_the_true = (targets * outputs).sum(axis=1, dtype=np.float64)
        return -np.log(np.clip(of_the_true, EPSILON, 1 - EPSILON))

    def constant(self, targets: np.ndarray) -> np.ndarray:
        """Return the majority class of the training clips, one-hot."""
        return np.eye(len(self.outputs), dtype=np.float32)[targets.sum(axis=0).argmax()]

    def thresholds(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return none: a clip has the class of the highest probability."""
        return np.empty(0)

    def logits(self, outputs: np.ndarray) -> np.ndarray:
        """Return the logarithms of the probabilities."""
        return np.log(np.maximum(outputs.astype(np.float64), EPSILON))

    def from_logits(self, logits: np.ndarray) -> np.ndarray:
        """Return the softmax."""
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)

    def per_clip(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return 1 for each clip whose class is the likeliest output, else 0 (clips,)."""
        return (outputs.argmax(axis=1) == targets.argmax(axis=1)).astype(float)

    def headline(self, targets: np.ndarray, outputs: np.ndarray, *, groups: Groups, seed: int) -> Score:
        """Return the accuracy."""
        return mean_score(self.per_clip(targets, outputs), groups=groups, proportion=True, seed=seed)

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
        """Return accuracy, macro and weighted means, and each class' precision, recall and F1.

        Means are over the classes that the clips have. A class without clips has support 0 and no scores; one that is
        never predicted has precision 0. The arguments are those of `Task.scores`.
        """
        return classification(targets.argmax(axis=1), outputs.argmax(axis=1), self.outputs, groups=groups, seed=seed)

    def baselines(self, targets: np.ndarray, constants: np.ndarray) -> dict[str, dict[str, float]]:
        """Return the accuracy of the majority class of the training clips, and that of chance."""
        majority = float(self.per_clip(targets, constants).mean())
        return {"majority": {"accuracy": majority}, "chance": {"accuracy": 1 / len(self.outputs)}}

    def fit_targets(self, targets: np.ndarray) -> np.ndarray:
        """Return class numbers (clips,)."""
        return targets.argmax(axis=1)

    def probabilistic(self, estimator: Any) -> bool:
        """Return whether the estimator has probabilities: a one-vs-one SVM has votes only."""
        return hasattr(estimator, "predict_proba")

    def estimated(self, estimator: Any, x: np.ndarray) -> np.ndarray:
        """Return class probabilities; 1 for the chosen class where there are none, 0 for a class never trained on."""
        if not self.probabilistic(estimator):
            return np.eye(len(self.outputs), dtype=np.float32)[estimator.predict(x)]
        probabilities = np.zeros((len(x), len(self.outputs)), np.float32)
        probabilities[:, estimator.classes_] = estimator.predict_proba(x)
        return probabilities

    def table(self, targets: np.ndarray, outputs: np.ndarray) -> dict[str, np.ndarray]:
        """Return the names of the true and the predicted class, then the probability of each class."""
        names = np.asarray(self.outputs)
        said = {"true": names[targets.argmax(axis=1)], "predicted": names[outputs.argmax(axis=1)]}
        return said | dict(zip(self.outputs, outputs.T, strict=True))

    def read(self, table: Mapping[str, Sequence[Any] | pd.Series]) -> tuple[np.ndarray, np.ndarray]:
        """Return targets and outputs; where no probabilities were kept, 1 for the predicted class.

        Raises:
            ValueError, KeyError: a column is missing, or a class is unknown.
        """
        number = {name: place for place, name in enumerate(self.outputs)}
        eye = np.eye(len(self.outputs), dtype=np.float32)
        targets, chosen = (eye[[number[name] for name in table[column]]] for column in ("true", "predicted"))
        if self.outputs[0] not in table:
            return targets, chosen
        return targets, np.column_stack([np.asarray(table[name], np.float32) for name in self.outputs])

    def noise(self, clips: int, draw: np.random.Generator) -> np.ndarray:
        """Return random classes, one-hot."""
        return np.eye(len(self.outputs), dtype=np.float32)[draw.integers(0, len(self.outputs), clips)]

    def answer(self, outputs: np.ndarray) -> str:
        """Return the likeliest class."""
        return self.outputs[int(outputs.argmax())]

    def shares(self, outputs: np.ndarray) -> np.ndarray | None:
        """Return the share of parts whose likeliest class each one is (classes,)."""
        return np.bincount(outputs.argmax(axis=1), minlength=len(self.outputs)) / len(outputs)


def classification(
    true: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    classes: Sequence[str],
    *,
    groups: Groups = None,
    seed: int = 0,
) -> Scores:
    """Score predicted classes.

    Args:
        true: class numbers (clips,).
        predicted: class numbers (clips,).
        classes: names in the order of the numbers.
        groups: what clips share (a speaker); if given, every interval is bootstrapped over groups, where there are at
            least `FEWEST_GROUPS` of them.
        seed: of the bootstrap.
    """
    drawn, over = drawn_over(groups)
    counts = group_confusions(true, predicted, len(classes), drawn)
    confusion = counts.sum(axis=0)
    draws = _scores(_resampled(counts, by_group=drawn is not None, seed=seed))
    values = _scores(confusion[None])
    return Scores(
        _overall(values, draws, confusion, over, exact=drawn is None),
        _per_class(values, draws, confusion, classes, over, exact=drawn is None),
        confusion.tolist(),
    )


def group_confusions(
    true: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    n_classes: int,
    groups: Sequence[str] | np.ndarray | None = None,
) -> np.ndarray:
    """Count confusions per group: integers (groups, true classes, predicted classes); one group if none are given."""
    true, predicted = np.asarray(true, dtype=int), np.asarray(predicted, dtype=int)
    if groups is None:
        names, member = np.zeros(1), np.zeros(len(true), dtype=int)
    else:
        names, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    counts = np.zeros((len(names), n_classes, n_classes), dtype=int)
    np.add.at(counts, (member, true, predicted), 1)
    return counts


def _resampled(counts: np.ndarray, *, by_group: bool, seed: int) -> np.ndarray:
    """Draw confusions (resamples, classes, classes).

    Resampling clips with replacement is a multinomial draw over the cells; resampling groups is one over the groups.
    """
    draw = np.random.default_rng(seed)
    groups, size, _ = counts.shape
    if by_group:
        weights = draw.multinomial(groups, np.full(groups, 1 / groups), size=RESAMPLES)
        return (weights @ counts.reshape(groups, -1)).reshape(-1, size, size)
    cells = counts.sum(axis=0).ravel()
    return draw.multinomial(cells.sum(), cells / cells.sum(), size=RESAMPLES).reshape(-1, size, size)


def _scores(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """Score confusions (draws, classes, classes): per class (draws, classes), NaN without clips; means (draws,)."""
    hits = np.diagonal(confusions, axis1=1, axis2=2).astype(float)
    support, guesses = confusions.sum(axis=2), confusions.sum(axis=1)
    present = support > 0
    per_class = {
        "precision": np.where(present, hits / np.maximum(guesses, 1), np.nan),
        "recall": np.where(present, hits / np.maximum(support, 1), np.nan),
        "f1": np.where(present, 2 * hits / np.maximum(guesses + support, 1), np.nan),
    }
    means = {"accuracy": hits.sum(axis=1) / support.sum(axis=1)}
    for name, scores in per_class.items():
        means[f"macro_{name}"] = np.nansum(scores, axis=1) / present.sum(axis=1)
        means[f"weighted_{name}"] = np.nansum(scores * support, axis=1) / support.sum(axis=1)
    return per_class | means


def _overall(
    values: dict[str, np.ndarray], draws: dict[str, np.ndarray], confusion: np.ndarray, over: str, *, exact: bool
) -> dict[str, Any]:
    n, method = int(confusion.sum()), f"bootstrap over {over}"
    names = [
        "accuracy",
        *(f"{mean}_{score}" for mean in ("macro", "weighted") for score in ("f1", "precision", "recall")),
    ]
    overall = {
        name: {"value": float(values[name][0]), "interval": list(percentiles(draws[name])), "n": n, "method": method}
        for name in names
    }
    for name in ("accuracy", "weighted_recall") if exact else ():  # the same proportion under two names
        overall[name] |= {"interval": list(wilson(float(values[name][0]), n)), "method": wilson_over(over)}
    return overall


def _per_class(
    values: dict[str, np.ndarray],
    draws: dict[str, np.ndarray],
    confusion: np.ndarray,
    classes: Sequence[str],
    over: str,
    *,
    exact: bool,
) -> dict[str, dict[str, Any]]:
    """Return each class' row; n of its scores is its support."""
    trials = {"precision": confusion.sum(axis=0), "recall": confusion.sum(axis=1)}
    rows: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(classes):
        support = int(confusion[number].sum())
        scores: dict[str, Score | None] = dict.fromkeys(PER_CLASS)
        for kind in PER_CLASS if support else ():
            value, method = float(values[kind][0, number]), f"bootstrap over {over}"
            interval = percentiles(draws[kind][:, number])
            if exact and kind in trials:
                interval, method = wilson(value, int(trials[kind][number])), wilson_over(over)
            scores[kind] = {"value": value, "interval": list(interval), "n": support, "method": method}
        rows[name] = {"support": support, "scores": scores}
    return rows
