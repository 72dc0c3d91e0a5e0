"""A run about to be made: what is run on which clips, and what decides its numbers."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from common import cache, splits
from common.corpora import Scan
from common.errors import InputError
from common.learners import keras3, sklearn_learner, summaries
from common.runs import records
from common.seeds import derive
from common.study import Experiment, Protocol, Setting, Size, Study, Training, Value

PREDICTION_COLUMNS = ("name", "corpus", "speaker", "fold", "true", "predicted")
"""The columns of `predictions.csv` before those of the classes; where clips share no speaker but something else, that
column of the manifest follows the speaker's."""
HUB_NAME = re.compile(r"[A-Za-z0-9][\w-]*/[\w-][\w.-]*")
"""How a model on the Hugging Face hub is called: its owner, a slash, its name."""
FILES_OF_WEIGHTS = (".h5", ".hdf5", ".keras", ".safetensors", ".bin", ".npz")
"""What a file of weights ends with, and no name of a model."""


@dataclass(frozen=True)
class Options:
    """What the command line says about a run; None leaves the document's value.

    Attributes:
        runs: folder of all runs.
        seed: of everything random.
        size: `full`, or `demo` for models trained for a few epochs.
        overrides: fields of `Training` set to other values.
        model: adjustable settings of the model set to other values.
        folds: run only the first so many folds.
        fresh: throw away what an earlier run left.
        strategy: of tf.distribute.
        deadline: `time.monotonic()` at which training pauses.
        weights: of a network that was trained before: a name, the path of a file or folder, or `none` for random ones.
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
    """One run about to be made: an experiment, under a protocol, on clips, with options."""

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
    def training(self) -> Training | None:
        """The document's training, with the command line's values in it; None for a scikit-learn estimator."""
        return trained_as(self.experiment, self.options)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return records.folder_of(
            self.options.runs, self.study.name, self.experiment.id, self.protocol.name, self.options.seed
        )

    def build(self, n_classes: int) -> Any:
        """Return the uncompiled model, or the unfitted estimator, with the settings that the options ask for."""
        return self.experiment.build(self.setting, n_classes, **self.options.model)

    def clips(self) -> pd.DataFrame:
        """Return the manifest, labelled as the protocol's switches say."""
        return self.study.label(self.scan.manifest, self.setting)

    def classes(self, clips: pd.DataFrame) -> tuple[str, ...]:
        """Return the document's classes or, where the clips have others, theirs.

        Raises:
            InputError: the clips have fewer than two classes, or one that is called as a column of `predictions.csv`.
        """
        found = set(clips["label"])
        if len(found) < 2:
            raise InputError(f"all clips are labelled {', '.join(found)}: a classifier needs at least two classes")
        if reserved := sorted(found & set(prediction_columns(self.study))):
            raise InputError(f"no class can be called {', '.join(reserved)}, as a column of predictions.csv; rename it")
        return self.study.classes if found <= set(self.study.classes) else tuple(sorted(found))

    def folds(self, clips: pd.DataFrame) -> list[splits.Split]:
        """Return the folds to run."""
        return self.all_folds(clips)[: self.options.folds]

    def all_folds(self, clips: pd.DataFrame) -> list[splits.Split]:
        """Return the folds of the protocol, `--folds` or not."""
        split = self.experiment.split or self.study.split
        return split(clips, self.setting)


def trained_as(experiment: Experiment, options: Options) -> Training | None:
    """Return an experiment's training at the size and with the values that the options ask for."""
    chosen = experiment.training
    if chosen is None:
        return None
    if options.size == "demo":
        chosen = replace(chosen, **experiment.demo)
    return replace(chosen, **options.overrides)


def as_changed(experiment: Experiment, options: Options) -> Options:
    """Return the options without settings that the experiment has anyway: a run of those is the document's own."""
    own = trained_as(experiment, replace(options, overrides={}))
    overrides = {name: value for name, value in options.overrides.items() if getattr(own, name, None) != value}
    model = {name: value for name, value in options.model.items() if experiment.model.get(name) != value}
    return replace(options, overrides=overrides, model=model)


@dataclass(frozen=True)
class Material:
    """The clips of a run, relabelled, with the digest of each file; its classes; its folds, and how many are left."""

    clips: pd.DataFrame
    digests: Sequence[str]
    classes: tuple[str, ...]
    folds: Sequence[splits.Split]
    left_out: int = 0


def gather(job: Job) -> Material:
    """Return the clips of a run.

    Raises:
        InputError: the clips do not suit the experiment.
    """
    clips = job.clips()
    every = job.all_folds(clips)
    folds = every[: job.options.folds]
    return Material(clips, digests_of(clips), job.classes(clips), folds, len(every) - len(folds))


def estimator_of(job: Job, n_classes: int, fold: int = 0) -> sklearn_learner.SklearnLearner:
    """Return the unfitted estimator of one fold."""
    return sklearn_learner.SklearnLearner(
        job.build(n_classes),
        n_classes=n_classes,
        seed=derive(job.options.seed, "fold", fold),
        deadline=job.options.deadline,
    )


def digests_of(clips: pd.DataFrame) -> list[str]:
    """Return what each clip is, in digits: the digest of its file's bytes, and its place in it where it is a piece."""
    paths = clips["path"].map(str)
    files = list(dict.fromkeys(paths))
    of_file = dict(zip(files, cache.file_digests(files), strict=True))
    digests = paths.map(of_file)
    if "offset" in clips:
        digests = digests + "@" + clips["offset"].map(str)
    return list(digests)


def digest_of(names: Sequence[str] | pd.Series, digests: Sequence[str]) -> str:
    """Return one digest of recordings by their names, whatever their order."""
    lines = sorted(f"{name} {digest}" for name, digest in zip(names, digests, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def prediction_columns(study: Study) -> tuple[str, ...]:
    """Return the columns of a study's `predictions.csv` before those of the classes."""
    if study.unit in PREDICTION_COLUMNS:
        return PREDICTION_COLUMNS
    place = PREDICTION_COLUMNS.index("speaker") + 1
    return (*PREDICTION_COLUMNS[:place], study.unit, *PREDICTION_COLUMNS[place:])


def identity_of(job: Job, material: Material) -> dict[str, Any]:
    """Return all that decides a run's numbers: an interrupted run goes on only under the same."""
    return _computed_otherwise(job) | {
        "switches": {name: job.protocol.switches[name] for name in job.experiment.switches},
        **_learnt(job, len(material.classes)),
        "size": job.options.size,
        "folds": job.options.folds if material.left_out else None,
        "digest": labelled_digest(material),
    }


def labelled_digest(material: Material) -> str:
    """Return one digest of the clips with all that a run reads of them besides: labels, speakers, groups."""
    told = material.clips[["label", "speaker", "group"]].astype(str).agg("|".join, axis=1)
    return digest_of(material.clips["name"] + "|" + told, material.digests)


def _learnt(job: Job, n_classes: int) -> dict[str, Any]:
    """Return how the model is trained, or what the estimator is, and whence the weights that were trained before."""
    weights = {"weights": weights_in_words(job.options.weights)} if job.experiment.pretrained else {}
    if job.training is None:
        return {"estimator": summaries.steps(job.build(n_classes)), **weights}
    model = {"model": dict(job.options.model)} if job.options.model else {}
    return {"training": asdict(job.training), **model, **weights}


def weights_in_words(weights: str) -> str:
    """Return a name as it is, and for a file, or the files of a folder, a digest: they may lie elsewhere tomorrow.

    Raises:
        InputError: it is no name, and there is no such file.
    """
    path = Path(weights)
    named = HUB_NAME.fullmatch(weights) and path.suffix not in FILES_OF_WEIGHTS
    if weights in ("imagenet", "none") or (named and not path.exists()):
        return weights
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        return f"sha256:{digest_of([file.name for file in files], cache.file_digests(files))}"
    if not path.is_file():
        raise InputError(f"--weights {weights} cannot be read: there is no such file; name one, or imagenet, or none")
    return f"sha256:{cache.file_digests([weights])[0]}"


def _computed_otherwise(job: Job) -> dict[str, str]:
    """Return how the numbers are computed, as far as it is not as usual: by TensorFlow in float32, no strategy."""
    usual = {"backend": "tensorflow", "precision": "float32", "strategy": "none"}
    used = {"backend": keras.backend.backend(), "precision": keras3.precision(), "strategy": job.options.strategy}
    return {name: value for name, value in used.items() if value != usual[name]}
