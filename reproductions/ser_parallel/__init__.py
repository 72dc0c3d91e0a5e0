"""Speech emotion recognition with parallel CNNs and a transformer encoder (document of 12 January 2023).

Seven emotions from three seconds of acted English speech (RAVDESS, SAVEE, TESS, CREMA-D). Three chapters are
reproduced. Chapter 4 trains models from scratch (`from_scratch`): one CNN block on MFCC, two in parallel, and two
beside a transformer encoder, on MFCC and on mel spectrograms, with and without additive white noise. Chapter 5 trains
VGG16, pretrained on photographs, on pictures of mel spectrograms (`vgg16`). Chapter 6 fine-tunes wav2vec 2.0
(`wav2vec2`, which has its own split and its own list of departures).

    python -m reproductions.ser_parallel                                  the demo corpus, in minutes
    python -m reproductions.ser_parallel run single-cnn --data RAVDESS    real speech, with the document's settings
    python -m reproductions.ser_parallel summary parallel-mfcc            layers beside the published table
    python -m reproductions.ser_parallel tune single-cnn --data RAVDESS   the search for its learning rate (`searches`)
    python -m reproductions.ser_parallel run vgg16-3 --data RAVDESS       with ImageNet weights, downloaded by Keras
    python -m reproductions.ser_parallel run vgg16-3 --data RAVDESS --weights vgg16_notop.h5      with those of a file

What to expect: `list` shows the published numbers. `run --dry-run` measures what a run would take on your machine; on
RAVDESS alone one core of a 2024 server needs most of an hour for `single-cnn`. VGG16's frozen layers run once per clip;
their outputs are cached (1 to 5 GiB for the complete corpora, 18 GiB with three blocks unfrozen). `vgg16-2` augments
its pictures in every epoch, so the whole network runs each time, and it takes far longer than the others.

Errors of the document: what the published numbers show was done, but the text does not say. Each is a switch; protocol
`published` keeps the error:

1. `labels`: the published supports result exactly if every SAVEE clip is labelled surprise.
2. `normalise`: the published BatchNormalization counts (376, 188, 44) are those of the frame axis, not of channels.
3. `attention`: the published encoder shapes start with the frames, so attention mixes the clips of a batch. Evaluation
   therefore keeps batch size and order (random, drawn once) fixed; the record has the spread over other orders.

Departures and choices of chapter 4, where the document gives no details:

4. Maps are computed channels-last, which is about twice as fast on a CPU; `summary` prints the channels-first shapes.
5. Decoding skips the first 0.5 s; frames: n_fft 1024, window 512, Hamming; decibels relative to each clip's maximum
   (mel) or to 1 (MFCC): as in the notebook that the document follows (IliaZenkov/transformer-cnn-emotion-recognition).
6. Each coefficient-frame cell is standardised, with a scaler fitted on the training clips including noisy copies.
7. Noise: one SNR per clip, a whole number of dB from 15 to 29, shared by its two noisy copies (the same notebook).
8. Batches have 32 clips. `dual-cnn` is augmented (section 4.4.1). The document does not say whether `single-cnn` is
   (section 4.3.3 only says that augmentation is for training data): it is augmented here, and `single-cnn-clean` is
   the other reading.
9. `single-cnn` trains 100 epochs, then a new model for the number of epochs with the highest validation accuracy. The
   others stop early and restore the weights of the lowest validation loss. The encoder normalises after each part, the
   default of keras_nlp, and has no positional encoding, because the document names none.
10. Calm counts as neutral (count). The `independent` protocol assigns the speakers to 6 folds.
11. The power of a clip, which sets the level of the noise, is that of the whole three seconds, including zero padding.

The error of chapter 5 is `unfreeze`: the text unfreezes the last 1, 2, 3 blocks of VGG16, but the published parameter
counts are those of its last 1, 2, 3 layers. Choices, where the document gives no details:

12. A picture is chapter 4's mel spectrogram of 188 frames, in decibels relative to each clip's maximum, drawn from -80
    dB (fixed minimum) to 0 dB (fixed maximum). Each of 224 x 224 pixels shows the cell at its centre, as matplotlib
    draws without interpolation. Pictures are not saved as image files and read again.
13. The colour map is magma, librosa's default for such values.
14. Colours are fed to VGG16 as in its training: blue first, ImageNet's mean colour subtracted, not scaled.
15. Batches of 32, at most 100 epochs (the patience of 5 stops earlier), both as in chapter 4.
16. Dropout 0.5 between the dense layers.
17. Experiment 2 rotates by at most a tenth of a full turn and zooms by at most a fifth; empty edges are filled by
    reflection. Order and amounts are those of F. Chollet, Deep Learning with Python (2021), chapter 8.
18. The best number of epochs is that of the highest validation accuracy, the first if several are equal. The second
    model is newly initialised; its unfrozen layers start from VGG16's weights again.
19. `vgg16-0` trains the classifier that the document's search chose; it differs from `vgg16-1` only in its name.
20. With random weights (`--weights none`) VGG16 starts from the same weights in every run. At demo size, pictures have
    32 x 32 pixels, and weights are random unless `--weights` names others.

A choice of chapters 4 and 5:

21. The split is stratified by the true labels, whatever `labels` is: both values then have the same test clips, and are
    compared clip by clip. The document stratified by its own labels; `--set split=document` does so, under both values
    too. On the complete corpora, seed 42 then gives its published supports class by class.
"""

import pandas as pd

from common.later import Later
from common.study import Protocol, Setting, Study, Switch, counted
from common.tasks import Classification
from reproductions.ser_parallel import from_scratch, vgg16, wav2vec2

CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")

SWITCHES = (
    Switch(
        "labels",
        published="document",
        corrected="right",
        acts_on="labels",
        question="Do SAVEE's clips have their true labels, or are all of them labelled surprise?",
        evidence="The supports 187 186 186 187 178 186 107 (section 4.3.3) result exactly with 480 more clips of "
        "surprise; with the true labels the last would be 65, not 107.",
        corpora=("savee",),
    ),
    Switch(
        "normalise",
        published="time",
        corrected="channel",
        acts_on="model",
        question="Does batch normalisation have one mean and variance per frame, or per channel?",
        evidence="The parameters 376, 188, 44 (section 4.3.1) are 4 x 94, 4 x 47, 4 x 11 frames; normalisation per "
        "channel would have 64, 128, 256.",
    ),
    Switch(
        "attention",
        published="batch",
        corrected="time",
        acts_on="model",
        question="Does the encoder attend over the clips of a batch, or over the frames of a clip?",
        evidence="Its published output shape (section 4.5.1) starts with 94 frames, where the layer expects the batch.",
    ),
    Switch(
        "unfreeze",
        published="layers",
        corrected="blocks",
        acts_on="model",
        question="Are the last 1, 2, 3 convolutional layers of VGG16 trained with its classifier, or the last blocks?",
        evidence="Sections 5.3.2 and 5.3.3 say blocks. But their trainable parameters, 17,665,031 and 20,024,839, "
        "exceed the classifier's 12,945,415 by 2 x 2,359,808 and 3 x 2,359,808: two and three layers of the fifth "
        "block.",
    ),
    Switch(
        "split",
        published="stratified",
        corrected="speaker",
        acts_on="split",
        question="May a speaker be in both training and test set, or is the split speaker-disjoint?",
        evidence="Section 4.3.3: 80/10/10; speakers are not mentioned.",
        error=False,
        others=("document",),
    ),
)

PUBLISHED = {switch.name: switch.published for switch in SWITCHES}
INDEPENDENT = {switch.name: switch.corrected for switch in SWITCHES}
PROTOCOLS = {
    "published": Protocol("published", PUBLISHED, "what the published numbers show was done, errors included"),
    "corrected": Protocol("corrected", {**INDEPENDENT, "split": "stratified"}, "errors fixed, same split"),
    "independent": Protocol("independent", INDEPENDENT, "errors fixed, speaker-disjoint folds"),
}


def label(manifest: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """Return the manifest with the study's labels: calm becomes neutral; with `labels=document`, SAVEE is surprise.

    A column `stratum` has the labels that the split is stratified by, whatever `labels` is (departure 21).
    """
    calm = (manifest["corpus"] == "ravdess") & (manifest["label"] == "calm")
    right = manifest["label"].mask(calm, "neutral")
    wrong = right.mask(manifest["corpus"] == "savee", "surprise")
    return manifest.assign(
        label=wrong if setting.switches["labels"] == "document" else right,
        stratum=wrong if setting.switches["split"] == "document" else right,
    )


def channels_first(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Return the shape of a map in the document's order: (clips, channels, bands, frames)."""
    return (shape[0], shape[3], shape[1], shape[2]) if len(shape) == 4 else shape


STUDY = Study(
    name="ser_parallel",
    title="Speech emotion recognition with parallel CNNs and a transformer encoder, 12 January 2023",
    task=Classification(CLASSES),
    corpora=("ravdess", "savee", "tess", "crema_d"),
    switches=SWITCHES,
    protocols=PROTOCOLS,
    experiments=(*from_scratch.EXPERIMENTS, *vgg16.EXPERIMENTS, *wav2vec2.EXPERIMENTS),
    label=label,
    split=from_scratch.split,
    batch_dependent=lambda experiment, setting: (
        "attention" in experiment.switches and setting.switches["attention"] == "batch"
    ),
    printed_shape=channels_first,
    examples=Later(f"{__name__}.examples", "examples"),
    diagrams={"single-cnn": "Figure 5", "dual-cnn": "Figure 6", "parallel-mfcc": "Figure 8", "vgg16-0": "Figure 10"},
    demo_clips=10,
    parameters=counted(__file__),
)
