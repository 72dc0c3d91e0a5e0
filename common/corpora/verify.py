"""Compare a corpus on this disk with the published one: every file is hashed and looked up in the index."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.cache import file_digests
from common.corpora.base import Clip, below_demo_marker
from common.corpora.checksums import originals
from common.corpora.files import files_below
from common.corpora.registry import CORPORA
from common.errors import InputError


@dataclass(frozen=True)
class Verification:
    """The result of `verify`.

    Attributes:
        corpus: the corpus that was looked for.
        folder: where it was looked for.
        verified: names of the clips whose bytes are the published ones.
        re_encoded: names of the clips that were found with other bytes: re-encoded, or damaged.
        missing: names of the clips that were not found.
        unknown: paths, relative to the folder, of audio files that are not clips of the corpus.
    """

    corpus: str
    folder: Path
    verified: list[str]
    re_encoded: list[str]
    missing: list[str]
    unknown: list[str]

    @property
    def complete(self) -> bool:
        """Whether every clip was found, with the published bytes or others."""
        return not self.missing

    def facts(self) -> dict[str, Any]:
        """Return the same facts as plain values, for `--json`."""
        return {**vars(self), "folder": str(self.folder), "complete": self.complete}

    def summary(self) -> str:
        """Return the result as text: a line per kind, with an example of each."""
        clips = len(self.verified) + len(self.re_encoded) + len(self.missing)
        kinds = (
            ("verified", self.verified, "same bytes as published"),
            ("re-encoded", self.re_encoded, "name known, bytes differ: re-encoded or damaged"),
            ("missing", self.missing, "not found"),
            ("unknown", self.unknown, "audio that is not a clip of this corpus"),
        )
        lines = [f"{self.corpus}: {clips} clips in {self.folder}"]
        for kind, names, meaning in kinds:
            example = f", e.g. {names[0]}" if names and kind != "verified" else ""
            lines.append(f"  {kind:<11}{len(names):>5}  {meaning}{example}")
        return "\n".join(lines)


def verify(
    name: str, folder: Path | str, digests_of: Callable[[Sequence[Path]], Sequence[str]] = file_digests
) -> Verification:
    """Compare the files of corpus `name` below `folder` with the published ones, by SHA-256.

    Args:
        name: a corpus with an index (`checksums.indexed()`).
        folder: any folder above its files, in any layout that `scan` reads.
        digests_of: returns the SHA-256 of files, as `common.cache.file_digests`.

    Raises:
        InputError: there is no such corpus or folder, or the folder contains the demo corpus.
    """
    index, folder = originals(name), Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; check the spelling")
    # git-annex has broken links for files that it did not fetch; such a clip counts as missing.
    files = [path for path in files_below(folder) if path.is_file()]
    if any(below_demo_marker(place.resolve()) for place in {folder, *(path.parent for path in files)}):
        raise InputError(
            f"{folder} contains the demo corpus, which is synthesised and cannot be verified; name another folder"
        )
    names = [_canonical_name(name, path) for path in files]
    known = [path for path, clip in zip(files, names, strict=True) if clip in index]
    digests = dict(zip(known, digests_of(known), strict=True))
    # A clip is verified if any of its copies has the published bytes.
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
    said = CORPORA[corpus].recognise(path.absolute())  # some corpora look at parent folders, which "." would hide
    return said.name if isinstance(said, Clip) else ""
