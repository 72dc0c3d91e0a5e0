"""Ensembles: the weighted mean of the predictions of other experiments for the same clips. Nothing is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.errors import InputError
from common.runs import records
from common.runs.evaluation import FoldResult
from common.runs.jobs import Job, Material, leaks_of
from common.study import Ensemble, Study
from common.tasks import Task


def combined(job: Job, material: Material, method: Ensemble) -> list[FoldResult]:
    """Return a result for each fold: the weighted mean of the members' stored predictions.

    The members are runs of the same study, protocol and seed in the same folder of runs.

    Raises:
        InputError: a member has no finished run, or its run has another size, other clips, folds or outputs.
    """
    members = [_record(job, name) for name in method.weights]
    # All folds at once; a member's stored predictions are in the order of the folds too.
    outputs = mean_of([_outputs(job, material, member) for member in members], material.task, method)
    # To predict a clip, all members have to predict it.
    ms_per_clip = sum(member.data["timings"]["ms_per_clip"] for member in members)
    parameters = [member.data["parameters"] for member in members]
    notes = [f"{member.data['experiment']}: {note}" for member in members for note in member.data["notes"]]
    untrained = [f"{member.data['experiment']}: {what}" for member in members for what in _untrained(member)]
    trained = {member.data["experiment"]: _trained_as(member) for member in members}
    nothing = np.array([], int)  # no altered copies and no scaler; the audits of the members have theirs
    results, start = [], 0
    for number, fold in enumerate(material.folds):
        facts: dict[str, Any] = {
            "fold": number,
            **{name: len(rows) for name, rows in fold.sets().items()},
            "best_epoch": None,
            "epochs": None,
            "load_s": 0.0,
            "features_s": 0.0,
            "ms_per_clip": ms_per_clip,
            "parameters": {kind: _total(parameters, kind) for kind in ("total", "trainable")},
            "leaks": leaks_of(job.study, material, number, nothing, nothing),
            "orders": [],
            "notes": notes,
            "untrained": untrained,
            "members": trained,
        }
        own = outputs[start : start + len(fold.test)]
        # Members keep the outputs of test clips only, but what they chose on validation clips too.
        validation, history = (
            np.empty((0, own.shape[1]), np.float32),
            pd.DataFrame(columns=["epoch", "seconds", "stage"]),
        )
        chosen = [np.array(member.data["folds"][number]["thresholds"]) for member in members]
        thresholds = thresholds_of(chosen, material.task, method)
        results.append(FoldResult(own, validation, history, facts, thresholds))
        start += len(fold.test)
    return results


def _untrained(member: records.Record) -> list[str]:
    """Return what of a member had random weights in place of pretrained ones."""
    configuration = member.data["configuration"]
    return [*configuration.get("untrained", []), *["network"] * (configuration.get("weights") == "none")]


def _trained_as(member: records.Record) -> dict[str, Any]:
    """Return how a member was trained otherwise than its document says, for the record of the ensemble."""
    configuration = member.data["configuration"]
    return {
        "overrides": configuration.get("overrides") or {},
        "strategy": configuration.get("strategy", "none"),
        "precision": member.data["environment"].get("precision", "float32"),
    }


def mean_of(outputs: Sequence[np.ndarray], task: Task, method: Ensemble) -> np.ndarray:
    """Return the weighted mean of several members' outputs (clips, outputs), float32.

    Args:
        outputs: outputs of each member, in the order of the weights.
        task: converts outputs to logits and back.
        method: the weights, which are divided by their sum, and what is averaged: outputs or logits.
    """
    weights = np.array(list(method.weights.values()), np.float64)
    as_logits = [method.of == "logits" or name in method.raw for name in method.weights]
    averaged = [
        task.logits(one) if logits else one.astype(np.float64) for one, logits in zip(outputs, as_logits, strict=True)
    ]
    mean = np.tensordot(weights / weights.sum(), np.stack(averaged), axes=1)
    # A mean with raw logits is no probability. The logistic function makes it one without changing any ranking.
    return task.from_logits(mean) if any(as_logits) else mean.astype(np.float32)


def thresholds_of(thresholds: Sequence[np.ndarray], task: Task, method: Ensemble) -> np.ndarray:
    """Return the thresholds of an ensemble's outputs (outputs,): the mean of the members'; empty without thresholds.

    Where raw logits are averaged with other outputs, the raw mean is compared with the thresholds of the raw members,
    although these were chosen among outputs: as in the code of document 000.

    Args:
        thresholds: those of each member, in the order of the weights.
        task: converts outputs to logits and back.
        method: what is averaged, and how.
    """
    rows = [one[np.newaxis] for one in thresholds]
    if not thresholds[0].size:
        return thresholds[0]
    if not method.raw:
        return mean_of(rows, task, method)[0]
    raw = {name: row for name, row in zip(method.weights, rows, strict=True) if name in method.raw}
    of_raw = np.average(list(raw.values()), axis=0, weights=[method.weights[name] for name in raw])
    return task.from_logits(of_raw)[0]


def identity_of_members(job: Job, method: Ensemble) -> dict[str, Any]:
    """Return the times at which the members were finished, for the identity: a new run of a member is a new ensemble.

    Raises:
        InputError: a member has no finished run.
    """
    return {"members": {name: _record(job, name).data["finished"] for name in method.weights}}


def member_folder(study: Study, record: records.Record, name: str) -> Path:
    """Return the folder of a member's run, given the record of the ensemble."""
    # <study>/<experiment>/<protocol>/seed-<n>: a member's protocol lacks switches that it does not depend on.
    protocol = study.protocol_of(study.experiment(name), record.data["protocol"]).name
    folder = record.folder.absolute()
    return folder.parents[1].with_name(name) / protocol / folder.name


def _record(job: Job, name: str) -> records.Record:
    member = job.study.experiment(name)
    folder = replace(job, experiment=member, protocol=job.study.protocol_of(member, job.protocol.name)).folder
    if not (folder / "record.json").exists():
        raise InputError(
            f"{job.experiment.id} averages {name}, which has no finished run in {folder}; run {name} first, with the "
            "same --data, --protocol, --seed and --runs, and those of the --set that it depends on"
        )
    found = records.read(folder)
    if found.data["size"] != job.options.size:
        raise InputError(
            f"{folder} is of {found.data['size']} size and {job.experiment.id} of {job.options.size} size; run {name} "
            f"again with --size {job.options.size} --fresh, or give {job.experiment.id} --size {found.data['size']}"
        )
    return found


def _outputs(job: Job, material: Material, record: records.Record) -> np.ndarray:
    """Return the predictions of a member (clips, outputs), in the order of this run's test clips."""
    predictions = record.predictions()
    parts = [material.clips.iloc[fold.test].assign(fold=number) for number, fold in enumerate(material.folds)]
    tested, columns = pd.concat(parts), ["name", "corpus", "fold"]
    # As text, because the columns may have been read with other types.
    same = len(predictions) == len(tested) and (
        (predictions[columns].astype(str).to_numpy() == tested[columns].astype(str).to_numpy()).all()
    )
    if not same or record.data["task"]["outputs"] != list(material.task.outputs):
        raise InputError(f"{record.folder} was tested on other clips or folds than {job.experiment.id}; run both again")
    return material.task.read({str(name): predictions[name] for name in predictions})[1]


def _total(parameters: Sequence[Mapping[str, int | None]], kind: str) -> int | None:
    """Return the number of parameters of all members; None if a member has none, such as an estimator."""
    counts = [one[kind] for one in parameters]
    return sum(count for count in counts if count is not None) if None not in counts else None
