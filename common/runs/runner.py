"""One experiment, from clips to record.

manifest -> labels -> folds -> per fold: arrays, training, predictions -> metrics, leak audit -> record. Every finished
fold is kept in the run's folder, so an interrupted run goes on where it stopped.
"""

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common import files, splits
from common.arrays import Arrays, Prepared
from common.errors import InputError, ResultError
from common.learners import callbacks, keras3, memory, sklearn_learner
from common.learners.learner import Learner, best_epoch
from common.runs import records
from common.runs.evaluation import FoldResult, content_of, predictions_of, timings_of
from common.runs.jobs import Job, Material, estimator_of, gather, identity_of
from common.seeds import derive
from common.study import Size, Study, Training

DIGITS = 16
"""Of a file's digest in `split.csv`: no two files of a corpus share them by chance."""
BATCH_ORDERS: Mapping[Size, int] = {"full": 20, "demo": 5}
"""Random orders of the test clips that are tried where a prediction depends on its batch."""


def run(job: Job, announce: Callable[[str], None] = lambda line: None) -> records.Record:
    """Run one experiment, or return its record if it is already there.

    Args:
        job: what to run.
        announce: receives a line now and then.

    Raises:
        InputError: the clips do not suit the experiment, or the folder is in use, cannot be written, or holds a run of
            other clips or settings.
        ResultError: the training gave no finite numbers.
        BudgetSpentError: the time is over; the same call goes on later.
    """
    material = gather(job)
    identity = identity_of(job, material)
    with records.hold(job.folder):
        if job.options.fresh:
            _clear(job.folder)
        if (job.folder / "record.json").exists():
            return _finished(job, identity)
        _claim(job.folder, identity)
        return _make(job, material, identity, announce)


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


def _finished(job: Job, identity: Mapping[str, Any]) -> records.Record:
    record = records.read(job.folder)
    shutil.rmtree(job.folder / "work", ignore_errors=True)  # where the run was killed between record and clearing up
    if record.data["configuration"]["identity"] != identity:
        raise InputError(
            f"{job.folder} holds a finished run of other clips or settings; --fresh replaces it, --runs keeps both"
        )
    return record


def _claim(folder: Path, identity: dict[str, Any]) -> None:
    """Note what this folder is the run of, or check that the interrupted run in it, if it got anywhere, is the same."""
    note = folder / "work" / "run.json"
    begun = note.exists() and any(path != note for path in note.parent.iterdir())
    if begun and json.loads(note.read_text()) != identity:
        raise InputError(
            f"{folder} holds an interrupted run of other clips or settings; --fresh starts anew, --runs keeps both"
        )
    files.write_text(note, json.dumps(identity, indent=1))


def _make(job: Job, material: Material, identity: dict[str, Any], announce: Callable[[str], None]) -> records.Record:
    began = time.monotonic()
    results = [_fold(job, material, number, announce) for number in range(len(material.folds))]
    predictions = predictions_of(job.study, material, results)
    files.write_table(job.folder / "predictions.csv", predictions)
    _write_curves(job.folder, material, results)
    content = content_of(job, material, predictions, results, identity)
    content["timings"] = timings_of(results, time.monotonic() - began)
    record = records.write(job.folder, content)
    shutil.rmtree(job.folder / "work")
    return record


def _write_curves(folder: Path, material: Material, results: Sequence[FoldResult]) -> None:
    names, digests = list(material.clips["name"]), np.array([_short(digest) for digest in material.digests])
    parts = [
        fold.frame(names, fold=number).assign(digest=digests[np.concatenate(list(fold.sets().values()))])
        for number, fold in enumerate(material.folds)
    ]
    split = pd.concat(parts, ignore_index=True)
    files.write_table(folder / "split.csv", split)
    histories = [result.history.assign(fold=number) for number, result in enumerate(results)]
    columns = ["fold", "stage", *callbacks.HISTORY_COLUMNS]
    files.write_table(folder / "history.csv", pd.concat(histories, ignore_index=True)[columns])


def _short(digest: str) -> str:
    """Return the first digits of a file's digest, and the place in it where the clip is a piece."""
    file, at, offset = digest.partition("@")
    return f"{file[:DIGITS]}{at}{offset}"


def _fold(job: Job, material: Material, number: int, announce: Callable[[str], None]) -> FoldResult:
    """Train and test one fold, or read what an interrupted run kept of it."""
    kept = _place(job, number)
    if not (kept / "facts.json").exists():
        with memory.released():
            _make_fold(job, material, number, announce)
    return _kept_fold(kept)


def _make_fold(job: Job, material: Material, number: int, announce: Callable[[str], None]) -> None:
    """Train and test one fold, and keep what it leaves."""
    label = f"{job.experiment.id} {job.protocol.name} seed {job.options.seed}"
    label += f" fold {number + 1}/{len(material.folds)}" if len(material.folds) > 1 else ""
    split, began = material.folds[number], time.monotonic()
    validating = f"{len(split.validation)} validate, " if len(split.validation) else ""
    announce(f"{label}: {len(split.train)} clips train, {validating}{len(split.test)} test")
    prepared = job.experiment.prepare(material.clips, split, material.classes, job.setting)
    features_s = round(time.monotonic() - began - prepared.load_s, 2)
    learner, history, best = _train(job, prepared, len(material.classes), number, label)
    predicting = time.monotonic()
    probabilities, ms_per_clip = learner.predict(prepared.test.x), _ms_per_clip(predicting, prepared.test)
    validation = learner.predict(prepared.validation.x) if job.training else np.empty((0, len(material.classes)))
    if not np.isfinite(probabilities).all():
        raise ResultError(f"{label}: the model predicts no finite probabilities; no record is kept")
    summary = learner.summary()
    facts = {
        "fold": number,
        **{name: len(getattr(prepared, name).x) for name in splits.SETS},
        "best_epoch": best,
        "epochs": _first_epochs(history),
        "load_s": round(prepared.load_s, 2),
        "features_s": features_s,
        "ms_per_clip": ms_per_clip,
        "parameters": {key: summary.get(key) for key in ("total", "trainable")},
        "leaks": _leaks(job.study, material, number, prepared),
        "orders": _other_orders(job, learner, prepared.test),
    }
    _keep_model(job.folder / f"fold-{number}", learner, prepared)
    _keep_fold(_place(job, number), FoldResult(probabilities, validation, history, facts))


def _ms_per_clip(began: float, clips: Arrays) -> float:
    return round((time.monotonic() - began) / len(clips.x) * 1000, 3)


def _place(job: Job, number: int) -> Path:
    return job.folder / "work" / f"fold-{number}"


def _first_epochs(history: pd.DataFrame) -> int | None:
    """Return how many epochs the first stage trained; None for what is fitted at once."""
    if history.empty:
        return None
    return int(history.loc[history["stage"] == history["stage"].iloc[0], "epoch"].max())


def _leaks(study: Study, material: Material, number: int, prepared: Prepared) -> list[splits.Leak]:
    return splits.audit(
        material.clips,
        material.folds[number],
        apart=study.apart,
        digests=material.digests,
        augmented=prepared.augmented,
        scaler_rows=prepared.scaler_rows,
    )


def _train(
    job: Job, prepared: Prepared, n_classes: int, fold: int, label: str
) -> tuple[Learner, pd.DataFrame, int | None]:
    """Return the trained learner, the learning curves of all stages, and the best epoch of the first stage."""
    chosen = job.training
    if chosen is None:
        return *_fitted(job, prepared, n_classes, fold, label), None
    first_stage = "search" if chosen.retrain else "train"
    learner = _learner(job, chosen, n_classes, fold, first_stage)
    history = learner.fit(prepared.train, prepared.validation, epochs=chosen.epochs, stage=f"{label} {first_stage}")
    best = best_epoch(history, by=chosen.monitor)
    curves = [history.assign(stage=first_stage)]
    if chosen.retrain:
        learner = _learner(job, chosen, n_classes, fold, "retrain")
        history = learner.fit(prepared.train, None, epochs=best, stage=f"{label} retrain")
        curves.append(history.assign(stage="retrain"))
    return learner, pd.concat(curves, ignore_index=True), best


def _fitted(
    job: Job, prepared: Prepared, n_classes: int, fold: int, label: str
) -> tuple[sklearn_learner.SklearnLearner, pd.DataFrame]:
    learner = estimator_of(job, n_classes, fold)
    return learner, learner.fit(prepared.train, stage=label).assign(stage="fit")


def _learner(job: Job, chosen: Training, n_classes: int, fold: int, stage: str) -> Learner:
    learner: Learner = keras3.learner_of(job.experiment)(
        partial(job.build, n_classes),
        chosen,
        seed=derive(job.options.seed, "fold", fold, stage),
        folder=job.folder / "work",
        strategy=job.options.strategy,
        deadline=job.options.deadline,
    )
    return learner


def _other_orders(job: Job, learner: Learner, test: Arrays) -> list[int]:
    """Return how many test clips are right in other orders, where the order decides; an empty list where it cannot."""
    if not job.study.batch_dependent(job.experiment, job.setting):
        return []
    true, correct = test.y.argmax(axis=1), []
    for number in range(BATCH_ORDERS[job.setting.size]):
        order = np.random.default_rng(derive(job.options.seed, "test order", number)).permutation(len(test.x))
        correct.append(int((learner.predict(test.x[order]).argmax(axis=1) == true[order]).sum()))
    return correct


def _keep_model(folder: Path, learner: Learner, prepared: Prepared) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "front_end.npz", allow_pickle=False, **prepared.front_end)
    learner.save(folder / learner.FILE)


def _keep_fold(folder: Path, result: FoldResult) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "probabilities.npy", result.probabilities)
    np.save(folder / "validation.npy", result.validation)
    files.write_table(folder / "history.csv", result.history)
    files.write_text(folder / "facts.json", json.dumps(result.facts))


def _kept_fold(folder: Path) -> FoldResult:
    facts = json.loads((folder / "facts.json").read_text())
    probabilities, validation = (np.load(folder / f"{name}.npy") for name in ("probabilities", "validation"))
    return FoldResult(probabilities, validation, pd.read_csv(folder / "history.csv"), facts)
