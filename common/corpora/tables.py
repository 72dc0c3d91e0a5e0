"""Reading hand-made CSV tables: byte-order marks, blanks and blank lines are accepted, broken rows are refused."""

import csv
from pathlib import Path

from common.errors import InputError


def header(table: Path, separator: str = ",") -> list[str]:
    """Return the column names of a CSV in lower case, without blanks around them; [] if it has none."""
    # errors="replace": a table that is not UTF-8 is refused by `rows`, with the reason, and not here.
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            return [column.strip().lower() for column in next(csv.reader(file, delimiter=separator), [])]
        except csv.Error:
            return []


def rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    """Return (number of its first line, values by column) for each row of a CSV that is not blank.

    Raises:
        InputError: a row has more or fewer values than the header or is not valid CSV, or the file is not UTF-8.
    """
    found = []
    columns, line = header(table), 1
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, skipinitialspace=True, strict=True)
            next(reader)
            line = reader.line_num + 1
            for values in reader:
                if any(value.strip() for value in values):
                    _refuse_another_length(values, columns, _lines(table, line, reader.line_num))
                    found.append((line, dict(zip(columns, map(str.strip, values), strict=True))))
                line = reader.line_num + 1  # not line + 1: a quoted value may contain line breaks
    except UnicodeDecodeError as error:
        raise InputError(f"{table} is not UTF-8 text ({error.reason}); save it as CSV UTF-8") from error
    except csv.Error as error:
        where = _lines(table, line, reader.line_num)
        raise InputError(f"{where}: not valid CSV ({error}); check that each quote is closed") from error
    return found


def _lines(table: Path, first: int, last: int) -> str:
    return f"{table}, line {first}" if first >= last else f"{table}, lines {first} to {last}"


def _refuse_another_length(values: list[str], columns: list[str], where: str) -> None:
    if len(values) != len(columns):
        raise InputError(
            f"{where}: {len(values)} values, but the header has {len(columns)}; put values that contain a comma in "
            "quotes, and check that each quote is closed"
        )
