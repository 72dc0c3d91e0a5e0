"""Safe unpacking of archives: nothing is written outside the target folder, and no more than an index allows."""

import errno
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from common.errors import LONGEST, InputError, reason_of

CHUNK = 1 << 20
"""Bytes per read."""

IMPOSSIBLE = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EILSEQ, errno.EINVAL}
"""Errors of the file system that mean that it cannot have a file of this name here."""


@dataclass(frozen=True)
class Member:
    """One entry of a zip or tar archive; `size` is in bytes, unpacked, as the archive has it."""

    name: str
    size: int
    is_folder: bool
    is_file: bool
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, folder: Path, most: int) -> None:
    """Unpack a zip or tar file into `folder`. Each file is written completely or not at all.

    Args:
        archive: the file.
        folder: the target; it is made.
        most: bytes that all files together may have. An archive of 1.5 MB can unpack to gigabytes.

    Raises:
        InputError: the file is not an archive, or is damaged or encrypted; it unpacks to more than `most` bytes; or a
            member cannot be a file in the folder (an absolute path, `..`, a link, the folder itself, too long a name,
            below a file). Only damage that shows during unpacking leaves the files before it, whole.
    """
    with _members(archive, most) as members:
        # All members are checked before the first is written, so that a hostile archive leaves nothing behind.
        for member in members:
            _refuse_escape(archive, folder, member)
        _refuse_below_file(archive, members)
        for member in members:
            if member.is_file:
                _write(archive, member, folder / member.name)


@contextmanager
def _members(archive: Path, most: int) -> Iterator[list[Member]]:
    with _readable(archive):
        is_zip, is_tar = zipfile.is_zipfile(archive), tarfile.is_tarfile(archive)
    if is_zip:
        with _readable(archive):
            file = zipfile.ZipFile(archive)
        with file:
            yield _listed(archive, (_zip_member(file, info) for info in file.infolist()), most)
    elif is_tar:
        with _readable(archive):
            tar = tarfile.open(archive)  # noqa: SIM115 (the next line closes it)
        with tar:
            members = _listed(archive, (_tar_member(tar, info) for info in tar), most)
            with _readable(archive):
                _read_to_end(tar)
            yield members
    else:
        # Servers answer a wrong or expired address with an HTML page and status 200.
        raise InputError(f"{archive} is neither a zip nor a tar file; the server may have sent a web page instead")


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    """Turn every error of reading an archive into an InputError."""
    try:
        yield
    except InputError:
        raise
    # Not a list of types: zipfile and tarfile raise what their decoders do (zlib.error, LZMAError, OSError), and
    # RuntimeError for encryption, NotImplementedError for unknown methods, UnicodeDecodeError for names.
    except Exception as error:
        raise InputError(
            f"{archive} cannot be unpacked ({reason_of(error)}); delete it and download it again"
        ) from error


def _listed(archive: Path, members: Iterator[Member], most: int) -> list[Member]:
    """Return the members, counting their bytes on the way: a tar file has no list, and is read to make one."""
    found, total = [], 0
    with _readable(archive):
        for member in members:
            total += member.size
            if total > most:
                raise InputError(
                    f"{archive} was not unpacked: its files have more than the {most:,} bytes that the corpus has; "
                    "delete it and download it again"
                )
            found.append(member)
    return found


def _zip_member(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    kind = stat.S_IFMT(info.external_attr >> 16)  # zip keeps the Unix file mode in the upper 16 bits
    is_folder = info.filename.endswith("/")
    is_file = not is_folder and kind in (0, stat.S_IFREG)
    # zipfile never returns more bytes of a member than `file_size`, even if more are stored.
    return Member(info.filename, info.file_size, is_folder, is_file, partial(file.open, info))


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    return Member(info.name, info.size, info.isdir(), info.isfile(), partial(tar.extractfile, info))


def _read_to_end(tar: tarfile.TarFile) -> None:
    """Read what follows the last member, so that the checksum at the end of a compressed stream is compared."""
    stream: Any = tar.fileobj
    while stream.read(CHUNK):
        pass


def _refuse_escape(archive: Path, folder: Path, member: Member) -> None:
    parts = PureWindowsPath(member.name)  # also on Unix: it splits at / and \ and recognises drive letters
    if "\0" in member.name:
        raise _refusal(archive, member, "has a name that no file can have")
    inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
    if parts.drive or parts.root or ".." in parts.parts or not inside:
        raise _refusal(archive, member, f"would be written outside {folder}")
    if member.is_folder:
        return
    if not member.is_file:
        raise _refusal(archive, member, "is a link or a device")
    if PurePosixPath(member.name) == PurePosixPath("."):  # also "" and "./."
        raise _refusal(archive, member, f"would replace {folder}")
    with _possible(archive, member), suppress(FileNotFoundError):
        _part_of(folder / member.name).lstat()


def _refuse_below_file(archive: Path, members: Sequence[Member]) -> None:
    """Refuse an archive in which a path is both a file and a folder."""
    paths = [(member, PurePosixPath(member.name)) for member in members]
    folders = {above for _, path in paths for above in path.parents}
    folders |= {path for member, path in paths if member.is_folder}
    for member, path in paths:
        if member.is_file and path in folders:
            raise _refusal(archive, member, "is both a file and a folder")


@contextmanager
def _possible(archive: Path, member: Member) -> Iterator[None]:
    """Turn the refusal of a name by the file system into an InputError; a full disk stays an OSError."""
    try:
        yield
    except OSError as error:
        if error.errno not in IMPOSSIBLE:
            raise
        raise _refusal(archive, member, f"cannot be written ({error.strerror})") from error


def _refusal(archive: Path, member: Member, why: str) -> InputError:
    name = member.name[:LONGEST]  # a name in an archive can have 65,535 characters
    return InputError(f"{archive} was not unpacked: its member {name!r} {why}")


def _part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _write(archive: Path, member: Member, target: Path) -> None:
    part = _part_of(target)  # renamed when complete: a killed process leaves no partial clip
    try:
        with _possible(archive, member):
            target.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as out:
                _copy(archive, member, out)
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _copy(archive: Path, member: Member, out: IO[bytes]) -> None:
    with _readable(archive):
        source = member.open()
        assert source is not None, "a regular file can always be opened"
    written = 0
    with source:
        while chunk := _read(archive, source):
            written += out.write(chunk)
    if written != member.size:  # zipfile notices it only if the checksum differs
        raise _refusal(archive, member, "is cut off")


def _read(archive: Path, source: IO[bytes]) -> bytes:
    with _readable(archive):
        return source.read(CHUNK)
