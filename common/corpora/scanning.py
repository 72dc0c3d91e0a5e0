"""Scanning folders for clips: from the folders on a disk to the manifest, one row per clip.

A scan reads names and headers, never samples or values. Files that it cannot identify are listed with the reason; it
never guesses a label.
"""

import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from common.corpora import own
from common.corpora.base import MANIFEST_COLUMNS, SCALES, Clip, Corpus, Found, LeftOut, Refusal, Scan, below_demo_marker
from common.corpora.checksums import names_of, originals
from common.corpora.files import (
    ARRAY_SUFFIXES,
    AUDIO_SUFFIXES,
    VIDEO_SUFFIXES,
    duration_or_reason,
    files_below,
    in_threads,
    size_or_reason,
)
from common.corpora.registry import CORPORA
from common.errors import InputError

SECOND_COPY = "a second copy of a clip"
AUDIO_OF_ARRAY = "a second copy of a clip: the array of its features is used"
NO_PATTERN = "name does not fit any corpus"


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


def scan(folders: Sequence[Path | str]) -> Scan:
    """Find the clips of all corpora below `folders`.

    Each folder may contain one corpus, a part of one, or several. A folder with a CSV of `path,label[,speaker]` or
    `path,valence[,speaker]`, or with one folder per class and no file of a published corpus, is a corpus of your own.
    A clip that is found twice counts once.

    Args:
        folders: one or more folders.

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
    candidates, damaged = _with_durations(_unique([c for reading in readings.values() for c in reading.candidates]))
    omissions = [entry for reading in readings.values() for entry in reading.omissions] + damaged
    if not candidates:
        raise InputError(_nothing_usable(places, omissions))
    clips, copies = _one_copy_each(candidates)
    return _assemble(clips, omissions + copies)


def _read(folder: Path) -> Reading:
    """Read all names below `folder`: as your own corpus with a table, as published corpora, or as class folders."""
    if folder.is_file():
        raise InputError(f"{folder} is a file; unpack it and name the folder")
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; check the spelling")
    files = list(files_below(folder, AUDIO_SUFFIXES | VIDEO_SUFFIXES | ARRAY_SUFFIXES))
    audio = [path for path in files if path.suffix.lower() in AUDIO_SUFFIXES]
    table = own.table_in(folder)
    # A table comes first: its author has said what the files are, even if their names fit a published corpus.
    if table:
        return _own_reading(folder, own.from_table(folder, table, audio))
    reading = _published_reading(files)
    # One file of a published corpus is enough: its other folders are not classes, even if all its clips are refused.
    if reading.candidates or any(omission.corpus for omission in reading.omissions):
        return reading
    if not audio:
        raise InputError(f"{folder} has no audio ({' '.join(sorted(AUDIO_SUFFIXES))}); name another folder")
    return _own_reading(folder, own.from_class_folders(folder, audio))


def _published_reading(files: Sequence[Path]) -> Reading:
    claims, omissions = [], []
    for path in files:
        corpus, said = _recognise(path)
        if isinstance(said, Clip):
            claims.append((path, corpus, said, _root(path, said.name)))
        elif said:
            omissions.append(LeftOut(path, said.reason, corpus))
        elif path.suffix.lower() in AUDIO_SUFFIXES:
            omissions.append(LeftOut(path, NO_PATTERN))
    return _those_there(claims, omissions)


def _those_there(claims: Iterable[tuple[Path, str, Clip, Path]], omissions: Sequence[LeftOut]) -> Reading:
    """Turn each (path, corpus, clip, root) that can be opened into a candidate; add the others to `omissions`."""
    candidates, absent = [], []
    for path, corpus, clip, root in claims:
        size = size_or_reason(path)
        if isinstance(size, str):
            absent.append(LeftOut(path, size, corpus))
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
        if said:
            return corpus.name, said
    return "", None


def _is_array(path: Path) -> bool:
    return path.suffix.lower() in ARRAY_SUFFIXES


def _root(path: Path, name: str) -> Path:
    folder = name.rpartition("/")[0]
    return path.parent.parent if path.parent.name.lower() == folder.lower() else path.parent


def _own_reading(folder: Path, corpus: own.OwnCorpus) -> Reading:
    claims = [(path, corpus.name, clip, folder) for path, clip in corpus.clips]
    return _those_there(claims, [replace(omission, corpus=corpus.name) for omission in corpus.omissions])


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


def _with_durations(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[LeftOut]]:
    """Return the readable files with their durations, and the unreadable ones with the reason."""
    readable, damaged = [], []
    headers = in_threads(_duration_or_reason, candidates, "reading headers")
    for candidate, header in zip(candidates, headers, strict=True):
        if isinstance(header, str):
            damaged.append(LeftOut(candidate.path, header, candidate.corpus))
        else:
            readable.append(replace(candidate, duration=header))
    return readable, damaged


def _duration_or_reason(candidate: Candidate) -> float | str:
    of_array = CORPORA[candidate.corpus].arrays if _is_array(candidate.path) else None
    return of_array(candidate.path) if of_array else duration_or_reason(candidate.path)


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


def _assemble(clips: Sequence[Candidate], omissions: Sequence[LeftOut]) -> Scan:
    by_corpus: dict[str, list[Candidate]] = {}
    for candidate in clips:
        by_corpus.setdefault(candidate.corpus, []).append(candidate)
    found = [
        _found(corpus, members, [omission for omission in omissions if omission.corpus == corpus])
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


def _found(corpus: str, clips: Sequence[Candidate], omissions: list[LeftOut]) -> Found:
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
    )


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
