"""The 17 handcrafted features of document 002, one number per piece each, and statistics of its MFCC.

The document computed them with MIRtoolbox ("17 features ... RMS, Rolloff, Chromagram, etc.") and does not list them.
Here they are defined as in MIRtoolbox (Lartillot and Toiviainen 2007, DAFx; its manual 1.7), as far as that is known,
and computed with librosa. Differences:

1. The list of the 17 features is ours.
2. Sound is resampled to 22,050 Hz; MIRtoolbox keeps 44,100 Hz. All features have frames of 2048 samples (93 ms) with a
   hop of 512 (23 ms), where MIRtoolbox has a frame length per feature: so one short-time spectrum is enough
   (`piece.Piece`).
3. Values per frame are averaged over the frames that are not silent. All features of a silent piece are 0, except
   tempo.
4. Onsets and tempo are librosa's, the fundamental is Boersma's (1993), pitch classes come from spectral peaks (Gomez
   2006), the key profiles are Krumhansl and Kessler's (1982).
5. `chroma` is the mean over pitch classes. The number of the strongest class would not be a scale, because B is next to
   C.
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache as remember

import numpy as np
import pandas as pd
import scipy.fft

from common import cache
from common.corpora.emotify import PIECE_S
from common.environment import threads
from common.errors import InputError
from common.signals import audio
from common.signals.numba_cache import librosa
from common.threads import in_threads
from reproductions.emotify_features.piece import HOP_LENGTH, N_FFT, Piece
from reproductions.emotify_features.settings import N_MFCC, NAMES, SAMPLE_RATE

VERSION = 1
"""Part of the cache key; increase it when a change gives other values for the same sound."""

LOW_ENERGY_FRAME_S = 0.05
ROLLOFF = 0.85
BRIGHT_HZ = 1500.0
TEMPI = (40.0, 200.0)
"""Slowest and fastest pulse in beats per minute, as in MIRtoolbox."""

PITCHES = (50.0, 1000.0)
"""Lowest and highest fundamental, in Hz."""

OCTAVE_COST = 0.01
"""By how much a candidate an octave lower must be better: any multiple of a period is a period, too (Boersma 1993)."""

MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
"""How well each pitch class fits a key on C (Krumhansl and Kessler 1982, Psychological Review 89: 334-368)."""


def rms(piece: Piece) -> float:
    """Root mean square of the samples, 0..1 (mirrms)."""
    return float(np.sqrt(np.mean(np.square(piece.signal, dtype=np.float64))))


def low_energy(piece: Piece) -> float:
    """Share of frames (50 ms, half overlapping) with an RMS below the mean over all frames, 0..1 (mirlowenergy)."""
    length = round(LOW_ENERGY_FRAME_S * piece.sample_rate)
    frames = librosa.feature.rms(y=piece.signal, frame_length=length, hop_length=length // 2, center=False)[0]
    return float(np.mean(frames < frames.mean()))


def event_density(piece: Piece) -> float:
    """Onsets per second, 0..22: peaks of the onset curve, picked by librosa (mireventdensity).

    The curve is the flux of a mel spectrogram in dB (after Böck and Widmer 2013, DAFx); two onsets are at least 2
    frames (46 ms) apart. librosa scales the curve to its maximum. So a sound without events, such as a steady chord,
    has a dozen onsets per second, which are ripples of the curve, and a pulse as clear as that of clicks.
    """
    onsets = librosa.onset.onset_detect(
        onset_envelope=piece.onset_envelope, sr=piece.sample_rate, hop_length=HOP_LENGTH, units="frames"
    )
    return len(onsets) / piece.seconds


def tempo(piece: Piece) -> float:
    """Beats per minute, 7..320: the strongest period of the onset curve, with a prior around 120 (mirtempo).

    The method is the tempogram of Grosche, Müller and Kurth (2010, ICASSP) with Ellis' prior (2007, Journal of New
    Music Research 36: 51-60). Possible tempi differ by a 43rd of a second in their period. The tempo of a silent piece
    is arbitrary.
    """
    beats = librosa.feature.tempo(onset_envelope=piece.onset_envelope, sr=piece.sample_rate, hop_length=HOP_LENGTH)
    return float(beats[0])


def pulse_clarity(piece: Piece) -> float:
    """Maximum of the onset curve's autocorrelation over the periods of a beat, relative to lag 0, 0..1.

    As mirpulseclarity (Lartillot, Eerola, Toiviainen and Fornari 2008, ISMIR), but with the curve's mean subtracted.
    """
    curve = piece.onset_envelope - piece.onset_envelope.mean()
    correlation = librosa.autocorrelate(curve)
    shortest, longest = (round(60 / beats * piece.sample_rate / HOP_LENGTH) for beats in reversed(TEMPI))
    strongest = correlation[shortest : longest + 1].max()
    return float(max(strongest / correlation[0], 0.0)) if correlation[0] > 0 else 0.0


def zero_crossings(piece: Piece) -> float:
    """Changes of sign per second, 0..22,050; twice the frequency for a sine (mirzerocross)."""
    return np.count_nonzero(librosa.zero_crossings(piece.signal, pad=False)) / piece.seconds


def rolloff(piece: Piece) -> float:
    """Frequency in Hz below which 85 % of a frame's magnitude is, 0..11,025 (mirrolloff).

    85 % as in Tzanetakis and Cook (2002, IEEE Transactions on Speech and Audio Processing 10: 293-302).
    """
    return piece.mean(
        librosa.feature.spectral_rolloff(S=piece.magnitude, sr=piece.sample_rate, roll_percent=ROLLOFF)[0]
    )


def brightness(piece: Piece) -> float:
    """Share of the energy above 1500 Hz, 0..1 (mirbrightness)."""
    energy = piece.power.sum(axis=1, dtype=np.float64)
    return float(energy[piece.frequencies > BRIGHT_HZ].sum() / max(energy.sum(), np.finfo(np.float64).tiny))


def centroid(piece: Piece) -> float:
    """Mean of a frame's spectrum as a distribution over frequency, in Hz, 0..11,025 (mircentroid)."""
    return piece.mean(piece.moments[0])


def spread(piece: Piece) -> float:
    """Standard deviation of a frame's spectrum as a distribution over frequency, in Hz, 0..5,512 (mirspread)."""
    return piece.mean(piece.moments[1])


def skewness(piece: Piece) -> float:
    """Third standardised moment of a frame's spectrum, positive for a tail towards high frequencies (mirskewness)."""
    return piece.mean(piece.moments[2])


def kurtosis(piece: Piece) -> float:
    """Fourth standardised moment of a frame's spectrum, at least 1, and 3 for a Gaussian (mirkurtosis)."""
    return piece.mean(piece.moments[3])


def flatness(piece: Piece) -> float:
    """Geometric divided by arithmetic mean of a frame's power spectrum, 0 (a tone) .. 1 (a click) (mirflatness)."""
    return piece.mean(librosa.feature.spectral_flatness(S=piece.power, power=1.0)[0])


def roughness(piece: Piece) -> float:
    """Sensory dissonance, summed over all pairs of a frame's spectral peaks, mean over frames (mirroughness).

    It is 0 for a single tone and grows with the square of the level.
    """
    frequencies, amplitudes = piece.peaks.frequencies, piece.peaks.amplitudes
    one, other = _pairs(len(frequencies))
    beating = dissonance(frequencies[one], frequencies[other])
    return piece.mean((beating * amplitudes[one] * amplitudes[other]).sum(axis=0))


def dissonance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the dissonance, 0..0.18, of two tones of amplitude 1 with the given frequencies in Hz.

    Plomp and Levelt's curve in the parametrisation of Sethares (1998, Tuning, Timbre, Spectrum, Scale; appendix E).
    """
    lower, apart = np.minimum(one, other), np.abs(one - other)
    scaled = (0.24 / (0.0207 * lower + 18.96)) * apart
    return np.exp(-3.51 * scaled) - np.exp(-5.75 * scaled)


@remember
def _pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    one, other = np.array(list(itertools.combinations(range(count), 2))).T
    return one, other


def inharmonicity(piece: Piece) -> float:
    """Distance of the partials from multiples of the fundamental, weighted by energy, mean over frames, 0..1.

    0 for a harmonic sound, 1 if all partials are halfway between multiples (mirinharmonicity). Frames without a period
    are ignored.
    """
    fundamental = fundamentals(piece)
    pitched = fundamental > 0
    if not pitched.any():
        return 0.0
    multiples = piece.peaks.frequencies[:, pitched] / fundamental[pitched]
    apart = np.minimum(np.abs(multiples - np.maximum(np.round(multiples), 1)), 0.5)
    energy = np.square(piece.peaks.amplitudes[:, pitched])
    total = np.maximum(energy.sum(axis=0), np.finfo(np.float32).tiny)
    return float(np.mean(2 * (energy * apart).sum(axis=0) / total))


def fundamentals(piece: Piece) -> np.ndarray:
    """Return the fundamental frequency of each frame in Hz, (frames,); 0 if it is silent or has no period.

    It is the highest peak of the frame's autocorrelation, divided by that of the window (Boersma 1993, IFA Proceedings
    17: 97-110) and interpolated between lags.
    """
    shortest, longest = (round(piece.sample_rate / hertz) for hertz in reversed(PITCHES))
    lags = slice(shortest - 1, longest + 2)
    # The autocorrelation is the inverse transform of the power spectrum.
    correlation = scipy.fft.irfft(piece.power, axis=0)[lags] / _window_autocorrelation()[lags, np.newaxis]
    correlation /= np.maximum(piece.power.sum(axis=0) * 2 / N_FFT, np.finfo(np.float32).tiny)
    inner = correlation[1:-1]
    is_peak = (inner > correlation[:-2]) & (inner >= correlation[2:]) & (inner > 0)
    octaves = np.log2(np.arange(shortest, longest + 1) / shortest)
    best = np.where(is_peak, inner - OCTAVE_COST * octaves[:, np.newaxis], -np.inf).argmax(axis=0)
    below, at, above = (np.take_along_axis(correlation, best[np.newaxis] + side, axis=0)[0] for side in (0, 1, 2))
    found = is_peak[best, np.arange(len(best))] & piece.audible
    shift = 0.5 * (below - above) / np.where(found, below - 2 * at + above, -1.0)
    return np.where(found, piece.sample_rate / (shortest + best + shift), 0.0)


@remember
def _window_autocorrelation() -> np.ndarray:
    window = librosa.filters.get_window("hann", N_FFT)
    correlation = scipy.fft.irfft(np.square(np.abs(scipy.fft.rfft(window))))
    return correlation / correlation[0]


def mode(piece: Piece) -> float:
    """Strength of the best major key minus that of the best minor key, -2..2, higher for major (mirmode).

    The strength of a key is the correlation of the pitch classes with its profile. Profiles describe keys and not
    single sounds. A major triad of pure tones gives +0.06 to +0.08, one of tones with overtones about 0, because their
    fifths and thirds count as further pitch classes; minor triads give less than -0.1 in both cases.
    """
    if np.ptp(piece.chroma) == 0:
        return 0.0
    strengths = np.corrcoef(piece.chroma, _keys())[0, 1:]
    return float(strengths[:12].max() - strengths[12:].max())


@remember
def _keys() -> np.ndarray:
    """Return the profiles of the 12 major and the 12 minor keys, (24, 12)."""
    return np.stack([np.roll(profile, key) for profile in (MAJOR, MINOR) for key in range(12)])


def chroma(piece: Piece) -> float:
    """Mean strength of the pitch classes relative to the strongest, 1/12..1 (mirchromagram).

    Low if few classes sound, 1 if all are equally strong.
    """
    return float(piece.chroma.mean())


DESCRIPTORS: tuple[Callable[[Piece], float], ...] = (
    rms,
    low_energy,
    event_density,
    tempo,
    pulse_clarity,
    zero_crossings,
    rolloff,
    brightness,
    centroid,
    spread,
    skewness,
    kurtosis,
    flatness,
    roughness,
    inharmonicity,
    mode,
    chroma,
)
"""In the order of `NAMES`."""


def describe(waveform: np.ndarray, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Return the descriptors of a waveform of shape (samples,), a few seconds at least: float32 (17,), as `NAMES`."""
    return _describe(Piece(waveform, sample_rate))


def _describe(piece: Piece) -> np.ndarray:
    return np.array([descriptor(piece) for descriptor in DESCRIPTORS], np.float32)


def mfcc_statistics(piece: Piece) -> np.ndarray:
    """Return the means over time of 40 MFCC, then their standard deviations: float32 (80,)."""
    coefficients = librosa.feature.mfcc(S=piece.mel_db, n_mfcc=N_MFCC)
    return np.concatenate([coefficients.mean(axis=1), coefficients.std(axis=1)]).astype(np.float32)


def extract(pieces: pd.DataFrame) -> np.ndarray:
    """Return the descriptors of pieces; each track is decoded once, on all cores that this process may use.

    They are cached track by track under the bytes of the file, so that only missing tracks are computed, also after an
    interruption.

    Args:
        pieces: with `path` and `offset` (s), as `common.corpora.emotify.pieces` returns them, in any order.

    Returns:
        float32 (pieces, 17), columns as `NAMES`.

    Raises:
        InputError: a file is missing, damaged, or ends before one of its pieces begins.
    """
    return _features(pieces)[:, : len(NAMES)]


def extract_mfcc(pieces: pd.DataFrame) -> np.ndarray:
    """Return mean and std over time of 40 MFCC of each piece, float32 (pieces, 80): the means first.

    They are computed together with the results of `extract`, from the same spectra; arguments and errors are the same.
    """
    return _features(pieces)[:, len(NAMES) :]


@dataclass(frozen=True)
class _Track:
    """The pieces of one file: where they start, in s, and their rows in the result."""

    path: str
    digest: str
    offsets: tuple[float, ...]
    rows: list[int]


def _features(pieces: pd.DataFrame) -> np.ndarray:
    """Return descriptors and MFCC statistics in one array, float32 (pieces, 97)."""
    rows: dict[str, list[int]] = {}
    for row, path in enumerate(pieces["path"]):
        rows.setdefault(path, []).append(row)
    offsets = pieces["offset"].to_numpy(dtype=float)
    tracks = [
        _Track(path, digest, tuple(offsets[of_path].tolist()), of_path)
        for (path, of_path), digest in zip(rows.items(), cache.file_digests(list(rows)), strict=True)
    ]
    features = np.empty((len(pieces), len(NAMES) + 2 * N_MFCC), np.float32)
    for track, of_track in zip(tracks, in_threads(_kept, tracks, "describing music", threads()), strict=True):
        features[track.rows] = of_track
    return features


def _kept(track: _Track) -> np.ndarray:
    name = cache.key("descriptors", VERSION, track.digest, track.offsets, SAMPLE_RATE, N_FFT, HOP_LENGTH, N_MFCC)
    return cache.array(f"descriptors-{name}", len(track.offsets), lambda: _computed(track))


_compiling = threading.Lock()


@remember
def _compile() -> None:
    """Make numba compile librosa's functions: compiling in two threads at once can crash the process."""
    describe(np.zeros(SAMPLE_RATE, np.float32))


def _computed(track: _Track) -> Iterator[np.ndarray]:
    with _compiling:
        _compile()
    waveform = audio.load(track.path, sample_rate=SAMPLE_RATE)
    for offset in track.offsets:
        piece = Piece(_cut(waveform, offset, track.path), SAMPLE_RATE)
        yield np.concatenate([_describe(piece), mfcc_statistics(piece)])[np.newaxis]


def _cut(waveform: np.ndarray, offset: float, path: str) -> np.ndarray:
    """Return the piece that starts at `offset`, padded if the header promised a few samples more than there are."""
    start = round(offset * SAMPLE_RATE)
    if start >= len(waveform):
        ends = len(waveform) / SAMPLE_RATE
        raise InputError(
            f"{path} ends after {ends:.2f} s, before its piece at {offset:g} s; download it again or remove it."
        )
    length = round(PIECE_S * SAMPLE_RATE)
    return librosa.util.fix_length(waveform[start : start + length], size=length)
