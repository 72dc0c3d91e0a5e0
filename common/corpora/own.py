"""A corpus of your own: a folder with a table of `path,label[,speaker]`, or with one folder per class.

For a regression the table has ratings, `path,valence[,speaker]`, beside a label or in place of it. It is in the folder
or one below it. Its columns may have other usual names (`COLUMNS`); one that is not understood is refused, because
folders that are not the classes would be learned instead.

If speakers are not named, `speaker` is empty in the manifest, and splits by speaker refuse such clips.
"""

import math
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

from common.corpora import tables
from common.corpora.base import SCALES, Clip, LeftOut
from common.corpora.files import AUDIO_SUFFIXES, UNREAD_SUFFIXES, USUAL, VIDEO_SUFFIXES, format_not_read, size_or_reason
from common.corpora.registry import CORPORA
from common.errors import InputError
from common.tasks.tagging import SEPARATOR

HOW_TO = (
    "for a corpus of your own, put a CSV with the columns path,label[,speaker], or path,valence[,speaker] for ratings, "
    "into the folder, or one folder per class"
)

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "path": (
        *("path", "file", "filename", "filepath", "fname", "relativepath", "audio", "audiofile", "audiofilename"),
        *("audiopath", "wav", "wavfile", "wavpath", "clip", "clippath", "recording"),
    ),
    "label": (
        *("label", "labels", "emotion", "emotionlabel", "emotions", "class", "classlabel", "classname", "category"),
        *("mood", "tag", "tags"),
    ),
    "speaker": (
        *("speaker", "speakerid", "speakername", "spk", "spkid", "actor", "actorid", "subject", "subjectid"),
        *("participant", "participantid"),
    ),
    **{scale: (scale,) for scale in SCALES},
}
"""What a table may say of a clip, and the usual names of the column, without blanks and underscores."""
TABLE_SUFFIXES = frozenset({".csv", ".psv", ".tab", ".tsv"})
TEXT_SUFFIX = ".txt"
"""A table if its columns are those of one; other texts are for people."""
SPREADSHEETS = frozenset({".json", ".jsonl", ".ods", ".parquet", ".xls", ".xlsx"})
"""Suffixes of tables that are not read."""
OF_PUBLISHED = re.compile(
    r"(esc50|SummaryData|(train_curated|train_noisy|test)(_post_competition)?)\.csv|(autotagging|raw).*\.tsv",
    re.IGNORECASE,
)
"""Tables of published corpora with the columns of a clip; the corpora's own modules read them."""
SPLIT_NAMES = re.compile(
    r"(train|training|test|testing|val|valid|validation|dev|eval|evaluation|fold ?\d+|split ?\d+)([-_ .].*)?",
    re.IGNORECASE,
)
"""Folders that are parts of a split, not classes."""
SHOWN = 8
"""At most this many columns of a table are named in a message."""


@dataclass(frozen=True)
class ClipTable:
    """A table of clips: its path, and the columns by what they say (a key of `COLUMNS`)."""

    path: Path
    columns: Mapping[str, Sequence[str]]

    @property
    def of_published(self) -> bool:
        """Whether it has the name of a published corpus' table."""
        return bool(OF_PUBLISHED.fullmatch(self.path.name))

    def column_of(self) -> dict[str, str]:
        """Return the column of each thing that it says.

        Raises:
            InputError: two columns may say the same thing.
        """
        chosen = {}
        for what, columns in self.columns.items():
            if what in columns:  # the name that messages ask for
                chosen[what] = what
            elif len(columns) > 1:
                raise InputError(
                    f"{self.path} has the columns {', '.join(columns)}, each of which may be the {what}; call the "
                    f"right one {what}"
                )
            else:
                chosen[what] = columns[0]
        return chosen


@dataclass(frozen=True)
class OwnCorpus:
    """The clips of your own corpus, the files left out, and what a reader should know of it, one sentence each."""

    name: str
    clips: list[tuple[Path, Clip]]
    omissions: list[LeftOut]
    remarks: list[str] = field(default_factory=list)


def corpus_name(folder: Path) -> str:
    """Return the name of your own corpus: its folder's, with a prefix if a published corpus has the same name."""
    name = folder.resolve().name
    return f"own-{name}" if name in CORPORA else name


def tables_in(folder: Path) -> list[ClipTable]:
    """Return the tables of clips in `folder` or, if there is none, one below it.

    Raises:
        InputError: a table in the folder has `path`, but says nothing of the clips.
    """
    in_it = _tables(folder)
    found = _clip_tables(in_it)
    if not found:
        for path in in_it:
            if "path" in (header := tables.header(path)):
                scales = " nor ".join(SCALES)
                raise InputError(f"{_has_columns(path, header)}, but neither label nor {scales}; {ADVICE}")
    return found or _clip_tables(_tables_below(folder))


def the_only(folder: Path, found: Sequence[ClipTable]) -> ClipTable:
    """Return the table of clips of a corpus.

    Raises:
        InputError: there are several.
    """
    if len(found) > 1:
        names = ", ".join(table.path.relative_to(folder).as_posix() for table in found)
        raise InputError(f"{folder} has several tables of clips ({names}); keep one")
    return found[0]


ADVICE = "call them path, label (or valence for ratings) and, if known, speaker"


def _clip_tables(paths: Sequence[Path]) -> list[ClipTable]:
    return [table for path in paths if (table := _clip_table(path))]


def _clip_table(path: Path) -> ClipTable | None:
    """Return a table whose columns say which files the clips are, and something of them; None if it is another."""
    header = [(column, re.sub(r"[\W_]+", "", column)) for column in tables.header(path)]
    columns = {what: [column for column, name in header if name in names] for what, names in COLUMNS.items()}
    said = {what: found for what, found in columns.items() if found}
    return ClipTable(path, said) if "path" in said and not {"label", *SCALES}.isdisjoint(said) else None


def _has_columns(path: Path, header: Sequence[str]) -> str:
    more = f" and {len(header) - SHOWN} more" if len(header) > SHOWN else ""
    return f"{path} has the columns {', '.join(header[:SHOWN])}{more}" if header else f"{path} has no header"


def _tables(folder: Path, suffixes: Collection[str] = (*TABLE_SUFFIXES, TEXT_SUFFIX)) -> list[Path]:
    """Return the files in a folder that may be tables, sorted; without hidden ones."""
    try:
        there = sorted(folder.iterdir())
    except OSError:  # the scan names folders that cannot be opened
        return []
    return [path for path in there if _may_be_table(path, suffixes) and path.is_file()]


def _may_be_table(path: Path, suffixes: Collection[str]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith(".")


def _tables_below(folder: Path, suffixes: Collection[str] = (*TABLE_SUFFIXES, TEXT_SUFFIX)) -> list[Path]:
    below = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._")
    return [table for path in below for table in _tables(path, suffixes)]


def from_table(folder: Path, table: ClipTable, audio: Sequence[Path]) -> OwnCorpus:
    """Read your own corpus from its table.

    Args:
        folder: the corpus folder.
        table: a byte-order mark, blank lines and blanks around values are accepted. Its paths are relative to its own
            folder or to the corpus folder; backslashes are read as slashes.
        audio: the audio files below the folder; files that the table does not list are left out.

    Raises:
        InputError: a row is invalid or contradicts another row; the message says which line and why.
    """
    named: dict[Path, Clip] = {}
    lines: dict[Path, int] = {}
    column, recordings = table.column_of(), _Recordings(folder, table.path.parent, audio)
    for line, row in tables.rows(table.path):
        where = f"{table.path}, line {line}"
        said = {what: row[name] for what, name in column.items()}
        path = recordings.named(said["path"], where)
        if path in named:
            raise InputError(f"{where}: {said['path']} already has a row; remove one of the two")
        label = said.get("label", "")
        if "label" in said and not label:
            raise InputError(f"{where}: no label; add one or remove the row")
        clip = _clip(folder, path, label, _plain(said.get("speaker", "")), f"table {table.path.name}")
        named[path] = replace(clip, ratings=_ratings(said, where))
        lines[path] = line
    if not named:
        raise InputError(f"{table.path} has a header but no rows; add one row per clip")
    unified, remarks = _with_one_spelling(list(named.items()))
    clips, copies = _one_row_each(table.path, dict(unified), lines)
    others = [LeftOut(path, f"not in {table.path.name}") for path in audio if path not in named]
    unused = [one.path for one in _clip_tables(_tables_below(folder)) if one.path != table.path]
    others += [LeftOut(path, f"a table of clips beside {table.path.name}, which is used") for path in unused]
    return OwnCorpus(corpus_name(folder), _distinctly_named(clips), copies + others, remarks)


class _Recordings:
    """The files that a table may name.

    Args:
        folder: the corpus folder.
        base: the folder of the table.
        audio: the audio files below the corpus folder.
    """

    def __init__(self, folder: Path, base: Path, audio: Sequence[Path]) -> None:
        self._bases = list(dict.fromkeys((base, folder)))
        self._folder = folder
        # As macOS and Windows may write the same name: accents apart from their letters, capitals.
        self._normal = {unicodedata.normalize("NFC", path.relative_to(folder).as_posix()): path for path in audio}

    def named(self, text: str, where: str) -> Path:
        """Return the audio file that a table names.

        Raises:
            InputError: there is no such file, or it is no audio; the message says what is there instead.
        """
        if not text:
            raise InputError(f"{where}: no path; add one or remove the row")
        slashed = text.replace("\\", "/")
        for path in (base / written for written in (text, slashed) for base in self._bases):
            if os.path.lexists(path):  # not exists(): a broken link is left out by the scan, as without a table
                return _audio_file(path, text, where)
        if found := self._normal.get(unicodedata.normalize("NFC", slashed)):
            return found
        _audio_file(Path(slashed), text, where)
        near = self._spelt_otherwise(slashed)
        hint = f"there is {near}, spelt otherwise" if near else "paths are relative to the table's folder"
        raise InputError(f"{where}: there is no file {self._bases[0] / text}; {hint}")

    def _spelt_otherwise(self, text: str) -> str:
        """Return the only file that has this path but for capitals, or else this name; "" if there is none."""
        wanted = unicodedata.normalize("NFC", text).casefold()
        alike = [name for name in self._normal if name.casefold() == wanted]
        alike = alike or [name for name in self._normal if name.casefold().split("/")[-1] == wanted.split("/")[-1]]
        return alike[0] if len(alike) == 1 else ""


def _audio_file(path: Path, text: str, where: str) -> Path:
    """Return the path if its suffix is one of audio.

    Raises:
        InputError: it is another.
    """
    suffix = path.suffix.lower()
    if suffix in UNREAD_SUFFIXES | VIDEO_SUFFIXES:
        raise InputError(f"{where}: {text} is in {format_not_read(path)}, or remove the row")
    if suffix not in AUDIO_SUFFIXES:
        raise InputError(f"{where}: {text} is not an audio file; convert it to one of {USUAL}, or remove the row")
    return path


def _with_one_spelling(clips: Sequence[tuple[Path, Clip]]) -> tuple[list[tuple[Path, Clip]], list[str]]:
    """Give labels that are alike but for case, blanks or Unicode form one spelling, and say so.

    Returns:
        The clips with the most frequent spelling of each label or tag, and a sentence for each that had several.
    """
    written = Counter(part.strip() for _, clip in clips for part in clip.label.split(SEPARATOR))
    spellings: dict[str, Counter[str]] = {}
    for part, count in sorted(written.items()):
        spellings.setdefault(_plain(part).casefold(), Counter())[part] += count
    chosen = {key: _plain(parts.most_common(1)[0][0]) for key, parts in spellings.items()}

    def unified(label: str) -> str:
        return SEPARATOR.join(chosen[_plain(part).casefold()] for part in label.split(SEPARATOR))

    remarks = [
        f"{len(parts)} spellings, alike but for case, blanks or Unicode form, are the one label {chosen[key]}: "
        + ", ".join(f"{part} ({count})" for part, count in parts.items())
        for key, parts in spellings.items()
        if len(parts) > 1
    ]
    return [(path, replace(clip, label=unified(clip.label))) for path, clip in clips], remarks


def _plain(text: str) -> str:
    """Return text in Unicode's composed form, with single blanks."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _one_row_each(
    table: Path, named: Mapping[Path, Clip], lines: Mapping[Path, int]
) -> tuple[list[tuple[Path, Clip]], list[LeftOut]]:
    """Return one row per real file, and the other paths of these files; refuse rows that contradict each other."""
    first: dict[str, Path] = {}  # by real path: links make one recording look like two clips, a leak between sets
    copies = []
    for path, clip in named.items():
        earlier = first.setdefault(os.path.realpath(path), path)
        if earlier == path:
            continue
        if replace(clip, name="") != replace(named[earlier], name=""):
            raise InputError(
                f"{table}, lines {lines[earlier]} and {lines[path]}: {earlier} and {path} are the same file, but have "
                "different labels, speakers or ratings; remove the wrong row"
            )
        copies.append(LeftOut(path, "the file of another row"))
    return [(path, named[path]) for path in first.values()], copies


def _distinctly_named(clips: Sequence[tuple[Path, Clip]]) -> list[tuple[Path, Clip]]:
    """Add the file suffix to all names if two clips share a name without it, such as a.wav and a.flac."""
    if len({clip.name for _, clip in clips}) == len(clips):
        return list(clips)
    return [(path, replace(clip, name=clip.name + path.suffix)) for path, clip in clips]


def _ratings(row: Mapping[str, str], where: str) -> dict[str, float]:
    """Return the values on the scales of a row."""
    found = {}
    for scale in SCALES:
        if scale in row:
            try:
                found[scale] = float(row[scale])
            except ValueError:
                found[scale] = math.nan
            if not math.isfinite(found[scale]):
                raise InputError(
                    f"{where}: {scale} is {row[scale] or 'empty'}, not a number; correct or remove the row"
                )
    return found


def _clip(folder: Path, path: Path, label: str, speaker: str, layout: str) -> Clip:
    name = path.relative_to(folder) if path.is_relative_to(folder) else path
    return Clip(name.with_suffix("").as_posix(), label, speaker, layout)


def from_class_folders(folder: Path, audio: Sequence[Path], unread: Sequence[Path] = ()) -> OwnCorpus:
    """Read your own corpus of one folder per class.

    Args:
        folder: the corpus folder; the folders directly in it are the classes.
        audio: the audio files below the folder, none of which fits a published corpus.
        unread: recordings below the folder in formats that are not read.

    Raises:
        InputError: there are fewer than two class folders; or they are the folders of a published corpus whose files
            were renamed, so that folder names are not labels; or they are the parts of a split; or several of them
            contain the same folders, which may be the real classes; or a table in the folder or one below it may have
            the labels, but is not understood.
    """
    _refuse_tables(folder)
    every = [*audio, *unread]
    classes = sorted({path.relative_to(folder).parts[0] for path in every if path.parent != folder})
    for corpus in CORPORA.values():
        if any(corpus.folders.fullmatch(name) for name in classes):
            raise InputError(
                f"{folder} has the folders of {corpus.name} ({', '.join(classes[:3])}), but no file name fits it, "
                f"e.g. {every[0].name}; restore the original names, or give labels in a CSV of path,label[,speaker]"
            )
    if len(classes) < 2:
        raise InputError(
            f"{folder}: none of {len(every)} audio files fits a known corpus, e.g. {every[0].name}; {HOW_TO}"
        )
    _refuse_parts_of_a_split(folder, classes)
    _refuse_classes_below(folder, every)
    clips = []
    omissions = []
    for path in every:
        if path.parent == folder:
            omissions.append(LeftOut(path, "not in a class folder"))
            continue
        clip = _clip(folder, path, path.relative_to(folder).parts[0], "", "one folder per class")
        clips.append((path, clip))
    unified, remarks = _with_one_spelling(clips)
    readable = set(audio)
    omissions += [
        LeftOut(path, format_not_read(path), label=clip.label) for path, clip in unified if path not in readable
    ]
    kept = [(path, clip) for path, clip in unified if path in readable]
    return OwnCorpus(corpus_name(folder), _distinctly_named(kept), omissions, remarks)


def _refuse_tables(folder: Path) -> None:
    """Refuse a folder with a table that may have the labels: folders that are not the classes would be learned."""
    for path in folder.iterdir():
        broken = _may_be_table(path, TABLE_SUFFIXES) and path.is_symlink() and isinstance(size_or_reason(path), str)
        if broken:
            reason = size_or_reason(path)
            raise InputError(f"{path} may be the table of labels, but is not readable: {reason}; restore or remove it")
    for path in (*_tables(folder, TABLE_SUFFIXES), *_tables_below(folder, TABLE_SUFFIXES)):
        raise InputError(
            f"{_has_columns(path, tables.header(path))}; {ADVICE}, or remove the table if the folders are the classes"
        )
    for path in (*_tables(folder, SPREADSHEETS), *_tables_below(folder, SPREADSHEETS)):
        raise InputError(
            f"{path} may be the table of labels, but is not read; save it as CSV with the columns "
            "path,label[,speaker], or remove it if the folders are the classes"
        )


def _refuse_parts_of_a_split(folder: Path, classes: Sequence[str]) -> None:
    """Refuse folders such as train and test. One alone may be a class: a train is a sound too."""
    parts = [name for name in classes if SPLIT_NAMES.fullmatch(name)]
    if len(parts) > 1:
        raise InputError(
            f"{folder}: {_some(parts)} are parts of a split, not classes; name one of them, e.g. {folder / parts[0]}, "
            f"or put a CSV of path,label[,speaker] into {folder}"
        )


def _refuse_classes_below(folder: Path, audio: Sequence[Path]) -> None:
    """Refuse folders that have the same subfolders, which may be the real classes."""
    below: dict[str, set[str]] = {}  # subfolders by top folder; "" is audio directly in the top folder
    for path in audio:
        top, *rest = path.relative_to(folder).parts
        if rest:
            below.setdefault(top, set()).add(rest[0] if len(rest) > 1 else "")
    divided = {top: names for top, names in below.items() if "" not in names}
    shared = [{one, other} for one, other in combinations(divided, 2) if divided[one] & divided[other]]
    inner = set().union(*(divided[top] for pair in shared for top in pair))
    if len(inner) > 1:
        tops = set().union(*shared)
        raise InputError(
            f"{folder}: {_some(tops)} contain the same folders ({_some(inner)}), so it is unclear which are the "
            f"classes; name one of them, e.g. {folder / min(tops)}, or put a CSV of path,label[,speaker] into {folder}"
        )


def _some(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")
