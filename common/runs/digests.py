"""Digests of clips: they identify recordings by their bytes, whatever the names and folders of the files."""

import hashlib
from collections.abc import Sequence

import pandas as pd

from common import cache


def digests_of(clips: pd.DataFrame) -> list[str]:
    """Return the digest of each clip: that of its file, with `@` and the offset (s) if the clip is a piece of it."""
    paths = clips["path"].map(str)
    files = list(dict.fromkeys(paths))  # pieces of one file: it is read once
    of_file = dict(zip(files, cache.file_digests(files), strict=True))
    digests = paths.map(of_file)
    if "offset" in clips:
        digests = digests + "@" + clips["offset"].map(str)
    return list(digests)


def digest_of(names: Sequence[str] | pd.Series, digests: Sequence[str]) -> str:
    """Return one digest of all recordings with their names; their order does not matter."""
    lines = sorted(f"{name} {digest}" for name, digest in zip(names, digests, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
