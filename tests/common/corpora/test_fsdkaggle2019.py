import os
import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from common.corpora import CORPORA, DEMO_MARKER, demo, demo_fsdkaggle2019, fsdkaggle2019, scan
from common.corpora.base import Refusal
from common.corpora.fsdkaggle2019 import FAULTS, META, NO_TABLE, NOT_IN_TABLE, PLACES, SETS, TABLES, TAGS, rows, tagged
from common.errors import InputError

PUBLISHED = Path(__file__).parents[3] / "reports" / "published" / "freesound_tagging.toml"
CURATED = "FSDKaggle2019.audio_train_curated"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The demo counterpart: 16 curated and 8 test clips."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    return demo.write(folder, clips_per_class=2, corpora=["fsdkaggle2019"]) / demo_fsdkaggle2019.FOLDER


@pytest.fixture
def corpus(made, tmp_path):
    """A copy of the demo counterpart, which tests may damage."""
    (tmp_path / DEMO_MARKER).touch()
    return shutil.copytree(made, tmp_path / "fsd")


def table(folder, of_set="train_curated"):
    return folder / META / TABLES[0].format(of_set)


def as_real(folder, monkeypatch):
    """Let the demo counterpart pass for a complete corpus of its size."""
    monkeypatch.setattr(fsdkaggle2019, "SETS", {"train_curated": 16, "train_noisy": 5, "test": 8})
    for marker in folder.parent.rglob(DEMO_MARKER):
        marker.unlink()


def test_the_tags_are_those_of_the_report():
    assert list(TAGS) == tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))["data"]["classes"]
    assert len(set(TAGS)) == 80
    assert list(TAGS) == sorted(TAGS)


def test_the_known_bad_clips_are_six_curated_ones():
    assert len(FAULTS) == 6
    assert all(name.startswith("train_curated/") and fsdkaggle2019.NAME.fullmatch(name[14:]) for name in FAULTS)


def test_the_corpus_has_the_published_sizes():
    assert CORPORA["fsdkaggle2019"].clips == 29_266
    assert SETS["train_curated"] == tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))["data"]["clips"]


# Sets.


def test_clips_have_their_set_and_all_of_both_sets_are_found(made):
    (found,) = scan([made]).found
    assert (found.clips, found.missing, found.unlisted) == (24, 0, 0)
    assert found.counts == {"train_curated": 16, "test": 8}


def test_a_set_without_any_clip_is_not_missing(corpus, monkeypatch):
    as_real(corpus, monkeypatch)
    shutil.rmtree(corpus / "FSDKaggle2019.audio_test")
    (found,) = scan([corpus]).found
    assert (found.clips, found.missing, found.complete) == (16, 0, True)
    assert (list(found.counts), found.expected) == (["train_curated"], {"train_curated": 4970})


def test_what_is_missing_of_a_set_that_is_there_is_named(corpus):
    first, second = sorted((corpus / CURATED).glob("*.wav"))[:2]
    first.unlink()
    (found,) = scan([corpus / CURATED]).found
    assert found.missing_clips == [f"train_curated/{first.stem}"]
    assert (found.clips, found.expected) == (15, {"train_curated": 4970})
    # Of two sets in two places, each with its table, both are compared.
    second.unlink()
    elsewhere = corpus.parent / "elsewhere"
    for name in ("FSDKaggle2019.audio_test", f"{META}/{TABLES[0].format('test')}"):
        os.renames(corpus / name, elsewhere / name)
    next((elsewhere / "FSDKaggle2019.audio_test").glob("*.wav")).unlink()
    (found,) = scan([corpus, elsewhere]).found
    assert (found.clips, found.missing) == (14 + 7, 3)


# Layouts.


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("above", [".", "a", "a/b"])
def test_the_table_is_found_beside_the_folders_or_above_them(corpus, above, place, name):
    (corpus / CURATED).rename(corpus / "clips")
    os.renames(corpus / "clips", corpus / above / CURATED)
    os.renames(table(corpus), corpus / place / name.format("train_curated"))
    assert len(scan([corpus / above / CURATED]).manifest) == 16


def test_the_folders_of_kaggle_are_read_as_those_of_zenodo(corpus):
    before = tagged(scan([corpus]).manifest).drop(columns="path")
    for of_set in ("train_curated", "test"):
        (corpus / f"FSDKaggle2019.audio_{of_set}").rename(corpus / of_set)
        table(corpus, of_set).rename(corpus / f"{of_set}.csv")
    scanned = scan([corpus])
    pd.testing.assert_frame_equal(tagged(scanned.manifest).drop(columns="path"), before)
    assert "Kaggle" in scanned.found[0].layout


def test_clips_of_kaggle_without_a_table_are_left_out_with_what_to_do(corpus):
    (corpus / "FSDKaggle2019.audio_test").rename(corpus / "test")
    table(corpus, "test").unlink()
    (found,) = scan([corpus]).found
    assert found.clips == 16
    assert [omission.reason for omission in found.omissions] == [NO_TABLE] * 8
    table(corpus).unlink()
    with pytest.raises(InputError, match=META):
        scan([corpus / CURATED])


def test_a_folder_called_test_is_of_this_corpus_only_near_one_of_its_tables(tmp_path):
    clip = tmp_path / "test" / "0006ae4e.wav"
    assert fsdkaggle2019.recognise(clip) is None
    assert fsdkaggle2019.recognise(tmp_path / "train_curated" / clip.name) == Refusal(NO_TABLE)
    (tmp_path / "train_curated.csv").touch()
    assert fsdkaggle2019.recognise(clip) == Refusal(NO_TABLE)


def test_a_clip_that_its_table_lacks_is_left_out(corpus):
    shutil.copy(next((corpus / CURATED).glob("*.wav")), corpus / CURATED / "00000000.wav")
    (found,) = scan([corpus]).found
    assert (found.clips, [omission.reason for omission in found.omissions]) == (24, [NOT_IN_TABLE])


# Tags.


def test_clips_get_the_tags_the_source_and_the_set_of_their_row(corpus):
    manifest = scan([corpus]).manifest
    found = tagged(manifest).set_index("name")
    assert "set" not in manifest
    for of_set in ("train_curated", "test"):
        for row in pd.read_csv(table(corpus, of_set), dtype=str).itertuples():
            clip = found.loc[f"{of_set}/{row.fname.removesuffix('.wav')}"]
            assert clip[["label", "set", "group"]].tolist() == [row.labels, of_set, row.freesound_id]


@pytest.mark.parametrize(
    ("columns", "groups"),
    [
        ({"license": "CC0"}, {""}),
        ({"flickr_video_URL": "flickr.com/1"}, {"flickr.com/1"}),
        ({"freesound_id": "7", "license": "CC0"}, {"7"}),
        ({"freesound_id": "7", "username": "ann"}, {"ann"}),
    ],
)
def test_the_group_is_the_uploader_or_else_the_source_recording(corpus, columns, groups):
    frame = pd.read_csv(table(corpus)).drop(columns="freesound_id").assign(**columns)
    frame.to_csv(table(corpus), index=False, encoding="utf-8-sig")
    manifest = scan([corpus / CURATED]).manifest
    assert set(manifest["group"]) == set(tagged(manifest)["group"]) == groups


def test_rows_of_other_corpora_stay_as_they_are(corpus, make_clips):
    both = scan([corpus, make_clips(["DC/a01.wav"])]).manifest
    found = tagged(both)
    of_speech = found[found["corpus"] == "savee"]
    assert list(of_speech["set"]) == [""]
    pd.testing.assert_frame_equal(of_speech.drop(columns="set"), both[both["corpus"] == "savee"])


def test_a_table_that_was_replaced_is_read_again(corpus):
    manifest = scan([corpus / CURATED]).manifest
    frame = pd.read_csv(table(corpus)).assign(labels="Gong")
    frame.to_csv(table(corpus), index=False)
    assert set(tagged(manifest)["label"]) == {"Gong"}
    table(corpus).unlink()
    with pytest.raises(InputError, match=META):
        tagged(manifest)


DAMAGED_TABLES = {
    "header": (lambda text: text.replace("labels", "label", 1), "no column 'labels'"),
    "nothing": (lambda text: "", "no column 'fname'"),
    "unknown tag": (lambda text: text.replace("Bark", "Barking", 1), "line 2: 'Barking'"),
    "no tag": (lambda text: text.replace("Bark", "", 1), "line 2: ''"),
    "no clip": (lambda text: text.replace(".wav", ".mp3", 1), "line 2: .*mp3"),
    "unquoted": (lambda text: text.replace("Bark", "Bark,Meow", 1), "line 2: 4 values"),
    "twice": (lambda text: text + text.splitlines()[1] + "\n", "line 18: .*already"),
}


@pytest.mark.parametrize(("damage", "says"), DAMAGED_TABLES.values(), ids=DAMAGED_TABLES)
def test_a_damaged_table_is_refused_with_its_line(corpus, damage, says):
    manifest = scan([corpus]).manifest
    table(corpus).write_text(damage(table(corpus).read_text(encoding="utf-8")), encoding="utf-8")
    for read in (lambda: tagged(manifest), lambda: scan([corpus])):
        with pytest.raises(InputError, match=f"{table(corpus).name}.*{says}"):
            read()


def test_a_table_of_another_size_than_the_published_one_is_refused(corpus, monkeypatch):
    as_real(corpus, monkeypatch)
    assert len(rows(table(corpus))) == 16
    lines = table(corpus).read_text(encoding="utf-8").splitlines(keepends=True)
    table(corpus).write_text("".join(lines[:-1]), encoding="utf-8")
    with pytest.raises(InputError, match="15 clips instead of 16"):
        scan([corpus])
