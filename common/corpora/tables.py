"""CSV tables as people keep them (byte-order mark, blanks around values, blank lines); broken rows are refused."""

import csv
from pathlib import Path

from common.errors import InputError


def header(table: Path, separator: str = ",") -> list[str]:
    """Return the column names of a CSV in lower case, without blanks around them; [] where it has none."""
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            return [column.strip().lower() for column in next(csv.reader(file, delimiter=separator), [])]
        except csv.Error:
            return []


def rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    """Return (line number, values by column) of each row of a CSV that is not blank.

    Raises:
        InputError: a row has more or fewer values than the header, is no CSV, or the file is no UTF-8.
    """
    found = []
    columns = header(table)
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, skipinitialspace=True, strict=True)
            next(reader)
            for values in reader:
                if not any(value.strip() for value in values):
                    continue
                if len(values) != len(columns):
                    raise InputError(
                        f"{table}, line {reader.line_num}: {len(values)} values where the header has {len(columns)}; "
                        "put values that contain a comma into quotes"
                    )
                found.append((reader.line_num, dict(zip(columns, map(str.strip, values), strict=True))))
    except UnicodeDecodeError as error:
        raise InputError(f"{table} is not UTF-8 text ({error.reason}); save it as CSV UTF-8") from error
    except csv.Error as error:
        raise InputError(f"{table}, line {reader.line_num}: broken CSV ({error}); mend the line") from error
    return found
