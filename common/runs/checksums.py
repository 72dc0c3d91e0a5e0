"""Checksums of files, `SHA256SUMS` in their folder: each run and each search has one, and each study of the store.

The form is that of coreutils, so `sha256sum --check SHA256SUMS` checks a folder without Encore. A file that was cut
off, exchanged, damaged or edited is found by its sum, whatever it says. Checksums are no signature: a
change of both file and sum is found only where numbers can be computed again (`reports.recomputed`).
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from common.errors import InputError
from common.files import Place, alone, digest_of, write_bytes, write_text

NAME = "SHA256SUMS"


class ChangedFileError(InputError):
    """A file is not the one whose checksum was written; the message names it and says what to do."""


def text_of(contents: Mapping[str, bytes | Path]) -> str:
    """Return the content of `SHA256SUMS`.

    Args:
        contents: of the files, by their names; a path is read piece by piece.
    """
    return _text(_line(name, content) for name, content in contents.items())


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in sorted(lines, key=_name))


def _line(name: str, content: bytes | Path) -> str:
    digest = digest_of(content) if isinstance(content, Path) else hashlib.sha256(content).hexdigest()
    return f"{digest}  {name}"


def _name(line: str) -> str:
    return line.partition("  ")[2]


def read(folder: Place, name: str, remedy: str, *, needed: bool = False) -> bytes:
    """Return the content of a file, after comparing it with its checksum.

    Args:
        folder: of the file.
        name: of the file.
        remedy: what to do where it was changed.
        needed: whether a file in a folder without `SHA256SUMS` is refused.

    Raises:
        ChangedFileError: it has another checksum, or none.
        OSError: it cannot be read.
    """
    content, sums = (folder / name).read_bytes(), folder / NAME
    lines = sums.read_bytes().splitlines() if sums.exists() else []
    if (sums.exists() or needed) and _line(name, content).encode() not in lines:
        raise ChangedFileError(f"{folder / name} was changed or exchanged: its checksum is not in {NAME}; {remedy}")
    return content


def check(folder: Path, name: str, remedy: str) -> None:
    """Compare a file, which may be large, with its checksum, if it has one: models of earlier versions have none.

    Raises:
        ChangedFileError: it has another checksum.
        OSError: it cannot be read.
    """
    sums = folder / NAME
    listed = [line for line in sums.read_text().splitlines() if _name(line) == name] if sums.exists() else []
    if listed and _line(name, folder / name) not in listed:
        raise ChangedFileError(f"{folder / name} was changed or exchanged: its checksum is not in {NAME}; {remedy}")


def replace(path: Path, content: bytes) -> None:
    """Write a file atomically, with its checksum; those of other files in the folder stay.

    Whenever the process is killed, the file is there, old or new, with its checksum. Of several processes that replace
    files in one folder, each waits for the others.
    """
    sums = path.with_name(NAME)
    with alone(sums):
        _replace(path, content, sums)


def _replace(path: Path, content: bytes, sums: Path) -> None:
    lines = sums.read_text(encoding="utf-8").splitlines() if sums.exists() else []
    others, new = [line for line in lines if _name(line) != path.name], _line(path.name, content)
    write_text(sums, _text({*lines, new}))
    write_bytes(path, content)
    write_text(sums, _text([*others, new]))
