"""Augmentation of document 003: clips are mixed, cropped, convolved with impulse responses, and cropped again.

Each training clip is one clip or a mixture of two, drawn at random, with the tags of both. Mixtures are made from
waveforms on the disk as a batch is read (`Mixtures`); convolution and mel spectrogram run on the device (`convolve`).
The order is that of the authors' code (sheet, "Augmentation").
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import scipy.fft
from keras import ops

from common.arrays import Crops
from reproductions.freesound_tagging.settings import CONVOLVED

MOST = 2
"""A training clip is a mixture of one or two clips, with the same chance."""


@dataclass(frozen=True, eq=False)
class Mixtures(Crops):
    """Crops of mixtures of waveforms, drawn anew in each epoch: as many as there are clips.

    The waveforms are weighted (uniform weights that add up to 1) and added from their beginnings on; then the sum is
    cropped. So a long clip may be heard without the short one that it was mixed with, whose tags it has all the same:
    that is how the code does it. A mixture depends on (seed, epoch, row), not on the batch.
    """

    def at(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return a crop of a mixture for each row, float32 (rows, samples); short ones have zeros before them."""
        crops = np.zeros((len(rows), self.length), np.float32)
        for crop, row in zip(crops, rows, strict=True):
            draw, mixed = self._mixed(int(row), epoch)
            weights = draw.random(len(mixed))
            waveforms = [self.sources[clip] for clip in self.index[mixed]]  # memory maps: only the crop is read
            longest = max(map(len, waveforms))
            first = int(draw.integers(max(longest - self.length, 0) + 1))
            begin = max(self.length - longest, 0)
            for waveform, weight in zip(waveforms, weights / weights.sum(), strict=True):
                heard = waveform[first : first + self.length]
                crop[begin : begin + len(heard)] += np.float32(weight) * heard
        return crops

    def targets(self, y: np.ndarray, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return the tags of each mixture: those of all its clips, (rows, tags)."""
        return np.stack([y[self._mixed(int(row), epoch)[1]].max(axis=0) for row in rows])

    def _mixed(self, row: int, epoch: int) -> tuple[np.random.Generator, np.ndarray]:
        """Return the rows that a mixture consists of, and the generator that draws the rest of it."""
        draw = np.random.default_rng((self.seed, epoch, row))
        return draw, draw.integers(len(self), size=draw.integers(1, MOST + 1))


def convolve(x: Any, responses: np.ndarray, random: Any, *, p: float = CONVOLVED) -> Any:
    """Convolve clips with impulse responses, and crop the results at random to the length of the clips.

    Args:
        x: (clips, samples).
        responses: float32 (responses, samples); shorter ones end in zeros.
        random: seeds for `keras.random`.
        p: probability that a clip is convolved. The others are returned as they are.
    """
    lengths = np.array([np.flatnonzero(response)[-1] + 1 for response in responses], np.float32)
    clips, samples = ops.shape(x)[0], x.shape[1]
    length = scipy.fft.next_fast_len(samples + responses.shape[1] - 1, real=True)
    drawn, which, start = (keras.random.uniform((clips, 1), seed=random) for _ in range(3))
    chosen = ops.cast(which[:, 0] * len(responses), "int32")
    (real, imaginary), of_responses = ops.rfft(x, length), ops.rfft(ops.convert_to_tensor(responses), length)
    # Transforming all responses once is cheaper than one response per clip.
    other_real, other_imaginary = (ops.take(part, chosen, axis=0) for part in of_responses)
    product = real * other_real - imaginary * other_imaginary, real * other_imaginary + imaginary * other_real
    convolved = ops.irfft(product, length)
    # A convolved clip is longer by its own response, not by the longest one.
    first = ops.cast(start[:, 0] * ops.take(lengths, chosen), "int32")[:, None]
    cropped = ops.take_along_axis(convolved, first + ops.arange(samples, dtype="int32")[None], axis=1)
    return ops.where(drawn < p, cropped, x)
