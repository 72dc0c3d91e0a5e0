"""Hostile and damaged archives for `common.corpora.archives.unpack`.

    python tests/campaigns/archives.py --seed 0 --mutations 5000

unpacks every archive of `HOSTILE` and random mutations of good ones, and prints how each ended. It exits with 1 if an
archive wrote outside its folder, left a partial file, changed a file's bytes, or ended in anything but whole files or
an `InputError`.
"""

import argparse
import bz2
import gzip
import io
import lzma
import random
import stat
import sys
import tarfile
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from common.corpora.archives import unpack
from common.errors import InputError

MOST = 1_000_000
"""Bytes that an archive may unpack to."""

AUDIO = b"audio"


def tar_of(*members: tarfile.TarInfo, mode: str = "w", content: bytes = AUDIO) -> bytes:
    """Return a tar archive; regular members have the content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as file:  # type: ignore[call-overload]
        for member in members:
            member.size = len(content) if member.isreg() else 0
            file.addfile(member, io.BytesIO(content))
    return out.getvalue()


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """Return an entry of a tar archive."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


def zip_of(*members: str | zipfile.ZipInfo, content: bytes = AUDIO, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive; every member has the content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two members of one name
        for member in members:
            file.writestr(member, content)
    return out.getvalue()


def zip_member(name: str, kind: int = stat.S_IFREG) -> zipfile.ZipInfo:
    """Return an entry of a zip archive that was made on Unix."""
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o644) << 16
    return member


def patched(archive: bytes, local: int, central: int, value: bytes) -> bytes:
    """Return a zip with a field of its only member set in both headers, at these offsets."""
    changed, at = bytearray(archive), archive.index(b"PK\x01\x02") + central
    changed[local : local + len(value)] = value
    changed[at : at + len(value)] = value
    return bytes(changed)


ESCAPES = ("../evil", "a/b/../../../evil", "/evil", "..\\evil", "C:\\evil", "\\\\server\\share\\evil", "a/..")
IMPOSSIBLE = ("", ".", "./.", "x" * 5000, "/".join("d" * 3000))
SPECIAL = {
    "symlink": (tar_member("evil", tarfile.SYMTYPE, "/etc"),),
    "symlink, then below it": (tar_member("evil", tarfile.SYMTYPE, ".."), tar_member("evil/evil")),
    "hard link": (tar_member("evil", tarfile.LNKTYPE, "/etc/passwd"),),
    "fifo": (tar_member("evil", tarfile.FIFOTYPE),),
    "character device": (tar_member("evil", tarfile.CHRTYPE),),
    "block device": (tar_member("evil", tarfile.BLKTYPE),),
    "unknown type": (tar_member("evil", b"Z"),),
    "file, then below it": (tar_member("evil"), tar_member("evil/b")),
    "below it, then file": (tar_member("evil/b"), tar_member("evil")),
    "folder, then file": (tar_member("evil", tarfile.DIRTYPE), tar_member("evil")),
}

HOSTILE: dict[str, bytes] = {
    **{f"tar {name[:30]!r}": tar_of(tar_member("good"), tar_member(name)) for name in (*ESCAPES, *IMPOSSIBLE)},
    **{f"zip {name[:30]!r}": zip_of("good", zip_member(name)) for name in (*ESCAPES, *IMPOSSIBLE)},
    **{f"tar {name}": tar_of(tar_member("good"), *members) for name, members in SPECIAL.items()},
    "zip symlink": zip_of("good", zip_member("evil", stat.S_IFLNK)),
    "zip fifo": zip_of("good", zip_member("evil", stat.S_IFIFO)),
    "zip file, then below it": zip_of("evil", "evil/b"),
    "zip unknown method": patched(zip_of("evil"), 8, 10, b"\x63\x00"),
    "zip encrypted": patched(zip_of("evil"), 6, 8, b"\x01\x00"),
    "zip bomb": zip_of("evil", content=bytes(MOST + 1)),
    "zip bomb of many": zip_of(*map(str, range(11)), content=bytes(MOST // 10)),
    "tar bomb": tar_of(tar_member("evil"), mode="w:gz", content=bytes(MOST + 1)),
    "web page": b"<html>please log in</html>",
    "nothing": b"",
}
"""Archives that must be refused, and leave no file at all."""

NOISE = random.Random(0).randbytes(3000) + bytes(5000)
FILES = {"a.wav": NOISE, "d/b.wav": NOISE}

GOOD: dict[str, bytes] = {
    "zip": zip_of(*FILES, content=NOISE),
    "stored zip": zip_of(*FILES, content=NOISE, method=zipfile.ZIP_STORED),
    "zip of bzip2": zip_of(*FILES, content=NOISE, method=zipfile.ZIP_BZIP2),
    "zip of lzma": zip_of(*FILES, content=NOISE, method=zipfile.ZIP_LZMA),
    "tar.gz": gzip.compress(tar_of(*map(tar_member, FILES), content=NOISE), mtime=0),
    "tar.bz2": bz2.compress(tar_of(*map(tar_member, FILES), content=NOISE)),
    "tar.xz": lzma.compress(tar_of(*map(tar_member, FILES), content=NOISE)),
}
"""Archives with checksums of what they hold, so that no changed bytes may be unpacked."""


def mutations(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield so many good archives, each changed at random: bits, bytes, a hole, a cut or a repeated part."""
    draw = random.Random(seed)
    for _ in range(count):
        name = draw.choice(sorted(GOOD))
        change = draw.choice(CHANGES)
        yield f"{name}, {change.__name__}", bytes(change(bytearray(GOOD[name]), draw))


def _bit(content: bytearray, draw: random.Random) -> bytearray:
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return content


def _bytes(content: bytearray, draw: random.Random) -> bytearray:
    for _ in range(draw.randint(1, 8)):
        content[draw.randrange(len(content))] = draw.randrange(256)
    return content


def _ends(content: bytearray, draw: random.Random) -> bytearray:
    """Change a byte of the first or last 200, where the headers are."""
    at = draw.randrange(min(200, len(content)))
    content[draw.choice((at, len(content) - 1 - at))] = draw.randrange(256)
    return content


def _hole(content: bytearray, draw: random.Random) -> bytearray:
    at = draw.randrange(len(content))
    size = draw.randint(1, 64)
    content[at : at + size] = bytes(len(content[at : at + size]))
    return content


def _cut(content: bytearray, draw: random.Random) -> bytearray:
    return content[: draw.randrange(len(content))]


def _repeat(content: bytearray, draw: random.Random) -> bytearray:
    at = draw.randrange(len(content))
    return content[:at] + content[max(0, at - draw.randint(1, 200)) :]


CHANGES: Sequence[Callable[[bytearray, random.Random], bytearray]] = (_bit, _bytes, _ends, _hole, _cut, _repeat)


def outcome(archive: bytes, scratch: Path) -> tuple[str, dict[str, bytes], list[str]]:
    """Unpack an archive into a new folder in `scratch`.

    Returns:
        `unpacked`, `refused` or the name of another error; the files written by their path; and what was written
        outside the folder.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        above, folder = Path(place), Path(place, "above", "folder")
        folder.mkdir(parents=True)
        (above / "x").write_bytes(archive)
        try:
            unpack(above / "x", folder, MOST)
            ended = "unpacked"
        except InputError:
            ended = "refused"
        except Exception as error:
            ended = type(error).__name__
        files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if not p.is_dir()}
        outside = [str(path) for path in above.rglob("*") if not path.is_relative_to(folder)]
        return ended, files, sorted(set(outside) - {str(above / "x"), str(above / "above")})


def fault(archive: bytes, scratch: Path, *, hostile: bool) -> tuple[str, str]:
    """Unpack an archive; return how it ended and what is wrong with that, "" if nothing."""
    ended, files, outside = outcome(archive, scratch)
    if ended not in ("unpacked", "refused"):
        return ended, "is no InputError"
    if outside:
        return ended, f"wrote {outside}"
    if hostile and (ended != "refused" or files):
        return ended, f"left {sorted(files)}"
    if not hostile and (changed := [name for name, content in files.items() if content != NOISE]):
        return ended, f"changed {changed}"
    return ended, ""


def main() -> int:
    """Run the campaign and print its figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mutations", type=int, default=5000)
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    faults = 0
    with tempfile.TemporaryDirectory() as scratch:
        cases = [(name, archive, True) for name, archive in HOSTILE.items()]
        cases += [(name, archive, False) for name, archive in mutations(options.seed, options.mutations)]
        for name, archive, hostile in cases:
            ended, wrong = fault(archive, Path(scratch), hostile=hostile)
            counts[f"{'hostile' if hostile else 'mutated'}: {ended}"] += 1
            if wrong:
                faults += 1
                print(f"{name}: {ended}, {wrong}")
    for kind, count in sorted(counts.items()):
        print(f"{kind} {count}")
    print(f"faults {faults}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
