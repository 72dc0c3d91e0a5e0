"""A corpus of your own: a folder with a CSV of `path,label[,speaker]`, or with one folder per class.

For a regression the CSV has ratings, `path,valence[,speaker]`, beside a label or in place of it.

If speakers are not named, `speaker` is empty in the manifest, and splits by speaker refuse such clips.
"""

import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from common.corpora import tables
from common.corpora.base import SCALES, Clip, LeftOut
from common.corpora.files import AUDIO_SUFFIXES, size_or_reason
from common.corpora.registry import CORPORA
from common.errors import InputError

HOW_TO = (
    "for a corpus of your own, put a CSV with the columns path,label[,speaker], or path,valence[,speaker] for ratings, "
    "into the folder, or one folder per class"
)

SAID = {"label", *SCALES}
"""What a table may say of a clip; it has at least one of these columns."""
SEPARATORS = {";": "semicolons", "\t": "tabs"}
"""Separators that spreadsheets write instead of commas, with their names."""


@dataclass(frozen=True)
class OwnCorpus:
    """The clips of your own corpus, and the audio files left out."""

    name: str
    clips: list[tuple[Path, Clip]]
    omissions: list[LeftOut]


def corpus_name(folder: Path) -> str:
    """Return the name of your own corpus: its folder's, with a prefix if a published corpus has the same name."""
    name = folder.resolve().name
    return f"own-{name}" if name in CORPORA else name


def table_in(folder: Path) -> Path | None:
    """Return the CSV in `folder` whose header has `path`, and `label` or a scale such as `valence`, if there is one.

    Raises:
        InputError: there are several; or there is one that is not separated by commas; or one has `path`, but says
            nothing of the clips.
    """
    files = [path for path in _tables(folder) if path.is_file()]
    found = [path for path in files if _is_table(tables.header(path))]
    if not found:
        _refuse_others(files)
    if len(found) > 1:
        names = ", ".join(table.name for table in found)
        raise InputError(f"{folder} has several tables of clips ({names}); keep one")
    return found[0] if found else None


def _is_table(header: Sequence[str]) -> bool:
    return "path" in header and not SAID.isdisjoint(header)


def _refuse_others(files: Sequence[Path]) -> None:
    for path in files:
        header = tables.header(path)
        if "path" in header:
            raise InputError(
                f"{path} has the columns {', '.join(header)}, but neither label nor {' nor '.join(SCALES)}; "
                "add the column that is to be learned"
            )
    for path, (separator, word) in product(files, SEPARATORS.items()):
        if _is_table(tables.header(path, separator)):
            raise InputError(f"{path}: its values are separated by {word}; save it as CSV separated by commas")


def _tables(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv" and not path.name.startswith("."))


def from_table(folder: Path, table: Path, audio: Sequence[Path]) -> OwnCorpus:
    """Read your own corpus from its CSV.

    Args:
        folder: the corpus folder; paths in the table are relative to it.
        table: the CSV with the columns path, label or `SCALES`, and, if known, speaker; a byte-order mark, blank lines
            and blanks around values are accepted.
        audio: the audio files below the folder; files that the table does not list are left out.

    Raises:
        InputError: a row is invalid or contradicts another row; the message says which line and why.
    """
    named: dict[Path, Clip] = {}
    lines: dict[Path, int] = {}
    for line, row in tables.rows(table):
        path = _file_of(folder, row["path"], f"{table}, line {line}")
        if path in named:
            raise InputError(f"{table}, line {line}: {row['path']} already has a row; remove one of the two")
        label = row.get("label", "")
        if "label" in row and not label:
            raise InputError(f"{table}, line {line}: no label; add one or remove the row")
        clip = _clip(folder, path, label, row.get("speaker", ""), f"table {table.name}")
        named[path] = replace(clip, ratings=_ratings(row, f"{table}, line {line}"))
        lines[path] = line
    if not named:
        raise InputError(f"{table} has a header but no rows; add one row per clip")
    clips, copies = _one_row_each(table, named, lines)
    omissions = [LeftOut(path, f"not in {table.name}") for path in audio if path not in named]
    return OwnCorpus(corpus_name(folder), _distinctly_named(clips), copies + omissions)


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


def _file_of(folder: Path, text: str, where: str) -> Path:
    if not text:
        raise InputError(f"{where}: no path; add one or remove the row")
    path = folder / text
    if path.suffix.lower() not in AUDIO_SUFFIXES:
        readable = " ".join(sorted(AUDIO_SUFFIXES))
        raise InputError(f"{where}: {text} is not an audio file; convert it to one of {readable}, or remove the row")
    if not os.path.lexists(path):  # not exists(): a broken link is left out by the scan, as without a table
        raise InputError(f"{where}: there is no file {path}; paths are relative to the table's folder")
    return path


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


def from_class_folders(folder: Path, audio: Sequence[Path]) -> OwnCorpus:
    """Read your own corpus of one folder per class.

    Args:
        folder: the corpus folder; the folders directly in it are the classes.
        audio: the audio files below the folder, none of which fits a published corpus.

    Raises:
        InputError: there are fewer than two class folders; or they are the folders of a published corpus whose files
            were renamed, so that folder names are not labels; or all of them contain the same folders, which may be
            the real classes; or a CSV in the folder, which may be the table of labels, is a broken link.
    """
    for table in _tables(folder):
        if table.is_symlink() and isinstance(reason := size_or_reason(table), str):
            raise InputError(f"{table} may be the table of labels, but is not readable: {reason}; restore or remove it")
    classes = sorted({path.relative_to(folder).parts[0] for path in audio if path.parent != folder})
    for corpus in CORPORA.values():
        if any(corpus.folders.fullmatch(name) for name in classes):
            raise InputError(
                f"{folder} has the folders of {corpus.name} ({', '.join(classes[:3])}), but no file name fits it, "
                f"e.g. {audio[0].name}; restore the original names, or give labels in a CSV of path,label[,speaker]"
            )
    if len(classes) < 2:
        raise InputError(
            f"{folder}: none of {len(audio)} audio files fits a known corpus, e.g. {audio[0].name}; {HOW_TO}"
        )
    _refuse_classes_below(folder, audio)
    clips = []
    omissions = []
    for path in audio:
        if path.parent == folder:
            omissions.append(LeftOut(path, "not in a class folder"))
        else:
            label = path.relative_to(folder).parts[0]
            clips.append((path, _clip(folder, path, label.strip(), "", "one folder per class")))
    return OwnCorpus(corpus_name(folder), clips, omissions)


def _refuse_classes_below(folder: Path, audio: Sequence[Path]) -> None:
    """Refuse folders such as train and test, which have all their audio in the same subfolders: the real classes."""
    below: dict[str, set[str]] = {}  # subfolders by top folder; "" is audio directly in the top folder
    for path in audio:
        top, *rest = path.relative_to(folder).parts
        if rest:
            below.setdefault(top, set()).add(rest[0] if len(rest) > 1 else "")
    inner = next(iter(below.values()))
    if len(inner) > 1 and "" not in inner and all(names == inner for names in below.values()):
        raise InputError(
            f"{folder}: {_some(below)} all contain the folders {_some(inner)}, so it is unclear which are the classes; "
            f"name one of them, e.g. {folder / min(below)}, or put a CSV of path,label[,speaker] into {folder}"
        )


def _some(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")
