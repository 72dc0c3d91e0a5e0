"""Predictions for audio files by the models of a finished run.

Models and settings are read from the run's folder. Only the study's code must be that of the run.
"""

import io
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common import cache
from common.arrays import FileInputs
from common.corpora.files import duration_or_reason
from common.errors import InputError
from common.learners.learner import Learner, class_of
from common.runs import checksums, ensemble, records, runner
from common.runs.identity import weights_in_words
from common.runs.jobs import under
from common.runs.records import Record
from common.signals import audio, sounds
from common.study import Ensemble, Experiment, Setting, Study, Training
from common.tasks import Task

SILENT = 0.001
"""A file whose peak is below this fraction of full scale is silent."""

LOUD = 10.0
"""Samples above this are taken for integers stored as floats: decoded files may exceed 1, but not so far (a choice)."""


@dataclass(frozen=True)
class Prediction:
    """The prediction of a run's models for one file.

    Attributes:
        file: its path.
        task: what is predicted.
        outputs: the mean over the parts of the file and over the models of the folds (outputs,).
        shares: the fraction of parts that each class has the highest output for (outputs,); None without classes.
        parts: number of parts of the file that were predicted separately.
        notes: what the user should know about this prediction, one sentence each.
        seeds: the outputs of each run that differs in the seed alone, this one's included; empty if there is no other.
        of_parts: the mean over the models for each part (parts, outputs); of an ensemble, whose members may divide a
            file in different ways, for the whole file.
        begins: where each part begins, in seconds; empty if that is not known or there is one part.
    """

    file: str
    task: Task
    outputs: np.ndarray
    shares: np.ndarray | None
    parts: int
    notes: tuple[str, ...]
    of_parts: np.ndarray
    begins: tuple[float, ...] = ()
    seeds: Mapping[int, np.ndarray] = field(default_factory=dict)

    @property
    def over_time(self) -> list[tuple[float, int, str]]:
        """The answer over time: where a stretch with one answer begins (s), its number of parts, the answer."""
        answers = [self.task.answer(outputs) for outputs in self.of_parts] if self.begins else []
        stretches: list[tuple[float, int, str]] = []
        for begin, answer in zip(self.begins, answers, strict=True):
            if stretches and stretches[-1][2] == answer:
                first, parts, _ = stretches.pop()
                stretches.append((first, parts + 1, answer))
            else:
                stretches.append((begin, 1, answer))
        return stretches

    @property
    def spread(self) -> str:
        """The lowest and highest of each output over the seeds, in words; empty with a single seed."""
        if not self.seeds:
            return ""
        low, high = np.min(list(self.seeds.values()), axis=0), np.max(list(self.seeds.values()), axis=0)
        ranges = [
            f"{name} {ends[0]:.3g} to {ends[1]:.3g}" for name, *ends in zip(self.task.outputs, low, high, strict=True)
        ]
        return f"over {len(self.seeds)} seeds: {', '.join(ranges)}"

    @property
    def predicted(self) -> str:
        """The prediction in words or numbers."""
        return self.task.answer(self.outputs)

    def facts(self) -> dict[str, Any]:
        """Return the prediction as plain values, for `--json`."""
        plural = {"probability": "probabilities", "value": "values"}[self.task.MEANING]
        more: dict[str, Any] = {} if self.shares is None else {"shares": self._named(self.shares)}
        if self.begins:
            more["over_time"] = [
                {"begin_s": begin, "parts": parts, "predicted": said} for begin, parts, said in self.over_time
            ]
        if self.seeds:
            more["seeds"] = {seed: self._named(outputs) for seed, outputs in self.seeds.items()}
        return {
            "file": self.file,
            "predicted": self.predicted,
            plural: self._named(self.outputs),
            "parts": self.parts,
            **more,
            "notes": list(self.notes),
        }

    def _named(self, values: np.ndarray) -> dict[str, float]:
        """Return a value per output by its name."""
        return dict(zip(self.task.outputs, map(float, values), strict=True))


def newest_run(study: Study, folders: Sequence[Path]) -> Record:
    """Return the run of a study that was finished last.

    Args:
        study: whose run.
        folders: folders of runs; the first one with a finished run is used.

    Raises:
        InputError: there is no finished run, or a record is damaged.
    """
    for runs in folders:
        # Only the first folder that has any: real runs (`runs`) come before those on the demo corpus.
        finished = [records.read(folder) for folder in records.find(runs / study.name)]
        if finished:
            return max(finished, key=lambda record: record.data["finished"])
    places = " or ".join(map(str, folders))
    raise InputError(
        f"there is no finished run of {study.name} in {places}; make one with "
        f"`python -m reproductions.{study.name} run`, or name its folder with --run"
    )


def run_in(study: Study, folder: Path) -> Record:
    """Return the run in a folder.

    Raises:
        InputError: the folder does not exist, has no finished run, several, a damaged one, or one of another study.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; name that of a finished run with --run")
    if not (folder / "record.json").exists() and (below := records.find(folder)):
        raise InputError(f"{folder} is not a run, but has {_counted(len(below))} in it; name one: --run {below[0]}")
    record = records.read(folder)
    if record.data["study"] != study.name:
        raise InputError(f"{folder} is a run of {record.data['study']}, not of {study.name}; name another with --run")
    return record


def _counted(runs: int) -> str:
    return "a run" if runs == 1 else f"{runs} runs"


def other_seeds(record: Record) -> list[Record]:
    """Return the finished runs beside this one that differ from it in the seed alone and have their models.

    Raises:
        InputError: a record is damaged.
    """
    identity = record.data["configuration"]["identity"]
    # Not every folder beside it: that of an exported run may be anywhere.
    beside = [records.read(path.parent) for path in sorted(record.folder.parent.glob("seed-*/record.json"))]
    return [
        one
        for one in beside
        if one.identity[:3] == record.identity[:3]
        and one.data["seed"] != record.data["seed"]
        and one.data["configuration"]["identity"] == identity
        and (one.folder / "fold-0").is_dir()
    ]


def origin(record: Record) -> str:
    """Return a sentence about the model: its experiment, protocol, seed and training data."""
    data = record.data["data"]
    study, experiment, protocol, seed = record.identity
    corpora = ", ".join(data["corpora"]) + (" (demo corpus: synthesised sounds)" if data["demo"] else "")
    split = record.split()
    clips = split[split["set"] == "train"].groupby("fold").size()
    # A fold may train on copies of its clips too, or leave clips out; neither makes more clips.
    fed = [int(fold["train"]) for fold in record.data["folds"]]
    trained = [min(fold["train"], int(clips[fold["fold"]])) for fold in record.data["folds"]]
    averaged = f"; mean of {len(trained)} models, one per fold" if len(trained) > 1 else ""
    with_copies = f" ({_range(fed)} with noisy copies)" if fed[0] > trained[0] else ""
    of_clips = f"trained on {_range(trained)} of {data['clips']:,} clips{with_copies} of {corpora}"
    return f"{study} {experiment}, protocol {protocol}, seed {seed}, {of_clips}{averaged}"


def _range(counts: Sequence[int]) -> str:
    return f"{min(counts):,} to {max(counts):,}" if len(set(counts)) > 1 else f"{counts[0]:,}"


class Models:
    """The models of a finished run, one per fold, ready to predict files. For an ensemble, the models of its members.

    Args:
        study: the study of the run.
        record: a finished run whose folder has its models.
        weights: if a pretrained network makes the features and its weights came from a file: the path of that file.

    Raises:
        InputError: the models are missing or damaged, the weights are different ones or not needed, or the study has
            changed the settings of its features since the run.
    """

    def __init__(self, study: Study, record: Record, *, weights: str | None = None) -> None:
        self._experiment = experiment = study.experiment(record.data["experiment"])
        self.seed: int = record.data["seed"]
        self._task, self._split = record.task, record.split()
        self._method = under(experiment, record.data["switches"])
        self._members: list[Models] = []
        self._folds: list[tuple[Learner, dict[str, np.ndarray]]] = []
        if isinstance(self._method, Ensemble):
            # An ensemble has no models of its own: its members predict the file.
            members = [study.experiment(name) for name in self._method.weights]
            _refuse_idle_weights(weights, members)
            for member in members:
                own = weights if features_are_pretrained(member) else None
                run = run_in(study, ensemble.member_folder(study, record, member.id))
                self._members.append(Models(study, run, weights=own))
            self._about: tuple[str, ...] = ()
            return
        _refuse_idle_weights(weights, [experiment])
        check_inputs(record, experiment)
        used = _weights(record, experiment, weights)
        self._setting = Setting(record.data["switches"], record.data["seed"], record.data["size"], used)
        self._folds = [_load(record, experiment, fold["fold"]) for fold in record.data["folds"]]
        learners = [learner for learner, _ in self._folds]
        self._about = _about_models(study, experiment, self._setting, record, learners)

    def predict(self, path: Path) -> Prediction:
        """Predict one file.

        Args:
            path: an audio file in any format that libsndfile reads.

        Returns:
            The mean over the models of the folds and over the parts of the file.

        Raises:
            InputError: the file is not audio, damaged or too short.
        """
        if isinstance(reason := duration_or_reason(path), str):
            raise InputError(f"{path}: {reason}; predict takes whole audio files")
        if isinstance(self._method, Ensemble):
            return self._averaged(path, self._method)
        inputs, setting = self._experiment.inputs, self._setting
        # Each fold has its own front end, such as a scaler fitted on its training clips.
        fed: list[FileInputs] = [inputs.of_file(path, setting, front_end) for _, front_end in self._folds]
        by_fold = [learner.predict(inputs.x) for (learner, _), inputs in zip(self._folds, fed, strict=True)]
        of_parts = np.mean(by_fold, axis=0)
        known = _about_sets(path, self._split, len(self._folds))
        notes = (*_about_sound(path), *dict.fromkeys(fed[0].notes), *known, *self._about)
        shares = self._task.shares(of_parts)
        begins = fed[0].begins if len(of_parts) > 1 else ()
        return Prediction(str(path), self._task, of_parts.mean(axis=0), shares, len(of_parts), notes, of_parts, begins)

    def _averaged(self, path: Path, method: Ensemble) -> Prediction:
        """Return the weighted mean of the members' predictions for the whole file."""
        each = [member.predict(path) for member in self._members]
        outputs = ensemble.mean_of([one.outputs[np.newaxis] for one in each], self._task, method)[0]
        notes = tuple(dict.fromkeys(note for one in each for note in one.notes))
        parts = max(one.parts for one in each)
        return Prediction(str(path), self._task, outputs, None, parts, notes, outputs[np.newaxis])


def with_seeds(models: Models, others: Sequence[Models], path: Path) -> Prediction:
    """Predict one file, with the predictions of other seeds beside it.

    Args:
        models: of the run.
        others: of the runs with other seeds.
        path: an audio file.

    Raises:
        InputError: the file is not audio, damaged or too short.
    """
    one = models.predict(path)
    if not others:
        return one
    return replace(
        one, seeds={known.seed: known.predict(path).outputs for known in others} | {models.seed: one.outputs}
    )


def table(made: Sequence[Prediction], refused: Mapping[Path, str]) -> pd.DataFrame:
    """Return a row per part of each file, with its answer and outputs, and a row per refused file, with the reason."""
    rows: list[dict[str, Any]] = []
    for one in made:
        begins = one.begins or (None,) * len(one.of_parts)
        for part, (begin, outputs) in enumerate(zip(begins, one.of_parts, strict=True), start=1):
            place = {"file": one.file, "part": part, "begin_s": begin, "predicted": one.task.answer(outputs)}
            rows.append(place | dict(zip(one.task.outputs, map(float, outputs), strict=True)))
    rows += [{"file": str(path), "error": error} for path, error in refused.items()]
    return pd.DataFrame(rows)


def _about_sound(path: Path) -> list[str]:
    """Return a note if the file is silent once its channels are mixed, if samples are no numbers, or far too loud."""
    peak = audio.peak(path)
    if not math.isfinite(peak):
        return ["the file has samples that are not finite numbers, outside the part that is read"]
    if peak > LOUD:
        return [f"its samples go up to {peak:,.0f} times full scale: integers stored as floats? Divide them"]
    if peak >= SILENT:
        return []
    loudest = f"{20 * math.log10(SILENT):.0f} dB of full scale"
    return [f"the file is silent (its peak is below {loudest}): the prediction means nothing"]


def _about_sets(path: Path, split: pd.DataFrame, models: int) -> list[str]:
    """Return a note for each set of a run, but the test set, that a file is in: a prediction for it is no test.

    Args:
        path: the file. Files are compared by their samples, not by their names.
        split: `Record.split` of the run.
        models: number of folds of the run.
    """
    # Runs of earlier versions have the digests of the bytes.
    known = [digest[: runner.DIGITS] for digest in (*sounds.digests([path]), *cache.file_digests([path]))]
    same = split["digest"].str.partition("@")[0].isin(known)  # after the @ is the offset of a piece
    notes = []
    for name, what in (("train", "training"), ("validation", "validation")):
        folds = split.loc[same & (split["set"] == name), "fold"].nunique()
        of_folds = f" in {folds} of {models} folds" if models > 1 else ""
        if folds:
            notes.append(f"this file is a {what} clip of the model{of_folds}: its prediction is no test")
    return notes


def check_inputs(record: Record, experiment: Experiment) -> None:
    """Refuse a model if the study has other switches, or other settings of its features, than at the time of the run.

    Raises:
        InputError: names the switches or the changed settings.
    """
    if absent := [name for name in experiment.switches if name not in record.data["switches"]]:
        raise InputError(
            f"{record.folder}: it is of an earlier Encore, without the switch {', '.join(absent)}; run it again"
        )
    used = record.data["configuration"]["inputs"]
    made = json.loads(json.dumps(dict(experiment.inputs.settings)))  # as the record has them: tuples become lists
    if other := sorted(name for name in used.keys() | made.keys() if used.get(name) != made.get(name)):
        changed = ", ".join(other)
        raise InputError(f"{record.folder}: {changed} of the features has changed since this run; run it again")


def features_are_pretrained(experiment: Experiment) -> bool:
    """Return whether a pretrained network outside the saved model makes the features."""
    trained_within = isinstance(experiment.method, Training) and not experiment.inputs.encoded
    return experiment.pretrained and not trained_within


def _refuse_idle_weights(weights: str | None, experiments: Sequence[Experiment]) -> None:
    """Refuse weights that no features are made with: a network that was trained further is saved with the run."""
    if weights not in (None, "none") and not any(map(features_are_pretrained, experiments)):
        names = ", ".join(experiment.id for experiment in experiments)
        raise InputError(f"{names}: the run has all its weights; leave out --weights")


def _weights(record: Record, experiment: Experiment, weights: str | None) -> str:
    """Return the pretrained weights that make the features; they must be those of the run."""
    if not features_are_pretrained(experiment):
        return "none"
    used = record.data["configuration"].get("weights")
    if used is None or (weights is None and not used.startswith("sha256:")):
        return used or "none"
    if weights is None:
        raise InputError(f"{record.folder}: its features come from a weights file ({used}); name it with --weights")
    if weights_in_words(weights) != used:
        raise InputError(f"--weights {weights} differs from the weights of {record.folder}: {used}")
    return weights


def _load(record: Record, experiment: Experiment, fold: int) -> tuple[Learner, dict[str, np.ndarray]]:
    folder = record.folder / f"fold-{fold}"
    try:
        content = checksums.read(record.folder, f"{folder.name}/front_end.npz", records.REMEDY)
        with np.load(io.BytesIO(content)) as stored:
            front_end = dict(stored)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{folder} has no complete model: front_end.npz ({reason}); run the experiment again"
        ) from error
    learner = class_of(experiment)
    if (folder / learner.FILE).is_file():  # else the learner says what is missing
        checksums.check(record.folder, f"{folder.name}/{learner.FILE}", records.REMEDY)
    return learner.load(folder / learner.FILE, record.task, experiment.method), front_end


def _about_models(
    study: Study, experiment: Experiment, setting: Setting, record: Record, learners: Sequence[Learner]
) -> tuple[str, ...]:
    notes = _about_training(study, experiment, record)
    if not all(learner.probabilistic for learner in learners):
        notes.append("the classifier has no probabilities: these are shares of the votes of parts and folds")
    if study.batch_dependent(experiment, setting):
        size = record.data["configuration"]["batch_size"]
        notes.append(
            f"the model's predictions depend on the other clips of a batch: it was trained and tested with batches of "
            f"{size}, but this file is a batch of its own, so the run's accuracy may not hold for it"
        )
    return tuple(notes)


def _about_training(study: Study, experiment: Experiment, record: Record) -> list[str]:
    """Return notes on how the training differs from the document's, and on the document's errors that it contains."""
    configuration = record.data["configuration"]
    notes = [f"it was trained with {name} = {value}" for name, value in configuration["overrides"].items()]
    if configuration.get("weights") == "none":
        notes.append("the network had random weights instead of pretrained ones")
    return notes + about_errors(study, experiment, record)


def about_errors(study: Study, experiment: Experiment, record: Record) -> list[str]:
    """Return a note on the document's errors that a run contains, if there are any: those that its clips can have."""
    corpora = record.data["data"]["corpora"]
    errors = [one for one in study.switches if one.error and one.name in experiment.switches and one.touches(corpora)]
    kept = [f"{one.name} = {one.published}" for one in errors if record.data["switches"][one.name] == one.published]
    if not kept:
        return []
    return [f"it was trained with errors of the document ({', '.join(kept)}); other protocols correct them"]
