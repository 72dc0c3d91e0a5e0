"""Names from files, folders, tables and records, made harmless for where they are shown.

A class may be called `=cmd|...`, a file may have an escape sequence in its name. Each output has one place where its
text is escaped: the terminal `common.terminal`, tables of runs `common.files`, and each form of a report its renderer.
"""

import json
import re
from typing import Any

INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u2064\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
"""Unicode's control, format and surrogate characters and its separators of lines, without line feed and tab.

They steer a terminal, reorder letters, end lines, or cannot be encoded.
"""

FORMULA = re.compile("'*[=+\\-@\t\r\n\uff0b\uff0d\uff1d\uff20]")
"""The beginning of a cell that spreadsheets may execute, or one of ours that `spreadsheet` has marked."""

MARKDOWN = re.compile(r"([\\`*<|]|(?<![^\W_])_|_(?![^\W_])|\](?=\()|&(?=#?\w+;))")


def is_text(name: str) -> bool:
    """Return whether the name of a file or folder is text; one of bytes that are not UTF-8 can be written nowhere."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def printable(text: str) -> str:
    r"""Return text with every invisible character but line feed and tab as in Python: `\x1b`, `\u202e`."""
    return INVISIBLE.sub(lambda found: ascii(found[0])[1:-1], text)


def printable_in(value: Any) -> Any:
    """Return what JSON holds, with all its words printable in one line each, also those that are keys."""
    # Almost always nothing is to be done, and to look for it word by word took a third of the time to read records.
    text = json.dumps(value, ensure_ascii=False)
    return value if text.isprintable() and "\\" not in text else _printable_in(value)


def _printable_in(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value).replace("\n", " ").replace("\t", " ")
    if isinstance(value, dict):
        return {_printable_in(key): _printable_in(part) for key, part in value.items()}
    return [_printable_in(part) for part in value] if isinstance(value, list) else value


def in_line(text: str) -> str:
    """Return printable text in one line, with single blanks."""
    return printable(" ".join(text.split()))


def markdown(text: str) -> str:
    """Return text in one line, with what Markdown would read as marks taken literally."""
    return MARKDOWN.sub(r"\\\1", in_line(text))


def spreadsheet(cell: str) -> str:
    """Return a cell of a CSV file; one that would be executed as a formula begins with an apostrophe, as words do."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def from_spreadsheet(cell: str) -> str:
    """Return what `spreadsheet` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell
