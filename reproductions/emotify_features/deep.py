"""The deep features of document 002: the spectrogram of a piece as a picture, and a network trained on photographs.

Steps: log spectrogram, scaled to 0..255, resized, grey copied to three channels, Inception-v3 trained on ImageNet,
global average pooling: 2048 features (slides "Features Deep" and "Spettrogrammi"). The document does not give the
parameters of the spectrogram. In addition, MobileNet v1 of width 0.25 gives 256 features for a hundredth of the
computation.
"""

from collections.abc import Iterator
from dataclasses import asdict
from functools import cache as remember
from functools import partial
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import ops

from common import cache
from common.corpora.emotify import PIECE_S
from common.learners import pretrained
from common.progress import progress
from common.runs import identity
from common.seeds import derive
from common.signals import audio
from common.signals.numba_cache import librosa
from reproductions.emotify_features.settings import BACKBONES, SPECTROGRAM

VERSION = 1
"""Part of the cache key; increase it when a change gives other features for the same sound."""


def extract(pieces: pd.DataFrame, weights: str, *, backbone: str) -> np.ndarray:
    """Return the features of pieces, from the cache if they are there.

    Args:
        pieces: `path` and `offset` (s) of each, as `emotify.pieces` returns them.
        weights: `imagenet`, a file, or `none` for random weights, which are the same in every run.
        backbone: a key of `BACKBONES`.

    Returns:
        float32 (pieces, features), cached under the bytes of the files, the parameters and the digest of the weights.

    Raises:
        InputError: a file is not audio, or the weights are absent or of another network.
    """
    chosen, key = BACKBONES[backbone], identity.weights_in_words(weights)
    features = np.empty((len(pieces), chosen.features), np.float32)
    tracks = list(pieces.reset_index(drop=True).groupby("path", sort=False))
    digests = cache.file_digests([str(path) for path, _ in tracks])
    with progress(f"features of {chosen.title}", len(tracks)) as advance:
        for (path, part), digest in zip(tracks, digests, strict=True):
            offsets = [float(offset) for offset in part["offset"]]
            name = cache.key("pictures", VERSION, backbone, key, digest, offsets, asdict(SPECTROGRAM))
            make = partial(_computed, backbone, weights, str(path), offsets)
            features[part.index] = cache.array(f"{backbone}-{name}", len(offsets), make)
            advance()
    return features


def _computed(backbone: str, weights: str, path: str, offsets: list[float]) -> Iterator[np.ndarray]:
    """Yield one array with the features of all pieces of a track."""
    pictures = np.concatenate([
        picture(_waveform(path, offset), pixels=BACKBONES[backbone].pixels) for offset in offsets
    ])  # fmt: skip
    yield network(backbone, weights).predict(pictures, verbose=0)


def _waveform(path: str, offset: float) -> np.ndarray:
    return audio.load(path, sample_rate=SPECTROGRAM.sample_rate, offset=offset, duration=PIECE_S)


def shown(path: str, offset: float, *, backbone: str) -> np.ndarray:
    """Return the picture of a piece for display.

    Returns:
        uint8 (pixels, pixels), highest frequency first.

    Raises:
        InputError: the file cannot be read.
    """
    levels = picture(_waveform(path, offset), pixels=BACKBONES[backbone].pixels)[0, :, :, 0]
    return np.round(127.5 * (levels + 1)).astype(np.uint8)


def picture(waveform: np.ndarray, *, pixels: int) -> np.ndarray:
    """Return a waveform as a picture for a Keras network: three equal channels of -1 (black) to 1 (white).

    Low frequencies are at the bottom. Resizing averages over the cells of a pixel (antialiasing), as in MATLAB.

    Args:
        waveform: (samples,), full scale 1.
        pixels: height and width.

    Returns:
        float32 (1, pixels, pixels, 3).
    """
    grey = grey_levels(waveform)[np.newaxis, :, :, np.newaxis]
    resized = np.asarray(ops.image.resize(grey, (pixels, pixels), interpolation="bilinear", antialias=True))
    return np.repeat(resized / 127.5 - 1, 3, axis=-1).astype(np.float32)


def grey_levels(waveform: np.ndarray) -> np.ndarray:
    """Return the log spectrogram in grey levels: 255 is its maximum, 0 is `dynamic_db` below; highest frequency first.

    Returns:
        float32 (1 + n_fft / 2, frames), whole numbers; 0 everywhere for silence.
    """
    magnitude = np.abs(librosa.stft(waveform, n_fft=SPECTROGRAM.n_fft, hop_length=SPECTROGRAM.hop_length))
    if not magnitude.any():
        return np.zeros(magnitude.shape, np.float32)
    decibel = librosa.amplitude_to_db(magnitude, ref=np.max, amin=1e-10, top_db=SPECTROGRAM.dynamic_db)
    return np.round(255 * (1 + decibel[::-1] / SPECTROGRAM.dynamic_db)).astype(np.float32)


@remember
def network(backbone: str, weights: str) -> keras.Model:
    """Return a backbone with its weights: a model from pictures to pooled features.

    Raises:
        InputError: the ImageNet weights cannot be downloaded; or there is no such file, or it is of another network.
    """
    chosen = BACKBONES[backbone]
    settings: dict[str, Any] = {
        "include_top": False,
        "pooling": "avg",
        "input_shape": (chosen.pixels, chosen.pixels, 3),
    }
    seed = derive(0, "random weights", backbone)
    return pretrained.network(chosen.title, chosen.network, weights, seed=seed, **settings)
