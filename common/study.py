"""The classes that describe a reproduction: study, experiments, switches and protocols.

The module of a document creates one `Study` and the functions that it refers to. The runner and the commands read it.
An experiment has three main values: a task (what is predicted, `common.tasks`), a method (how it is learned) and inputs
(what the model is given).
"""

import inspect
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from common.arrays import FileInputs, Prepared
from common.errors import InputError, not_among
from common.illustrations import Example
from common.splits import SPEAKER_AND_GROUP, Split
from common.tasks import Task

Size = Literal["full", "demo"]
Value = int | float | str | bool
"""The type of a setting of a model or of its training."""


@dataclass(frozen=True)
class Switch:
    """An error or an unclear choice of the document: something that can be done in two or more ways.

    Attributes:
        name: its name, as in `--set name=value`.
        published: the value that was used for the published numbers.
        corrected: the value that the text describes, or the correct one.
        acts_on: what the switch changes. A switch of labels has no effect if no clip is relabelled.
        question: what the switch decides, as a question.
        evidence: how we know which value was used.
        error: whether `published` is an error and `corrected` fixes it. `attribution` measures these one by one.
        others: more values, of no protocol: other explanations of the published numbers.
        corpora: the corpora whose clips it changes; runs on others are the same under all values. Empty: any.
    """

    name: str
    published: str
    corrected: str
    acts_on: Literal["labels", "model", "split"]
    question: str
    evidence: str
    error: bool = True
    others: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """All values, the published one first; it may also be the corrected one."""
        return tuple(dict.fromkeys((self.published, self.corrected, *self.others)))

    def touches(self, corpora: Collection[str]) -> bool:
        """Return whether it may change a run on clips of these corpora; if none is known, it may."""
        return not self.corpora or not corpora or not set(self.corpora).isdisjoint(corpora)


@dataclass(frozen=True)
class Protocol:
    """A named set of switch values, and its meaning in words."""

    name: str
    switches: Mapping[str, str]
    meaning: str


@dataclass(frozen=True)
class Setting:
    """The setting of one run: all that its models and data may depend on, besides the clips.

    Attributes:
        switches: value of each switch by name.
        seed: seed of everything random.
        size: `full` or `demo`.
        weights: weights of a pretrained network: a name, the path of a file or folder, or `none` for random weights.
        impulse_responses: a folder of them, to convolve training clips with; "": they are synthesised.
    """

    switches: Mapping[str, str]
    seed: int
    size: Size = "full"
    weights: str = "none"
    impulse_responses: str = ""


@dataclass(frozen=True)
class Plateau:
    """Lower the learning rate when the monitored score has not improved for some epochs.

    Attributes:
        factor: the learning rate is multiplied by this.
        patience: number of epochs without a better score.
        monitor: the score. None: the one by which the best epoch is chosen.
    """

    factor: float
    patience: int
    monitor: str | None = None


@dataclass(frozen=True)
class Training:
    """How a network is trained. The optimiser is Adam.

    Attributes:
        epochs: largest number of epochs.
        batch_size: clips per training step.
        learning_rate: learning rate of Adam.
        monitor: the score by which the best epoch is chosen: one of the task's `MONITORS`.
        patience: number of epochs without a better score after which training stops and the best weights are restored.
            None: training does not stop early, and the last weights are kept.
        retrain: afterwards, train a new model for the number of epochs that was best on the validation set.
        loss: name of a Keras loss, or a function of (targets, outputs). None: the loss of the task.
        amsgrad: use the AMSGrad variant of Adam (Reddi et al. 2018).
        plateau: when to lower the learning rate. None: never.
        drop_remainder: leave out the last clips of an epoch if they do not fill a batch.
        library: the library of the model. tf-keras is Keras 2, which transformers' TensorFlow classes need.
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
        # A function is recorded by its name. It is taken out first, because `asdict` makes a deep copy.
        loss = self.loss if isinstance(self.loss, str | None) else self.loss.__name__
        return asdict(replace(self, loss=None)) | {"loss": loss}


@dataclass(frozen=True)
class Fit:
    """A scikit-learn estimator is fitted, without epochs.

    Attributes:
        own: names of the study's classes and functions that a fitted estimator contains. A saved estimator is read only
            if all its parts are these or in `common.learners.estimator_file.TRUSTED`.
    """

    own: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ensemble:
    """The weighted mean of the predictions of other experiments for the same clips. Nothing is trained.

    Attributes:
        weights: weight of each experiment by its id; they need not add up to 1.
        of: average the `outputs` or their `logits` (log-odds of tags, log-probabilities of classes).
        raw: members whose logits are averaged with the outputs of the others, although the two have other scales.
    """

    weights: Mapping[str, float]
    of: Literal["outputs", "logits"] = "outputs"
    raw: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return the settings as plain values, for a record."""
        raw = {"raw_logits_of": list(self.raw)} if self.raw else {}
        return {"weights_of": dict(self.weights), "mean_of": self.of, **raw}


Method = Training | Fit | Ensemble


@dataclass(frozen=True)
class Inputs:
    """How the inputs of a model are made.

    Attributes:
        prepare: returns the arrays of a fold from the manifest, the split, the targets (clips, outputs) and a setting.
        of_file: returns the inputs for one audio file from its path, the setting of a run and the front end of a fold.
        cache_file: computes and caches the features of one file, and says whether they were not there before; for
            corpora that are too large for one process. None: `prepare` computes those of all clips together.
        settings: settings of the features, for the record. `sample_rate` (Hz) and `duration_s` are used to estimate the
            disk space of decoded audio; clips that are not longer than `offset_s` are left out.
        copies: number of altered copies of each training clip that `prepare` adds.
        on_disk: whether the arrays that `prepare` returns stay on the disk and are read batch by batch.
        weights: the default pretrained weights at each size. None: the model is trained from scratch.
        encoded: whether a pretrained network outside the model makes its features, so that `predict` needs the weights
            of a network that is trained too.
        augment: a function (x, y, random, setting) -> (x, y) that alters a training batch, differently in each epoch.
            It runs inside tf.data, so use `keras.ops` and draw with `keras.random.uniform(..., seed=random)`. `random`
            depends only on (seed, epoch, step).
        convolved: whether training clips are convolved with impulse responses, which `--impulse-responses` can name.
    """

    prepare: Callable[[pd.DataFrame, Split, np.ndarray, Setting], Prepared]
    of_file: Callable[[Path, Setting, Mapping[str, np.ndarray]], FileInputs]
    settings: Mapping[str, Any] = field(default_factory=dict)
    copies: int = 0
    on_disk: bool = False
    weights: Mapping[Size, str] | None = None
    encoded: bool = False
    augment: Callable[[Any, Any, Any, Setting], tuple[Any, Any]] | None = None
    convolved: bool = False
    cache_file: Callable[[Path, Setting], bool] | None = None

    @property
    def skipped_s(self) -> float:
        """The seconds at the beginning of each clip that are not read."""
        return float(self.settings.get("offset_s", 0.0))


@dataclass(frozen=True)
class Experiment:
    """One experiment of the document, usually a row of a table.

    Attributes:
        id: its name on the command line.
        title: its name in words.
        section: section of the document.
        build: returns the uncompiled model or the unfitted scikit-learn estimator from the setting and the number of
            outputs.
        method: how it learns.
        inputs: how the inputs of the model are made.
        switches: names of the study's switches that this experiment depends on.
        task: what is predicted. None: the task of the study.
        corpora: the corpora it uses, some of the study's. Empty: all of them.
        substitutes: other published corpora that it can be run on; such results are not comparable.
        demo: fields of `Training` with other values at demo size.
        under: fields of the method with other values under a value of a switch, by `switch=value`.
        split: returns the folds of a relabelled manifest. None: the folds of the study.
        printed_shape: converts a layer's output shape to the form in the document. None: the function of the study.
        origin: if another library replaces the document's software: the name of the method there, and how we know it.
        adjustable: names of the keywords of `build` that `--config` and searches may set. Their defaults are the
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
    corpora: tuple[str, ...] = ()
    substitutes: tuple[str, ...] = ()
    demo: Mapping[str, Any] = field(default_factory=dict)
    under: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    split: Callable[[pd.DataFrame, Setting], list[Split]] | None = None
    printed_shape: Callable[[tuple[int | None, ...]], tuple[int | None, ...]] | None = None
    origin: str = ""
    adjustable: tuple[str, ...] = ()

    @property
    def model(self) -> dict[str, Value]:
        """The document's value of each adjustable setting of the model."""
        # The signature of `build` is the only place of these values.
        keywords = inspect.signature(self.build).parameters
        return {name: keywords[name].default for name in self.adjustable}

    @property
    def pretrained(self) -> bool:
        """Whether it uses a pretrained network, whose weights `--weights` can set."""
        return self.inputs.weights is not None


@dataclass(frozen=True)
class Study:
    """One document.

    Attributes:
        name: name of its module.
        title: title of the document, with its date.
        task: what is predicted; an experiment may have its own task.
        corpora: the corpora it uses, by the names of `common.corpora`.
        switches: all its switches.
        protocols: its protocols by name.
        experiments: in the order of the document; an ensemble comes after its members.
        label: relabels a manifest according to the switches. It may leave clips out, or divide a clip into several,
            each with an `offset` (s) into the file.
        split: returns the folds of a relabelled manifest.
        batch_dependent: whether a prediction depends on the other clips of its batch.
        printed_shape: converts a layer's output shape to the form in the document.
        apart: columns of the manifest whose values should be on one side of a split only, each with the word for one
            value. Intervals are bootstrapped over the first column if the split keeps its values apart, or if the clips
            are pieces of recordings.
        clips: number of clips that `label` returns for the complete corpora. None: one per clip of the corpora.
        examples: returns the data of the document's figures of clips from a relabelled manifest, the setting, and the
            folder of runs, in which a figure of predictions finds them.
        diagrams: the document's figures of models: the figure by the id of the experiment.
        demo_clips: clips per class and corpus of the demo corpus, which is used without `--data`.
        parameters: number of parameters of each network under the protocol `published`, by the id of the experiment,
            so that `list` builds none.
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
    examples: Callable[[pd.DataFrame, Setting, Path], list[Example]] | None = None
    diagrams: Mapping[str, str] = field(default_factory=dict)
    demo_clips: int = 8
    parameters: Mapping[str, int] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """The column of the manifest that is resampled for intervals: a speaker, or a song."""
        return next(iter(self.apart))

    def corpora_of(self, experiment: Experiment) -> tuple[str, ...]:
        """Return the corpora of the document that an experiment uses."""
        return experiment.corpora or self.corpora

    def accepted_by(self, experiment: Experiment) -> tuple[str, ...]:
        """Return the published corpora that an experiment can be run on."""
        return (*self.corpora_of(experiment), *experiment.substitutes)

    def task_of(self, experiment: Experiment) -> Task:
        """Return the task of an experiment."""
        return experiment.task or self.task

    def experiment(self, name: str) -> Experiment:
        """Return an experiment by id.

        Raises:
            InputError: there is no experiment with this id.
        """
        by_id = {experiment.id: experiment for experiment in self.experiments}
        if name not in by_id:
            raise InputError(f"{self.name} has no experiment {name!r}{not_among(name, by_id)}")
        return by_id[name]

    def protocol(self, name: str, changes: Mapping[str, str] | None = None) -> Protocol:
        """Return a protocol by name, optionally with some switches set to other values.

        The changes are part of the name: `published+normalise=channel`.

        Raises:
            InputError: there is no such protocol, switch or value.
        """
        if name not in self.protocols:
            raise InputError(f"{self.name} has no protocol {name!r}{not_among(name, self.protocols)}")
        protocol = self.protocols[name]
        changes = changes or {}
        self._check_changes(changes)
        changed = {key: value for key, value in sorted(changes.items()) if protocol.switches[key] != value}
        if not changed:
            return protocol
        # Sorted, so that the order on the command line does not matter: the name is also the folder's.
        label = "+".join([name, *(f"{key}={value}" for key, value in changed.items())])
        return replace(protocol, name=label, switches={**protocol.switches, **changed})

    def protocol_of(self, experiment: Experiment, protocol: str) -> Protocol:
        """Return a protocol, by a name such as `published+crop=none`, with the changes alone that an experiment has."""
        name, *changes = protocol.split("+")
        pairs = dict(change.split("=", 1) for change in changes)
        return self.protocol(name, {key: value for key, value in pairs.items() if key in experiment.switches})

    def _check_changes(self, changes: Mapping[str, str]) -> None:
        known = {switch.name: switch for switch in self.switches}
        for name, value in changes.items():
            if name not in known:
                raise InputError(f"{self.name} has no switch {name!r}{not_among(name, known)}")
            if value not in known[name].values:
                raise InputError(f"switch {name} has no value {value!r}{not_among(value, known[name].values)}")


COUNTS = "parameters.json"
"""The file beside a study's module with the parameters of its networks; `python -m reproductions count` writes it."""


def counted(module: str) -> dict[str, int]:
    """Return the numbers of parameters in the file beside a study's module, given its `__file__`; none without it."""
    place = Path(module).with_name(COUNTS)
    counts: dict[str, int] = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    return counts


def changed_switches(protocol: Protocol) -> list[str]:
    """Return the names of the switches whose values differ from those of the original protocol."""
    return [part.split("=")[0] for part in protocol.name.split("+")[1:]]
