import io
import sys

from rich.bar import Bar
from rich.table import Table

from common.cli.tables import print_table


def table() -> Table:
    made = Table("name", "bar", "value", title="Scores")
    made.add_row("a [b] c", Bar(1, 0, 0.5), "0.5")
    made.add_row("two\nlines", Bar(1, 0, 0.2), "")
    return made


def test_in_a_pipe_it_is_lines_of_tabs_without_boxes_and_pictures(capsys) -> None:
    print_table(table())
    assert capsys.readouterr().out.splitlines() == ["Scores", "name\tvalue", "a [b] c\t0.5", "two lines\t"]


def test_on_a_terminal_it_has_boxes_and_text_is_no_markup(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    print_table(table())
    out = capsys.readouterr().out
    assert "│" in out
    assert "a [b] c" in out


def test_a_terminal_of_ascii_has_no_bars_and_plain_boxes(monkeypatch) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdout", terminal)
    print_table(table())
    terminal.seek(0)
    lines = terminal.read().splitlines()
    assert any("a [b] c" in line and "0.5" in line for line in lines)
    assert not any("bar" in line for line in lines)
