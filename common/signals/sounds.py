"""Digests of sounds: files with the same samples have the same one, whatever their container and depth."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from common import cache, threads
from common.signals import audio

VERSION = 1
"""Part of the cache key; increase it when a change gives other digests."""

AT_ONCE = 64
"""Files that are decoded in parallel before their digests are written to the cache."""


def digests(paths: Sequence[str | Path]) -> list[str]:
    """Return the digest of the sound in each file, as 64 hex digits, in the order of `paths`.

    It is of the sample rate and of all decoded samples as float32, which is exact up to 24 bits; channels that are all
    equal count as one. A file that cannot be decoded, such as a spectrogram, has the digest of its bytes. The result is
    cached under the bytes of the files.

    Raises:
        InputError: a file is missing or cannot be read.
    """
    if not paths:
        return []
    of_bytes = cache.file_digests(paths)
    name = f"sounds-{cache.key(VERSION, of_bytes)}"
    return [row.tobytes().hex() for row in cache.array(name, len(paths), lambda: _computed(paths, of_bytes))]


def _computed(paths: Sequence[str | Path], of_bytes: Sequence[str]) -> Iterator[np.ndarray]:
    pairs = list(zip(paths, of_bytes, strict=True))
    for digest in threads.mapped(lambda pair: _of_file(*pair), pairs, "comparing sounds", at_once=AT_ONCE):
        yield np.frombuffer(bytes.fromhex(digest), np.uint8)[np.newaxis]


def _of_file(path: str | Path, of_bytes: str) -> str:
    try:
        with audio.opened(path) as file:
            # Whether the channels are equal is known at the end only, so both digests are taken.
            every, first, equal = hashlib.sha256(), hashlib.sha256(), True
            for digest in (every, first):
                digest.update(str(file.samplerate).encode())
            for block in file.blocks(audio.BLOCK, dtype="float32", always_2d=True):
                block += np.float32(0)  # -0.0 becomes 0.0: some containers have no negative zero
                equal = equal and bool((block == block[:, :1]).all())
                every.update(np.ascontiguousarray(block).data)
                first.update(np.ascontiguousarray(block[:, 0]).data)
    except (soundfile.LibsndfileError, ValueError):  # whether it can be used is found out where it is used
        return of_bytes
    return (first if equal else every).hexdigest()
