"""Unpacking an archive so that no member can leave the folder."""

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
    """One entry of an archive, of whatever kind."""

    name: str
    is_folder: bool
    is_file: bool
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar file into `folder`; a file appears there whole or not at all.

    Raises:
        InputError: it is no archive, it is damaged, or a member would leave the folder (an absolute path, `..`,
            a link); in the last case nothing is written.
    """
    try:
        with _members(archive) as members:
            for member in members:
                _refuse_escape(archive, folder, member)
            for member in members:
                if member.is_file:
                    _write(member, folder / member.name)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise InputError(f"{archive} is damaged ({error}); delete it and fetch it again") from error


@contextmanager
def _members(archive: Path) -> Iterator[list[Member]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            yield [_zip_member(file, info) for info in file.infolist()]
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            yield [Member(i.name, i.isdir(), i.isfile(), partial(tar.extractfile, i)) for i in tar.getmembers()]
    else:
        raise InputError(f"{archive} is neither a zip nor a tar file; the server may have sent a web page instead")


def _zip_member(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    link = stat.S_ISLNK(info.external_attr >> 16)
    return Member(info.filename, info.is_dir(), not info.is_dir() and not link, partial(file.open, info))


def _refuse_escape(archive: Path, folder: Path, member: Member) -> None:
    parts = PureWindowsPath(member.name)  # splits at both kinds of slash and knows drives
    inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
    if parts.drive or parts.root or ".." in parts.parts or not inside:
        raise InputError(f"{archive} was not unpacked: its member {member.name!r} would leave {folder}")
    if not member.is_file and not member.is_folder:
        raise InputError(f"{archive} was not unpacked: its member {member.name!r} is a link or a device")


def _write(member: Member, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    source = member.open()
    assert source is not None, "a regular file can always be opened"
    with source, part.open("wb") as out:
        shutil.copyfileobj(source, out)
    part.replace(target)
