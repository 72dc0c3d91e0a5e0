import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from common.corpora import MANIFEST_COLUMNS, scan
from common.corpora.checksums import originals
from common.corpora.scanning import LEAVE_OUT, LISTED, NO_PATTERN, SECOND_COPY
from common.errors import InputError

RAVDESS = ["Actor_01/03-01-01-01-01-01-01.wav", "Actor_02/03-01-05-02-01-01-02.wav"]
SAVEE = ["DC/a01.wav", "KL/su15.wav"]
TESS = ["OAF_Fear/OAF_back_fear.wav", "YAF_pleasant_surprised/YAF_back_ps.wav"]
CREMA_D = ["AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1091_IEO_SAD_HI.wav"]


def names(result):
    return list(result.manifest["name"])


def test_the_real_ravdess_is_complete_and_recognised_as_re_encoded(shared_data):
    result = scan([shared_data / "ravdess"])
    found = result.found[0]
    assert (found.clips, found.missing, found.unlisted, found.speakers, found.left_out) == (1440, 0, 0, 24, [])
    assert found.counts == found.expected
    assert (found.form, found.layout, found.demo) == ("re-encoded", "Actor_NN folders", False)
    assert result.manifest["duration"].between(2.5, 6).all()


def test_the_manifest_has_a_sorted_row_per_clip(make_clips):
    manifest = scan([make_clips([*RAVDESS, *SAVEE])]).manifest
    assert tuple(manifest.columns) == MANIFEST_COLUMNS
    assert list(manifest["corpus"]) == ["ravdess", "ravdess", "savee", "savee"]
    assert list(manifest["speaker"]) == ["ravdess-01", "ravdess-02", "savee-DC", "savee-KL"] == list(manifest["group"])
    assert list(manifest["label"]) == ["neutral", "angry", "angry", "surprise"]
    assert manifest["duration"].eq(0.05).all()


@pytest.mark.parametrize(
    ("files", "layout"),
    [
        (RAVDESS, "Actor_NN folders"),
        ([name.split("/")[1] for name in RAVDESS], "flat, without Actor_NN folders"),
        ([f"audio_speech_actors_01-24/{name}" for name in RAVDESS], "Actor_NN folders"),
        ([f"X/X/{name}" for name in RAVDESS], "Actor_NN folders, in a doubled folder"),
        ([name.replace(".wav", ".FLAC") for name in RAVDESS], "Actor_NN folders"),
        ([name.replace(".wav", ".ogg") for name in RAVDESS], "Actor_NN folders"),
        ([name.replace(".wav", ".mp3") for name in RAVDESS], "Actor_NN folders"),
        (SAVEE, "speaker folders (DC/a01)"),
        ([f"AudioData/{name}" for name in SAVEE], "speaker folders (DC/a01)"),
        ([f"ALL/{name.replace('/', '_')}" for name in SAVEE], "one folder, speaker in the name (DC_a01)"),
        (TESS, "folders per speaker and emotion"),
        ([name.split("/")[1] for name in TESS], "one folder for all"),
        (CREMA_D, "AudioWAV folder"),
        ([name.split("/")[1] for name in CREMA_D], "flat, without the AudioWAV folder"),
    ],
)
def test_each_layout_is_recognised_and_gives_the_same_canonical_names(make_clips, files, layout):
    result = scan([make_clips(files)])
    assert names(result) in [[name.removesuffix(".wav") for name in whole] for whole in (RAVDESS, SAVEE, TESS, CREMA_D)]
    assert result.found[0].layout == layout
    assert result.left_out == []


def test_a_single_speaker_folder_of_savee_is_read(make_clips):
    folder = make_clips(["DC/a01.wav", "DC/sa02.wav"]) / "DC"
    assert names(scan([folder])) == ["DC/a01", "DC/sa02"]


def test_two_namings_in_one_corpus_are_counted(make_clips):
    layout = scan([make_clips(["DC/a01.wav", "DC/a02.wav", "JE_a01.wav"])]).found[0].layout
    assert layout == "speaker folders (DC/a01): 2; one folder, speaker in the name (DC_a01): 1"


def test_a_clip_found_twice_counts_once_and_the_copy_in_fewer_folders_is_kept(make_clips):
    folder = make_clips([*RAVDESS, *(f"audio_speech_actors_01-24/{name}" for name in RAVDESS)])
    result = scan([folder])
    assert list(result.manifest["path"]) == [str(folder / name) for name in RAVDESS]
    assert {omission.reason for omission in result.found[0].omissions} == {SECOND_COPY}
    assert len(result.found[0].omissions) == 2


def test_of_two_copies_the_readable_one_is_kept(make_clips):
    folder = make_clips([RAVDESS[0], f"deeper/{RAVDESS[0]}"])
    (folder / RAVDESS[0]).write_bytes(b"RIFF damaged")
    result = scan([folder])
    assert list(result.manifest["path"]) == [str(folder / "deeper" / RAVDESS[0])]
    assert [omission.path for omission in result.found[0].omissions] == [folder / RAVDESS[0]]


def test_of_two_copies_the_original_is_kept(make_clips):
    folder = make_clips([f"deeper/{RAVDESS[0]}", RAVDESS[0].replace(".wav", ".flac")])
    size = originals("ravdess")["Actor_01/03-01-01-01-01-01-01"].bytes
    with (folder / "deeper" / RAVDESS[0]).open("ab") as file:
        file.truncate(size)
    result = scan([folder])
    assert list(result.manifest["path"]) == [str(folder / "deeper" / RAVDESS[0])]
    assert result.found[0].form == "original"


def test_overlapping_folders_give_each_file_once(make_clips):
    folder = make_clips(RAVDESS)
    result = scan([folder, folder / "Actor_01"])
    assert names(result) == names(scan([folder]))
    assert result.left_out == []


def test_the_manifest_does_not_depend_on_the_order_of_the_folders(make_clips, tmp_path):
    one, other = make_clips(RAVDESS, tmp_path / "one"), make_clips(CREMA_D, tmp_path / "other")
    assert scan([one, other]).manifest.equals(scan([other, one]).manifest)


def test_missing_clips_are_counted_and_named(make_clips):
    found = scan([make_clips(SAVEE)]).found[0]
    assert (found.clips, found.missing, found.complete) == (2, 478, False)
    assert "DC/a02" in found.summary()
    assert len(found.facts()["missing_clips"]) == 478


def test_a_name_that_fits_no_corpus_is_left_out_and_not_labelled(make_clips):
    result = scan([make_clips([*SAVEE, "DC/zz99.wav", "elsewhere/a01.wav"])])
    assert names(result) == ["DC/a01", "KL/su15"]
    assert [omission.reason for omission in result.found[0].omissions] == [NO_PATTERN] * 2


def test_a_file_outside_the_folders_of_all_corpora_is_listed(make_clips):
    result = scan([make_clips([*(f"r/{name}" for name in RAVDESS), *(f"s/{name}" for name in SAVEE), "misc/x.wav"])])
    assert [path.name for path in (entry.path for entry in result.omissions)] == ["x.wav"]


@pytest.mark.parametrize("name", ["Actor_01/03-02-01-01-01-01-01.wav", "Actor_01/01-01-01-01-01-01-01.mp4"])
def test_song_and_video_are_left_out_with_the_reason(make_clips, name):
    folder = make_clips(RAVDESS)
    (folder / name).write_bytes(b"not looked into")
    (entry,) = scan([folder]).found[0].left_out
    assert "song" in entry or "video" in entry


def cut_off(path):
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 432_000), 48_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
DAMAGED = {
    "empty": (".wav", lambda path: path.write_bytes(b""), "empty"),
    "no audio": (".wav", lambda path: path.write_bytes(b"RIFF\x00\x00 this is no audio"), "not readable"),
    "no sample": (".wav", lambda path: soundfile.write(path, np.zeros(0), 16_000), ""),
    "no frame": (".mp3", lambda path: path.write_bytes(bytes(range(256)) * 40), "damaged"),
    "cut wav": (".wav", cut_off, ""),
    "cut ogg": (".ogg", cut_off, ""),
    "git lfs": (".wav", lambda path: path.write_bytes(LFS), "git lfs pull"),
    "git annex": (".wav", lambda path: path.symlink_to("../.git/annex/objects/a1/x.wav"), "git annex get"),
    "broken link": (".wav", lambda path: path.symlink_to("gone/x.wav"), ""),
    "link to itself": (".wav", lambda path: path.symlink_to(path.name), ""),
    "named pipe": (".wav", os.mkfifo, ""),
}


@pytest.mark.parametrize(("suffix", "damage", "reason"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_left_out_with_the_reason(make_clips, suffix, damage, reason):
    folder = make_clips(RAVDESS)
    (folder / RAVDESS[1]).unlink()
    damaged = (folder / RAVDESS[1]).with_suffix(suffix)
    damage(damaged)
    result = scan([folder])
    assert names(result) == ["Actor_01/03-01-01-01-01-01-01"]
    assert result.found[0].missing == 1439
    (omission,) = result.found[0].omissions
    assert omission.path == damaged
    assert reason in omission.reason
    assert ("git annex" in omission.reason) == ("git annex" in reason)


def test_hidden_and_macos_companion_files_are_ignored(make_clips):
    folder = make_clips(RAVDESS)
    for name in (".hidden/03-01-01-01-01-02-01.wav", "__MACOSX/03-01-01-01-01-02-01.wav", "Actor_01/._x.wav"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / RAVDESS[0], folder / name)
    result = scan([folder])
    assert len(result.manifest) == 2
    assert result.left_out == []


def test_a_link_to_a_parent_folder_is_followed_once(make_clips):
    folder = make_clips(RAVDESS)
    (folder / "again").symlink_to(folder)
    assert len(scan([folder]).manifest) == 2


def test_a_clip_that_was_not_published_is_kept_and_counted(make_clips):
    found = scan([make_clips([*TESS, "OAF_Fear/OAF_encore_fear.wav"])]).found[0]
    assert (found.clips, found.unlisted, found.missing) == (3, 1, 2798)


@pytest.mark.parametrize("kind", ["absent", "empty", "file", "unknown", "renamed"])
def test_a_folder_without_usable_audio_is_refused_by_name(make_clips, tmp_path, kind):
    folder = tmp_path / kind
    if kind == "file":
        folder.write_text("corpus.zip")
    elif kind == "unknown":
        make_clips(["wav/recording.wav"], folder)
    elif kind == "renamed":
        make_clips(["Actor_01/one.wav", "Actor_02/two.wav"], folder)
    elif kind == "empty":
        folder.mkdir()
    with pytest.raises(InputError, match=kind):
        scan([folder])


@pytest.mark.parametrize("kind", ["empty", "git annex"])
def test_only_damaged_audio_is_refused_with_the_reason(make_clips, kind):
    folder = make_clips(RAVDESS[:1])
    (folder / RAVDESS[0]).unlink()
    _, damage, reason = DAMAGED[kind]
    damage(folder / RAVDESS[0])
    with pytest.raises(InputError, match=reason):
        scan([folder])


@settings(max_examples=15, deadline=None)
@given(chosen=st.sets(st.sampled_from(sorted(originals("savee"))), min_size=1, max_size=8), in_name=st.booleans())
def test_any_subset_of_savee_is_read_completely_in_either_naming(tmp_path_factory, chosen, in_name):
    folder = tmp_path_factory.mktemp("savee")
    for name in chosen:
        path = folder / f"{name.replace('/', '_') if in_name else name}.wav"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\2\0\0\0\1\0")
    result = scan([folder])
    assert names(result) == sorted(chosen)
    assert result.found[0].missing == 480 - len(chosen)


@pytest.mark.parametrize("suffix", [".aiff", ".aif", ".au", ".caf", ".w64", ".rf64", ".oga", ".AIFF"])
def test_every_format_that_libsndfile_reads_is_read(make_clips, suffix):
    written = {".aif": "AIFF", ".oga": "OGG"}.get(suffix.lower(), suffix[1:].upper())
    folder = make_clips(SAVEE)
    soundfile.write(folder / "DC" / f"a02{suffix}", np.full(800, 0.1), 16_000, format=written)
    assert names(scan([folder])) == ["DC/a01", "DC/a02", "KL/su15"]


@pytest.mark.parametrize("name", ["DC/a02.m4a", "elsewhere/x.wma", "DC/a02.mov", "elsewhere/interview.mp4"])
def test_a_format_that_is_not_read_is_named(make_clips, name):
    folder = make_clips(SAVEE)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"\0\0\0 ftypM4A ")
    result = scan([folder])
    assert [omission.path for omission in result.every_omission] == [folder / name]


def test_only_formats_that_are_not_read_are_refused_with_their_suffix(make_clips):
    folder = make_clips([])
    (folder / "x.m4a").write_bytes(b"\0\0\0 ftypM4A ")
    with pytest.raises(InputError, match="m4a"):
        scan([folder])


def test_a_folder_that_cannot_be_opened_is_named(make_clips, monkeypatch):
    folder = make_clips(SAVEE)
    opened = os.scandir

    def scandir(path):
        if str(path).endswith("KL"):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = scan([folder])
    assert names(result) == ["DC/a01"]
    assert [omission.path for omission in result.every_omission] == [folder / "KL"]


def flac_with_damage_in_the_middle(path):
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 64_000), 16_000)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 9_000] = bytes(9_000)
    path.write_bytes(content)


def loud(path):
    soundfile.write(path, np.full(800, 3e36), 16_000, subtype="FLOAT")


def not_finite(path):
    soundfile.write(path, np.full(800, np.nan), 16_000, subtype="FLOAT")


@pytest.mark.parametrize("damage", [flac_with_damage_in_the_middle, loud, not_finite])
def test_a_thorough_scan_finds_what_a_quick_one_does_not(make_clips, damage):
    folder = make_clips(RAVDESS)
    path = (folder / RAVDESS[1]).with_suffix(".flac" if "flac" in damage.__name__ else ".wav")
    (folder / RAVDESS[1]).unlink()
    damage(path)
    assert len(scan([folder]).manifest) == 2
    assert [omission.path for omission in scan([folder], thorough=True).every_omission] == [path]


@pytest.mark.parametrize("relative", [True, False])
def test_listed_files_are_left_out_with_and_without_a_table(make_clips, relative):
    folder = make_clips(["joy/1.wav", "joy/2.wav", "grief/3.wav"])
    (folder / LEAVE_OUT).write_text(f"# damaged\n{'joy/2.wav' if relative else folder / 'joy/2.wav'}\n")
    assert names(scan([folder])) == ["grief/3", "joy/1"]
    (folder / "labels.csv").write_text("path,label\njoy/1.wav,a\njoy/2.wav,b\n")
    result = scan([folder])
    assert names(result) == ["joy/1"]
    assert LISTED in [omission.reason for omission in result.every_omission]


def test_a_listed_file_that_is_not_there_is_refused(make_clips):
    folder = make_clips(SAVEE)
    (folder / LEAVE_OUT).write_text("DC/a99.wav\n")
    with pytest.raises(InputError, match=rf"{LEAVE_OUT}, line 1"):
        scan([folder])


@pytest.mark.parametrize(("rate", "channels"), [(999, 1), (1_000_001, 1), (16_000, 65)])
def test_a_rate_or_number_of_channels_that_no_recording_has_is_left_out(make_clips, rate, channels):
    folder = make_clips(SAVEE)
    soundfile.write(folder / SAVEE[1], np.full((800, channels), 0.1), rate)
    assert names(scan([folder])) == ["DC/a01"]


def test_pointers_and_damaged_mp3s_print_nothing_on_standard_error(make_clips, capfd):
    folder = make_clips(SAVEE)
    (folder / "DC" / "a02.mp3").write_bytes(LFS)
    (folder / "DC" / "a03.mp3").write_bytes(bytes(range(256)) * 40)
    assert len(scan([folder]).every_omission) == 2
    assert "Note:" not in capfd.readouterr().err


def test_a_file_whose_name_is_not_utf8_is_left_out_and_named(make_clips):
    folder = make_clips([f"{label}/{name}.wav" for label in ("happy", "sad") for name in "ab"])
    Path(os.fsdecode(os.fsencode(folder) + b"/happy/\xe9.wav")).write_bytes((folder / "happy" / "a.wav").read_bytes())
    scanned = scan([folder])
    assert len(scanned.manifest) == 4
    (left_out,) = scanned.every_omission
    assert "UTF-8" in left_out.reason
