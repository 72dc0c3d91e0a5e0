"""Prints tables: with boxes on a terminal, as lines of tab-separated values elsewhere."""

import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from common.escaping import in_line, printable
from common.terminal import say


class _Plain(Console):
    """A console that escapes invisible characters of text; colours and boxes are its own."""

    def render_str(self, text: str, **settings: Any) -> Text:
        """Return text as it is shown."""
        return super().render_str(printable(text), **settings)


def print_table(table: Table) -> None:
    """Print a table on standard output; if that is no terminal, a line per row whose cells are separated by tabs.

    The lines begin with the title, if there is one, and the names of the columns. Pictures, such as bars, are left out,
    also on a terminal that has only ASCII or Latin-1. Cells are text as it is, without markup.
    """
    written = [column for column in table.columns if all(isinstance(cell, str) for cell in column.cells)]
    if sys.stdout.isatty():
        console = _Plain(markup=False, highlight=False, emoji=False)
        if console.options.ascii_only:
            table.columns = written
        console.print(table)
        return
    if table.title:
        say(table.title)
    rows = zip(*(column.cells for column in written), strict=True)
    for row in ([column.header for column in written], *rows):
        say("\t".join(in_line(str(cell)) for cell in row))
