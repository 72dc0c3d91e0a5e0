"""A run that is about to start: which experiment, under which protocol, on which clips, with which options."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common import splits
from common.corpora import Scan
from common.errors import InputError
from common.learners.learner import class_of
from common.runs import records
from common.runs.digests import digests_of
from common.seeds import derive
from common.study import Experiment, Fit, Method, Protocol, Setting, Size, Study, Training, Value
from common.tasks import Task


@dataclass(frozen=True)
class Options:
    """What the command line sets of a run; None leaves the document's value.

    Attributes:
        runs: folder of all runs.
        seed: of everything random.
        size: `full`, or `demo` for models trained for a few epochs.
        overrides: fields of `Training` set to other values.
        model: adjustable settings of the model set to other values.
        folds: run only the first so many folds.
        fresh: delete what an earlier run left.
        strategy: of tf.distribute.
        deadline: `time.monotonic()` at which training pauses.
        weights: of a pretrained network: a name, the path of a file or folder, or `none` for random ones.
    """

    runs: Path
    seed: int = 0
    size: Size = "full"
    overrides: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Value] = field(default_factory=dict)
    folds: int | None = None
    fresh: bool = False
    strategy: str = "none"
    deadline: float | None = None
    weights: str = "none"


@dataclass(frozen=True)
class Job:
    """One run that is about to start: an experiment, under a protocol, on clips, with options."""

    study: Study
    experiment: Experiment
    protocol: Protocol
    scan: Scan
    options: Options

    @property
    def setting(self) -> Setting:
        """What models and data may depend on."""
        return Setting(self.protocol.switches, self.options.seed, self.options.size, self.options.weights)

    @property
    def method(self) -> Method:
        """The document's method, with the command line's values in it where it is a training."""
        return method_of(self.experiment, self.options)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return records.folder_of(
            self.options.runs, self.study.name, self.experiment.id, self.protocol.name, self.options.seed
        )

    @property
    def switches(self) -> dict[str, str]:
        """The switches that the experiment depends on, with their values."""
        return {name: self.protocol.switches[name] for name in self.experiment.switches}

    def build(self, outputs: int) -> Any:
        """Return the uncompiled model, or the unfitted estimator, with the settings that the options ask for."""
        return self.experiment.build(self.setting, outputs, **self.options.model)

    def learner(self, task: Task, fold: int = 0, stage: str = "") -> Any:
        """Return a new learner of one fold, ready to be fitted.

        Args:
            task: what it predicts.
            fold: its number; each has random numbers of its own.
            stage: of its training, likewise.
        """
        options, method = self.options, self.method
        if isinstance(method, Fit):
            seed = derive(options.seed, "fold", fold)
            return class_of(self.experiment)(self.build(len(task.outputs)), task, seed=seed, deadline=options.deadline)
        return class_of(self.experiment)(
            partial(self.build, len(task.outputs)),
            task,
            method,
            seed=derive(options.seed, "fold", fold, stage),
            augment=self.experiment.inputs.augment,
            folder=self.folder / "work",
            strategy=options.strategy,
            deadline=options.deadline,
        )

    def clips(self) -> pd.DataFrame:
        """Return the manifest, labelled as the protocol's switches say."""
        return self.study.label(self.scan.manifest, self.setting)

    def task(self, clips: pd.DataFrame) -> Task:
        """Return what is predicted of these clips: the document's outputs or, where the clips have others, theirs.

        Raises:
            InputError: nothing could be learned from the clips, or an output has the name of another column of
                `predictions.csv`.
        """
        task = self.study.task_of(self.experiment).of(clips)
        reserved = {*clip_columns(self.study), "true", "predicted"}
        if taken := sorted(reserved & set(task.outputs)):
            raise InputError(f"no class can be called {', '.join(taken)}, as a column of predictions.csv; rename it")
        return task

    def folds(self, clips: pd.DataFrame) -> list[splits.Split]:
        """Return the folds to run."""
        return self.all_folds(clips)[: self.options.folds]

    def all_folds(self, clips: pd.DataFrame) -> list[splits.Split]:
        """Return the folds of the protocol, `--folds` or not."""
        split = self.experiment.split or self.study.split
        return split(clips, self.setting)


def method_of(experiment: Experiment, options: Options) -> Method:
    """Return an experiment's method at the size and with the values that the options ask for."""
    method = experiment.method
    if not isinstance(method, Training):
        return method
    if options.size == "demo":
        method = replace(method, **experiment.demo)
    return replace(method, **options.overrides)


def as_changed(experiment: Experiment, options: Options) -> Options:
    """Return the options without settings that the experiment has anyway: a run of those is the document's own."""
    own = method_of(experiment, replace(options, overrides={}))
    overrides = {name: value for name, value in options.overrides.items() if getattr(own, name, None) != value}
    model = {name: value for name, value in options.model.items() if experiment.model.get(name) != value}
    return replace(options, overrides=overrides, model=model)


@dataclass(frozen=True)
class Material:
    """What a run is made of.

    Attributes:
        clips: the manifest, relabelled.
        digests: of each clip.
        task: what is predicted of them.
        targets: float32 (clips, outputs).
        folds: those that are run.
        left_out: how many are not.
    """

    clips: pd.DataFrame
    digests: Sequence[str]
    task: Task
    targets: np.ndarray
    folds: Sequence[splits.Split]
    left_out: int = 0


def gather(job: Job) -> Material:
    """Return the clips of a run.

    Raises:
        InputError: the clips do not suit the experiment.
    """
    clips = job.clips()
    every = job.all_folds(clips)
    folds, task = every[: job.options.folds], job.task(clips)
    return Material(clips, digests_of(clips), task, task.targets(clips), folds, len(every) - len(folds))


def leaks_of(
    study: Study, material: Material, fold: int, augmented: np.ndarray, scaler_rows: np.ndarray
) -> list[splits.Leak]:
    """Return the leak audit of one fold, given the rows whose altered copies train and those a scaler was fitted on."""
    return splits.audit(
        material.clips,
        material.folds[fold],
        apart=study.apart,
        digests=material.digests,
        augmented=augmented,
        scaler_rows=scaler_rows,
    )


def clip_columns(study: Study) -> tuple[str, ...]:
    """Return the columns of a study's `predictions.csv` that say which clip a row is of.

    Where clips share something else than a speaker, such as a song, it stands after the speaker.
    """
    unit = () if study.unit == "speaker" else (study.unit,)
    return ("name", "corpus", "speaker", *unit, "fold")
