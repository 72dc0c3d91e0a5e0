"""A piece of music and its spectrum, which is computed once and shared by all descriptors."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from common.signals.numba_cache import librosa

N_FFT = 2048
HOP_LENGTH = 512
N_MELS = 128
PEAKS = 20
"""Number of the strongest peaks of a frame's spectrum that count as its partials."""

FAINT = 0.01
"""Peaks below this share of the frame's strongest peak are ignored (MIRtoolbox' contrast)."""

TONAL = (100.0, 5000.0)
"""Range of frequencies in Hz that count for pitch classes (MIRtoolbox' range for a chromagram)."""

FULL_SCALE = N_FFT / 4
"""The magnitude of a sine of amplitude 1: a Hann window sums to N_FFT / 2, and half of a sine is below 0 Hz."""

NARROWEST_HZ = 0.1
"""Lower bound of the width of a frame's spectrum, so that skewness and kurtosis of a pure tone are finite."""

SILENCE = 1e-5 * FULL_SCALE
"""A frame is silent if its spectrum is below this magnitude (100 dB below full scale) everywhere."""


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
    """A waveform and values derived from it; each is computed when it is first used.

    Attributes:
        signal: float32 (samples,), full scale 1.
        sample_rate: in Hz.
    """

    signal: np.ndarray
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return len(self.signal) / self.sample_rate

    @cached_property
    def magnitude(self) -> np.ndarray:
        """Short-time magnitude spectrum as in librosa: float32 (1 + N_FFT / 2, frames), Hann window, centred frames."""
        return np.abs(librosa.stft(self.signal, n_fft=N_FFT, hop_length=HOP_LENGTH))

    @cached_property
    def power(self) -> np.ndarray:
        """`magnitude` squared."""
        return np.square(self.magnitude)

    @cached_property
    def frequencies(self) -> np.ndarray:
        """The frequencies of the rows of `magnitude` in Hz, (1 + N_FFT / 2,)."""
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
        """Mel spectrogram in dB, (N_MELS, frames), with a range of 80 dB, as librosa uses it for MFCC and onsets."""
        return librosa.power_to_db(librosa.feature.melspectrogram(S=self.power, sr=self.sample_rate, n_mels=N_MELS))

    @cached_property
    def moments(self) -> np.ndarray:
        """Mean (Hz), std (Hz), skewness and kurtosis of each frame's spectrum as a distribution, (4, frames)."""
        share = self.magnitude / np.maximum(self.magnitude.sum(axis=0), SILENCE)
        hertz = self.frequencies.astype(np.float32)
        centroid = hertz @ share
        apart = hertz[:, np.newaxis] - centroid
        powers = [share * np.square(apart)]
        for _ in range(2):  # each moment from the last: a product is much faster than a power
            powers.append(powers[-1] * apart)
        second, third, fourth = (power.sum(axis=0) for power in powers)
        spread = np.sqrt(np.maximum(second, NARROWEST_HZ**2))
        return np.stack([centroid, spread, third / spread**3, fourth / spread**4])

    @cached_property
    def onset_envelope(self) -> np.ndarray:
        """The onset strength of each frame, that is, the rise of the spectrum, (frames,), as in librosa."""
        return librosa.onset.onset_strength(S=self.mel_db, sr=self.sample_rate, hop_length=HOP_LENGTH)

    @cached_property
    def peaks(self) -> Peaks:
        """The strongest spectral peaks of each frame; frequency and height come from a parabola through three bins."""
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
        curvature = np.where(found & (bent < 0), bent, -1.0)  # the flat spectrum of a click has no parabola
        shift = np.clip(0.5 * (below - above) / curvature, -0.5, 0.5)
        hertz = (rows + 1 + shift) * (self.sample_rate / N_FFT)
        height = np.exp(at - 0.25 * (below - above) * shift) / FULL_SCALE
        return Peaks(np.where(found, hertz, 0).astype(np.float32), np.where(found, height, 0).astype(np.float32))

    @cached_property
    def chroma(self) -> np.ndarray:
        """Strength of each pitch class, C first, (12,): the amplitudes of the peaks, summed over the piece.

        The strongest class has 1; all have 0 if there are no peaks. Equal temperament with A4 at 440 Hz. Peaks are used
        (Gomez 2006), because the bins of a short spectrum do not separate neighbouring notes.
        """
        hertz, amplitudes = self.peaks.frequencies, self.peaks.amplitudes
        tonal = (hertz >= TONAL[0]) & (hertz <= TONAL[1])
        classes = np.round(librosa.hz_to_midi(hertz[tonal])).astype(int) % 12
        sums = np.bincount(classes, weights=amplitudes[tonal], minlength=12)
        return sums / max(sums.max(), np.finfo(np.float64).tiny)
