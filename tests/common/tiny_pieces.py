"""A document on pieces of songs, classified by scikit-learn: every clip of the tiny corpus is a song of two pieces."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tiny
from sklearn.ensemble import BaggingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from common import splits
from common.arrays import Arrays, FileInputs, Prepared
from common.signals import audio
from common.study import Experiment, Fit, Inputs, Protocol, Setting, Size, Study, Switch
from common.tasks import Classification

PIECE_S = tiny.DURATION_S / 2
PIECES = 2
IMAGENET: Mapping[Size, str] = {"full": "imagenet", "demo": "imagenet"}

SWITCHES = (
    Switch("folds", "piece", "song", "split", "Are the pieces of a song kept together?", "made up"),
    Switch("ties", "random", "dropped", "labels", "What becomes of every eighth song?", "made up", error=False),
)
PUBLISHED = {switch.name: switch.published for switch in SWITCHES}
INDEPENDENT = {switch.name: switch.corrected for switch in SWITCHES}
PROTOCOLS = {
    "published": Protocol("published", PUBLISHED, "as it was done"),
    "corrected": Protocol("corrected", {**INDEPENDENT, "ties": "random"}, "as it is right"),
    "independent": Protocol("independent", INDEPENDENT, "new songs"),
}


def cut(songs: pd.DataFrame) -> pd.DataFrame:
    parts = [
        songs.assign(name=songs["name"] + f"#{number}", group=songs["name"], offset=number * PIECE_S)
        for number in range(PIECES)
    ]
    return pd.concat(parts, ignore_index=True)


def label(manifest: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    tied = manifest["name"].str.contains("-7")
    if setting.switches["ties"] == "dropped":
        return cut(manifest[~tied])
    drawn = np.random.default_rng(setting.seed).choice(tiny.CLASSES, len(manifest))
    return cut(manifest.assign(label=manifest["label"].mask(tied, pd.Series(drawn, manifest.index))))


def split(clips: pd.DataFrame, setting: Setting) -> list[splits.Split]:
    groups = clips["group"] if setting.switches["folds"] == "song" else None
    return splits.stratified_folds(clips["label"], folds=3, seed=setting.seed, groups=groups)


def spectra(pieces: pd.DataFrame) -> np.ndarray:
    waveforms = [
        audio.load(path, sample_rate=tiny.SAMPLE_RATE, offset=offset, duration=PIECE_S)
        for path, offset in zip(pieces["path"], pieces["offset"], strict=True)
    ]
    return tiny.spectra_of(np.stack(waveforms))


def prepare(clips: pd.DataFrame, fold: splits.Split, targets: np.ndarray, setting: Setting) -> Prepared:
    features = spectra(clips)
    train, validation, test = (Arrays(features[rows], targets[rows]) for rows in fold.sets().values())
    return Prepared(train, validation, test, np.array([], int), fold.train)


def inputs_of(path: Path, setting: Setting, front_end: Mapping[str, np.ndarray]) -> FileInputs:
    pieces = cut(pd.DataFrame([{"path": path, "name": path.name}]))
    return FileInputs(spectra(pieces), begins=tuple(map(float, pieces["offset"])))


def experiment(name: str, estimator: Any, *, pretrained: bool = False) -> Experiment:
    return Experiment(
        id=name,
        title=name.capitalize(),
        section="1",
        build=partial(lambda made, setting, outputs: made(), estimator),
        method=Fit(),
        inputs=Inputs(prepare, inputs_of, {"features": 33}, weights=IMAGENET if pretrained else None),
        switches=("folds", "ties"),
    )


def trees() -> BaggingClassifier:
    return BaggingClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=5)


STUDY = Study(
    name="tiny_pieces",
    title="A tiny document on pieces",
    task=Classification(tiny.CLASSES),
    corpora=("savee",),
    switches=SWITCHES,
    protocols=PROTOCOLS,
    experiments=(
        experiment("trees", trees),
        experiment("svm", lambda: make_pipeline(StandardScaler(), SVC())),
        experiment("pictures", trees, pretrained=True),
    ),
    label=label,
    split=split,
    apart={"group": "song"},
    clips=192,
)


job = tiny.jobs_of(STUDY)
