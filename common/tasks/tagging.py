"""Tagging: each clip has any number of tags, and each tag has its own probability."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from common.errors import InputError
from common.intervals import Score, drawn_over, open_ended
from common.tasks.task import EPSILON, Groups, Kind, Mode, Pooled, Scores, bootstrap, score

SEPARATOR = ","
"""Separates the tags of a clip in the manifest and in `predictions.csv`, as in the tables of FSDKaggle2019."""


OVERALL = (
    "lwlrap",
    "macro_pr_auc",
    "micro_pr_auc",
    "macro_roc_auc",
    "micro_roc_auc",
    "macro_f1",
    "micro_f1",
)
RAISED = ("macro_pr_auc", "micro_pr_auc", "tag_average_precision")
"""Scores that are too high on few clips: random outputs reach more than a tag's share of the clips, which is what they
reach on many.

A resample has copies of positive clips, which stand at the same rank, so that its score is higher once more. The
intervals are those of the basic bootstrap: as far below the value as the percentiles are above it, and the other way
round. In 60 simulations of random outputs for 100 clips and nine tags, they covered the macro PR-AUC of many clips in
85 %, percentiles in 38 %.
"""
PER_TAG = ("average_precision", "roc_auc", "lwlrap", "f1")
HALF = 0.5
"""The threshold of a tag that no validation clip has."""
TOP = 3
"""Number of tags that `answer` returns."""


@dataclass(frozen=True)
class Tagging:
    """The tags of a clip; they are in the column `label` of the manifest, separated by commas.

    Attributes:
        outputs: the tags, in the document's order.
    """

    outputs: tuple[str, ...]

    KIND: ClassVar[Kind] = "tagging"
    HEADLINE: ClassVar[str] = "lwlrap"
    SHOWN: ClassVar[tuple[str, ...]] = ("lwlrap", "macro_pr_auc")
    LOSS: ClassVar[str] = "binary_crossentropy"
    MONITORS: ClassVar[Mapping[str, Mode]] = MappingProxyType({"val_loss": "min", "val_lwlrap": "max"})
    MEANING: ClassVar[str] = "probability"

    @property
    def columns(self) -> tuple[str, ...]:
        """The tags."""
        return ("label",)

    def of(self, clips: pd.DataFrame, *, own: bool = False) -> Self:
        """Return the task with the document's tags or, if the clips are your own or have others, with theirs.

        Raises:
            InputError: the clips have fewer than two tags.
        """
        found = {tag for tags in clips["label"] for tag in tags_of(tags)}
        if len(found) < 2:
            raise InputError(f"the clips have the tags {', '.join(found) or 'none'}: tagging needs at least two")
        if found <= set(self.outputs):  # in the document's order
            return replace(self, outputs=tuple(name for name in self.outputs if name in found)) if own else self
        return replace(self, outputs=tuple(sorted(found)))

    def targets(self, clips: pd.DataFrame) -> np.ndarray:
        """Return 1 for each tag that a clip has, float32 (clips, tags)."""
        return self._hot(clips["label"])

    def _hot(self, labels: Sequence[str] | pd.Series) -> np.ndarray:
        number = {name: place for place, name in enumerate(self.outputs)}
        targets = np.zeros((len(labels), len(self.outputs)), np.float32)
        for row, tags in enumerate(labels):
            targets[row, [number[tag] for tag in tags_of(tags)]] = 1
        return targets

    def strata(self, clips: pd.DataFrame) -> np.ndarray:
        """Return the targets: `common.splits` stratifies several tags iteratively."""
        return self.targets(clips)

    def counts(self, clips: pd.DataFrame) -> dict[str, int]:
        """Return the number of clips of each tag, in the order of the tags."""
        return dict(zip(self.outputs, map(int, self.targets(clips).sum(axis=0)), strict=True))

    def keras_metrics(self) -> list[Any]:
        """Return lwlrap over an epoch."""
        # Imported here: reports use tasks, and need no Keras.
        from common.learners.lwlrap import Lwlrap

        return [Lwlrap()]

    def losses(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return the binary cross-entropy of each clip (clips,) in nats, the mean over tags, as in Keras."""
        clipped = np.clip(outputs.astype(np.float64), EPSILON, 1 - EPSILON)
        return -(targets * np.log(clipped) + (1 - targets) * np.log(1 - clipped)).mean(axis=1)

    def constant(self, targets: np.ndarray) -> np.ndarray:
        """Return the popularity of each tag: the fraction of training clips that have it."""
        return targets.mean(axis=0)

    def thresholds(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return the threshold of each tag (tags,) with the best F1 on validation clips; tie-breaking: the highest.

        The threshold of a tag that no validation clip has is 0.5.
        """
        chosen = np.full(len(self.outputs), HALF)
        for tag in np.flatnonzero(targets.sum(axis=0)) if len(targets) else ():
            cut = _Cut(targets[:, tag], outputs[:, tag])
            hits, positives = cut.sums(np.ones((1, len(targets))))
            f1 = 2 * hits[0] / (positives[0] + targets[:, tag].sum())
            chosen[tag] = cut.values[f1.argmax()]
        return chosen

    def logits(self, outputs: np.ndarray) -> np.ndarray:
        """Return the log-odds of the probabilities."""
        clipped = np.clip(outputs.astype(np.float64), EPSILON, 1 - EPSILON)
        return np.log(clipped) - np.log1p(-clipped)

    def from_logits(self, logits: np.ndarray) -> np.ndarray:
        """Return the logistic function."""
        return (1 / (1 + np.exp(-logits))).astype(np.float32)

    def per_clip(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return the lwlrap of each clip (clips,): the mean precision at the ranks of its tags; 1 without tags."""
        has = targets.sum(axis=1)
        # A clip without tags cannot be ranked wrongly.
        return np.where(has > 0, label_precisions(targets, outputs).sum(axis=1) / np.maximum(has, 1), 1.0)

    def headline(self, targets: np.ndarray, outputs: np.ndarray, *, groups: Groups, seed: int) -> Score:
        """Return lwlrap."""
        precisions = label_precisions(targets, outputs)

        def statistics(weights: np.ndarray) -> dict[str, np.ndarray]:
            return {"lwlrap": _lwlrap(weights, precisions, targets)}

        values, intervals, method = bootstrap(statistics, len(targets), groups=groups, seed=seed)
        interval = open_ended(values["lwlrap"], intervals["lwlrap"], _units(targets, groups)[0])
        found = score(values["lwlrap"], interval, len(targets), method)
        return found or {"value": 0.0, "interval": [0.0, 1.0], "n": 0, "method": "no clip has a tag"}

    def scores(self, pooled: Pooled, *, groups: Groups = None, seed: int = 0) -> Scores:
        """Return lwlrap, and PR-AUC, ROC-AUC and F1: macro means, micro means and per tag.

        PR-AUC is scikit-learn's average precision. lwlrap is the label-weighted label-ranking average precision of
        DCASE 2019 task 2; for a tag it is the mean precision at its ranks. For F1, a tag is predicted if its output is
        at least its threshold. Macro means are over the tags with clips. Intervals are percentiles of a bootstrap, but
        for those of PR-AUC (`RAISED`).
        """
        targets = pooled.targets
        statistics = _Statistics(targets, pooled.outputs, pooled.thresholds)
        values, intervals, method = bootstrap(statistics, len(targets), groups=groups, seed=seed)
        n, support = len(targets), targets.sum(axis=0).astype(int)
        units, of_tags = _units(targets, groups)
        methods = dict.fromkeys(values, method)
        for name in RAISED:
            intervals[name] = np.clip(2 * values[name][..., np.newaxis] - intervals[name][..., ::-1], 0, 1)
            methods[name] = f"basic {method}"

        def of_tag(name: str, place: int) -> Score | None:
            if not support[place]:
                return None
            value = values[name][place]
            interval = open_ended(value, intervals[name][place], of_tags[place])
            return score(value, interval, int(support[place]), methods[name])

        overall = {
            name: score(values[name], open_ended(values[name], intervals[name], units), n, methods[name])
            for name in OVERALL
        }
        rows = {
            tag: {
                "support": int(support[place]),
                "scores": {name: of_tag(inner, place) for inner, name in PER_TAG_NAMES.items()},
            }
            for place, tag in enumerate(self.outputs)
        }
        return Scores({name: one for name, one in overall.items() if one}, rows)

    def baselines(self, targets: np.ndarray, constants: np.ndarray) -> dict[str, dict[str, float]]:
        """Return the scores of the popularity baseline: the output of a tag is its frequency in the training clips."""
        found = _Statistics(targets, constants, np.full_like(constants, HALF))(np.ones((1, len(targets))))
        names = ("lwlrap", "macro_pr_auc", "macro_roc_auc")
        return {"popularity": {name: float(found[name][0]) for name in names if np.isfinite(found[name][0])}}

    def fit_targets(self, targets: np.ndarray) -> np.ndarray:
        """Return 0 or 1 for each tag (clips, tags)."""
        return targets.astype(int)

    def probabilistic(self, estimator: Any) -> bool:
        """Return whether the estimator has probabilities."""
        return hasattr(estimator, "predict_proba")

    def estimated(self, estimator: Any, x: np.ndarray) -> np.ndarray:
        """Return the probability of each tag, float32 (clips, tags); without probabilities, 0 or 1."""
        if not self.probabilistic(estimator):
            return np.asarray(estimator.predict(x), np.float32)
        found = estimator.predict_proba(x)
        if isinstance(found, np.ndarray):
            return found.astype(np.float32)
        # A forest has an array per tag, with a column for each value in the training clips: 0, 1 or both.
        pairs = zip(found, estimator.classes_, strict=True)
        return np.column_stack([(pair * values).sum(axis=1) for pair, values in pairs]).astype(np.float32)

    def table(self, targets: np.ndarray, outputs: np.ndarray) -> dict[str, np.ndarray]:
        """Return `true` (the tags, separated by commas), then the probability of each tag."""
        names = np.asarray(self.outputs, dtype=object)
        true = np.array([SEPARATOR.join(names[row > 0]) for row in targets], dtype=object)
        return {"true": true, **dict(zip(self.outputs, outputs.T, strict=True))}

    def read(self, table: Mapping[str, Sequence[Any] | pd.Series]) -> tuple[np.ndarray, np.ndarray]:
        """Return targets and outputs.

        Raises:
            ValueError, KeyError: a column is missing, or a tag is unknown.
        """
        outputs = np.column_stack([np.asarray(table[name], np.float32) for name in self.outputs])
        return self._hot(list(table["true"])), outputs

    def noise(self, clips: int, draw: np.random.Generator) -> np.ndarray:
        """Return random tags."""
        return (draw.random((clips, len(self.outputs))) < HALF).astype(np.float32)

    def answer(self, outputs: np.ndarray) -> str:
        """Return the tags with the highest probabilities, the highest first."""
        return ", ".join(self.outputs[place] for place in np.argsort(-outputs, kind="stable")[:TOP])

    def shares(self, outputs: np.ndarray) -> np.ndarray | None:
        """Return None: a part may have several tags."""
        return None


CLIPS_AT_ONCE = 512
"""Clips whose outputs are ranked at a time."""

PER_TAG_NAMES = {f"tag_{name}": name for name in PER_TAG}
"""Names of the scores per tag: in `_Statistics`, and in the record."""


def _units(targets: np.ndarray, groups: Groups) -> tuple[int, list[int]]:
    """Return the number of what the bootstrap draws, groups if there are enough of them, else clips; and with each tag.

    Args:
        targets: (clips, tags).
        groups: the group of each clip.
    """
    drawn, _ = drawn_over(groups)
    units = np.arange(len(targets)) if drawn is None else np.unique(drawn, return_inverse=True)[1]
    return len(np.unique(units)), [len(np.unique(units[has])) for has in targets.T > 0]


def tags_of(label: str) -> list[str]:
    """Return the tags in a label of the manifest; an empty label has none."""
    return [tag for tag in str(label).split(SEPARATOR) if tag]


def label_precisions(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return the precision at the rank of each true tag, 0 for the other tags, float64 (clips, tags).

    Tie-breaking: tags with equal outputs all have the last of their ranks, as in scikit-learn.
    """
    precisions = np.zeros(targets.shape)
    # Some clips at a time: the comparisons of all of them would not fit into the processor's cache.
    for first in range(0, len(targets), CLIPS_AT_ONCE):
        rows = slice(first, first + CLIPS_AT_ONCE)
        true, of_rows = targets[rows] > 0, outputs[rows]
        clip, tag = np.nonzero(true)
        # For each true tag of each clip, only: which tags have no lower an output.
        ahead = of_rows[clip] >= of_rows[clip, tag][:, np.newaxis]
        # Of 16 bits, for at most 65,535 tags: numpy adds booleans to them faster than to 64.
        hits, ranks = (hot.sum(axis=1, dtype=np.uint16) for hot in (ahead & true[clip], ahead))
        precisions[first + clip, tag] = np.divide(hits, ranks, dtype=np.float64)
    return precisions


def _lwlrap(weights: np.ndarray, precisions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return lwlrap of weighted clips (draws,): the mean of the precisions over all true tags."""
    with np.errstate(invalid="ignore"):
        return (weights @ precisions.sum(axis=1)) / (weights @ targets.sum(axis=1, dtype=np.float64))


class _Cut:
    """The clips of one tag, sorted by output. A cut is a threshold: one for every distinct output, the highest first.

    Attributes:
        values: the distinct outputs, descending (cuts,).
    """

    def __init__(self, true: np.ndarray, outputs: np.ndarray) -> None:
        self._order = np.argsort(-outputs, kind="stable")
        ordered = outputs[self._order]
        # A cut is after the last of equal outputs: clips with equal outputs are above a threshold together.
        self._ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        self.values = ordered[self._ends]
        self._true = true[self._order].astype(np.float64)

    def sums(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights of true positives and of all positives at each cut, (draws, cuts) each."""
        ordered = weights[:, self._order]
        return np.cumsum(ordered * self._true, axis=1)[:, self._ends], np.cumsum(ordered, axis=1)[:, self._ends]


def _areas(cut: _Cut, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return average precision and ROC-AUC (draws,); NaN if all clips of a draw have the tag, or none has it."""
    hits, positives = cut.sums(weights)
    positive, negative = hits[:, -1:], (positives - hits)[:, -1:]
    new_hits = np.diff(hits, axis=1, prepend=0.0)
    misses = positives - hits
    new_misses = np.diff(misses, axis=1, prepend=0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.divide(hits, positives, out=np.zeros_like(hits), where=positives > 0)
        average = (new_hits * precision).sum(axis=1, keepdims=True) / positive
        # ROC-AUC is the fraction of pairs (a clip with the tag, one without) in the right order; ties count one half.
        roc = (new_misses * (hits - new_hits / 2)).sum(axis=1, keepdims=True) / (positive * negative)
    return average[:, 0], roc[:, 0]


class _Statistics:
    """All scores of weighted clips, as a function of the weights (draws, clips)."""

    def __init__(self, targets: np.ndarray, outputs: np.ndarray, thresholds: np.ndarray) -> None:
        self._targets = targets.astype(np.float64)
        self._precisions = label_precisions(targets, outputs)
        # All that does not depend on the weights is computed once, not for each of the resamples.
        self._positives = (outputs >= thresholds).astype(np.float64)
        self._hits = self._positives * self._targets
        self._cuts = [_Cut(true, column) for true, column in zip(targets.T, outputs.T, strict=True)]
        self._all = _Cut(targets.ravel(), outputs.ravel())

    def __call__(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Return overall scores (draws,) and scores per tag (draws, tags), by name."""
        tags = self._targets.shape[1]
        areas = [_areas(cut, weights) for cut in self._cuts]
        precision, roc = (np.stack(side, axis=1) for side in zip(*areas, strict=True))
        # Micro means: every pair of a clip and a tag counts as one decision, with the weight of its clip.
        micro_precision, micro_roc = _areas(self._all, np.repeat(weights, tags, axis=1))
        has, hits, positives = (weights @ array for array in (self._targets, self._hits, self._positives))
        with np.errstate(invalid="ignore"):
            f1 = np.where(has > 0, 2 * hits / (has + positives), np.nan)
            of_tag = np.where(has > 0, (weights @ self._precisions) / has, np.nan)
            micro_f1 = 2 * hits.sum(axis=1) / (has.sum(axis=1) + positives.sum(axis=1))
        return {
            "lwlrap": _lwlrap(weights, self._precisions, self._targets),
            "macro_pr_auc": _mean(precision),
            "micro_pr_auc": micro_precision,
            "macro_roc_auc": _mean(roc),
            "micro_roc_auc": micro_roc,
            "macro_f1": _mean(f1),
            "micro_f1": micro_f1,
            "tag_average_precision": precision,
            "tag_roc_auc": roc,
            "tag_lwlrap": of_tag,
            "tag_f1": f1,
        }


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the tags with a value (draws,); NaN if no tag has a value."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)
