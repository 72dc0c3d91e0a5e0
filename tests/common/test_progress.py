import io
import sys

import pytest

from common import progress as subject
from common.progress import duration_in_words, progress


class Clock:
    """Stands in for the module `time`; a test turns its hands."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(subject, "time", clock)
    return clock


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (8.4, "8 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7800, "2 h 10 min"),
    ],
)
def test_a_duration_is_said_the_way_people_do(seconds, words) -> None:
    assert duration_in_words(seconds) == words


def test_the_first_items_which_may_be_slow_give_no_more_than_a_first_sight(clock, capsys) -> None:
    with progress("training", 10) as advance:
        clock.now += 50
        advance()
        clock.now += 20
        advance(2)
    assert capsys.readouterr().err.splitlines() == [
        "training: 1 of 10, at first sight about 7 min 30 s left",
        "training: 3 of 10, about 1 min 10 s left",
    ]


def test_a_pipe_gets_a_line_now_and_then_with_the_time_left_and_the_note(clock, capsys) -> None:
    with progress("training", 10) as advance:
        advance(1, "val_loss 0.9")
        clock.now += subject.LINE_EVERY_S
        advance(1, "val_loss 0.8")
        advance(1, "val_loss 0.7")
        clock.now += subject.LINE_EVERY_S
        advance()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "training: 2 of 10, about 1 min 20 s left, val_loss 0.8",
        "training: 4 of 10, about 40 s left",
    ]


def test_after_the_last_item_no_time_is_left_to_tell(clock, capsys) -> None:
    with progress("training", 1) as advance:
        clock.now += 50
        advance(1, "val_loss 0.9")
    assert capsys.readouterr().err == "training: 1 of 1, val_loss 0.9\n"


def test_work_done_by_an_earlier_call_does_not_make_the_time_left_shorter(clock, capsys) -> None:
    with progress("training", 100, done=90) as advance:
        clock.now += 20
        advance()
    assert capsys.readouterr().err == "training: 91 of 100, at first sight about 3 min 00 s left\n"


def test_a_terminal_gets_a_bar_on_standard_error_only(monkeypatch, capsys) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress("training", 4, done=1) as advance:
        advance(1, "val_loss 0.8")
    assert capsys.readouterr().out == ""
    assert "training" in terminal.getvalue()
    assert "2/4" in terminal.getvalue()
    assert "val_loss 0.8" in terminal.getvalue()
