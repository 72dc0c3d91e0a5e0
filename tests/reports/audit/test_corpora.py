"""The tables of corpora that the audit reads say what the corpora say."""

from collections import Counter
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from common.corpora import scan
from common.corpora.emotify import EMOTIONS, ORDERS, annotations, pieces, votes
from reports.studies.emotify_features.tracks import (
    BY_NAME,
    BY_NUMBER,
    CORPUS,
    EQUAL,
    SOLE_DOUBLE,
    all_tracks,
    reaches,
    whole_corpus,
)
from reports.studies.music_mood_wavenet.data_analysis import BIN_S, LAST_S, NUMBERS
from reports.studies.music_mood_wavenet.findings import tags

Counted = Counter[tuple[str, str, str, str, str, int]]


@pytest.fixture(scope="module")
def emotify(shared_data: Path) -> pd.DataFrame:
    return scan([shared_data / "emotify"]).manifest


def first(counts: pd.DataFrame) -> dict[int, str]:
    """Return the emotions that come first on each track, sorted and joined."""
    most = counts.eq(counts.max(axis=1), axis=0)
    return {
        int(track): "+".join(sorted(counts.columns[row]))
        for track, row in zip(most.index, most.to_numpy(), strict=True)
    }


def counted(name: str, emotions: dict[int, str], lengths: dict[str, int]) -> Counted:
    found: Counted = Counter()
    numbers = list(range(1, 101))
    listed = {BY_NUMBER: numbers, BY_NAME: sorted(numbers, key=str)}
    for listing, audio, (place, labels) in product(listed, CORPUS, enumerate(ORDERS["corpus"])):
        for track, number in enumerate(listed[listing], start=1):
            found[name, listing, audio, labels, emotions[100 * place + track], lengths[f"{audio}/{number}"]] += 1
    return found


def test_the_tracks_of_emotify_are_counted_rightly(emotify: pd.DataFrame) -> None:
    lengths = Counter(name.partition("#")[0] for name in pieces(emotify)["name"])
    table = annotations(emotify)
    answers = pd.read_csv(table, skipinitialspace=True).rename(columns=str.strip)
    chosen = answers[list(EMOTIONS)]
    double = chosen.mul(1 + (chosen.sum(axis=1) == 1), axis=0).groupby(answers["track id"]).sum()
    expected = counted(EQUAL, first(votes(table)[list(EMOTIONS)]), lengths) + counted(
        SOLE_DOUBLE, first(double), lengths
    )
    known = all_tracks().set_index(["votes", "listing", "audio", "labels", "emotions", "pieces"])["tracks"]
    assert Counter(known.to_dict()) == expected


def test_every_order_of_the_genres_has_all_tracks() -> None:
    pairs = all_tracks().groupby(["votes", "listing", "audio", "labels"])["tracks"].sum()
    assert set(pairs) == {100}
    assert len(pairs) == 2 * 2 * 4 * 4


def test_totals_that_the_corpus_has_are_reached() -> None:
    """Give each tied track to its first emotion."""
    totals: Counter[str] = Counter(dict.fromkeys(EMOTIONS, 0))
    for row in whole_corpus().itertuples():
        totals[row.emotions.split("+")[0]] += row.pieces * row.tracks
    assert reaches(CORPUS, EQUAL, totals)
    moved = totals + Counter(power=1) - Counter(calmness=1)
    assert not reaches(CORPUS, EQUAL, moved)


def test_the_tags_of_split_0_are_counted_rightly(shared_data: Path) -> None:
    folder = shared_data / "mtg_jamendo" / "data" / "splits" / "split-0"
    for part in ("train", "validation", "test"):
        lines = (folder / f"autotagging_moodtheme-{part}.tsv").read_text(encoding="utf-8").splitlines()[1:]
        of_tracks = [[tag.partition("---")[2] for tag in line.split("\t")[5:]] for line in lines]
        assert tags("tag", part) == Counter(tag for of_track in of_tracks for tag in of_track)
        sizes = {int(size): count for size, count in tags("tags of a track", part).items() if count}
        assert sizes == Counter(map(len, of_tracks))
        seconds = [float(line.split("\t")[4]) for line in lines]
        assert tags("seconds", part) == Counter(str(min(int(one // BIN_S) * BIN_S, LAST_S)) for one in seconds)
        for number in NUMBERS:
            low, high = int(number[0]), int(number[-1])
            among = Counter(tag for of_track in of_tracks if low <= len(of_track) <= high for tag in of_track)
            assert {tag: count for tag, count in tags(f"tag among {number}", part).items() if count} == among
