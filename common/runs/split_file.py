"""A split or folds of others: `run --split PLACE`, so that results on the same folds can be compared.

PLACE is a table of clips (CSV, tabs or semicolons) or a folder of lists as EmoBox publishes them for many corpora
(Ma et al. 2024, EmoBox: Multilingual Multi-corpus Speech Emotion Recognition Toolkit and Benchmark, Interspeech). A
table has a column of clips (`CLIPS`), one of sets (`SETS`), of folds (`fold`), or both; a run's own `split.csv` is one.
With folds alone, as in ESC-50's list, the clips of each fold are tested once.
"""

import hashlib
import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from common import splits
from common.corpora import tables
from common.errors import InputError

CLIPS = ("name", "path", "file", "filename", "file_name", "wav", "clip")
"""What a column of clips is called: names of a run's `split.csv`, or paths of which the last parts are compared."""
SETS = ("set", "split", "subset", "partition")
"""What a column of sets is called."""
WORDS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation"}
WORDS |= {"dev": "validation", "test": "test", "testing": "test"}
"""What the sets are called, in tables and in the names of lists."""
LIST = re.compile(r"_(train|valid|test)_fold_(\d+)\.jsonl$")
"""The end of the name of one of EmoBox's lists."""
HELD_OUT = 0.2
"""Fraction of the training clips of a fold that validate, if the list names none: EmoBox' choice, too."""
NAMED_CLIPS = 3


@dataclass(frozen=True)
class Listed:
    """One line of a list: a clip, its fold, and its set; without a set, it is tested in its fold."""

    clip: str
    fold: str
    set: str


@dataclass(frozen=True)
class SplitFile:
    """A list of the clips of each set, as it was read.

    Attributes:
        name: of the file or folder.
        lines: what it lists.
    """

    name: str
    lines: tuple[Listed, ...]

    @property
    def digest(self) -> str:
        """The digest of what is listed, whatever the file is called."""
        words = sorted(f"{line.fold}|{line.set}|{line.clip}" for line in self.lines)
        return hashlib.sha256("\n".join(words).encode()).hexdigest()

    @property
    def in_words(self) -> str:
        """The name and the first digits of the digest, for a record."""
        return f"{self.name} ({self.digest[:12]})"

    def listed(self, clips: pd.DataFrame) -> pd.DataFrame:
        """Return the clips of a manifest that are listed.

        Raises:
            InputError: none is.
        """
        found = sorted({row for rows in self._rows(clips).values() for row in rows})
        if not found:
            raise InputError(
                f"{self.name} lists none of these clips: it has {self.lines[0].clip}, the data "
                f"{clips['name'].iloc[0]}; name a list of this corpus"
            )
        return clips.iloc[found].reset_index(drop=True)

    def remarks(self, clips: pd.DataFrame) -> list[str]:
        """Say which clips of a manifest are not listed, and which listed clips are not there."""
        rows = self._rows(clips)
        found = {row for of_clip in rows.values() for row in of_clip}
        unlisted = [name for row, name in enumerate(clips["name"]) if row not in found]
        absent = [clip for clip, of_clip in rows.items() if not of_clip]
        said = {f"left out: {len(unlisted)} of {len(clips)} clips, which {self.name} does not list": unlisted}
        said[f"{len(absent)} of {len(rows)} clips that {self.name} lists are not in the data"] = absent
        return [f"{words}, e.g. {', '.join(names[:NAMED_CLIPS])}" for words, names in said.items() if names]

    def folds(self, clips: pd.DataFrame, strata: np.ndarray, *, validated: bool, seed: int) -> list[splits.Split]:
        """Return the folds of the list, in the order of their numbers or names.

        Args:
            clips: a manifest with clips that are listed.
            strata: the label of each clip (clips,), or 0 and 1 for each tag (clips, tags).
            validated: whether each fold needs validation clips: a fifth of its training clips, if none are listed.
            seed: decides which.

        Raises:
            InputError: a clip is in two sets of a fold or tested in two folds, or a set is empty.
        """
        rows = self._rows(clips)
        folds = [
            _with_validation(self._fold(rows, fold), strata, seed) if validated else self._fold(rows, fold)
            for fold in sorted({line.fold for line in self.lines}, key=_in_order)
        ]
        tested = np.concatenate([fold.test for fold in folds])
        if len(twice := _repeated(tested)):
            raise InputError(f"{self.name}: {clips['name'].iloc[twice[0]]} is tested in two folds; list it in one")
        return folds

    def _fold(self, rows: Mapping[str, list[int]], fold: str) -> splits.Split:
        sets: dict[str, list[int]] = {name: [] for name in splits.SETS}
        for line in self.lines:
            if line.set and line.fold == fold:
                sets[line.set] += rows[line.clip]
            elif not line.set:
                sets["test" if line.fold == fold else "train"] += rows[line.clip]
        words = f"{self.name}, fold {fold}" if fold else self.name
        every = np.array([row for of_set in sets.values() for row in of_set], int)
        if len(twice := _repeated(every)):
            clip = next(clip for clip, of_clip in rows.items() if twice[0] in of_clip)
            raise InputError(f"{words}: {clip} is listed twice or in two sets; list it once")
        if empty := [name for name in ("train", "test") if not sets[name]]:
            raise InputError(f"{words}: no clip of the data is in the {empty[0]} set; name a list of this corpus")
        return splits.Split(*(np.array(sorted(sets[name]), int) for name in splits.SETS))

    def _rows(self, clips: pd.DataFrame) -> dict[str, list[int]]:
        """Return the rows of a manifest for each clip that is listed: several for the pieces of a file, or none.

        Raises:
            InputError: a listed clip may be one of several.
        """
        named: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        tails: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for row, (name, path) in enumerate(zip(clips["name"], clips["path"].map(str), strict=True)):
            named[name][path].append(row)
            for tail in _tails(path):
                tails[tail][path].append(row)
        listed, found = list(dict.fromkeys(line.clip for line in self.lines)), {}
        sharing = Counter(tail for clip in listed for tail in _tails(clip))
        for clip in listed:
            whole, *parts = _tails(clip)
            # Where speakers have files of the same names, the names alone identify none.
            alone = itertools.takewhile(lambda tail: sharing[tail] == 1, parts)
            ends = (tails[tail] for tail in (whole, *alone) if tail in tails)
            files = named[clip] if clip in named else next(ends, {})
            if len(files) > 1:
                raise InputError(f"{self.name}: {clip} may be {' or '.join(list(files)[:2])}; list more of its path")
            found[clip] = next(iter(files.values()), [])
        return found


def _tails(path: str) -> Iterator[str]:
    """Yield the last parts of a path without suffix, the longest first: `a/b/c`, `b/c`, `c`."""
    whole = PurePosixPath(path.replace("\\", "/"))
    parts = [part for part in (*whole.parts[:-1], whole.stem) if part not in ("/", ".")]
    for first in range(len(parts)):
        yield "/".join(parts[first:])


def _repeated(rows: np.ndarray) -> np.ndarray:
    values, counts = np.unique(rows, return_counts=True)
    return np.asarray(values[counts > 1])


def _in_order(fold: str) -> tuple[int, str]:
    return (int(fold), "") if fold.isdecimal() else (0, fold)


def _with_validation(fold: splits.Split, strata: np.ndarray, seed: int) -> splits.Split:
    if len(fold.validation):
        return fold
    rest, held = splits.hold_out(strata[fold.train], fraction=HELD_OUT, seed=seed)
    return splits.Split(fold.train[rest], fold.train[held], fold.test)


def read(place: Path) -> SplitFile:
    """Read a table, or a folder of EmoBox's lists.

    Raises:
        InputError: it is absent, lists no clips, or has no such columns or sets.
    """
    if not place.exists():
        raise InputError(f"--split {place}: there is no such file or folder")
    lines = tuple(_of_lists(place) if place.is_dir() else _of_table(place))
    if not lines:
        raise InputError(f"--split {place} lists no clips")
    return SplitFile(place.name, lines)


def _of_lists(folder: Path) -> Iterator[Listed]:
    found = {path: match for path in sorted(folder.rglob("*.jsonl")) if (match := LIST.search(path.name))}
    if not found:
        raise InputError(
            f"--split {folder} has no lists such as fold_1/ravdess_train_fold_1.jsonl; name a table or file"
        )
    for path, match in found.items():
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is no UTF-8 text ({error.reason}); save it as UTF-8") from error
        for number, line in enumerate(lines, start=1):
            try:
                clip = str(json.loads(line)["wav"])
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(f'{path}, line {number}: not an entry with the path of a "wav"') from error
            yield Listed(clip, match[2], WORDS[match[1]])


def _of_table(table: Path) -> Iterator[Listed]:
    columns = tables.header(table)
    clip, of_set = (next((name for name in names if name in columns), "") for names in (CLIPS, SETS))
    if not clip or not (of_set or "fold" in columns):
        raise InputError(
            f"--split {table} has the columns {', '.join(columns)}; it needs one of clips ({', '.join(CLIPS)}) and one "
            f"of sets ({', '.join(SETS)}) or `fold`"
        )
    for number, row in tables.rows(table):
        word = row.get(of_set, "").lower()
        if of_set and word not in WORDS:
            raise InputError(f"{table}, line {number}: {word!r} is no set; use train, validation or test")
        yield Listed(row[clip], row.get("fold", ""), WORDS.get(word, ""))
