"""Additive white Gaussian noise (AWGN), for training clips.

As in the notebook that the ser_parallel document follows (IliaZenkov/transformer-cnn-emotion-recognition): one
signal-to-noise ratio (SNR) per clip, in whole dB, drawn from 15 to 29 and shared by its noisy copies; noise N(0, 1)
scaled by sqrt(P_signal / P_noise * 10^(-SNR / 10)). Both powers are measured on the whole clip, including its zero
padding.

Every random number depends on (seed, clip, copy) alone, so the result does not depend on the order of the clips or on
how they are divided into chunks.
"""

from collections.abc import Sequence

import numpy as np

from common.cache import release

SNR_STREAM, NOISE_STREAM = 0, 1
"""Noise and SNR use independent random streams."""


def draw_snr(clips: Sequence[int] | np.ndarray, *, low: int, high: int, seed: int) -> np.ndarray:
    """Draw one SNR per clip.

    Args:
        clips: Numbers of the clips, for instance their rows in the manifest.
        low: Lowest SNR in dB.
        high: Upper end in dB, excluded: 30 gives 29 at most, as in numpy's `randint`.
        seed: Of the run.

    Returns:
        Integers of shape (clips,), in dB.
    """
    return np.array(
        [np.random.default_rng((seed, SNR_STREAM, int(clip))).integers(low, high) for clip in clips], dtype=np.int64
    )


def add_noise(
    waveforms: np.ndarray,
    snr_db: Sequence[float] | np.ndarray,
    *,
    clips: Sequence[int] | np.ndarray,
    seed: int,
    copy: int,
) -> np.ndarray:
    """Add white noise to each waveform at the given SNR.

    Args:
        waveforms: Shape (clips, samples).
        snr_db: Shape (clips,), in dB.
        clips: Numbers of the clips, for instance their rows in the manifest; the noise depends on them and not on the
            positions in `waveforms`.
        seed: Of the run.
        copy: Number of the noisy copy, from 0; each has different noise.

    Returns:
        float32 of shape (clips, samples). A silent clip is returned unchanged.
    """
    noisy = np.empty(waveforms.shape, dtype=np.float32)
    for row, (waveform, snr, clip) in enumerate(zip(waveforms, snr_db, clips, strict=True)):
        generator = np.random.default_rng((seed, NOISE_STREAM, int(clip), copy))
        noise = generator.standard_normal(waveform.size, dtype=np.float32)
        noisy[row] = waveform + noise * np.float32(np.sqrt(_power(waveform) / _power(noise) * 10.0 ** (-snr / 10.0)))
    return noisy


def _power(waveform: np.ndarray) -> float:
    return float(np.mean(np.square(waveform, dtype=np.float64)))  # float64: a sum of 48,000 squares


class NoisyCopies:
    """Training clips followed by their noisy copies; the noise is added when a slice is read, to save memory.

    Slices like an array of shape ((1 + copies) * rows, samples), float32.

    Args:
        waveforms: Shape (clips, samples); may be a memory map.
        rows: The training clips.
        copies: Noisy copies of each clip; 0: only the clips themselves.
        snr_db: Lowest SNR and the upper end (excluded), in dB.
        seed: Of the run.

    Attributes:
        rows: The training clips; the leak audit checks them.
    """

    def __init__(
        self, waveforms: np.ndarray, rows: np.ndarray, *, copies: int, snr_db: tuple[int, int], seed: int
    ) -> None:
        self._waveforms, self.rows, self._seed = waveforms, np.asarray(rows), seed
        self._snr = draw_snr(self.rows, low=snr_db[0], high=snr_db[1], seed=seed)
        self.shape = ((1 + copies) * len(self.rows), waveforms.shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, wanted: slice) -> np.ndarray:
        places = np.arange(*wanted.indices(len(self)))
        copy, place = np.divmod(places, len(self.rows))
        return np.concatenate([self._part(number - 1, place[copy == number]) for number in np.unique(copy)])

    def _part(self, copy: int, places: np.ndarray) -> np.ndarray:
        clips = self.rows[places]
        clean = np.array(self._waveforms[clips])
        release(self._waveforms)
        if copy < 0:  # part -1 are the clips themselves
            return clean
        return add_noise(clean, self._snr[places], clips=clips, seed=self._seed, copy=copy)
