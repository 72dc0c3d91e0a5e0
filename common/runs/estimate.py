"""Estimates the time, memory and disk space of a run from a few measured steps: `run --dry-run`."""

import heapq
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from common import environment, splits
from common.arrays import Arrays
from common.learners import frozen, keras3
from common.learners.learner import class_of
from common.progress import duration_in_words
from common.runs.jobs import Job, remarks_before
from common.study import Ensemble, Experiment, Fit
from common.tasks import Task

FLOAT32_BYTES, MIB = 4, 2**20


@dataclass(frozen=True)
class Estimate:
    """The estimated cost of a run.

    Attributes:
        experiment: id of the experiment.
        protocol: name of the protocol.
        clips: number of clips.
        folds: number of folds.
        parameters: parameters of the network; None if nothing is trained in epochs.
        epoch_s: seconds of the longest epoch; None if nothing is trained in epochs.
        fold_s: seconds of each fold, at most.
        total_s: seconds of the whole run, at most, on this many workers.
        memory_mib: memory in MiB of all workers.
        disk_mib: disk space in MiB.
        workers: number of processes that train folds at the same time.
        frozen_s: seconds for frozen layers, which run once per clip before training; None without frozen layers.
        remarks: what a reader of the result should know of the clips, one sentence each.
    """

    experiment: str
    protocol: str
    clips: int
    folds: int
    parameters: int | None
    epoch_s: float | None
    fold_s: Sequence[float]
    total_s: float
    memory_mib: float
    disk_mib: float
    workers: int = 1
    frozen_s: float | None = None
    remarks: Sequence[str] = ()

    def __str__(self) -> str:
        if self.parameters is None or self.epoch_s is None:
            time_in_words = f"about {duration_in_words(self.total_s)} to fit once the features are there"
        else:
            time_in_words = f"{self.parameters:,} parameters, {self.epoch_s:.1f} s per epoch, at most "
            time_in_words += duration_in_words(self.total_s)
        if self.frozen_s is not None:
            time_in_words += f" with {duration_in_words(self.frozen_s)} for the frozen layers, which run once"
        spread = f" on {self.workers} workers" if self.workers > 1 else ""
        return (
            f"{self.experiment} {self.protocol}: {self.clips} clips in {self.folds} fold(s){spread}, {time_in_words}, "
            f"about {self.memory_mib:,.0f} MiB of memory, {self.disk_mib:,.0f} MiB of disk"
            + "".join(f"\nnote: {remark}" for remark in self.remarks)
        )


def total_s(estimates: Sequence[Estimate]) -> float:
    """Return the seconds, at most, of several runs on the same workers."""
    folds = [seconds for one in estimates for seconds in one.fold_s]
    workers = max((one.workers for one in estimates), default=1)
    return _elapsed(folds, workers) + sum(one.frozen_s or 0 for one in estimates)


def _elapsed(tasks: Sequence[float], workers: int) -> float:
    """Return the seconds until the last task ends, if each in turn is given to the worker that is free first."""
    free_at = [0.0] * workers
    for seconds in tasks:
        heapq.heapreplace(free_at, free_at[0] + seconds)
    return max(free_at)


def estimate(job: Job, workers: int = 1) -> Estimate:
    """Measure a few training steps, or one fit, on noise and return the cost of the whole run.

    The steps are measured on one device, whatever the strategy of the run is.

    Args:
        job: the run.
        workers: number of processes that train folds at the same time, each as fast as this one.

    Raises:
        InputError: the clips do not suit the experiment, or the model cannot be built.
    """
    clips = job.clips()
    task, folds, method = job.task(clips), job.folds(clips), job.method
    said = remarks_before(job, clips, task, task.targets(clips), folds)
    costing = partial(
        Estimate, job.experiment.id, job.protocol.name, len(clips), len(folds), workers=workers, remarks=said
    )
    decoded_mib = _decoded_mib(job.experiment, len(clips))
    if isinstance(method, Fit):
        fit_s, model_mib = _of_one_fit(job, clips, task, folds[0])
        disk_mib = decoded_mib + model_mib * len(folds)
        fits_s = [fit_s] * len(folds)
        memory_mib = environment.peak_memory_mib() * workers
        return costing(None, None, fits_s, _elapsed(fits_s, workers), memory_mib, disk_mib)
    if isinstance(method, Ensemble):  # it reads stored predictions, which takes no time
        return costing(None, None, [], 0.0, environment.peak_memory_mib(), 0.0)
    _prepare_few(job, clips, task, folds[0])
    stages = 2 if method.retrain else 1
    for _ in range(stages):  # a run, too, has the models of both stages in memory
        learner = class_of(job.experiment)(partial(_here(job).build, len(task.outputs)), task, method)
        divided = learner.divided if learner.divided and learner.divided.fits(len(clips)) else None
        if job.augment is not None:  # then the frozen layers run in every epoch
            divided = None
        trained = divided.rest if divided else learner.model
        rate = keras3.steps_per_second(trained, _noise(trained, task, method.batch_size))
    rows = [len(fold.train) * (1 + job.experiment.inputs.copies) for fold in folds]
    # Validation is left out: it has few clips and no backward pass.
    epoch_s = max(rows) / method.batch_size / rate
    frozen_s = _seconds_of_frozen(divided, len(clips)) if divided else None
    held_out = max(len(fold.validation) + len(fold.test) for fold in folds)
    # The arrays, and what each stage of training and each other set copies for tf.data.
    copies = max(rows) * (1 + stages) + held_out * 2
    in_memory, on_disk = _inputs_mib(learner.model, divided, copies, len(clips))
    if job.experiment.inputs.on_disk:
        in_memory = 0.0
    fold_s = [count / method.batch_size / rate * method.epochs * stages for count in rows]
    models_mib = _models_mib(learner.model.count_params(), trained.count_params(), len(folds), stages)
    return costing(
        learner.model.count_params(),
        epoch_s,
        fold_s,
        _elapsed(fold_s, workers) + (frozen_s or 0),
        (environment.peak_memory_mib() + in_memory) * workers,
        decoded_mib + on_disk + models_mib,
        frozen_s=frozen_s,
    )


def _noise(model: keras.Model, task: Task, clips: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a batch of random inputs and targets of a model."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(clips, *_shape_of_clip(model))).astype(np.float32)
    return x, task.noise(clips, draw)


def _shape_of_clip(model: keras.Model) -> tuple[int, ...]:
    """Return the shape of a model's input for one clip. A tf-keras model has a list of inputs of the same shape."""
    shape = model.input_shape
    return tuple((shape[0] if isinstance(shape, list) else shape)[1:])


def _seconds_of_frozen(divided: frozen.Divided, clips: int) -> float:
    batch = np.zeros((frozen.CLIPS_AT_ONCE, *divided.trunk.input_shape[1:]), divided.trunk.inputs[0].dtype)
    divided.trunk.predict_on_batch(batch)  # not timed: the first batch includes compilation
    began = time.monotonic()
    divided.trunk.predict_on_batch(batch)
    return (time.monotonic() - began) * clips / len(batch)


def _prepare_few(job: Job, clips: pd.DataFrame, task: Task, fold: splits.Split) -> None:
    """Prepare a clip of each set as the run does, for the memory that decoding and features take besides the arrays."""
    first = [of_set[:1] for of_set in fold.sets().values()]
    few, here = clips.iloc[np.concatenate(first)].reset_index(drop=True), _here(job)
    # A set may be empty, such as that of validation clips.
    sets = np.split(np.arange(len(few)), np.cumsum([len(rows) for rows in first])[:-1])
    here.experiment.inputs.prepare(few, splits.Split(*sets), task.targets(few), here.setting)


def _inputs_mib(model: keras.Model, divided: frozen.Divided | None, copies: int, clips: int) -> tuple[float, float]:
    """Return the size in MiB of so many inputs in memory, and of those of all clips on the disk."""
    one, kept = float(np.prod(_shape_of_clip(model))) / MIB, divided.gib(clips) * 1024 if divided else 0.0
    if model.inputs[0].dtype == "uint8":  # pictures stay in the cache on the disk
        return 0.0, clips * one + kept
    return copies * one * FLOAT32_BYTES, kept


def _here(job: Job) -> Job:
    """Return the job with random weights if its weights would have to be downloaded: time and size are the same."""
    if Path(job.options.weights).exists():
        return job
    return replace(job, options=replace(job.options, weights="none"))


def _of_one_fit(job: Job, clips: pd.DataFrame, task: Task, fold: splits.Split) -> tuple[float, float]:
    """Fit a fold to the labels of its clips and noise, as wide as the inputs; return its seconds and MiB."""
    draw, rows = np.random.default_rng(0), fold.train
    noise = draw.normal(size=(len(clips), job.experiment.inputs.settings.get("features", 1))).astype(np.float32)
    learner, targets = job.learner(task), task.targets(clips)
    began = time.monotonic()
    learner.fit(Arrays(noise[rows], targets[rows]), stage=job.experiment.id)
    learner.predict(noise[fold.test])  # of some estimators, such as nearest neighbours, this takes most of the time
    elapsed = time.monotonic() - began
    with tempfile.TemporaryDirectory() as folder:
        learner.save(Path(folder) / learner.FILE)
        return elapsed, (Path(folder) / learner.FILE).stat().st_size / MIB


def _decoded_mib(experiment: Experiment, clips: int) -> float:
    """Return the size of the decoded clips in the cache, float32, in MiB; 0 if the experiment caches none."""
    samples = experiment.inputs.settings.get("sample_rate", 0) * experiment.inputs.settings.get("duration_s", 0)
    return clips * samples * FLOAT32_BYTES / MIB


def _models_mib(parameters: int, trained: int, folds: int, stages: int) -> float:
    """Return the size in MiB of the saved models and the checkpoints.

    A saved model has its weights and Adam's two moments. A checkpoint also has the best weights.

    Args:
        parameters: parameters of the model.
        trained: parameters of the part that is trained; all of them, unless frozen layers run once.
        folds: number of saved models.
        stages: number of trainings per fold.
    """
    return folds * (3 * parameters + 4 * stages * trained) * FLOAT32_BYTES / MIB
