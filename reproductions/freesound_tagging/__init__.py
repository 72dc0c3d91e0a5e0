"""Audio tagging of Freesound clips with neural networks (document 003, slides of 19 June 2019).

Which of 80 sounds are in a clip? Ten networks: three on mel spectrograms (two of them with 24 and 48 filters), one that
reads the spectrogram as a sequence, MCNN with masked convolutions (with and without masks, with and without augmented
clips), and two on waveforms; and networks that were pretrained on ImageNet, which "didn't work". The score is lwlrap.
The slides end with style transfer from pictures to sounds (`style_transfer`).

    python -m reproductions.freesound_tagging                              the demo corpus, in minutes
    python -m reproductions.freesound_tagging run moddcnn mcnn --data FSDKaggle2019
    python -m reproductions.freesound_tagging run mcnn-aug --data FSDKaggle2019 --impulse-responses DIR
    python -m reproductions.freesound_tagging run imagenet-cnn --data ESC-10 --weights imagenet
    python -m reproductions.freesound_tagging predict FILE --run RUN       the top tags, averaged over windows
    python -m reproductions.freesound_tagging style-transfer CLIP PICTURE --out DIR

Your data: FSDKaggle2019 as it is on Zenodo or was on Kaggle; ESC-10 as a substitute, with one tag per clip; or your own
audio with a CSV of `path,label`, tags separated by commas.

The layers, the training and what the inputs are come from the authors' public code (`code` in the sheet).

Errors and unclear choices, each a switch:

1. `reported`: each printed score is the best one on the validation clips, which also chose the epoch. `published` tests
   on the validation clips; `corrected` on others: the test set of FSDKaggle2019, or a fifth of another corpus.
2. `gru_axis`: the GRU steps over the bands of the spectrogram, with the frames as features: one permutation too many.
   `corrected` steps over time.
3. `bad_clips`: five curated clips have wrong labels and one is empty, as the organisers said later. `corrected` leaves
   them out.
4. `sets`: the networks are trained on the curated clips. `curated+noisy` adds the noisy set to the training clips.
5. `backbone`: which pretrained networks were tried is not said.
6. `sources`: whether clips of one recording may be in both training and test set.

Departures and choices:

7. The split is stratified by tags (Sechidis et al. 2011) by another implementation than theirs, so it has other clips.
8. A network returns probabilities; the code returns their logits. MCNN's are those of its softmax loss (code), although
   the slides say of all networks "not softmax, sigmoid". `corrected` keeps the softmax.
9. MCNN trains for at most 200 epochs and, as the others, stops after 20 without a better validation lwlrap; the code
   trains a fixed number of epochs, and its scores are means over batches. Its learning rate follows the validation
   loss, by the factor and the patience of the others. With the same patience PyTorch's falls an epoch later.
10. The authors' 73 impulse responses are not named. Without `--impulse-responses` they are synthesised. A mixture of
    less than two seconds has zeros before it; with augmentation, the code pads each clip on both sides before mixing.
11. Impulse responses have an energy of 1, so that a convolved clip keeps its level.
12. What the code tried and turned off (pitch shift, white noise) is left out.
13. `independent` has the five folds of ESC-10; other corpora get five folds in which clips of one recording stay
    together, not stratified.
14. At demo size training has few epochs, and `kaggle` a quarter of its channels.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from common import splits
from common.corpora import esc10, fsdkaggle2019
from common.later import Later
from common.study import Experiment, Inputs, Plateau, Protocol, Setting, Study, Switch, Training, counted
from common.tasks import Tagging
from reproductions.freesound_tagging import settings

TASK = Tagging(fsdkaggle2019.TAGS)

SWITCHES = (
    Switch(
        "reported",
        published="validation",
        corrected="test",
        acts_on="split",
        question="Is the reported score that of the validation clips, which chose the epoch, or of test clips?",
        evidence="Code: a tenth of the curated clips validates; the best of its scores are those of Results.",
    ),
    Switch(
        "gru_axis",
        published="bands",
        corrected="frames",
        acts_on="model",
        question="Does the GRU step over the bands of a mel spectrogram, or over its frames?",
        evidence="Code: one permutation too many; the slides have sequences of frames.",
    ),
    Switch(
        "bad_clips",
        published="kept",
        corrected="omitted",
        acts_on="labels",
        question="Are curated clips used that are known to be wrong or empty?",
        evidence="The organisers' list of errors of FSDKaggle2019 (ref); the code has no such list.",
        corpora=("fsdkaggle2019",),
    ),
    Switch(
        "sets",
        published="curated",
        corrected="curated",
        acts_on="labels",
        question="Which training clips are used?",
        evidence="Data Preparation: the curated ones.",
        error=False,
        others=("curated+noisy",),
        corpora=("fsdkaggle2019",),
    ),
    Switch(
        "backbone",
        published="mobilenet-0.25",
        corrected="mobilenet-0.25",
        acts_on="model",
        question="Which network was pretrained on ImageNet?",
        evidence="Classification Models: no network is named. MobileNet 0.25 is the smallest.",
        error=False,
        others=("mobilenetv2", "efficientnetb0", "resnet50", "vgg16"),
    ),
    Switch(
        "sources",
        published="mixed",
        corrected="disjoint",
        acts_on="split",
        question="May clips of one recording be in both training and test set?",
        evidence="Code: stratified by tags alone.",
        error=False,
    ),
)
PUBLISHED = {switch.name: switch.published for switch in SWITCHES}
INDEPENDENT = {switch.name: switch.corrected for switch in SWITCHES}
PROTOCOLS = {
    "published": Protocol("published", PUBLISHED, "the best score on validation clips, all curated clips, as the code"),
    "corrected": Protocol("corrected", {**INDEPENDENT, "sources": "mixed"}, "tested on other clips than chosen on"),
    "independent": Protocol("independent", INDEPENDENT, "as corrected, with folds that share no recording"),
}
EVERY_ROW = ("reported", "bad_clips", "sets", "sources")

VALIDATION, TEST = 0.1, 0.2
"""Code: a tenth validates. A choice: a fifth of a corpus without a test set is tested."""
FOLDS = 5
NOISY, TESTED = "train_noisy", "test"
"""Sets of FSDKaggle2019."""


def label(manifest: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """Return the clips that are used, with their tags, the set of FSDKaggle2019, and the fold of ESC-10."""
    clips, switches = esc10.folded(fsdkaggle2019.tagged(manifest)), setting.switches
    unused = clips["name"].isin(fsdkaggle2019.FAULTS) & (switches["bad_clips"] == "omitted")
    unused |= (clips["set"] == NOISY) & (switches["sets"] == "curated")
    only_divided = switches["reported"] == "validation" or switches["sources"] == "disjoint"
    unused |= (clips["set"] == TESTED) & only_divided
    return clips[~unused].reset_index(drop=True)


def split(clips: pd.DataFrame, setting: Setting) -> list[splits.Split]:
    """Hold out a tenth, stratified by tags, for validation; test it too, or other clips; or folds (choice 13).

    Raises:
        InputError: there are too few clips, or the recording of a clip is unknown.
    """
    strata, sets = TASK.of(clips).targets(clips), clips["set"].to_numpy()
    if setting.switches["sources"] == "disjoint":
        by = "fold" if clips["fold"].all() else "group"
        return splits.grouped_folds(clips, folds=FOLDS, seed=setting.seed, by=by)
    has_test = (sets == TESTED).any()
    if setting.switches["reported"] == "test" and not has_test:
        return [splits.stratified_split(strata, test=TEST, validation=VALIDATION, seed=setting.seed)]
    # The noisy clips only train.
    divided, noisy = np.flatnonzero(~np.isin(sets, (NOISY, TESTED))), np.flatnonzero(sets == NOISY)
    rest, held = splits.hold_out(strata[divided], fraction=VALIDATION, seed=setting.seed)
    tested = np.flatnonzero(sets == TESTED) if has_test else divided[held]
    return [splits.Split(np.sort(np.concatenate([divided[rest], noisy])), divided[held], tested)]


BASE = Training(
    epochs=1000,
    batch_size=64,
    learning_rate=1e-3,
    monitor="val_lwlrap",
    patience=20,
    plateau=Plateau(0.5, 10),
)
"""Code: of all networks but MCNN and those on waveforms."""
OF_MCNN = replace(BASE, epochs=200, plateau=Plateau(0.5, 10, "val_loss"), loss="categorical_crossentropy")
"""Code: softmax cross-entropy with the tags of a clip as targets, though they may be several (choice 9)."""
OF_RESE = replace(BASE, epochs=200)
OF_SAMPLECNN = replace(OF_RESE, learning_rate=1e-4)
DEMO = {"epochs": 6, "batch_size": 8}
DEMO_OF_WAVEFORMS = {"epochs": 2, "batch_size": 8}

from_inputs = partial(Later, f"{__name__}.inputs")
network = partial(Later, f"{__name__}.networks")
waveform_network = partial(Later, f"{__name__}.waveform_networks")
"""Functions of these modules, by name."""

MELS = Inputs(
    from_inputs("prepare_mels"),
    partial(from_inputs("of_file"), of=from_inputs("mels_of")),
    {**settings.MEL, "duration_s": settings.SECONDS},
)
PRETRAINED = replace(MELS, weights={"full": "imagenet", "demo": "none"})
RAW = Inputs(
    from_inputs("prepare_raw"),
    partial(from_inputs("of_file"), of=from_inputs("as_raw")),
    {"sample_rate": settings.SAMPLE_RATE, "duration_s": settings.SECONDS},
    on_disk=True,
)
MIXTURES = Inputs(
    from_inputs("prepare_mixtures"),
    partial(from_inputs("of_file"), of=partial(from_inputs("mels_of"), settings=settings.MEL_OF_MIXTURES), trim=True),
    {
        **settings.MEL_OF_MIXTURES,
        "duration_s": settings.SECONDS,
        "trim_db": settings.TRIM_DB,
        "convolved": settings.CONVOLVED,
    },
    on_disk=True,
    augment=from_inputs("augmented"),
    convolved=True,
)


def row(name: str, title: str, build: Any, method: Training, made: Inputs, *more: str) -> Experiment:
    """Return a row of the table of results."""
    return Experiment(
        id=name,
        title=title,
        section="Results",
        build=build,
        method=method,
        inputs=made,
        switches=(*EVERY_ROW, *more),
        substitutes=(esc10.ESC10.name,),
        demo=DEMO,
    )


masked, unmasked = (partial(network("mcnn"), masked=flag) for flag in (True, False))
EXPERIMENTS = (
    row("dcnn", "DCNN", network("dcnn"), BASE, MELS),
    replace(row("moddcnn", "DCNN, modified", network("moddcnn"), BASE, MELS), adjustable=("normalisation", "filters")),
    row("gru", "GRU", network("gru"), BASE, MELS, "gru_axis"),
    row("kaggle", "Kaggle-based CNN", network("kaggle"), BASE, MELS),
    row("mcnn", "MCNN", masked, OF_MCNN, MELS),
    row("mcnn-nomask", "MCNN without masks", unmasked, OF_MCNN, MELS),
    row("mcnn-aug", "MCNN, augmented clips", masked, OF_MCNN, MIXTURES),
    row("mcnn-aug-nomask", "MCNN without masks, augmented clips", unmasked, OF_MCNN, MIXTURES),
    replace(row("samplecnn", "SampleCNN", waveform_network("samplecnn"), OF_SAMPLECNN, RAW), demo=DEMO_OF_WAVEFORMS),
    replace(row("rese2multi", "ReSE-2-Multi", waveform_network("rese2multi"), OF_RESE, RAW), demo=DEMO_OF_WAVEFORMS),
    replace(
        row("imagenet-cnn", "CNN pretrained on ImageNet", network("imagenet_cnn"), BASE, PRETRAINED, "backbone"),
        section="Classification Models",
    ),
)

STUDY = Study(
    name="freesound_tagging",
    title="Audio multi-label classification and applications, slides of 19 June 2019",
    task=TASK,
    corpora=(fsdkaggle2019.FSDKAGGLE2019.name,),
    switches=SWITCHES,
    protocols=PROTOCOLS,
    experiments=EXPERIMENTS,
    label=label,
    split=split,
    apart={"group": "recording"},
    examples=Later(f"{__name__}.examples", "examples"),
    diagrams={"dcnn": "DCNN Model"},
    parameters=counted(__file__),
)
