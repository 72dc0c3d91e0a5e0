"""A document of a few parameters, on sounds of a few milliseconds, so that a run takes a second.

The file is imported by the tests and by the processes that they start and kill.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import soundfile

from common import splits
from common.arrays import Arrays, FileInputs, Prepared
from common.corpora import scan
from common.illustrations import Example, waveform_panel
from common.runs import jobs
from common.signals import audio
from common.study import Experiment, Inputs, Method, Protocol, Setting, Study, Switch, Training
from common.tasks import Classification

CLASSES = ("high", "low", "middle")
SPEAKERS = ("ann", "bob", "cat", "dan")
SAMPLE_RATE, DURATION_S = 8000, 0.016
PITCH_HZ = {"low": 500, "middle": 1000, "high": 2000}

SWITCHES = (
    Switch("labels", "document", "right", "labels", "Is SAVEE relabelled?", "made up"),
    Switch("width", "4", "8", "model", "How many units?", "made up"),
    Switch("split", "stratified", "speaker", "split", "May a speaker be in two sets?", "made up", error=False),
)
PUBLISHED = {switch.name: switch.published for switch in SWITCHES}
INDEPENDENT = {switch.name: switch.corrected for switch in SWITCHES}
PROTOCOLS = {
    "published": Protocol("published", PUBLISHED, "as it was done"),
    "corrected": Protocol("corrected", {**INDEPENDENT, "split": "stratified"}, "as it is right"),
    "independent": Protocol("independent", INDEPENDENT, "new speakers"),
}


def write_corpus(folder: Path, classes: Sequence[str] = CLASSES, speakers: Sequence[str] = SPEAKERS) -> Path:
    """Write noisy tones, eight a class and speaker, and the table that makes them an own corpus."""
    folder.mkdir(parents=True)
    rows, draw = [], np.random.default_rng(0)
    time = np.arange(round(SAMPLE_RATE * DURATION_S)) / SAMPLE_RATE
    for speaker in speakers:
        for place, label in enumerate(classes):
            for take in range(8):
                pitch = list(PITCH_HZ.values())[place % 3]
                sound = np.sin(2 * np.pi * pitch * time + take) + draw.normal(size=len(time))
                rows.append((f"{speaker}-{place}-{take}.wav", label, speaker))
                soundfile.write(folder / rows[-1][0], sound / 8, SAMPLE_RATE)
    pd.DataFrame(rows, columns=["path", "label", "speaker"]).to_csv(folder / "clips.csv", index=False)
    return folder


def published(
    study: str,
    experiments: Sequence[str],
    more: str = "",
    *,
    clips: int = 96,
    classes: Sequence[str] = CLASSES,
    top: str = "",
) -> str:
    """Return a file of published numbers, made up: `top` before its first table and `more` at its end."""
    rows = "\n".join(f'[[experiment]]\nid = "{name}"\ntitle = "{name}"\nsection = "1"\n' for name in experiments)
    return f"""
schema = 2
study = "{study}"
title = "A tiny document"
document = "made up"
resolution = {{overall = 0.05, per_class = 0.12}}
data = {{section = "1", clips = {clips}, known = "count", corpora = {{}}, classes = {list(classes)}}}
{top}
{rows}
{more}
"""


def noise(clips: int = 20, seed: int = 0) -> Arrays:
    """Return random spectra and random classes, to train on without a corpus."""
    draw = np.random.default_rng(seed)
    targets = np.eye(3, dtype=np.float32)[draw.integers(0, 3, clips)]
    return Arrays(draw.normal(size=(clips, 65)).astype(np.float32), targets)


def without_seconds(history: pd.DataFrame) -> pd.DataFrame:
    """Return learning curves as far as they are the same every time."""
    return history.drop(columns="seconds")


def label(manifest: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    if setting.switches["labels"] == "document":
        return manifest.assign(label=manifest["label"].mask(manifest["corpus"] == "savee", "high"))
    return manifest


def split(clips: pd.DataFrame, setting: Setting) -> list[splits.Split]:
    if setting.switches["split"] == "speaker":
        return splits.grouped_folds(clips, folds=3, seed=setting.seed)
    return [splits.stratified_split(clips["label"], test=0.2, validation=0.25, seed=setting.seed)]


def prepare(clips: pd.DataFrame, fold: splits.Split, targets: np.ndarray, setting: Setting) -> Prepared:
    spectra = spectra_of(audio.load_clips(list(clips["path"]), sample_rate=SAMPLE_RATE, duration=DURATION_S))
    train, validation, test = (Arrays(spectra[rows], targets[rows]) for rows in fold.sets().values())
    front_end = {"bands": np.arange(spectra.shape[1])}
    return Prepared(train, validation, test, np.array([], int), np.array([], int), front_end)


def spectra_of(waveforms: np.ndarray) -> np.ndarray:
    return np.log1p(np.abs(np.fft.rfft(waveforms))).astype(np.float32)


def inputs_of(path: Path, setting: Setting, front_end: Mapping[str, np.ndarray]) -> FileInputs:
    waveform = audio.load(path, sample_rate=SAMPLE_RATE, duration=DURATION_S)
    return FileInputs(spectra_of(waveform[np.newaxis])[:, front_end["bands"]], ("its first 16 ms",))


def build(setting: Setting, n_classes: int, *, dropout: float = 0.4) -> keras.Model:
    inputs = keras.Input((65,))
    hidden = keras.layers.Dense(int(setting.switches["width"]), "relu")(inputs)
    hidden = keras.layers.Dropout(dropout)(keras.layers.BatchNormalization(momentum=0.5)(hidden))
    return keras.Model(inputs, keras.layers.Dense(n_classes, "softmax")(hidden))


def experiment(name: str, method: Method) -> Experiment:
    return Experiment(
        id=name,
        title=name.capitalize(),
        section="1",
        build=build,
        method=method,
        inputs=INPUTS,
        switches=("labels", "width", "split"),
        demo={"epochs": 3},
        adjustable=("dropout",),
    )


def examples(clips: pd.DataFrame, setting: Setting, runs: Path) -> list[Example]:
    """Return a figure of the first clip; its title has the label and the switch of labels."""
    path, label = clips[["path", "label"]].iloc[0]
    panel = waveform_panel("", audio.load(path, sample_rate=SAMPLE_RATE, duration=DURATION_S), SAMPLE_RATE)
    return [Example("clip", "Figure 1", f"{label}, labels {setting.switches['labels']}", (panel,))]


INPUTS = Inputs(prepare, inputs_of, {"sample_rate": SAMPLE_RATE, "duration_s": DURATION_S})
PATIENT = Training(epochs=12, batch_size=8, learning_rate=0.1, patience=2)
STUDY = Study(
    name="tiny",
    title="A tiny document",
    task=Classification(CLASSES),
    corpora=("savee",),
    switches=SWITCHES,
    protocols=PROTOCOLS,
    experiments=(
        experiment("patient", PATIENT),
        experiment("retrained", replace(PATIENT, epochs=4, patience=None, retrain=True)),
        experiment("paired", replace(PATIENT, epochs=2)),
    ),
    label=label,
    split=split,
    batch_dependent=lambda experiment, setting: experiment.id == "paired",
    printed_shape=lambda shape: shape,
    examples=examples,
    diagrams={"patient": "Figure 2"},
    parameters={"patient": 295, "retrained": 295, "paired": 295},
)


def jobs_of(study: Study) -> Callable[..., jobs.Job]:
    """Return a function that makes a run of the clips in a folder: of the first experiment, unless one is named."""

    def job(
        corpus: Path,
        name: str = study.experiments[0].id,
        protocol: str = "published",
        *,
        runs: Path = Path("runs"),
        **options: Any,
    ) -> jobs.Job:
        chosen = jobs.Options(runs=runs, **options)
        return jobs.Job(study, study.experiment(name), study.protocol(protocol), scan([corpus]), chosen)

    return job


job = jobs_of(STUDY)
