"""A corpus of your own: a folder with a CSV of `path,label[,speaker]`, or with one folder per class.

Where speakers are not named, `speaker` stays empty in the manifest, so that splits by speaker can refuse.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from common.corpora import tables
from common.corpora.base import Clip, LeftOut
from common.corpora.files import AUDIO_SUFFIXES, size_or_reason
from common.corpora.registry import CORPORA
from common.errors import InputError

HOW_TO = (
    "for a corpus of your own, put a CSV with the columns path,label[,speaker] into the folder, or one folder per class"
)


COLUMNS = {"path", "label"}
SEPARATORS = {";": "semicolons", "\t": "tabs"}
"""What programs write between values instead of commas, in words."""


@dataclass(frozen=True)
class OwnCorpus:
    """The clips of an own corpus, each file with what is known of it, and the audio files left out."""

    name: str
    clips: list[tuple[Path, Clip]]
    omissions: list[LeftOut]


def corpus_name(folder: Path) -> str:
    """Return the name of an own corpus: its folder's, marked where a published corpus is called the same."""
    name = folder.resolve().name
    return f"own-{name}" if name in CORPORA else name


def table_in(folder: Path) -> Path | None:
    """Return the CSV in `folder` whose header has `path` and `label`, if there is one.

    Raises:
        InputError: there are several, or one whose values are separated by something else than commas.
    """
    files = [path for path in _tables(folder) if path.is_file()]
    found = [path for path in files if set(tables.header(path)) >= COLUMNS]
    if not found:
        _refuse_other_separators(files)
    if len(found) > 1:
        raise InputError(
            f"{folder} holds several tables with path and label ({', '.join(table.name for table in found)}); keep one"
        )
    return found[0] if found else None


def _refuse_other_separators(files: Sequence[Path]) -> None:
    for path, (separator, word) in product(files, SEPARATORS.items()):
        if set(tables.header(path, separator)) >= COLUMNS:
            raise InputError(f"{path}: its values are separated by {word}; save it as CSV separated by commas")


def _tables(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv" and not path.name.startswith("."))


def from_table(folder: Path, table: Path, audio: Sequence[Path]) -> OwnCorpus:
    """Read an own corpus from its CSV.

    Args:
        folder: the corpus folder, to which the paths of the table are relative.
        table: the CSV with the columns path, label and, if known, speaker; a byte-order mark, blank lines and blanks
            around values are tolerated.
        audio: the audio files below the folder; those that the table does not name are left out.

    Raises:
        InputError: a row is broken, or says something else of a file than another row does: with the file, the line and
            what is wrong with it.
    """
    named: dict[Path, Clip] = {}
    lines: dict[Path, int] = {}
    for line, row in tables.rows(table):
        path = _file_of(folder, row["path"], f"{table}, line {line}")
        if path in named:
            raise InputError(f"{table}, line {line}: {row['path']} has a row already; remove one of the two")
        if not row["label"]:
            raise InputError(f"{table}, line {line}: no label; write one or remove the row")
        named[path] = _clip(folder, path, row["label"], row.get("speaker", ""), f"table {table.name}")
        lines[path] = line
    if not named:
        raise InputError(f"{table} has a header but no rows; write one row per clip")
    clips, copies = _one_row_each(table, named, lines)
    omissions = [LeftOut(path, f"not in {table.name}") for path in audio if path not in named]
    return OwnCorpus(corpus_name(folder), _distinctly_named(clips), copies + omissions)


def _one_row_each(
    table: Path, named: Mapping[Path, Clip], lines: Mapping[Path, int]
) -> tuple[list[tuple[Path, Clip]], list[LeftOut]]:
    """Return a row for each real file, and the other paths of these files; refuse rows that contradict each other."""
    first: dict[str, Path] = {}
    copies = []
    for path, clip in named.items():
        earlier = first.setdefault(os.path.realpath(path), path)
        if earlier == path:
            continue
        if (clip.label, clip.speaker) != (named[earlier].label, named[earlier].speaker):
            raise InputError(
                f"{table}, lines {lines[earlier]} and {lines[path]}: {earlier} and {path} are one file with two labels "
                "or speakers; remove the wrong row"
            )
        copies.append(LeftOut(path, "the file of another row"))
    return [(path, named[path]) for path in first.values()], copies


def _distinctly_named(clips: Sequence[tuple[Path, Clip]]) -> list[tuple[Path, Clip]]:
    """Name clips with their suffix where two of them share a name without it: each row of a table is a clip."""
    if len({clip.name for _, clip in clips}) == len(clips):
        return list(clips)
    return [(path, replace(clip, name=clip.name + path.suffix)) for path, clip in clips]


def _file_of(folder: Path, text: str, where: str) -> Path:
    if not text:
        raise InputError(f"{where}: no path; write one or remove the row")
    path = folder / text
    if path.suffix.lower() not in AUDIO_SUFFIXES:
        raise InputError(f"{where}: {text} is no audio file that can be read ({' '.join(sorted(AUDIO_SUFFIXES))})")
    if not os.path.lexists(path):  # a link to nothing is left out by the scan, as without a table
        raise InputError(f"{where}: there is no file {path}; paths are relative to the table's folder")
    return path


def _clip(folder: Path, path: Path, label: str, speaker: str, layout: str) -> Clip:
    name = path.relative_to(folder) if path.is_relative_to(folder) else path
    return Clip(name.with_suffix("").as_posix(), label, speaker, layout)


def from_class_folders(folder: Path, audio: Sequence[Path]) -> OwnCorpus:
    """Read an own corpus of one folder per class.

    Args:
        folder: the corpus folder; the folders directly in it are the classes.
        audio: the audio files below the folder, none of which a published corpus knows.

    Raises:
        InputError: there are fewer than two class folders; they are those of a published corpus whose files have been
            renamed: their names are no labels; all of them have the same folders in them, which may be the classes; a
            table in the folder, which may say otherwise, is a link to nothing.
    """
    for table in _tables(folder):
        if table.is_symlink() and isinstance(reason := size_or_reason(table), str):
            raise InputError(f"{table} is {reason}, and may be the table of the labels; remove it if it is not")
    classes = sorted({path.relative_to(folder).parts[0] for path in audio if path.parent != folder})
    for corpus in CORPORA.values():
        if any(corpus.folders.fullmatch(name) for name in classes):
            raise InputError(
                f"{folder} has the folders of {corpus.name} ({', '.join(classes[:3])}), but no file name fits it, "
                f"e.g. {audio[0].name}; restore the original names, or name the labels in a CSV of path,label[,speaker]"
            )
    if len(classes) < 2:
        raise InputError(
            f"{folder}: {len(audio)} audio files, but no name fits a corpus we know, e.g. {audio[0].name}; {HOW_TO}"
        )
    _refuse_classes_below(folder, audio)
    clips = []
    omissions = []
    for path in audio:
        if path.parent == folder:
            omissions.append(LeftOut(path, "in no class folder"))
        else:
            label = path.relative_to(folder).parts[0]
            clips.append((path, _clip(folder, path, label.strip(), "", "one folder per class")))
    return OwnCorpus(corpus_name(folder), clips, omissions)


def _refuse_classes_below(folder: Path, audio: Sequence[Path]) -> None:
    """Refuse folders such as train and test that all hold audio in the same folders, and only there."""
    below: dict[str, set[str]] = {}
    for path in audio:
        top, *rest = path.relative_to(folder).parts
        if rest:
            below.setdefault(top, set()).add(rest[0] if len(rest) > 1 else "")
    inner = next(iter(below.values()))
    if len(inner) > 1 and "" not in inner and all(names == inner for names in below.values()):
        raise InputError(
            f"{folder}: {_some(below)} all hold the folders {_some(inner)}, so it is open which are the classes; "
            f"name one of them, e.g. {folder / min(below)}, or put a CSV of path,label[,speaker] into {folder}"
        )


def _some(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")
