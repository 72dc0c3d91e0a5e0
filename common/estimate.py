"""What a run would take, measured before anything is started: `run --dry-run`."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from common import environment, splits, training
from common.progress import duration_in_words
from common.runner import Job
from common.study import Arrays, Experiment, Setting, one_hot

FLOAT32_BYTES, MIB = 4, 2**20


@dataclass(frozen=True)
class Estimate:
    """What a run would take, from a few measured steps; what is fitted at once has no parameters and no epochs."""

    experiment: str
    protocol: str
    clips: int
    folds: int
    parameters: int | None
    epoch_s: float | None
    total_s: float
    memory_mib: float
    disk_mib: float

    def __str__(self) -> str:
        if self.parameters is None or self.epoch_s is None:
            time_in_words = f"about {duration_in_words(self.total_s)} to fit once the features are there"
        else:
            time_in_words = f"{self.parameters:,} parameters, {self.epoch_s:.1f} s per epoch, at most "
            time_in_words += duration_in_words(self.total_s)
        return (
            f"{self.experiment} {self.protocol}: {self.clips} clips in {self.folds} fold(s), {time_in_words}, "
            f"about {self.memory_mib:,.0f} MiB of memory, {self.disk_mib:,.0f} MiB of disk"
        )


def estimate(job: Job) -> Estimate:
    """Measure a few training steps, or one fit, on noise and say what the whole run would take at most."""
    clips = job.clips()
    classes, folds, chosen = job.classes(clips), job.folds(clips), job.training
    if chosen is None:
        return _of_fits(job, clips, classes, folds)
    learner = training.learner_of(job.experiment)(
        partial(job.experiment.build, _here(job.setting), len(classes)), chosen
    )
    shape = tuple(learner.model.inputs[0].shape[1:])
    draw = np.random.default_rng(0)
    batch = draw.normal(size=(chosen.batch_size, *shape)).astype(np.float32)
    targets = np.eye(len(classes), dtype=np.float32)[draw.integers(0, len(classes), chosen.batch_size)]
    rate = training.steps_per_second(learner, (batch, targets))
    rows = [len(fold.train) * (1 + job.experiment.noisy_copies) for fold in folds]
    epoch_s = max(rows) / chosen.batch_size / rate
    stages = 2 if chosen.retrain else 1
    features_mib = (max(rows) + len(clips)) * np.prod(shape) * FLOAT32_BYTES / MIB
    return Estimate(
        job.experiment.id,
        job.protocol.name,
        len(clips),
        len(folds),
        learner.model.count_params(),
        epoch_s,
        sum(rows) / chosen.batch_size / rate * chosen.epochs * stages,
        environment.peak_memory_mib() + float(features_mib),
        _decoded_mib(job.experiment, len(clips)) + _models_mib(learner.model.count_params(), len(folds), stages),
    )


def _here(setting: Setting) -> Setting:
    """Return the setting with random weights in place of those that would have to be fetched first."""
    return setting if Path(setting.weights).exists() else replace(setting, weights="none")


def _of_fits(job: Job, clips: pd.DataFrame, classes: Sequence[str], folds: Sequence[splits.Split]) -> Estimate:
    """Fit one fold's clips as they are labelled, with noise for features: as many as `inputs["features"]` says."""
    draw, rows = np.random.default_rng(0), folds[0].train
    noise = draw.normal(size=(len(clips), job.experiment.inputs["features"])).astype(np.float32)
    learner = training.SklearnLearner(job.experiment.build(job.setting, len(classes)), n_classes=len(classes))
    began = time.monotonic()
    learner.fit(Arrays(noise[rows], one_hot(clips["label"].iloc[rows], classes)), stage=job.experiment.id)
    learner.predict(noise[folds[0].test])
    elapsed = time.monotonic() - began
    with tempfile.TemporaryDirectory() as folder:
        learner.save(Path(folder) / learner.FILE)
        model_mib = (Path(folder) / learner.FILE).stat().st_size / MIB
    return Estimate(
        job.experiment.id,
        job.protocol.name,
        len(clips),
        len(folds),
        None,
        None,
        elapsed * len(folds),
        environment.peak_memory_mib(),
        _decoded_mib(job.experiment, len(clips)) + model_mib * len(folds),
    )


def _decoded_mib(experiment: Experiment, clips: int) -> float:
    """Return what the cache takes for the decoded clips, float32, if the experiment decodes any."""
    samples = experiment.inputs.get("sample_rate", 0) * experiment.inputs.get("duration_s", 0)
    return clips * samples * FLOAT32_BYTES / MIB


def _models_mib(parameters: int, folds: int, stages: int) -> float:
    """Return what models with Adam's two moments take, and a checkpoint per stage, which holds the best weights too."""
    return folds * (3 + 4 * stages) * parameters * FLOAT32_BYTES / MIB
