"""TAVA: 352 spoken clips, 16 affects by 22 speakers, each rated for valence, arousal and dominance by about 150 people.

The audio is `audio/recordings/sNN_<affect>_audio.wav`, the mean ratings are `annotations/SummaryData.csv`, which begins
with a byte-order mark and has further rows of a variant without ratings. The name of a clip has its affect, not its
ratings: `rated` adds them to a manifest.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from common.corpora import tables
from common.corpora.base import SCALES, Clip, Corpus
from common.errors import InputError

AFFECTS = (
    *("annoyed", "confident", "contemptuous", "dark", "depressed", "enraged", "frightened", "happy"),
    *("joyful", "mellow", "miserable", "satisfied", "serene", "thrilled", "tranquil", "worried"),
)
SPEAKERS = (
    *("01", "02", "05", "07", "10", "12", "13", "14", "16", "18", "21"),
    *("22", "23", "28", "30", "35", "37", "38", "40", "42", "43", "44"),
)
NAME = re.compile(rf"s({'|'.join(SPEAKERS)})_({'|'.join(AFFECTS)})_audio")
TABLE = "annotations/SummaryData.csv"
RATED = "speech"
"""The variant that was rated; the other one has neither ratings nor these recordings."""
COLUMNS = {scale: f"mean{scale}" for scale in SCALES}
"""The columns of the table with the mean ratings (their names in lower case, as `tables` reads them)."""


def recognise(path: Path) -> Clip | None:
    """Read a file name: the number of the speaker and the affect."""
    match = NAME.fullmatch(path.stem)
    if not match:
        return None
    speaker, affect = match.groups()
    return Clip(f"recordings/{path.stem}", affect, speaker, "audio/recordings")


def rated(manifest: pd.DataFrame) -> pd.DataFrame:
    """Return a manifest with the mean rating of each TAVA clip on each of `SCALES`, about -1 to 1.

    Raises:
        InputError: the table is missing, is another one, has an invalid row, or lacks a clip.
    """
    own = manifest["corpus"] == TAVA.name
    if not own.any():
        return manifest
    ratings = _ratings(_table(Path(manifest.loc[own, "path"].iloc[0])))
    clips = manifest.loc[own, ["speaker", "label"]].itertuples(index=False)
    keys = [(speaker.rpartition("-")[2], label) for speaker, label in clips]
    if absent := [key for key in keys if key not in ratings]:
        raise InputError(f"{TABLE} of TAVA has no rating of speaker {absent[0][0]}, {absent[0][1]}; download it again")
    added = manifest.reindex(columns=list(dict.fromkeys([*manifest.columns, *SCALES])))
    added.loc[own, list(SCALES)] = [[ratings[key][scale] for scale in SCALES] for key in keys]
    return added.astype(dict.fromkeys(SCALES, float))


def _table(clip: Path) -> Path:
    """Return the table of ratings: in the folder of the corpus, which is at most three above a clip."""
    for folder in list(clip.parents)[:4]:
        if (folder / TABLE).is_file():
            return folder / TABLE
    raise InputError(f"there is no {TABLE} beside the audio of TAVA in {clip.parent}; copy it from the corpus")


def _ratings(table: Path) -> Mapping[tuple[str, str], dict[str, float]]:
    """Return the mean ratings by speaker (two digits) and affect."""
    needed = {"speaker number", "affect name", "variant", *COLUMNS.values()}
    if missing := sorted(needed - set(tables.header(table))):
        raise InputError(f"{table} is not TAVA's table of ratings: it has no column {missing[0]}; download it again")
    found = {}
    for line, row in tables.rows(table):
        if row["variant"] != RATED:
            continue
        try:
            ratings = {scale: float(row[column]) for scale, column in COLUMNS.items()}
            key = f"{int(row['speaker number']):02d}", row["affect name"]
        except ValueError:
            raise InputError(f"{table}, line {line}: a speaker or a rating is no number; download it again") from None
        if not all(map(math.isfinite, ratings.values())):
            raise InputError(f"{table}, line {line}: a rating is not finite; download it again")
        found[key] = ratings
    return found


TAVA = Corpus(
    name="tava",
    title="TAVA: spoken affects with ratings of valence, arousal and dominance",
    citation="Gomez-Canon et al. (2025), TAVA",
    licence="not known to us; ask the authors",
    address="",
    how_to_get="ask the authors (Gomez-Canon et al. 2025); the folder needs audio/recordings and annotations",
    expected=dict.fromkeys(AFFECTS, len(SPEAKERS)),
    speakers=len(SPEAKERS),
    folders=re.compile(r"recordings", re.IGNORECASE),
    recognise=recognise,
    source=None,
    names=tuple(f"recordings/s{speaker}_{affect}_audio" for speaker in SPEAKERS for affect in AFFECTS),
)
