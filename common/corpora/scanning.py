"""Scanning folders for clips: from the folders on a disk to the manifest, one row per clip.

A scan reads names, headers and the end of each file; a thorough one decodes all samples. Files that it cannot identify
or read are listed with the reason; it never guesses a label. Files that are listed in `LEAVE_OUT` are left out.
"""

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common import files
from common.corpora import own
from common.corpora.base import MANIFEST_COLUMNS, SCALES, Clip, Corpus, Found, LeftOut, Refusal, Scan, below_demo_marker
from common.corpora.checksums import names_of, originals
from common.corpora.files import (
    ARRAY_SUFFIXES,
    AUDIO_SUFFIXES,
    UNREAD_SUFFIXES,
    USUAL,
    VIDEO_SUFFIXES,
    decoded_or_reason,
    duration_or_reason,
    files_below,
    format_not_read,
    size_or_reason,
)
from common.corpora.registry import CORPORA
from common.errors import InputError
from common.threads import in_threads

SECOND_COPY = "a second copy of a clip"
AUDIO_OF_ARRAY = "a second copy of a clip: the array of its features is used"
NO_PATTERN = "name does not fit any corpus"

LEAVE_OUT = "encore-leave-out.txt"
"""A list of files in a scanned folder that are left out, one path per line, relative to the folder or absolute."""
LISTED = f"listed in {LEAVE_OUT}"


Apply = Callable[[Callable[[Any], Any], Sequence[Any], str], list[Any]]
"""Applies a function of a module to every item, in order, with progress under a label."""


@dataclass(frozen=True)
class Candidate:
    """A file whose name fits a clip of `corpus`; `root` is the folder that its canonical name is relative to."""

    path: Path
    corpus: str
    clip: Clip
    root: Path
    size: int
    duration: float = 0.0


@dataclass(frozen=True)
class Reading:
    """What the file names below one folder say."""

    candidates: list[Candidate]
    omissions: list[LeftOut]
    remarks: Mapping[str, list[str]] = field(default_factory=dict)  # by corpus


def scan(folders: Sequence[Path | str], *, thorough: bool = False, apply: Apply = in_threads) -> Scan:
    """Find the clips of all corpora below `folders`.

    Each folder may contain one corpus, a part of one, or several. A folder with a CSV of `path,label[,speaker]` or
    `path,valence[,speaker]`, or with one folder per class and no file of a published corpus, is a corpus of your own.
    A clip that is found twice counts once.

    Args:
        folders: one or more folders.
        thorough: decode every file, to find damage in the middle of one.
        apply: applies a function to many files, with progress under a label: in threads, or on a cluster.

    Returns:
        The manifest, and for each corpus what was found, missing and left out.

    Raises:
        InputError: a folder does not exist, has no audio, or none that fits a corpus.
    """
    if not folders:
        raise InputError("no folder given; name at least one folder with audio")
    # abspath, not resolve: links keep the folder names that some corpora are recognised by.
    places = list(dict.fromkeys(Path(os.path.abspath(Path(folder).expanduser())) for folder in folders))  # noqa: PTH100
    readings = {place: _read(place) for place in places}
    wanted, unwanted = _without_listed(
        _unique([c for reading in readings.values() for c in reading.candidates]), places
    )
    candidates, damaged = _with_durations(wanted, apply, thorough=thorough)
    omissions = [entry for reading in readings.values() for entry in reading.omissions] + unwanted + damaged
    if not candidates:
        raise InputError(_nothing_usable(places, omissions))
    clips, copies = _one_copy_each(candidates)
    remarks = {corpus: said for reading in readings.values() for corpus, said in reading.remarks.items()}
    return _assemble(clips, omissions + copies, remarks)


def _read(folder: Path) -> Reading:
    """Read all names below `folder`, and name the folders below it that cannot be opened."""
    if folder.is_file():
        a_table = folder.suffix.lower() in own.TABLE_SUFFIXES | own.SPREADSHEETS
        what = "name the folder that it lies in" if a_table else "unpack it and name the folder"
        raise InputError(f"{folder} is a file; {what}")
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; check the spelling")
    unreadable: list[OSError] = []
    there = list(files_below(folder, AUDIO_SUFFIXES | UNREAD_SUFFIXES | VIDEO_SUFFIXES | ARRAY_SUFFIXES, unreadable))
    closed = [LeftOut(Path(e.filename), f"a folder that cannot be opened ({e.strerror})") for e in unreadable]
    if not there:
        reasons = "".join(f"; {entry}" for entry in closed)
        raise InputError(f"{folder} has no audio ({USUAL}){reasons}; name another folder")
    reading = _reading(folder, there)
    return replace(reading, omissions=[*reading.omissions, *closed])


def _reading(folder: Path, there: Sequence[Path]) -> Reading:
    """Read names as your own corpus with a table, as published corpora, or as class folders."""
    audio = [path for path in there if path.suffix.lower() in AUDIO_SUFFIXES]
    unread = [path for path in there if path.suffix.lower() in UNREAD_SUFFIXES | VIDEO_SUFFIXES]
    tables = own.tables_in(folder)
    named = [table for table in tables if not table.of_published]

    def by_table(found: Sequence[own.ClipTable]) -> Reading:
        return _own_reading(folder, own.from_table(folder, own.the_only(folder, found), audio), unread)

    # A table comes first: its author has said what the files are, even if their names fit a published corpus.
    if named and named[0].path.parent == folder:
        return by_table(named)
    reading = _published_reading(there)
    # One file of a published corpus is enough: its other folders are not classes, even if all its clips are refused.
    if reading.candidates or any(omission.corpus for omission in reading.omissions):
        unused = [LeftOut(table.path, "a table of clips below a folder with a published corpus") for table in named]
        return replace(reading, omissions=[*reading.omissions, *unused])
    if tables:
        return by_table(tables)
    if not (audio or unread):
        raise InputError(f"{folder} has no audio ({USUAL}); name another folder")
    return _own_reading(folder, own.from_class_folders(folder, audio, unread))


def _published_reading(there: Sequence[Path]) -> Reading:
    claims, omissions = [], []
    for path in there:
        corpus, said = _recognise(path)
        if isinstance(said, Clip):
            claims.append((path, corpus, said, _root(path, said.name)))
        elif said:
            omissions.append(LeftOut(path, said.reason, corpus))
        elif path.suffix.lower() in UNREAD_SUFFIXES | VIDEO_SUFFIXES:
            omissions.append(LeftOut(path, format_not_read(path)))
        elif path.suffix.lower() in AUDIO_SUFFIXES:
            omissions.append(LeftOut(path, NO_PATTERN))
    return _those_there(claims, omissions)


def _those_there(claims: Iterable[tuple[Path, str, Clip, Path]], omissions: Sequence[LeftOut]) -> Reading:
    """Turn each (path, corpus, clip, root) that can be opened into a candidate; add the others to `omissions`."""
    candidates, absent = [], []
    for path, corpus, clip, root in claims:
        size = size_or_reason(path)
        if isinstance(size, str):
            absent.append(LeftOut(path, size, corpus, clip.label))
        else:
            candidates.append(Candidate(path, corpus, clip, root, size))
    return Reading(candidates, [*omissions, *absent])


def _recognise(path: Path) -> tuple[str, Clip | Refusal | None]:
    for corpus in CORPORA.values():
        if _is_array(path) and not corpus.arrays:
            continue
        said = corpus.recognise(path)
        if isinstance(said, Clip) and path.suffix.lower() in VIDEO_SUFFIXES:
            return corpus.name, Refusal("video, not an audio-only clip")
        if isinstance(said, Clip) and path.suffix.lower() in UNREAD_SUFFIXES:
            return corpus.name, Refusal(format_not_read(path))
        if said:
            return corpus.name, said
    return "", None


def _is_array(path: Path) -> bool:
    return path.suffix.lower() in ARRAY_SUFFIXES


def _root(path: Path, name: str) -> Path:
    folder = name.rpartition("/")[0]
    return path.parent.parent if path.parent.name.lower() == folder.lower() else path.parent


def _own_reading(folder: Path, corpus: own.OwnCorpus, unread: Sequence[Path] = ()) -> Reading:
    claims = [(path, corpus.name, clip, folder) for path, clip in corpus.clips]
    named = {omission.path for omission in corpus.omissions}
    others = [LeftOut(path, format_not_read(path)) for path in unread if path not in named]
    omissions = [replace(omission, corpus=corpus.name) for omission in (*corpus.omissions, *others)]
    return replace(_those_there(claims, omissions), remarks={corpus.name: corpus.remarks})


def _without_listed(candidates: Sequence[Candidate], places: Sequence[Path]) -> tuple[list[Candidate], list[LeftOut]]:
    """Return the files that are not in the list of a scanned folder, and those that are."""
    listed = {name for place in places for name in _listed_in(place)}
    if not listed:
        return list(candidates), []
    kept: list[Candidate] = []
    omissions = []
    for candidate in candidates:
        if os.path.realpath(candidate.path) in listed:
            omissions.append(LeftOut(candidate.path, LISTED, candidate.corpus, candidate.clip.label))
        else:
            kept.append(candidate)
    return kept, omissions


def _listed_in(folder: Path) -> Iterable[str]:
    """Yield the real path of each file in the list of a folder.

    Raises:
        InputError: there is no such file: the list would leave out less than it says.
    """
    place = folder / LEAVE_OUT
    if not place.is_file():
        return
    for number, line in enumerate(place.read_text(encoding="utf-8-sig").splitlines(), 1):
        name = line.strip()
        if name and not name.startswith("#"):
            if not os.path.lexists(folder / name):
                raise InputError(f"{place}, line {number}: there is no file {name}; correct or remove the line")
            yield os.path.realpath(folder / name)


def _unique(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Drop duplicates, because the given folders may overlap; refuse two corpora of your own with the same name."""
    unique = list({os.path.realpath(candidate.path): candidate for candidate in reversed(candidates)}.values())
    roots: dict[str, Path] = {}
    for candidate in unique:
        root = roots.setdefault(candidate.corpus, candidate.root)
        if candidate.corpus not in CORPORA and root != candidate.root:
            raise InputError(
                f"two corpora are both called {candidate.corpus}: {root} and {candidate.root}; rename one folder"
            )
    return unique


def write_list(place: Path, paths: Sequence[str]) -> None:
    """Write a list of files to leave out, for `LEAVE_OUT` in the folder of their corpus."""
    files.write_text(place, "".join(f"{os.path.abspath(path)}\n" for path in paths))  # noqa: PTH100 (links are kept)


def _with_durations(
    candidates: Sequence[Candidate], apply: Apply, *, thorough: bool
) -> tuple[list[Candidate], list[LeftOut]]:
    """Return the readable files with their durations, and the unreadable ones with the reason."""
    readable, damaged = [], []
    look = partial(_duration_or_reason, of_audio=decoded_or_reason if thorough else duration_or_reason)
    headers = apply(look, candidates, "decoding" if thorough else "reading headers")
    for candidate, header in zip(candidates, headers, strict=True):
        if isinstance(header, str):
            damaged.append(LeftOut(candidate.path, header, candidate.corpus, candidate.clip.label))
        else:
            readable.append(replace(candidate, duration=header))
    return readable, damaged


def _duration_or_reason(candidate: Candidate, of_audio: Callable[[Path], float | str]) -> float | str:
    of_array = CORPORA[candidate.corpus].arrays if _is_array(candidate.path) else None
    return (of_array or of_audio)(candidate.path)


def _one_copy_each(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[LeftOut]]:
    """Keep one file per clip: features before audio, an original before a re-encoded one, fewer folders before more.

    Features come first because they are what the corpus publishes for learning: others would differ in the details.
    """
    kept: dict[tuple[str, str], Candidate] = {}
    copies = []
    order = sorted(candidates, key=lambda c: (not _is_array(c.path), not _is_original(c), len(c.path.parts), c.path))
    for candidate in order:
        key = (candidate.corpus, candidate.clip.name)
        if key in kept:
            of_array = _is_array(kept[key].path) and not _is_array(candidate.path)
            reason = AUDIO_OF_ARRAY if of_array else SECOND_COPY
            copies.append(LeftOut(candidate.path, reason, candidate.corpus))
        else:
            kept[key] = candidate
    return [kept[key] for key in sorted(kept)], sorted(copies, key=lambda copy: copy.path)


def _is_original(candidate: Candidate) -> bool:
    """Return whether suffix and size are those of the published file: cheap, and enough to detect re-encoded copies."""
    if candidate.corpus not in CORPORA or CORPORA[candidate.corpus].names:
        return False
    original = originals(candidate.corpus).get(candidate.clip.name)
    suffix = candidate.path.suffix.lower()
    return original is not None and original.bytes == candidate.size and original.path.endswith(suffix)


def _nothing_usable(places: Sequence[Path], omissions: Sequence[LeftOut]) -> str:
    reasons = Counter(omission.reason for omission in omissions).most_common(3)
    return f"no usable clip in {', '.join(map(str, places))}: " + "; ".join(f"{n} x {reason}" for reason, n in reasons)


def _assemble(clips: Sequence[Candidate], omissions: Sequence[LeftOut], remarks: Mapping[str, Sequence[str]]) -> Scan:
    by_corpus: dict[str, list[Candidate]] = {}
    for candidate in clips:
        by_corpus.setdefault(candidate.corpus, []).append(candidate)
    found = [
        _found(corpus, members, [one for one in omissions if one.corpus == corpus], remarks.get(corpus, []))
        for corpus, members in by_corpus.items()
    ]
    unowned = [omission for omission in omissions if omission.corpus not in by_corpus]
    return Scan(_manifest(clips), found, _assign_by_folder(found, unowned))


def _assign_by_folder(found: Sequence[Found], omissions: Sequence[LeftOut]) -> list[LeftOut]:
    """Add each omission to the corpus in whose folder it is; return those in the folder of none or of several."""
    rest: list[LeftOut] = []
    for omission in omissions:
        around = [entry for entry in found if omission.path.is_relative_to(entry.folder)]
        (around[0].omissions if len(around) == 1 else rest).append(omission)
    return rest


def _manifest(clips: Sequence[Candidate]) -> pd.DataFrame:
    # The corpus is part of the speaker's name: speaker 01 of two corpora is two people.
    speakers = [f"{c.corpus}-{c.clip.speaker}" if c.clip.speaker else "" for c in clips]
    columns = (
        [str(c.path) for c in clips],
        [c.clip.name for c in clips],
        [c.corpus for c in clips],
        speakers,
        [c.clip.label for c in clips],
        [c.clip.group or speaker for c, speaker in zip(clips, speakers, strict=True)],
        [c.duration for c in clips],
    )
    manifest = pd.DataFrame(dict(zip(MANIFEST_COLUMNS, columns, strict=True)))
    ratings = {scale: [c.clip.ratings.get(scale, math.nan) for c in clips] for scale in SCALES}
    return manifest.assign(**{scale: values for scale, values in ratings.items() if not np.isnan(values).all()})


def _found(corpus: str, clips: Sequence[Candidate], omissions: list[LeftOut], remarks: Sequence[str]) -> Found:
    published = CORPORA.get(corpus)
    listed = _listed(published, clips) if published else []
    names = {c.clip.name for c in clips}
    known = len(names.intersection(listed))
    counts = Counter(c.clip.label for c in clips if c.clip.label)  # clips of your own may be rated, not labelled
    expected = dict(published.expected) if published else {}
    if published and published.in_parts:
        expected = {part: number for part, number in expected.items() if counts[part]}
    demo = any(below_demo_marker(folder) for folder in {c.path.parent for c in clips})
    return Found(
        corpus=corpus,
        folder=Path(os.path.commonpath([c.root for c in clips])),
        layout=_layout(clips),
        clips=len(clips),
        counts={label: counts[label] for label in (expected if published else sorted(counts))},
        expected=expected,
        speakers=len({c.clip.speaker for c in clips if c.clip.speaker}),
        missing_clips=[name for name in listed if name not in names],
        unlisted=len(clips) - known if published else 0,
        form="synthesised" if demo else _form(published, clips) if published else "own",
        omissions=omissions,
        demo=demo,
        remarks=[*remarks, *([] if published else _lost_classes(counts, omissions))],
    )


def _lost_classes(counts: Mapping[str, int], omissions: Sequence[LeftOut]) -> list[str]:
    """Return a sentence about each class of your own corpus of which nothing can be read."""
    lost = Counter(omission.label for omission in omissions if omission.label and omission.label not in counts)
    return [f"{label} is no class here: none of its {count} files can be used" for label, count in sorted(lost.items())]


def _listed(corpus: Corpus, clips: Sequence[Candidate]) -> list[str]:
    """Return the names of the published clips, sorted; if they are in tables, of those near a clip of each label."""
    if not callable(corpus.names):
        return names_of(corpus)
    one_of_each = {c.clip.label: c.path for c in clips}.values()
    return sorted({name for path in one_of_each for name in names_of(corpus, path)})


def _layout(clips: Sequence[Candidate]) -> str:
    layouts = Counter(c.clip.layout for c in clips).most_common()
    words = layouts[0][0] if len(layouts) == 1 else "; ".join(f"{layout}: {count}" for layout, count in layouts)
    # Some archives unpack into a folder of their own name inside another one of that name.
    doubled = any(root.name.lower() == root.parent.name.lower() for root in {c.root for c in clips})
    return f"{words}, in a doubled folder" if doubled else words


def _form(corpus: Corpus, clips: Sequence[Candidate]) -> str:
    if corpus.names:
        return "unverified"
    as_published = sum(map(_is_original, clips))
    return {len(clips): "original", 0: "re-encoded"}.get(as_published, "mixed")
