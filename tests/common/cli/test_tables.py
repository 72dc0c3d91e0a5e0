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
