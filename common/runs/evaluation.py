"""What a run says when all its folds are trained: its predictions and the content of its record."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from common import environment, intervals, splits
from common.corpora import CORPORA
from common.runs.jobs import Job, Material, digest_of, digests_of, estimator_of, prediction_columns
from common.study import Study, changed_switches
from common.tasks import classification
from common.tasks.classification import clip_count, one_hot


@dataclass(frozen=True)
class FoldResult:
    """What one trained fold leaves: learning curves, facts for the record, and the probabilities of each class.

    Those of the test clips are (clips, classes); those of the validation clips too, of a network trained at last.
    """

    probabilities: np.ndarray
    validation: np.ndarray
    history: pd.DataFrame
    facts: dict[str, Any]


def predictions_of(study: Study, material: Material, results: Sequence[FoldResult]) -> pd.DataFrame:
    """Return `predictions.csv`: one row per test clip, fold after fold."""
    parts, columns = [], list(prediction_columns(study))
    for number, (fold, result) in enumerate(zip(material.folds, results, strict=True)):
        tested = material.clips.iloc[fold.test]
        predicted = np.asarray(material.classes)[result.probabilities.argmax(axis=1)]
        part = tested.assign(fold=number, true=tested["label"], predicted=predicted)[columns]
        parts.append(part.assign(**dict(zip(material.classes, result.probabilities.T, strict=True))))
    return pd.concat(parts, ignore_index=True)


def content_of(
    job: Job,
    material: Material,
    predictions: pd.DataFrame,
    results: Sequence[FoldResult],
    identity: dict[str, Any],
) -> dict[str, Any]:
    """Return the content of `record.json`, but for its timings."""
    facts = [result.facts for result in results]
    leaks = splits.merge_audits([fold["leaks"] for fold in facts])
    unit = _drawn_over(job.study, material.clips, leaks)
    scores = _scores(predictions, material.classes, unit=unit, seed=job.options.seed)
    if job.training:
        scores["metrics"] |= _losses(material, results, unit=unit, seed=job.options.seed)
    return {
        "study": job.study.name,
        "experiment": job.experiment.id,
        "protocol": job.protocol.name,
        "seed": job.options.seed,
        **context(job, material),
        "configuration": _configuration(job, identity),
        "parameters": facts[0]["parameters"],
        **scores,
        "baselines": _baselines(material),
        "folds": [{key: fold[key] for key in ("fold", *splits.SETS, "best_epoch", "epochs")} for fold in facts],
        "leaks": leaks,
        "environment": environment.describe(),
        "other_orders": _order_accuracies(facts, len(predictions)).tolist(),
        "notes": _notes(job, facts, len(material.classes), len(predictions), material.left_out),
        "status": "complete",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def context(job: Job, material: Material) -> dict[str, Any]:
    """Return what the record of a run, or of a search, says of its clips and of the protocol."""
    return {
        "switches": {name: job.protocol.switches[name] for name in job.experiment.switches},
        "changed": changed_switches(job.protocol),
        "size": job.options.size,
        "data": _data(job, material),
        "task": {"kind": "classification", "outputs": list(material.classes)},
    }


def _baselines(material: Material) -> dict[str, dict[str, float]]:
    labels = material.clips["label"].to_numpy()
    folds = [(labels[fold.train], labels[fold.test]) for fold in material.folds]
    return classification.baselines(folds, material.classes)


def _configuration(job: Job, identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the training, or of the estimator, and those of the features."""
    if job.training is None:
        learnt = {"estimator": identity["estimator"]}
    else:
        model = {"model": {**job.experiment.model, **job.options.model}} if job.experiment.adjustable else {}
        learnt = {**asdict(job.training), "optimizer": "Adam", "strategy": job.options.strategy, **model}
    weights = {"weights": identity["weights"]} if job.experiment.pretrained else {}
    overrides = {**job.options.overrides, **job.options.model}
    chosen = {"inputs": dict(job.experiment.inputs), "overrides": overrides, "identity": identity}
    return {**learnt, **weights, **chosen}


def _scores(predictions: pd.DataFrame, classes: Sequence[str], *, unit: str | None, seed: int) -> dict[str, Any]:
    """Return `metrics`, `per_output` and `confusion`, the intervals over what `unit` names, or else over clips."""
    number = {name: place for place, name in enumerate(classes)}
    return classification.classification(
        predictions["true"].map(number).to_numpy(),
        predictions["predicted"].map(number).to_numpy(),
        classes,
        groups=predictions[unit].to_numpy() if unit else None,
        seed=seed,
    )


def _losses(
    material: Material, results: Sequence[FoldResult], *, unit: str | None, seed: int
) -> dict[str, intervals.Score]:
    """Return what a network's tables have besides: its `loss`, and both scores of the validation clips of all folds."""
    tested = np.concatenate([fold.test for fold in material.folds])
    validating = np.concatenate([fold.validation for fold in material.folds])
    targets = one_hot(material.clips["label"], material.classes)
    of_test = np.concatenate([result.probabilities for result in results])
    of_validation = np.concatenate([result.validation for result in results])
    hits = of_validation.argmax(axis=1) == targets[validating].argmax(axis=1)

    def score(values: np.ndarray, rows: np.ndarray, *, proportion: bool = False) -> intervals.Score:
        groups = material.clips[unit].to_numpy()[rows] if unit else None
        return intervals.mean_score(values, groups=groups, proportion=proportion, seed=seed)

    return {
        "loss": score(classification.cross_entropy(targets[tested], of_test), tested),
        "val_accuracy": score(hits, validating, proportion=True),
        "val_loss": score(classification.cross_entropy(targets[validating], of_validation), validating),
    }


def timings_of(results: Sequence[FoldResult], elapsed: float) -> dict[str, float | None]:
    """Return the timings of a run; `total_s` counts epochs that an earlier, interrupted call trained too.

    `epoch_s` is None for what is fitted at once.
    """
    load_s, features_s = (sum(result.facts[name] for result in results) for name in ("load_s", "features_s"))
    epochs = np.concatenate([result.history["seconds"].to_numpy(float) for result in results])
    return {
        "load_s": round(load_s, 2),
        "features_s": round(features_s, 2),
        "epoch_s": round(float(np.median(epochs)), 3) if len(epochs) else None,
        "ms_per_clip": float(np.mean([result.facts["ms_per_clip"] for result in results])),
        "peak_memory_mib": environment.peak_memory_mib(),
        "total_s": round(max(elapsed, load_s + features_s + float(epochs.sum())), 1),
    }


def _drawn_over(study: Study, clips: pd.DataFrame, leaks: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the column to bootstrap over, if not over clips: the study's unit where none of its values is in two sets.

    Where the clips are pieces cut out of recordings it is the unit in any case: the pieces of a song share its label,
    so they are no more independent draws for having been learnt from.
    """
    word = study.apart[study.unit]
    kept_apart = all(leak["clean"] for leak in leaks if leak["check"] == word)
    return study.unit if kept_apart or "offset" in clips else None


def _data(job: Job, material: Material) -> dict[str, Any]:
    """Return what the record says of the clips: how many, of which corpora, and what the document has besides."""
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
        "expected_clips": job.study.clips or sum(CORPORA[name].clips for name in job.study.corpora),
        "corpora": corpora,
        "missing": job.scan.absent(job.study.corpora),
        "per_output": clip_count(material.clips, material.classes),
        # Of what lies there, not of what a draw among tied labels leaves of it: seeds of one corpus belong together.
        "digest": digest_of(job.scan.manifest["name"], digests_of(job.scan.manifest)),
    }


def _notes(job: Job, facts: Sequence[Mapping[str, Any]], n_classes: int, tested: int, left_out: int) -> list[str]:
    notes = []
    if left_out:
        notes.append(f"only the first {len(facts)} of {len(facts) + left_out} folds were run")
    if overrides := {**job.options.overrides, **job.options.model}:
        changed = ", ".join(f"{name} = {value}" for name, value in overrides.items())
        notes.append(f"set on the command line: {changed}")
    if job.training is None and not estimator_of(job, n_classes).probabilistic:
        notes.append("the classifier has no probabilities: predictions.csv has 1 for the class it chose")
    if job.experiment.pretrained and job.options.weights == "none":
        notes.append("the network that should have been trained before has random weights (--weights none)")
    others = _order_accuracies(facts, tested)
    if job.training and len(others):
        notes.append(
            f"predictions depend on their batch: {job.training.batch_size} clips, in the order of predictions.csv; "
            f"in {len(others)} other orders the accuracy was {others.min():.4f} to {others.max():.4f}, "
            f"mean {others.mean():.4f}; the interval leaves this spread out"
        )
    return notes


def _order_accuracies(facts: Sequence[Mapping[str, Any]], tested: int) -> np.ndarray:
    """Return the accuracy over all folds in each of the other orders; empty where no order matters."""
    return np.sum([fold["orders"] for fold in facts], axis=0) / tested
