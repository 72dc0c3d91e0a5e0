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

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp

from common.corpora.emotify import ORDERS
from common.published import FOLDER, Published
from reports.audit.printed import whole

TRACKS = FOLDER / "emotify_tracks.csv"
USUAL = 4
"""Pieces of 15 s in a track of a minute."""
CORPUS, ALPHABETICAL = ORDERS["corpus"], ORDERS["alphabetical"]
KNOWN = {"corpus": "the corpus' own", "alphabetical": "alphabetical"}
"""The orders of the genres that have a name, in words."""
EQUAL, SOLE_DOUBLE = "equal", "sole-double"
BY_NUMBER, BY_NAME = "number", "name"
LEFT_OUT = "amazement"

Order = tuple[str, ...]


@cache
def all_tracks(path: Path = TRACKS) -> pd.DataFrame:
    """Read the table of tracks; emotions that tie are joined by `+`."""
    return pd.read_csv(path)


@cache
def _counted_so(votes: str, listing: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the tracks under one count of the votes and one listing, by genre and by the genre of their labels."""
    tracks = all_tracks()
    same = tracks[(tracks["votes"] == votes) & (tracks["listing"] == listing)]
    return {(str(audio), str(labels)): rows for (audio, labels), rows in same.groupby(["audio", "labels"])}


@cache
def in_order(order: Order, votes: str, listing: str = BY_NUMBER) -> pd.DataFrame:
    """Return the tracks when the genres' folders are numbered in some order but the labels in the corpus' own."""
    return pd.concat([_counted_so(votes, listing)[pair] for pair in zip(order, CORPUS, strict=True)])


def whole_corpus() -> pd.DataFrame:
    """Return all tracks with their own labels."""
    return in_order(CORPUS, EQUAL)


def unusual() -> dict[str, int]:
    """Count the tracks of each genre that do not have the usual pieces: only they tell the totals of orders apart."""
    tracks = whole_corpus().query("pieces != @USUAL").groupby("audio")["tracks"].sum()
    return {genre: int(tracks[genre]) for genre in CORPUS if genre in tracks}


def tied(order: Order, votes: str, listing: str = BY_NUMBER) -> pd.DataFrame:
    """Return the tracks on which several emotions come first."""
    tracks = in_order(order, votes, listing)
    return tracks[tracks["emotions"].str.contains("+", regex=False)]


def missing(order: Order, votes: str, totals: Mapping[str, int], listing: str = BY_NUMBER) -> dict[str, int]:
    """Return how many pieces of each emotion the tied tracks must have: the totals less the tracks without a tie."""
    tracks = in_order(order, votes, listing)
    # Tracks with a tie are counted under joined names, which no emotion has.
    certain = (tracks["pieces"] * tracks["tracks"]).groupby(tracks["emotions"]).sum()
    return {emotion: total - int(certain.get(emotion, 0)) for emotion, total in totals.items()}


def reaches(order: Order, votes: str, totals: Mapping[str, int], listing: str = BY_NUMBER) -> bool:
    """Say whether each tied track can get one of its emotions so that all totals are exact.

    Args:
        order: of the genres' folders; the labels are numbered as the corpus has them.
        votes: how listeners are counted.
        totals: pieces per emotion, all nine of them.
        listing: how the folder of a genre was listed.
    """
    wanted = missing(order, votes, totals, listing)
    if min(wanted.values()) < 0:
        return False
    tracks = tied(order, votes, listing)
    # A whole number for each emotion of each row of tied tracks: how many of its tracks get that emotion.
    emotions = [names.split("+") for names in tracks["emotions"]]
    row = np.repeat(np.arange(len(tracks)), [len(names) for names in emotions])
    emotion, pieces = np.array([name for names in emotions for name in names]), tracks["pieces"].to_numpy()[row]
    given = np.arange(len(tracks))[:, None] == row
    adds = pieces * (np.array(list(wanted))[:, None] == emotion)
    amounts, targets = tracks["tracks"], list(wanted.values())
    solved = milp(
        np.zeros(len(row)),
        constraints=[LinearConstraint(given, amounts, amounts), LinearConstraint(adds, targets, targets)],
        integrality=np.ones(len(row)),
        bounds=Bounds(0, amounts.max()),
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
    known = {ORDERS[name]: f" ({words})" for name, words in KNOWN.items()}
    return "; ".join(" ".join(order) + known.get(order, "") for order in orders) or "none"


def left_out(published: Published) -> dict[str, int]:
    """Return the pieces of the emotion that was left out: all pieces less those that were classified."""
    return {LEFT_OUT: whole(published, "all-pieces") - (published.data.clips or 0)}


def classified(published: Published, matrix: np.ndarray) -> dict[str, int]:
    """Return the pieces per emotion that were classified: the row totals of a recovered matrix."""
    return dict(zip(published.data.classes, map(int, matrix.sum(axis=1)), strict=True))
