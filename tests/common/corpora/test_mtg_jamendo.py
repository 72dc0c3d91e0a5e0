import csv
import os
import shutil
from collections import Counter
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pytest

from common.corpora import CORPORA, DEMO_MARKER, demo, demo_jamendo, mtg_jamendo, scan
from common.corpora.base import Clip, Refusal
from common.corpora.mtg_jamendo import NO_MEL, NO_SPLIT, NOT_IN_SPLIT, PLACES, TAGS, TRACKS, mel, tagged, tracks
from common.corpora.scanning import AUDIO_OF_ARRAY
from common.errors import InputError

COUNTS = Path(__file__).parents[3] / "reports" / "published" / "mtg_jamendo_tags.csv"


@pytest.fixture(scope="module")
def published():
    """The folder with the tables of the real corpus; skips where it is absent."""
    folder = Path(__file__).parents[4] / "shared" / "data" / "mtg_jamendo" / "data"
    if not folder.is_dir():
        pytest.skip("the tables of the real corpus are not here")
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The demo counterpart: twelve tracks, two or more for each of six tags."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    return demo.write(folder, clips_per_class=2, corpora=["mtg_jamendo"]) / demo_jamendo.FOLDER


@pytest.fixture
def corpus(made, tmp_path):
    """A copy of the demo counterpart without its audio, which tests may damage."""
    (tmp_path / DEMO_MARKER).touch()
    return shutil.copytree(made, tmp_path / "tracks", ignore=shutil.ignore_patterns("audio"))


def write_mel(path, frames=100, **others):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.full((96, frames), -100, np.float32), **others)


def table(folder, of_set="train"):
    return folder / PLACES[0] / f"autotagging_moodtheme-{of_set}.tsv"


def rows(table):
    return [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()[1:]]


# The real tables.


def test_the_split_has_the_published_counts(published):
    found = tracks(published / "splits" / "split-0").values()
    assert Counter(track.set for track in found) == TRACKS == {"train": 9949, "validation": 3802, "test": 4231}
    assert CORPORA["mtg_jamendo"].clips == len(found) == 17_982
    train = [track.tags for track in found if track.set == "train"]
    assert (sum(map(len, train)), max(map(len, train)), sum("happy" in tags for tags in train)) == (17_885, 8, 927)
    assert len(TAGS) == 56
    assert tuple(sorted({tag for track in found for tag in track.tags})) == TAGS
    artists = [{track.artist for track in found if track.set == of_set} for of_set in TRACKS]
    assert len(set.union(*artists)) == sum(map(len, artists))


def test_the_split_has_the_counts_of_the_report(published):
    found = tracks(published / "splits" / "split-0").values()
    with COUNTS.open(encoding="utf-8") as file:
        counts = {(row["what"], row["value"]): row for row in csv.DictReader(file)}
    for of_set in TRACKS:
        here = [track.tags for track in found if track.set == of_set]
        of_tags = Counter(tag for tags in here for tag in tags)
        assert {tag: int(counts["tag", tag][of_set]) for tag in TAGS} == of_tags
        sizes = {int(value): int(row[of_set]) for (what, value), row in counts.items() if what == "tags of a track"}
        assert {size: count for size, count in sizes.items() if count} == Counter(map(len, here))


def test_a_track_is_named_by_its_id_and_the_last_two_digits_of_it(published):
    for of_set in TRACKS:
        for track_id, _, _, path, *_ in rows(published / "splits" / "split-0" / f"autotagging_moodtheme-{of_set}.tsv"):
            number = int(track_id.removeprefix("track_"))
            assert path == f"{number % 100:02d}/{number}.mp3"


def test_what_is_missing_of_the_corpus_is_counted_and_named(published, tmp_path):
    (tmp_path / "data").symlink_to(published)
    here = ["48/948", "50/950"]
    for name in here:
        write_mel(tmp_path / "mels" / f"{name}.npy")
    scanned = scan([tmp_path / "mels"])
    (found,) = scanned.found
    assert list(scanned.manifest["name"]) == here
    assert (found.missing, found.unlisted, found.complete) == (17_980, 0, False)
    assert set(found.missing_clips) == set(tracks(published / "splits" / "split-0")) - set(here)
    assert found.counts == {"train": 2, "validation": 0, "test": 0}
    assert found.expected == TRACKS
    assert found.missing_clips[0] in found.summary()


def test_tracks_of_the_corpus_outside_the_split_are_left_out(published, tmp_path):
    (tmp_path / "data").symlink_to(published)
    known = tracks(published / "splits" / "split-0")
    others = {row[3].removesuffix(".mp3") for row in rows(published / "autotagging_moodtheme.tsv")} - set(known)
    assert len(others) == 504
    for name in ("48/948", *sorted(others)[:3]):
        write_mel(tmp_path / f"{name}.npy")
    (found,) = scan([tmp_path]).found
    assert found.clips == 1
    assert Counter(omission.reason for omission in found.omissions) == {NOT_IN_SPLIT: 3}


# Scans.


def test_the_demo_counterpart_is_read_as_the_corpus_is_and_features_come_before_audio(made):
    scanned = scan([made])
    (found,) = scanned.found
    assert (found.clips, found.missing, found.form) == (12, 0, "synthesised")
    assert {Path(path).suffix for path in scanned.manifest["path"]} == {".npy"}
    assert Counter(omission.reason for omission in found.omissions) == {AUDIO_OF_ARRAY: 12}
    audio = scan([made / "audio"])
    assert list(audio.manifest["name"]) == list(scanned.manifest["name"])
    assert audio.left_out == []
    # A spectrogram ends with a frame that begins at the end of the audio or before.
    ahead = scanned.manifest["duration"] - audio.manifest["duration"]
    assert ahead.between(0, 256 / 12_000).all()


def test_of_a_track_with_a_damaged_spectrogram_the_audio_is_used(made, corpus):
    shutil.copytree(made / "audio", corpus / "audio")
    first = sorted((corpus / "melspecs").rglob("*.npy"))[0]
    first.write_bytes(b"")
    scanned = scan([corpus])
    assert sum(path.endswith(".flac") for path in scanned.manifest["path"]) == 1
    assert f"{first}: an empty file" in scanned.left_out


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("above", [".", "a", "a/b"])
def test_the_split_is_found_beside_the_numbered_folders_or_above_them(corpus, above, place):
    (corpus / above).mkdir(parents=True, exist_ok=True)
    moved = shutil.move(corpus / "melspecs", corpus / above / "m")
    for folder in moved.iterdir():
        shutil.move(folder, moved.parent / folder.name)
    os.renames(corpus / PLACES[0], corpus / place)
    assert len(scan([corpus / above]).manifest) == 12


@pytest.mark.parametrize(
    ("suffix", "layout"),
    [(".mp3", "audio"), (".low.mp3", "audio"), (".flac", "audio"), (".npy", "mel spectrograms")],
)
def test_a_track_may_have_any_suffix(made, suffix, layout):
    name = demo_jamendo.name(0)
    said = mtg_jamendo.recognise(made / "audio" / f"{name}{suffix}")
    assert said == Clip(name, "train", "", f"{layout} in numbered folders", group=name)


@pytest.mark.parametrize(
    "name",
    [
        "02/1001.mp3",
        "01/01001.mp3",
        "1/1001.mp3",
        "001/1001.mp3",
        "01/a1001.mp3",
        "01/1001.x.mp3",
        "x/1001.npy",
        "1.mp3",
    ],
)
def test_another_name_is_no_track(made, name):
    assert mtg_jamendo.recognise(made / name) is None


def test_a_numbered_file_is_a_track_only_with_the_split_or_below_a_folder_of_that_name():
    assert mtg_jamendo.recognise(Path("/music/48/948.mp3")) is None
    assert mtg_jamendo.recognise(Path("/music/MTG-Jamendo/48/948.mp3")) == Refusal(NO_SPLIT)
    others = [corpus for corpus in CORPORA.values() if corpus.name != "mtg_jamendo"]
    assert not any(corpus.recognise(Path("48/948.mp3")) for corpus in others)


def test_without_the_split_tracks_are_left_out_with_what_to_do(make_clips, tmp_path):
    folder = make_clips(["DC/a01.wav"])
    write_mel(folder / "jamendo" / "48" / "948.npy")
    scanned = scan([folder])
    assert list(scanned.manifest["corpus"]) == ["savee"]
    assert any("948.npy" in entry and NO_SPLIT in entry for entry in scanned.left_out)
    with pytest.raises(InputError, match=r"1 x .*copy data/splits/split-0"):
        scan([folder / "jamendo"])


def test_other_arrays_are_ignored(make_clips, tmp_path):
    folder = make_clips(["Actor_01/03-01-01-01-01-01-01.wav"])
    for name in ("Actor_01/03-01-01-01-01-02-01.npy", "features.npy", "48/948.npy"):
        write_mel(folder / name)
    scanned = scan([folder])
    assert (len(scanned.manifest), scanned.left_out) == (1, [])
    write_mel(tmp_path / "arrays" / "Actor_01" / "03-01-01-01-01-02-01.npy")
    with pytest.raises(InputError, match="no audio"):
        scan([tmp_path / "arrays"])


# Spectrograms.

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
DAMAGED = {
    "empty": (lambda path: path.write_bytes(b""), "an empty file"),
    "git lfs": (lambda path: path.write_bytes(LFS), "git lfs pull"),
    "text": (lambda path: path.write_bytes(b"mel"), "not a NumPy array"),
    "cut off": (lambda path: os.truncate(path, path.stat().st_size - 4), "cut off"),
    "cut header": (lambda path: os.truncate(path, 50), "cut off"),
    "objects": (lambda path: np.save(path, np.array([None])), "not a NumPy array"),
    "80 bands": (lambda path: np.save(path, np.zeros((80, 50), np.float32)), NO_MEL),
    "turned": (lambda path: np.save(path, np.zeros((50, 96), np.float32)), NO_MEL),
    "no frames": (lambda path: np.save(path, np.zeros((96, 0), np.float32)), ""),
    "one number": (lambda path: np.save(path, np.float32(1)), NO_MEL),
    "a batch": (lambda path: np.save(path, np.zeros((1, 96, 50), np.float32)), NO_MEL),
    "whole numbers": (lambda path: np.save(path, np.zeros((96, 50), np.int16)), NO_MEL),
}


@pytest.mark.parametrize(("damage", "reason"), DAMAGED.values(), ids=DAMAGED)
def test_another_array_is_left_out_with_the_reason_and_refused_as_a_spectrogram(corpus, damage, reason):
    path = sorted(corpus.rglob("*.npy"))[0]
    damage(path)
    (found,) = scan([corpus]).found
    assert (found.clips, found.missing) == (11, 1)
    (omission,) = found.omissions
    assert omission.path == path
    assert reason in omission.reason
    with pytest.raises(InputError, match=str(path)):
        mel(path)


def test_an_absent_spectrogram_is_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        mel(tmp_path / "948.npy")


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f2", "<f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_spectrogram_is_mapped_in_any_order_and_precision(tmp_path, kind, order):
    values = np.asarray(np.arange(96 * 5).reshape(96, 5), dtype=kind, order=order)
    np.save(tmp_path / "x.npy", values)
    found = mel(tmp_path / "x.npy")
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, values)
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0] = 1


def test_the_duration_comes_from_the_header_alone(tmp_path):
    path = tmp_path / "948.npy"
    frames = 10_000_000
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (96, frames)})
        file.truncate(file.tell() + 4 * 96 * frames)  # a sparse file: it has a size of 3.6 GiB, but no blocks
    assert mtg_jamendo.duration_or_reason(path) == frames * 256 / 12_000


def test_a_computed_spectrogram_is_twice_that_of_librosa_in_decibels():
    waveform = np.random.default_rng(0).normal(0, 0.1, 30_000).astype(np.float32)
    waveform[10_000:20_000] = 0
    power = librosa.feature.melspectrogram(y=waveform, sr=12_000, n_fft=512, hop_length=256, n_mels=96)
    found = mtg_jamendo.mel_of(waveform)
    assert (found.shape, found.dtype, found.min()) == ((96, 1 + 30_000 // 256), np.float32, -200)
    np.testing.assert_allclose(found, 2 * librosa.power_to_db(power, top_db=None), atol=0.01)


# Tags.


def test_tracks_get_the_tags_artist_and_set_of_their_row(corpus):
    found = tagged(scan([corpus]).manifest).set_index("name")
    assert len(found) == 12
    for of_set in TRACKS:
        for _, artist, _, path, _, *tags in rows(table(corpus, of_set)):
            track = found.loc[path.removesuffix(".mp3")]
            assert (track["set"], track["group"]) == (of_set, artist)
            assert ["mood/theme---" + tag for tag in track["label"].split(",")] == tags
    assert found.groupby("group")["set"].nunique().eq(1).all()
    assert set(found["set"]) == set(TRACKS)


def test_rows_of_other_corpora_stay_as_they_are(corpus, make_clips):
    speech = make_clips(["DC/a01.wav", "KL/su15.wav"])
    both = scan([corpus, speech]).manifest
    found = tagged(both)
    of_speech = found[found["corpus"] == "savee"]
    assert list(of_speech["set"]) == ["", ""]
    pd.testing.assert_frame_equal(of_speech.drop(columns="set"), both[both["corpus"] == "savee"])
    assert "set" not in both
    assert list(tagged(scan([speech]).manifest)["set"]) == ["", ""]


DAMAGED_TABLES = {
    "header": (lambda text: text.replace("ARTIST_ID", "ARTIST", 1), "its header is not"),
    "nothing": (lambda text: "", "its header is not"),
    "unknown tag": (
        lambda text: text.replace("mood/theme---", "mood/theme---very", 1),
        "line 2: .*none of the 56 tags",
    ),
    "no category": (lambda text: text.replace("mood/theme---", "", 1), "line 2: .*none of the 56 tags"),
    "other id": (lambda text: text.replace("track_", "track_9", 1), "line 2: .*not the same track"),
    "other folder": (lambda text: text.replace("/1001.", "/1002.", 1), "line 2: .*not the same track"),
    "no tag": (lambda text: text.partition("mood/theme---")[0].rstrip("\t"), "line 2: 5 values"),
    "twice": (lambda text: text + text.splitlines()[1], "line 8: track 01/1001 is already in the set train"),
}


@pytest.mark.parametrize(("damage", "says"), DAMAGED_TABLES.values(), ids=DAMAGED_TABLES)
def test_a_damaged_table_is_refused_with_its_line(corpus, damage, says):
    manifest = scan([corpus]).manifest
    text = table(corpus).read_text(encoding="utf-8")
    table(corpus).write_text(damage(text), encoding="utf-8")
    for read in (lambda: tagged(manifest), lambda: scan([corpus])):
        with pytest.raises(InputError, match=says):
            read()
    table(corpus).write_text(text, encoding="utf-8")
    assert len(tagged(scan([corpus]).manifest)) == 12  # a file that was replaced is read again


def test_a_track_in_two_sets_is_refused(corpus):
    line = table(corpus).read_text(encoding="utf-8").splitlines()[1]
    with table(corpus, "test").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=r"test\.tsv, line \d+: track 01/1001 is already in the set train"):
        scan([corpus])


@pytest.mark.parametrize("of_set", TRACKS)
def test_missing_tables_are_reported_with_their_address(corpus, of_set):
    manifest = scan([corpus]).manifest
    table(corpus, of_set).unlink()
    with pytest.raises(InputError, match="mtg-jamendo-dataset"):
        tagged(manifest)


def test_a_table_that_is_not_text_or_lacks_rows_is_refused(corpus):
    for marker in corpus.parent.rglob(DEMO_MARKER):
        marker.unlink()
    with pytest.raises(InputError, match="6 tracks instead of 9,949"):
        scan([corpus])
    table(corpus).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        scan([corpus])


def test_a_track_that_is_in_no_table_is_refused(corpus):
    manifest = scan([corpus]).manifest
    manifest["path"] = manifest["path"].replace(manifest["path"].iloc[0], str(corpus / "melspecs" / "99" / "99.npy"))
    with pytest.raises(InputError, match=NOT_IN_SPLIT):
        tagged(manifest)
