"""A piece of music and its spectrum, computed once and shared by all descriptors of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from common.signals.numba_cache import librosa

N_FFT = 2048
HOP_LENGTH = 512
N_MELS = 128
PEAKS = 20
"""Strongest peaks of a frame's spectrum that count as its partials."""

FAINT = 0.01
"""Peaks below this share of the frame's strongest are none (MIRtoolbox' contrast)."""

TONAL = (100.0, 5000.0)
"""Lowest and highest frequency, in Hz, that tells a pitch class (MIRtoolbox' range for a chromagram)."""

FULL_SCALE = N_FFT / 4
"""The magnitude of a sine of amplitude 1: a Hann window sums to N_FFT / 2, and half of a sine lies below 0 Hz."""

NARROWEST_HZ = 0.1
"""A frame's spectrum counts as at least this wide, so that its skewness is a number whatever it is."""

SILENCE = 1e-5 * FULL_SCALE
"""A frame whose spectrum nowhere reaches this magnitude (100 dB below full scale) is silent."""


@dataclass(frozen=True)
class Peaks:
    """The strongest spectral peaks of each frame.

    Attributes:
        frequencies: Hz, float32 (`PEAKS`, frames), interpolated between bins; 0 where a frame has fewer.
        amplitudes: float32 (`PEAKS`, frames), 1 for a sine of full scale; 0 where a frame has fewer.
    """

    frequencies: np.ndarray
    amplitudes: np.ndarray


@dataclass(frozen=True)
class Piece:
    """A waveform and what is derived from it; each derived value is computed when it is first asked for.

    Attributes:
        signal: float32 (samples,), full scale 1.
        sample_rate: in Hz.
    """

    signal: np.ndarray
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.signal) / self.sample_rate

    @cached_property
    def magnitude(self) -> np.ndarray:
        """Short-time spectrum as librosa has it: float32 (1 + N_FFT / 2, frames), Hann window, frames centred."""
        return np.abs(librosa.stft(self.signal, n_fft=N_FFT, hop_length=HOP_LENGTH))

    @cached_property
    def power(self) -> np.ndarray:
        """`magnitude` squared."""
        return np.square(self.magnitude)

    @cached_property
    def frequencies(self) -> np.ndarray:
        """Of the rows of `magnitude`, in Hz, (1 + N_FFT / 2,)."""
        return librosa.fft_frequencies(sr=self.sample_rate, n_fft=N_FFT)

    @cached_property
    def audible(self) -> np.ndarray:
        """Which frames are not silent, bool (frames,)."""
        return self.magnitude.max(axis=0) > SILENCE

    def mean(self, values: np.ndarray) -> float:
        """Return the mean over the frames that are not silent of one value per frame; 0 if all are silent."""
        return float(values[self.audible].mean()) if self.audible.any() else 0.0

    @cached_property
    def mel_db(self) -> np.ndarray:
        """Mel spectrogram in dB, (N_MELS, frames), at most 80 dB deep, as librosa's MFCC and onsets take it."""
        return librosa.power_to_db(librosa.feature.melspectrogram(S=self.power, sr=self.sample_rate, n_mels=N_MELS))

    @cached_property
    def moments(self) -> np.ndarray:
        """Mean (Hz), deviation (Hz), skewness and kurtosis of each frame's spectrum as a distribution, (4, frames)."""
        share = self.magnitude / np.maximum(self.magnitude.sum(axis=0), SILENCE)
        hertz = self.frequencies.astype(np.float32)
        centroid = hertz @ share
        apart = hertz[:, np.newaxis] - centroid
        powers = [share * np.square(apart)]
        for _ in range(2):
            powers.append(powers[-1] * apart)
        second, third, fourth = (power.sum(axis=0) for power in powers)
        spread = np.sqrt(np.maximum(second, NARROWEST_HZ**2))
        return np.stack([centroid, spread, third / spread**3, fourth / spread**4])

    @cached_property
    def onset_envelope(self) -> np.ndarray:
        """How much the spectrum rises from frame to frame, (frames,), as librosa computes it."""
        return librosa.onset.onset_strength(S=self.mel_db, sr=self.sample_rate, hop_length=HOP_LENGTH)

    @cached_property
    def peaks(self) -> Peaks:
        """The strongest spectral peaks of each frame; their frequency and height are those of a parabola in dB."""
        inner = self.magnitude[1:-1]
        least = np.maximum(FAINT * self.magnitude.max(axis=0), SILENCE)
        is_peak = (inner > self.magnitude[:-2]) & (inner >= self.magnitude[2:]) & (inner > least)
        heights = np.where(is_peak, inner, 0)
        rows = np.argpartition(heights, -PEAKS, axis=0)[-PEAKS:]
        found = np.take_along_axis(heights, rows, axis=0) > 0
        below, at, above = (
            np.log(np.maximum(np.take_along_axis(self.magnitude, rows + side, axis=0), 1e-9)) for side in (0, 1, 2)
        )
        bent = below - 2 * at + above
        curvature = np.where(found & (bent < 0), bent, -1.0)  # a click has a flat spectrum, and nothing to interpolate
        shift = np.clip(0.5 * (below - above) / curvature, -0.5, 0.5)
        hertz = (rows + 1 + shift) * (self.sample_rate / N_FFT)
        height = np.exp(at - 0.25 * (below - above) * shift) / FULL_SCALE
        return Peaks(np.where(found, hertz, 0).astype(np.float32), np.where(found, height, 0).astype(np.float32))

    @cached_property
    def chroma(self) -> np.ndarray:
        """How much of each pitch class sounds, C first, (12,): the peaks' amplitudes, summed over the piece.

        1 for the strongest, 0 throughout where there are none; equal temperament with A4 at 440 Hz. Of peaks (Gomez
        2006), because a short spectrum does not tell the bins of neighbouring notes apart.
        """
        hertz, amplitudes = self.peaks.frequencies, self.peaks.amplitudes
        tonal = (hertz >= TONAL[0]) & (hertz <= TONAL[1])
        classes = np.round(librosa.hz_to_midi(hertz[tonal])).astype(int) % 12
        sums = np.bincount(classes, weights=amplitudes[tonal], minlength=12)
        return sums / max(sums.max(), np.finfo(np.float64).tiny)
