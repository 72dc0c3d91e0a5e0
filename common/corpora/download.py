"""Fetching a corpus: pooch keeps and checks the files, this module makes it go on where it stopped.

A broken download stays beside its target as `.part`; the next call asks the server for the rest (HTTP Range) and
starts over where the server does not offer that.
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
from common.corpora.files import in_threads, make_folder
from common.corpora.registry import corpus_called
from common.corpora.verify import Verification, verify
from common.errors import InputError
from common.progress import progress

CHUNK = 1 << 14
"""Bytes per read: what a break may lose at most."""

MIB = 1 << 20
TIMEOUT_S = (15, 60)
"""Seconds to wait for a connection, and for the next bytes."""

CONNECTIONS = 8
"""Files fetched at the same time from a server that has them one by one."""

PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416


def download(name: str, folder: Path | str) -> Verification:
    """Fetch the corpus `name` into `folder`, unpack it there and compare it with the published checksums.

    Run again after a break, it goes on from there; a whole corpus is not fetched again.

    Raises:
        InputError: no such corpus; a file is where the folder should be; the corpus needs a registration (the message
            says how); no network; a full disk; an archive that did not arrive as published or that would write outside
            the folder.
    """
    return fetch(corpus_called(name), Path(folder))


def fetch(corpus: Corpus, folder: Path) -> Verification:
    """Do the work of `download` for any `corpus` whose name has an index."""
    if corpus.source is None:
        raise InputError(f"{corpus.name} cannot be downloaded without you: {corpus.how_to_get}\n  {corpus.address}")
    pooch.get_logger().setLevel("WARNING")
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
    """Fetch a small file that has no published hash, once."""
    name = address.rpartition("/")[2]
    if not (folder / name).is_file():
        target = folder / f"{name}.part"
        target.unlink(missing_ok=True)
        ResumingDownloader(target)(address, str(folder / name), None)


def _fetch_archive(name: str, source: Archive, folder: Path) -> None:
    unpacked_bytes = sum(original.bytes for original in originals(name).values())
    with progress(f"downloading {name} (MiB)", unpacked_bytes // MIB) as advance:
        downloader = ResumingDownloader(folder / f"{name}.archive.part", _in_mib(advance))
        fetched = pooch.retrieve(
            source.url, source.known_hash, fname=f"{name}.archive", path=folder, downloader=downloader
        )
    try:
        unpack(Path(fetched), folder)
    finally:  # unpacked it is not needed, damaged or hostile it must not be taken up again
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
    """A downloader for pooch that keeps what has arrived in `partial` and asks only for the rest."""

    def __init__(self, partial: Path, on_bytes: Callable[[int], None] | None = None) -> None:
        self.partial = partial
        self.on_bytes = on_bytes or (lambda count: None)

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Fetch `url` into `output_file`, as pooch asks; what has arrived before a break stays in the partial file."""
        start = self.partial.stat().st_size if self.partial.exists() else 0
        if not self._fetch_from(start, url):
            self._fetch_from(0, url)
        self.partial.replace(output_file)

    def _fetch_from(self, start: int, url: str) -> bool:
        """Fetch what follows byte `start`; False if the server has no such byte: its file is another one by now."""
        headers = {"Accept-Encoding": "identity"}  # a compressed transfer could not be continued by byte position
        if start:
            headers["Range"] = f"bytes={start}-"
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            if start and response.status_code == RANGE_NOT_SATISFIABLE:
                return False
            response.raise_for_status()
            resumed = response.status_code == PARTIAL_CONTENT
            self.on_bytes(start if resumed else 0)
            with self.partial.open("ab" if resumed else "wb") as file:
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    self.on_bytes(len(chunk))
        return True


def _in_mib(advance: Callable[[int], None]) -> Callable[[int], None]:
    """Turn counts of bytes into calls of `advance` with whole MiB."""
    rest = 0

    def on_bytes(count: int) -> None:
        nonlocal rest
        whole, rest = divmod(rest + count, MIB)
        if whole:
            advance(whole)

    return on_bytes


def _require_space(corpus: Corpus, folder: Path) -> None:
    """Refuse to start what cannot end: files take their published size, an archive up to as much again."""
    needed = sum(original.bytes for original in originals(corpus.name).values())
    needed *= 2 if isinstance(corpus.source, Archive) else 1
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(
            f"{corpus.name} needs about {needed // MIB} MiB in {folder}, and {free // MIB} MiB are free; "
            "make room or name another folder"
        )


@contextmanager
def _clear_errors(corpus: Corpus, folder: Path) -> Iterator[None]:
    """Turn what can go wrong on the way into one sentence that says what to do."""
    by_hand = f"or get it by hand from {corpus.address} and unpack it into {folder}"
    try:
        yield
    except requests.HTTPError as error:
        raise InputError(f"the server refused: {error}; try later, {by_hand}") from error
    except requests.RequestException as error:
        url = error.request.url if error.request else corpus.address
        raise InputError(
            f"no connection to {url!s}, or it broke ({type(error).__name__}); what has arrived is kept: check the "
            f"network and run the same command again, {by_hand}"
        ) from error
    except ValueError as error:  # pooch: the hash differs; the file is deleted already
        raise InputError(
            f"what came for {corpus.name} is not what was published (its checksum differs) and was deleted; "
            f"run the same command again, {by_hand}"
        ) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise InputError(
            f"the disk of {folder} is full; what has arrived is kept: make room and run the same command again"
        ) from error
