"""What the features of document 002 are computed with; the functions are in `descriptors` and `deep`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from common.later import Later

SAMPLE_RATE = 22_050
"""Of the waveforms that are described, in Hz."""
N_MFCC = 40

NAMES = (
    "rms",
    "low_energy",
    "event_density",
    "tempo",
    "pulse_clarity",
    "zero_crossings",
    "rolloff",
    "brightness",
    "centroid",
    "spread",
    "skewness",
    "kurtosis",
    "flatness",
    "roughness",
    "inharmonicity",
    "mode",
    "chroma",
)
"""The names of the 17 features, in the order of their columns; each is a function of `descriptors`."""


@dataclass(frozen=True)
class Spectrogram:
    """Parameters of the picture, all of them choices: the document gives none.

    Attributes:
        sample_rate: Hz.
        n_fft: samples of a frame.
        hop_length: samples between frames.
        dynamic_db: dynamic range in dB below the piece's maximum; lower values are black.
    """

    sample_rate: int = 22_050
    n_fft: int = 2048
    hop_length: int = 512
    dynamic_db: float = 80.0


SPECTROGRAM = Spectrogram()


@dataclass(frozen=True)
class Backbone:
    """A network that was trained on ImageNet.

    Attributes:
        title: its name in papers.
        pixels: height and width of its pictures.
        features: channels of its last maps.
        network: returns the network without its classifier, given `weights` and the shape of a picture.
    """

    title: str
    pixels: int
    features: int
    network: Callable[..., Any]


BACKBONES: Mapping[str, Backbone] = {
    "deep": Backbone("Inception-v3", 299, 2048, Later("keras.applications", "InceptionV3")),
    "mobilenet": Backbone("MobileNet v1 0.25", 224, 256, partial(Later("keras.applications", "MobileNet"), alpha=0.25)),
}
"""Keys are the first part of an experiment's id."""
