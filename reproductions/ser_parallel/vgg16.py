"""Chapter 5 of document 004: VGG16, pretrained on photographs, on pictures of mel spectrograms."""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import layers, ops

from common import cache, splits
from common.arrays import Arrays, FileInputs, Prepared, Rows
from common.learners import pretrained
from common.seeds import derive
from common.signals import audio, features, images
from common.study import Experiment, Inputs, Setting, Size, Training
from reproductions.ser_parallel.from_scratch import DURATION_S, MEL_188, OFFSET_S, SAMPLE_RATE, begin_of, part_used

VERSION = 1
"""Part of the cache key; increase it when a change gives another picture for the same sound."""

# Section 5.1: a mel spectrogram, drawn with a fixed minimum, maximum and colour map (departures 12 and 13).
LOG_MEL: dict[str, Any] = {name: value for name, value in MEL_188.items() if name != "feature"}
DRAWING: dict[str, Any] = {"low": -80.0, "high": 0.0, "colour_map": "magma"}

# Section 5.3.1: pictures of 224 x 224 pixels. At demo size, the smallest that VGG16 takes.
PIXELS: Mapping[Size, int] = {"full": 224, "demo": 32}

# VGG16 was trained with blue first and the mean colour subtracted (Simonyan & Zisserman 2014).
MEAN_RED_GREEN_BLUE = (123.68, 116.779, 103.939)

# Section 5.2.1: what the search found. The dropout between the dense layers is departure 16.
FIRST_UNITS, SECOND_UNITS = 512, 192
LEARNING_RATE = 1e-5
DROPOUT = 0.5

# Section 5.2.3 names flip, rotation and zoom; the amounts, shares of a full turn and of the size, are departure 17.
ROTATION, ZOOM = 0.1, 0.2

BLOCKS = 5

# Section 5.2.2: stopped early on the validation accuracy, patience 5, then retrained for the best number of epochs.
TRAINING = Training(
    epochs=100, batch_size=32, learning_rate=LEARNING_RATE, monitor="val_accuracy", patience=5, retrain=True
)
DEMO = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-3}


def split(clips: pd.DataFrame, setting: Setting) -> list[splits.Split]:
    """Section 5.1: 80 % training, the rest halved into validation and test; or speaker-disjoint folds as in chapter 4.

    The published supports are those of halves of 20 %, not of the split of chapter 4 (count).
    """
    if setting.switches["split"] == "speaker":
        return splits.grouped_folds(clips, folds=6, seed=setting.seed)
    return [splits.halved_split(clips["label"], held_out=0.2, seed=setting.seed)]


def prepare(
    clips: pd.DataFrame, fold: splits.Split, targets: np.ndarray, setting: Setting, *, augmented: bool
) -> Prepared:
    """Section 5.1: a picture of each clip, from the cache.

    Returns:
        Pictures, uint8 (clips, pixels, pixels, 3); augmentation is done by layers of the network.
    """
    began = time.monotonic()
    waveforms = audio.load_clips(list(clips["path"]), sample_rate=SAMPLE_RATE, duration=DURATION_S, offset=OFFSET_S)
    load_s = time.monotonic() - began
    drawn = _drawn(list(clips["path"]), waveforms, PIXELS[setting.size])
    train, validation, test = (Arrays(Rows(drawn, rows), targets[rows]) for rows in fold.sets().values())
    nothing = np.array([], int)
    return Prepared(
        train, validation, test, augmented=fold.train if augmented else nothing, scaler_rows=nothing, load_s=load_s
    )


def _drawn(paths: Sequence[str], waveforms: np.ndarray, pixels: int) -> np.ndarray:
    """Return the pictures of clips, from the cache if they are there."""
    settings = [LOG_MEL, DRAWING, DURATION_S, OFFSET_S, pixels]
    name = cache.key("pictures", VERSION, cache.file_digests(paths), *settings)
    return cache.array(f"pictures-{name}", len(paths), lambda: pictures_of(waveforms, pixels))


def pictures_of(waveforms: np.ndarray, pixels: int) -> Iterator[np.ndarray]:
    """Section 5.1: yield the pictures of waveforms (clips, samples), uint8 (some clips, pixels, pixels, 3)."""
    for mel in features.batches(waveforms, partial(features.log_mel, **LOG_MEL)):
        yield images.draw(mel, **DRAWING, pixels=pixels)


def inputs_of(path: Path, setting: Setting, front_end: Mapping[str, np.ndarray]) -> FileInputs:
    """Section 5.1 for one file of any length and rate.

    Returns:
        A picture, uint8 (1, pixels, pixels, 3).

    Raises:
        InputError: the file cannot be read.
    """
    waveform = audio.load(path, sample_rate=SAMPLE_RATE, duration=DURATION_S, offset=begin_of(path))
    (picture,) = pictures_of(waveform[np.newaxis], PIXELS[setting.size])
    return FileInputs(picture, (part_used(path),))


def network(
    setting: Setting,
    n_classes: int,
    *,
    unfrozen: int = 0,
    augmented: bool = False,
    first_units: int = FIRST_UNITS,
    second_units: int = SECOND_UNITS,
) -> keras.Model:
    """Sections 5.2 and 5.3: VGG16 with a new classifier. 27,660,103 parameters.

    Args:
        setting: its `size` gives the size of pictures, its `weights` those of VGG16.
        n_classes: outputs of the softmax.
        unfrozen: how many of VGG16's last layers or blocks are trained too.
        augmented: whether training pictures are flipped, rotated and zoomed.
        first_units: units of the first dense layer.
        second_units: units of the second dense layer.
    """
    shown = keras.Input((PIXELS[setting.size], PIXELS[setting.size], 3), dtype="uint8")
    base = convolutional_base(setting)
    _unfreeze(base, unfrozen, setting)
    hidden = layers.Flatten()(base(_altered(shown) if augmented else shown))
    hidden = layers.Dense(first_units, "relu")(hidden)
    hidden = layers.Dropout(DROPOUT)(hidden)
    hidden = layers.Dense(second_units, "relu")(hidden)
    probabilities = layers.Dense(n_classes, "softmax", dtype="float32")  # in half precision two classes could tie
    return keras.Model(shown, probabilities(hidden))


def convolutional_base(setting: Setting) -> keras.Model:
    """Section 5.1: VGG16 up to its last pooling, for colours of 0..255. 14,714,688 parameters.

    Raises:
        InputError: the weights cannot be downloaded, or are not weights of VGG16.
    """
    colours = keras.Input((PIXELS[setting.size], PIXELS[setting.size], 3))
    centred = layers.Rescaling(1.0, offset=[-mean for mean in MEAN_RED_GREEN_BLUE])(colours)
    made = pretrained.network(
        "VGG16",
        keras.applications.VGG16,
        setting.weights,
        seed=derive(0, "random weights", "vgg16"),
        include_top=False,
        input_tensor=ops.flip(centred, axis=-1),
    )
    # A new model, because `made` expects a list with one tensor as its input.
    return keras.Model(colours, made.output, name=made.name)


def _altered(shown: Any) -> Any:
    """Section 5.2.3: random horizontal flip, rotation and zoom; Keras applies them in training only."""
    flipped = layers.RandomFlip("horizontal")(shown)
    return layers.RandomZoom(ZOOM)(layers.RandomRotation(ROTATION)(flipped))


def _unfreeze(base: keras.Model, last: int, setting: Setting) -> None:
    """Section 5.3: unfreeze the last layers or blocks and freeze the others."""
    convolutions = [layer for layer in base.layers if layer.weights]
    if setting.switches["unfreeze"] == "layers":
        trained = convolutions[len(convolutions) - last :]
    else:
        blocks = tuple(f"block{number}_" for number in range(BLOCKS + 1 - last, BLOCKS + 1))
        trained = [layer for layer in convolutions if layer.name.startswith(blocks)]
    base.trainable = bool(trained)  # first the model, since this sets all of its layers, then each layer
    for layer in base.layers:
        layer.trainable = layer in trained


def experiment(name: str, title: str, section: str, *, unfrozen: int = 0, augmented: bool = False) -> Experiment:
    """Put one experiment of the document together."""
    return Experiment(
        id=name,
        title=title,
        section=section,
        build=partial(network, unfrozen=unfrozen, augmented=augmented),
        method=TRAINING,
        inputs=Inputs(
            prepare=partial(prepare, augmented=augmented),
            of_file=inputs_of,
            settings={**MEL_188, "duration_s": DURATION_S, "offset_s": OFFSET_S, **DRAWING, "pixels": dict(PIXELS)},
            weights={"full": "imagenet", "demo": "none"},
        ),
        switches=("labels", *(("unfreeze",) if unfrozen else ()), "split"),
        demo=DEMO,
        split=split,
        adjustable=("first_units", "second_units"),
        printed_shape=lambda shape: shape,
    )


EXPERIMENTS = (
    experiment("vgg16-0", "VGG16, search for the head", "5.2.1"),
    experiment("vgg16-1", "VGG16, base frozen", "5.2.2"),
    experiment("vgg16-2", "VGG16, base frozen, flipped, turned and zoomed pictures", "5.2.3", augmented=True),
    experiment("vgg16-3", "VGG16, last block unfrozen", "5.3.1", unfrozen=1),
    experiment("vgg16-4", "VGG16, last two blocks unfrozen", "5.3.2", unfrozen=2),
    experiment("vgg16-5", "VGG16, last three blocks unfrozen", "5.3.3", unfrozen=3),
)
