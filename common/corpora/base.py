"""What every corpus module declares, and what a scan returns."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

LABELS = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise")
"""The common words for what the corpora annotate."""

MANIFEST_COLUMNS = ("path", "name", "corpus", "speaker", "label", "group", "duration")

FORMS = {
    "original": "sizes as published",
    "re-encoded": "real clips, but not the original bytes: comparable, with this caveat",
    "mixed": "some clips as published, some re-encoded: comparable, with this caveat",
    "synthesised": "demo corpus, made by Encore: not comparable with anything published",
    "own": "a corpus of your own: there is no published count to compare with",
}
"""The forms in which a corpus is met, and what each means for a comparison."""

NAMED = 5
"""Missing clips that are named."""

DEMO_MARKER = "ENCORE-DEMO.txt"
"""The file in the root of a demo corpus that says so."""


def below_demo_marker(folder: Path) -> bool:
    """Return whether a folder is or lies in a demo corpus, judging by its absolute path."""
    return any((above / DEMO_MARKER).is_file() for above in (folder, *folder.parents))


@dataclass(frozen=True)
class Clip:
    """What a file's name says: canonical name, label, speaker within the corpus, the naming it follows in words.

    `group` is what must not be on both sides of a split; "" means the speaker.
    """

    name: str
    label: str
    speaker: str
    layout: str
    group: str = ""


@dataclass(frozen=True)
class Refusal:
    """A file that belongs to a corpus but not to the clips we use, and why."""

    reason: str


Recogniser = Callable[[Path], Clip | Refusal | None]
"""Reads the name of a file (and of its folder): a clip, a refusal, or None when no pattern of the corpus fits."""


@dataclass(frozen=True)
class Archive:
    """A corpus that comes as one archive; `known_hash` as pooch writes it (`md5:...`), None where none is published."""

    url: str
    known_hash: str | None = None


@dataclass(frozen=True)
class SingleFiles:
    """A corpus that comes file by file: the index gives paths below `url` and their SHA-256."""

    url: str


@dataclass(frozen=True)
class Corpus:
    """A published corpus: its facts, how to get it, and how its file names are read.

    `expected` counts the clips per label when the corpus is whole; `folders` matches the names of its own folders;
    `speakers` is 0 for music; `source` is None where nothing can be downloaded without a person (a registration);
    `tables` are the addresses of files that belong beside the audio.
    """

    name: str
    title: str
    citation: str
    licence: str
    address: str
    how_to_get: str
    expected: Mapping[str, int]
    speakers: int
    folders: re.Pattern[str]
    recognise: Recogniser
    source: Archive | SingleFiles | None
    tables: tuple[str, ...] = ()

    @property
    def clips(self) -> int:
        """The number of clips when the corpus is whole."""
        return sum(self.expected.values())


@dataclass(frozen=True)
class LeftOut:
    """A file that a scan met and does not use."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class Found:
    """One corpus as it lies on this disk.

    Attributes:
        corpus: its name in the manifest.
        folder: the deepest folder that holds all its clips.
        layout: which of its namings was met, in words.
        clips: how many clips are usable.
        counts: clips per label.
        expected: clips per label when whole; empty for an own corpus.
        speakers: how many speakers were met; 0 where they are unknown.
        missing_clips: names of the published clips that are absent.
        unlisted: how many clips fit the naming but are not among the published ones.
        form: a key of `FORMS`.
        omissions: the files of this corpus that are left out.
        demo: whether it is the synthesised demo corpus.
    """

    corpus: str
    folder: Path
    layout: str
    clips: int
    counts: dict[str, int]
    expected: dict[str, int]
    speakers: int
    missing_clips: list[str]
    unlisted: int
    form: str
    omissions: list[LeftOut]
    demo: bool

    @property
    def left_out(self) -> list[str]:
        """The files left out, each as `path: reason`."""
        return [str(omission) for omission in self.omissions]

    @property
    def missing(self) -> int:
        """How many of the published clips are absent."""
        return len(self.missing_clips)

    @property
    def complete(self) -> bool:
        """Whether every published clip is here (an own corpus always is)."""
        return self.missing == 0

    def facts(self) -> dict[str, Any]:
        """Return the same facts as plain values, for `--json` and records."""
        return {
            "corpus": self.corpus,
            "folder": str(self.folder),
            "layout": self.layout,
            "clips": self.clips,
            "expected_clips": sum(self.expected.values()) or None,
            "counts": self.counts,
            "expected": self.expected,
            "speakers": self.speakers,
            "missing": self.missing,
            "missing_clips": self.missing_clips,
            "unlisted": self.unlisted,
            "form": self.form,
            "left_out": self.left_out,
            "demo": self.demo,
        }

    def summary(self) -> str:
        """Say in a few lines what was found."""
        whole = sum(self.expected.values())
        of_whole = f" of {whole}" if whole else ""
        who = f"{self.speakers} speakers" if self.speakers else "no speakers named"
        lines = [
            f"{self.corpus}: {self.clips}{of_whole} clips, {who}",
            f"  folder    {self.folder}",
            f"  layout    {self.layout}",
            f"  form      {self.form} ({FORMS[self.form]})",
            f"  classes   {', '.join(self._class_counts())}",
        ]
        if self.missing and not self.demo:
            lines.append(f"  missing   {self._missing_in_words()}")
        if self.unlisted:
            lines.append(f"  unlisted  {self.unlisted} clips fit the naming but are not among the published ones")
        return "\n".join(lines + describe_omissions(self.omissions))

    def _missing_in_words(self) -> str:
        """Name the clips that are absent, the first of many."""
        named = ", ".join(self.missing_clips[:NAMED])
        more = self.missing - NAMED
        return f"{named} and {more:,} more" if more > 0 else named

    def _class_counts(self) -> list[str]:
        def of_expected(label: str) -> str:
            count, expected = self.counts.get(label, 0), self.expected.get(label, 0)
            return f"{label} {count}" if count == expected or not self.expected else f"{label} {count} of {expected}"

        return [of_expected(label) for label in {**self.expected, **self.counts}]


@dataclass(frozen=True)
class Scan:
    """What lies in the scanned folders.

    Attributes:
        manifest: one row per clip, columns `MANIFEST_COLUMNS`, sorted by (corpus, name). `speaker` and `group` are
            empty strings where an own corpus does not name its speakers: a grouped split must refuse those.
        found: one entry per corpus, in the manifest's order.
        omissions: audio files that belong to no corpus.
    """

    manifest: pd.DataFrame
    found: list[Found] = field(default_factory=list)
    omissions: list[LeftOut] = field(default_factory=list)

    @property
    def demo(self) -> bool:
        """Whether any clip is synthesised."""
        return any(found.demo for found in self.found)

    @property
    def left_out(self) -> list[str]:
        """Every file that was met and is not used, each as `path: reason`."""
        return [entry for found in self.found for entry in found.left_out] + [str(entry) for entry in self.omissions]

    def absent(self, names: Sequence[str]) -> list[str]:
        """Return those of the corpora `names` of which not one clip was found."""
        present = {found.corpus for found in self.found}
        return [name for name in names if name not in present]

    def without(self, names: Collection[str]) -> "Scan":
        """Return the same without the corpora `names`."""
        kept = self.manifest[~self.manifest["corpus"].isin(list(names))].reset_index(drop=True)
        return Scan(kept, [found for found in self.found if found.corpus not in names], self.omissions)

    def facts(self) -> dict[str, Any]:
        """Return the same facts as plain values, for `--json` and records."""
        return {
            "clips": len(self.manifest),
            "demo": self.demo,
            "found": [found.facts() for found in self.found],
            "left_out": [str(omission) for omission in self.omissions],
        }

    def summary(self) -> str:
        """Say in words what was found, what is missing and what was left out."""
        parts = [found.summary() for found in self.found]
        if self.omissions:
            parts.append("\n".join(["of no corpus:", *describe_omissions(self.omissions)]))
        return "\n\n".join(parts)


def describe_omissions(omissions: Sequence[LeftOut]) -> list[str]:
    """Return a line per reason, the commonest first: how many files, and the first of them."""
    first = {omission.reason: omission.path for omission in reversed(omissions)}
    reasons = Counter(omission.reason for omission in omissions).most_common()
    return [f"  left out  {count} x {reason}, e.g. {first[reason]}" for reason, count in reasons]
