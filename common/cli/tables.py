"""Prints tables: with boxes on a terminal, as lines of tab-separated values elsewhere."""

import sys

from rich.console import Console
from rich.table import Table


def print_table(table: Table) -> None:
    """Print a table on standard output; if that is no terminal, a line per row whose cells are separated by tabs.

    The lines begin with the title, if there is one, and the names of the columns. Pictures, such as bars, are left out,
    also on a terminal that has only ASCII or Latin-1. Cells are text as it is, without markup.
    """
    written = [column for column in table.columns if all(isinstance(cell, str) for cell in column.cells)]
    if sys.stdout.isatty():
        console = Console(markup=False, highlight=False)
        if console.options.ascii_only:
            table.columns = written
        console.print(table)
        return
    if table.title:
        print(table.title)
    rows = zip(*(column.cells for column in written), strict=True)
    for row in ([column.header for column in written], *rows):
        print("\t".join(" ".join(str(cell).split()) for cell in row))
