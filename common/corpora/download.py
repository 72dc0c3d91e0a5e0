"""Downloading a corpus: pooch stores and checks the files, this module resumes interrupted downloads.

An interrupted download stays beside its target as `.part`. The next call asks the server for the rest (HTTP Range);
if the server does not support that, the download starts again.
"""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pooch
import requests

from common.corpora.archives import unpack
from common.corpora.base import Archive, Corpus, SingleFiles
from common.corpora.checksums import Original, originals
from common.corpora.files import make_folder
from common.corpora.registry import corpus_called
from common.corpora.verify import Verification, verify
from common.errors import InputError
from common.progress import progress
from common.threads import in_threads

CHUNK = 1 << 14
"""Bytes per read: an interruption loses at most this much."""

MIB = 1 << 20
BEYOND_INDEX = 1.1
"""An archive may unpack to this times the bytes of the clips in the index: it may have a README and the like."""

TIMEOUT_S = (15, 60)
"""Seconds to wait for a connection, and for the next bytes."""

CONNECTIONS = 8
"""Files downloaded at the same time where a corpus is published file by file."""

PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416


def download(name: str, folder: Path | str) -> Verification:
    """Download the corpus `name` into `folder`, unpack it there and compare it with the published checksums.

    After an interruption, the same call resumes. A complete corpus is not downloaded again.

    Raises:
        InputError: there is no such corpus; a file is in the place of the folder; the corpus requires a registration
            (the message says how); no network; a full disk; an archive that differs from the published one, is
            damaged, would write outside the folder, or unpacks to more than the index of the corpus has.
    """
    return fetch(corpus_called(name), Path(folder))


def fetch(corpus: Corpus, folder: Path) -> Verification:
    """Do what `download` does, for a `corpus` that need not be registered but has an index under its name."""
    if corpus.source is None:
        raise InputError(f"{corpus.name} cannot be downloaded automatically: {corpus.how_to_get}\n  {corpus.address}")
    pooch.get_logger().setLevel("WARNING")  # it logs each file, which would break the progress bar
    make_folder(folder)
    with _clear_errors(corpus, folder):
        for address in corpus.tables:
            _fetch_table(address, folder)
    present = verify(corpus.name, folder)
    if present.complete:
        return present
    _require_space(corpus, folder)
    with _clear_errors(corpus, folder):
        if isinstance(corpus.source, Archive):
            _fetch_archive(corpus.name, corpus.source, folder)
        else:
            _fetch_files(corpus.name, corpus.source, folder)
    return verify(corpus.name, folder)


def _fetch_table(address: str, folder: Path) -> None:
    """Download a small file that has no published hash, unless it exists."""
    name = address.rpartition("/")[2]
    if not (folder / name).is_file():
        target = folder / f"{name}.part"
        target.unlink(missing_ok=True)  # not resumed: without a hash, halves of two versions would go unnoticed
        ResumingDownloader(target)(address, str(folder / name), None)


def _fetch_archive(name: str, source: Archive, folder: Path) -> None:
    # The size of the archive is unknown before the download; audio hardly compresses, so it is about the unpacked size.
    unpacked_bytes = sum(original.bytes for original in originals(name).values())
    with progress(f"downloading {name} (MiB)", unpacked_bytes // MIB) as advance:
        downloader = ResumingDownloader(folder / f"{name}.archive.part", _in_mib(advance))
        fetched = pooch.retrieve(
            source.url, source.known_hash, fname=f"{name}.archive", path=folder, downloader=downloader
        )
    try:
        unpack(Path(fetched), folder, int(unpacked_bytes * BEYOND_INDEX))
    except InputError:  # pooch would use a damaged or hostile archive again; after Ctrl-C or on a full disk it is kept
        Path(fetched).unlink()
        raise
    Path(fetched).unlink()


def _fetch_files(name: str, source: SingleFiles, folder: Path) -> None:
    work = partial(_fetch_file, source.url, folder)
    in_threads(work, list(originals(name).values()), f"downloading {name}", CONNECTIONS)


def _fetch_file(base: str, folder: Path, original: Original) -> None:
    target = folder / original.path
    downloader = ResumingDownloader(target.with_name(target.name + ".part"))
    target.parent.mkdir(parents=True, exist_ok=True)
    known_hash = f"sha256:{original.sha256}"
    pooch.retrieve(base + original.path, known_hash, fname=target.name, path=target.parent, downloader=downloader)


class ResumingDownloader:
    """A downloader for pooch that keeps the bytes received so far in `partial` and requests only the rest."""

    def __init__(self, partial: Path, on_bytes: Callable[[int], None] | None = None) -> None:
        self.partial = partial
        self.on_bytes = on_bytes or (lambda count: None)

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Download `url` to `output_file`; pooch calls this. After an interruption the partial file stays."""
        start = self.partial.stat().st_size if self.partial.exists() else 0
        if not self._fetch_from(start, url):
            self._fetch_from(0, url)
        self.partial.replace(output_file)

    def _fetch_from(self, start: int, url: str) -> bool:
        """Download from byte `start` on; return False if the server's file is shorter, so that it must have changed."""
        headers = {"Accept-Encoding": "identity"}  # a compressed transfer could not be resumed by byte position
        if start:
            headers["Range"] = f"bytes={start}-"
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            if start and response.status_code == RANGE_NOT_SATISFIABLE:
                return False
            response.raise_for_status()
            resumed = response.status_code == PARTIAL_CONTENT  # servers without Range send the whole file with 200
            self.on_bytes(start if resumed else 0)
            with self.partial.open("ab" if resumed else "wb") as file:
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    self.on_bytes(len(chunk))
        return True


def _in_mib(advance: Callable[[int], None]) -> Callable[[int], None]:
    """Convert counts of bytes into calls of `advance` with full MiB."""
    rest = 0

    def on_bytes(count: int) -> None:
        nonlocal rest
        whole, rest = divmod(rest + count, MIB)
        if whole:
            advance(whole)

    return on_bytes


def _require_space(corpus: Corpus, folder: Path) -> None:
    """Refuse to start a download that would fill the disk."""
    needed = sum(original.bytes for original in originals(corpus.name).values())
    needed *= 2 if isinstance(corpus.source, Archive) else 1  # the archive and the files unpacked from it
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(
            f"{corpus.name} needs about {needed // MIB} MiB in {folder}, but only {free // MIB} MiB are free; "
            "free some space or name another folder"
        )


@contextmanager
def _clear_errors(corpus: Corpus, folder: Path) -> Iterator[None]:
    """Turn network and disk errors into an InputError that says what to do."""
    by_hand = f"or download it by hand from {corpus.address} and unpack it into {folder}"
    try:
        yield
    except requests.HTTPError as error:
        raise InputError(f"the server refused the request: {error}; try again later, {by_hand}") from error
    except requests.RequestException as error:
        url = error.request.url if error.request else corpus.address
        raise InputError(
            f"the connection to {url!s} failed ({type(error).__name__}); the part received so far is kept: check the "
            f"network and run the same command again to resume, {by_hand}"
        ) from error
    except ValueError as error:  # pooch: the hash differs; pooch has deleted the file
        raise InputError(
            f"the download of {corpus.name} differs from the published file (wrong checksum) and was deleted; "
            f"run the same command again, {by_hand}"
        ) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise InputError(
            f"the disk of {folder} is full; the part received so far is kept: free some space and run the same "
            "command again to resume"
        ) from error
