import errno
import hashlib
import os
import resource
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from common import cache, files
from common.errors import InputError
from common.runs import records


def test_the_order_of_a_dict_does_not_change_its_key() -> None:
    assert cache.key({"hop": 512, "mels": [1, (2, None)]}) == cache.key({"mels": (1, [2, None]), "hop": 512})


@pytest.mark.parametrize("other", [("a", 1.0), ("a", True), ("a1",), (["a", 1],), ("a", "1"), ("a", 1, None)])
def test_different_values_have_different_keys(other: tuple[object, ...]) -> None:
    assert cache.key("a", 1) != cache.key(*other)


def test_a_value_that_is_not_plain_is_refused_as_a_key() -> None:
    with pytest.raises(TypeError):
        cache.key(object())


def test_an_array_is_computed_once_and_then_cached_read_only() -> None:
    made = []

    def chunks() -> list[np.ndarray]:
        made.append(1)
        return [np.zeros((2, 3), np.float32), np.ones((1, 3), np.float32)]

    first, second = cache.array("a", 3, chunks), cache.array("a", 3, chunks)
    assert made == [1]
    assert first.shape == (3, 3) and first.dtype == np.float32
    assert np.array_equal(first, second) and first[2, 0] == 1 and first[1, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux' account of memory")
def test_releasing_frees_memory_and_keeps_the_values() -> None:
    kept = cache.array("a", 64, lambda: (np.full((1, 2**17), row, np.float64) for row in range(64)))
    total = kept.sum()
    read = resident_bytes()
    cache.release(kept[3:5])
    assert read - resident_bytes() > 32 * 2**20
    assert kept.sum() == total


def test_a_truncated_array_is_computed_again(own_cache: Path) -> None:
    cache.array("a", 1000, lambda: [np.arange(1000)])
    os.truncate(own_cache / "a.npy", 5000)
    assert np.array_equal(cache.array("a", 1000, lambda: [np.arange(1000)]), np.arange(1000))


@pytest.mark.parametrize("error", [KeyboardInterrupt, PermissionError])
def test_an_interrupted_computation_passes_its_error_on_and_leaves_no_file(own_cache: Path, error: type) -> None:
    def chunks():  # type: ignore[no-untyped-def]
        yield np.zeros((1, 2))
        raise error

    with pytest.raises(error):
        cache.array("a", 2, chunks)
    assert not list(own_cache.iterdir())


def test_a_wrong_number_of_rows_is_refused_and_not_cached(own_cache: Path) -> None:
    with pytest.raises(ValueError, match=r"3 rows.* 2"):
        cache.array("a", 3, lambda: [np.zeros(2)])
    assert not list(own_cache.iterdir())


def test_of_several_threads_that_need_an_array_one_computes_it_and_the_others_wait(own_cache) -> None:
    computed = []

    def chunks():  # type: ignore[no-untyped-def]
        computed.append(threading.get_ident())
        yield np.arange(5)
        yield np.arange(5, 10)

    all_have_come = threading.Barrier(4, timeout=10)

    def wanted(_: int) -> np.ndarray:
        all_have_come.wait()
        return cache.array("a", 10, chunks)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(wanted, range(4)))
    assert all(np.array_equal(result, np.arange(10)) for result in results)
    assert len(computed) == 1
    assert [path.name for path in own_cache.iterdir()] == ["a.npy"]


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Let no file of this process grow beyond 200 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("rows", [30, 1_000_000])
def test_a_full_disk_is_an_input_error_that_names_the_cache(rows: int, small_disk: None, own_cache: Path) -> None:
    with pytest.raises(InputError, match=f"{own_cache} .*ENCORE_CACHE"):
        cache.array("a", rows, lambda: [np.zeros(rows)])
    assert not list(own_cache.iterdir())


def test_an_error_of_another_disk_does_not_blame_the_cache() -> None:
    def chunks() -> Iterator[np.ndarray]:
        yield np.zeros(1)
        raise OSError(errno.EIO, "broken", "clip.wav")

    with pytest.raises(OSError, match=r"clip\.wav"):
        cache.array("a", 2, chunks)


def test_a_full_cache_disk_is_not_called_that_of_the_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="of the cache"), records.hold(tmp_path / "run"):
        raise InputError(f"of the cache: {records.NO_SPACE}")


@pytest.mark.parametrize(("mask", "mode"), [(0o002, 0o664), (0o077, 0o600)])
def test_an_array_has_the_permissions_that_the_umask_leaves(mask: int, mode: int, own_cache: Path) -> None:
    before = os.umask(mask)
    try:
        cache.array("a", 1, lambda: [np.zeros(1)])
    finally:
        os.umask(before)
    assert (own_cache / "a.npy").stat().st_mode & 0o777 == mode


def test_a_folder_that_cannot_be_made_is_an_input_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ENCORE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match="ENCORE_CACHE"):
        cache.array("a", 1, lambda: [np.zeros(1)])


def test_what_a_killed_process_left_of_any_array_is_removed(own_cache: Path) -> None:
    (own_cache / f"{files.UNFINISHED}0-b.npy").touch()
    cache.array("a", 1, lambda: [np.zeros(1)])
    assert [path.name for path in own_cache.iterdir()] == ["a.npy"]


def test_digests_are_those_of_the_bytes_in_order(tmp_path: Path) -> None:
    contents = [b"", b"one", b"two" * 100_000]
    paths = [tmp_path / str(number) for number in range(3)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    assert cache.file_digests(paths) == [hashlib.sha256(content).hexdigest() for content in contents]


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.wav"):
        cache.file_digests([tmp_path / "gone.wav"])


def test_a_process_reads_a_file_once_unless_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, read = tmp_path / "a.wav", []
    file.write_bytes(b"first")
    digest = cache._file_digest
    monkeypatch.setattr(cache, "_file_digest", lambda path: read.append(path) or digest(path))
    first = cache.file_digests([file, file])
    assert cache.file_digests([file]) == first[:1]
    file.write_bytes(b"second")
    assert cache.file_digests([file]) != first[:1]
    assert len(read) == 2
