"""Speech emotion recognition with parallel CNNs and a transformer encoder (document of 12 January 2023).

Seven emotions from three seconds of acted English speech (RAVDESS, SAVEE, TESS, CREMA-D). Reproduced here are chapter
4, the models trained from scratch (`from_scratch`: one CNN block on MFCC, two in parallel, and two beside a transformer
encoder, on MFCC and on mel spectrograms, with and without additive white noise), and chapter 6, wav2vec 2.0 fine-tuned
(`wav2vec2`, which has its own split and numbers its own departures).

    python -m reproductions.ser_parallel                                  the demo corpus, in minutes
    python -m reproductions.ser_parallel run single-cnn --data RAVDESS    on real speech, at the document's budget
    python -m reproductions.ser_parallel summary parallel-mfcc            layers beside the printed table

What to expect: `list` shows what the document prints. `run --dry-run` measures what a run would take on your machine;
on RAVDESS alone one core of a 2024 server needs most of an hour for `single-cnn`.

What the printed numbers show was done, and the text does not say (switches; protocol `published` keeps the slip):

1. `labels`: the printed supports come out exactly when every SAVEE clip is labelled surprise.
2. `normalise`: the printed BatchNormalization counts (376, 188, 44) are those of the frame axis, not of channels.
3. `attention`: the printed encoder shapes begin with the frames, so attention mixes the clips of a batch. Evaluation
   therefore keeps batch size and order (random, drawn once) fixed; the record holds the spread over other orders.

Departures and choices of chapter 4, where the document is silent:

4. Maps are computed channels-last, which a CPU does about twice as fast; `summary` prints the channels-first shapes.
5. Decoding skips the first 0.5 s; frames: n_fft 1024, window 512, Hamming; decibels relative to each clip's maximum
   (mel) or to 1 (MFCC): as in the notebook that the document follows (IliaZenkov/transformer-cnn-emotion-recognition).
6. Each coefficient-frame cell is standardised, with a scaler fitted on the training clips, noisy copies included.
7. Noise: one SNR per clip, a whole number of dB from 15 to 29, shared by its two noisy copies (the same notebook).
8. Batches have 32 clips. `dual-cnn` is augmented (section 4.4.1). Whether `single-cnn` was is not said (section 4.3.3
   only says that augmentation is for training data): augmented here; `single-cnn-clean` is the other reading.
9. `single-cnn` trains 100 epochs, then a new model as many as gave the highest validation accuracy. The others stop
   early and restore the weights of the lowest validation loss. The encoder
   normalises after each part, as keras_nlp does unless told otherwise, and has no positional encoding: none is named.
10. Calm counts as neutral (count). The `independent` protocol deals the speakers over 6 folds.
11. A clip's power, to which the noise is scaled, is that of the whole three seconds, zero padding included.
"""

import pandas as pd

from common.study import Protocol, Setting, Study, Switch
from reproductions.ser_parallel import from_scratch, wav2vec2

CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")

SWITCHES = (
    Switch(
        "labels",
        published="document",
        corrected="right",
        acts_on="labels",
        question="Are SAVEE's clips labelled as SAVEE annotates them, or all as surprise?",
        evidence="Supports 187 186 186 187 178 186 107 (section 4.3.3): exact for 480 more surprises, else 65 not 107.",
    ),
    Switch(
        "normalise",
        published="time",
        corrected="channel",
        acts_on="model",
        question="Does batch normalisation keep one mean and variance per frame, or per channel?",
        evidence="Parameters 376, 188, 44 (section 4.3.1) are 4 x 94, 4 x 47, 4 x 11 frames; channels: 64, 128, 256.",
    ),
    Switch(
        "attention",
        published="batch",
        corrected="time",
        acts_on="model",
        question="Does the encoder attend over the clips of a batch, or over the frames of a clip?",
        evidence="Its printed output (section 4.5.1) begins with 94 frames where the layer takes the batch.",
    ),
    Switch(
        "split",
        published="stratified",
        corrected="speaker",
        acts_on="split",
        question="May a speaker be in training and test, or is every speaker predicted by a model new to them?",
        evidence="Section 4.3.3: 80/10/10; speakers are not mentioned.",
        slip=False,
    ),
)

PUBLISHED = {switch.name: switch.published for switch in SWITCHES}
INDEPENDENT = {switch.name: switch.corrected for switch in SWITCHES}
PROTOCOLS = {
    "published": Protocol("published", PUBLISHED, "what the printed numbers show was done, slips included"),
    "corrected": Protocol("corrected", {**INDEPENDENT, "split": "stratified"}, "the slips mended, the split kept"),
    "independent": Protocol("independent", INDEPENDENT, "the slips mended, no speaker on both sides"),
}


def label(manifest: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """Relabel a manifest: calm is neutral; with `labels=document`, SAVEE is surprise throughout."""
    labels = manifest["label"].replace("calm", "neutral")
    if setting.switches["labels"] == "document":
        labels = labels.mask(manifest["corpus"] == "savee", "surprise")
    return manifest.assign(label=labels)


def channels_first(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Return the document's shape of a map: (clips, channels, bands, frames)."""
    return (shape[0], shape[3], shape[1], shape[2]) if len(shape) == 4 else shape


STUDY = Study(
    name="ser_parallel",
    title="Speech emotion recognition with parallel CNNs and a transformer encoder, 12 January 2023",
    classes=CLASSES,
    corpora=("ravdess", "savee", "tess", "crema_d"),
    switches=SWITCHES,
    protocols=PROTOCOLS,
    experiments=from_scratch.EXPERIMENTS + wav2vec2.EXPERIMENTS,
    label=label,
    split=from_scratch.split,
    batch_dependent=lambda experiment, setting: (
        "attention" in experiment.switches and setting.switches["attention"] == "batch"
    ),
    printed_shape=channels_first,
)
