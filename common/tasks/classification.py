"""Single-label classification: each clip has exactly one class.

For independent clips, proportions (accuracy, recall, precision) have Wilson intervals; F1 and means over classes have
bootstrap intervals. If clips share a speaker or a song, all intervals are bootstrapped over speakers or songs.
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
    open_ended,
    percentiles,
    wilson,
    wilson_over,
)
from common.tasks.task import EPSILON, Groups, Kind, Mode, Pooled, Scores

PER_CLASS = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Classification:
    """The class of a clip; it is the column `label` of the manifest.

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

    def of(self, clips: pd.DataFrame, *, own: bool = False) -> Self:
        """Return the task with the document's classes or, if the clips are your own or have others, with theirs.

        Raises:
            InputError: the clips have fewer than two classes, or one has no label.
        """
        found = set(clips["label"])
        if "" in found:
            unlabelled = int((clips["label"] == "").sum())
            raise InputError(f"{unlabelled} of {len(clips)} clips have no label; add a column label to their table")
        if len(found) < 2:
            raise InputError(f"all clips are labelled {', '.join(found)}: a classifier needs at least two classes")
        if found <= set(self.outputs):  # in the document's order
            return replace(self, outputs=tuple(name for name in self.outputs if name in found)) if own else self
        return replace(self, outputs=tuple(sorted(found)))

    def targets(self, clips: pd.DataFrame) -> np.ndarray:
        """Return one-hot targets, float32 (clips, classes)."""
        number = {name: place for place, name in enumerate(self.outputs)}
        return np.eye(len(self.outputs), dtype=np.float32)[[number[label] for label in clips["label"]]]

    def strata(self, clips: pd.DataFrame) -> np.ndarray:
        """Return the label of each clip."""
        return clips["label"].to_numpy()

    def counts(self, clips: pd.DataFrame) -> dict[str, int]:
        """Return the number of clips of each class, in the order of the classes."""
        counts = clips["label"].value_counts()
        return {name: int(counts.get(name, 0)) for name in self.outputs}

    def keras_metrics(self) -> list[Any]:
        """Return the accuracy."""
        return ["accuracy"]

    def losses(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return the categorical cross-entropy of each clip (clips,) in nats, as in Keras."""
        of_the_true = (targets * outputs).sum(axis=1, dtype=np.float64)
        return -np.log(np.clip(of_the_true, EPSILON, 1 - EPSILON))

    def constant(self, targets: np.ndarray) -> np.ndarray:
        """Return the majority class of the training clips, one-hot."""
        # Of equal classes argmax takes the first, whatever the order of the clips.
        return np.eye(len(self.outputs), dtype=np.float32)[targets.sum(axis=0).argmax()]

    def thresholds(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return an empty array: the predicted class is the one with the highest probability."""
        return np.empty(0)

    def logits(self, outputs: np.ndarray) -> np.ndarray:
        """Return the logarithms of the probabilities."""
        return np.log(np.maximum(outputs.astype(np.float64), EPSILON))

    def from_logits(self, logits: np.ndarray) -> np.ndarray:
        """Return the softmax."""
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))  # less the maximum, so that nothing overflows
        return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)

    def per_clip(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return 1 for each clip that is classified correctly, else 0 (clips,)."""
        return (outputs.argmax(axis=1) == targets.argmax(axis=1)).astype(float)

    def headline(self, targets: np.ndarray, outputs: np.ndarray, *, groups: Groups, seed: int) -> Score:
        """Return the accuracy."""
        return mean_score(self.per_clip(targets, outputs), groups=groups, proportion=True, seed=seed)

    def scores(self, pooled: Pooled, *, groups: Groups = None, seed: int = 0) -> Scores:
        """Return accuracy, macro and weighted means, and precision, recall and F1 of each class.

        Classes without clips have support 0, no scores and no part in the means. A class that is never predicted has
        precision 0.
        """
        true, predicted = pooled.targets.argmax(axis=1), pooled.outputs.argmax(axis=1)
        return classification(true, predicted, self.outputs, groups=groups, seed=seed)

    def baselines(self, targets: np.ndarray, constants: np.ndarray) -> dict[str, dict[str, float]]:
        """Return the accuracy of the majority-class baseline, fitted on training clips, and of random guessing."""
        majority = float(self.per_clip(targets, constants).mean())
        return {"majority": {"accuracy": majority}, "chance": {"accuracy": 1 / len(self.outputs)}}

    def fit_targets(self, targets: np.ndarray) -> np.ndarray:
        """Return class numbers (clips,)."""
        return targets.argmax(axis=1)

    def probabilistic(self, estimator: Any) -> bool:
        """Return whether the estimator has probabilities; a one-vs-one SVM has only votes."""
        return hasattr(estimator, "predict_proba")

    def estimated(self, estimator: Any, x: np.ndarray) -> np.ndarray:
        """Return class probabilities (clips, classes); without them, 1 for the predicted class."""
        if not self.probabilistic(estimator):
            return np.eye(len(self.outputs), dtype=np.float32)[estimator.predict(x)]
        probabilities = np.zeros((len(x), len(self.outputs)), np.float32)
        # The estimator knows only the classes of its training clips; the others have probability 0.
        probabilities[:, estimator.classes_] = estimator.predict_proba(x)
        return probabilities

    def table(self, targets: np.ndarray, outputs: np.ndarray) -> dict[str, np.ndarray]:
        """Return `true` and `predicted` (names of classes), then the probability of each class."""
        names = np.asarray(self.outputs)
        chosen = {"true": names[targets.argmax(axis=1)], "predicted": names[outputs.argmax(axis=1)]}
        return chosen | dict(zip(self.outputs, outputs.T, strict=True))

    def read(self, table: Mapping[str, Sequence[Any] | pd.Series]) -> tuple[np.ndarray, np.ndarray]:
        """Return targets and outputs; without probabilities in the table, 1 for the predicted class.

        Raises:
            ValueError, KeyError: a column is missing, or a class is unknown.
        """
        number = {name: place for place, name in enumerate(self.outputs)}
        eye = np.eye(len(self.outputs), dtype=np.float32)
        targets, chosen = (eye[[number[name] for name in table[column]]] for column in ("true", "predicted"))
        if self.outputs[0] not in table:  # the table may have choices only
            return targets, chosen
        return targets, np.column_stack([np.asarray(table[name], np.float32) for name in self.outputs])

    def noise(self, clips: int, draw: np.random.Generator) -> np.ndarray:
        """Return random classes, one-hot."""
        return np.eye(len(self.outputs), dtype=np.float32)[draw.integers(0, len(self.outputs), clips)]

    def answer(self, outputs: np.ndarray) -> str:
        """Return the class with the highest probability."""
        return self.outputs[int(outputs.argmax())]

    def shares(self, outputs: np.ndarray) -> np.ndarray | None:
        """Return the fraction of parts that each class has the highest probability for (classes,)."""
        return np.bincount(outputs.argmax(axis=1), minlength=len(self.outputs)) / len(outputs)


def classification(
    true: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    classes: Sequence[str],
    *,
    groups: Groups = None,
    seed: int = 0,
) -> Scores:
    """Return the scores of predicted classes.

    Args:
        true: class numbers (clips,).
        predicted: class numbers (clips,).
        classes: names in the order of the numbers.
        groups: the group of each clip, such as its speaker. If there are at least `FEWEST_GROUPS` groups, all intervals
            are bootstrapped over groups.
        seed: seed of the bootstrap.
    """
    drawn, over = drawn_over(groups)
    counts, by_group = group_confusions(true, predicted, len(classes), drawn), drawn is not None
    confusion = counts.sum(axis=0)
    draws = _scores(_resampled(counts, by_group=by_group, seed=seed))
    values = _scores(confusion[None])
    return Scores(
        _overall(values, draws, counts, over, by_group=by_group),
        _per_class(values, draws, counts, classes, over, by_group=by_group),
        confusion.tolist(),
    )


def group_confusions(
    true: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    n_classes: int,
    groups: Sequence[str] | np.ndarray | None = None,
) -> np.ndarray:
    """Return the confusion matrix of each group, integers (groups, true, predicted); without groups there is one."""
    true, predicted = np.asarray(true, dtype=int), np.asarray(predicted, dtype=int)
    if groups is None:
        names, member = np.zeros(1), np.zeros(len(true), dtype=int)
    else:
        names, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    counts = np.zeros((len(names), n_classes, n_classes), dtype=int)
    np.add.at(counts, (member, true, predicted), 1)
    return counts


def _resampled(counts: np.ndarray, *, by_group: bool, seed: int) -> np.ndarray:
    """Return the confusion matrices of bootstrap resamples (resamples, classes, classes)."""
    # Drawing clips with replacement is a multinomial draw over the cells; drawing groups is one over the groups. So no
    # resample of clips has to be made.
    draw = np.random.default_rng(seed)
    groups, size, _ = counts.shape
    if by_group:
        weights = draw.multinomial(groups, np.full(groups, 1 / groups), size=RESAMPLES)
        return (weights @ counts.reshape(groups, -1)).reshape(-1, size, size)
    cells = counts.sum(axis=0).ravel()
    return draw.multinomial(cells.sum(), cells / cells.sum(), size=RESAMPLES).reshape(-1, size, size)


def _scores(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scores of confusion matrices (draws, classes, classes).

    Scores of classes have shape (draws, classes) and are NaN for classes without clips; means have shape (draws,).
    """
    hits = np.diagonal(confusions, axis1=1, axis2=2).astype(float)
    support, guesses = confusions.sum(axis=2), confusions.sum(axis=1)
    present = support > 0  # in a resample, a class may have no clips
    # At least 1, because a class that is never predicted divides 0 hits by 0 guesses.
    per_class = {
        "precision": np.where(present, hits / np.maximum(guesses, 1), np.nan),
        "recall": np.where(present, hits / np.maximum(support, 1), np.nan),
        "f1": np.where(present, 2 * hits / np.maximum(guesses + support, 1), np.nan),
    }
    means = {"accuracy": hits.sum(axis=1) / support.sum(axis=1)}
    for name, scores in per_class.items():
        # `nansum` and `present` leave classes without clips out of the mean.
        means[f"macro_{name}"] = np.nansum(scores, axis=1) / present.sum(axis=1)
        means[f"weighted_{name}"] = np.nansum(scores * support, axis=1) / support.sum(axis=1)
    return per_class | means


def _overall(
    values: dict[str, np.ndarray], draws: dict[str, np.ndarray], counts: np.ndarray, over: str, *, by_group: bool
) -> dict[str, Any]:
    n, method = int(counts.sum()), f"bootstrap over {over}"
    drawn = len(counts) if by_group else n
    names = [
        "accuracy",
        *(f"{mean}_{score}" for mean in ("macro", "weighted") for score in ("f1", "precision", "recall")),
    ]
    overall: dict[str, Any] = {}
    for name in names:
        value = float(values[name][0])
        interval = open_ended(value, percentiles(draws[name]), drawn)
        overall[name] = {"value": value, "interval": list(interval), "n": n, "method": method}
    # Wilson's interval is for proportions. Weighted recall is the accuracy under another name.
    for name in () if by_group else ("accuracy", "weighted_recall"):
        overall[name] |= {"interval": list(wilson(overall[name]["value"], n)), "method": wilson_over(over)}
    return overall


def _per_class(
    values: dict[str, np.ndarray],
    draws: dict[str, np.ndarray],
    counts: np.ndarray,
    classes: Sequence[str],
    over: str,
    *,
    by_group: bool,
) -> dict[str, dict[str, Any]]:
    """Return support and scores of each class."""
    units, support = _units(counts, by_group=by_group), counts.sum(axis=(0, 2))
    rows: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(classes):
        scores: dict[str, Score | None] = dict.fromkeys(PER_CLASS)
        for kind in PER_CLASS if support[number] else ():
            value, n = float(values[kind][0, number]), int(units[kind][number])
            interval, method = open_ended(value, percentiles(draws[kind][:, number]), n), f"bootstrap over {over}"
            if not by_group and kind != "f1":
                interval, method = wilson(value, n), wilson_over(over)
            scores[kind] = {"value": value, "interval": list(interval), "n": int(support[number]), "method": method}
        rows[name] = {"support": int(support[number]), "scores": scores}
    return rows


def _units(counts: np.ndarray, *, by_group: bool) -> dict[str, np.ndarray]:
    """Return how many clips, or groups, the scores of each class depend on (classes,).

    Precision is a fraction of the clips that are predicted as the class, recall of those that are of it.
    """
    of_class, predicted = counts.sum(axis=2), counts.sum(axis=1)  # (groups, classes)
    if by_group:
        of_class, predicted = of_class > 0, predicted > 0
    return {"precision": predicted.sum(axis=0), "recall": of_class.sum(axis=0), "f1": of_class.sum(axis=0)}
