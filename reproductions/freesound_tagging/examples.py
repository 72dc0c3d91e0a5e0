"""The figures of document 003: a clip without and with augmentation, and a mask.

The slides do not say what their two pictures of augmentation show. Here they are the mel spectrograms of one clip, the
first by name with two seconds of sound; the learning curves of both kinds of training are in the reports.
"""

from itertools import count
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from common.illustrations import Example, Panel
from common.seeds import derive
from common.study import Setting
from reproductions.freesound_tagging import inputs, networks
from reproductions.freesound_tagging.mask import mask
from reproductions.freesound_tagging.mixing import Mixtures, convolve


def examples(clips: pd.DataFrame, setting: Setting, runs: Path) -> list[Example]:
    """Return both figures.

    Raises:
        InputError: a clip cannot be read.
    """
    return [_augmentation(_pair(clips.sort_values("name")), setting), _mask()]


def _pair(clips: pd.DataFrame) -> pd.DataFrame:
    """Return the first two clips with other tags and two seconds of sound each; without such, the first two."""
    chosen: dict[str, int] = {}
    for place, (path, tags) in enumerate(zip(clips["path"], clips["label"], strict=True)):
        if tags not in chosen and len(inputs.Trimmed([Path(path)])[0]) >= inputs.SAMPLES:
            chosen[tags] = place
        if len(chosen) == 2:
            return clips.iloc[list(chosen.values())]
    return clips.head(2)


def _augmentation(pair: pd.DataFrame, setting: Setting) -> Example:
    """Return the mel spectrogram of the first of two clips, and of a mixture of both in a room."""
    waveforms = inputs.Trimmed([Path(path) for path in pair["path"]])
    mixtures = Mixtures(waveforms, np.arange(len(pair)), inputs.SAMPLES, seed=derive(setting.seed, "figure"))
    has = np.eye(len(pair), dtype=np.float32)
    # The first epoch in which the first clip is mixed with another one.
    epoch = next(epoch for epoch in count() if mixtures.targets(has, np.array([0]), epoch).all())
    mixed = keras.ops.convert_to_tensor(mixtures.at(np.array([0]), epoch))
    random = keras.random.SeedGenerator(derive(setting.seed, "figure"))
    altered = convolve(mixed, inputs.responses_of(setting), random, p=1.0)
    name, *more = pair["name"]
    panels = (
        _mel("without augmentation", inputs.beginning(waveforms[0])[np.newaxis]),
        _mel(f"with augmentation: mixed with {', '.join(more)}, in a synthesised room", altered),
    )
    return Example("augmentation", "Augmentations", f"Mel spectrogram of {name}", panels)


def _mel(title: str, waveforms: np.ndarray) -> Panel:
    """Return the mel spectrogram of the first of the waveforms (clips, samples)."""
    levels = keras.ops.convert_to_numpy(inputs.mel(waveforms, inputs.MEL_OF_MIXTURES))[0].T
    return Panel(title, levels.astype(np.float16), inputs.SECONDS, "mel band", len(levels), "dB")


def _mask() -> Example:
    """Return the mask of the first layer of MCNN: black where a weight stays zero."""
    bands, nodes = networks.BANDS, networks.MCNN_CONV["filters"]
    ones = mask(bands, nodes, **networks.MCNN_MASK)
    panel = Panel(
        "white: a weight; black: zero", (255 * ones).astype(np.uint8), nodes, "mel band", bands, horizontal="node"
    )
    return Example("mask", "MCNN", "The mask of the first layer, for one frame", (panel,), of_clips=False)
