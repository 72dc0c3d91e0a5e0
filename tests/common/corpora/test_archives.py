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


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_zip_and_a_tar_are_unpacked_with_their_folders(tmp_path):
    unpack(zip_of(tmp_path / "x.zip", "Actor_01/a.wav"), tmp_path / "out")
    unpack(tar_of(tmp_path / "x.tgz", tar_member("d", tarfile.DIRTYPE), tar_member("d/b.wav")), tmp_path / "out")
    assert files(tmp_path / "out") == ["Actor_01/a.wav", "d/b.wav"]
    assert (tmp_path / "out/d/b.wav").read_bytes() == b"audio"


@pytest.mark.parametrize("name", ["../evil.wav", "/evil.wav", "a/../../evil.wav", "..\\evil.wav", "C:\\evil.wav"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_with_a_member_outside_the_folder_is_refused_completely(tmp_path, name, kind):
    if kind == "zip":
        archive = zip_of(tmp_path / "x", "good.wav", name)
    else:
        archive = tar_of(tmp_path / "x", tar_member("good.wav"), tar_member(name))
    with pytest.raises(InputError, match="evil"):
        unpack(archive, tmp_path / "out")
    assert files(tmp_path) == ["x"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    with pytest.raises(InputError, match=r"a\.wav"):
        unpack(tar_of(tmp_path / "x", tar_member("a.wav", kind, "/etc/passwd")), tmp_path / "out")
    assert files(tmp_path) == ["x"]


def test_a_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("a.wav")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(InputError, match=r"a\.wav"):
        unpack(zip_of(tmp_path / "x", link), tmp_path / "out")
    assert files(tmp_path) == ["x"]


def test_an_existing_link_in_the_folder_is_not_followed_outside(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/Actor_01").symlink_to(tmp_path)
    with pytest.raises(InputError, match=r"Actor_01/a\.wav"):
        unpack(zip_of(tmp_path / "x", "Actor_01/a.wav"), tmp_path / "out")
    assert not (tmp_path / "a.wav").exists()


def test_a_web_page_is_refused(tmp_path):
    (tmp_path / "x.zip").write_text("<html>please log in</html>")
    with pytest.raises(InputError, match=r"x\.zip"):
        unpack(tmp_path / "x.zip", tmp_path / "out")


def test_a_damaged_archive_is_refused_and_its_member_not_written(tmp_path):
    archive = zip_of(tmp_path / "x.zip", "a.wav")
    archive.write_bytes(archive.read_bytes().replace(b"audio", b"AUDIO"))
    with pytest.raises(InputError, match=r"x\.zip"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out/a.wav").exists()
