from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora import DEMO_MARKER, demo_emotify, emotify, scan
from common.corpora.demo_emotify import _table
from common.errors import InputError
from common.tasks import Tagging

ORDERS = emotify.ORDERS


@pytest.fixture(scope="module")
def answers() -> list[str]:
    """The lines of a small table: every track has answers, two have amazement, 40 have a tie."""
    return _table(0).splitlines()


@pytest.fixture
def table(answers, tmp_path):
    """A function that writes `data.csv` with some of its lines replaced (by number, from 1), and returns its path."""

    (tmp_path / DEMO_MARKER).touch()

    def write(changed=None, encoding="utf-8"):
        lines = list(answers)
        for number, line in (changed or {}).items():
            lines[number - 1] = line
        path = tmp_path / "data.csv"
        path.write_text("\n".join(lines) + "\n", encoding=encoding)
        return path

    return write


@pytest.fixture(scope="module")
def real_table():
    """`data.csv` of the real corpus; skips where it is absent."""
    folder = Path(__file__).parents[4] / "shared" / "data" / "emotify"
    if not folder.is_dir():
        pytest.skip("the real audio beside the checkout is not here")
    return folder / "data.csv"


@pytest.fixture(scope="module")
def real(real_table):
    """The manifest and the votes of the real corpus; skips where it is absent."""
    manifest = scan([real_table.parent]).manifest
    return manifest, emotify.votes(emotify.annotations(manifest))


def emotions_of(votes: pd.DataFrame) -> pd.DataFrame:
    return votes[list(emotify.EMOTIONS)]


def tied(votes: pd.DataFrame) -> pd.Series:
    counts = emotions_of(votes)
    return counts.eq(counts.max(axis=1), axis=0).sum(axis=1) > 1


# The real corpus.


def test_the_real_corpus_has_the_counts_of_the_document_and_of_its_publication(real):
    manifest, votes = real
    assert len(manifest) == 400
    assert manifest["duration"].between(25, 61).all()
    assert (manifest["group"] == manifest["name"]).all()
    assert len(emotify.pieces(manifest)) == 1588
    assert votes["listeners"].sum() == 8407
    counts = emotions_of(votes)
    first = counts["amazement"] == counts.max(axis=1)
    assert (tied(votes).sum(), first.sum(), tied(votes)[first].all()) == (57, 3, True)


# The table.


def test_votes_count_listeners_and_choices_of_each_track(table):
    votes = emotify.votes(table())
    assert list(votes.index) == list(range(1, 401))
    assert list(votes.columns) == [*emotify.EMOTIONS, "listeners"]
    assert votes["listeners"].between(10, 16).all()
    assert (emotions_of(votes).max(axis=1) < votes["listeners"]).all()


def test_byte_order_marks_blanks_and_empty_lines_are_accepted(table, answers):
    plain = emotify.votes(table())
    spaced = table({2: answers[1].replace(",", " , ") + "\n\n"}, encoding="utf-8-sig")
    assert emotify.votes(spaced).equals(plain)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("1,classical,0,1", id="too few values"),
        pytest.param("1,classical,0,2,0,0,0,0,0,0,0,3,1,0,21,1,English", id="neither 0 nor 1"),
        pytest.param("1,classical,0,,0,0,0,0,0,0,0,3,1,0,21,1,English", id="an empty answer"),
        pytest.param("401,pop,0,1,0,0,0,0,0,0,0,3,1,0,21,1,English", id="no such track"),
        pytest.param("x,pop,0,1,0,0,0,0,0,0,0,3,1,0,21,1,English", id="not a number"),
        pytest.param("101,pop,0,1,0,0,0,0,0,0,0,3,1,0,21,1,English", id="another genre"),
        pytest.param('1,classical,0,"1,0,0,0,0,0,0,0,3,1,0,21,1,English', id="an open quote"),
    ],
)
def test_an_invalid_row_is_refused_with_its_line(table, line):
    with pytest.raises(InputError, match=r"data\.csv, lines? 3\b"):
        emotify.votes(table({3: line}))


def test_a_table_that_lacks_a_track_a_column_or_the_published_rows_is_refused(table, answers, tmp_path):
    of_rock_2 = {number: "" for number, line in enumerate(answers, 1) if line.startswith("102,")}
    with pytest.raises(InputError, match=r"rock/2"):
        emotify.votes(table(of_rock_2))
    with pytest.raises(InputError, match="tension"):
        emotify.votes(table({1: answers[0].replace(" tension", " stress")}))
    with pytest.raises(InputError, match=r"absent\.csv"):
        emotify.votes(tmp_path / "absent.csv")
    written = table()
    (tmp_path / DEMO_MARKER).unlink()
    with pytest.raises(InputError, match="8,407"):
        emotify.votes(written)


def test_missing_or_duplicated_rows_are_refused(real_table, tmp_path):
    lines = real_table.read_text(encoding="utf-8").splitlines()
    table = tmp_path / "data.csv"
    for changed, rows in ([*lines[:8], *lines[9:]], "8,406"), ([*lines, lines[8]], "8,408"):
        table.write_text("\n".join(changed), encoding="utf-8")
        with pytest.raises(InputError, match=rows):
            emotify.votes(table)


def test_changed_votes_are_refused_with_a_track(real_table, tmp_path):
    lines = real_table.read_text(encoding="utf-8").splitlines()
    other = lines[8].split(",")
    other[2:4] = other[3:1:-1] if other[2] != other[3] else [str(1 - int(value)) for value in other[2:4]]
    table = tmp_path / "data.csv"
    table.write_text("\n".join([*lines[:8], ",".join(other), *lines[9:]]), encoding="utf-8")
    with pytest.raises(InputError, match=r"1 of 400 tracks.*classical/1"):
        emotify.votes(table)


@pytest.mark.parametrize(("vote", "reason"), [("0", "nobody"), ("1", "tie")])
def test_a_table_in_which_all_votes_are_alike_is_refused_at_once(table, answers, vote, reason):
    alike = {
        number: ",".join([*line.split(",")[:2], *[vote] * len(emotify.EMOTIONS), *line.split(",")[11:]])
        for number, line in enumerate(answers[1:], 2)
    }
    with pytest.raises(InputError, match=reason):
        emotify.dominant(emotify.votes(table(alike)))


# Labels.


def test_ties_are_dropped_or_broken_by_the_seed_so_that_two_tracks_have_amazement(real):
    votes = real[1]
    assert set(emotify.dominant(votes, ties="dropped").index) == set(votes.index[~tied(votes)])
    draws = [emotify.dominant(votes, seed=seed) for seed in (0, 0, 1, 2, 3)]
    for labels in draws:
        most = emotions_of(votes).max(axis=1)
        assert all(votes.loc[track, emotion] == most[track] for track, emotion in labels.items())
        assert (labels == "amazement").sum() == 2
    assert draws[0].equals(draws[1])
    assert not draws[0].equals(draws[2])


def test_votes_that_cannot_give_amazement_two_tracks_are_refused(table):
    votes = emotify.votes(table())
    votes["amazement"] = 0
    with pytest.raises(InputError, match="amazement"):
        emotify.dominant(votes)


# Tags.


def test_each_real_track_has_the_emotions_that_a_quarter_of_its_listeners_chose(real):
    manifest, votes = real
    found = emotify.tagged(manifest)
    shares = emotions_of(votes).div(votes["listeners"], axis=0)
    for name, label in zip(found["name"], found["label"], strict=True):
        genre, number = name.split("/")
        of_track = shares.loc[emotify.track_id(genre, int(number))]
        assert label.split(",") == [emotion for emotion in emotify.EMOTIONS if of_track[emotion] >= 0.25]
    pd.testing.assert_frame_equal(found.drop(columns="label"), manifest.drop(columns="label"))
    assert set(manifest["label"]) == set(ORDERS["corpus"])


def test_a_track_without_a_common_emotion_has_no_tags(real):
    found = emotify.tagged(real[0], share=0.3)
    assert (found["label"] == "").sum() == 5
    task = Tagging(emotify.EMOTIONS)
    targets = task.targets(found)
    assert (targets.sum(axis=1) == 0).sum() == 5
    outputs = np.zeros_like(targets)
    assert (task.per_clip(targets, outputs)[targets.sum(axis=1) == 0] == 1).all()
    assert np.array_equal(task.read(task.table(targets, outputs))[0], targets)


def test_tags_leave_other_corpora_as_they_are(make_clips, tmp_path, answers):
    (tmp_path / DEMO_MARKER).touch()
    folder = make_clips(["emotifymusic/rock/1.wav", "SAVEE/DC/a01.wav"])
    (folder / "data.csv").write_text("\n".join(answers), encoding="utf-8")
    manifest = scan([folder]).manifest
    found = emotify.tagged(manifest).set_index("corpus")["label"]
    assert found["savee"] == "angry"
    assert demo_emotify.emotion("rock/1") in found["emotify"].split(",")
    assert emotify.tagged(manifest, share=1.0).set_index("corpus")["label"]["emotify"] == ""
    speech = manifest[manifest["corpus"] == "savee"]
    assert emotify.tagged(speech) is speech


# Numbers, pieces, places.


@pytest.mark.parametrize(
    ("genre", "corpus", "alphabetical"),
    [("classical", 7, 7), ("rock", 107, 307), ("electronic", 207, 107), ("pop", 307, 207)],
)
def test_a_track_has_an_id_in_either_order(genre, corpus, alphabetical):
    assert emotify.track_id(genre, 7) == corpus
    assert emotify.track_id(genre, 7, ORDERS["alphabetical"]) == alphabetical


@given(seconds=st.lists(st.floats(1, 100), min_size=1, max_size=5))
def test_pieces_are_the_full_15_seconds_of_each_track_in_order(seconds):
    names = [f"pop/{n}" for n in range(1, len(seconds) + 1)]
    tracks = pd.DataFrame({"name": names, "group": names, "duration": seconds})
    pieces = emotify.pieces(tracks)
    expected = [(name, i) for name, length in zip(names, seconds, strict=True) for i in range(int(length // 15))]
    assert list(pieces["name"]) == [f"{name}#{i}" for name, i in expected]
    assert list(pieces["offset"]) == [15.0 * i for _, i in expected]
    assert list(pieces["group"]) == [name for name, _ in expected]
    assert set(pieces["duration"]) <= {15.0}


@pytest.mark.parametrize("place", ["", "emotifymusic", "emotifymusic/emotifymusic"])
@pytest.mark.parametrize("beside", ["..", "."])
def test_the_table_is_found_with_the_genre_folders_or_above_them(make_clips, tmp_path, place, beside):
    folder = make_clips(["rock/1.wav", "pop/2.mp3"], tmp_path / "Emotify" / place)
    table = (folder / beside / "data.csv").resolve()
    table.touch()
    assert emotify.annotations(scan([folder]).manifest) == table


def test_an_absent_table_is_reported_with_its_address(make_clips):
    manifest = scan([make_clips(["emotifymusic/rock/1.wav"])]).manifest
    with pytest.raises(InputError, match=r"emotifydata/data\.csv"):
        emotify.annotations(manifest)


@pytest.mark.parametrize(
    ("files", "layout"),
    [
        (["emotifymusic/rock/1.wav"], "genre folders"),
        (["emotifymusic/emotifymusic/Rock/1.flac"], "genre folders, in a doubled folder"),
        (["rock/1.wav", "data.csv"], "genre folders"),
    ],
)
def test_its_layouts_are_recognised(make_clips, files, layout):
    folder = make_clips(files[:1])
    for table in files[1:]:
        (folder / table).touch()
    result = scan([folder])
    assert list(result.manifest["name"]) == ["rock/1"] == list(result.manifest["group"])
    assert list(result.manifest["speaker"]) == [""]
    assert (result.found[0].layout, result.found[0].missing) == (layout, 399)


def test_numbered_songs_in_genre_folders_elsewhere_are_your_own_corpus(make_clips):
    manifest = scan([make_clips(["rock/1.wav", "jazz/1.wav"])]).manifest
    assert list(manifest["corpus"]) == ["corpus", "corpus"]
