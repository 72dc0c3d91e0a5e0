"""The figures of document 003: a clip without and with augmentation, and a mask.

The slides do not say what their two pictures of augmentation show. Here they are the mel spectrograms of one clip, the
first by name that is mixed with another one; the learning curves of both kinds of training are in the reports.
"""

from pathlib import Path

import keras
import numpy as np
import pandas as pd

from common.illustrations import Example, Panel
from common.seeds import derive
from common.study import Setting
from reproductions.freesound_tagging import inputs, networks
from reproductions.freesound_tagging.mask import mask
from reproductions.freesound_tagging.mixing import convolve


def examples(clips: pd.DataFrame, setting: Setting, runs: Path) -> list[Example]:
    """Return both figures.

    Raises:
        InputError: a clip cannot be read.
    """
    return [_augmentation(clips.sort_values("name").head(2), setting), _mask()]


def _augmentation(pair: pd.DataFrame, setting: Setting) -> Example:
    """Return the mel spectrogram of a clip, and of its mixture with another clip in a room."""
    waveforms = inputs.Trimmed([Path(path) for path in pair["path"]])
    first, *others = (inputs.beginning(waveform) for waveform in waveforms)
    mixed = np.mean([first, *others], axis=0)[np.newaxis]
    random = keras.random.SeedGenerator(derive(setting.seed, "figure"))
    altered = convolve(keras.ops.convert_to_tensor(mixed), inputs.responses_of(setting), random, p=1.0)
    name, *more = pair["name"]
    mixture = f"with augmentation: mixed with {', '.join(more)}, in a synthesised room" if more else "with augmentation"
    panels = (_mel("without augmentation", first[np.newaxis]), _mel(mixture, altered))
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
