import io
import sys

import pytest
from rich.console import Console
from rich.progress import Progress

from common import progress as subject
from common.progress import duration_in_words, progress


class Clock:
    """Replaces the module `time`; a test sets `now`."""

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
def test_a_duration_has_at_most_two_units(seconds, words) -> None:
    assert duration_in_words(seconds) == words


def test_the_time_left_follows_the_pace_after_the_first_items(clock, capsys) -> None:
    with progress("training", 10) as advance:
        clock.now += 50
        advance()
        clock.now += 20
        advance(2)
    first, second = capsys.readouterr().err.splitlines()
    assert "1 of 10" in first and "7 min 30 s" in first and "estimate" in first
    assert "3 of 10" in second and "1 min 10 s" in second and "estimate" not in second


def test_without_a_terminal_a_line_every_few_seconds_has_the_time_left_and_the_note(clock, capsys) -> None:
    with progress("training", 10) as advance:
        advance(1, "val_loss 0.9")
        clock.now += subject.LINE_EVERY_S
        advance(1, "val_loss 0.8")
        advance(1, "val_loss 0.7")
        clock.now += subject.LINE_EVERY_S
        advance()
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert all(part in first for part in ("2 of 10", "1 min 20 s", "val_loss 0.8"))
    assert all(part in second for part in ("4 of 10", "40 s")) and "val_loss" not in second


def test_the_first_of_many_items_gives_no_estimate(clock, capsys) -> None:
    with progress("features", 1440) as advance:
        clock.now += 15
        advance()
        clock.now += 10
        advance(400)
    first, second = capsys.readouterr().err.splitlines()
    assert "1 of 1440" in first and "left" not in first
    assert "401 of 1440" in second and "26 s left" in second


def test_the_time_left_forgets_a_pause(clock, capsys) -> None:
    with progress("training", 100) as advance:
        for seconds in (20, 20, 3600, *[20] * subject.RECENT):
            clock.now += seconds
            advance()
    lines = capsys.readouterr().err.splitlines()
    assert "3 of 100" in lines[2] and " h " in lines[2]
    assert "13 of 100" in lines[-1] and "29 min 00 s" in lines[-1]


def test_items_of_an_earlier_call_do_not_shorten_the_time_left(clock, capsys) -> None:
    with progress("training", 100, done=90) as advance:
        clock.now += 20
        advance()
    err = capsys.readouterr().err
    assert "91 of 100" in err and "3 min 00 s" in err


def test_a_terminal_has_a_bar_on_standard_error_only(monkeypatch, capsys) -> None:
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


@pytest.mark.parametrize("width", [45, 60, 80])
def test_on_a_narrow_terminal_bar_count_and_time_left_stay_and_the_words_go(width) -> None:
    console = Console(width=width, file=io.StringIO())
    bar = Progress(*subject.columns(), console=console)
    bar.add_task("an experiment with a long name, fold 1 of 6", total=100, completed=34, note="loss 0.1234, and more")
    console.print(bar.make_tasks_table(bar.tasks))
    (line,) = console.file.getvalue().splitlines()
    assert len(line) <= width
    assert all(part in line for part in ("━", " 34/100 ", "-:--:--"))
    assert "long name, fold 1" not in line
