import csv
import errno
import hashlib
import io
import lzma
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from common.corpora import CORPORA, checksums, download
from common.corpora.base import Archive, SingleFiles
from common.corpora.download import fetch
from common.errors import InputError

CLIPS = {f"AudioWAV/100{actor}_DFA_ANG_XX.wav": bytes([actor]) * 50_000 for actor in (1, 2, 3)}


@dataclass
class Server:
    """A local server: its files, its behaviour, and the ranges that were requested."""

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    break_after: int | None = None
    knows_ranges: bool = True
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers["Range"]
            state.asked.append(asked)
            contents = state.files.get(self.path)
            if contents is None:
                return self.send_error(404)
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and state.knows_ranges else 0
            if start >= len(contents):
                return self.send_error(416)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(contents) - start))
            self.end_headers()
            self.wfile.write(contents[start:][: state.break_after])
            return None

        def log_message(self, *_: object) -> None:
            pass

    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state = Server(f"http://127.0.0.1:{http.server_port}")
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture
def small_crema_d(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An index in which CREMA-D consists of `CLIPS`."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["path", "bytes", "sha256"])
    table.writerows([path, len(clip), hashlib.sha256(clip).hexdigest()] for path, clip in CLIPS.items())
    index = tmp_path / "index"
    index.mkdir()
    (index / "crema_d.csv.xz").write_bytes(lzma.compress(text.getvalue().encode()))
    monkeypatch.setattr(checksums, "INDEX", index)
    checksums.originals.cache_clear()
    yield
    checksums.originals.cache_clear()


@pytest.fixture
def archived(server: Server, small_crema_d: None):
    """CREMA-D as one archive on the local server."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for path, clip in CLIPS.items():
            file.writestr(path, clip)
    server.files["/x.zip"] = packed.getvalue()
    known = f"md5:{hashlib.md5(packed.getvalue()).hexdigest()}"
    return replace(CORPORA["crema_d"], source=Archive(f"{server.address}/x.zip", known))


@pytest.fixture
def filewise(server: Server, small_crema_d: None):
    """CREMA-D file by file on the local server, as it is published."""
    server.files |= {f"/{path}": clip for path, clip in CLIPS.items()}
    return replace(CORPORA["crema_d"], source=SingleFiles(f"{server.address}/"))


def left_over(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".wav")


@pytest.mark.parametrize(("source", "files"), [("archived", 1), ("filewise", 3)])
def test_a_corpus_is_downloaded_verified_and_not_downloaded_again(source, files, server, tmp_path, request):
    corpus = request.getfixturevalue(source)
    outcome = fetch(corpus, tmp_path / "data")
    assert (len(outcome.verified), outcome.missing) == (3, [])
    assert left_over(tmp_path / "data") == []
    fetch(corpus, tmp_path / "data")
    assert len(server.asked) == files


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_an_interrupted_download_resumes_or_starts_again_without_ranges(archived, server, tmp_path, knows_ranges):
    server.break_after, server.knows_ranges = 70_000, knows_ranges
    with pytest.raises(InputError):
        fetch(archived, tmp_path / "data")
    arrived = (tmp_path / "data/crema_d.archive.part").stat().st_size
    server.break_after = None
    assert fetch(archived, tmp_path / "data").complete
    assert server.asked == [None, f"bytes={arrived}-"]
    assert arrived > 50_000


def test_a_partial_file_longer_than_the_servers_is_discarded(archived, server, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/crema_d.archive.part").write_bytes(bytes(len(server.files["/x.zip"]) + 1))
    assert fetch(archived, tmp_path / "data").complete
    assert server.asked[1] is None


@pytest.mark.parametrize(
    ("known", "member", "content"),
    [("md5:" + 32 * "0", "a.wav", b"evil"), (None, "../outside.wav", b"evil"), (None, "a.wav", bytes(1_000_000))],
    ids=["wrong hash", "outside", "more bytes than the index has"],
)
def test_an_archive_that_cannot_be_trusted_is_refused_and_deleted(archived, server, tmp_path, known, member, content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(member, content)
    server.files["/evil.zip"] = packed.getvalue()
    with pytest.raises(InputError):
        fetch(replace(archived, source=Archive(f"{server.address}/evil.zip", known)), tmp_path / "data")
    assert [path.name for path in tmp_path.iterdir() if path.name != "index"] == ["data"]
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_an_archive_whose_unpacking_is_interrupted_is_not_downloaded_again(
    archived, server, tmp_path, monkeypatch, error
):
    def fails(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(download, "unpack", fails)
        with pytest.raises((KeyboardInterrupt, InputError)):
            fetch(archived, tmp_path / "data")
    assert fetch(archived, tmp_path / "data").complete
    assert len(server.asked) == 1


def test_a_table_is_downloaded_once_even_if_the_audio_is_complete(archived, server, tmp_path):
    # Without a published hash the archive is checked file by file.
    without_hash = replace(archived, source=Archive(f"{server.address}/x.zip"))
    fetch(without_hash, tmp_path / "data")
    server.files["/data.csv"] = b"track id, genre"
    with_table = replace(without_hash, tables=(f"{server.address}/data.csv",))
    for _ in range(2):
        assert fetch(with_table, tmp_path / "data").complete
    assert left_over(tmp_path / "data") == ["data.csv"]
    assert len(server.asked) == 2


def test_only_missing_and_damaged_single_files_are_downloaded(filewise, server, tmp_path):
    fetch(filewise, tmp_path / "data")
    server.asked.clear()
    first, second, _ = (tmp_path / "data" / path for path in CLIPS)
    first.unlink()
    second.write_bytes(b"damaged")
    assert len(fetch(filewise, tmp_path / "data").verified) == 3
    assert len(server.asked) == 2


def test_a_file_that_is_not_on_the_server_is_named(filewise, server, tmp_path):
    del server.files["/AudioWAV/1002_DFA_ANG_XX.wav"]
    with pytest.raises(InputError, match=r"404 .*1002_DFA_ANG_XX"):
        fetch(filewise, tmp_path / "data")


def test_without_a_network_the_address_and_the_corpus_page_are_named(archived, tmp_path):
    closed = replace(archived, source=Archive("http://127.0.0.1:9/x.zip"))
    with pytest.raises(InputError, match=rf"127\.0\.0\.1:9/x\.zip.*{CORPORA['crema_d'].address}"):
        fetch(closed, tmp_path / "data")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_reported(archived, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/crema_d.archive.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match="full"):
        fetch(archived, tmp_path / "data")


def test_too_little_disk_space_is_reported_before_the_download(archived, server, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(InputError, match="0 MiB"):
        fetch(archived, tmp_path / "data")
    assert server.asked == []
