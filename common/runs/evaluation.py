"""Evaluates a finished run: the table of its predictions and the content of its record."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from common import environment, splits
from common.corpora import CORPORA
from common.intervals import Score, mean_score
from common.runs.digests import digest_of, digests_of
from common.runs.jobs import Job, Material, clip_columns
from common.study import Fit, Study, Training, changed_switches
from common.tasks import Pooled


@dataclass(frozen=True)
class FoldResult:
    """The result of one finished fold.

    Attributes:
        outputs: outputs for the test clips (clips, outputs).
        validation: outputs for the validation clips (clips, outputs); no rows if there are no validation clips.
        history: learning curves; no rows if nothing is trained in epochs.
        facts: other facts of the fold, for the record.
        thresholds: those of the outputs (outputs,), where they are not chosen on `validation`. None: they are.
    """

    outputs: np.ndarray
    validation: np.ndarray
    history: pd.DataFrame
    facts: dict[str, Any]
    thresholds: np.ndarray | None = None


def _pooled(material: Material, results: Sequence[FoldResult]) -> Pooled:
    """Return the test clips of all folds, with their outputs, baselines and thresholds."""
    task, targets = material.task, material.targets
    constants, thresholds = [], []
    for fold, result in zip(material.folds, results, strict=True):
        # Per fold, so that no baseline and no threshold has seen the clips that it is scored on.
        constants.append(np.tile(task.constant(targets[fold.train]), (len(fold.test), 1)))
        thresholds.append(np.tile(_thresholds(material, fold, result), (len(fold.test), 1)))
    outputs = np.concatenate([result.outputs for result in results])
    return Pooled(targets[_rows(material)], outputs, np.concatenate(constants), np.concatenate(thresholds))


def _rows(material: Material) -> np.ndarray:
    """Return the rows of the test clips in the manifest (clips,), fold after fold."""
    return np.concatenate([fold.test for fold in material.folds])


def predictions_of(study: Study, material: Material, results: Sequence[FoldResult]) -> pd.DataFrame:
    """Return `predictions.csv`: one row per test clip, fold after fold."""
    parts, columns = [], list(clip_columns(study))
    for number, (fold, result) in enumerate(zip(material.folds, results, strict=True)):
        part = material.clips.iloc[fold.test].assign(fold=number)[columns].reset_index(drop=True)
        predicted = material.task.table(material.targets[fold.test], result.outputs)
        parts.append(part.assign(**predicted))
    return pd.concat(parts, ignore_index=True)


def content_of(job: Job, material: Material, results: Sequence[FoldResult], identity: dict[str, Any]) -> dict[str, Any]:
    """Return the content of `record.json`, except for its timings."""
    task, facts = material.task, [result.facts for result in results]
    leaks = splits.merge_audits([fold["leaks"] for fold in facts])
    unit, tested = _unit(job.study, material.clips, leaks), _pooled(material, results)
    scores = task.scores(tested, groups=_groups(material, unit, _rows(material)), seed=job.options.seed)
    method = job.method
    losses = _losses(job, method, material, results, tested, unit) if isinstance(method, Training) else {}
    return {
        "study": job.study.name,
        "experiment": job.experiment.id,
        "protocol": job.protocol.name,
        "seed": job.options.seed,
        **context(job, material),
        "configuration": _configuration(job, identity, facts),
        "parameters": facts[0]["parameters"],
        "metrics": scores.metrics | losses,
        "per_output": scores.per_output,
        "confusion": scores.confusion,
        "baselines": task.baselines(tested.targets, tested.constants),
        "folds": [_fold(material, *of) for of in zip(material.folds, results, strict=True)],
        "leaks": leaks,
        "environment": environment.describe(),
        "other_orders": _other_orders(facts, len(tested.targets)).tolist(),
        "notes": _notes(job, material, facts, len(tested.targets)),
        "status": "complete",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _fold(material: Material, fold: splits.Split, result: FoldResult) -> dict[str, Any]:
    """Return the facts of one fold for the record."""
    facts = {name: result.facts[name] for name in ("fold", *splits.SETS, "best_epoch", "epochs")}
    return facts | {"thresholds": _thresholds(material, fold, result).tolist()}


def _thresholds(material: Material, fold: splits.Split, result: FoldResult) -> np.ndarray:
    """Return the thresholds of one fold, chosen on its validation clips; of an ensemble, those of its members."""
    if result.thresholds is not None:
        return result.thresholds
    # Without outputs for validation clips no targets are left, and thresholds have their defaults.
    validated = material.targets[fold.validation[: len(result.validation)]]
    return material.task.thresholds(validated, result.validation)


def context(job: Job, material: Material) -> dict[str, Any]:
    """Return the facts of clips and protocol for the record of a run or of a search."""
    return {
        "switches": job.switches,
        "changed": changed_switches(job.protocol),
        "size": job.options.size,
        "data": _data(job, material),
        "task": {"kind": material.task.KIND, "outputs": list(material.task.outputs)},
    }


def _configuration(job: Job, identity: Mapping[str, Any], facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings of the method and those of the features; and which networks had random weights."""
    method = job.method
    if isinstance(method, Fit):
        learned: dict[str, Any] = {"estimator": identity["estimator"]}
    elif isinstance(method, Training):
        model = {"model": {**job.experiment.model, **job.options.model}} if job.experiment.adjustable else {}
        learned = {**method.facts(), "optimizer": "Adam", "strategy": job.options.strategy, **model}
    else:
        learned = {**method.facts(), "members": facts[0]["members"]}
    weights: dict[str, Any] = {"weights": identity["weights"]} if "weights" in identity else {}
    if untrained := list(dict.fromkeys(what for fold in facts for what in fold["untrained"])):
        weights["untrained"] = untrained
    chosen = {"inputs": dict(job.experiment.inputs.settings), "overrides": job.options.changes, "identity": identity}
    return {**learned, **weights, **chosen}


def _groups(material: Material, unit: str | None, rows: np.ndarray) -> np.ndarray | None:
    """Return the group of each clip, or None if clips are independent."""
    return material.clips[unit].to_numpy()[rows] if unit else None


def _losses(
    job: Job, training: Training, material: Material, results: Sequence[FoldResult], tested: Pooled, unit: str | None
) -> dict[str, Score]:
    """Return more scores of a network: its loss on test clips, and loss and headline metric on validation clips.

    A loss that is not the task's own is left out; it is in the learning curves.
    """
    task, seed = material.task, job.options.seed
    rows = np.concatenate([fold.validation for fold in material.folds])
    targets, outputs = material.targets[rows], np.concatenate([result.validation for result in results])
    groups, found = _groups(material, unit, rows), {}
    if training.loss is None:
        losses = task.losses(tested.targets, tested.outputs)
        found["loss"] = mean_score(losses, groups=_groups(material, unit, _rows(material)), seed=seed)
        if len(rows):
            found["val_loss"] = mean_score(task.losses(targets, outputs), groups=groups, seed=seed)
    if len(rows):
        found[f"val_{task.HEADLINE}"] = task.headline(targets, outputs, groups=groups, seed=seed)
    return found


def timings_of(results: Sequence[FoldResult], elapsed: float) -> dict[str, float | None]:
    """Return the timings of a run.

    `total_s` includes epochs from before an interruption. `epoch_s` is None if nothing is trained in epochs.

    Args:
        results: results of all folds.
        elapsed: seconds since the start of this call.
    """
    load_s, features_s = (sum(result.facts[name] for result in results) for name in ("load_s", "features_s"))
    epochs = np.concatenate([result.history["seconds"].to_numpy(float) for result in results])
    return {
        "load_s": round(load_s, 2),
        "features_s": round(features_s, 2),
        # The median, because the first epoch of each training includes compilation.
        "epoch_s": round(float(np.median(epochs)), 3) if len(epochs) else None,
        "ms_per_clip": float(np.mean([result.facts["ms_per_clip"] for result in results])),
        # Folds may have been made by other processes; an ensemble's were not made, but read.
        "peak_memory_mib": max(
            (result.facts["peak_memory_mib"] for result in results if "peak_memory_mib" in result.facts),
            default=environment.peak_memory_mib(),
        ),
        # After an interruption this call's time is too short; the sum of the parts leaves little out.
        "total_s": round(max(elapsed, load_s + features_s + float(epochs.sum())), 1),
    }


def _unit(study: Study, clips: pd.DataFrame, leaks: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the column to bootstrap over, or None for a bootstrap over clips.

    It is the study's unit, such as the speaker, if the split keeps its values apart. If the clips are pieces of
    recordings it is always the unit: the pieces of a song share a label, so they are not independent.
    """
    word = study.apart[study.unit]
    kept_apart = all(leak["clean"] for leak in leaks if leak["check"] == word)
    return study.unit if kept_apart or "offset" in clips else None


def _data(job: Job, material: Material) -> dict[str, Any]:
    """Return the facts of the clips for the record: numbers of clips, corpora, what is missing and what is left out."""
    corpora_of_document = job.study.corpora_of(job.experiment)
    corpora = {
        found.corpus: {
            "clips": found.clips,
            "expected": sum(found.expected.values()),
            "form": found.form,
            "layout": found.layout,
        }
        for found in job.scan.found
    }
    return {
        "demo": job.scan.demo,
        "clips": len(material.clips),
        "expected_clips": job.study.clips or sum(CORPORA[name].clips for name in corpora_of_document),
        "corpora": corpora,
        "missing": job.scan.absent(corpora_of_document),
        "per_output": material.task.counts(material.clips),
        # Of all scanned clips. Some studies leave clips out at random; their seeds still have the same data.
        "digest": digest_of(job.scan.manifest["name"], digests_of(job.scan.manifest)),
        "left_out": dict(Counter(omission.reason for omission in job.scan.every_omission)),
        "remarks": list(material.remarks),
    }


def _notes(job: Job, material: Material, facts: Sequence[Mapping[str, Any]], tested: int) -> list[str]:
    method = job.method
    notes = list(dict.fromkeys(note for fold in facts for note in fold["notes"]))
    if material.left_out:
        notes.append(f"only the first {len(facts)} of {len(facts) + material.left_out} folds were run")
    if overrides := job.options.changes:
        changed = ", ".join(f"{name} = {value}" for name, value in overrides.items())
        notes.append(f"set on the command line: {changed}")
    if isinstance(method, Fit) and not job.learner(material.task).probabilistic:
        notes.append("the classifier has no probabilities: predictions.csv has 1 for the class it chose")
    if job.experiment.pretrained and job.options.weights == "none":
        notes.append("the network has random weights instead of pretrained ones (--weights none)")
    others = _other_orders(facts, tested)
    if isinstance(method, Training) and len(others):
        notes.append(
            f"predictions depend on the batch: batches have {method.batch_size} clips in the order of predictions.csv; "
            f"in {len(others)} random orders the {material.task.HEADLINE} was {others.min():.4f} to "
            f"{others.max():.4f}, mean {others.mean():.4f}; the interval does not include this variation"
        )
    return notes


def _other_orders(facts: Sequence[Mapping[str, Any]], tested: int) -> np.ndarray:
    """Return the mean per-clip score over all folds for each random order; empty if order has no effect."""
    return np.sum([fold["orders"] for fold in facts], axis=0) / tested
