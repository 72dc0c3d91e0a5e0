"""Single-label classification: targets, scores with their 95 % intervals, baselines."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from common.intervals import RESAMPLES, Interval, Score, drawn_over, percentiles, wilson, wilson_over

EPSILON = 1e-7
"""What probabilities are kept away from 0 and 1 by, as in Keras."""


def clip_count(manifest: pd.DataFrame, classes: Sequence[str]) -> dict[str, int]:
    """Count the clips of each class, in the order of the classes."""
    counts = manifest["label"].value_counts()
    return {name: int(counts.get(name, 0)) for name in classes}


def one_hot(labels: Sequence[str] | pd.Series, classes: Sequence[str]) -> np.ndarray:
    """Return float32 targets (clips, classes)."""
    number = {name: place for place, name in enumerate(classes)}
    return np.eye(len(classes), dtype=np.float32)[[number[label] for label in labels]]


def classification(
    true: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    classes: Sequence[str],
    *,
    groups: Sequence[str] | np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Score predictions as the record keeps them: `metrics`, `per_output`, `confusion`.

    Means are over the classes that the clips have. A class without clips has null scores and support 0; a class that
    is never predicted has precision 0.

    Args:
        true: class numbers (clips,).
        predicted: class numbers (clips,).
        classes: names in the order of the numbers.
        groups: what clips share (a speaker); if given, every interval is bootstrapped over groups, where there are at
            least `FEWEST_GROUPS` of them.
        seed: of the bootstrap.

    Returns:
        Values, intervals and counts as plain Python numbers; the confusion has true classes as rows.
    """
    groups, over = drawn_over(groups)
    counts = group_confusions(true, predicted, len(classes), groups)
    confusion = counts.sum(axis=0)
    draws = _scores(_resampled(counts, by_group=groups is not None, seed=seed))
    values = _scores(confusion[None])
    return {
        "metrics": _overall(values, draws, confusion, over, exact=groups is None),
        "per_output": _per_output(values, draws, confusion, classes, over, exact=groups is None),
        "confusion": confusion.tolist(),
    }


def cross_entropy(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the categorical cross-entropy of each clip in nats, as Keras computes it.

    Args:
        targets: one-hot (clips, classes).
        probabilities: (clips, classes).
    """
    of_the_true = (targets * probabilities).sum(axis=1, dtype=np.float64)
    return -np.log(np.clip(of_the_true, EPSILON, 1 - EPSILON))


def baselines(
    folds: Sequence[tuple[Sequence[str] | np.ndarray, Sequence[str] | np.ndarray]], classes: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return the accuracies of predictions that ignore the clips: `majority`, the training clips' class, and `chance`.

    Args:
        folds: the labels of the training clips and of the test clips of each fold.
        classes: all of them; of classes with equally many training clips, the first is the majority class.
    """
    hits = tested = 0
    for train, test in folds:
        majority = max(classes, key=[*train].count)
        hits, tested = hits + [*test].count(majority), tested + len(test)
    return {"majority": {"accuracy": hits / tested}, "chance": {"accuracy": 1 / len(classes)}}


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


def bootstrap_difference(
    first: np.ndarray, second: np.ndarray, score: str = "accuracy", *, by_group: bool = False, seed: int = 0
) -> Interval:
    """Return the bootstrap interval of a score's difference between two *independent* sets of predictions.

    Args:
        first: confusions (groups, classes, classes) as `group_confusions` counts them.
        second: the same for the other predictions.
        score: `accuracy`, or `macro_` or `weighted_` with `precision`, `recall` or `f1`.
        by_group: resample groups; otherwise clips.
        seed: of the bootstrap.
    """
    one = _scores(_resampled(first, by_group=by_group, seed=seed))[score]
    other = _scores(_resampled(second, by_group=by_group, seed=seed + 1))[score]
    return percentiles(one - other)


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


def _per_output(
    values: dict[str, np.ndarray],
    draws: dict[str, np.ndarray],
    confusion: np.ndarray,
    classes: Sequence[str],
    over: str,
    *,
    exact: bool,
) -> dict[str, dict[str, Any]]:
    trials = {"precision": confusion.sum(axis=0), "recall": confusion.sum(axis=1)}
    rows: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(classes):
        support = int(confusion[number].sum())
        scores: dict[str, Score | None] = {}
        for score in ("precision", "recall", "f1"):
            value = float(values[score][0, number])
            if support == 0:
                scores[score] = None
                continue
            if exact and score in trials:
                interval, method = wilson(value, int(trials[score][number])), wilson_over(over)
            else:
                interval, method = percentiles(draws[score][:, number]), f"bootstrap over {over}"
            scores[score] = {"value": value, "interval": list(interval), "n": support, "method": method}
        rows[name] = {"support": support, "scores": scores}
    return rows
