"""Audio files to waveforms: decoded, mixed to mono, resampled, cut or padded to one length.

`load` reads one file; `load_clips` reads many in parallel and caches the result under the bytes of the files. Formats
are those of libsndfile: wav, flac, mp3, ogg, opus and more. The samples agree with `librosa.load(path, sr=...,
offset=..., duration=...)`, which also mixes to mono first and resamples with soxr HQ.

A damaged file is refused and never replaced by silence. A WAV file that is shorter than its header says, or an Ogg file
without its last page, counts as damaged. So do sample rates, numbers of channels and values that no recording has.
"""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Literal

import numpy as np
import soundfile
import soxr

from common import cache, threads
from common.errors import InputError
from common.signals import libmpg123, opus

VERSION = 1
"""Part of the cache key; increase it when a change gives other samples for the same file."""

CLIPS_AT_ONCE = 64
"""Clips that are decoded in parallel before they are written to the cache."""

NAMED_FILES = 5
"""At most this many damaged files are named in a message; the others are counted."""

BLOCK = 1 << 16
"""Samples per block where a file is read block by block."""

LONG_BLOCK = 1 << 23
"""Samples per block where damage is looked for, 3 min at 44.1 kHz: between two blocks, a hole in a Vorbis file may be
passed over, which stops a run that reads on."""

MISSING_S = 0.1
"""Seconds by which a file may be shorter than its header says: headers of compressed files are not exact."""

LAST_PAGE_MISSING = ("lacks an end-of-stream bit", "Junk after the last page")
"""libsndfile's words about Ogg files that are cut off: between two pages, and within a page."""

UNKNOWN_LENGTH = 0x7FFFF000
"""Data sizes from this value on mean "unknown": programs that stream to a pipe write such headers."""

LOWEST_HZ, HIGHEST_HZ = 1_000, 1_000_000
"""Sample rates beyond these are errors in a header: to resample from 1 Hz would take gigabytes."""

MOST_CHANNELS = 64
"""More channels than this are an error in a header."""

LOUDEST = 1e10
"""No recording has larger samples, full scale being 1: integers of 32 bits stored as floats have up to 2e9."""

Pad = Literal["end", "start"]


class _Unusable(Exception):
    """Why a file gives no waveform, as the end of a sentence that starts with its name."""


class UnusableFilesError(InputError):
    """Some of many audio files cannot be used; `paths` has all of them, the message names a few."""

    def __init__(self, message: str, paths: Sequence[str]) -> None:
        super().__init__(message)
        self.paths = paths

    def __reduce__(self) -> tuple[type, tuple[str, Sequence[str]]]:
        """Keep the paths when it is sent from a worker of a cluster."""
        return type(self), (str(self), self.paths)


def load(
    path: str | Path,
    *,
    sample_rate: int,
    offset: float = 0.0,
    duration: float | None = None,
    pad: Pad = "end",
) -> np.ndarray:
    """Read one audio file as a mono waveform.

    Args:
        path: The file, in any format that libsndfile reads.
        sample_rate: Of the waveform, in Hz.
        offset: Start of the part to read, in seconds.
        duration: Length of the part to read, in seconds; a shorter recording is padded with zeros. None: to the end.
        pad: Where zeros are added, at the "end" or at the "start".

    Returns:
        float32 of shape (samples,), full scale 1; `round(duration * sample_rate)` samples if a duration is given.

    Raises:
        InputError: The file is missing, empty, damaged or not audio, has samples that are not finite or absurdly large,
            or ends before `offset`.
    """
    try:
        return _load(path, sample_rate, offset, duration, pad)
    except _Unusable as reason:
        raise _refusal([(path, str(reason))], 1) from reason


def load_clips(
    paths: Sequence[str | Path],
    *,
    sample_rate: int,
    duration: float,
    offset: float = 0.0,
    pad: Pad = "end",
) -> np.ndarray:
    """Read many audio files as mono waveforms of one length, in parallel; the parameters are those of `load`.

    The result is cached under the bytes of the files and the parameters, so a second call only hashes the files, even
    if they have been moved.

    Returns:
        float32 of shape (clips, samples) in the order of `paths`: a read-only memory map, so that 12,162 clips of
        3 s at 16 kHz (2.2 GiB on the disk) do not have to fit into memory.

    Raises:
        InputError: There are no files, or only one, which cannot be used.
        UnusableFilesError: Some of several cannot be used: all are checked, up to five are named in its message.
    """
    if not paths:
        raise InputError("There are no audio files to read; check the folder with `python -m common.corpora scan`.")
    digests = cache.file_digests(paths)  # of contents and not of names: a replaced file gives other samples
    name = cache.key("clips", VERSION, digests, sample_rate, float(duration), float(offset), pad)
    return cache.array(
        f"clips-{name}", len(paths), lambda: _decode(paths, sample_rate, float(offset), float(duration), pad)
    )


def _decode(
    paths: Sequence[str | Path], sample_rate: int, offset: float, duration: float, pad: Pad
) -> Iterator[np.ndarray]:
    """Yield each clip as an array of shape (1, samples); after the last one, refuse all damaged files together."""

    def decode(path: str | Path) -> np.ndarray | _Unusable:
        try:
            return _load(path, sample_rate, offset, duration, pad)[np.newaxis]
        except _Unusable as reason:
            return reason

    damaged = []
    decoded = threads.mapped(decode, paths, "decoding", at_once=CLIPS_AT_ONCE)
    for path, clip in zip(paths, decoded, strict=True):
        if isinstance(clip, _Unusable):
            damaged.append((path, str(clip)))
        else:
            yield clip
    if damaged:
        raise _refusal(damaged, len(paths))


def _refusal(damaged: Sequence[tuple[str | Path, str]], looked_at: int) -> InputError:
    named = "; ".join(f"{path} {reason}" for path, reason in damaged[:NAMED_FILES])
    more = f"; and {len(damaged) - NAMED_FILES} more" if len(damaged) > NAMED_FILES else ""
    if looked_at == 1:
        return InputError(f"{named}; download or record it again, or leave it out")
    what = "it" if len(damaged) == 1 else "them"
    head = f"{len(damaged)} of {looked_at} audio files cannot be used: "
    message = f"{head}{named}{more}. Download {what} again, or remove {what} from the folder"
    return UnusableFilesError(message, [str(path) for path, _ in damaged])


def _load(path: str | Path, sample_rate: int, offset: float, duration: float | None, pad: Pad) -> np.ndarray:
    samples, recorded_rate = _read(path, offset, duration)
    _refuse_values(samples)
    mono = samples.mean(axis=1)  # before resampling, as librosa does: less to resample, and the same rounding
    if recorded_rate != sample_rate:
        mono = soxr.resample(mono, recorded_rate, sample_rate, quality="HQ")
        _refuse_values(mono)  # what was finite may overflow in the filter
    return mono if duration is None else _fit_length(mono, round(duration * sample_rate), pad)


def _refuse_values(samples: np.ndarray) -> None:
    if reason := wrong_values(samples):
        raise _Unusable(f"has {reason}")


def wrong_values(samples: np.ndarray) -> str:
    """Return what is wrong with the values of samples, in words; "" if nothing is."""
    if not samples.size:
        return ""
    loudest = float(max(samples.max(), -samples.min()))  # NaN if there is one; no copy of the samples is made
    if not math.isfinite(loudest):
        return "samples that are not finite numbers"
    return f"samples above {LOUDEST:g}, full scale being 1" if loudest > LOUDEST else ""


def _read(path: str | Path, offset: float, duration: float | None) -> tuple[np.ndarray, int]:
    """Return the requested part as float32 of shape (samples, channels), and the sample rate of the file."""
    try:
        return _read_part(path, offset, duration)
    except soundfile.LibsndfileError as error:
        if repaired := opus.recounted(Path(path)):
            with suppress(soundfile.LibsndfileError):
                return _read_part(repaired, offset, duration)
        raise _Unusable(_why_unreadable(Path(path), error)) from error


def _read_part(source: str | Path | IO[bytes], offset: float, duration: float | None) -> tuple[np.ndarray, int]:
    with opened(source) as file:
        if reason := wrong_header(file):
            raise _Unusable(f"has {reason}")
        rate, first = file.samplerate, int(offset * file.samplerate)  # int, not round, as librosa.load has it
        wanted = max(file.frames - first, 0)
        if duration is not None:
            wanted = min(wanted, int(duration * rate))
        _check_length(file, first)
        file.seek(first)
        samples = file.read(wanted, dtype="float32", always_2d=True)
    if wanted - len(samples) > MISSING_S * rate:
        raise _Unusable(f"is cut off or damaged: only {len(samples) / rate:.2f} of {wanted / rate:.2f} s can be read")
    return samples, rate


def _check_length(file: soundfile.SoundFile, first: int) -> None:
    if not file.frames:
        raise _Unusable("has no samples")
    if file.frames <= first:
        raise _Unusable(f"ends after {file.frames / file.samplerate:.2f} s, before the start of the part to read")
    if reason := cut_off(file):
        raise _Unusable(f"is cut off: {reason}")


def peak(path: str | Path) -> float:
    """Return the largest absolute sample of a file's mean over channels, 1.0 being full scale; NaN if one is no number.

    The file is read block by block.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return _loudest(path)
    except soundfile.LibsndfileError as error:
        if repaired := opus.recounted(Path(path)):
            with suppress(soundfile.LibsndfileError):
                return _loudest(repaired)
        raise InputError(f"{path} {_why_unreadable(Path(path), error)}") from error


def _loudest(source: str | Path | IO[bytes]) -> float:
    with opened(source) as file:
        blocks = file.blocks(BLOCK, dtype="float32", always_2d=True)
        # numpy's maximum, not Python's: it keeps what is no number.
        return float(np.max([np.abs(block.mean(axis=1)).max() for block in blocks], initial=0.0))


@contextmanager
def opened(source: str | Path | IO[bytes]) -> Iterator[soundfile.SoundFile]:
    """Open an audio file for reading, without the notes of the MP3 decoder on standard error.

    Raises:
        soundfile.LibsndfileError: it is absent, damaged or not audio.
    """
    with libmpg123.quiet(), soundfile.SoundFile(source) as file:
        yield file


def wrong_header(file: soundfile.SoundFile) -> str:
    """Return what no recording has in the header of an open file, in words; "" if all is possible."""
    if not LOWEST_HZ <= file.samplerate <= HIGHEST_HZ:
        return "a sample rate below 1 kHz or above 1 MHz"
    if file.channels > MOST_CHANNELS:
        return f"more than {MOST_CHANNELS} channels"
    return ""


def ends_early(path: Path, file: soundfile.SoundFile) -> bool:
    """Return whether the last samples of an open file cannot be read, although its header announces them.

    Only the end is decoded. `MISSING_S` of the end may be missing, but not of a FLAC file, whose header is exact.
    """
    return not _end_is_readable(file) and not opus.recounted(path)


def _end_is_readable(file: soundfile.SoundFile) -> bool:
    inexact_s = 0.0 if file.format == "FLAC" else MISSING_S
    last = max(file.frames - 1 - int(inexact_s * file.samplerate), 0)
    try:
        file.seek(last)
        return len(file.read(1, dtype="float32", always_2d=True)) > 0
    except (soundfile.LibsndfileError, ValueError):  # a wrong position makes the number of samples left negative
        return False


def damage_in(path: Path) -> str:
    """Decode a whole file block by block, and return what is wrong with it, in words; "" if nothing is.

    The reasons have no numbers of the file in them, because scans count files by reason.
    """
    try:
        return _damage_in(path)
    except soundfile.LibsndfileError:
        if repaired := opus.recounted(path):
            with suppress(soundfile.LibsndfileError):
                return _damage_in(repaired)
        return "damaged: a part of it cannot be decoded"


def _damage_in(source: Path | IO[bytes]) -> str:
    read = 0
    with opened(source) as file:
        while True:
            block = file.read(LONG_BLOCK, dtype="float32", always_2d=True)
            if reason := wrong_values(block):
                return reason
            read += len(block)
            if len(block) < LONG_BLOCK:  # the end, or a hole in a Vorbis file, behind which more could be read
                break
        return "cut off or damaged before its end" if file.frames - read > MISSING_S * file.samplerate else ""


def cut_off(file: soundfile.SoundFile) -> str:
    """Return what is missing at the end of a file with samples, by its header; "" if nothing is.

    libsndfile reads a truncated file without an error. Only its log says how long the file should be.
    """
    seconds = file.frames / file.samplerate
    if any(note in file.extra_info for note in LAST_PAGE_MISSING):
        return f"{seconds:.2f} s are there, but the last page is missing"
    noted = re.search(r"^data\s*: (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    if not noted or int(noted[1]) >= UNKNOWN_LENGTH:
        return ""
    announced = seconds * int(noted[1]) / int(noted[2])
    return f"only {seconds:.2f} of {announced:.2f} s are there" if announced - seconds > MISSING_S else ""


def _why_unreadable(path: Path, error: soundfile.LibsndfileError) -> str:
    if not path.is_file():
        return "does not exist"
    if not path.stat().st_size:
        return "is empty"
    return f"is damaged or not audio ({error.error_string.rstrip('.')})"


def _fit_length(waveform: np.ndarray, length: int, pad: Pad) -> np.ndarray:
    missing = max(length - len(waveform), 0)
    return np.pad(waveform[:length], (0, missing) if pad == "end" else (missing, 0))
