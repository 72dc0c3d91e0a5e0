"""Is a corpus on this disk the one that was published? Every file is hashed and compared with the index."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.corpora.base import Clip, below_demo_marker
from common.corpora.checksums import originals
from common.corpora.files import files_below, in_threads
from common.corpora.registry import CORPORA
from common.errors import InputError


@dataclass(frozen=True)
class Verification:
    """The outcome of `verify`.

    Attributes:
        corpus: the corpus looked for.
        folder: where.
        verified: names of the clips whose bytes are the published ones.
        re_encoded: names of the clips that are here with other bytes: re-encoded, or damaged.
        missing: names of the clips that are not here.
        unknown: paths, relative to the folder, of audio files that are none of the corpus' clips.
    """

    corpus: str
    folder: Path
    verified: list[str]
    re_encoded: list[str]
    missing: list[str]
    unknown: list[str]

    @property
    def complete(self) -> bool:
        """Whether every clip is here, in whatever form."""
        return not self.missing

    def facts(self) -> dict[str, Any]:
        """Return the same facts as plain values, for `--json`."""
        return {**vars(self), "folder": str(self.folder), "complete": self.complete}

    def summary(self) -> str:
        """Say the outcome in words, a line per kind, with an example of each."""
        clips = len(self.verified) + len(self.re_encoded) + len(self.missing)
        kinds = (
            ("verified", self.verified, "the published bytes"),
            ("re-encoded", self.re_encoded, "name known, bytes differ: re-encoded or damaged"),
            ("missing", self.missing, "not here"),
            ("unknown", self.unknown, "audio that is none of the corpus' clips"),
        )
        lines = [f"{self.corpus}: {clips} clips in {self.folder}"]
        for kind, names, meaning in kinds:
            example = f", e.g. {names[0]}" if names and kind != "verified" else ""
            lines.append(f"  {kind:<11}{len(names):>5}  {meaning}{example}")
        return "\n".join(lines)


def verify(name: str, folder: Path | str) -> Verification:
    """Compare the files of corpus `name` below `folder` with the published ones, by SHA-256.

    Args:
        name: a corpus with an index (`checksums.indexed()`).
        folder: any folder above its files, in any layout that `scan` reads.

    Raises:
        InputError: there is no such corpus or folder, or the folder holds the demo corpus.
    """
    index, folder = originals(name), Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; check the spelling")
    if below_demo_marker(folder.resolve()):
        raise InputError(f"{folder} holds the demo corpus, which is synthesised: there is nothing to verify")
    # A link to nothing, as git-annex has for what it did not fetch, is no file: its clip is missing.
    files = [path for path in files_below(folder) if path.is_file()]
    names = [_canonical_name(name, path) for path in files]
    known = [path for path, clip in zip(files, names, strict=True) if clip in index]
    digests = dict(zip(known, in_threads(_sha256, known, f"hashing {name}"), strict=True))
    found = {clip: False for clip in names if clip in index}
    for path, clip in zip(files, names, strict=True):
        if path in digests:
            found[clip] |= digests[path] == index[clip].sha256
    return Verification(
        corpus=name,
        folder=folder,
        verified=[clip for clip in index if found.get(clip)],
        re_encoded=[clip for clip in index if found.get(clip) is False],
        missing=[clip for clip in index if clip not in found],
        unknown=[path.relative_to(folder).as_posix() for path in files if path not in digests],
    )


def _canonical_name(corpus: str, path: Path) -> str:
    said = CORPORA[corpus].recognise(path.absolute())  # the folders above may tell, and "." would hide them
    return said.name if isinstance(said, Clip) else ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
