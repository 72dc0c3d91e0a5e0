"""What clips are, whatever they are called and wherever they lie: digests of their bytes."""

import hashlib
from collections.abc import Sequence

import pandas as pd

from common import cache


def digests_of(clips: pd.DataFrame) -> list[str]:
    """Return what each clip is, in digits: the digest of its file's bytes, and its place in it where it is a piece."""
    paths = clips["path"].map(str)
    files = list(dict.fromkeys(paths))
    of_file = dict(zip(files, cache.file_digests(files), strict=True))
    digests = paths.map(of_file)
    if "offset" in clips:
        digests = digests + "@" + clips["offset"].map(str)
    return list(digests)


def digest_of(names: Sequence[str] | pd.Series, digests: Sequence[str]) -> str:
    """Return one digest of recordings by their names, whatever their order."""
    lines = sorted(f"{name} {digest}" for name, digest in zip(names, digests, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
