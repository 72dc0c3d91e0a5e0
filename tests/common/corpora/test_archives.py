import io
import stat
import tarfile
import zipfile

import pytest

from common.corpora.archives import unpack
from common.errors import InputError


def zip_of(path, *members):
    with zipfile.ZipFile(path, "w") as file:
        for member in members:
            file.writestr(member, b"audio")
    return path


def tar_of(path, *members):
    with tarfile.open(path, "w:gz") as file:
        for member in members:
            file.addfile(member, io.BytesIO(b"audio"))
    return path


def tar_member(name, kind=tarfile.REGTYPE, target=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, target, 5 if kind == tarfile.REGTYPE else 0
    return member


def zip_link(name):
    link = zipfile.ZipInfo(name)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return link


OUTSIDE = ("../evil.wav", "/evil.wav", "a/../../evil.wav", "..\\evil.wav", "C:\\evil.wav")
LINKS = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE)


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_zip_and_a_tar_are_unpacked_with_their_folders(tmp_path):
    unpack(zip_of(tmp_path / "x.zip", "Actor_01/a.wav"), tmp_path / "out")
    unpack(tar_of(tmp_path / "x.tgz", tar_member("d", tarfile.DIRTYPE), tar_member("d/b.wav")), tmp_path / "out")
    assert files(tmp_path / "out") == ["Actor_01/a.wav", "d/b.wav"]
    assert (tmp_path / "out/d/b.wav").read_bytes() == b"audio"


@pytest.mark.parametrize(
    "member",
    [
        *OUTSIDE,
        *map(tar_member, OUTSIDE),
        zip_link("evil.wav"),
        *(tar_member("evil.wav", kind, "/x") for kind in LINKS),
    ],
)
def test_an_archive_with_a_member_outside_the_folder_or_a_link_is_refused_completely(tmp_path, member):
    if isinstance(member, tarfile.TarInfo):
        archive = tar_of(tmp_path / "x", tar_member("good.wav"), member)
    else:
        archive = zip_of(tmp_path / "x", "good.wav", member)
    with pytest.raises(InputError, match="evil"):
        unpack(archive, tmp_path / "out")
    assert files(tmp_path) == ["x"]


def test_an_existing_link_in_the_folder_is_not_followed_outside(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/Actor_01").symlink_to(tmp_path)
    with pytest.raises(InputError, match=r"Actor_01/a\.wav"):
        unpack(zip_of(tmp_path / "x", "Actor_01/a.wav"), tmp_path / "out")
    assert not (tmp_path / "a.wav").exists()


@pytest.mark.parametrize("kind", ["web page", "damaged"])
def test_a_damaged_archive_is_refused_and_nothing_written(tmp_path, kind):
    archive = zip_of(tmp_path / "x.zip", "a.wav")
    damaged = archive.read_bytes().replace(b"audio", b"AUDIO") if kind == "damaged" else b"<html>please log in</html>"
    archive.write_bytes(damaged)
    with pytest.raises(InputError, match=r"x\.zip"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out/a.wav").exists()
