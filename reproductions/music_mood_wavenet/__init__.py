"""Moods and themes of music with EfficientNet and WaveNet features (document 000, HCMUS at MediaEval 2020).

Which of 56 moods and themes does a track have? Seven rows: mel spectrograms with EfficientNet-B0, without and with
"data processing" and SpecAugment; the features of NSynth's WaveNet encoder with MobileNetV2 and EfficientNet-B7; two
ensembles of both. A slide also shows a table of another paper: WaveNet against CNN and LSTM, on raw speech (`speech`).

    python -m reproductions.music_mood_wavenet                             the demo corpus, in minutes
    python -m reproductions.music_mood_wavenet run mel-b0 --data JAMENDO --weights imagenet
    python -m reproductions.music_mood_wavenet run emodb-wavenet emodb-cnn-lstm --data EMO-DB
    python -m reproductions.music_mood_wavenet predict FILE --run RUN      the top tags, averaged over windows

Your data: MTG-Jamendo's numbered folders of mel spectrograms (`NN/<id>.npy`) or audio beside its split files; Emotify
as a substitute, tagged by its listeners' votes; or your own audio with a CSV of `path,label`, tags separated by commas.
Full size is planned for one GPU: `--dry-run` says what the training takes (not the spectrograms, nor the encoding of
about 15 s per track on two cores). For two cores there are `--set frames=1406` (30 s) and `--set encoded=10`.

Weights: `--weights imagenet`, a file of the backbone, `none`, or for the WaveNet rows a folder with the files of the
encoder's checkpoint (`model.ckpt-200000.*`) and of the backbones (`weights`). Without the checkpoint the encoder is
untrained, and the record says so.

What the code does and the slides do not say is from the authors' public code (`code` in the sheet).

Errors and unclear choices, each a switch:

1. `crop`: with a chance of 0.33 the code stretches one patch of the centre to the whole input: a random crop was meant,
   but none of its boxes fits so long a spectrogram. `corrected` drops it.
2. `ensemble`: the code averages logits of the model on mel spectrograms with probabilities of the other, and compares
   the mean with thresholds that were chosen among probabilities. `corrected` averages probabilities and thresholds.
3. `frames`: the slides and the paper have 6950, the code 6590.
4. `variant`: the table has EfficientNet-B7, another slide B8, the uploaded file B6. `keras.applications` has no B8.
5. `loss`: cross-entropy; the uploaded file ends with a focal loss, which the paper says did not help. It weighs tags
   that are present by 0.75 and absent ones by 0.25.
6. `encoded`: 30 s of a track are encoded.
7. `speakers`: whether a speaker of EMO-DB may be in both training and test set.

Departures and choices:

8. Only the stretch of a track that the model reads is encoded. The steps within 0.2 s of its ends differ by that.
9. Dropout is 0.2 for B0, 0.5 for B7 (recall) and 0.2 for MobileNetV2 (a choice). The WaveNet rows have one block of
    SpecAugment in each direction, and train on all tracks, as the table names data processing for mel spectrograms
    only; the uploaded file for WaveNet features reads the list of "data processing".
10. An emotion of Emotify is a tag of a track if a quarter of its listeners chose it. Its 400 tracks are divided at
    random: a quarter is tested, 15 % of the rest validate.
11. The learning rate falls after 5 epochs without a lower validation loss; in PyTorch, with the same patience, after 6.
12. "Data processing" draws 700 tracks per tag as the authors' list did (`balance`): other tracks than theirs. Dropping
    the most frequent tags until 15,221 labels are left, as the slides can be read, gives another list than theirs.
13. Mixup takes partners from the same batch; the code from all tracks.
14. Batch normalisation has Keras' momentum (0.99) and epsilon (1e-3), not PyTorch's (0.9 and 1e-5).
15. At demo size EfficientNet-B0 takes the place of B7, a crop has 192 frames, and 1.5 seconds are encoded.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from common import splits
from common.corpora import emodb, emotify, mtg_jamendo
from common.errors import InputError
from common.later import Later
from common.study import Ensemble, Experiment, Inputs, Plateau, Protocol, Setting, Study, Switch, Training, counted
from common.tasks import Classification, Tagging
from reproductions.music_mood_wavenet import settings, speech

TASK = Tagging(mtg_jamendo.TAGS)

SWITCHES = (
    Switch(
        "crop",
        published="stretched",
        corrected="none",
        acts_on="model",
        question="Is a patch of the centre stretched to the whole input?",
        evidence="Code: a random resized crop whose box never fits, so it falls back to one patch of the centre.",
    ),
    Switch(
        "ensemble",
        published="mixed",
        corrected="probabilities",
        acts_on="model",
        question="Are raw logits averaged with probabilities, or probabilities with probabilities?",
        evidence="Code: logits of the one file with probabilities of the other, compared with thresholds of "
        "probabilities. This may be why the paper has an F of 0.0594 beside a PR-AUC of 0.1414.",
    ),
    Switch(
        "frames",
        published="6590",
        corrected="6590",
        acts_on="model",
        question="How many frames has a crop of a mel spectrogram?",
        evidence="Mel-spectrogram: 6950; the code and the baseline that it builds on have 6590.",
        error=False,
        others=("6950", "1406"),
    ),
    Switch(
        "variant",
        published="b7",
        corrected="b7",
        acts_on="model",
        question="Which EfficientNet reads the WaveNet features?",
        evidence="Experiment results: B7; EfficientNet: B8; the uploaded file: B6.",
        error=False,
        others=("b6",),
    ),
    Switch(
        "loss",
        published="cross-entropy",
        corrected="cross-entropy",
        acts_on="model",
        question="Which loss is minimised?",
        evidence="Code: cross-entropy; the uploaded file for mel spectrograms ends with a focal loss (0.25, 2).",
        error=False,
        others=("focal",),
    ),
    Switch(
        "encoded",
        published="30",
        corrected="30",
        acts_on="model",
        question="How many seconds of a track are encoded?",
        evidence="Neural Audio Synthesis: the output of a 30 seconds audio is 16 frames with 937 time steps.",
        error=False,
        others=("10", "5"),
    ),
    Switch(
        "speakers",
        published="random",
        corrected="disjoint",
        acts_on="split",
        question="May a speaker of EMO-DB be in both training and test set?",
        evidence="Emotion Recognition from Raw Speech: nothing is said of the split.",
        error=False,
    ),
)
PUBLISHED = {switch.name: switch.published for switch in SWITCHES}
INDEPENDENT = {switch.name: switch.corrected for switch in SWITCHES}
PROTOCOLS = {
    "published": Protocol("published", PUBLISHED, "as the code does it"),
    "corrected": Protocol("corrected", {**INDEPENDENT, "speakers": "random"}, "no stretched crop, no mixed ensemble"),
    "independent": Protocol("independent", INDEPENDENT, "as corrected, with speaker-disjoint folds of EMO-DB"),
}
MEL_SWITCHES, WAVENET_SWITCHES = ("crop", "frames", "loss"), ("crop", "encoded", "loss")
"""What a row on mel spectrograms and one on WaveNet features depend on."""


def label(manifest: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """Return the manifest with the tags of each track, and the set of split-0 that it is in."""
    return mtg_jamendo.tagged(emotify.tagged(manifest))


def split(clips: pd.DataFrame, setting: Setting) -> list[splits.Split]:
    """Return split-0, which shares no artist between its sets; other corpora are divided at random (choice 10).

    Raises:
        InputError: only some of the tracks have a set, or a set has no track.
    """
    sets = clips["set"].to_numpy()
    if not (sets != "").any():
        return [splits.random_split(len(clips), test=0.25, validation=0.15, seed=setting.seed)]
    rows = {name: (sets == name).nonzero()[0] for name in splits.SETS}
    if sum(map(len, rows.values())) < len(clips):
        raise InputError("MTG-Jamendo has a split of its own, and other tracks have not; name one corpus with --data")
    if empty := [name for name in splits.SETS if not len(rows[name])]:
        raise InputError(f"no track of the {empty[0]} set is here; add its tracks, or use a corpus without such sets")
    return [splits.Split(**rows)]


def focal_loss(targets: Any, outputs: Any) -> Any:
    """Return the focal loss of the uploaded file, a value per track.

    Lin et al. 2017 with gamma 2, but a tag that is present has the weight 0.75 and others 0.25 (code); the paper has it
    the other way round. With mixup, a tag of either track counts as present.
    """
    from keras import ops  # here and not above: a listing trains nothing

    entropy = ops.binary_crossentropy(targets, outputs)
    weight = ops.where(targets > 0, 0.75, 0.25)
    return ops.mean(weight * ops.square(1 - ops.exp(-entropy)) * entropy, axis=-1)


UNDER = {"loss=focal": {"loss": focal_loss}}
TRAINING = Training(
    epochs=120,
    batch_size=8,
    learning_rate=1e-3,
    patience=25,
    amsgrad=True,
    plateau=Plateau(0.1, 5),
    drop_remainder=True,
)
"""Code: the learning rate falls by a factor of 10 when the validation loss has not fallen for 5 epochs."""
DEMO = {"epochs": 2}


from_inputs = partial(Later, f"{__name__}.inputs")
from_network = partial(Later, f"{__name__}.network")
of_raw_speech = partial(Later, f"{__name__}.speech_networks")
"""Functions of these modules, by name."""

mel_b0, wavenet = from_network("mel_b0"), from_network("wavenet")
WEIGHTS: Any = {"full": "imagenet", "demo": "none"}


def mel_inputs(*, balance: bool, blocks: Any = None) -> Inputs:
    """Return the inputs of a row on mel spectrograms: with "data processing", and with SpecAugment."""
    return Inputs(
        partial(from_inputs("prepare_mel"), balance=balance),
        from_inputs("mel_of_file"),
        {**settings.MEL, "balance": balance, "spec_augment": blocks},
        on_disk=True,
        weights=WEIGHTS,
        augment=partial(from_inputs("augmented"), blocks=blocks),
        cache_file=from_inputs("cache_mel"),
    )


def wavenet_inputs(*, tiled: int) -> Inputs:
    """Return the inputs of a row on WaveNet features."""
    return Inputs(
        partial(from_inputs("prepare_wavenet"), tiled=tiled),
        partial(from_inputs("wavenet_of_file"), tiled=tiled),
        {"sample_rate": settings.SAMPLE_RATE, "tiled": tiled, "spec_augment": settings.WAVENET_BLOCKS},
        weights=WEIGHTS,
        encoded=True,
        augment=partial(from_inputs("augmented"), blocks=settings.WAVENET_BLOCKS),
        cache_file=from_inputs("cache_wavenet"),
    )


def row(name: str, title: str, build: Any, method: Any, made: Inputs, switches: tuple[str, ...]) -> Experiment:
    """Return a row of the table of results."""
    return Experiment(
        id=name,
        title=title,
        section="Experiment results",
        build=build,
        method=method,
        inputs=made,
        switches=switches,
        corpora=(mtg_jamendo.MTG_JAMENDO.name,),
        substitutes=(emotify.EMOTIFY.name,),
        demo=DEMO,
        under=UNDER,
    )


def ensemble(name: str, title: str, other: str, switches: tuple[str, ...]) -> Experiment:
    """Return an ensemble of the best row on mel spectrograms and one on WaveNet features, 0.7 and 0.3 (code)."""
    method = Ensemble({"mel-b0-specaugment": 0.7, other: 0.3})
    made = row(name, title, mel_b0, method, mel_inputs(balance=True), switches)
    return replace(made, demo={}, under={"ensemble=mixed": {"raw": ("mel-b0-specaugment",)}})


def of_speech(name: str, title: str, build: Any) -> Experiment:
    """Return a row of the other paper's table."""
    return Experiment(
        id=name,
        title=title,
        section="Emotion Recognition from Raw Speech",
        build=build,
        method=speech.TRAINING,
        inputs=Inputs(
            speech.prepare, speech.of_file, {"sample_rate": speech.SAMPLE_RATE, "duration_s": speech.SECONDS}
        ),
        switches=("speakers",),
        task=Classification(speech.EMOTIONS),
        corpora=(emodb.EMODB.name,),
        demo=DEMO,
        split=speech.split,
    )


BOTH = tuple(dict.fromkeys(("ensemble", *MEL_SWITCHES, *WAVENET_SWITCHES)))
ROWS = partial(row, method=TRAINING)
OF_WAVENET = partial(row, method=replace(TRAINING, batch_size=32))
EXPERIMENTS = (
    ROWS("mel-b0", "Mel spectrogram, EfficientNet-B0", mel_b0, made=mel_inputs(balance=False), switches=MEL_SWITCHES),
    ROWS(
        "mel-b0-balanced",
        "Mel spectrogram, EfficientNet-B0, data processing",
        mel_b0,
        made=mel_inputs(balance=True),
        switches=MEL_SWITCHES,
    ),
    ROWS(
        "mel-b0-specaugment",
        "Mel spectrogram, EfficientNet-B0, SpecAugment",
        mel_b0,
        made=mel_inputs(balance=True, blocks=settings.MEL_BLOCKS),
        switches=MEL_SWITCHES,
    ),
    OF_WAVENET(
        "wavenet-mobilenetv2",
        "WaveNet features, MobileNetV2",
        partial(wavenet, tiled=1),
        made=wavenet_inputs(tiled=1),
        switches=WAVENET_SWITCHES,
    ),
    OF_WAVENET(
        "wavenet-b7",
        "WaveNet features, EfficientNet-B7",
        partial(wavenet, tiled=settings.TILED),
        made=wavenet_inputs(tiled=settings.TILED),
        switches=(*WAVENET_SWITCHES, "variant"),
    ),
    ensemble(
        "ensemble-cd", "Ensemble of C (mel, SpecAugment) and D (WaveNet, MobileNetV2)", "wavenet-mobilenetv2", BOTH
    ),
    ensemble(
        "ensemble-ce",
        "Ensemble of C (mel, SpecAugment) and E (WaveNet, EfficientNet-B7)",
        "wavenet-b7",
        (*BOTH, "variant"),
    ),
    of_speech("emodb-wavenet", "WaveNet on raw speech, EMO-DB", of_raw_speech("wavenet")),
    of_speech("emodb-cnn-lstm", "CNN and LSTM on raw speech, EMO-DB", of_raw_speech("cnn_lstm")),
)

STUDY = Study(
    name="music_mood_wavenet",
    title="Emotion classification of music with WaveNet features, HCMUS at MediaEval 2020",
    task=TASK,
    corpora=(mtg_jamendo.MTG_JAMENDO.name, emodb.EMODB.name),
    switches=SWITCHES,
    protocols=PROTOCOLS,
    experiments=EXPERIMENTS,
    label=label,
    split=split,
    apart={"group": "artist or speaker"},
    examples=Later(f"{__name__}.examples", "examples"),
    diagrams={"mel-b0": "Figure 2 (overview of submission 1)"},
    parameters=counted(__file__),
)
