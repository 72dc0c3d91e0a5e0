"""CSV of a table: its rows as they stand, its numbers unrounded, with interval, n, std and each seed."""

import csv
import io
import re
from collections.abc import Iterable

from common import escaping
from reports.blocks import Cell, Column, Number, Table, cell_text


def table_text(table: Table) -> str:
    """Return a table as CSV.

    A column of numbers `precision_ours_published` is followed, as far as its cells know them, by
    `precision_ours_published_low` and `_high` (95 %), `_n`, `_std` and `_seed_0`, `_seed_1`, ...; an unknown
    number is an empty cell.
    """
    fields = [_fields(table, place) for place in range(len(table.columns))]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_names(table.columns, fields))
    for row in table.rows:
        writer.writerow([value for cell, known in zip(row, fields, strict=True) for value in _values(cell, known)])
    return out.getvalue()


def _names(columns: Iterable[Column], fields: Iterable[list[str]]) -> list[str]:
    names = []
    for place, (column, known) in enumerate(zip(columns, fields, strict=True)):
        stem = re.sub(r"[^a-z0-9]+", "_", column.heading.lower()).strip("_") or f"column_{place + 1}"
        names += [f"{stem}{field}" for field in known]
    return names


def _fields(table: Table, place: int) -> list[str]:
    """Return the endings of the columns that one column becomes."""
    if table.columns[place].kind != "number":
        return [""]
    numbers = [row[place] for row in table.rows]
    known = {field for cell in numbers if isinstance(cell, Number) for field in _known(cell)}
    seeds = sorted((field for field in known if field.startswith("_seed_")), key=lambda field: int(field[6:]))
    return ["", *(field for field in ("_low", "_high", "_n", "_std") if field in known), *seeds]


def _known(number: Number) -> dict[str, float | int]:
    """Return all that is known of a number, by the ending of its column."""
    known: dict[str, float | int] = {"": number.value}
    if number.interval is not None:
        known |= {"_low": number.interval[0], "_high": number.interval[1]}
    if number.n is not None:
        known["_n"] = number.n
    if number.std is not None:
        known["_std"] = number.std
    return known | {f"_seed_{seed}": value for seed, value in number.seeds.items()}


def _values(cell: Cell, fields: list[str]) -> list[str]:
    if isinstance(cell, Number):
        known = _known(cell)
        return [_plain(known[field]) if field in known else "" for field in fields]
    return [
        escaping.spreadsheet(escaping.in_line(cell_text(cell))) if cell is not None else "",
        *[""] * (len(fields) - 1),
    ]


def _plain(value: float) -> str:
    return f"{value}" if isinstance(value, int) else repr(float(value))
