"""What every corpus module declares, and what a scan returns."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

LABELS = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise")
"""The label names that all corpora of speech share."""

SCALES = ("valence", "arousal", "dominance")
"""The scales on which clips may be rated; a manifest has a column for each that some clip has."""

MANIFEST_COLUMNS = ("path", "name", "corpus", "speaker", "label", "group", "duration")

FORMS = {
    "original": "sizes as published",
    "re-encoded": "real clips, but not the original bytes: comparable, with this caveat",
    "mixed": "some clips as published, some re-encoded: comparable, with this caveat",
    "unverified": "no checksums are published: only names and counts were compared",
    "synthesised": "demo corpus, made by Encore: not comparable with published results",
    "own": "a corpus of your own: there is no published count to compare with",
}
"""How the files of a corpus relate to the published ones, and what that means for comparing results."""

NAMED = 5
"""At most this many missing clips are listed by name."""

DEMO_MARKER = "ENCORE-DEMO.txt"
"""The file in the root of a demo corpus, and in each folder of its clips, that identifies it as one."""


def below_demo_marker(folder: Path) -> bool:
    """Return whether an absolute folder is a demo corpus or inside one."""
    return any((above / DEMO_MARKER).is_file() for above in (folder, *folder.parents))


@dataclass(frozen=True)
class Clip:
    """What the name of a file says about it.

    Attributes:
        name: the canonical clip name, a path within the corpus without the suffix.
        label: its true label.
        speaker: within the corpus; "" if unknown or for music.
        layout: which naming of the corpus the file follows, in words.
        group: clips of one group must be on one side of a split; "" means the speaker is the group.
        ratings: its values on the `SCALES` that were rated.
    """

    name: str
    label: str
    speaker: str
    layout: str
    group: str = ""
    ratings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """A file of a corpus that is not one of the clips we use, with the reason."""

    reason: str


Recogniser = Callable[[Path], Clip | Refusal | None]
"""Reads the name of a file and of its folder: returns a clip, a refusal, or None if the corpus' naming does not fit."""


@dataclass(frozen=True)
class Archive:
    """A corpus published as one archive; `known_hash` in pooch's form (`md5:...`), None if no hash is published."""

    url: str
    known_hash: str | None = None


@dataclass(frozen=True)
class SingleFiles:
    """A corpus published file by file: the index has the paths below `url` and their SHA-256."""

    url: str


@dataclass(frozen=True)
class Corpus:
    """A published corpus: its facts, how to get it, and how its file names are read.

    Attributes:
        name: its name in manifests and on the command line.
        title: its full title.
        citation: the paper to cite.
        licence: in words.
        address: its web page.
        how_to_get: what a person has to do, in a sentence.
        expected: clips per label in the complete corpus.
        speakers: their number; 0 for music.
        folders: matches the names of the corpus' own folders.
        recognise: reads a file name.
        source: what to download; None if the corpus requires a registration.
        tables: addresses of files that belong beside the audio.
        names: the canonical names of all clips, if no checksums are published; else the index has them. If the names
            are in tables beside the clips, a function that reads them, given the path of a clip; the tables of clips
            with different labels may be different ones.
        in_parts: if its labels are parts that people may have without the others: then no clip of a part is missing
            if none is found.
        arrays: if a clip may also be a `.npy` file of its features: returns the duration in seconds of such a file, or
            the reason why it is not usable.
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
    names: tuple[str, ...] | Callable[[Path], Collection[str]] = ()
    in_parts: bool = False
    arrays: Callable[[Path], float | str] | None = None

    @property
    def clips(self) -> int:
        """The number of clips in the complete corpus."""
        return sum(self.expected.values())


@dataclass(frozen=True)
class LeftOut:
    """A file that a scan found and does not use.

    `corpus` is the one that its name fits, and `label` its label in a corpus of your own; "" if there is none.
    """

    path: Path
    reason: str
    corpus: str = ""
    label: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class Found:
    """One corpus as a scan found it on this disk.

    Attributes:
        corpus: its name in the manifest.
        folder: the deepest folder that contains all its clips.
        layout: which of its namings was found, in words.
        clips: number of usable clips.
        counts: clips per label.
        expected: clips per label in the complete corpus, of its parts that were found; empty for your own corpus.
        speakers: number of speakers; 0 if they are unknown.
        missing_clips: names of the published clips that were not found.
        unlisted: number of clips that fit the naming but are not among the published ones.
        form: a key of `FORMS`.
        omissions: the files of this corpus that are left out.
        demo: whether it is the synthesised demo corpus.
        remarks: what a reader of results should know of it, one sentence each.
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
    remarks: list[str] = field(default_factory=list)

    @property
    def left_out(self) -> list[str]:
        """The files left out, each as `path: reason`."""
        return [str(omission) for omission in self.omissions]

    @property
    def missing(self) -> int:
        """Number of published clips that were not found."""
        return len(self.missing_clips)

    @property
    def complete(self) -> bool:
        """Whether every published clip was found; always true for your own corpus."""
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
            "remarks": self.remarks,
            "demo": self.demo,
        }

    def summary(self) -> str:
        """Describe in a few lines what was found."""
        whole = sum(self.expected.values())
        of_whole = f" of {whole}" if whole else ""
        who = f"{self.speakers} speakers" if self.speakers else "speakers unknown"
        lines = [
            f"{self.corpus}: {self.clips}{of_whole} clips, {who}",
            f"  folder    {self.folder}",
            f"  layout    {self.layout}",
            f"  form      {self.form} ({FORMS[self.form]})",
            f"  classes   {', '.join(self._class_counts()) or 'none'}",
        ]
        if self.missing and not self.demo:  # a small demo corpus lacks thousands of clips by design
            lines.append(f"  missing   {self._missing_in_words()}")
        if self.unlisted:
            lines.append(f"  unlisted  {self.unlisted} clips fit the naming but are not among the published ones")
        lines += [f"  note      {remark}" for remark in self.remarks]
        return "\n".join(lines + describe_omissions(self.omissions))

    def _missing_in_words(self) -> str:
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
    """What the scanned folders contain.

    Attributes:
        manifest: one row per clip, columns `MANIFEST_COLUMNS` and the rated `SCALES`, sorted by (corpus, name).
            `speaker` and `group` are empty strings if your own corpus does not name its speakers: a grouped split must
            refuse those rows.
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
    def every_omission(self) -> list[LeftOut]:
        """Every file that was found and is not used."""
        return [entry for found in self.found for entry in found.omissions] + self.omissions

    @property
    def left_out(self) -> list[str]:
        """Every file that was found and is not used, each as `path: reason`."""
        return list(map(str, self.every_omission))

    def absent(self, names: Sequence[str]) -> list[str]:
        """Return the corpora among `names` without a single clip."""
        present = {found.corpus for found in self.found}
        return [name for name in names if name not in present]

    def without(self, names: Collection[str]) -> "Scan":
        """Return this scan without the corpora `names`."""
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
        """Describe what was found, what is missing and what was left out."""
        parts = [found.summary() for found in self.found]
        if self.omissions:
            parts.append("\n".join(["files of no corpus:", *describe_omissions(self.omissions)]))
        return "\n\n".join(parts)


def describe_omissions(omissions: Sequence[LeftOut]) -> list[str]:
    """Return a line per reason, the most frequent first: the number of files, and the first of them."""
    first = {omission.reason: omission.path for omission in reversed(omissions)}
    reasons = Counter(omission.reason for omission in omissions).most_common()
    return [f"  left out  {count} x {reason}, e.g. {first[reason]}" for reason, count in reasons]
