"""Which labels the tracks of Emotify may have had, by the corpus' own tables.

`reports/published/emotify_tracks.csv` holds what the slides leave out. A row counts tracks (`tracks`) that are alike:

- `audio` is their genre, and `pieces` is into how many whole pieces of 15 s each can be cut.
- `labels` is the genre whose labels they get, in the order of `listing`: tracks by `number`, or by `name` (1, 10, 100,
  11, ...), as programs list folders.
- `emotions` are those that most listeners chose, several where they tie. `votes` says how listeners count: with `equal`
  each chosen emotion counts one, with `sole-double` it counts two if the listener chose no other.

`sole-double` was found by a search. A sole choice had weight 1, each of two choices 0.3 to 1 and each of three 0.1 to
1, in steps of 0.01. Only a half for both gives all nine totals of the slides' class table, within what ties leave open.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from pathlib import Path

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from common.corpora.emotify import ORDERS
from common.published import FOLDER

TRACKS = FOLDER / "emotify_tracks.csv"
USUAL = 4
"""Pieces of 15 s in a track of a minute."""
CORPUS, ALPHABETICAL = ORDERS["corpus"], ORDERS["alphabetical"]
EQUAL, SOLE_DOUBLE = "equal", "sole-double"
BY_NUMBER, BY_NAME = "number", "name"

Order = tuple[str, ...]


@dataclass(frozen=True)
class Tracks:
    """Tracks that are alike: as many pieces each, and the same emotions."""

    votes: str
    listing: str
    audio: str
    labels: str
    emotions: tuple[str, ...]
    pieces: int
    tracks: int


@cache
def all_tracks(path: Path = TRACKS) -> tuple[Tracks, ...]:
    """Read the table of tracks."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(_tracks(**row) for row in rows)


def _tracks(emotions: str, pieces: str, tracks: str, **words: str) -> Tracks:
    return Tracks(**words, emotions=tuple(emotions.split("+")), pieces=int(pieces), tracks=int(tracks))


def in_order(order: Sequence[str], votes: str, listing: str = BY_NUMBER) -> list[Tracks]:
    """Return the tracks when the genres' folders are numbered in some order but the labels in the corpus' own."""
    pairs = set(zip(order, CORPUS, strict=True))
    alike = [row for row in all_tracks() if (row.votes, row.listing) == (votes, listing)]
    return [row for row in alike if (row.audio, row.labels) in pairs]


def missing(order: Sequence[str], votes: str, totals: Mapping[str, int], listing: str = BY_NUMBER) -> dict[str, int]:
    """Return how many pieces of each emotion the tied tracks must have: the totals less the tracks without a tie."""
    certain: dict[str, int] = {}
    for row in in_order(order, votes, listing):
        if len(row.emotions) == 1:
            certain[row.emotions[0]] = certain.get(row.emotions[0], 0) + row.pieces * row.tracks
    return {emotion: total - certain.get(emotion, 0) for emotion, total in totals.items()}


def tied(order: Sequence[str], votes: str, listing: str = BY_NUMBER) -> list[Tracks]:
    """Return the tracks on which several emotions come first."""
    return [row for row in in_order(order, votes, listing) if len(row.emotions) > 1]


def reaches(order: Sequence[str], votes: str, totals: Mapping[str, int], listing: str = BY_NUMBER) -> bool:
    """Say whether each tied track can get one of its emotions so that all totals are exact.

    Args:
        order: of the genres' folders; the labels are numbered as the corpus has them.
        votes: how listeners are counted.
        totals: pieces per emotion, all nine of them.
        listing: how the folder of a genre was listed.
    """
    wanted, open_tracks = missing(order, votes, totals, listing), tied(order, votes, listing)
    if min(wanted.values()) < 0:
        return False
    choices = [(place, emotion) for place, row in enumerate(open_tracks) for emotion in row.emotions]
    given = [[place == of for of, _ in choices] for place in range(len(open_tracks))]
    adds = [[open_tracks[of].pieces * (emotion == name) for of, name in choices] for emotion in wanted]
    amounts, targets = [row.tracks for row in open_tracks], list(wanted.values())
    solved = milp(
        np.zeros(len(choices)),
        constraints=[LinearConstraint(given, amounts, amounts), LinearConstraint(adds, targets, targets)],
        integrality=np.ones(len(choices)),
        bounds=Bounds(0, max(amounts)),
    )
    return bool(solved.success)


def orders_that_reach(votes: str, totals: Mapping[str, int], listing: str = BY_NUMBER) -> list[Order]:
    """Return the orders of the four genres for which the totals are possible."""
    return list(_orders_that_reach(votes, tuple(totals.items()), listing))


@cache
def _orders_that_reach(votes: str, totals: tuple[tuple[str, int], ...], listing: str) -> tuple[Order, ...]:
    return tuple(order for order in permutations(CORPUS) if reaches(order, votes, dict(totals), listing))


def named(orders: Iterable[Order]) -> str:
    """Write orders of the genres; those with a name have it in brackets."""
    known = {CORPUS: " (the corpus' own)", ALPHABETICAL: " (alphabetical)"}
    return "; ".join(" ".join(order) + known.get(order, "") for order in orders) or "none"


def whole_corpus() -> list[Tracks]:
    """Return all tracks with their own labels."""
    return in_order(CORPUS, EQUAL)
