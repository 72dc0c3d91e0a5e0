"""The values of the switch `track_ids`: which track of the listeners' table each song is taken for."""

import pytest

from common.corpora import emotify
from reproductions.emotify_features import SWITCHES
from reproductions.emotify_features.track_ids import BY_NAME, PERMUTED, tracks_of

SONGS = [f"{genre}/{number}" for genre in emotify.ORDERS["corpus"] for number in range(1, 101)]


def test_the_switch_has_every_order_of_the_genres_once() -> None:
    values = SWITCHES[0].values
    assert len(set(values)) == len(values) == 24 + 2 + 1
    assert len(set(emotify.ALL_ORDERS.values())) == 24
    assert not any(character in value for value in values for character in " +=/")  # a value is part of a folder's name


@pytest.mark.parametrize("value", SWITCHES[0].values)
def test_each_song_is_taken_for_another_track(value: str) -> None:
    tracks = tracks_of(value, 0)
    assert sorted(tracks) == sorted(SONGS)
    assert sorted(tracks.values()) == list(range(1, 401))


@pytest.mark.parametrize("name", emotify.ORDERS)
def test_the_known_orders_give_the_track_ids_of_the_corpus(name: str) -> None:
    tracks = tracks_of(name, 0)
    for genre in emotify.ORDERS[name]:
        for number in range(1, 101):
            assert tracks[f"{genre}/{number}"] == emotify.track_id(genre, number, emotify.ORDERS[name])


@pytest.mark.parametrize(
    ("value", "track"),
    [
        ("pop-rock-classical-electronic", 10),
        ("rock-classical-pop-electronic", 210),
        ("alphabetical-by-name", 202),
        ("corpus-by-name", 302),
    ],
)
def test_a_song_takes_the_place_of_its_genre_and_of_its_file(value: str, track: int) -> None:
    assert tracks_of(value, 0)["pop/10"] == track


def test_listing_by_name_changes_tracks_within_a_genre_only() -> None:
    for value, order in BY_NAME.items():
        tracks = tracks_of(value, 0)
        assert all((track - 1) // 100 == order.index(song.split("/")[0]) for song, track in tracks.items())


def test_the_permutation_depends_on_the_seed_only() -> None:
    assert tracks_of(PERMUTED, 1) == tracks_of(PERMUTED, 1)
    assert tracks_of(PERMUTED, 1) != tracks_of(PERMUTED, 2)
    assert tracks_of("corpus", 1) == tracks_of("corpus", 2)


def test_the_permutations_are_those_of_the_shipped_runs() -> None:
    assert [tracks_of(PERMUTED, seed)["classical/1"] for seed in range(3)] == [248, 296, 168]
