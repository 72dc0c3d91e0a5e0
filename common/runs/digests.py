"""Digests of clips: they identify recordings by their content, whatever the names and folders of the files."""

import hashlib
from collections.abc import Callable, Sequence

import pandas as pd

from common import cache
from common.signals import sounds


def digests_of(clips: pd.DataFrame) -> list[str]:
    """Return the digest of each clip: that of its file, with `@` and the offset (s) if the clip is a piece of it."""
    return _of_clips(clips, cache.file_digests)


def sounds_of(clips: pd.DataFrame) -> list[str]:
    """Return the same, but the digest of the samples in each file: a WAV file and its FLAC copy are one sound."""
    return _of_clips(clips, sounds.digests)


def _of_clips(clips: pd.DataFrame, digests: Callable[[Sequence[str]], list[str]]) -> list[str]:
    paths = clips["path"].map(str)
    files = list(dict.fromkeys(paths))  # pieces of one file: it is read once
    found = paths.map(dict(zip(files, digests(files), strict=True)))
    if "offset" in clips:
        found = found + "@" + clips["offset"].map(str)
    return list(found)


def digest_of(names: Sequence[str] | pd.Series, digests: Sequence[str]) -> str:
    """Return one digest of all recordings with their names; their order does not matter."""
    lines = sorted(f"{name} {digest}" for name, digest in zip(names, digests, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
