"""Chapter 4 of document 004: one CNN block on MFCC, two in parallel, and two beside a transformer encoder."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import soundfile
from keras import layers, ops
from keras_nlp.layers import TransformerEncoder

from common import splits
from common.arrays import Arrays, FileInputs, Prepared
from common.corpora.files import duration_or_reason
from common.learners.layers import BatchNormalization
from common.seeds import derive
from common.signals import audio, augment, features
from common.study import Experiment, Inputs, Setting, Training

# Section 4.1: sample rate. Three seconds are 94 frames of 512 samples (count). The offset is departure 5.
SAMPLE_RATE = 16_000
DURATION_S = 3.0
OFFSET_S = 0.5

# Section 4.3.1: 128 coefficients at 94 frames. Section 4.5.2: 188 frames of mel spectrogram. The rest is departure 5.
BANDS = 128
FRAMES = {"n_fft": 1024, "win_length": 512, "window": "hamming", "sample_rate": SAMPLE_RATE, "n_mels": BANDS}
MFCC = {"feature": "mfcc", "n_mfcc": BANDS, "hop_length": 512, **FRAMES}
MEL_188 = {"feature": "log_mel", "ref": "max", "hop_length": 256, **FRAMES}
MEL_94 = {"feature": "log_mel", "ref": "max", "hop_length": 512, **FRAMES}

# Section 4.3.1: filters and pools of the three layers of a block, and its dropout.
BLOCK = ((16, 2), (32, 4), (64, 4))
BLOCK_DROPOUT = 0.3
BAND_AXIS, FRAME_AXIS, CHANNEL_AXIS = 1, 2, 3

# Section 4.5.1: the encoder.
ENCODERS = 4
ENCODER = {"intermediate_dim": 512, "num_heads": 4, "dropout": 0.4, "activation": "relu"}

# Section 4.2.1 and 4.3.3: SNR range in dB, upper end excluded (departure 7); two noisy copies of each training clip.
SNR_DB = (15, 30)
NOISY_COPIES = 2


def split(clips: pd.DataFrame, setting: Setting) -> list[splits.Split]:
    """Section 4.3.3: 10 % test, a ninth of the rest validation, stratified; or speaker-disjoint folds.

    The run's seed is scikit-learn's `random_state`: on the complete corpora 42 gives the published supports of each
    class.
    """
    if setting.switches["split"] == "speaker":
        folds = splits.grouped_folds(clips, folds=6, seed=setting.seed)
    else:
        folds = [splits.stratified_split(clips["label"], test=0.1, validation=1 / 9, seed=setting.seed)]
    # With `attention=batch` a prediction depends on the other clips of its batch; in the manifest's order these would
    # be of the same corpus and speaker.
    return [fold.shuffled(seed=derive(setting.seed, "order of the sets")) for fold in folds]


def prepare(
    clips: pd.DataFrame,
    fold: splits.Split,
    targets: np.ndarray,
    setting: Setting,
    *,
    inputs: Mapping[str, Any],
    noisy_copies: int,
) -> Prepared:
    """Sections 4.1 and 4.2: standardised features of three seconds of each clip and of the noisy training copies.

    Returns:
        Features of shape (clips, 128, frames, 1); training clips are followed by their noisy copies.
    """
    began = time.monotonic()
    waveforms = audio.load_clips(list(clips["path"]), sample_rate=SAMPLE_RATE, duration=DURATION_S, offset=OFFSET_S)
    load_s = time.monotonic() - began
    extract = partial(features.extract, feature=feature_of(inputs))
    noisy = augment.NoisyCopies(
        waveforms, fold.train, copies=noisy_copies, snr_db=SNR_DB, seed=derive(setting.seed, "noise")
    )
    # The scaler is fitted on the training clips only: test clips must not influence the scale.
    trained = extract(noisy)
    scaler = features.Standardiser.fit(trained)

    def ready(unscaled: np.ndarray, rows: np.ndarray) -> Arrays:
        return Arrays(scaler.transform(unscaled, out=unscaled)[..., np.newaxis], targets[rows])

    return Prepared(
        train=ready(trained, np.tile(fold.train, 1 + noisy_copies)),
        validation=ready(extract(waveforms[fold.validation]), fold.validation),
        test=ready(extract(waveforms[fold.test]), fold.test),
        augmented=noisy.rows if noisy_copies else np.array([], int),
        scaler_rows=noisy.rows,
        front_end={"mean": scaler.mean, "scale": scaler.scale},
        load_s=load_s,
    )


def inputs_of(
    path: Path, setting: Setting, front_end: Mapping[str, np.ndarray], *, inputs: Mapping[str, Any]
) -> FileInputs:
    """Sections 4.1 and 4.2 for one file of any length and rate: the same three seconds as in training, without noise.

    Returns:
        Features of shape (1, 128, frames, 1).

    Raises:
        InputError: the file cannot be read.
    """
    waveform = audio.load(path, sample_rate=SAMPLE_RATE, duration=DURATION_S, offset=begin_of(path))
    unscaled = features.extract(waveform[np.newaxis], feature=feature_of(inputs))
    x = features.Standardiser(**front_end).transform(unscaled)[..., np.newaxis]
    return FileInputs(x, (part_used(path),))


def begin_of(path: Path) -> float:
    """Return where reading of a file starts, in seconds: as in training, or at 0 if the file ends before that."""
    seconds = duration_or_reason(path)
    return 0.0 if isinstance(seconds, float) and seconds <= OFFSET_S else OFFSET_S


def part_used(path: Path) -> str:
    """Describe which part of a file is classified."""
    seconds = soundfile.info(path).duration
    end = OFFSET_S + DURATION_S
    if seconds <= OFFSET_S:
        return f"it lasts {seconds:.2f} s, less than training skips: all of it is used, padded with zeros"
    if seconds > end:
        return f"of its {seconds:.1f} s only the part from {OFFSET_S:g} to {end:g} s is used"
    return f"it ends after {seconds:.1f} s: it is padded with zeros to {end:g} s, as in training"


def feature_of(inputs: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the function that computes an experiment's features from waveforms (clips, samples)."""
    settings = {name: value for name, value in inputs.items() if name != "feature"}
    return partial(getattr(features, inputs["feature"]), **settings)


def cnn_block(maps: Any, normalise: str, name: str) -> Any:
    """Section 4.3.1: three times convolution, normalisation, ReLU, pooling and dropout; then flattened.

    Args:
        maps: shape (clips, 128, frames, 1).
        normalise: `time` or `channel`.
        name: of the flattened output, which has 512 values for 94 frames and 1280 for 188.
    """
    for filters, pool in BLOCK:
        maps = layers.Conv2D(filters, 3, padding="same")(maps)
        maps = BatchNormalization(axis=FRAME_AXIS if normalise == "time" else CHANNEL_AXIS)(maps)
        maps = layers.Activation("relu")(maps)
        maps = layers.MaxPooling2D(pool)(maps)
        maps = layers.Dropout(BLOCK_DROPOUT)(maps)
    return layers.Flatten(name=name)(maps)


def encoder_block(maps: Any, attention: str) -> Any:
    """Section 4.5.1: four encoders, averaged over time to 128 values.

    Args:
        maps: shape (clips, 128, frames, 1).
        attention: `batch` feeds (frames, clips, 128) to layers that expect (batch, time, 128), so that attention is
            over the clips; `time` feeds (clips, frames, 128).
    """
    coefficients = ops.squeeze(maps, CHANNEL_AXIS)
    over_batch = attention == "batch"
    sequence = ops.transpose(coefficients, (2, 0, 1) if over_batch else (0, 2, 1))
    for _ in range(ENCODERS):
        sequence = TransformerEncoder(**ENCODER)(sequence)
    return ops.mean(sequence, axis=0 if over_batch else 1)


def classifier(inputs: Any, parts: Sequence[Any], n_classes: int) -> keras.Model:
    """Return a model that concatenates the parts and classifies them by Dense and softmax."""
    joined = ops.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
    probabilities = layers.Softmax(dtype="float32")  # in half precision two classes could tie
    return keras.Model(inputs, probabilities(layers.Dense(n_classes)(joined)))


def single_cnn(setting: Setting, n_classes: int, *, frames: int) -> keras.Model:
    """Section 4.3: one block. 27,495 parameters on 94 frames, normalised by frame."""
    inputs = keras.Input((BANDS, frames, 1))
    return classifier(inputs, [cnn_block(inputs, setting.switches["normalise"], "first_block")], n_classes)


def dual_cnn(setting: Setting, n_classes: int, *, frames: int) -> keras.Model:
    """Section 4.4: two blocks in parallel. 54,983 parameters."""
    inputs, normalise = keras.Input((BANDS, frames, 1)), setting.switches["normalise"]
    blocks = [cnn_block(inputs, normalise, name) for name in ("first_block", "second_block")]
    return classifier(inputs, blocks, n_classes)


def parallel(setting: Setting, n_classes: int, *, frames: int) -> keras.Model:
    """Section 4.5: an encoder and two blocks in parallel. 848,967 parameters on 94 frames, 860,943 on 188."""
    inputs, normalise = keras.Input((BANDS, frames, 1)), setting.switches["normalise"]
    blocks = [cnn_block(inputs, normalise, name) for name in ("first_block", "second_block")]
    return classifier(inputs, [encoder_block(inputs, setting.switches["attention"]), *blocks], n_classes)


def experiment(
    name: str,
    title: str,
    section: str,
    model: Callable[..., keras.Model],
    inputs: Mapping[str, Any],
    training: Training,
    *,
    augmented: bool,
) -> Experiment:
    """Put one row of the document together."""
    frames = 1 + round(SAMPLE_RATE * DURATION_S) // int(inputs["hop_length"])
    copies = NOISY_COPIES if augmented else 0
    switches = ("labels", "normalise", *(("attention",) if model is parallel else ()), "split")
    return Experiment(
        id=name,
        title=title,
        section=section,
        build=partial(model, frames=frames),
        method=training,
        inputs=Inputs(
            prepare=partial(prepare, inputs=inputs, noisy_copies=copies),
            of_file=partial(inputs_of, inputs=inputs),
            settings={**inputs, "duration_s": DURATION_S, "offset_s": OFFSET_S, "noisy_copies": copies},
            copies=copies,
        ),
        switches=switches,
        demo=DEMO_RETRAINED if training.retrain else DEMO_AUGMENTED if augmented else DEMO_PATIENT,
    )


# Section 4.3.2 and 4.3.3: 100 epochs at 1e-2, then retrained for the number of epochs with the highest validation
# accuracy, as in keras-tuner's tutorial, whose words the document uses (departure 9).
RETRAINED = Training(epochs=100, batch_size=32, learning_rate=1e-2, monitor="val_accuracy", retrain=True)
# Sections 4.4.1 and 4.5.2: 1e-4, patience 10 with augmentation, 20 without.
PATIENT_10 = Training(epochs=100, batch_size=32, learning_rate=1e-4, patience=10)
PATIENT_20 = replace(PATIENT_10, patience=20)

# At demo size batches are small, because the moving averages of batch normalisation need some hundred steps.
DEMO_RETRAINED = {"epochs": 8, "batch_size": 8}
# With noisy copies an epoch has three times as many steps, so fewer epochs are enough.
DEMO_PATIENT = {"epochs": 4, "batch_size": 8, "learning_rate": 1e-3}
DEMO_AUGMENTED = {**DEMO_PATIENT, "epochs": 2}

ENCODED = "Two CNN blocks and a transformer encoder"

EXPERIMENTS = (
    experiment("single-cnn", "One CNN block, MFCC", "4.3.3", single_cnn, MFCC, RETRAINED, augmented=True),
    experiment(
        "single-cnn-clean", "One CNN block, MFCC, not augmented", "4.3", single_cnn, MFCC, RETRAINED, augmented=False
    ),
    experiment("dual-cnn", "Two CNN blocks in parallel, MFCC", "4.4.1", dual_cnn, MFCC, PATIENT_10, augmented=True),
    experiment("parallel-mfcc", f"{ENCODED}, MFCC", "4.5.2", parallel, MFCC, PATIENT_20, augmented=False),
    experiment(
        "parallel-mfcc-awgn", f"{ENCODED}, MFCC, noisy copies", "4.5.2", parallel, MFCC, PATIENT_10, augmented=True
    ),
    experiment("parallel-mel", f"{ENCODED}, mel spectrogram", "4.5.2", parallel, MEL_188, PATIENT_20, augmented=False),
    experiment(
        "parallel-mel-awgn",
        f"{ENCODED}, mel spectrogram, noisy copies",
        "4.5.2",
        parallel,
        MEL_188,
        PATIENT_10,
        augmented=True,
    ),
    experiment(
        "parallel-mel-94",
        f"{ENCODED}, mel spectrogram of 94 frames",
        "4.5",
        parallel,
        MEL_94,
        PATIENT_20,
        augmented=False,
    ),
)
