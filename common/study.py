"""The vocabulary in which a reproduction states what it is: experiments, switches, protocols, a study.

A document's module fills these in and adds nothing but functions; the runner and the commands read them. What is
predicted, how it is learned and what is fed are three values of an experiment: a task (`common.tasks`), a method and
inputs.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from common.arrays import FileInputs, Prepared
from common.errors import InputError, those_like
from common.illustrations import Example
from common.splits import SPEAKER_AND_GROUP, Split
from common.tasks import Task

Size = Literal["full", "demo"]
Value = int | float | str | bool
"""What a setting of a model or of a training can be."""


@dataclass(frozen=True)
class Switch:
    """An error or a choice of the document that has two sides, or more.

    Attributes:
        name: as in `--set name=value`.
        published: what the published numbers show was done.
        corrected: what the text says, or what is right.
        acts_on: what the switch changes; a switch of labels has no effect on clips that it does not touch.
        question: what the switch decides, in one sentence.
        evidence: how it is known what was really done.
        error: whether the two sides are an error and its correction, as `attribution` tries one by one.
        others: further values, which no protocol has: other explanations of what was done.
    """

    name: str
    published: str
    corrected: str
    acts_on: Literal["labels", "model", "split"]
    question: str
    evidence: str
    error: bool = True
    others: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """All values, the published one first."""
        return (self.published, self.corrected, *self.others)


@dataclass(frozen=True)
class Protocol:
    """A named set of switch values, and what it is for."""

    name: str
    switches: Mapping[str, str]
    meaning: str


@dataclass(frozen=True)
class Setting:
    """What one run is made with: everything that its models and data may depend on besides the clips.

    Attributes:
        switches: values by name.
        seed: of everything random.
        size: `full` or `demo`.
        weights: of a pretrained network: a name, the path of a file or folder, or `none` for random ones.
    """

    switches: Mapping[str, str]
    seed: int
    size: Size = "full"
    weights: str = "none"


@dataclass(frozen=True)
class Plateau:
    """Lower the learning rate when the monitored score has not improved for some epochs.

    Attributes:
        factor: by which the learning rate is multiplied.
        patience: epochs without a better score.
    """

    factor: float
    patience: int


@dataclass(frozen=True)
class Training:
    """How a network is trained, with Adam.

    Attributes:
        epochs: at most this many.
        batch_size: clips a step.
        learning_rate: of Adam.
        monitor: what makes an epoch the best: one of the task's `MONITORS`.
        patience: epochs without a better one before training stops and the best weights are restored; None: never.
        retrain: train a second, newly initialised model for the number of epochs that was best on the validation set.
        loss: Keras' name of the loss, or a function of (targets, outputs); None: the task's.
        amsgrad: whether Adam keeps the largest second moment (Reddi et al. 2018).
        plateau: when the learning rate is lowered; None: never.
        drop_remainder: leave out the last clips of an epoch that do not fill a batch.
        library: what the model is of; tf-keras is Keras 2, which transformers' TensorFlow classes need.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    monitor: str = "val_loss"
    patience: int | None = None
    retrain: bool = False
    loss: str | Callable[[Any, Any], Any] | None = None
    amsgrad: bool = False
    plateau: Plateau | None = None
    drop_remainder: bool = False
    library: Literal["keras", "tf-keras"] = "keras"

    def facts(self) -> dict[str, Any]:
        """Return the settings as plain values, for a record."""
        loss = self.loss if isinstance(self.loss, str | None) else self.loss.__name__
        return asdict(replace(self, loss=None)) | {"loss": loss}


@dataclass(frozen=True)
class Fit:
    """How a scikit-learn estimator learns: it is fitted at once, without epochs."""


@dataclass(frozen=True)
class Ensemble:
    """A weighted mean of what other experiments predicted for the same clips; nothing is trained.

    Attributes:
        weights: by id of the experiment; they need not add up to 1.
        of: what is averaged: outputs as they are, or their logits (log-odds for tags, log-probabilities for classes).
    """

    weights: Mapping[str, float]
    of: Literal["outputs", "logits"] = "outputs"

    def facts(self) -> dict[str, Any]:
        """Return the settings as plain values, for a record."""
        return {"weights_of": dict(self.weights), "mean_of": self.of}


Method = Training | Fit | Ensemble


@dataclass(frozen=True)
class Inputs:
    """What a model is fed.

    Attributes:
        prepare: returns a fold's arrays, given the manifest, the split, the targets (clips, outputs) and the setting.
        of_file: returns what the model is fed for one audio file, given the setting of a run and the front end that its
            fold kept.
        settings: of the features, as the record keeps them; `sample_rate` (Hz) and `duration_s` among them say how much
            decoded audio a clip is.
        copies: altered copies of each training clip in what `prepare` returns.
        weights: what a pretrained network takes at each size unless `--weights` names others; None: the model is
            trained from scratch.
        augment: alters a training batch (x, y, random) -> (x, y), newly in each epoch. It runs inside tf.data, so it is
            written in `keras.ops` and draws with `keras.random.uniform(..., seed=random)`; `random` depends on (seed,
            epoch, step) alone.
    """

    prepare: Callable[[pd.DataFrame, Split, np.ndarray, Setting], Prepared]
    of_file: Callable[[Path, Setting, Mapping[str, np.ndarray]], FileInputs]
    settings: Mapping[str, Any] = field(default_factory=dict)
    copies: int = 0
    weights: Mapping[Size, str] | None = None
    augment: Callable[[Any, Any, Any], tuple[Any, Any]] | None = None


@dataclass(frozen=True)
class Experiment:
    """One row of the document.

    Attributes:
        id: as on the command line.
        title: in words.
        section: of the document.
        build: returns the uncompiled model, or the unfitted scikit-learn estimator, given the setting and the number of
            outputs.
        method: how it learns.
        inputs: what it is fed.
        switches: names of the study's switches that this experiment depends on.
        task: what is predicted, where it is not the study's.
        demo: fields of the training that have other values at demo size.
        split: returns the folds of a relabelled manifest, where they are not those of the study.
        printed_shape: turns the shape of a layer's output into the one the document prints, where the study's does not.
        origin: what the document's own software has under this name and how that is known, where another library stands
            in for it.
        adjustable: names of the keywords of `build` that `--config` and a search may set; their defaults are the
            document's values.
    """

    id: str
    title: str
    section: str
    build: Callable[..., Any]
    method: Method
    inputs: Inputs
    switches: tuple[str, ...]
    task: Task | None = None
    demo: Mapping[str, Any] = field(default_factory=dict)
    split: Callable[[pd.DataFrame, Setting], list[Split]] | None = None
    printed_shape: Callable[[tuple[int | None, ...]], tuple[int | None, ...]] | None = None
    origin: str = ""
    adjustable: tuple[str, ...] = ()

    @property
    def model(self) -> dict[str, Value]:
        """The document's value of each adjustable setting of the model."""
        keywords = inspect.signature(self.build).parameters
        return {name: keywords[name].default for name in self.adjustable}

    @property
    def pretrained(self) -> bool:
        """Whether it needs a network that others trained, whose weights `--weights` names."""
        return self.inputs.weights is not None


@dataclass(frozen=True)
class Study:
    """One document.

    Attributes:
        name: of its module.
        title: of the document, with its date.
        task: what its experiments predict, unless they say otherwise.
        corpora: the corpora it uses, by the names of `common.corpora`.
        switches: all its switches.
        protocols: by name.
        experiments: in the document's order; an ensemble comes after its members.
        label: relabels a manifest as the switches say; it may leave clips out or divide them into several, each with an
            `offset` (s) into its file.
        split: returns the folds of a relabelled manifest.
        batch_dependent: whether a prediction depends on the other clips of its batch.
        printed_shape: turns the shape of a layer's output into the one the document prints.
        apart: columns of the manifest whose values should not be on both sides of a split, each with the word for one
            of them; intervals are bootstrapped over the first, where the leak audit finds it kept apart or the clips
            are pieces of recordings.
        clips: how many clips `label` makes of the whole corpora; None: one of each.
        examples: returns what the document's figures of single clips show, given a relabelled manifest and the setting.
        diagrams: the document's figures of models, by the experiment whose model it is.
    """

    name: str
    title: str
    task: Task
    corpora: tuple[str, ...]
    switches: tuple[Switch, ...]
    protocols: Mapping[str, Protocol]
    experiments: tuple[Experiment, ...]
    label: Callable[[pd.DataFrame, Setting], pd.DataFrame]
    split: Callable[[pd.DataFrame, Setting], list[Split]]
    batch_dependent: Callable[[Experiment, Setting], bool] = lambda experiment, setting: False
    printed_shape: Callable[[tuple[int | None, ...]], tuple[int | None, ...]] = lambda shape: shape
    apart: Mapping[str, str] = field(default_factory=lambda: SPEAKER_AND_GROUP)
    clips: int | None = None
    examples: Callable[[pd.DataFrame, Setting], list[Example]] | None = None
    diagrams: Mapping[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """The column of the manifest that names what clips share: what is resampled for an interval."""
        return next(iter(self.apart))

    def task_of(self, experiment: Experiment) -> Task:
        """Return what an experiment predicts."""
        return experiment.task or self.task

    def experiment(self, name: str) -> Experiment:
        """Return an experiment by id.

        Raises:
            InputError: there is none of that id.
        """
        by_id = {experiment.id: experiment for experiment in self.experiments}
        if name not in by_id:
            raise InputError(f"{self.name} has no experiment {name!r}; it has {those_like(name, by_id)}")
        return by_id[name]

    def protocol(self, name: str, changes: Mapping[str, str] | None = None) -> Protocol:
        """Return a protocol by name, with single switches set to other values.

        The name of a changed protocol says so: `published+normalise=channel`.

        Raises:
            InputError: there is no such protocol, switch or value.
        """
        if name not in self.protocols:
            raise InputError(f"{self.name} has no protocol {name!r}; it has {', '.join(self.protocols)}")
        protocol = self.protocols[name]
        changes = changes or {}
        self._check_changes(changes)
        changed = {key: value for key, value in sorted(changes.items()) if protocol.switches[key] != value}
        if not changed:
            return protocol
        label = "+".join([name, *(f"{key}={value}" for key, value in changed.items())])
        return replace(protocol, name=label, switches={**protocol.switches, **changed})

    def _check_changes(self, changes: Mapping[str, str]) -> None:
        known = {switch.name: switch for switch in self.switches}
        for name, value in changes.items():
            if name not in known:
                raise InputError(f"{self.name} has no switch {name!r}; it has {', '.join(known)}")
            if value not in known[name].values:
                raise InputError(f"switch {name} is {' or '.join(known[name].values)}, not {value!r}")


def changed_switches(protocol: Protocol) -> list[str]:
    """Return the names of the switches that were set away from the protocol's own values."""
    return [part.split("=")[0] for part in protocol.name.split("+")[1:]]
