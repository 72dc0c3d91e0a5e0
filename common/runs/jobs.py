"""The description of a run before it starts: experiment, protocol, clips and options."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common import splits
from common.corpora import CORPORA, Scan
from common.corpora.scanning import LEAVE_OUT, write_list
from common.errors import InputError
from common.learners.learner import class_of
from common.learners.pipeline import Augment
from common.runs import records, remarks
from common.runs.digests import digests_of, sounds_of
from common.runs.split_file import SplitFile
from common.seeds import derive
from common.signals.audio import UnusableFilesError
from common.study import Experiment, Fit, Method, Protocol, Setting, Size, Study, Training, Value
from common.tasks import Task


@dataclass(frozen=True)
class Options:
    """The options of a run on the command line.

    Attributes:
        runs: folder of all runs.
        seed: seed of everything random.
        size: `full`, or `demo` for a few epochs of training.
        overrides: fields of `Training` with other values than the document's.
        model: adjustable settings of the model with other values than the document's.
        folds: number of folds to run, from the first. None: all.
        fresh: delete the files of an earlier run first.
        strategy: how one training is divided between devices: `none`, `mirrored` or `data-parallel`.
        deadline: the `time.monotonic()` (s) at which training pauses. None: never.
        weights: weights of a pretrained network: a name, the path of a file or folder, or `none` for random weights.
        impulse_responses: a folder of them, if the experiment convolves its training clips; "": they are synthesised.
        split: a split or folds of others in place of the protocol's.
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
    impulse_responses: str = ""
    split: SplitFile | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """What the command line sets otherwise than the document, by name."""
        of_split = {"split": self.split.in_words} if self.split else {}
        return {**self.overrides, **self.model, **of_split}


@dataclass(frozen=True)
class Job:
    """One run: an experiment under a protocol, on clips, with options."""

    study: Study
    experiment: Experiment
    protocol: Protocol
    scan: Scan
    options: Options

    @property
    def setting(self) -> Setting:
        """The setting that models and data depend on."""
        options = self.options
        return Setting(self.protocol.switches, options.seed, options.size, options.weights, options.impulse_responses)

    @property
    def method(self) -> Method:
        """The method of the document; for a training, with the values of the options."""
        return method_of(self.experiment, self.options, self.protocol.switches)

    @property
    def augment(self) -> Augment | None:
        """What alters the training batches of this run."""
        augment = self.experiment.inputs.augment
        return (lambda x, y, random: augment(x, y, random, self.setting)) if augment else None

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
        """Return the uncompiled model or the unfitted estimator, with the settings in the options.

        Raises:
            InputError: the model cannot be built with the settings of `--config`.
        """
        try:
            return self.experiment.build(self.setting, outputs, **self.options.model)
        except ValueError as error:
            if not self.options.model:
                raise
            settings = ", ".join(f"{name} = {value}" for name, value in self.options.model.items())
            reason = str(error).splitlines()[0]
            raise InputError(f"{self.experiment.id} cannot be built with {settings} of --config: {reason}") from error

    def learner(self, task: Task, fold: int = 0, stage: str = "") -> Any:
        """Return a new learner for one fold, ready to be fitted.

        Args:
            task: what it predicts.
            fold: number of the fold. Each fold has its own random numbers.
            stage: name of the stage of training. Each stage has its own random numbers.
        """
        options, method = self.options, self.method
        if isinstance(method, Fit):  # one stage only
            seed = derive(options.seed, "fold", fold)
            return class_of(self.experiment)(self.build(len(task.outputs)), task, seed=seed, deadline=options.deadline)
        return class_of(self.experiment)(
            partial(self.build, len(task.outputs)),
            task,
            method,
            seed=derive(options.seed, "fold", fold, stage),
            augment=self.augment,
            folder=self.folder / "work",
            strategy=options.strategy,
            deadline=options.deadline,
        )

    def clips(self) -> pd.DataFrame:
        """Return the labelled clips of the run: all, or those in the list of others.

        Raises:
            InputError: nothing would be read of any clip, or none is in the list.
        """
        return self.options.split.listed(self.labelled()) if self.options.split else self.labelled()

    def labelled(self) -> pd.DataFrame:
        """Return the manifest, labelled according to the protocol's switches, without clips of which nothing is read.

        Raises:
            InputError: nothing would be read of any clip.
        """
        manifest, skipped_s = self.scan.manifest, self.experiment.inputs.skipped_s
        kept = manifest[~remarks.too_short(manifest, skipped_s)].reset_index(drop=True)
        if kept.empty:
            raise InputError(
                f"no clip is longer than the {skipped_s:g} s that {self.experiment.id} skips at the beginning of each; "
                "use longer recordings"
            )
        return self.study.label(kept, self.setting)

    def task(self, clips: pd.DataFrame) -> Task:
        """Return the task, with the document's outputs or, if the clips have others, with those of the clips.

        A corpus of your own has the outputs of its clips, even if the document has them too.

        Raises:
            InputError: nothing can be learned from the clips, or an output has the name of another column of
                `predictions.csv`.
        """
        own = set(clips["corpus"]).isdisjoint(CORPORA)
        task = self.study.task_of(self.experiment).of(clips, own=own)
        reserved = {*clip_columns(self.study), "true", "predicted"}
        if taken := sorted(reserved & set(task.outputs)):
            raise InputError(f"predictions.csv has a column {', '.join(taken)} already: rename the class of that name")
        return task

    def folds(self, clips: pd.DataFrame) -> list[splits.Split]:
        """Return the folds to run."""
        return self.all_folds(clips)[: self.options.folds]

    def all_folds(self, clips: pd.DataFrame) -> list[splits.Split]:
        """Return all folds of the protocol or of the list of others, whatever `--folds` is."""
        if listed := self.options.split:
            strata, trained = self.task(clips).strata(clips), isinstance(self.method, Training)
            return listed.folds(clips, strata, validated=trained, seed=self.options.seed)
        split = self.experiment.split or self.study.split
        return split(clips, self.setting)


def clips_for(study: Study, experiment: Experiment, scan: Scan) -> Scan:
    """Return the part of a scan that an experiment can be run on: published corpora that it uses, and your own.

    Raises:
        InputError: there is none.
    """
    accepted = study.accepted_by(experiment)
    usable = scan.without([found.corpus for found in scan.found if found.corpus in {*CORPORA} - {*accepted}])
    if usable.manifest.empty:
        raise InputError(f"{experiment.id} needs clips of {' or '.join(accepted)}; name their folder with --data")
    return usable


def method_of(experiment: Experiment, options: Options, switches: Mapping[str, str]) -> Method:
    """Return the method of an experiment under switches, with the size and the values in the options."""
    method = under(experiment, switches)
    if not isinstance(method, Training):
        return method
    if options.size == "demo":
        method = replace(method, **experiment.demo)
    # Last: what the command line sets has priority over the demo size.
    return replace(method, **options.overrides)


def under(experiment: Experiment, switches: Mapping[str, str]) -> Method:
    """Return the document's method of an experiment under switches."""
    method = experiment.method
    for name, value in switches.items():
        method = replace(method, **experiment.under.get(f"{name}={value}", {}))
    return method


def as_changed(experiment: Experiment, options: Options, switches: Mapping[str, str]) -> Options:
    """Return the options without settings that equal the document's own: such a run is not a changed one."""
    own = method_of(experiment, replace(options, overrides={}), switches)
    overrides = {name: value for name, value in options.overrides.items() if getattr(own, name, None) != value}
    model = {name: value for name, value in options.model.items() if experiment.model.get(name) != value}
    return replace(options, overrides=overrides, model=model)


@dataclass(frozen=True)
class Material:
    """The clips of a run.

    Attributes:
        clips: the relabelled manifest.
        digests: the digest of the bytes of each clip (`common.runs.digests`).
        sounds: the digest of the samples of each clip.
        task: what is predicted.
        targets: float32 (clips, outputs).
        folds: the folds that are run.
        left_out: the number of folds that are not run.
        remarks: what a reader of the result should know of the clips, one sentence each.
    """

    clips: pd.DataFrame
    digests: Sequence[str]
    sounds: Sequence[str]
    task: Task
    targets: np.ndarray
    folds: Sequence[splits.Split]
    left_out: int = 0
    remarks: Sequence[str] = ()


def gather(job: Job) -> Material:
    """Return the clips of a run, with their targets and folds.

    Raises:
        InputError: the clips do not suit the experiment.
    """
    clips = job.clips()
    every = job.all_folds(clips)  # all of them, to count those that `--folds` leaves out
    folds, task = every[: job.options.folds], job.task(clips)
    sounds, targets = sounds_of(clips), task.targets(clips)
    said = [*remarks_before(job, clips, task, targets, folds), *remarks.of_copies(clips, sounds, task.columns)]
    return Material(clips, digests_of(clips), sounds, task, targets, folds, len(every) - len(folds), said)


def remarks_before(
    job: Job, clips: pd.DataFrame, task: Task, targets: np.ndarray, folds: Sequence[splits.Split]
) -> list[str]:
    """Return what a reader should know of the clips of a run, as far as it is known before any file is read."""
    of_scan = [remark for found in job.scan.found for remark in found.remarks]
    labelled = job.labelled() if job.options.split else clips  # what a list leaves out is said in its own words
    of_list = job.options.split.remarks(labelled) if job.options.split else []
    of_clips = remarks.of_clips(job.scan.manifest, labelled, job.experiment.inputs.skipped_s)
    return [*of_scan, *of_list, *of_clips, *remarks.of_folds(task, targets, folds)]


def leaks_of(
    study: Study, material: Material, fold: int, augmented: np.ndarray, scaler_rows: np.ndarray
) -> list[splits.Leak]:
    """Return the leak audit of one fold.

    Args:
        study: names the columns whose values should be on one side of a split only.
        material: the clips of the run.
        fold: number of the fold.
        augmented: rows of the manifest whose altered copies are trained on.
        scaler_rows: rows of the manifest that a scaler was fitted on.
    """
    return splits.audit(
        material.clips,
        material.folds[fold],
        apart=study.apart,
        sounds=material.sounds,
        augmented=augmented,
        scaler_rows=scaler_rows,
    )


def clip_columns(study: Study) -> tuple[str, ...]:
    """Return the columns of a study's `predictions.csv` that identify a clip.

    If the study's unit is not the speaker but, say, a song, its column comes after the speaker.
    """
    unit = () if study.unit == "speaker" else (study.unit,)
    return ("name", "corpus", "speaker", *unit, "fold")


@contextmanager
def unusable_files_listed(runs: Path) -> Iterator[None]:
    """List all files that cannot be decoded, so that the next scan can leave them out.

    Args:
        runs: folder of all runs; gets the list.

    Raises:
        InputError: instead of `UnusableFilesError`; names the list.
    """
    try:
        yield
    except UnusableFilesError as error:
        place = runs / LEAVE_OUT
        write_list(place, error.paths)
        raise InputError(
            f"{error}. All of them are listed in {place}: move it into the folder of the corpus to leave them out"
        ) from error
