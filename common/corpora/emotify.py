"""Emotify: 400 tracks of about a minute, 100 in each of four genres, and which of nine emotions listeners felt.

The audio is `emotifymusic/<genre>/<number>.mp3`; the answers are `data.csv` beside that folder, a row per listener and
track. The name of a track does not contain its emotion: the manifest's label is the genre, and a study derives the
emotion from `votes`, because it depends on tie-breaking and on how the tracks are numbered.

A piece is one of the consecutive 15 s segments of a track; the remainder is dropped (document 002, "Elaborazione dei
Dati": 1588 pieces).
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd

from common.corpora import tables
from common.corpora.base import Archive, Clip, Corpus, below_demo_marker
from common.errors import InputError
from common.seeds import derive
from common.tasks.tagging import SEPARATOR

EMOTIONS = (
    "amazement",
    "solemnity",
    "tenderness",
    "nostalgia",
    "calmness",
    "power",
    "joyful_activation",
    "tension",
    "sadness",
)
"""The nine emotions of the game, in the order of `data.csv`.

Document 002 has the names of GEMS for some: wonder is amazement, transcendence solemnity, peacefulness calmness.
"""

TIES = ("random", "dropped")
"""How a tie is treated, that is, a track on which several emotions have most votes."""

ORDERS: Mapping[str, tuple[str, ...]] = {
    "corpus": ("classical", "rock", "electronic", "pop"),
    "alphabetical": ("classical", "electronic", "pop", "rock"),
}
"""The order in which genres are numbered: 1..100 are tracks of the first, 101..200 of the second, and so on.

"corpus" is the order of `data.csv`, "alphabetical" that of a folder listing.
"""

ALL_ORDERS: Mapping[str, tuple[str, ...]] = {
    **ORDERS,
    **{"-".join(order): order for order in permutations(ORDERS["corpus"]) if order not in ORDERS.values()},
}
"""All 24 orders of the genres, by name."""

TRACKS_PER_GENRE = 100
TRACKS = 400

ROWS = 8407
"""Rows of `data.csv`, one per listener and track (sheet emotify_features, counted)."""

PIECE_S = 15.0
"""Length of a piece in seconds."""

SHARE = 0.25
"""Share of the listeners of a track who have to choose an emotion for it to be one of the track's tags."""

AMAZEMENT_TRACKS = 2
"""Number of tracks with amazement that the document reports (slide "Elaborazione dei Dati")."""

TABLE = "data.csv"
INDEX = Path(__file__).parent / "index" / "emotify-votes.txt"
"""The digest of the published votes on each track, in the order of the ids (`digest_of`)."""
DIGITS = 12
"""Hexadecimal digits of such a digest."""
RAREST = 1e-3
"""Ties are not broken at random if fewer outcomes than this share give amazement the tracks that the document has."""
NAME = re.compile(r"[1-9]\d?|100")
ADDRESS = "http://www2.projects.science.uu.nl/memotion/emotifydata/"


def track_id(genre: str, number: int, order: Sequence[str] = ORDERS["corpus"]) -> int:
    """Return the track id, 1..400, of a song.

    Args:
        genre: one of the four.
        number: of the song in its genre, 1..100.
        order: in which the genres are numbered; the default is that of `data.csv`.
    """
    return TRACKS_PER_GENRE * order.index(genre) + number


def recognise(path: Path) -> Clip | None:
    """Read `<genre>/<number>`, but only below a folder called emotify... or beside `data.csv`.

    Any music collection may have files such as `rock/1.mp3`.
    """
    genre = path.parent.name.lower()
    if genre not in ORDERS["corpus"] or not NAME.fullmatch(path.stem) or not _in_emotify(path.parent.parent):
        return None
    name = f"{genre}/{path.stem}"
    return Clip(name, genre, "", "genre folders", group=name)


def _in_emotify(folder: Path) -> bool:
    bare_name = not folder.name  # a name from the index, without folders above it
    return bare_name or any("emotify" in part.lower() for part in folder.parts) or (folder / TABLE).is_file()


def annotations(manifest: pd.DataFrame) -> Path:
    """Return the path of `data.csv`: beside the genre folders, or up to two folders above them (as in the corpus).

    Args:
        manifest: with the paths of Emotify's tracks; rows of other corpora are ignored.

    Raises:
        InputError: there is no such file.
    """
    folders = sorted({Path(path).parent.parent for path in manifest.loc[manifest["corpus"] == "emotify", "path"]})
    for folder in folders:
        for place in (folder, *folder.parents[:2]):
            if (place / TABLE).is_file():
                return place / TABLE
    looked_in = f"in {folders[0]} or above it" if folders else "because there are no tracks of Emotify"
    raise InputError(f"no {TABLE} {looked_in}; download {ADDRESS}{TABLE} and put it beside the folder emotifymusic")


def votes(data_csv: Path | str) -> pd.DataFrame:
    """Count the listeners of each track, and for each emotion the listeners who chose it.

    Args:
        data_csv: the corpus' table, a row per listener and track.

    Returns:
        Index `track_id`, 1..400 as the corpus numbers them; columns `EMOTIONS` and `listeners`, whole numbers.

    Raises:
        InputError: it is another table, a row is invalid (the message names the line), a track has no row or no vote,
            rows are missing or duplicated, or votes are not the published ones. Which rows is unknown, because the
            corpus itself has identical rows.
    """
    table = Path(data_csv)
    if not table.is_file():
        raise InputError(f"there is no file {table}; download it from {ADDRESS}{TABLE}")
    missing = {"track id", "genre", *EMOTIONS} - set(tables.header(table))
    if missing:
        raise InputError(f"{table} is not Emotify's table: it has no column {min(missing)}; download it again")
    answers = pd.DataFrame(list(_answers(table)), columns=["track_id", *EMOTIONS, "listeners"])
    counted = answers.groupby("track_id").sum().reindex(range(1, TRACKS + 1), fill_value=0)
    unheard = counted.index[counted["listeners"] == 0]
    if len(unheard):
        raise InputError(f"{table} is incomplete: track {_described(unheard[0])} has no row; download it again")
    unmoved = counted.index[counted[list(EMOTIONS)].sum(axis=1) == 0]
    if len(unmoved):
        raise InputError(f"{table}: nobody chose an emotion for track {_described(unmoved[0])}; download it again")
    rows = int(counted["listeners"].sum())
    demo = below_demo_marker(table.resolve().parent)
    if rows != ROWS and not demo:
        raise InputError(
            f"{table} has {rows:,} rows instead of {ROWS:,}, which could change the emotions of songs; "
            "download it again"
        )
    if not demo:
        _refuse_changed(counted, table)
    return counted


def _refuse_changed(counted: pd.DataFrame, table: Path) -> None:
    """Refuse votes that are not the published ones; which listener changed is not known, the tracks are."""
    published = INDEX.read_text(encoding="ascii").split()
    changed = [
        track for track, digest in zip(counted.index, published, strict=True) if digest_of(counted, track) != digest
    ]
    if changed:
        raise InputError(
            f"{table} has other votes than the published table for {len(changed)} of {TRACKS} tracks, e.g. track "
            f"{_described(changed[0])}; download it again"
        )


def digest_of(counted: pd.DataFrame, track: int) -> str:
    """Return the digest of the votes on a track, as the index has it, given the result of `votes`."""
    row = ",".join(map(str, counted.loc[track, [*EMOTIONS, "listeners"]]))
    return hashlib.sha256(f"{track}:{row}".encode()).hexdigest()[:DIGITS]


def _answers(table: Path) -> Iterator[list[int]]:
    """Yield (track id, 0 or 1 for each emotion, 1) for each row."""
    for line, row in tables.rows(table):
        where = f"{table}, line {line}"
        chosen = [row[emotion] for emotion in EMOTIONS]
        if not set(chosen) <= {"0", "1"}:
            emotion = next(emotion for emotion in EMOTIONS if row[emotion] not in ("0", "1"))
            raise InputError(f"{where}: {emotion} is {row[emotion]!r} instead of 0 or 1; fix the row")
        yield [_numbered(row, where), *map(int, chosen), 1]


def _numbered(row: Mapping[str, str], where: str) -> int:
    """Return the track id of a row, after a check that it belongs to the row's genre."""
    text, genre = row["track id"], row["genre"].lower()
    track = int(text) if text.isascii() and text.isdigit() else 0  # isdigit alone accepts "²", int does not
    if not 1 <= track <= TRACKS:
        raise InputError(f"{where}: {text!r} is not a track id from 1 to {TRACKS}; fix the row")
    if _genre(track) != genre:
        raise InputError(f"{where}: track {track} is {_genre(track)}, not {genre!r}; fix the row")
    return track


def _genre(track: int) -> str:
    return ORDERS["corpus"][(track - 1) // TRACKS_PER_GENRE]


def _described(track: int) -> str:
    return f"{track} ({_genre(track)}/{(track - 1) % TRACKS_PER_GENRE + 1})"


def dominant(votes: pd.DataFrame, *, ties: str = "random", seed: int = 0) -> pd.Series:
    """Return the emotion with most votes on each track.

    The document does not describe its tie-breaking for the 57 tracks on which several emotions have most votes, but
    says that two tracks have amazement. So random tie-breaking is repeated until two tracks have it.

    Args:
        votes: as `votes` returns them.
        ties: "random" breaks ties at random, "dropped" leaves out the tracks with a tie.
        seed: of the random tie-breaking.

    Returns:
        Members of `EMOTIONS`, name `emotion`, index `track_id`; with "dropped" only the tracks without a tie.

    Raises:
        InputError: ties are broken at random and no outcome gives amazement two tracks.
        ValueError: `ties` is neither of the two.
    """
    if ties not in TIES:
        raise ValueError(f"ties are {' or '.join(TIES)}, not {ties!r}")
    counts = votes[list(EMOTIONS)]
    first = counts.eq(counts.max(axis=1), axis=0)
    tied = first.sum(axis=1) > 1
    chosen = first[~tied].idxmax(axis=1)
    if ties == "random":
        chosen = pd.concat([chosen, _random_tie_breaking(first[tied], chosen, seed)]).sort_index()
    return chosen.rename("emotion")


def _random_tie_breaking(first: pd.DataFrame, untied: pd.Series, seed: int) -> pd.Series:
    """Draw one of the tied emotions for each tied track, until two tracks in all have amazement."""
    certain = int((untied == "amazement").sum())
    possible = certain + int(first["amazement"].sum())
    if not certain <= AMAZEMENT_TRACKS <= possible:
        raise InputError(
            f"by this data.csv {certain} to {possible} tracks have amazement, but the document has "
            f"{AMAZEMENT_TRACKS}; use ties=dropped, or download the original table from {ADDRESS}{TABLE}"
        )
    if _chance(first, AMAZEMENT_TRACKS - certain) < RAREST:
        raise InputError(
            f"by this data.csv {len(first)} tracks have a tie, and hardly any way to break them gives amazement "
            f"{AMAZEMENT_TRACKS} tracks; use ties=dropped, or download the original table from {ADDRESS}{TABLE}"
        )
    attempt = 0
    while True:  # ends: `_chance` says how soon
        # A random number per emotion, -1 for those without most votes: the largest is a uniform choice.
        draw = np.random.default_rng(derive(seed, "ties", attempt)).random(first.shape)
        drawn = pd.Series(np.array(EMOTIONS)[np.where(first, draw, -1.0).argmax(axis=1)], first.index, dtype=object)
        if certain + (drawn == "amazement").sum() == AMAZEMENT_TRACKS:
            return drawn
        attempt += 1


def _chance(first: pd.DataFrame, wanted: int) -> float:
    """Return the probability that amazement wins so many of the ties, each emotion of a tie being equally likely."""
    wins = (first["amazement"] / first.sum(axis=1)).to_numpy(float)
    chances = np.ones(1)  # of 0, 1, 2, ... tracks with amazement, tie after tie
    for win in wins[wins > 0]:
        chances = np.convolve(chances, [1 - win, win])
    return float(chances[wanted])


def tagged(manifest: pd.DataFrame, share: float = SHARE) -> pd.DataFrame:
    """Return a manifest in which each track of Emotify has the emotions that enough of its listeners chose as tags.

    No document says how many are enough: a quarter is our choice. With it each of the 400 tracks has one to six tags;
    with higher shares some have none, and an empty label, which `common.tasks.Tagging` accepts.

    Args:
        manifest: a row per track, as `common.corpora.scan` returns it; rows of other corpora stay as they are.
        share: the least share of listeners, 0 to 1.

    Raises:
        InputError: `data.csv` is missing or damaged.
    """
    own = manifest["corpus"] == EMOTIFY.name
    if not own.any():
        return manifest
    counted = votes(annotations(manifest))
    chosen = counted[list(EMOTIONS)].ge(share * counted["listeners"], axis=0)
    tags = [SEPARATOR.join(emotion for emotion in EMOTIONS if row[emotion]) for _, row in chosen.iterrows()]
    ids = [track_id(genre, int(number)) for genre, number in manifest.loc[own, "name"].str.split("/")]
    labels = manifest["label"].copy()
    labels[own] = [tags[track - 1] for track in ids]
    return manifest.assign(label=labels)


def pieces(manifest: pd.DataFrame) -> pd.DataFrame:
    """Cut each track into consecutive pieces of 15 s; the remainder is dropped.

    Args:
        manifest: a row per track, as `common.corpora.scan` returns it.

    Returns:
        A row per piece, in the order of the manifest and of time: the manifest's columns, in which `name` identifies
        track and piece (`classical/1#0`) and `duration` is 15, and a new column `offset`, the start of the piece in s.
    """
    counts = (manifest["duration"] // PIECE_S).astype(int)
    cut = manifest.loc[manifest.index.repeat(counts)].copy()
    number = cut.groupby(level=0, sort=False).cumcount()
    cut["name"] += "#" + number.astype(str)
    cut["offset"] = number * PIECE_S
    cut["duration"] = PIECE_S
    return cut.reset_index(drop=True)


EMOTIFY = Corpus(
    name="emotify",
    title="Emotify: induced musical emotion",
    citation=(
        "Aljanaki A, Wiering F, Veltkamp RC (2016). Studying emotion induced by music through a crowdsourcing game. "
        "Information Processing & Management 52(1): 115-128. https://doi.org/10.1016/j.ipm.2015.03.004"
    ),
    licence="listeners' answers for research; the music is under Creative Commons BY-NC-SA",
    address=ADDRESS,
    how_to_get="emotifymusic.zip (about 380 MB) and data.csv; `download emotify` fetches both",
    expected=dict.fromkeys(ORDERS["corpus"], TRACKS_PER_GENRE),
    speakers=0,
    folders=re.compile(r"emotifymusic", re.IGNORECASE),
    recognise=recognise,
    source=Archive(f"{ADDRESS}emotifymusic.zip"),  # no hash is published; the index verifies what is unpacked
    tables=(f"{ADDRESS}{TABLE}",),
)
