"""The vocabulary in which a reproduction states what it is: experiments, switches, protocols, a study.

A document's module fills these in and adds nothing but functions; the runner and the commands read them.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from common.arrays import FileInputs, Prepared
from common.errors import InputError, those_like
from common.illustrations import Example
from common.splits import SPEAKER_AND_GROUP, Split

Size = Literal["full", "demo"]
Value = int | float | str | bool
"""What a setting of a model or of a training can be."""


@dataclass(frozen=True)
class Switch:
    """A slip or choice of the document that has two sides.

    Attributes:
        name: as in `--set name=value`.
        published: what the printed numbers show was done.
        corrected: what the text says, or what is right.
        acts_on: what the switch changes; a switch of labels is without effect on clips that it does not touch.
        question: what the switch decides, in one sentence.
        evidence: how it is known what was really done.
        slip: whether the two sides are a slip and its mending, as `attribution` tries one by one.
    """

    name: str
    published: str
    corrected: str
    acts_on: Literal["labels", "model", "split"]
    question: str
    evidence: str
    slip: bool = True

    @property
    def values(self) -> tuple[str, str]:
        """Both values, the published one first."""
        return (self.published, self.corrected)


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
        weights: of a network that was trained before: a name, the path of a file or folder, or `none` for random ones.
    """

    switches: Mapping[str, str]
    seed: int
    size: Size = "full"
    weights: str = "none"


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Attributes:
        epochs: at most this many.
        batch_size: clips a step.
        learning_rate: of Adam.
        monitor: what makes an epoch the best: the lowest `val_loss` or the highest `val_accuracy`.
        patience: epochs without a better one before training stops and the best weights are restored; None: never.
        retrain: train a second, newly initialised model for the number of epochs that was best on the validation set.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    monitor: Literal["val_loss", "val_accuracy"] = "val_loss"
    patience: int | None = None
    retrain: bool = False


@dataclass(frozen=True)
class Experiment:
    """One row of the document.

    Attributes:
        id: as on the command line.
        title: in words.
        section: of the document.
        build: returns the uncompiled Keras model, or the unfitted scikit-learn estimator, given the setting and the
            number of classes.
        prepare: returns a fold's arrays, given the manifest, the split, the classes and the setting.
        training: how it is trained; None for a scikit-learn estimator, which is fitted at once.
        switches: names of the study's switches that this experiment depends on.
        inputs_of: returns what the model is fed for one audio file, given the setting of a run and the front end that
            its fold kept.
        inputs: the settings of its features, as the record keeps them; `sample_rate` (Hz) and `duration_s` among them
            say how much decoded audio a clip is.
        noisy_copies: altered copies of each training clip.
        demo: fields of `training` that have other values at demo size.
        pretrained: whether it needs a network that was trained before, whose weights `--weights` names.
        weights: what a pretrained experiment takes at each size unless `--weights` names others.
        learner: the class that trains it (a `Learner`) if that is neither Keras 3's nor, without
            `training`, scikit-learn's.
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
    build: Callable[[Setting, int], Any]
    prepare: Callable[[pd.DataFrame, Split, Sequence[str], Setting], Prepared]
    training: Training | None
    switches: tuple[str, ...]
    inputs_of: Callable[[Path, Setting, Mapping[str, np.ndarray]], FileInputs]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    noisy_copies: int = 0
    demo: Mapping[str, Any] = field(default_factory=dict)
    pretrained: bool = False
    weights: Mapping[Size, str] = field(default_factory=lambda: {"full": "imagenet", "demo": "imagenet"})
    learner: type[Any] | None = None
    split: Callable[[pd.DataFrame, Setting], list[Split]] | None = None
    printed_shape: Callable[[tuple[int | None, ...]], tuple[int | None, ...]] | None = None
    origin: str = ""
    adjustable: tuple[str, ...] = ()

    @property
    def model(self) -> dict[str, Value]:
        """The document's value of each adjustable setting of the model."""
        keywords = inspect.signature(self.build).parameters
        return {name: keywords[name].default for name in self.adjustable}


@dataclass(frozen=True)
class Study:
    """One document.

    Attributes:
        name: of its module.
        title: of the document, with its date.
        classes: in the document's order.
        corpora: the corpora it uses, by the names of `common.corpora`.
        switches: all its switches.
        protocols: by name.
        experiments: in the document's order.
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
    classes: tuple[str, ...]
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
