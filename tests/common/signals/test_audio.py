import io
import shutil
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen.ogg import OggPage

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


def late_positions(path: Path, pages: int, late: int = 488) -> Path:
    """Make the positions of the first sounding pages of an Opus file some samples too late."""
    content, found = io.BytesIO(path.read_bytes()), []
    while content.tell() < len(content.getvalue()):
        found.append(OggPage(content))
    for page in found[2 : 2 + pages]:
        page.position += late
    return written(path, b"".join(page.write() for page in found))


@pytest.mark.parametrize("pages", [1, 2])
def test_an_opus_file_with_late_page_positions_is_read_as_if_they_were_right(tmp_path: Path, pages: int) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 4 * 48_000).astype(np.float32)
    opus_form = {"format": "OGG", "subtype": "OPUS"}
    right = write(tmp_path / "right.opus", noise, 48_000, **opus_form)
    expected = audio.load(right, sample_rate=48_000)
    late = late_positions(write(tmp_path / "late.opus", noise, 48_000, **opus_form), pages)
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.read(late)
    np.testing.assert_array_equal(audio.load(late, sample_rate=48_000), expected)
    np.testing.assert_array_equal(
        audio.load(late, sample_rate=48_000, offset=1.0, duration=2.5), expected[48_000 : 3 * 48_000 + 24_000]
    )
    assert audio.peak(late) == pytest.approx(np.abs(expected).max())


def test_a_damaged_page_of_such_a_file_is_not_repaired(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 4 * 48_000).astype(np.float32)
    late = late_positions(write(tmp_path / "a.opus", noise, 48_000, format="OGG", subtype="OPUS"), 1)
    content = bytearray(late.read_bytes())
    content[len(content) // 2] ^= 1
    with pytest.raises(InputError):
        audio.load(written(late, bytes(content)), sample_rate=48_000)


def test_an_opus_file_whose_first_page_is_empty_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 48_000).astype(np.float32)
    whole = write(tmp_path / "a.opus", noise, 48_000, format="OGG", subtype="OPUS").read_bytes()
    with pytest.raises(InputError):
        audio.load(written(tmp_path / "b.opus", OggPage().write() + whole), sample_rate=48_000)


def test_channels_are_averaged(tmp_path: Path) -> None:
    stereo = np.stack([np.full(100, 0.5), np.full(100, -0.25)], axis=1)
    assert np.allclose(audio.load(write(tmp_path / "a.wav", stereo), sample_rate=RATE), 0.125)


def test_a_real_stereo_recording_at_48_khz_equals_librosas(shared_data: Path) -> None:
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
def test_resampling_equals_librosas(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "a.wav", SECOND, rate)
    assert np.array_equal(audio.load(path, sample_rate=RATE), librosa.load(path, sr=RATE)[0])


def test_offset_and_duration_are_seconds_of_the_recording(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", subtype="FLOAT")
    part = audio.load(path, sample_rate=RATE, offset=0.25, duration=0.5)
    assert np.array_equal(part, SECOND[4_000:12_000])


@pytest.mark.parametrize(("pad", "heard"), [("end", slice(None, RATE)), ("start", slice(RATE, None))])
def test_a_short_recording_is_padded_at_the_given_end(tmp_path: Path, pad: audio.Pad, heard: slice) -> None:
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
def test_the_length_is_that_of_the_duration(
    tmp_path: Path, samples: int, rate: int, duration: float, pad: audio.Pad
) -> None:
    path = write(tmp_path / "a.wav", SECOND[:samples], rate)
    loaded = audio.load(path, sample_rate=RATE, duration=duration, pad=pad)
    assert loaded.shape == (round(duration * RATE),)


DAMAGED: dict[str, Callable[[Path], Path]] = {
    "missing": lambda folder: folder / "a.wav",
    "empty": lambda folder: written(folder / "a.wav", b""),
    "text": lambda folder: written(folder / "a.wav", b"a page of text\n" * 100),
    "no samples": lambda folder: write(folder / "a.wav", SECOND[:0]),
    "cut wav": lambda folder: truncated(write(folder / "a.wav"), 0.5),
    "cut flac": lambda folder: truncated(write(folder / "a.flac"), 0.5),
    "cut mp3": lambda folder: truncated(write(folder / "a.mp3"), 0.5),
    "cut ogg": lambda folder: truncated(write(folder / "a.ogg", np.tile(SECOND, 9)), 0.5),
    "not a number": lambda folder: write(folder / "a.wav", np.array([0.0, np.nan, 0.0]), subtype="FLOAT"),
    "infinite": lambda folder: write(folder / "a.wav", np.array([0.0, np.inf, 0.0]), subtype="FLOAT"),
}


@pytest.mark.parametrize("make", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    with pytest.raises(InputError, match=str(path)):
        audio.load(path, sample_rate=RATE)


def test_a_recording_that_ends_before_the_offset_is_refused_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    with pytest.raises(InputError, match=str(path)):
        audio.load(path, sample_rate=RATE, offset=1.0, duration=3.0)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_of_unknown_length_is_not_damaged(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "a.wav")
    header = path.read_bytes()
    position = header.index(b"data") + 4
    written(path, header[:position] + size.to_bytes(4, "little") + header[position + 4 :])
    assert len(audio.load(path, sample_rate=RATE)) == RATE


@pytest.fixture
def corpus(tmp_path: Path) -> list[Path]:
    """Seventy clips of different levels and lengths: more than are decoded at once."""
    (tmp_path / "corpus").mkdir()
    return [
        write(tmp_path / "corpus" / f"{number:02}.wav", SECOND[: 1_000 + 50 * number] * (1 - number / 100))
        for number in range(70)
    ]


def test_clips_are_memory_mapped_in_the_order_of_their_paths(corpus: list[Path]) -> None:
    clips = audio.load_clips(corpus[::-1], sample_rate=8_000, duration=0.2, offset=0.01)
    expected = [audio.load(path, sample_rate=8_000, duration=0.2, offset=0.01) for path in corpus[::-1]]
    assert isinstance(clips, np.memmap)
    assert clips.dtype == np.float32 and np.array_equal(clips, expected)


def test_moved_files_are_not_decoded_again(corpus: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = audio.load_clips(corpus, sample_rate=RATE, duration=0.1)
    shutil.move(tmp_path / "corpus", tmp_path / "elsewhere")
    monkeypatch.setattr(soundfile, "SoundFile", None)
    moved = [tmp_path / "elsewhere" / path.name for path in corpus]
    assert np.array_equal(audio.load_clips(moved, sample_rate=RATE, duration=0.1), first)


def test_changed_files_and_changed_parameters_are_decoded_again(corpus: list[Path]) -> None:
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
    assert "7 of 70" in message and "2 more" in message
    assert [path.name in message for path in corpus[::10]] == [True] * 5 + [False] * 2
    assert not list(own_cache.iterdir())


def test_an_empty_list_of_clips_is_refused() -> None:
    with pytest.raises(InputError):
        audio.load_clips([], sample_rate=RATE, duration=1.0)
