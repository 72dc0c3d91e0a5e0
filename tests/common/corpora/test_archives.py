import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from campaigns import archives
from campaigns.archives import AUDIO, GOOD, HOSTILE, MOST, NOISE, tar_member, tar_of, zip_of

from common.corpora.archives import unpack
from common.errors import InputError


def archive(folder: Path, content: bytes, name: str = "x.archive") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_zip_and_a_tar_are_unpacked_with_their_folders(tmp_path: Path) -> None:
    unpack(archive(tmp_path, zip_of("Actor_01/a.wav")), tmp_path / "out", MOST)
    tar = tar_of(tar_member("./", tarfile.DIRTYPE), tar_member("./d/b.wav"), mode="w:gz")
    unpack(archive(tmp_path, tar), tmp_path / "out", MOST)
    assert files(tmp_path / "out") == ["Actor_01/a.wav", "d/b.wav"]
    assert (tmp_path / "out/d/b.wav").read_bytes() == AUDIO


@pytest.mark.parametrize("name", GOOD)
def test_every_compression_is_unpacked(name: str, tmp_path: Path) -> None:
    unpack(archive(tmp_path, GOOD[name]), tmp_path / "out", MOST)
    assert [(tmp_path / "out" / file).read_bytes() for file in archives.FILES] == [NOISE, NOISE]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    assert archives.fault(HOSTILE[name], tmp_path, hostile=True) == ("refused", "")


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_archive_gives_whole_files_or_a_refusal(seed: int, tmp_path: Path) -> None:
    ended = [archives.fault(changed, tmp_path, hostile=False) for _, changed in archives.mutations(seed, 100)]
    assert {wrong for _, wrong in ended} == {""}
    assert sum(how == "refused" for how, _ in ended) > 50


def test_a_refusal_is_one_short_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        unpack(archive(tmp_path, zip_of("x" * 5000)), tmp_path / "out", MOST)
    assert len(str(refused.value)) < 500
    assert "\n" not in str(refused.value)


def test_an_existing_link_in_the_folder_is_not_followed_outside(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/Actor_01").symlink_to(tmp_path)
    with pytest.raises(InputError, match=r"Actor_01/a\.wav"):
        unpack(archive(tmp_path, zip_of("Actor_01/a.wav")), tmp_path / "out", MOST)
    assert not (tmp_path / "a.wav").exists()


def test_a_member_below_a_file_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").write_bytes(b"mine")
    with pytest.raises(InputError, match="a/b"):
        unpack(archive(tmp_path, zip_of("good", "a/b")), tmp_path / "out", MOST)
    assert files(tmp_path / "out") == ["a"]


def test_a_member_with_a_false_size_is_refused(tmp_path: Path) -> None:
    content = zip_of("a.wav", content=bytes(1000), method=zipfile.ZIP_STORED)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        start = file.start_dir
    # In the central directory: no checksum, no bytes stored, but a size of 1000.
    changed = content[: start + 16] + bytes(8) + content[start + 24 :]
    with pytest.raises(InputError, match=r"a\.wav"):
        unpack(archive(tmp_path, changed), tmp_path / "out", MOST)
    assert files(tmp_path / "out") == []
