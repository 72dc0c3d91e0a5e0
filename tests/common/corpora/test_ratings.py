"""Clips that are rated on scales: TAVA, and corpora of one's own."""

import numpy as np
import pytest

from common.corpora import demo, scan
from common.corpora.tava import TABLE, rated
from common.errors import InputError


@pytest.fixture(scope="module")
def tava(tmp_path_factory):
    """Return the demo counterpart of TAVA, one clip per affect."""
    return demo.write(tmp_path_factory.mktemp("demo") / "demo", clips_per_class=1, corpora=["tava"]) / "TAVA"


def test_tava_has_the_published_clips_speakers_and_ratings(shared_data):
    scanned = scan([shared_data / "tava"])
    (found,) = scanned.found
    assert (found.clips, found.speakers, found.missing, found.form) == (352, 22, 0, "unverified")
    ratings = rated(scanned.manifest)
    assert (ratings["valence"].min().round(2), ratings["valence"].max().round(2)) == (-0.84, 0.69)
    first = ratings.set_index("name").loc["recordings/s01_happy_audio"]
    assert (first["valence"], first["arousal"]) == (0.30254902, 0.190718954)


def test_the_demo_counterpart_is_read_as_the_corpus_is(tava):
    scanned = scan([tava])
    assert (scanned.demo, len(scanned.manifest)) == (True, 16)
    ratings = rated(scanned.manifest).set_index("label")["valence"]
    assert ratings["joyful"] > ratings["enraged"]
    assert (tava / TABLE).read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_manifest_without_tava_stays_as_it_is(make_clips):
    manifest = scan([make_clips(["DC/a01.wav"])]).manifest
    assert rated(manifest) is manifest


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda text: None, "no annotations/SummaryData.csv"),
        (lambda text: text.replace("meanValence", "valence"), "no column meanvalence"),
        (lambda text: text.replace("happy", "glad"), "no rating of speaker"),
        (lambda text: text.replace("speech,20,", "speech,20,x", 1), "line 2: a speaker or a rating is no number"),
        (lambda text: text.replace("speech,20,", "speech,20,nan", 1), "line 2"),
    ],
)
def test_a_damaged_table_of_tava_is_refused(tava, tmp_path, damage, says):
    manifest = scan([tava]).manifest
    text = damage((tava / TABLE).read_text(encoding="utf-8"))
    copy = tmp_path / TABLE
    copy.parent.mkdir()
    if text is not None:
        copy.write_text(text, encoding="utf-8")
    moved = manifest.assign(path=[str(tmp_path / "audio" / name) for name in manifest["name"]])
    with pytest.raises(InputError, match=says):
        rated(moved)


def test_own_clips_may_be_rated_without_labels(make_clips):
    folder = make_clips(["a.wav", "b.wav"])
    (folder / "clips.csv").write_text("path,valence,speaker\na.wav,1.5,x\nb.wav,-2,y\n")
    scanned = scan([folder])
    assert list(scanned.manifest["valence"]) == [1.5, -2]
    assert list(scanned.manifest["label"]) == ["", ""]
    assert "arousal" not in scanned.manifest
    assert scanned.found[0].counts == {}


def test_clips_of_a_corpus_without_ratings_have_none(make_clips, tmp_path):
    folder = make_clips(["mine/a.wav", "SAVEE/DC/a01.wav"])
    (folder / "mine" / "clips.csv").write_text("path,label,valence\na.wav,joy,1.5\n")
    valence = scan([folder / "mine", folder / "SAVEE"]).manifest.set_index("corpus")["valence"]
    assert valence["mine"] == 1.5
    assert np.isnan(valence["savee"])


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("path,speaker\na.wav,x\n", "neither label nor valence"),
        ("path,valence\nno.wav,1\n", "line 2: there is no file"),
        ("path,valence\na.wav,good\n", "line 2: valence is good, not a number"),
        ("path,valence\na.wav,\n", "line 2: valence is empty"),
        ("path,valence\na.wav,inf\n", "line 2: valence is inf"),
    ],
)
def test_a_table_of_ratings_with_an_error_is_refused_with_its_line(make_clips, table, says):
    folder = make_clips(["a.wav"])
    (folder / "clips.csv").write_text(table)
    with pytest.raises(InputError, match=says):
        scan([folder])
