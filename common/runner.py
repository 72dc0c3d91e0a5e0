"""One experiment, from clips to record.

manifest -> labels -> folds -> per fold: arrays, training, predictions -> metrics, leak audit -> record. Every finished
fold is kept in the run's folder, so an interrupted run goes on where it stopped.
"""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common import cache, environment, memory, metrics, records, splits, training
from common.corpora import CORPORA, Scan
from common.errors import InputError, ResultError
from common.seeds import derive
from common.study import (
    Arrays,
    Experiment,
    Prepared,
    Protocol,
    Setting,
    Size,
    Study,
    Training,
    Value,
    changed_switches,
    clip_count,
    one_hot,
)

PREDICTION_COLUMNS = ("name", "corpus", "speaker", "fold", "true", "predicted")
"""The columns of `predictions.csv` before those of the classes; where clips share no speaker but something else, that
column of the manifest follows the speaker's."""

DIGITS = 16
"""Of a file's digest in `split.csv`: no two files of a corpus share them by chance."""
HUB_NAME = re.compile(r"[A-Za-z0-9][\w-]*/[\w-][\w.-]*")
"""How a model on the Hugging Face hub is called: its owner, a slash, its name."""

BATCH_ORDERS = 20
"""Random orders of the test clips that are tried where a prediction depends on its batch."""


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
        if reserved := sorted(found & set(_prediction_columns(self.study))):
            raise InputError(f"no class can be called {', '.join(reserved)}, as a column of predictions.csv; rename it")
        return self.study.classes if found <= set(self.study.classes) else tuple(sorted(found))

    def folds(self, clips: pd.DataFrame) -> list[splits.Split]:
        """Return the folds to run."""
        split = self.experiment.split or self.study.split
        return split(clips, self.setting)[: self.options.folds]


def trained_as(experiment: Experiment, options: Options) -> Training | None:
    """Return an experiment's training at the size and with the values that the options ask for."""
    chosen = experiment.training
    if chosen is None:
        return None
    if options.size == "demo":
        chosen = replace(chosen, **experiment.demo)
    return replace(chosen, **options.overrides)


@dataclass(frozen=True)
class Material:
    """The clips of a run, relabelled, with the digest of each file; its classes; its folds."""

    clips: pd.DataFrame
    digests: Sequence[str]
    classes: tuple[str, ...]
    folds: Sequence[splits.Split]


@dataclass(frozen=True)
class FoldResult:
    """What one trained fold leaves: learning curves, facts for the record, and the probabilities of each class.

    Those of the test clips are (clips, classes); those of the validation clips too, of a network trained at last.
    """

    probabilities: np.ndarray
    validation: np.ndarray
    history: pd.DataFrame
    facts: dict[str, Any]


def run(job: Job, announce: Callable[[str], None] = lambda line: None) -> records.Record:
    """Run one experiment, or return its record if it is already there.

    Args:
        job: what to run.
        announce: receives a line now and then.

    Raises:
        InputError: the clips do not suit the experiment, or the folder is in use, cannot be written, or holds a run of
            other clips or settings.
        ResultError: the training gave no finite numbers.
        BudgetSpentError: the time is over; the same call goes on later.
    """
    material = gather(job)
    identity = _identity(job, material)
    with records.hold(job.folder):
        if job.options.fresh:
            _clear(job.folder)
        if (job.folder / "record.json").exists():
            return _finished(job, identity)
        _claim(job.folder, identity)
        return _make(job, material, identity, announce)


def gather(job: Job) -> Material:
    """Return the clips of a run.

    Raises:
        InputError: the clips do not suit the experiment.
    """
    clips = job.clips()
    return Material(clips, _digests(clips), job.classes(clips), job.folds(clips))


def _digests(clips: pd.DataFrame) -> list[str]:
    """Return what each clip is, in digits: the digest of its file's bytes, and its place in it where it is a piece."""
    paths = clips["path"].map(str)
    files = list(dict.fromkeys(paths))
    of_file = dict(zip(files, cache.file_digests(files), strict=True))
    digests = paths.map(of_file)
    if "offset" in clips:
        digests = digests + "@" + clips["offset"].map(str)
    return list(digests)


def _digest_of(names: Sequence[str] | pd.Series, digests: Sequence[str]) -> str:
    """Return one digest of recordings by their names, whatever their order."""
    lines = sorted(f"{name} {digest}" for name, digest in zip(names, digests, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _prediction_columns(study: Study) -> tuple[str, ...]:
    if study.unit in PREDICTION_COLUMNS:
        return PREDICTION_COLUMNS
    place = PREDICTION_COLUMNS.index("speaker") + 1
    return (*PREDICTION_COLUMNS[:place], study.unit, *PREDICTION_COLUMNS[place:])


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


def _identity(job: Job, material: Material) -> dict[str, Any]:
    """Return all that decides a run's numbers: an interrupted run goes on only under the same."""
    return _computed_otherwise(job) | {
        "switches": {name: job.protocol.switches[name] for name in job.experiment.switches},
        **_learnt(job, len(material.classes)),
        "size": job.options.size,
        "folds": job.options.folds,
        "digest": _digest_of(material.clips["name"], material.digests),
    }


def _learnt(job: Job, n_classes: int) -> dict[str, Any]:
    """Return how the model is trained, or what the estimator is, and whence the weights that were trained before."""
    weights = {"weights": weights_in_words(job.options.weights)} if job.experiment.pretrained else {}
    if job.training is None:
        return {"estimator": training.steps(job.build(n_classes)), **weights}
    model = {"model": dict(job.options.model)} if job.options.model else {}
    return {"training": asdict(job.training), **model, **weights}


def weights_in_words(weights: str) -> str:
    """Return a name as it is, and for a file, or the files of a folder, a digest: they may lie elsewhere tomorrow.

    Raises:
        InputError: it is no name, and there is no such file.
    """
    path = Path(weights)
    if weights in ("imagenet", "none") or (HUB_NAME.fullmatch(weights) and not path.exists()):
        return weights
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file())
        return f"sha256:{_digest_of([file.name for file in files], cache.file_digests(files))}"
    if not path.is_file():
        raise InputError(f"--weights {weights} cannot be read: there is no such file; name one, or imagenet, or none")
    return f"sha256:{cache.file_digests([weights])[0]}"


def _computed_otherwise(job: Job) -> dict[str, str]:
    """Return how the numbers are computed, as far as it is not as usual: in float32, without a strategy."""
    precision, strategy = training.precision(), job.options.strategy
    return ({"precision": precision} if precision != "float32" else {}) | (
        {"strategy": strategy} if strategy != "none" else {}
    )


def _finished(job: Job, identity: Mapping[str, Any]) -> records.Record:
    record = records.read(job.folder)
    shutil.rmtree(job.folder / "work", ignore_errors=True)  # where the run was killed between record and clearing up
    if record.data["configuration"]["identity"] != identity:
        raise InputError(
            f"{job.folder} holds a finished run of other clips or settings; --fresh replaces it, --runs keeps both"
        )
    return record


def _claim(folder: Path, identity: dict[str, Any]) -> None:
    """Note what this folder is the run of, or check that the interrupted run in it, if it got anywhere, is the same."""
    note = folder / "work" / "run.json"
    begun = note.exists() and any(path != note for path in note.parent.iterdir())
    if begun and json.loads(note.read_text()) != identity:
        raise InputError(
            f"{folder} holds an interrupted run of other clips or settings; --fresh starts anew, --runs keeps both"
        )
    records.write_text(note, json.dumps(identity, indent=1))


def _make(job: Job, material: Material, identity: dict[str, Any], announce: Callable[[str], None]) -> records.Record:
    began = time.monotonic()
    results = [_fold(job, material, number, announce) for number in range(len(material.folds))]
    predictions = _predictions(job.study, material, results)
    records.write_table(job.folder / "predictions.csv", predictions)
    _write_curves(job.folder, material, results)
    content = _content(job, material, predictions, results, identity)
    content["timings"] = _timings(results, time.monotonic() - began)
    record = records.write(job.folder, content)
    shutil.rmtree(job.folder / "work")
    return record


def _write_curves(folder: Path, material: Material, results: Sequence[FoldResult]) -> None:
    names, digests = list(material.clips["name"]), np.array([_short(digest) for digest in material.digests])
    parts = [
        fold.frame(names, fold=number).assign(digest=digests[np.concatenate(list(fold.sets().values()))])
        for number, fold in enumerate(material.folds)
    ]
    split = pd.concat(parts, ignore_index=True)
    records.write_table(folder / "split.csv", split)
    histories = [result.history.assign(fold=number) for number, result in enumerate(results)]
    columns = ["fold", "stage", *training.HISTORY_COLUMNS]
    records.write_table(folder / "history.csv", pd.concat(histories, ignore_index=True)[columns])


def _short(digest: str) -> str:
    """Return the first digits of a file's digest, and the place in it where the clip is a piece."""
    file, at, offset = digest.partition("@")
    return f"{file[:DIGITS]}{at}{offset}"


def _fold(job: Job, material: Material, number: int, announce: Callable[[str], None]) -> FoldResult:
    """Train and test one fold, or read what an interrupted run kept of it."""
    kept = _place(job, number)
    if not (kept / "facts.json").exists():
        with memory.released():
            _make_fold(job, material, number, announce)
    return _kept_fold(kept)


def _make_fold(job: Job, material: Material, number: int, announce: Callable[[str], None]) -> None:
    """Train and test one fold, and keep what it leaves."""
    label = f"{job.experiment.id} {job.protocol.name} seed {job.options.seed}"
    label += f" fold {number + 1}/{len(material.folds)}" if len(material.folds) > 1 else ""
    split, began = material.folds[number], time.monotonic()
    validating = f"{len(split.validation)} validate, " if len(split.validation) else ""
    announce(f"{label}: {len(split.train)} clips train, {validating}{len(split.test)} test")
    prepared = job.experiment.prepare(material.clips, split, material.classes, job.setting)
    features_s = round(time.monotonic() - began - prepared.load_s, 2)
    learner, history, best = _train(job, prepared, len(material.classes), number, label)
    predicting = time.monotonic()
    probabilities, ms_per_clip = learner.predict(prepared.test.x), _ms_per_clip(predicting, prepared.test)
    validation = learner.predict(prepared.validation.x) if job.training else np.empty((0, len(material.classes)))
    if not np.isfinite(probabilities).all():
        raise ResultError(f"{label}: the model predicts no finite probabilities; no record is kept")
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
        "leaks": _leaks(job.study, material, number, prepared),
        "orders": _other_orders(job, learner, prepared.test),
    }
    _keep_model(job.folder / f"fold-{number}", learner, prepared)
    _keep_fold(_place(job, number), FoldResult(probabilities, validation, history, facts))


def _ms_per_clip(began: float, clips: Arrays) -> float:
    return round((time.monotonic() - began) / len(clips.x) * 1000, 3)


def _place(job: Job, number: int) -> Path:
    return job.folder / "work" / f"fold-{number}"


def _first_epochs(history: pd.DataFrame) -> int | None:
    """Return how many epochs the first stage trained; None for what is fitted at once."""
    if history.empty:
        return None
    return int(history.loc[history["stage"] == history["stage"].iloc[0], "epoch"].max())


def _leaks(study: Study, material: Material, number: int, prepared: Prepared) -> list[splits.Leak]:
    return splits.audit(
        material.clips,
        material.folds[number],
        apart=study.apart,
        digests=material.digests,
        augmented=prepared.augmented,
        scaler_rows=prepared.scaler_rows,
    )


def _train(
    job: Job, prepared: Prepared, n_classes: int, fold: int, label: str
) -> tuple[training.Learner, pd.DataFrame, int | None]:
    """Return the trained learner, the learning curves of all stages, and the best epoch of the first stage."""
    chosen = job.training
    if chosen is None:
        return *_fitted(job, prepared, n_classes, fold, label), None
    first_stage = "search" if chosen.retrain else "train"
    learner = _learner(job, chosen, n_classes, fold, first_stage)
    history = learner.fit(prepared.train, prepared.validation, epochs=chosen.epochs, stage=f"{label} {first_stage}")
    best = training.best_epoch(history, by=chosen.monitor)
    curves = [history.assign(stage=first_stage)]
    if chosen.retrain:
        learner = _learner(job, chosen, n_classes, fold, "retrain")
        history = learner.fit(prepared.train, None, epochs=best, stage=f"{label} retrain")
        curves.append(history.assign(stage="retrain"))
    return learner, pd.concat(curves, ignore_index=True), best


def _fitted(
    job: Job, prepared: Prepared, n_classes: int, fold: int, label: str
) -> tuple[training.SklearnLearner, pd.DataFrame]:
    learner = _estimator(job, n_classes, fold)
    return learner, learner.fit(prepared.train, stage=label).assign(stage="fit")


def _estimator(job: Job, n_classes: int, fold: int = 0) -> training.SklearnLearner:
    return training.SklearnLearner(
        job.build(n_classes),
        n_classes=n_classes,
        seed=derive(job.options.seed, "fold", fold),
        deadline=job.options.deadline,
    )


def _learner(job: Job, chosen: Training, n_classes: int, fold: int, stage: str) -> training.Learner:
    learner: training.Learner = training.learner_of(job.experiment)(
        partial(job.build, n_classes),
        chosen,
        seed=derive(job.options.seed, "fold", fold, stage),
        folder=job.folder / "work",
        strategy=job.options.strategy,
        deadline=job.options.deadline,
    )
    return learner


def _other_orders(job: Job, learner: training.Learner, test: Arrays) -> list[int]:
    """Return how many test clips are right in other orders, where the order decides; an empty list where it cannot."""
    if not job.study.batch_dependent(job.experiment, job.setting):
        return []
    true, correct = test.y.argmax(axis=1), []
    for number in range(BATCH_ORDERS):
        order = np.random.default_rng(derive(job.options.seed, "test order", number)).permutation(len(test.x))
        correct.append(int((learner.predict(test.x[order]).argmax(axis=1) == true[order]).sum()))
    return correct


def _keep_model(folder: Path, learner: training.Learner, prepared: Prepared) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "front_end.npz", allow_pickle=False, **prepared.front_end)
    learner.save(folder / learner.FILE)


def _keep_fold(folder: Path, result: FoldResult) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "probabilities.npy", result.probabilities)
    np.save(folder / "validation.npy", result.validation)
    records.write_table(folder / "history.csv", result.history)
    records.write_text(folder / "facts.json", json.dumps(result.facts))


def _kept_fold(folder: Path) -> FoldResult:
    facts = json.loads((folder / "facts.json").read_text())
    probabilities, validation = (np.load(folder / f"{name}.npy") for name in ("probabilities", "validation"))
    return FoldResult(probabilities, validation, pd.read_csv(folder / "history.csv"), facts)


def _predictions(study: Study, material: Material, results: Sequence[FoldResult]) -> pd.DataFrame:
    """Return `predictions.csv`: one row per test clip, fold after fold."""
    parts, columns = [], list(_prediction_columns(study))
    for number, (fold, result) in enumerate(zip(material.folds, results, strict=True)):
        tested = material.clips.iloc[fold.test]
        predicted = np.asarray(material.classes)[result.probabilities.argmax(axis=1)]
        part = tested.assign(fold=number, true=tested["label"], predicted=predicted)[columns]
        parts.append(part.assign(**dict(zip(material.classes, result.probabilities.T, strict=True))))
    return pd.concat(parts, ignore_index=True)


def _content(
    job: Job,
    material: Material,
    predictions: pd.DataFrame,
    results: Sequence[FoldResult],
    identity: dict[str, Any],
) -> dict[str, Any]:
    """Return the content of `record.json`, but for its timings."""
    facts = [result.facts for result in results]
    leaks = splits.merge_audits([fold["leaks"] for fold in facts])
    unit = _drawn_over(job.study, material.clips, leaks)
    scores = _scores(predictions, material.classes, unit=unit, seed=job.options.seed)
    if job.training:
        scores["metrics"] |= _losses(material, results, unit=unit, seed=job.options.seed)
    return {
        "study": job.study.name,
        "experiment": job.experiment.id,
        "protocol": job.protocol.name,
        "seed": job.options.seed,
        **context(job, material),
        "configuration": _configuration(job, identity),
        "parameters": facts[0]["parameters"],
        **scores,
        "baselines": metrics.baselines(scores["confusion"]),
        "folds": [{key: fold[key] for key in ("fold", *splits.SETS, "best_epoch", "epochs")} for fold in facts],
        "leaks": leaks,
        "environment": environment.describe(),
        "other_orders": _order_accuracies(facts, len(predictions)).tolist(),
        "notes": _notes(job, facts, len(material.classes), len(predictions)),
        "status": "complete",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def context(job: Job, material: Material) -> dict[str, Any]:
    """Return what the record of a run, or of a search, says of its clips and of the protocol."""
    return {
        "switches": {name: job.protocol.switches[name] for name in job.experiment.switches},
        "changed": changed_switches(job.protocol),
        "size": job.options.size,
        "data": _data(job, material),
        "classes": list(material.classes),
    }


def _configuration(job: Job, identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the training, or of the estimator, and those of the features."""
    if job.training is None:
        learnt = {"estimator": identity["estimator"]}
    else:
        model = {"model": {**job.experiment.model, **job.options.model}} if job.experiment.adjustable else {}
        learnt = {**asdict(job.training), "optimizer": "Adam", "strategy": job.options.strategy, **model}
    weights = {"weights": identity["weights"]} if job.experiment.pretrained else {}
    overrides = {**job.options.overrides, **job.options.model}
    chosen = {"inputs": dict(job.experiment.inputs), "overrides": overrides, "identity": identity}
    return {**learnt, **weights, **chosen}


def _scores(predictions: pd.DataFrame, classes: Sequence[str], *, unit: str | None, seed: int) -> dict[str, Any]:
    """Return `metrics`, `per_class` and `confusion`, the intervals over what `unit` names, or else over clips."""
    number = {name: place for place, name in enumerate(classes)}
    return metrics.classification(
        predictions["true"].map(number).to_numpy(),
        predictions["predicted"].map(number).to_numpy(),
        classes,
        groups=predictions[unit].to_numpy() if unit else None,
        seed=seed,
    )


def _losses(
    material: Material, results: Sequence[FoldResult], *, unit: str | None, seed: int
) -> dict[str, metrics.Score]:
    """Return what a network's tables have besides: its `loss`, and both scores of the validation clips of all folds."""
    tested = np.concatenate([fold.test for fold in material.folds])
    validating = np.concatenate([fold.validation for fold in material.folds])
    targets = one_hot(material.clips["label"], material.classes)
    of_test = np.concatenate([result.probabilities for result in results])
    of_validation = np.concatenate([result.validation for result in results])
    hits = of_validation.argmax(axis=1) == targets[validating].argmax(axis=1)

    def score(values: np.ndarray, rows: np.ndarray) -> metrics.Score:
        return metrics.mean_score(values, groups=material.clips[unit].to_numpy()[rows] if unit else None, seed=seed)

    accuracy = score(hits, validating)
    if not unit:
        accuracy |= {"interval": list(metrics.wilson(accuracy["value"], accuracy["n"])), "method": "Wilson"}
    return {
        "loss": score(metrics.cross_entropy(targets[tested], of_test), tested),
        "validation_accuracy": accuracy,
        "validation_loss": score(metrics.cross_entropy(targets[validating], of_validation), validating),
    }


def _timings(results: Sequence[FoldResult], elapsed: float) -> dict[str, float | None]:
    """Return the timings of a run; `total_s` counts epochs that an earlier, interrupted call trained too.

    `epoch_s` is None for what is fitted at once.
    """
    load_s, features_s = (sum(result.facts[name] for result in results) for name in ("load_s", "features_s"))
    epochs = np.concatenate([result.history["seconds"].to_numpy(float) for result in results])
    return {
        "load_s": round(load_s, 2),
        "features_s": round(features_s, 2),
        "epoch_s": round(float(np.median(epochs)), 3) if len(epochs) else None,
        "ms_per_clip": float(np.mean([result.facts["ms_per_clip"] for result in results])),
        "peak_memory_mib": environment.peak_memory_mib(),
        "total_s": round(max(elapsed, load_s + features_s + float(epochs.sum())), 1),
    }


def _drawn_over(study: Study, clips: pd.DataFrame, leaks: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the column to bootstrap over, if not over clips: the study's unit where none of its values is in two sets.

    Where the clips are pieces cut out of recordings it is the unit in any case: the pieces of a song share its label,
    so they are no more independent draws for having been learnt from.
    """
    word = study.apart[study.unit]
    kept_apart = all(leak["clean"] for leak in leaks if leak["check"] == word)
    return study.unit if kept_apart or "offset" in clips else None


def _data(job: Job, material: Material) -> dict[str, Any]:
    """Return what the record says of the clips: how many, of which corpora, and what the document has besides."""
    corpora = {
        found.corpus: {
            "clips": found.clips,
            "expected": sum(found.expected.values()),
            "form": found.form,
            "layout": found.layout,
        }
        for found in job.scan.found
    }
    return {
        "demo": job.scan.demo,
        "clips": len(material.clips),
        "expected_clips": job.study.clips or sum(CORPORA[name].clips for name in job.study.corpora),
        "corpora": corpora,
        "missing": job.scan.absent(job.study.corpora),
        "per_class": clip_count(material.clips, material.classes),
        # Of what lies there, not of what a draw among tied labels leaves of it: seeds of one corpus belong together.
        "digest": _digest_of(job.scan.manifest["name"], _digests(job.scan.manifest)),
    }


def _notes(job: Job, facts: Sequence[Mapping[str, Any]], n_classes: int, tested: int) -> list[str]:
    notes = []
    if job.options.folds is not None:
        notes.append(f"only the first {len(facts)} folds were run")
    if overrides := {**job.options.overrides, **job.options.model}:
        changed = ", ".join(f"{name} = {value}" for name, value in overrides.items())
        notes.append(f"set on the command line: {changed}")
    if job.training is None and not _estimator(job, n_classes).probabilistic:
        notes.append("the classifier has no probabilities: predictions.csv has 1 for the class it chose")
    if job.experiment.pretrained and job.options.weights == "none":
        notes.append("the network that should have been trained before has random weights (--weights none)")
    others = _order_accuracies(facts, tested)
    if job.training and len(others):
        notes.append(
            f"predictions depend on their batch: {job.training.batch_size} clips, in the order of predictions.csv; "
            f"in {len(others)} other orders the accuracy was {others.min():.4f} to {others.max():.4f}, "
            f"mean {others.mean():.4f}; the interval leaves this spread out"
        )
    return notes


def _order_accuracies(facts: Sequence[Mapping[str, Any]], tested: int) -> np.ndarray:
    """Return the accuracy over all folds in each of the other orders; empty where no order matters."""
    return np.sum([fold["orders"] for fold in facts], axis=0) / tested
