"""The demo corpus: speech-like audio synthesised from a seed, in the layouts and under the names of the real corpora.

With it everything runs on a machine without downloads, through the same code as real audio. A clip is a sequence of
syllables: glottal pulses with a pitch contour, breath and frication, filtered by moving formants. Its delivery (pitch,
pitch range, rate, level, spectral tilt, breath, jitter) depends on its label in the directions that Juslin and Laukka
(2003, Psychological Bulletin 129: 770-814, table 7) report, on the speaker, and on a random part. It is exaggerated
(`EXAGGERATION`), and speakers are alike, so that models learn from few clips in minutes: much easier than real speech.
Each corpus has its own recording conditions. Scores on it say nothing about emotions.
Music is in `demo_emotify` and `demo_jamendo`, events are in `demo_fsdkaggle2019`.

A clip depends on (seed, its name) alone: the same seed gives the same bytes, however many clips are written.
"""

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from common.corpora import demo_emotify, demo_fsdkaggle2019, demo_jamendo
from common.corpora.base import DEMO_MARKER, Clip
from common.corpora.checksums import names_of
from common.corpora.emodb import WOMEN
from common.corpora.files import make_folder
from common.corpora.registry import CORPORA, corpus_called
from common.corpora.tava import AFFECTS
from common.errors import InputError
from common.files import UNFINISHED, replacing, write_text
from common.threads import in_threads

Floats = NDArray[np.float64]

CLIPS_PER_CLASS = 12
"""The default: 336 clips of the four corpora of speech together."""

SPEAKERS_AT_LEAST = 24
"""A small demo has at least this many speakers of a corpus, or all of them, so that grouped folds can be made."""

VERSION = 2
"""Increase it when the sound changes, so that two versions never share a folder."""

TRACK_RATE = 125
"""Values per second of the slow tracks (pitch, levels, formants)."""


LOUDEST = 0.95
"""The highest allowed peak, as a share of full scale, so that no clip is clipped."""

# Pitch in semitones from the speaker's own, pitch range in semitones, syllables per second, level in dB, spectral tilt
# in dB per octave, breath in dB below the voice, jitter as a share of the pitch, final rise in semitones. The last two
# are ours: shifts of the first and second formant in semitones, a colour of its own for each emotion.
DELIVERY = {
    "neutral": np.array([0.0, 2.0, 4.3, 0.0, 0.0, -26.0, 0.008, -2.0, 0.0, 0.0]),
    "calm": np.array([-1.0, 1.5, 3.6, -3.0, -1.5, -24.0, 0.006, -2.0, -1.5, -1.5]),
    "happy": np.array([4.0, 5.0, 4.8, 3.0, 1.5, -26.0, 0.010, 1.0, 2.0, 5.0]),
    "sad": np.array([-1.5, 1.3, 3.2, -5.0, -3.0, -17.0, 0.012, -3.0, -4.0, -3.0]),
    "angry": np.array([3.0, 4.0, 5.0, 6.0, 3.5, -30.0, 0.020, -4.0, 6.0, 0.0]),
    "fear": np.array([5.5, 2.2, 5.6, 1.0, 0.5, -19.0, 0.035, 0.0, 0.0, -6.0]),
    "disgust": np.array([-2.0, 3.0, 3.5, 1.0, 1.0, -23.0, 0.030, -5.0, -4.0, 4.0]),
    "surprise": np.array([6.5, 7.0, 4.2, 3.0, 1.5, -24.0, 0.010, 5.0, 6.0, 5.0]),
}
VALENCE = {
    **{"annoyed": -0.3, "confident": 0.3, "contemptuous": -0.3, "dark": -0.2, "depressed": -0.4, "enraged": -0.7},
    **{"frightened": -0.5, "happy": 0.4, "joyful": 0.6, "mellow": 0.2, "miserable": -0.5, "satisfied": 0.3},
    **{"serene": 0.2, "thrilled": 0.5, "tranquil": 0.2, "worried": -0.2},
}
AROUSAL = {
    **{"annoyed": 0.4, "confident": 0.2, "contemptuous": 0.0, "dark": -0.5, "depressed": -0.7, "enraged": 0.9},
    **{"frightened": 0.7, "happy": 0.3, "joyful": 0.6, "mellow": -0.2, "miserable": -0.4, "satisfied": 0.0},
    **{"serene": -0.5, "thrilled": 0.7, "tranquil": -0.5, "worried": 0.1},
}
"""Where TAVA's affects lie on the two scales, -1 to 1, roughly as in Russell's circumplex (1980)."""

# A TAVA affect is delivered between the emotions above: pleasant or not, aroused or not.
PLEASANT = (DELIVERY["happy"] + DELIVERY["calm"] - DELIVERY["angry"] - DELIVERY["disgust"]) / 2
AROUSED = (DELIVERY["angry"] + DELIVERY["happy"] - DELIVERY["sad"] - DELIVERY["calm"]) / 2
DELIVERY |= {
    affect: DELIVERY["neutral"] + VALENCE[affect] * PLEASANT + AROUSAL[affect] * AROUSED
    for affect in AFFECTS
    if affect not in DELIVERY
}
SPREAD = np.array([0.26, 0.1, 0.06, 0.28, 0.16, 0.32, 0.0008, 0.2, 0.2, 0.2])
"""Std of each value from clip to clip."""

EXAGGERATION = 3.0
"""How many times as far as in `DELIVERY` emotions depart from neutral. With less, models need more clips to learn."""

LEAST = np.array([-12.0, 0.3, 2.7, -30.0, -9.0, -40.0, 0.002, -12.0, -12.0, -12.0])
"""Lower bound of each value: a random draw may not make the rate or the jitter negative."""

# Formants in Hz of an adult male (Peterson and Barney 1952), and two higher ones that hardly move.
VOWELS = np.array(
    [
        [270, 2290, 3010, 3600, 4700],
        [530, 1840, 2480, 3500, 4600],
        [730, 1090, 2440, 3400, 4500],
        [570, 840, 2410, 3400, 4500],
        [300, 870, 2240, 3300, 4400],
        [500, 1500, 2500, 3500, 4500],
    ],
    dtype=np.float64,
)
FORMANT_LEVELS = 10 ** (np.array([0.0, -5.0, -11.0, -15.0, -19.0]) / 20)
FORMANT_SHARPNESS = np.array([7.0, 12.0, 16.0, 18.0, 18.0])
CONSONANTS = np.array([[0.0, 0.05], [0.05, 0.6], [0.45, 0.0], [0.15, 0.35]])
"""Voice and frication levels of a stop, a voiceless fricative, a nasal, a voiced fricative."""


@dataclass(frozen=True)
class Recording:
    """How a corpus was recorded: rate in Hz, levels in dB of full scale, silences in seconds, cuts in Hz.

    `expression` scales how far its speakers depart from neutral; `pace` scales their syllable rate.
    """

    folder: str
    sample_rate: int
    level: float
    noise: float
    lead: float
    tail: float
    low_cut: float
    tilt: float
    syllables: tuple[int, int]
    pace: float
    expression: float


# After the real corpora: 24,414 Hz is TESS' odd rate, and RAVDESS has almost a second of silence at either end.
RECORDINGS = {
    "ravdess": Recording("RAVDESS", 48_000, -38, -92, 0.9, 0.8, 60, 0.0, (7, 7), 1.0, 1.0),
    "savee": Recording("SAVEE", 44_100, -24, -64, 0.3, 0.3, 50, -0.6, (9, 12), 1.0, 0.9),
    "tess": Recording("TESS", 24_414, -22, -70, 0.06, 0.12, 90, 0.5, (4, 4), 0.6, 1.15),
    "crema_d": Recording("CREMA-D", 16_000, -26, -54, 0.35, 0.45, 120, 0.3, (5, 7), 1.0, 0.85),
    "tava": Recording("TAVA/audio", 16_000, -26, -60, 0.2, 0.2, 80, 0.0, (5, 7), 1.0, 1.0),
    "emodb": Recording("EMO-DB", 16_000, -22, -72, 0.05, 0.05, 80, 0.2, (8, 11), 1.0, 1.1),
}

COUNTERPARTS = (*RECORDINGS, "emotify", "mtg_jamendo", "fsdkaggle2019")
"""The corpora that have a demo version."""


@dataclass(frozen=True)
class Voice:
    """A speaker: pitch in Hz, scale of the formants, tilt in dB per octave, and strength of expression."""

    pitch: float
    formant_scale: float
    tilt: float
    expression: float


def write(
    folder: Path | str,
    *,
    clips_per_class: int = CLIPS_PER_CLASS,
    seed: int = 0,
    corpora: Sequence[str] = ("ravdess", "savee", "tess", "crema_d"),
    whole: bool = False,
) -> Path:
    """Write the demo corpus into `folder` and return the folder; existing clips are kept.

    Args:
        folder: a new or empty folder, or one with the same demo corpus.
        clips_per_class: clips per class and corpus, spread over speakers; for Emotify, tracks per genre; for
            MTG-Jamendo, tracks for each of six tags; for FSDKaggle2019, curated clips for each of eight tags.
        seed: of everything random.
        corpora: which ones of `COUNTERPARTS`; by default the four of acted emotions.
        whole: as many clips as the real corpora have (12,162 of speech, 400 of music), instead of `clips_per_class`;
            not for MTG-Jamendo, which would be 20 GB, nor for FSDKaggle2019.

    Raises:
        InputError: the folder contains something else; a corpus is unknown or has no demo version; fewer than one clip
            per class.
    """
    folder = Path(folder)
    if clips_per_class < 1:
        raise InputError(f"{clips_per_class} clips per class are too few; ask for at least one")
    if absent := [name for name in corpora if corpus_called(name).name not in COUNTERPARTS]:
        raise InputError(f"there is no demo version of {absent[0]}; choose from {', '.join(COUNTERPARTS)}")
    amount = "every clip" if whole else f"{clips_per_class} clips per class and corpus"
    _claim(folder, f"{amount}, corpora {' '.join(corpora)}, seed {seed}, version {VERSION}")
    jobs = []
    for name in [name for name in corpora if name in RECORDINGS]:
        clips = _clips(name) if whole else _choose(name, clips_per_class, seed)
        jobs += [(name, clip) for clip in clips if not _file(folder, name, clip).is_file()]
    in_threads(partial(_write_clip, folder, seed), jobs, "synthesising the demo corpus")
    if "tava" in corpora:
        _write_ratings(folder / "TAVA", seed)
    if "emotify" in corpora:
        tracks = demo_emotify.TRACKS_PER_GENRE if whole else clips_per_class
        demo_emotify.write(folder, tracks_per_genre=tracks, seed=seed)
    if "mtg_jamendo" in corpora:
        demo_jamendo.write(folder, tracks_per_tag=clips_per_class, seed=seed)
    if "fsdkaggle2019" in corpora:
        demo_fsdkaggle2019.write(folder, clips_per_tag=clips_per_class, seed=seed)
    _mark_folders(folder)
    return folder


def _mark_folders(folder: Path) -> None:
    """Repeat the marker in every folder with files, so that whoever copies one of them copies its marker."""
    text = (folder / DEMO_MARKER).read_text(encoding="utf-8")
    for below in {path.parent for path in folder.rglob("*") if path.is_file()} - {folder}:
        if not (below / DEMO_MARKER).is_file():
            write_text(below / DEMO_MARKER, text)


def _claim(folder: Path, contents: str) -> None:
    """Mark `folder` as a demo corpus before the first clip is written; refuse a folder with other contents."""
    marker = folder / DEMO_MARKER
    text = (
        "Demo corpus, synthesised by Encore: no human speech, for trying things out only.\n"
        f"Nothing made from it is comparable with a published number.\n{contents}\n"
    )
    if marker.is_file() and marker.read_text(encoding="utf-8") != text:
        present = marker.read_text(encoding="utf-8").splitlines()[-1]
        raise InputError(f"{folder} contains another demo corpus ({present}); delete it or name another folder")
    if folder.exists() and not marker.is_file() and (not folder.is_dir() or _has_files(folder)):
        raise InputError(f"{folder} exists and is not a demo corpus; name a new folder")
    make_folder(folder)
    write_text(marker, text)


def _has_files(folder: Path) -> bool:
    """Return whether a folder has anything in it but the marker that another process is writing."""
    return any(not path.name.startswith(UNFINISHED) for path in folder.iterdir())


@cache
def _clips(corpus: str) -> list[Clip]:
    """Return every clip of `corpus`, read from the published file names, in order."""
    said = (CORPORA[corpus].recognise(Path(name)) for name in names_of(CORPORA[corpus]))
    return [clip for clip in said if isinstance(clip, Clip)]


def _choose(corpus: str, clips_per_class: int, seed: int) -> list[Clip]:
    """Choose `clips_per_class` clips of each label so that all speakers have about the same number of clips."""
    rng = _rng(seed, f"choice {corpus}")
    shelves: dict[tuple[str, str], list[Clip]] = {}  # by (label, speaker)
    for clip in rng.permutation(np.array(_clips(corpus), dtype=object)):
        shelves.setdefault((clip.label, clip.speaker), []).append(clip)
    speakers = sorted({clip.speaker for clip in _clips(corpus)})[: max(SPEAKERS_AT_LEAST, 2 * clips_per_class)]
    chosen: list[Clip] = []
    turn: list[str] = []  # carried over from label to label, so that speakers take turns over all of them
    for label in CORPORA[corpus].expected:
        left = min(clips_per_class, sum(len(shelves[label, speaker]) for speaker in speakers))
        while left:
            turn = turn or list(rng.permutation(speakers))
            shelf = shelves[label, turn.pop()]
            if shelf:
                chosen.append(shelf.pop())
                left -= 1
    return sorted(chosen, key=lambda clip: clip.name)


def _file(folder: Path, corpus: str, clip: Clip) -> Path:
    return folder / RECORDINGS[corpus].folder / f"{clip.name}.wav"


def _write_clip(folder: Path, seed: int, job: tuple[str, Clip]) -> None:
    corpus, clip = job
    target = _file(folder, corpus, clip)
    with replacing(target) as temporary, wave.open(str(temporary), "wb") as file:
        file.setparams((1, 2, RECORDINGS[corpus].sample_rate, 0, "NONE", "not compressed"))
        file.writeframes(synthesise(corpus, clip, seed=seed).astype("<i2").tobytes())


def _write_ratings(folder: Path, seed: int) -> None:
    """Write TAVA's table of ratings: as in the corpus, all clips have a row, and a byte-order mark begins the file."""
    columns = "Speaker Number,Affect Name,Variant,Number of Raters,meanValence,meanArousal,meanDominance"
    lines = [columns]
    for clip in _clips("tava"):
        drawn = _rng(seed, f"rating {clip.name}").normal(0, 0.1, 3)
        means = np.clip(np.array([VALENCE[clip.label], AROUSAL[clip.label], 0.0]) + drawn, -1, 1)
        lines.append(f"{int(clip.speaker)},{clip.label},speech,20," + ",".join(f"{mean:.4f}" for mean in means))
    make_folder(folder / "annotations")
    write_text(folder / "annotations" / "SummaryData.csv", "\ufeff" + "\n".join(lines) + "\n")


def synthesise(corpus: str, clip: Clip, *, seed: int = 0) -> NDArray[np.int16]:
    """Return the samples of one clip, shape (samples,), 16 bit, at the sample rate of its corpus (`RECORDINGS`)."""
    recording, voice = RECORDINGS[corpus], _voice(corpus, clip.speaker, seed)
    rng = _rng(seed, f"clip {corpus} {clip.name}")
    delivery = _delivery(clip, voice, recording, rng)
    # Two generators: what is said depends on the text alone, so that all speakers say the same words.
    tracks = _tracks(_rng(seed, f"text {_text(corpus, clip.name)}"), rng, delivery, voice, recording)
    source = _source(tracks, recording.sample_rate, rng)
    tilt = delivery[4] + voice.tilt + recording.tilt
    speech = _filter(source, tracks, recording, tilt)
    # The level is that of the spoken part: a corpus with long silences would otherwise be louder.
    loud = np.sqrt(
        np.mean(speech**2) * len(speech) / np.count_nonzero(tracks.spoken) / recording.sample_rate * TRACK_RATE
    )
    speech *= min(10 ** ((recording.level + delivery[3]) / 20) / loud, LOUDEST / np.abs(speech).max())
    speech += 10 ** (recording.noise / 20) * rng.standard_normal(len(speech))
    return np.clip(np.rint(speech * 32767), -32768, 32767).astype(np.int16)  # the noise may exceed full scale


def _rng(seed: int, of_what: str) -> np.random.Generator:
    return np.random.default_rng([seed, crc32(of_what.encode())])


def _voice(corpus: str, speaker: str, seed: int) -> Voice:
    """Draw a speaker. The sex is that of the corpus' speaker; for CREMA-D, whose names do not say it, it is random."""
    rng = _rng(seed, f"speaker {corpus} {speaker}")
    women = {"ravdess": speaker.isdigit() and int(speaker) % 2 == 0, "emodb": speaker in WOMEN}
    female = {"savee": False, "tess": True, **women}.get(corpus, rng.random() < 0.5)
    # Women's pitch is almost an octave higher; their vocal tract is shorter, so formants are about 16 % higher.
    pitch = (200.0 if female else 112.0) * 2 ** (rng.normal(0, 0.7) / 12)
    return Voice(pitch, (1.16 if female else 1.0) * rng.normal(1, 0.01), rng.normal(0, 0.4), rng.uniform(0.9, 1.1))


def _delivery(clip: Clip, voice: Voice, recording: Recording, rng: np.random.Generator) -> Floats:
    """Return the delivery of a clip, in the order of `DELIVERY`: from neutral towards its label, plus a random part."""
    strength = EXAGGERATION * voice.expression * recording.expression * _intensity(clip.name)
    delivery = DELIVERY["neutral"] + strength * (DELIVERY[clip.label] - DELIVERY["neutral"])
    drawn = np.maximum(delivery + SPREAD * rng.standard_normal(len(SPREAD)), LEAST)
    drawn[2] *= recording.pace
    return drawn


def _intensity(name: str) -> float:
    """Return how strongly the emotion is acted, from the name: RAVDESS' two intensities, CREMA-D's levels."""
    if name.startswith("Actor_"):
        return 1.2 if name.split("-")[3] == "02" else 0.85
    return {"LO": 0.6, "MD": 1.0, "HI": 1.3}.get(name[-2:], 1.0) if name.startswith("AudioWAV/") else 1.0


def _text(corpus: str, name: str) -> str:
    """Return a key of the sentence that a clip says: one sentence has the same syllables for all speakers."""
    if corpus == "emodb":
        return f"{corpus} {name[-5:-2]}"
    separator, part = {
        "ravdess": ("-", 4),
        "savee": ("/", 1),
        "tess": ("_", -2),
        "crema_d": ("_", 1),
        "tava": ("_", -1),
    }[corpus]
    return f"{corpus} {name.split(separator)[part]}"


@dataclass(frozen=True)
class Tracks:
    """What changes slowly during a clip, at `TRACK_RATE`: pitch in Hz, levels, formants in Hz of shape (frames, 5)."""

    pitch: Floats
    voice: Floats
    breath: Floats
    frication: Floats
    formants: Floats
    spoken: NDArray[np.bool_]


def _tracks(
    text: np.random.Generator, rng: np.random.Generator, delivery: Floats, voice: Voice, recording: Recording
) -> Tracks:
    """Lay out a clip: silence, syllables of a consonant and a vowel each, silence."""
    count = int(text.integers(recording.syllables[0], recording.syllables[1] + 1))
    vowels, consonants = text.integers(len(VOWELS), size=count), text.integers(len(CONSONANTS), size=count)
    weights = text.uniform(0.7, 1.3, count) * rng.lognormal(0, 0.12, count)
    stress = text.uniform(-0.6, 1.0, count)
    lengths = weights / delivery[2]
    onsets = np.cumsum(lengths) - lengths + recording.lead * rng.uniform(0.8, 1.2)
    end = onsets[-1] + lengths[-1]
    time = np.arange(0, end + recording.tail * rng.uniform(0.8, 1.2), 1 / TRACK_RATE)
    spoken = (time >= onsets[0]) & (time < end)
    syllable = np.clip(np.searchsorted(onsets, time, side="right") - 1, 0, count - 1)
    within = (time - onsets[syllable]) / lengths[syllable]
    in_vowel = within > 0.3  # the first 30 % of a syllable are its consonant
    levels = np.where(in_vowel[:, None], [1.0, 0.0], CONSONANTS[consonants[syllable]]) * spoken[:, None]
    arch = np.where(in_vowel, 0.55 + 0.45 * np.sin(np.pi * np.clip(within, 0, 1)), 1.0) * (1 + 0.25 * stress[syllable])
    middles = onsets + 0.65 * lengths
    voiced, frication = _smooth(levels[:, 0] * arch), _smooth(levels[:, 1])
    return Tracks(
        pitch=_pitch(time, middles, stress, (onsets[0], end), delivery, voice, rng),
        voice=voiced,
        breath=_smooth(10 ** (delivery[5] / 20) * spoken * arch) + 0.2 * frication,
        frication=frication,
        formants=np.stack([np.interp(time, middles, track) for track in VOWELS[vowels].T], axis=1)
        * voice.formant_scale
        * 2 ** (np.array([delivery[8], delivery[9], 0.0, 0.0, 0.0]) / 12),
        spoken=spoken,
    )


def _smooth(track: Floats) -> Floats:
    """Average over 40 ms, because articulators do not jump."""
    return np.convolve(track, np.full(5, 0.2), mode="same")


def _pitch(
    time: Floats,
    middles: Floats,
    stress: Floats,
    span: tuple[float, float],
    delivery: Floats,
    voice: Voice,
    rng: np.random.Generator,
) -> Floats:
    """Return the pitch in Hz: accents on stressed syllables, a slow fall, a final rise or fall, jitter."""
    semitones, reach, jitter, final = delivery[0], delivery[1], delivery[6], delivery[7]
    done = np.clip((time - span[0]) / (span[1] - span[0]), 0, 1)
    accents = np.interp(time, middles, stress + 0.3 * rng.standard_normal(len(stress)))
    contour = semitones + reach * (1.2 * accents - 0.8 * done) + final * np.clip((done - 0.7) / 0.3, 0, 1)
    shake = _smooth(rng.standard_normal(len(time))) * np.sqrt(5)  # std 1 again after the average over 5 values
    return np.clip(voice.pitch * 2 ** (contour / 12) * (1 + jitter * shake), 55, 600)


@cache
def _pulse() -> Floats:
    """Return one period of glottal flow, differentiated (Rosenberg 1971: opening 40 %, closing 16 %), 4096 points."""
    phase = np.arange(4096) / 4096
    opening = 0.5 * (1 - np.cos(np.pi * phase / 0.4))
    closing = np.cos(np.pi / 2 * (phase - 0.4) / 0.16)
    flow = np.where(phase < 0.4, opening, np.where(phase < 0.56, closing, 0.0))
    slope = np.diff(flow, prepend=0.0)
    return slope / np.sqrt(np.mean(slope**2))


def _source(tracks: Tracks, sample_rate: int, rng: np.random.Generator) -> Floats:
    """Return the excitation of the vocal tract, shape (samples,): glottal pulses and turbulent noise."""
    samples = len(tracks.pitch) * sample_rate // TRACK_RATE
    at = np.arange(samples) * (TRACK_RATE / sample_rate)
    frames = np.arange(len(tracks.pitch))
    # The phase is the integral of the pitch: a pulse table read at it has no jumps where the pitch changes.
    phase = np.cumsum(np.interp(at, frames, tracks.pitch)) / sample_rate
    pulses = _pulse()[(phase * 4096).astype(np.int64) & 4095]  # & 4095: the place within the period
    pulses *= np.interp(at, frames, tracks.voice)
    noise = rng.standard_normal(samples)
    noise *= np.interp(at, frames, tracks.breath)
    return pulses + noise


def _filter(source: Floats, tracks: Tracks, recording: Recording, tilt: float) -> Floats:
    """Filter `source` by the moving vocal tract and the microphone, in overlapping windows (by FFT)."""
    hop = 256 if recording.sample_rate > 30_000 else 128  # windows of 10 to 16 ms, in which speech hardly changes
    # A sine window applied twice, half overlapping, sums to 1: without a filter the source comes back unchanged.
    window = np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop))
    padded = np.zeros((len(source) // hop + 3) * hop)
    padded[hop : hop + len(source)] = source
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop]
    spectra = np.fft.rfft(windows * window, axis=1)
    spectra *= _response(len(spectra), hop, tracks, recording, tilt)
    halves = (np.fft.irfft(spectra, axis=1) * window).reshape(len(windows), 2, hop)
    overlapped = halves[1:, 0] + halves[:-1, 1]
    return overlapped.reshape(-1)[: len(source)]


def _response(windows: int, hop: int, tracks: Tracks, recording: Recording, tilt: float) -> NDArray[np.complex128]:
    """Return the transfer function per window, shape (windows, hop + 1): formants or frication, tilt, low cut."""
    hertz = np.maximum(np.arange(hop + 1) * recording.sample_rate / (2 * hop), 1.0)  # no division by 0 Hz
    at = np.arange(windows) * hop * (TRACK_RATE / recording.sample_rate)
    frames = np.arange(len(tracks.pitch))
    response = np.zeros((windows, hop + 1), dtype=np.complex128)
    for formants, level, sharpness in zip(tracks.formants.T, FORMANT_LEVELS, FORMANT_SHARPNESS, strict=True):
        centre = np.interp(at, frames, formants)[:, None]
        # A resonance, level / (1 + 1j * detuned), in real arithmetic, which is faster.
        detuned = sharpness * (hertz / centre - centre / hertz)
        inverse = level / (1 + detuned**2)
        response.real += inverse
        response.imag -= detuned * inverse
    hiss = np.interp(at, frames, tracks.frication)[:, None]
    response *= 1 - hiss
    response += hiss * 0.6 * np.minimum(hertz / 4000, 1) ** 2
    # A factor of 2 in amplitude is 6.02 dB, which turns dB per octave into an exponent.
    return response * (np.clip(hertz, 200, 8000) / 1000) ** (tilt / 6.02) / (1 + (recording.low_cut / hertz) ** 4)
