"""Reading hand-made tables: byte-order marks, blanks and blank lines are accepted, broken rows are refused.

Values may be separated by commas, semicolons, tabs or bars; the text is UTF-8 or, as spreadsheets save it, UTF-16.
"""

import codecs
import csv
from collections import Counter
from pathlib import Path

from common.errors import InputError

SEPARATORS = (",", ";", "\t", "|")
"""In the order of preference, if a header can be read with several."""


def header(table: Path) -> list[str]:
    """Return the column names of a table in lower case, without blanks around them; [] if it has none."""
    return _header(table, _encoding(table), _separator(table))


def _header(table: Path, encoding: str, separator: str) -> list[str]:
    # errors="replace": a table in another encoding is refused by `rows`, with the reason, and not here.
    with table.open(encoding=encoding, errors="replace", newline="") as file:
        try:
            first = next(csv.reader(file, delimiter=separator, skipinitialspace=True), [])
            return [column.strip().lower() for column in first]
        except csv.Error:
            return []


def _encoding(table: Path) -> str:
    with table.open("rb") as file:
        start = file.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Without a byte-order mark, an ASCII letter has its zero byte after it or before it.
    return {(False, True): "utf-16-le", (True, False): "utf-16-be"}.get(
        (start[:1] == b"\0", start[1:2] == b"\0"), "utf-8-sig"
    )


def _separator(table: Path) -> str:
    """Return the separator with which the header has most columns."""
    encoding = _encoding(table)
    return max(SEPARATORS, key=lambda separator: len(_header(table, encoding, separator)))


def rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    """Return (number of its first line, values by column) for each row of a table that is not blank.

    Raises:
        InputError: a row has more or fewer values than the header or is not valid CSV, two columns have the same name,
            or the file is neither UTF-8 nor UTF-16.
    """
    found = []
    encoding, separator = _encoding(table), _separator(table)
    columns, line = _header(table, encoding, separator), 1
    if twice := [name for name, times in Counter(columns).items() if name and times > 1]:
        raise InputError(f"{table}: several columns have the name {twice[0]}; rename or delete all but one")
    try:
        with table.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
            next(reader)
            line = reader.line_num + 1
            for values in reader:
                if any(value.strip() for value in values):
                    _refuse_another_length(values, columns, _lines(table, line, reader.line_num), separator)
                    found.append((line, dict(zip(columns, map(str.strip, values), strict=True))))
                line = reader.line_num + 1  # not line + 1: a quoted value may contain line breaks
    except UnicodeError as error:
        reason = getattr(error, "reason", error)
        raise InputError(f"{table} is neither UTF-8 nor UTF-16 text ({reason}); save it as CSV UTF-8") from error
    except csv.Error as error:
        where = _lines(table, line, reader.line_num)
        raise InputError(f"{where}: not valid CSV ({error}); check that each quote is closed") from error
    return found


def _lines(table: Path, first: int, last: int) -> str:
    return f"{table}, line {first}" if first >= last else f"{table}, lines {first} to {last}"


def _refuse_another_length(values: list[str], columns: list[str], where: str, separator: str) -> None:
    if len(values) != len(columns):
        word = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}[separator]
        raise InputError(
            f"{where}: {len(values)} values, but the header has {len(columns)}; put values that contain {word} in "
            "quotes, and check that each quote is closed"
        )
