"""Music emotion from handcrafted and deep features (document 002, D. Valmacco, Milano-Bicocca).

Eight emotions felt by the listeners of Emotify, from 15 s of music: the classifiers of MATLAB's Classification Learner
on 17 handcrafted features and on 2048 features of Inception-v3. The document publishes two results,
`handcrafted-bagged-trees` and `deep-cubic-svm`. The other presets, 80 MFCC statistics (`mfcc-...`) and a smaller
network (`mobilenet-...`) are added for comparison.

    python -m reproductions.emotify_features                                  the demo corpus, in minutes
    python -m reproductions.emotify_features run handcrafted-bagged-trees --data EMOTIFY --seed 0 --seed 1
    python -m reproductions.emotify_features run handcrafted-bagged-trees --data EMOTIFY --protocol corrected
    python -m reproductions.emotify_features run deep-cubic-svm --data EMOTIFY --weights imagenet
    python -m reproductions.emotify_features attribution handcrafted-bagged-trees --data EMOTIFY
    python -m reproductions.emotify_features predict SONG.mp3

What to expect: features are extracted once (the 17 take some minutes on one core) and cached. After that, a run of
bagged trees takes seconds, so use many seeds: tie-breaking, folds and trees depend on them. `run` without experiments
and `--weights` leaves out the experiments that need a pretrained network. On the demo corpus scores mean nothing.

Errors of the document: what the published numbers show or indicate was done, but the text does not say. Each is a
switch; protocol `published` keeps the error:

1. `track_ids`: the songs are labelled by the alphabetical order of their folders, which is not the order of the
   listeners' table, so 300 of 400 songs have the label of another song. Both published confusion matrices have the same
   row totals. The corpus' own order cannot give them; the alphabetical order gives them exactly (as does one other of
   the 24 orders of the genres). And the errors in the matrices show no more similarity between emotions than permuted
   labels do. This is an indication only: randomly permuted labels explain the matrices equally well.
2. `folds`: the text says that the pieces of a song were kept together. But the published precision of the rare emotions
   and the accuracy are those of folds in which pieces are assigned one by one, under either numbering.
3. `ties`: 57 songs have no single dominant emotion, and the document does not mention them. Random tie-breaking gives
   the published number of pieces; `independent` leaves these songs out.

Departures and choices, where the document gives no details:

4. Which 17 features, and how they are computed: see `descriptors`. MFCC statistics are an addition.
5. MATLAB's presets in scikit-learn: `presets` has the table and the differences.
6. The spectrogram of the deep features, and MobileNet in addition to Inception-v3: see `deep`.
7. Random tie-breaking is repeated until amazement has the two songs that the document removes; 1580 pieces remain.
8. Five folds, stratified by emotion as far as songs allow; the document does not say so. Nothing is chosen on a
   validation set, and accuracy is over the five test folds together. The labels of `track_ids` stratify their own
   folds; as every piece is tested once, two orders are still compared on the same pieces, but for those of amazement.
9. Songs that are not from Emotify keep their own labels.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from common import splits
from common.arrays import Arrays, FileInputs, Prepared
from common.corpora import emotify
from common.errors import InputError
from common.later import Later
from common.study import Experiment, Inputs, Protocol, Setting, Study, Switch
from common.tasks import Classification
from reproductions.emotify_features import settings
from reproductions.emotify_features.presets import FIT, PRESETS, Preset
from reproductions.emotify_features.track_ids import OTHERS, tracks_of

# Slides "Features Handcrafted" and "Features Deep": the classes of the confusion matrices.
CLASSES = (
    "calmness",
    "joyful_activation",
    "nostalgia",
    "power",
    "sadness",
    "solemnity",
    "tenderness",
    "tension",
)
# Slide "Elaborazione dei Dati": two songs, so the class was removed.
REMOVED = "amazement"
PIECES = 1580

# Slide "Classificazione delle Emozioni".
FOLDS = 5

SWITCHES = (
    Switch(
        "track_ids",
        published="alphabetical",
        corrected="corpus",
        acts_on="labels",
        question="In which order of the genres are the songs numbered from 1 to 400, as in the listeners' table?",
        evidence="Both matrices have row totals 428 372 206 130 88 83 80 193. Tie-breaking moves whole songs of four "
        "pieces, so joyful activation and nostalgia cannot have 372 and 206 under the corpus' order: the one shorter "
        "song outside classical, pop/96, would have to be joyful. Under the alphabetical order it is, and all eight "
        "totals agree.",
        others=OTHERS,
        corpora=("emotify",),
    ),
    Switch(
        "folds",
        published="piece",
        corrected="song",
        acts_on="split",
        question="Are all pieces of a song on the same side of a fold, or are pieces assigned to folds one by one?",
        evidence="The text says that they are kept together. But sadness, solemnity and tenderness, predicted 26, 25 "
        "and 47 times, have published precisions of 76.9, 80.0 and 70.2 %, far above what song-disjoint folds give.",
    ),
    Switch(
        "ties",
        published="random",
        corrected="dropped",
        acts_on="labels",
        question="Is a tie between dominant emotions of a song broken at random, or is the song left out?",
        evidence="1588 pieces are those of all 400 songs, 57 of which have a tie; ties are not mentioned.",
        error=False,
        corpora=("emotify",),
    ),
)

PUBLISHED = {switch.name: switch.published for switch in SWITCHES}
INDEPENDENT = {switch.name: switch.corrected for switch in SWITCHES}
PROTOCOLS = {
    "published": Protocol(
        "published", PUBLISHED, "what the published numbers show or indicate was done, errors included"
    ),
    "corrected": Protocol("corrected", {**INDEPENDENT, "ties": "random"}, "true labels, song-disjoint folds"),
    "independent": Protocol("independent", INDEPENDENT, "the same without songs that have a tie"),
}


def label(manifest: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """Slide "Elaborazione dei Dati": cut songs into pieces of 15 s, each with its song's dominant emotion.

    Songs of other corpora keep their label. Amazement is removed.

    Raises:
        InputError: no song lasts 15 s, or the listeners' table is missing or damaged.
    """
    pieces = emotify.pieces(manifest)
    if pieces.empty:
        raise InputError(
            f"none of {len(manifest)} songs lasts {emotify.PIECE_S:g} s, the length of a piece; use longer songs"
        )
    songs = pieces["name"].str.rpartition("#")[0]
    pieces["group"] = pieces["group"].mask(pieces["group"] == "", pieces["corpus"] + "/" + songs)
    of_emotify = pieces["corpus"] == "emotify"
    if of_emotify.any():
        votes = emotify.votes(emotify.annotations(manifest))
        emotions = emotify.dominant(votes, ties=setting.switches["ties"], seed=setting.seed)
        tracks = songs[of_emotify].map(tracks_of(setting.switches["track_ids"], setting.seed))
        pieces.loc[of_emotify, "label"] = tracks.map(emotions)
    kept = pieces["label"].notna() & (pieces["label"] != REMOVED)
    return pieces[kept].reset_index(drop=True)


def split(clips: pd.DataFrame, setting: Setting) -> list[splits.Split]:
    """Slide "Classificazione delle Emozioni": five folds of whole songs or of single pieces, without validation."""
    groups = clips["group"] if setting.switches["folds"] == "song" else None
    return splits.stratified_folds(clips["label"], folds=FOLDS, seed=setting.seed, groups=groups)


Extract = Callable[[pd.DataFrame, str], np.ndarray]
"""Returns the features of pieces, float32 (pieces, features), given the pieces and the weights of a network."""


def prepare(
    clips: pd.DataFrame,
    fold: splits.Split,
    targets: np.ndarray,
    setting: Setting,
    *,
    extract: Extract,
    classifier: Preset,
) -> Prepared:
    """Return the features of the pieces of each set, not standardised: presets that standardise do so themselves."""
    features = _extracted(extract, tuple(clips["path"]), tuple(clips["offset"]), setting.weights)
    train, validation, test = (Arrays(features[rows], targets[rows]) for rows in fold.sets().values())
    nothing = np.array([], int)
    return Prepared(
        train, validation, test, augmented=nothing, scaler_rows=fold.train if classifier.standardised else nothing
    )


@lru_cache(maxsize=2)
def _extracted(extract: Extract, paths: Sequence[str], offsets: Sequence[float], weights: str) -> np.ndarray:
    """Return the features of pieces, collected from their files once for all folds."""
    return extract(pd.DataFrame({"path": paths, "offset": offsets}), weights)


def inputs_of(path: Path, setting: Setting, front_end: Mapping[str, np.ndarray], *, extract: Extract) -> FileInputs:
    """Return the features of the consecutive pieces of one file.

    Raises:
        InputError: the file is shorter than a piece.
    """
    seconds = soundfile.info(path).duration
    song = {"path": str(path), "name": path.name, "corpus": "", "speaker": "", "label": "", "group": path.name}
    pieces = emotify.pieces(pd.DataFrame([song | {"duration": seconds}]))
    if pieces.empty:
        lasts = math.floor(100 * seconds) / 100  # rounded down: 14.999 s must not be shown as 15 s
        raise InputError(f"{path} lasts {lasts:g} s, less than a piece of {emotify.PIECE_S:g} s; use a longer file")
    used = len(pieces) * emotify.PIECE_S
    note = f"the first {used:g} of its {seconds:.1f} s are classified, {emotify.PIECE_S:g} s at a time"
    return FileInputs(extract(pieces, setting.weights), (note,), tuple(map(float, pieces["offset"])))


@dataclass(frozen=True)
class FeatureSet:
    """A set of features for the classifiers.

    Attributes:
        title: in words.
        section: start of the slide's heading; for an addition, of the slide that it is compared with.
        extract: computes the features of pieces.
        inputs: settings for the record; `features` is the number of features.
        pretrained: whether a pretrained network computes them.
    """

    title: str
    section: str
    extract: Extract
    inputs: Mapping[str, Any]
    pretrained: bool = False


# The modules are imported by the functions: they need librosa and Keras.
def _handcrafted(pieces: pd.DataFrame, weights: str) -> np.ndarray:
    from reproductions.emotify_features import descriptors

    return descriptors.extract(pieces)


def _mfcc(pieces: pd.DataFrame, weights: str) -> np.ndarray:
    from reproductions.emotify_features import descriptors

    return descriptors.extract_mfcc(pieces)


def _pictures(pieces: pd.DataFrame, weights: str, *, backbone: str) -> np.ndarray:
    from reproductions.emotify_features import deep

    return deep.extract(pieces, weights, backbone=backbone)


def _deep(name: str, title: str) -> FeatureSet:
    backbone = settings.BACKBONES[name]
    inputs = {"features": backbone.features, "pixels": backbone.pixels, **SOUND, **asdict(settings.SPECTROGRAM)}
    return FeatureSet(title, "Features Deep", partial(_pictures, backbone=name), inputs, pretrained=True)


SOUND = {"sample_rate": settings.SAMPLE_RATE, "piece_s": emotify.PIECE_S}
HANDCRAFTED = {"features": len(settings.NAMES), **SOUND, "names": ", ".join(settings.NAMES)}
MFCC = {"features": 2 * settings.N_MFCC, **SOUND}

FEATURE_SETS: Mapping[str, FeatureSet] = {
    "handcrafted": FeatureSet("handcrafted features", "Features Handcrafted", _handcrafted, HANDCRAFTED),
    "deep": _deep("deep", "Inception-v3 features"),
    "mobilenet": _deep("mobilenet", "MobileNet features"),
    "mfcc": FeatureSet("MFCC", "Features Handcrafted", _mfcc, MFCC),
}
"""Keys are the first part of an experiment's id."""


def experiment(features: str, preset: str) -> Experiment:
    """Return the experiment of a preset on one set of features."""
    fed, classifier = FEATURE_SETS[features], PRESETS[preset]
    return Experiment(
        id=f"{features}-{preset}",
        title=f"{classifier.title}, {fed.title}",
        section=fed.section,
        build=partial(_build, classifier),
        method=FIT,
        inputs=Inputs(
            prepare=partial(prepare, extract=fed.extract, classifier=classifier),
            of_file=partial(inputs_of, extract=fed.extract),
            settings=fed.inputs,
            weights={"full": "imagenet", "demo": "imagenet"} if fed.pretrained else None,
        ),
        switches=tuple(switch.name for switch in SWITCHES),
        origin=classifier.origin,
    )


def _build(classifier: Preset, setting: Setting, outputs: int) -> Any:
    return classifier.build()


STUDY = Study(
    name="emotify_features",
    title="Emotions of music from handcrafted and deep features",
    task=Classification(CLASSES),
    corpora=("emotify",),
    switches=SWITCHES,
    protocols=PROTOCOLS,
    experiments=tuple(experiment(features, preset) for features in FEATURE_SETS for preset in PRESETS),
    label=label,
    split=split,
    apart={"group": "song"},
    clips=PIECES,
    examples=Later(f"{__name__}.examples", "examples"),
)
