"""Work in forked processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import InputError
from reports import processes as module
from reports.processes import processes


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have two cores, whatever the machine has."""
    monkeypatch.setattr(module, "threads", lambda: 2)


def test_results_come_in_the_order_of_the_items_from_other_processes(two_cores: None) -> None:
    with processes() as others:
        found = list(others.begin(lambda item: (item, os.getpid()), range(40), fewest=2))
    assert [item for item, _ in found] == list(range(40))
    assert os.getpid() not in {process for _, process in found}


def test_few_items_need_no_other_process(two_cores: None) -> None:
    with processes() as others:
        assert set(others.begin(lambda _: os.getpid(), range(3), fewest=4)) == {os.getpid()}


def test_one_core_does_all_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "threads", lambda: 1)
    with processes() as others:
        assert set(others.begin(lambda _: os.getpid(), range(40), fewest=2)) == {os.getpid()}


def test_an_error_in_another_process_reaches_who_asks_for_the_result(two_cores: None) -> None:
    def refuse(item: int) -> int:
        if item == 5:
            raise InputError("five is damaged")
        return item

    with processes() as others:
        results = others.begin(refuse, range(8), fewest=2)
        with pytest.raises(InputError, match="five is damaged"):
            list(results)


def test_an_error_meanwhile_leaves_undone_what_is_not_begun(two_cores: None, tmp_path: Path) -> None:
    def touch(item: int) -> None:
        (tmp_path / str(item)).touch()
        sum(range(200_000))

    with pytest.raises(InputError), processes() as others:
        others.begin(touch, range(400), fewest=2)
        raise InputError("of something else")
    assert len(list(tmp_path.iterdir())) < 200


def test_a_process_can_begin_others(two_cores: None) -> None:
    def all_of(items: range) -> list[int]:
        with processes() as others:
            return list(others.begin(lambda item: 2 * item, items, fewest=2))

    with processes() as others:
        assert list(others.begin(all_of, [range(3), range(2)], fewest=2)) == [[0, 2, 4], [0, 2]]


PARENT = """
import os, time
from reports import processes as module
module.threads = lambda: 3
with module.processes() as others:
    list(others.begin(lambda item: os.write(1, b".") and time.sleep(600), range(9), fewest=2))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_one_that_began_it(number: int) -> None:
    root = Path(module.__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=root, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.read(3) == b"..."  # all three are at work, and hold the stream
        parent.send_signal(number)
        parent.communicate(timeout=300)  # the stream ends with the last worker
