"""Chapter 5 of document 004: VGG16, pretrained on photographs, on pictures of mel spectrograms.

`vgg16_inputs` has the pictures and `vgg16_network` the model, which need Keras.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from common import splits
from common.later import Later
from common.study import Experiment, Inputs, Setting, Size, Training
from reproductions.ser_parallel.from_scratch import DURATION_S, MEL_188, OFFSET_S

# Section 5.1: a mel spectrogram, drawn with a fixed minimum, maximum and colour map (departures 12 and 13).
LOG_MEL: dict[str, Any] = {name: value for name, value in MEL_188.items() if name != "feature"}
DRAWING: dict[str, Any] = {"low": -80.0, "high": 0.0, "colour_map": "magma"}

# Section 5.3.1: pictures of 224 x 224 pixels. At demo size, the smallest that VGG16 takes.
PIXELS: Mapping[Size, int] = {"full": 224, "demo": 32}

# Section 5.2.1: what the search found; it found the units of the dense layers too (`vgg16_network`).
LEARNING_RATE = 1e-5

# Section 5.2.2: stopped early on the validation accuracy, patience 5, then retrained for the best number of epochs.
TRAINING = Training(
    epochs=100, batch_size=32, learning_rate=LEARNING_RATE, monitor="val_accuracy", patience=5, retrain=True
)
DEMO = {"epochs": 3, "batch_size": 16, "learning_rate": 1e-3}


def split(clips: pd.DataFrame, setting: Setting) -> list[splits.Split]:
    """Section 5.1: 80 % training, the rest halved into validation and test; or speaker-disjoint folds as in chapter 4.

    The published supports are those of halves of 20 %, not of the split of chapter 4 (count). They result with
    `split=document` and seed 42.
    """
    if setting.switches["split"] == "speaker":
        return splits.grouped_folds(clips.assign(label=clips["stratum"]), folds=6, seed=setting.seed)
    return [splits.halved_split(clips["stratum"], held_out=0.2, seed=setting.seed)]


from_inputs = partial(Later, f"{__name__}_inputs")
from_network = partial(Later, f"{__name__}_network")
"""Functions of these modules, by name."""


def experiment(name: str, title: str, section: str, *, unfrozen: int = 0, augmented: bool = False) -> Experiment:
    """Put one experiment of the document together."""
    return Experiment(
        id=name,
        title=title,
        section=section,
        build=partial(from_network("network"), unfrozen=unfrozen, augmented=augmented),
        method=TRAINING,
        inputs=Inputs(
            prepare=partial(from_inputs("prepare"), augmented=augmented),
            of_file=from_inputs("inputs_of"),
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
