"""FSDKaggle2019: clips of Freesound and Flickr with 80 tags, in a curated, a noisy and a test set.

A clip is `FSDKaggle2019.audio_train_curated/0006ae4e.wav` as on Zenodo, or `train_curated/0006ae4e.wav` as on Kaggle.
The tables of the sets (`train_curated_post_competition.csv` and so on on Zenodo, `train_curated.csv` on Kaggle) belong
in `FSDKaggle2019.meta` beside the folders, or directly beside them: without its table a clip has no tags, so a scan
leaves it out, with this reason. Kaggle did not publish a table of the test clips.

The name of a clip says nothing about it: the manifest's label is its set, and `tagged` replaces it by the tags. Most
people have the curated set only: a set without any clip is not missing.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from common.corpora import tables
from common.corpora.base import Clip, Corpus, Refusal, below_demo_marker
from common.errors import InputError
from common.tasks.tagging import SEPARATOR

TAGS = (
    *("Accelerating_and_revving_and_vroom", "Accordion", "Acoustic_guitar", "Applause", "Bark", "Bass_drum"),
    *("Bass_guitar", "Bathtub_(filling_or_washing)", "Bicycle_bell", "Burping_and_eructation", "Bus", "Buzz"),
    *("Car_passing_by", "Cheering", "Chewing_and_mastication", "Child_speech_and_kid_speaking", "Chink_and_clink"),
    *("Chirp_and_tweet", "Church_bell", "Clapping", "Computer_keyboard", "Crackle", "Cricket", "Crowd"),
    *("Cupboard_open_or_close", "Cutlery_and_silverware", "Dishes_and_pots_and_pans", "Drawer_open_or_close", "Drip"),
    *("Electric_guitar", "Fart", "Female_singing", "Female_speech_and_woman_speaking", "Fill_(with_liquid)"),
    *("Finger_snapping", "Frying_(food)", "Gasp", "Glockenspiel", "Gong", "Gurgling", "Harmonica", "Hi-hat", "Hiss"),
    *("Keys_jangling", "Knock", "Male_singing", "Male_speech_and_man_speaking", "Marimba_and_xylophone"),
    *("Mechanical_fan", "Meow", "Microwave_oven", "Motorcycle", "Printer", "Purr", "Race_car_and_auto_racing"),
    *("Raindrop", "Run", "Scissors", "Screaming", "Shatter", "Sigh", "Sink_(filling_or_washing)", "Skateboard"),
    *("Slam", "Sneeze", "Squeak", "Stream", "Strum", "Tap", "Tick-tock", "Toilet_flush"),
    *("Traffic_noise_and_roadway_noise", "Trickle_and_dribble", "Walk_and_footsteps", "Water_tap_and_faucet"),
    *("Waves_and_surf", "Whispering", "Writing", "Yell", "Zipper_(clothing)"),
)
"""The 80 tags, in the corpus' spelling and alphabetical order (`vocabulary.csv`)."""

SETS = {"train_curated": 4970, "train_noisy": 19_815, "test": 4481}
"""Clips of each set (the corpus' README)."""

WRONG_LABELS = tuple(f"train_curated/{clip}" for clip in ("6a1f682a", "7752cc8a", "77b925c2", "c7db12aa", "f76181c4"))
"""Curated clips with the tags of other clips: an error in renaming the files (the corpus' README)."""
EMPTY = ("train_curated/1d44b0bd",)
"""Curated clips without a signal: an error in converting the files (the corpus' README)."""
FAULTS: Mapping[str, str] = MappingProxyType(
    {**dict.fromkeys(WRONG_LABELS, "wrong tags"), **dict.fromkeys(EMPTY, "no signal")}
)
"""The known bad clips, by their name in the manifest, with what is wrong."""

SOURCES = ("uploader", "username", "freesound_id", "flickr_video_url")
"""Columns that say where a clip comes from; the first that a table has is used. The corpus' own tables have the last
two: clips of one uploader are known only with a table that names them."""

NAME = re.compile(r"[0-9a-f]{8}")
FOLDER = re.compile(r"(?P<zenodo>fsdkaggle2019\.audio_)?(?P<set>train_curated|train_noisy|test)", re.IGNORECASE)
META = "FSDKaggle2019.meta"
PLACES = (META, f"{META}/{META}", ".")
"""Where the tables are, from a folder that has the folders of the sets; some archives unpack into a doubled folder."""
TABLES = ("{}_post_competition.csv", "{}.csv")
"""The name of a set's table on Zenodo, which has sources too, and on Kaggle."""
ADDRESS = "https://zenodo.org/records/3612637"
NO_TABLE = f"a clip without the table of its set: copy {META} of {ADDRESS} beside the folders of the clips"
NOT_IN_TABLE = "not in the table of its set"


@dataclass(frozen=True)
class Row:
    """A row of a table: the tags in the row's order, and the source; "" if the table has none."""

    tags: tuple[str, ...]
    source: str


def recognise(path: Path) -> Clip | Refusal | None:
    """Read `<set>/<eight hexadecimal digits>`; in a folder called only `test`, near a table of the corpus.

    Raises:
        InputError: the table of the set is damaged.
    """
    found = FOLDER.fullmatch(path.parent.name)
    if not found or not NAME.fullmatch(path.stem):
        return None
    of_set = found["set"].lower()
    table = _table_near(path, of_set)
    if table is None:
        # Any corpus may have a folder called test.
        named = found["zenodo"] or of_set != "test" or any(_table_near(path, other) for other in SETS)
        return Refusal(NO_TABLE) if named else None
    row = rows(table).get(path.stem)
    layout = "FSDKaggle2019.audio_... folders (Zenodo)" if found["zenodo"] else "train_curated folders (Kaggle)"
    return Clip(f"{of_set}/{path.stem}", of_set, "", layout, group=row.source) if row else Refusal(NOT_IN_TABLE)


def _table_near(path: Path, of_set: str) -> Path | None:
    """Return the table of a set for a clip: beside the clip's folder, or up to two folders above that."""
    beside = path.parent.parent
    for folder in (beside, *beside.parents[:2]):
        for place in PLACES:
            for name in TABLES:
                if (table := folder / place / name.format(of_set)).is_file():
                    return table
    return None


def rows(table: Path) -> Mapping[str, Row]:
    """Return the rows of a set's table by the name of the clip without its suffix.

    Raises:
        InputError: the table has no column `fname` or `labels`, an invalid row (the message names the line), or another
            number of rows than the published one. A table of a demo corpus may have any number of rows.
    """
    # A changed file is another key: a table that was replaced is read again.
    state = table.stat()
    return _rows(table, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=8)
def _rows(table: Path, size: int, modified: int) -> Mapping[str, Row]:
    columns = tables.header(table)
    if absent := [column for column in ("fname", "labels") if column not in columns]:
        raise InputError(f"{table} has no column {absent[0]!r}; download it again from {ADDRESS}")
    source = next((column for column in SOURCES if column in columns), "")
    found: dict[str, Row] = {}
    for line, values in tables.rows(table):
        where = f"{table}, line {line}"
        name = values["fname"].removesuffix(".wav")
        if not NAME.fullmatch(name):
            raise InputError(f"{where}: {values['fname']!r} is not the name of a clip; download the table again")
        if name in found:
            raise InputError(f"{where}: {values['fname']} already has a row; download the table again")
        found[name] = Row(_tags(values["labels"], where), values.get(source, ""))
    expected = next(number for of_set, number in SETS.items() if table.name.startswith(of_set))
    if len(found) != expected and not below_demo_marker(table.resolve().parent):
        raise InputError(f"{table} has {len(found):,} clips instead of {expected:,}; download it again from {ADDRESS}")
    return MappingProxyType(found)


def _tags(labels: str, where: str) -> tuple[str, ...]:
    tags = tuple(tag.strip() for tag in labels.split(SEPARATOR))
    unknown = [tag for tag in tags if tag not in TAGS]
    if unknown:
        raise InputError(f"{where}: {unknown[0]!r} is none of the {len(TAGS)} tags; download the table again")
    return tags


def names_near(clip: Path) -> Collection[str]:
    """Return the names of all clips in the set of a clip; none without its table.

    Raises:
        InputError: the table is damaged.
    """
    of_set = _set_of(clip)
    table = _table_near(clip, of_set)
    return [f"{of_set}/{name}" for name in rows(table)] if table else []


def _set_of(clip: Path) -> str:
    found = FOLDER.fullmatch(clip.parent.name)
    return found["set"].lower() if found else ""


def tagged(manifest: pd.DataFrame) -> pd.DataFrame:
    """Return a manifest with the tags, the source and the set of each clip of FSDKaggle2019.

    Args:
        manifest: a row per clip, as `common.corpora.scan` returns it, which leaves out clips without a row in a table.

    Returns:
        The manifest with the tags of each clip, separated by commas, as `label`, its source (the first of `SOURCES`
        that the table has; "" if it has none) as `group`, and a new column `set`: a key of `SETS`. In rows of other
        corpora only `set` is new, and is "".

    Raises:
        InputError: a table is missing or damaged, or lacks a clip.
    """
    found = manifest.assign(set="")
    own = manifest["corpus"] == FSDKAGGLE2019.name
    if own.any():
        paths = [Path(path) for path in manifest.loc[own, "path"]]
        of_clips = [(_row(path), _set_of(path)) for path in paths]
        found.loc[own, ["label", "group", "set"]] = [
            (SEPARATOR.join(row.tags), row.source, of_set) for row, of_set in of_clips
        ]
    return found


def _row(path: Path) -> Row:
    table = _table_near(path, _set_of(path))
    if table is None:
        raise InputError(f"{path}: {NO_TABLE}")
    row = rows(table).get(path.stem)
    if row is None:
        raise InputError(f"{path}: {NOT_IN_TABLE}, {table}; scan the folder again")
    return row


FSDKAGGLE2019 = Corpus(
    name="fsdkaggle2019",
    title="Freesound Dataset Kaggle 2019 (DCASE 2019 task 2), 80 tags",
    citation=(
        "Fonseca E, Plakal M, Font F, Ellis DPW, Serra X (2019). Audio tagging with noisy labels and minimal "
        "supervision. DCASE 2019 Workshop. https://arxiv.org/abs/1906.02975"
    ),
    licence="CC BY 4.0 as a whole; audio: Creative Commons, one licence per clip",
    address=ADDRESS,
    how_to_get=(
        "download the archives of audio_train_curated (and audio_test, audio_train_noisy if wanted) and of meta, and "
        "unpack them side by side"
    ),
    expected=SETS,
    speakers=0,
    folders=re.compile(r"FSDKaggle2019.*|train_curated|train_noisy", re.IGNORECASE),
    recognise=recognise,
    source=None,
    names=names_near,
    in_parts=True,
)
