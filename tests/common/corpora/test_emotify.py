import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from common.corpora import DEMO_MARKER, emotify, scan
from common.corpora.demo_emotify import _table
from common.errors import InputError

ORDERS = emotify.ORDERS

PRINTED_ROWS = {
    "calmness": 428,
    "joyful_activation": 372,
    "nostalgia": 206,
    "power": 130,
    "sadness": 88,
    "solemnity": 83,
    "tenderness": 80,
    "tension": 193,
}
"""Pieces of each emotion in both confusion matrices of the document, as its percentages give them."""


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
    """The manifest, the votes and the labels without ties of the real corpus; skips where it is absent."""
    manifest = scan([real_table.parent]).manifest
    return manifest, emotify.votes(emotify.annotations(manifest))


def emotions_of(votes: pd.DataFrame) -> pd.DataFrame:
    return votes[list(emotify.EMOTIONS)]


def tied(votes: pd.DataFrame) -> pd.Series:
    counts = emotions_of(votes)
    return counts.eq(counts.max(axis=1), axis=0).sum(axis=1) > 1


def pieces_per_track_id(manifest: pd.DataFrame, order: tuple[str, ...]) -> pd.Series:
    """Return the pieces of each track id when the genres are numbered in `order`."""
    counts = (manifest["duration"] // 15).astype(int)
    genre, number = zip(*manifest["name"].str.split("/"), strict=True)
    ids = [100 * order.index(g) + int(n) for g, n in zip(genre, number, strict=True)]
    return pd.Series(counts.to_numpy(), index=ids).sort_index()


# The real corpus: the counts of the spec.


def test_the_real_corpus_is_complete_with_8407_answers(real):
    manifest, votes = real
    assert len(manifest) == 400
    assert votes["listeners"].sum() == 8407
    assert manifest["duration"].between(25, 61).all()
    assert (manifest["group"] == manifest["name"]).all()


def test_the_real_corpus_has_1588_pieces(real):
    assert len(emotify.pieces(real[0])) == 1588


def test_57_tracks_have_a_tie_and_all_of_them_have_four_pieces(real):
    manifest, votes = real
    ties = tied(votes)
    assert ties.sum() == 57
    assert set(pieces_per_track_id(manifest, ORDERS["corpus"])[ties]) == {4}


def test_amazement_has_most_votes_on_three_tracks_and_is_tied_on_each(real):
    counts = emotions_of(real[1])
    first = counts["amazement"] == counts.max(axis=1)
    assert first.sum() == 3
    assert tied(real[1])[first].all()


def pieces_from_ties(manifest: pd.DataFrame, votes: pd.DataFrame, order: tuple[str, ...]) -> pd.Series:
    """Return the pieces that ties must add to each published row when the genres are numbered in `order`."""
    untied = emotify.dominant(votes, ties="dropped")
    certain = pieces_per_track_id(manifest, order)[untied.index].groupby(untied).sum()
    return pd.Series(PRINTED_ROWS) - certain[list(PRINTED_ROWS)]


def test_the_corpus_numbering_cannot_give_the_published_rows_of_joy_and_nostalgia(real):
    # All ties have four pieces, so they can only add multiples of four.
    rest = pieces_from_ties(*real, ORDERS["corpus"]) % 4
    assert sorted(rest[rest != 0].index) == ["joyful_activation", "nostalgia"]


def test_two_of_the_24_genre_orders_can_give_the_published_rows_one_of_them_alphabetical(real):
    possible = [order for order in itertools.permutations(ORDERS["corpus"]) if is_possible(*real, order)]
    assert len(possible) == 2
    assert ORDERS["alphabetical"] in possible


def is_possible(manifest: pd.DataFrame, votes: pd.DataFrame, order: tuple[str, ...]) -> bool:
    """Whether some tie-breaking gives every published row (a system of linear equations in 0 and 1)."""
    ties = votes[tied(votes)]
    length = pieces_per_track_id(manifest, order)[ties.index].to_numpy()
    counts = emotions_of(ties)
    allowed = counts.eq(counts.max(axis=1), axis=0).to_numpy()
    one_emotion_each = np.kron(np.eye(len(ties)), np.ones(allowed.shape[1]))
    pieces_of_emotion = np.kron(length, np.eye(allowed.shape[1]))[[counts.columns.get_loc(e) for e in PRINTED_ROWS]]
    rows = pieces_from_ties(manifest, votes, order)
    return milp(
        np.zeros(allowed.size),
        integrality=np.ones(allowed.size),
        bounds=Bounds(0, allowed.ravel().astype(float)),
        constraints=[LinearConstraint(one_emotion_each, 1, 1), LinearConstraint(pieces_of_emotion, rows, rows)],
    ).success


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
    ("line", "named"),
    [
        ("1,classical,0,1", "4 .* 17"),
        ("1,classical,0,2,0,0,0,0,0,0,0,3,1,0,21,1,English", "solemnity .* '2'"),
        ("1,classical,0,,0,0,0,0,0,0,0,3,1,0,21,1,English", "solemnity .* ''"),
        ("401,pop,0,1,0,0,0,0,0,0,0,3,1,0,21,1,English", "'401'"),
        ("x,pop,0,1,0,0,0,0,0,0,0,3,1,0,21,1,English", "'x'"),
        ("101,pop,0,1,0,0,0,0,0,0,0,3,1,0,21,1,English", "101 .* rock"),
    ],
)
def test_an_invalid_row_is_refused_with_its_line(table, line, named):
    with pytest.raises(InputError, match=rf"data\.csv, line 3: .*{named}"):
        emotify.votes(table({3: line}))


def test_a_track_without_answers_is_named(table, answers):
    of_rock_2 = {n: "" for n, line in enumerate(answers, 1) if line.startswith("102,")}
    with pytest.raises(InputError, match=r"102 \(rock/2\)"):
        emotify.votes(table(of_rock_2))


def test_missing_or_duplicated_rows_are_refused(real_table, tmp_path):
    lines = real_table.read_text(encoding="utf-8").splitlines()
    table = tmp_path / "data.csv"
    for changed, rows in ([*lines[:8], *lines[9:]], "8,406"), ([*lines, lines[8]], "8,408"):
        table.write_text("\n".join(changed), encoding="utf-8")
        with pytest.raises(InputError, match=rf"data\.csv .*{rows} .*8,407"):
            emotify.votes(table)


def test_a_table_of_other_listeners_is_refused(table, tmp_path):
    written = table()
    (tmp_path / DEMO_MARKER).unlink()
    with pytest.raises(InputError, match="8,407"):
        emotify.votes(written)


def test_an_open_quote_is_refused_with_its_line(table, answers):
    with pytest.raises(InputError, match=r"data\.csv, lines 3 to \d+"):
        emotify.votes(table({3: answers[2].replace(",1,", ',"1,', 1)}))


def test_a_table_without_a_column_and_an_absent_table_are_refused(table, answers, tmp_path):
    with pytest.raises(InputError, match="tension"):
        emotify.votes(table({1: answers[0].replace(" tension", " stress")}))
    with pytest.raises(InputError, match=r"absent\.csv"):
        emotify.votes(tmp_path / "absent.csv")


# Labels.


def test_the_label_is_the_emotion_with_most_votes(table):
    votes = emotify.votes(table())
    labels = emotify.dominant(votes, ties="dropped")
    assert not tied(votes)[labels.index].any()
    assert all(votes.loc[track, emotion] == emotions_of(votes).loc[track].max() for track, emotion in labels.items())


def test_dropped_ties_are_absent_and_random_tie_breaking_chooses_a_tied_emotion(real):
    votes = real[1]
    labels = emotify.dominant(votes)
    assert len(emotify.dominant(votes, ties="dropped")) == 343
    assert all(votes.loc[track, emotion] == emotions_of(votes).loc[track].max() for track, emotion in labels.items())


@pytest.mark.parametrize("seed", range(10))
def test_two_tracks_have_amazement_for_every_seed(real, seed):
    assert (emotify.dominant(real[1], seed=seed) == "amazement").sum() == 2


def test_tie_breaking_depends_on_the_seed_alone(real):
    draws = [emotify.dominant(real[1], seed=seed) for seed in (0, 0, 1)]
    assert draws[0].equals(draws[1])
    assert not draws[0].equals(draws[2])


def test_votes_that_cannot_give_amazement_two_tracks_are_refused(table):
    votes = emotify.votes(table())
    votes["amazement"] = 0
    with pytest.raises(InputError, match="amazement"):
        emotify.dominant(votes)


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
    ],
)
def test_its_layouts_are_recognised(make_clips, files, layout):
    result = scan([make_clips(files)])
    assert list(result.manifest["name"]) == ["rock/1"] == list(result.manifest["group"])
    assert list(result.manifest["speaker"]) == [""]
    assert result.found[0].layout == layout


def test_genre_folders_beside_the_table_need_no_name(make_clips):
    folder = make_clips(["rock/1.wav"])
    (folder / "data.csv").touch()
    assert list(scan([folder]).manifest["corpus"]) == ["emotify"]


def test_numbered_songs_in_genre_folders_elsewhere_are_your_own_corpus(make_clips):
    manifest = scan([make_clips(["rock/1.wav", "jazz/1.wav"])]).manifest
    assert list(manifest["corpus"]) == ["corpus", "corpus"]


def test_missing_and_damaged_tracks_are_reported(make_clips):
    folder = make_clips(["emotifymusic/rock/1.wav", "emotifymusic/rock/2.wav"])
    (folder / "emotifymusic/rock/2.wav").write_bytes(b"RIFF damaged")
    found = scan([folder]).found[0]
    assert (found.clips, found.missing) == (1, 399)
    assert found.counts["rock"] == 1
    assert "rock/2" in found.missing_clips
    assert [omission.path.name for omission in found.omissions] == ["2.wav"]
