"""The index of each corpus: path, size and SHA-256 of every published file, in `index/<corpus>.csv.xz`."""

import csv
import io
import lzma
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from common.corpora.base import Corpus
from common.errors import InputError, not_among

INDEX = Path(__file__).parent / "index"


@dataclass(frozen=True)
class Original:
    """One published file: `path` within the corpus, size in bytes, SHA-256 in hexadecimal."""

    path: str
    bytes: int
    sha256: str


@cache
def originals(corpus: str) -> dict[str, Original]:
    """Return the published files of `corpus` by canonical clip name (the path without its suffix), sorted.

    Raises:
        InputError: there is no index for `corpus`.
    """
    file = INDEX / f"{corpus}.csv.xz"
    if not file.is_file():
        raise InputError(f"Encore has no checksums of {corpus!r}{not_among(corpus, indexed())}")
    with lzma.open(file) as packed:
        rows = csv.DictReader(io.StringIO(packed.read().decode()))
        files = [Original(row["path"], int(row["bytes"]), row["sha256"]) for row in rows]
    # Without the suffix: a copy may be re-encoded as .flac or .mp3.
    return {str(PurePosixPath(file.path).with_suffix("")): file for file in sorted(files, key=lambda file: file.path)}


def names_of(corpus: Corpus, clip: Path | None = None) -> list[str]:
    """Return the canonical names of all published clips of a corpus, sorted.

    Args:
        corpus: the corpus.
        clip: the path of one of its clips. Without one, a corpus whose names are in tables beside its clips has none.

    Raises:
        InputError: such tables are missing or damaged.
    """
    if callable(corpus.names):
        return sorted(corpus.names(clip)) if clip else []
    return sorted(corpus.names) if corpus.names else list(originals(corpus.name))


def indexed() -> list[str]:
    """Return the names of the corpora that have an index."""
    return sorted(file.name.removesuffix(".csv.xz") for file in INDEX.glob("*.csv.xz"))
