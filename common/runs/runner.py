"""Runs one experiment: from the clips to the record.

manifest -> labels -> folds -> for each fold: arrays, training, predictions -> metrics, leak audit -> record. The result
of each finished fold is kept in the run's folder, so an interrupted run resumes there and gives the same result.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common import environment, files, splits
from common.arrays import Arrays, Prepared
from common.errors import ResultError
from common.learners import data_parallel, memory
from common.learners.learner import Learner, best_epoch
from common.runs import claims, ensemble, records
from common.runs.evaluation import FoldResult, content_of, predictions_of, timings_of
from common.runs.identity import identity_of
from common.runs.jobs import Job, Material, gather, leaks_of, unusable_files_listed
from common.seeds import derive
from common.study import Ensemble, Size, Training
from common.tasks import Task

DIGITS = 16
"""Number of digits of a sound's digest in `split.csv`: enough to tell the clips of a corpus apart."""
FACTS = "facts.json"
"""The last file of a finished fold; it has the digests of the others."""
BATCH_ORDERS: Mapping[Size, int] = {"full": 20, "demo": 5}
"""Number of random orders of the test clips that are tried if predictions depend on their batch."""


def run(job: Job, announce: Callable[[str], None] = lambda line: None) -> records.Record:
    """Run one experiment, or return its record if it is finished.

    Args:
        job: what to run.
        announce: receives a line of text before each fold.

    Raises:
        InputError: the clips do not suit the experiment, or files are damaged; the folder is in use, cannot be written,
            or holds a run of other clips or settings; or a member of an ensemble has no finished run.
        ResultError: the loss or a prediction is not finite.
        BudgetSpentError: the deadline has passed; the same call resumes the run.
    """
    with claimed(job) as run:
        return run.record or finished(run, announce)


@dataclass(frozen=True)
class Claimed:
    """A run whose folder is held: its clips, all that decides its numbers, and its record if it is finished."""

    job: Job
    material: Material
    identity: dict[str, Any]
    record: records.Record | None = None


@contextmanager
def claimed(job: Job) -> Iterator[Claimed]:
    """Hold the folder of a run, to begin the run or to resume it.

    Raises:
        InputError: as `run` does.
    """
    material = gather(job)
    identity = identity_of(job, material)
    if isinstance(job.method, Ensemble):  # whose numbers also depend on the members' runs
        identity |= ensemble.identity_of_members(job, job.method)
    with records.hold(job.folder):
        if job.options.fresh:
            claims.clear(job.folder)
        if (job.folder / "record.json").exists():
            record = records.read(job.folder)
            claims.check_finished(job.folder, "run", record.data["configuration"]["identity"], identity)
            yield Claimed(job, material, identity, record)
            return
        claims.begin(job.folder, "run", identity, epochs_may_change=_epochs_may_change(job))
        with unusable_files_listed(job.options.runs):
            yield Claimed(job, material, identity)


def follow(job: Job) -> None:
    """Train and test the folds that the leading process names, in step with its `run` of the same job.

    The results are the same in both processes; what is written here is deleted.

    Raises:
        InputError, ResultError, BudgetSpentError: as `run` does.
    """
    material = gather(job)
    with tempfile.TemporaryDirectory() as folder:
        elsewhere = replace(job, options=replace(job.options, runs=Path(folder)))
        while (number := data_parallel.received_fold()) != data_parallel.NO_FOLD:
            with memory.released():
                _make_fold(elsewhere, material, number, lambda line: None)


def _epochs_may_change(job: Job) -> bool:
    """Return whether an interrupted run may go on with other epochs: no fold is finished, and none is retrained."""
    begun = any((job.folder / "work").glob(f"fold-*/{FACTS}"))
    return isinstance(job.method, Training) and not job.method.retrain and not begun


def finished(run: Claimed, announce: Callable[[str], None]) -> records.Record:
    """Finish a run: make the folds that have no result yet, and write the record."""
    job, material, began = run.job, run.material, time.monotonic()
    for remark in material.remarks:
        announce(f"note: {remark}")
    if isinstance(job.method, Ensemble):
        results = ensemble.combined(job, material, job.method)
    else:
        results = [_fold(job, material, number, announce) for number in range(len(material.folds))]
    files.write_table(job.folder / "predictions.csv", predictions_of(job.study, material, results))
    _write_curves(job.folder, material, results)
    content = content_of(job, material, results, run.identity)
    content["timings"] = timings_of(results, time.monotonic() - began)
    content["environment"] |= _machines_of(results)
    # Last of all files: a folder with a record holds a finished run.
    record = records.write(job.folder, content)
    shutil.rmtree(job.folder / "work")  # after the record: killed in between, the run is still finished
    return record


def _machines_of(results: Sequence[FoldResult]) -> dict[str, Any]:
    """Return the hardware and threads that made the folds, perhaps of other machines; lists if they differ."""
    made = [result.facts["made_with"] for result in results if "made_with" in result.facts]
    found = {name: list(dict.fromkeys(one[name] for one in made)) for name in ("hardware", "threads") if made}
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _write_curves(folder: Path, material: Material, results: Sequence[FoldResult]) -> None:
    names, digests = list(material.clips["name"]), np.array([_short(digest) for digest in material.sounds])
    parts = [
        fold.frame(names, fold=number).assign(digest=digests[np.concatenate(list(fold.sets().values()))])
        for number, fold in enumerate(material.folds)
    ]
    files.write_table(folder / "split.csv", pd.concat(parts, ignore_index=True))
    histories = pd.concat(
        [result.history.assign(fold=number) for number, result in enumerate(results)], ignore_index=True
    )
    # Which scores there are depends on the task and on the training.
    scores = [name for name in histories if name not in ("fold", "stage", "epoch", "seconds")]
    files.write_table(folder / "history.csv", histories[["fold", "stage", "epoch", *scores, "seconds"]])


def _short(digest: str) -> str:
    """Return the first digits of a sound's digest; for a piece of a file, with its offset."""
    file, at, offset = digest.partition("@")
    return f"{file[:DIGITS]}{at}{offset}"


def unfinished(run: Claimed) -> list[int]:
    """Return the numbers of the folds that have no result, or a damaged one."""
    return [number for number in range(len(run.material.folds)) if not _is_kept(run.job, number)]


def _is_kept(job: Job, number: int) -> bool:
    try:
        _kept_fold(job, number)
    except files.DamagedError:
        return False
    return True


def make_fold(job: Job, material: Material, number: int) -> None:
    """Train and test one fold, in another process than that which holds the folder of the run.

    If two processes are given the same fold, because one of them seemed to be dead, the second waits.
    """
    with files.alone(_place(job, number)):
        _fold(job, material, number, lambda line: None)


def label_of(job: Job, material: Material, number: int) -> str:
    """Return the words for one fold; messages and stages of its training begin with them."""
    folds = f" fold {number + 1}/{len(material.folds)}" if len(material.folds) > 1 else ""
    return f"{job.experiment.id} {job.protocol.name} seed {job.options.seed}{folds}"


def _fold(job: Job, material: Material, number: int, announce: Callable[[str], None]) -> FoldResult:
    """Train and test one fold, or read its result if it is finished."""
    if (_place(job, number) / FACTS).exists():
        try:
            return _kept_fold(job, number)
        except files.DamagedError as error:
            announce(f"{error}: fold {number + 1} is done again")
    data_parallel.send_fold(number)
    with memory.released():
        _make_fold(job, material, number, announce)
    # A new fold is read back too, so that its numbers are those that a resumed run would have.
    return _kept_fold(job, number)


def _make_fold(job: Job, material: Material, number: int, announce: Callable[[str], None]) -> None:
    """Train and test one fold, and keep its model and its result."""
    label = label_of(job, material, number)
    split, began = material.folds[number], time.monotonic()
    validating = f"{len(split.validation)} validation clips, " if len(split.validation) else ""
    announce(f"{label}: {len(split.train)} training clips, {validating}{len(split.test)} test clips")
    prepared = job.experiment.inputs.prepare(material.clips, split, material.targets, job.setting)
    # `prepare` decodes audio and computes features; only the decoding is timed inside.
    features_s = round(time.monotonic() - began - prepared.load_s, 2)
    learner, history, best = _learned(job, prepared, material.task, number, label)
    predicting = time.monotonic()
    outputs = learner.predict(prepared.test.x)
    ms_per_clip = round((time.monotonic() - predicting) / len(outputs) * 1000, 3)
    if not np.isfinite(outputs).all():
        raise ResultError(f"{label}: predictions are not finite numbers; no record is written")
    # A fold may have no validation clips, and Keras cannot predict an empty batch.
    nothing = np.empty((0, len(material.task.outputs)), np.float32)
    validation = learner.predict(prepared.validation.x) if len(prepared.validation.x) else nothing
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
        "leaks": leaks_of(job.study, material, number, prepared.augmented, prepared.scaler_rows),
        "orders": _other_orders(job, material.task, learner, prepared.test),
        "notes": prepared.notes,
        "untrained": prepared.untrained,
        "peak_memory_mib": environment.peak_memory_mib(),
        "made_with": {"hardware": environment.hardware(), "threads": environment.threads()},
    }
    model = _keep_model(job.folder / f"fold-{number}", learner, prepared)
    _keep_fold(job, FoldResult(outputs, validation, history, facts), model)


def _place(job: Job, number: int) -> Path:
    return job.folder / "work" / f"fold-{number}"


def _first_epochs(history: pd.DataFrame) -> int | None:
    """Return the number of epochs of the first stage; None for an estimator, which has no epochs."""
    if history.empty:
        return None
    return int(history.loc[history["stage"] == history["stage"].iloc[0], "epoch"].max())


def _learned(
    job: Job, prepared: Prepared, task: Task, fold: int, label: str
) -> tuple[Learner, pd.DataFrame, int | None]:
    """Return the learner, the learning curves of all stages, and the best epoch of the first stage."""
    method = job.method
    if not isinstance(method, Training):
        learner = job.learner(task, fold)
        return learner, learner.fit(prepared.train, stage=label).assign(stage="fit"), None
    return _trained(job, method, prepared, task, fold, label)


def _trained(
    job: Job, training: Training, prepared: Prepared, task: Task, fold: int, label: str
) -> tuple[Learner, pd.DataFrame, int]:
    first_stage = "search" if training.retrain else "train"
    learner = job.learner(task, fold, first_stage)
    history = learner.fit(prepared.train, prepared.validation, epochs=training.epochs, stage=f"{label} {first_stage}")
    best = best_epoch(history, by=training.monitor, mode=task.MONITORS[training.monitor])
    curves = [history.assign(stage=first_stage)]
    if training.retrain:
        # No validation clips: all that they are for is known, the number of epochs.
        learner = job.learner(task, fold, "retrain")
        history = learner.fit(prepared.train, None, epochs=best, stage=f"{label} retrain")
        curves.append(history.assign(stage="retrain"))
    return learner, pd.concat(curves, ignore_index=True), best


def _other_orders(job: Job, task: Task, learner: Learner, test: Arrays) -> list[float]:
    """Return the sum of the per-clip scores for each random order of the test clips; empty if order has no effect."""
    if not job.study.batch_dependent(job.experiment, job.setting):
        return []
    sums = []
    for number in range(BATCH_ORDERS[job.setting.size]):
        # Each order has a seed of its own, so a resumed run tries the same orders.
        order = np.random.default_rng(derive(job.options.seed, "test order", number)).permutation(len(test.x))
        sums.append(float(task.per_clip(test.y[order], learner.predict(test.x[order])).sum()))
    return sums


def _keep_model(folder: Path, learner: Learner, prepared: Prepared) -> list[Path]:
    """Write the model and its front end, and return their files."""
    front_end, model = folder / "front_end.npz", folder / learner.FILE
    arrays: dict[str, Any] = dict(prepared.front_end)
    with files.replacing(front_end) as temporary:
        np.savez(temporary, **arrays)
    learner.save(model)
    return [front_end, model]


def _keep_fold(job: Job, result: FoldResult, model: Sequence[Path]) -> None:
    folder = _place(job, result.facts["fold"])
    outputs, validation, history = (folder / name for name in ("outputs.npy", "validation.npy", "history.csv"))
    for path, values in ((outputs, result.outputs), (validation, result.validation)):
        with files.replacing(path) as temporary:
            np.save(temporary, values)
    files.write_table(history, result.history)
    # Last: if this file is there, the fold is complete. It has the digests of all others.
    others = [outputs, validation, history, *model]
    digests = {path.relative_to(job.folder).as_posix(): files.digest_of(path) for path in others}
    files.write_sealed(folder / FACTS, {"facts": result.facts, "files": digests})


def _kept_fold(job: Job, number: int) -> FoldResult:
    """Read the result of a finished fold.

    Raises:
        DamagedError: one of its files is not what was written.
    """
    folder = _place(job, number)
    kept = files.read_sealed(folder / FACTS)
    for name, digest in kept["files"].items():
        files.check_digest(job.folder / name, digest)
    outputs, validation = (np.load(folder / f"{name}.npy") for name in ("outputs", "validation"))
    return FoldResult(outputs, validation, files.read_table(folder / "history.csv"), kept["facts"])
