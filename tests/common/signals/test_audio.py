import shutil
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.errors import InputError
from common.signals import audio

# librosa looks for older decoders when it loads a file
pytestmark = pytest.mark.filterwarnings("ignore:'(aifc|audioop|sunau)' is deprecated:DeprecationWarning")

RATE = 16_000
SECOND = (np.random.default_rng(0).standard_normal(RATE) * 0.1).astype(np.float32)


def write(path: Path, samples: np.ndarray = SECOND, rate: int = RATE, **form: str) -> Path:
    soundfile.write(path, samples, rate, **form)
    return path


def truncated(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("suffix", "form"),
    [("wav", {}), ("flac", {}), ("mp3", {}), ("ogg", {}), ("opus", {"format": "OGG", "subtype": "OPUS"})],
)
def test_each_format_is_decoded(tmp_path: Path, suffix: str, form: dict[str, str]) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32) * 0.5
    decoded = audio.load(write(tmp_path / f"a.{suffix}", tone, **form), sample_rate=RATE)
    assert decoded.dtype == np.float32 and abs(len(decoded) - RATE) < 0.05 * RATE
    assert np.corrcoef(decoded[: RATE // 2], tone[: RATE // 2])[0, 1] > 0.99


def test_channels_are_averaged(tmp_path: Path) -> None:
    stereo = np.stack([np.full(100, 0.5), np.full(100, -0.25)], axis=1)
    assert np.allclose(audio.load(write(tmp_path / "a.wav", stereo), sample_rate=RATE), 0.125)


def test_a_real_stereo_recording_at_48_khz_is_read_as_librosa_reads_it(shared_data: Path) -> None:
    stereo = [
        path for path in sorted((shared_data / "ravdess" / "Actor_01").iterdir()) if soundfile.info(path).channels == 2
    ]
    assert stereo
    for path in stereo:
        expected, _ = librosa.load(path, sr=RATE, offset=0.5, duration=3.0)
        loaded = audio.load(path, sample_rate=RATE, offset=0.5, duration=3.0)
        assert np.array_equal(loaded[: len(expected)], expected)
        assert len(loaded) == 48_000 and not loaded[len(expected) :].any()


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
def test_resampling_is_librosas(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "a.wav", SECOND, rate)
    assert np.array_equal(audio.load(path, sample_rate=RATE), librosa.load(path, sr=RATE)[0])


def test_offset_and_duration_are_seconds_of_the_recording(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", subtype="FLOAT")
    part = audio.load(path, sample_rate=RATE, offset=0.25, duration=0.5)
    assert np.array_equal(part, SECOND[4_000:12_000])


@pytest.mark.parametrize(("pad", "heard"), [("end", slice(None, RATE)), ("start", slice(RATE, None))])
def test_a_short_recording_is_padded_where_asked(tmp_path: Path, pad: audio.Pad, heard: slice) -> None:
    path = write(tmp_path / "a.wav", subtype="FLOAT")
    padded = audio.load(path, sample_rate=RATE, duration=2.0, pad=pad)
    assert np.array_equal(padded[heard], SECOND) and np.count_nonzero(padded) == np.count_nonzero(SECOND)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    samples=st.integers(50, 3_000),
    rate=st.sampled_from([8_000, 11_025, 44_100]),
    duration=st.floats(0.001, 0.5),
    pad=st.sampled_from(["end", "start"]),
)
def test_the_length_is_the_one_asked_for(
    tmp_path: Path, samples: int, rate: int, duration: float, pad: audio.Pad
) -> None:
    path = write(tmp_path / "a.wav", SECOND[:samples], rate)
    loaded = audio.load(path, sample_rate=RATE, duration=duration, pad=pad)
    assert loaded.shape == (round(duration * RATE),)


DAMAGED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "a.wav", "a.wav does not exist"),
    "empty": (lambda folder: written(folder / "a.wav", b""), "a.wav is empty"),
    "text": (lambda folder: written(folder / "a.wav", b"a page of text\n" * 100), "a.wav is damaged or no audio"),
    "no samples": (lambda folder: write(folder / "a.wav", SECOND[:0]), "a.wav holds no samples"),
    "cut wav": (lambda folder: truncated(write(folder / "a.wav"), 0.5), r"a.wav is cut off: 0.50 s are .* of 1.00 s"),
    "cut flac": (lambda folder: truncated(write(folder / "a.flac"), 0.5), "a.flac is damaged or no audio"),
    "cut mp3": (lambda folder: truncated(write(folder / "a.mp3"), 0.5), "a.mp3 is cut off or damaged"),
    "cut ogg": (
        lambda folder: truncated(write(folder / "a.ogg", np.tile(SECOND, 9)), 0.5),
        r"a.ogg is cut off: .* its last page",
    ),
    "not a number": (
        lambda folder: write(folder / "a.wav", np.array([0.0, np.nan, 0.0]), subtype="FLOAT"),
        "a.wav holds samples that are not finite",
    ),
    "infinite": (
        lambda folder: write(folder / "a.wav", np.array([0.0, np.inf, 0.0]), subtype="FLOAT"),
        "a.wav holds samples that are not finite",
    ),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    make, message = DAMAGED[kind]
    with pytest.raises(InputError, match=message):
        audio.load(make(tmp_path), sample_rate=RATE)


def test_a_recording_that_ends_before_the_offset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends after 1\.00 s"):
        audio.load(write(tmp_path / "a.wav"), sample_rate=RATE, offset=1.0, duration=3.0)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_of_unknown_length_is_no_damaged_one(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "a.wav")
    header = path.read_bytes()
    position = header.index(b"data") + 4
    written(path, header[:position] + size.to_bytes(4, "little") + header[position + 4 :])
    assert len(audio.load(path, sample_rate=RATE)) == RATE


@pytest.fixture
def corpus(tmp_path: Path) -> list[Path]:
    """Seventy clips, each of another level and length: more than are decoded at once."""
    (tmp_path / "corpus").mkdir()
    return [
        write(tmp_path / "corpus" / f"{number:02}.wav", SECOND[: 1_000 + 50 * number] * (1 - number / 100))
        for number in range(70)
    ]


def test_clips_come_in_the_order_of_their_paths(corpus: list[Path]) -> None:
    clips = audio.load_clips(corpus[::-1], sample_rate=8_000, duration=0.2, offset=0.01)
    expected = [audio.load(path, sample_rate=8_000, duration=0.2, offset=0.01) for path in corpus[::-1]]
    assert clips.dtype == np.float32 and np.array_equal(clips, expected)


def test_clips_do_not_occupy_memory(corpus: list[Path]) -> None:
    assert isinstance(audio.load_clips(corpus, sample_rate=RATE, duration=0.1), np.memmap)


def test_known_bytes_are_not_decoded_again_wherever_they_lie(
    corpus: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = audio.load_clips(corpus, sample_rate=RATE, duration=0.1)
    shutil.move(tmp_path / "corpus", tmp_path / "elsewhere")
    monkeypatch.setattr(soundfile, "SoundFile", None)
    moved = [tmp_path / "elsewhere" / path.name for path in corpus]
    assert np.array_equal(audio.load_clips(moved, sample_rate=RATE, duration=0.1), first)


def test_changed_bytes_and_changed_parameters_are_decoded_anew(corpus: list[Path]) -> None:
    first = audio.load_clips(corpus, sample_rate=RATE, duration=0.1)
    assert not np.array_equal(audio.load_clips(corpus, sample_rate=RATE, duration=0.1, offset=0.01), first)
    write(corpus[3], -SECOND)
    assert audio.load_clips(corpus, sample_rate=RATE, duration=0.1)[3, 5] * first[3, 5] < 0


def test_all_damaged_clips_are_found_and_five_are_named(corpus: list[Path], own_cache: Path) -> None:
    for path in corpus[::10]:
        written(path, b"")
    with pytest.raises(InputError) as refused:
        audio.load_clips(corpus, sample_rate=RATE, duration=0.1)
    message = str(refused.value)
    assert message.startswith("7 of 70 audio files cannot be used: ") and "; and 2 more. " in message
    assert [path.name in message for path in corpus[::10]] == [True] * 5 + [False] * 2
    assert not list(own_cache.iterdir())


def test_no_clips_at_all_is_told() -> None:
    with pytest.raises(InputError, match="no audio files"):
        audio.load_clips([], sample_rate=RATE, duration=1.0)
