"""Mel spectrograms and MFCC of many clips at once, in `keras.ops`: on any device and under any Keras backend.

The definitions are librosa's (0.11): frames centred on multiples of the hop, zeros beyond the ends, a window shorter
than `n_fft` centred in it, Slaney's mel scale, an orthonormal DCT-II. Filter banks and windows come from librosa; the
transforms are computed here.

Agreement with librosa (tested in tests/common/signals/test_features.py, on a CPU): librosa computes the Fourier
transform in float64 and the rest in float32, and its result differs from float64 throughout by some 2e-7 of a clip's
peak; here everything is float32. Rounding weighs most in bands at the floor, 80 dB below the peak, because they are
1e-8 of the peak. On a GPU that multiplies float32 matrices in TF32 (10 bits of mantissa), agreement is coarser.

Example:
    >>> mfcc_128 = partial(mfcc, n_mfcc=128, sample_rate=16_000, n_fft=1024, hop_length=512, window="hamming")
    >>> features = extract(waveforms, mfcc_128)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal, Protocol, Required, Self, TypedDict, Unpack

import numpy as np
import scipy.fft

from common import environment, threads
from common.cache import release
from common.learners.quiet import keras
from common.progress import progress
from common.signals.numba_cache import librosa

ops = keras.ops

BANDS_TOGETHER = 32
"""Number of neighbouring mel bands that one matrix product computes."""

MAX_WORKERS = 8
"""At most this many batches are computed at the same time."""

AMIN = 1e-10
"""Lower bound of a power before its logarithm; librosa's."""

Tensor = Any
"""A tensor of the Keras backend, or a NumPy array."""


class Waveforms(Protocol):
    """What `extract` reads: an array (clips, samples), or something whose rows are computed when they are read."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> np.ndarray: ...


class MelOptions(TypedDict, total=False):
    """Parameters of a mel spectrogram; names and defaults are librosa's.

    Attributes:
        sample_rate: Of the waveforms, in Hz.
        n_fft: Length of the Fourier transform, in samples.
        hop_length: From one frame to the next, in samples.
        win_length: Length of the window in samples, at most `n_fft`; None: `n_fft`.
        window: A name that `scipy.signal.get_window` accepts: "hann" (default), "hamming", ...
        n_mels: Number of bands; 128 by default.
        fmin: Lowest frequency, in Hz; 0 by default.
        fmax: Highest frequency, in Hz; None: half of the sample rate.
        power: Exponent of the magnitude: 2 (default) gives power, 1 magnitude.
    """

    sample_rate: Required[int]
    n_fft: Required[int]
    hop_length: Required[int]
    win_length: int | None
    window: str
    n_mels: int
    fmin: float
    fmax: float | None
    power: float


def mel_spectrogram(
    waveforms: Tensor,
    *,
    sample_rate: int,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: str = "hann",
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    power: float = 2.0,
) -> Tensor:
    """Return mel spectrograms; see `MelOptions` for the parameters.

    Within 8e-7 of the clip's largest value of `librosa.feature.melspectrogram`.

    Args:
        waveforms: Shape (clips, samples).

    Returns:
        float32 of shape (clips, n_mels, 1 + samples // hop_length) for an even `n_fft`.
    """
    real, imaginary = _stft(waveforms, n_fft, hop_length, _window(window, win_length or n_fft, n_fft))
    bands = []
    for bins, filters in _mel_blocks(sample_rate, n_fft, n_mels, fmin, fmax):
        spectrum = ops.square(real[..., bins]) + ops.square(imaginary[..., bins])
        bands.append(ops.matmul(spectrum if power == 2.0 else ops.power(spectrum, power / 2.0), filters))
    return ops.transpose(ops.concatenate(bands, axis=-1), (0, 2, 1))


def power_to_db(power: Tensor, *, ref: float | Literal["max"] = 1.0, top_db: float | None = 80.0) -> Tensor:
    """Return 10 * log10(power / ref), clip by clip as `librosa.power_to_db` does.

    Args:
        power: Shape (clips, ...).
        ref: The power that becomes 0 dB; "max": each clip's maximum.
        top_db: Range in dB: lower values are raised to this far below the clip's maximum; None: no limit.

    Returns:
        float32 of the same shape, in dB.
    """
    power = ops.cast(power, "float32")
    within_clip = tuple(range(1, len(power.shape)))
    level = 10.0 * ops.log10(ops.maximum(power, AMIN))
    if ref == "max":
        level = level - ops.max(level, axis=within_clip, keepdims=True)
    else:
        level = level - 10.0 * float(np.log10(max(AMIN, ref)))
    if top_db is not None:
        level = ops.maximum(level, ops.max(level, axis=within_clip, keepdims=True) - top_db)
    return level


def log_mel(
    waveforms: Tensor,
    *,
    ref: float | Literal["max"] = 1.0,
    top_db: float | None = 80.0,
    **mel: Unpack[MelOptions],
) -> Tensor:
    """Return mel spectrograms in dB: `mel_spectrogram`, then `power_to_db`, each with its parameters.

    With power 2 and top_db 80, values are within 0.001 dB of librosa's on speech, music and noise, and within 0.01 dB
    if a pure tone or a constant offset is 80 dB above the rest. With magnitudes, or without top_db, values below that
    range are rounding errors in float32 and need not agree.

    Returns:
        float32 of shape (clips, n_mels, frames), in dB.
    """
    return power_to_db(mel_spectrogram(waveforms, **mel), ref=ref, top_db=top_db)


def mfcc(waveforms: Tensor, *, n_mfcc: int, **mel: Unpack[MelOptions]) -> Tensor:
    """Return mel-frequency cepstral coefficients: an orthonormal DCT-II over the bands of `log_mel`, without liftering.

    Within 0.004 of `librosa.feature.mfcc`; coefficients reach 1131 (128 bands at -100 dB), so this is 4e-6 of them.

    Args:
        waveforms: Shape (clips, samples).
        n_mfcc: Number of coefficients, at most the number of bands.
        mel: See `MelOptions`.

    Returns:
        float32 of shape (clips, n_mfcc, frames).
    """
    return ops.matmul(_dct(n_mfcc, mel.get("n_mels", 128)), log_mel(waveforms, **mel))


def batches(waveforms: Waveforms, feature: Callable[[Tensor], Tensor], *, batch_size: int = 32) -> Iterator[np.ndarray]:
    """Yield the features of `batch_size` waveforms at a time, in order; `feature` is compiled where possible."""
    compiled = _compiled(feature, waveforms.shape[1])

    def compute(start: int) -> np.ndarray:
        return ops.convert_to_numpy(compiled(ops.convert_to_tensor(waveforms[start : start + batch_size])))

    # A Fourier transform uses one core: parallel batches use all cores. Their number is limited to save memory.
    workers = min(environment.threads(), MAX_WORKERS)
    starts = range(0, len(waveforms), batch_size)
    with threads.pool(workers) as pool, progress("features", len(waveforms)) as advance:
        # In groups: `pool.map` over all batches would compute far ahead of a slow consumer and fill the memory.
        for first in range(0, len(starts), 4 * workers):
            for batch in pool.map(compute, starts[first : first + 4 * workers]):
                yield batch
                advance(len(batch))
            if isinstance(waveforms, np.ndarray):
                release(waveforms)


def extract(waveforms: Waveforms, feature: Callable[[Tensor], Tensor], *, batch_size: int = 32) -> np.ndarray:
    """Compute the features of an array that may be larger than memory.

    Args:
        waveforms: Shape (clips, samples), at least one clip; may be a memory map, or computed as it is read.
        feature: From (clips, samples) to (clips, ...), for instance a `functools.partial` of `mfcc`.
        batch_size: Clips at a time.

    Returns:
        float32 of shape (clips, ...).
    """
    found, start = np.empty(0), 0
    for batch in batches(waveforms, feature, batch_size=batch_size):
        if not start:  # only the first batch says the shape; one array, as concatenating would need twice the memory
            found = np.empty((len(waveforms), *batch.shape[1:]), batch.dtype)
        found[start : start + len(batch)] = batch
        start += len(batch)
    if not start:
        raise ValueError("there are no waveforms to extract features from")
    return found


CLIPS_AT_ONCE = 256
"""Clips that `Standardiser` converts to float64 at a time."""


@dataclass(frozen=True)
class Standardiser:
    """Scales every cell (coefficient and frame) to mean 0 and variance 1 over the clips it was fitted on.

    Equal to scikit-learn's `StandardScaler`: variance with ddof 0, and a constant cell is only centred.

    Attributes:
        mean: float64 of shape (...), that of one clip's features.
        scale: Std, or 1 for a constant cell; same shape as `mean`.

    Example:
        >>> scaler = Standardiser.fit(features[split.train])
        >>> np.savez(path, mean=scaler.mean, scale=scaler.scale)
        >>> scaler = Standardiser(**np.load(path))
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray) -> Self:
        """Fit on features of shape (clips, ...), chunk by chunk; they may be a memory map."""
        count, mean, squares = 0, np.float64(0.0), np.float64(0.0)
        for start in range(0, len(features), CLIPS_AT_ONCE):
            chunk = features[start : start + CLIPS_AT_ONCE].astype(np.float64)
            release(features)
            # Chan, Golub & LeVeque (1979): combine the means and squared deviations of two sets into those of both.
            chunk_mean = chunk.mean(axis=0)
            difference, total = chunk_mean - mean, count + len(chunk)
            squares = squares + np.square(chunk - chunk_mean).sum(axis=0) + difference**2 * count * len(chunk) / total
            mean = mean + difference * len(chunk) / total
            count = total
        return cls(np.asarray(mean), _scale(np.asarray(mean), np.asarray(squares) / count, count))

    def transform(self, features: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
        """Return the features of shape (clips, ...) standardised, as float32; `out` may be `features` itself."""
        if out is None:
            out = np.empty(features.shape, np.float32)
        for start in range(0, len(features), CLIPS_AT_ONCE):
            chunk = slice(start, start + CLIPS_AT_ONCE)
            out[chunk] = (features[chunk] - self.mean) / self.scale
        return out


def _scale(mean: np.ndarray, variance: np.ndarray, count: int) -> np.ndarray:
    # scikit-learn's bound: a smaller variance is the rounding error of a constant.
    rounding = count * np.finfo(np.float64).eps
    constant = variance <= rounding * variance + (rounding * mean) ** 2
    return np.where(constant, 1.0, np.sqrt(variance))


def _stft(waveforms: Tensor, n_fft: int, hop_length: int, window: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return real and imaginary part, each of shape (clips, frames, 1 + n_fft // 2)."""
    # Padded here, because `keras.ops.stft(center=True)` reflects the signal at its ends, where librosa has zeros.
    padded = ops.pad(ops.cast(waveforms, "float32"), ((0, 0), (n_fft // 2, n_fft // 2)))
    return ops.stft(padded, n_fft, hop_length, n_fft, window=window, center=False)


@cache
def _window(name: str, win_length: int, n_fft: int) -> np.ndarray:
    window = librosa.filters.get_window(name, win_length, fftbins=True)
    return librosa.util.pad_center(window, size=n_fft).astype(np.float32)


@cache
def _mel_blocks(
    sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float | None
) -> list[tuple[slice, np.ndarray]]:
    """Return the filters of neighbouring bands, float32 of shape (bins, bands), with the bins that they cover.

    A band covers few bins. Leaving out the others makes extraction a third faster than one product with all of them.
    """
    filters = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, dtype=np.float32)
    blocks = []
    for start in range(0, n_mels, BANDS_TOGETHER):
        block = filters[start : start + BANDS_TOGETHER].T
        covered = np.flatnonzero(block.any(axis=1))
        # With many bands and a short transform a band may cover no bin at all; one bin of weight 0 keeps the shape.
        bins = slice(int(covered[0]), int(covered[-1]) + 1) if covered.size else slice(0, 1)
        blocks.append((bins, np.ascontiguousarray(block[bins])))
    return blocks


@cache
def _dct(n_mfcc: int, n_mels: int) -> np.ndarray:
    """Return the orthonormal DCT-II as float32 of shape (n_mfcc, n_mels)."""
    return scipy.fft.dct(np.eye(n_mels), axis=0, type=2, norm="ortho")[:n_mfcc].astype(np.float32)


@lru_cache(maxsize=8)  # few: each compiled function holds a graph of TensorFlow
def _compiled(feature: Callable[[Tensor], Tensor], samples: int) -> Callable[[Tensor], Tensor]:
    if keras.backend.backend() != "tensorflow":
        return feature
    import tensorflow as tf

    # The number of clips is left open, so that a smaller last batch is not traced again.
    return tf.function(feature, input_signature=[tf.TensorSpec((None, samples), tf.float32)])
