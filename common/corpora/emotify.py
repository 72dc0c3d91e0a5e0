"""Emotify: 400 tracks of about a minute, 100 of each of four genres, and which of nine emotions listeners felt.

The audio is `emotifymusic/<genre>/<number>.mp3`; the answers are `data.csv` beside that folder, a row per listener and
track. A track's emotion is not in its name: the manifest's label is the genre, and a study decides the emotion from
`votes`, because it depends on how ties are settled and on how the tracks are numbered.

A piece is one of the consecutive 15 s of a track; what is left over at its end is dropped (document 002, "Elaborazione
dei Dati": 1588 pieces).
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from common.corpora import tables
from common.corpora.base import Archive, Clip, Corpus, below_demo_marker
from common.errors import InputError
from common.seeds import derive

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
"""The nine emotions of the game, in the order of `data.csv`."""

TIES = ("random", "dropped")
"""What may be done about a track on which several emotions come first."""

ORDERS: Mapping[str, tuple[str, ...]] = {
    "corpus": ("classical", "rock", "electronic", "pop"),
    "alphabetical": ("classical", "electronic", "pop", "rock"),
}
"""In which order the genres are numbered: 1..100 are tracks of the first, 101..200 of the second, and so on."""

TRACKS_PER_GENRE = 100
TRACKS = 400

ROWS = 8407
"""Rows of `data.csv`, one per listener and track (sheet emotify_features, counted)."""

PIECE_S = 15.0
"""Seconds of a piece."""

AMAZEMENT_TRACKS = 2
"""Tracks whose emotion is amazement, as the document prints them (slide "Elaborazione dei Dati")."""

TABLE = "data.csv"
NAME = re.compile(r"[1-9]\d?|100")
ADDRESS = "http://www2.projects.science.uu.nl/memotion/emotifydata/"


def track_id(genre: str, number: int, numbering: str = "corpus") -> int:
    """Return the track id, 1..400, of `<genre>/<number>` (number 1..100) when the genres stand in that order.

    Args:
        genre: one of the four.
        number: of the file.
        numbering: a key of `ORDERS`: "corpus" is the order of `data.csv`, "alphabetical" that of a folder listing.
    """
    return TRACKS_PER_GENRE * ORDERS[numbering].index(genre) + number


def recognise(path: Path) -> Clip | None:
    """Read `<genre>/<number>`; names so plain count only below a folder called emotify..., or beside `data.csv`."""
    genre = path.parent.name.lower()
    if genre not in ORDERS["corpus"] or not NAME.fullmatch(path.stem) or not _in_emotify(path.parent.parent):
        return None
    name = f"{genre}/{path.stem}"
    return Clip(name, genre, "", "genre folders", group=name)


def _in_emotify(folder: Path) -> bool:
    bare_name = not folder.name
    return bare_name or any("emotify" in part.lower() for part in folder.parts) or (folder / TABLE).is_file()


def annotations(manifest: pd.DataFrame) -> Path:
    """Return where `data.csv` is: with the genre folders, or up to two folders above them (as the corpus has it).

    Args:
        manifest: with the paths of Emotify's tracks; rows of other corpora are passed over.

    Raises:
        InputError: there is no such file.
    """
    folders = sorted({Path(path).parent.parent for path in manifest.loc[manifest["corpus"] == "emotify", "path"]})
    for folder in folders:
        for place in (folder, *folder.parents[:2]):
            if (place / TABLE).is_file():
                return place / TABLE
    looked_in = f"in {folders[0]} and above it" if folders else "since there are no tracks of Emotify"
    raise InputError(f"no {TABLE} {looked_in}; fetch {ADDRESS}{TABLE} and put it beside the folder emotifymusic")


def votes(data_csv: Path | str) -> pd.DataFrame:
    """Count the listeners of each track, and for each emotion those who chose it.

    Args:
        data_csv: the corpus' table, a row per listener and track.

    Returns:
        Index `track_id`, 1..400 as the corpus numbers them; columns `EMOTIONS` and `listeners`, whole numbers.

    Raises:
        InputError: it is another table, a row is broken (the message names the line), a track has no row, or rows are
            missing or there twice. Which ones cannot be told: the corpus itself has rows that are alike.
    """
    table = Path(data_csv)
    if not table.is_file():
        raise InputError(f"there is no file {table}; it comes with the corpus, from {ADDRESS}{TABLE}")
    missing = {"track id", "genre", *EMOTIONS} - set(tables.header(table))
    if missing:
        raise InputError(f"{table} is not the table of Emotify: it has no column {min(missing)}; fetch it again")
    answers = pd.DataFrame(list(_answers(table)), columns=["track_id", *EMOTIONS, "listeners"])
    counted = answers.groupby("track_id").sum().reindex(range(1, TRACKS + 1), fill_value=0)
    unheard = counted.index[counted["listeners"] == 0]
    if len(unheard):
        raise InputError(f"{table} has no row of track {_described(unheard[0])}: it is not whole; fetch it again")
    rows = int(counted["listeners"].sum())
    if rows != ROWS and not below_demo_marker(table.resolve().parent):
        raise InputError(
            f"{table} has {rows:,} rows, where the corpus has {ROWS:,}: songs may get other emotions; fetch it again"
        )
    return counted


def _answers(table: Path) -> Iterator[list[int]]:
    """Yield (track id, 0 or 1 for each emotion, 1) for each row."""
    for line, row in tables.rows(table):
        where = f"{table}, line {line}"
        chosen = [row[emotion] for emotion in EMOTIONS]
        if not set(chosen) <= {"0", "1"}:
            emotion = next(emotion for emotion in EMOTIONS if row[emotion] not in ("0", "1"))
            raise InputError(f"{where}: {emotion} is {row[emotion]!r}, where 0 or 1 should be; mend the row")
        yield [_numbered(row, where), *map(int, chosen), 1]


def _numbered(row: Mapping[str, str], where: str) -> int:
    """Return the track id of a row, checked against its genre."""
    text, genre = row["track id"], row["genre"].lower()
    track = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= track <= TRACKS:
        raise InputError(f"{where}: {text!r} is no track id from 1 to {TRACKS}; mend the row")
    if _genre(track) != genre:
        raise InputError(f"{where}: track {track} is {_genre(track)}, not {genre!r}; mend the row")
    return track


def _genre(track: int) -> str:
    return ORDERS["corpus"][(track - 1) // TRACKS_PER_GENRE]


def _described(track: int) -> str:
    return f"{track} ({_genre(track)}/{(track - 1) % TRACKS_PER_GENRE + 1})"


def dominant(votes: pd.DataFrame, *, ties: str = "random", seed: int = 0) -> pd.Series:
    """Return the emotion that most listeners of each track chose.

    The document does not say what was done about the 57 tracks where several emotions come first, but prints that two
    tracks are left with amazement. So ties settled by chance are drawn again until it has two tracks.

    Args:
        votes: as `votes` returns them.
        ties: "random" settles ties by chance, "dropped" leaves out the tracks that have one.
        seed: of the chance.

    Returns:
        Words of `EMOTIONS`, name `emotion`, index `track_id`; with "dropped" only the tracks without a tie.

    Raises:
        InputError: ties are to be settled by chance and no outcome gives amazement two tracks.
        ValueError: there is no such treatment of ties.
    """
    if ties not in TIES:
        raise ValueError(f"ties are {' or '.join(TIES)}, not {ties!r}")
    counts = votes[list(EMOTIONS)]
    first = counts.eq(counts.max(axis=1), axis=0)
    tied = first.sum(axis=1) > 1
    settled = first[~tied].idxmax(axis=1)
    if ties == "random":
        settled = pd.concat([settled, _settled_by_chance(first[tied], settled, seed)]).sort_index()
    return settled.rename("emotion")


def _settled_by_chance(first: pd.DataFrame, settled: pd.Series, seed: int) -> pd.Series:
    """Draw one of the emotions that come first on each tied track, until amazement has its two tracks in all."""
    certain = int((settled == "amazement").sum())
    possible = certain + int(first["amazement"].sum())
    if not certain <= AMAZEMENT_TRACKS <= possible:
        raise InputError(
            f"amazement comes first on {certain} to {possible} tracks of data.csv, and the document has "
            f"{AMAZEMENT_TRACKS}: this is another table; choose ties=dropped, or fetch the corpus' own"
        )
    attempt = 0
    while True:
        draw = np.random.default_rng(derive(seed, "ties", attempt)).random(first.shape)
        drawn = pd.Series(np.array(EMOTIONS)[np.where(first, draw, -1.0).argmax(axis=1)], first.index, dtype=object)
        if certain + (drawn == "amazement").sum() == AMAZEMENT_TRACKS:
            return drawn
        attempt += 1


def pieces(manifest: pd.DataFrame) -> pd.DataFrame:
    """Cut each track into consecutive pieces of 15 s; what is left over at its end is dropped.

    Args:
        manifest: a row per track, as `common.corpora.scan` returns it.

    Returns:
        A row per piece, in the order of the manifest and of time: the manifest's columns, where `name` is that of the
        track and the piece (`classical/1#0`), `duration` is 15, and the new `offset` is where the piece begins, in s.
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
    licence="annotations for research; the music is under Creative Commons BY-NC-SA",
    address=ADDRESS,
    how_to_get="emotifymusic.zip (about 380 MB) and data.csv; `download emotify` fetches both",
    expected=dict.fromkeys(ORDERS["corpus"], TRACKS_PER_GENRE),
    speakers=0,
    folders=re.compile(r"emotifymusic", re.IGNORECASE),
    recognise=recognise,
    source=Archive(f"{ADDRESS}emotifymusic.zip"),
    tables=(f"{ADDRESS}{TABLE}",),
)
