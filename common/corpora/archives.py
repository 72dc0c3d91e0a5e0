"""Safe unpacking of archives: no member can be written outside the target folder."""

import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import IO

from common.errors import InputError


@dataclass(frozen=True)
class Member:
    """One entry of a zip or tar archive."""

    name: str
    is_folder: bool
    is_file: bool
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar file into `folder`. Each file is written completely or not at all.

    Raises:
        InputError: the file is not an archive, or is damaged, or a member would be written outside the folder (an
            absolute path, `..`, a link); in the last case nothing is written.
    """
    try:
        with _members(archive) as members:
            # All members are checked before the first is written, so that a hostile archive leaves nothing behind.
            for member in members:
                _refuse_escape(archive, folder, member)
            for member in members:
                if member.is_file:
                    _write(member, folder / member.name)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise InputError(f"{archive} is damaged ({error}); delete it and download it again") from error


@contextmanager
def _members(archive: Path) -> Iterator[list[Member]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            yield [_zip_member(file, info) for info in file.infolist()]
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            yield [Member(i.name, i.isdir(), i.isfile(), partial(tar.extractfile, i)) for i in tar.getmembers()]
    else:
        # Servers answer a wrong or expired address with an HTML page and status 200.
        raise InputError(f"{archive} is neither a zip nor a tar file; the server may have sent a web page instead")


def _zip_member(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    link = stat.S_ISLNK(info.external_attr >> 16)  # zip keeps the Unix file mode in the upper 16 bits
    return Member(info.filename, info.is_dir(), not info.is_dir() and not link, partial(file.open, info))


def _refuse_escape(archive: Path, folder: Path, member: Member) -> None:
    parts = PureWindowsPath(member.name)  # also on Unix: it splits at / and \ and recognises drive letters
    inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
    if parts.drive or parts.root or ".." in parts.parts or not inside:
        raise InputError(f"{archive} was not unpacked: its member {member.name!r} would be written outside {folder}")
    if not member.is_file and not member.is_folder:
        raise InputError(f"{archive} was not unpacked: its member {member.name!r} is a link or a device")


def _write(member: Member, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")  # renamed when complete: a killed process leaves no partial clip
    source = member.open()
    assert source is not None, "a regular file can always be opened"
    with source, part.open("wb") as out:
        shutil.copyfileobj(source, out)
    part.replace(target)
