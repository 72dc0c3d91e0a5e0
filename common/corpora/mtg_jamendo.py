"""MTG-Jamendo, mood/theme: the 17,982 tracks of split-0, each with one to eight of 56 tags (MediaEval 2019 to 2021).

A track is `NN/<id>.mp3` (or `.low.mp3`), or `NN/<id>.npy`, its mel spectrogram as the corpus publishes it; NN are the
last two digits of the id. The three files of the split have a row per track with its artist and its tags. They belong
beside the tracks, as `data/splits/split-0` of the corpus' repository: without them a track has neither a tag nor a set,
so a scan leaves it out, with this reason, instead of counting tracks of which it cannot say which are missing. A track
that is not in split-0 (504 of the corpus' 18,486 with moods and themes) is left out too.

The name of a track says nothing about it: the manifest's label is its set, and `tagged` replaces it by the tags.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.corpora.base import Clip, Corpus, Refusal, below_demo_marker
from common.corpora.files import array_or_reason
from common.errors import InputError
from common.tasks.tagging import SEPARATOR

TAGS = (
    *("action", "adventure", "advertising", "background", "ballad", "calm", "children", "christmas", "commercial"),
    *("cool", "corporate", "dark", "deep", "documentary", "drama", "dramatic", "dream", "emotional", "energetic"),
    *("epic", "fast", "film", "fun", "funny", "game", "groovy", "happy", "heavy", "holiday", "hopeful", "inspiring"),
    *("love", "meditative", "melancholic", "melodic", "motivational", "movie", "nature", "party", "positive"),
    *("powerful", "relaxing", "retro", "romantic", "sad", "sexy", "slow", "soft", "soundscape", "space", "sport"),
    *("summer", "trailer", "travel", "upbeat", "uplifting"),
)
"""The 56 moods and themes, in alphabetical order."""

TRACKS = {"train": 9949, "validation": 3802, "test": 4231}
"""Tracks of each set of split-0 (sheet music_mood_wavenet, counted)."""

MEL: dict[str, Any] = {"sample_rate": 12_000, "n_fft": 512, "hop_length": 256, "n_mels": 96}
"""Settings of the corpus' mel spectrograms, for `common.signals.features`: a Hann window, Slaney's scale, power."""

PREFIX = "mood/theme---"
HEADER = ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS"]
PLACES = ("data/splits/split-0", "splits/split-0", "split-0")
"""Where the files of the split are: as in the corpus' repository, or only the last of these folders."""

NAME = re.compile(r"([1-9]\d*)(\.low)?", re.ASCII)
FOLDER = re.compile(r"\d\d", re.ASCII)
ADDRESS = "https://github.com/MTG/mtg-jamendo-dataset"
NO_SPLIT = f"a track without the files of its split: copy {PLACES[0]} of {ADDRESS} beside the numbered folders"
NOT_IN_SPLIT = "not a track of split-0"
NO_MEL = f"not an array of floats ({MEL['n_mels']}, frames)"


@dataclass(frozen=True)
class Track:
    """A row of the split: the set, the id of the artist, and the tags in the row's order."""

    set: str
    artist: str
    tags: tuple[str, ...]


def recognise(path: Path) -> Clip | Refusal | None:
    """Read `NN/<id>`, but only below a folder called ...jamendo... or near the files of the split.

    Any collection may have numbered files in numbered folders.

    Raises:
        InputError: a file of the split is damaged.
    """
    name = _name(path)
    if not name:
        return None
    split = _split_near(path)
    if split is None:
        named = any("jamendo" in part.lower() for part in path.parent.parts)
        return Refusal(NO_SPLIT) if named else None
    track = tracks(split).get(name)
    return Clip(name, track.set, "", _layout(path), group=name) if track else Refusal(NOT_IN_SPLIT)


def _name(path: Path) -> str:
    """Return `NN/<id>` if the path ends like that and the two fit each other, else ""."""
    match, folder = NAME.fullmatch(path.stem), path.parent.name
    fits = match and FOLDER.fullmatch(folder) and match[1].zfill(2)[-2:] == folder
    return f"{folder}/{match[1]}" if match and fits else ""


def _layout(path: Path) -> str:
    return "mel spectrograms in numbered folders" if path.suffix.lower() == ".npy" else "audio in numbered folders"


def _split_near(path: Path) -> Path | None:
    """Return the folder of the split of a track: beside its numbered folder, or up to two folders above that."""
    beside = path.parent.parent
    for folder in (beside, *beside.parents[:2]):
        for place in PLACES:
            if _table(folder / place, "train").is_file():
                return folder / place
    return None


def _table(split: Path, of_set: str) -> Path:
    return split / f"autotagging_moodtheme-{of_set}.tsv"


def tracks(split: Path | str) -> Mapping[str, Track]:
    """Return the tracks of split-0 by name, `NN/<id>`.

    Args:
        split: the folder with the three files of the split.

    Raises:
        InputError: a file is missing, has another header, an invalid row (the message names the line) or another number
            of tracks than the published one; or a track is in two sets. A demo corpus may have any number of tracks.
    """
    tables = {of_set: _table(Path(split), of_set) for of_set in TRACKS}
    for table in tables.values():
        if not table.is_file():
            raise InputError(f"there is no file {table}; copy all three files of the split from {ADDRESS}")
    # A changed file is another key: a table that was replaced is read again.
    states = [(of_set, table, table.stat()) for of_set, table in tables.items()]
    return _tracks(tuple((of_set, table, state.st_size, state.st_mtime_ns) for of_set, table, state in states))


@lru_cache(maxsize=4)
def _tracks(tables: tuple[tuple[str, Path, int, int], ...]) -> Mapping[str, Track]:
    found: dict[str, Track] = {}
    for of_set, table, _, _ in tables:
        lines = _lines(table)
        for number, line in enumerate(lines, start=2):
            name, track = _row(line.split("\t"), of_set, f"{table}, line {number}")
            if name in found:
                raise InputError(
                    f"{table}, line {number}: track {name} is already in the set {found[name].set}; download it again"
                )
            found[name] = track
        if len(lines) != TRACKS[of_set] and not below_demo_marker(table.resolve().parent):
            raise InputError(f"{table} has {len(lines):,} tracks instead of {TRACKS[of_set]:,}; download it again")
    return found


def _lines(table: Path) -> list[str]:
    """Return the lines of a file of the split without its header, which is checked."""
    try:
        header, *lines = table.read_text(encoding="utf-8-sig").splitlines() or [""]
    except UnicodeDecodeError as error:
        raise InputError(f"{table} is not UTF-8 text ({error.reason}); download it again") from error
    if header.split("\t") != HEADER:
        raise InputError(f"{table} is not a file of the split: its header is not {' '.join(HEADER)}; download it again")
    return lines


def _row(values: list[str], of_set: str, where: str) -> tuple[str, Track]:
    """Return name and track of a row, in which each tag is a value of its own."""
    if len(values) < len(HEADER):
        raise InputError(f"{where}: {len(values)} values, but at least {len(HEADER)} are needed; download it again")
    track_id, artist, _, path, _, *tags = values
    name = _name(Path(path))
    if not name or track_id != f"track_{name.partition('/')[2]:0>7}":
        raise InputError(f"{where}: {track_id} and {path} are not the same track; download it again")
    unknown = [tag for tag in tags if tag.removeprefix(PREFIX) not in TAGS or not tag.startswith(PREFIX)]
    if unknown:
        raise InputError(f"{where}: {unknown[0]!r} is none of the {len(TAGS)} tags; download it again")
    return name, Track(of_set, artist, tuple(tag.removeprefix(PREFIX) for tag in tags))


def names_near(clip: Path) -> Collection[str]:
    """Return the names of all tracks of the split near a track; none without the split.

    Raises:
        InputError: a file of the split is damaged.
    """
    split = _split_near(clip)
    return tracks(split).keys() if split else ()


def tagged(manifest: pd.DataFrame) -> pd.DataFrame:
    """Return a manifest with the tags, the artist and the set of each track of MTG-Jamendo.

    Args:
        manifest: a row per track, as `common.corpora.scan` returns it, which leaves out tracks that are in no set.

    Returns:
        The manifest with the tags of each track, separated by commas, as `label`, the id of its artist as `group`, and
        a new column `set`: train, validation or test. In rows of other corpora only `set` is new, and is "".

    Raises:
        InputError: the files of the split are missing or damaged, or a track is in none of them.
    """
    found = manifest.assign(set="")
    own = manifest["corpus"] == MTG_JAMENDO.name
    if own.any():
        rows = [_track(Path(path)) for path in manifest.loc[own, "path"]]
        found.loc[own, ["label", "group", "set"]] = [(SEPARATOR.join(row.tags), row.artist, row.set) for row in rows]
    return found


def _track(path: Path) -> Track:
    split = _split_near(path)
    if split is None:
        raise InputError(f"{path}: {NO_SPLIT}")
    track = tracks(split).get(_name(path))
    if track is None:
        raise InputError(f"{path}: {NOT_IN_SPLIT} in {split}; scan the folder again")
    return track


def mel(path: Path | str) -> np.ndarray:
    """Return the mel spectrogram of a track as a memory map, float (96, frames), of which nothing is read yet.

    Its levels are twice decibels: see `mel_of`.

    Raises:
        InputError: the file is missing or damaged, or is another array.
    """
    found = _mel_or_reason(Path(path))
    if isinstance(found, str):
        raise InputError(f"{path}: {found}; download it again")
    return found


def _mel_or_reason(path: Path) -> np.ndarray | str:
    found = array_or_reason(path)
    if isinstance(found, str):
        return found
    fits = found.dtype.kind == "f" and found.ndim == 2 and found.shape[0] == MEL["n_mels"] and found.shape[1] > 0
    return found if fits else NO_MEL


def duration_or_reason(path: Path) -> float | str:
    """Return the duration in seconds of a mel spectrogram by its header, or the reason why it is not usable."""
    found = _mel_or_reason(path)
    return found if isinstance(found, str) else found.shape[1] * MEL["hop_length"] / MEL["sample_rate"]


def mel_of(waveform: np.ndarray) -> np.ndarray:
    """Compute a mel spectrogram as the corpus publishes them.

    The corpus' script (`scripts/melspectrograms.py`) converts the power of each band by Essentia's `lin2db`,
    10 log10 and at least -100, with `scale=2`: levels are 20 log10 of a power, from -200 on.

    Args:
        waveform: float (samples,) at 12 kHz, full scale 1.

    Returns:
        float32 (96, 1 + samples // 256).
    """
    from common.signals import features  # imported here: scans need no Keras

    levels = features.log_mel(waveform[np.newaxis], top_db=None, **MEL)
    return 2 * features.ops.convert_to_numpy(levels)[0]


MTG_JAMENDO = Corpus(
    name="mtg_jamendo",
    title="MTG-Jamendo: moods and themes of music, split-0",
    citation=(
        "Bogdanov D, Won M, Tovstogan P, Porter A, Serra X (2019). The MTG-Jamendo dataset for automatic music "
        "tagging. Machine Learning for Music Discovery Workshop, ICML 2019."
    ),
    licence="metadata: CC BY-NC-SA 4.0; audio: Creative Commons, one licence per track",
    address=ADDRESS,
    how_to_get=(
        "scripts/download/download.py of the repository, with --dataset autotagging_moodtheme and --type melspecs "
        "(68 GB) or audio (152 GB); data/splits/split-0 belongs beside the numbered folders"
    ),
    expected=TRACKS,
    speakers=0,
    folders=re.compile(r".*jamendo.*", re.IGNORECASE),
    recognise=recognise,
    source=None,
    names=names_near,
    arrays=duration_or_reason,
)
