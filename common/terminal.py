"""What is printed: text without characters that steer a terminal."""

import sys
from typing import TextIO

from common.escaping import printable


def say(*values: object, file: TextIO | None = None, flush: bool = False) -> None:
    """Print values as `print` does, with invisible characters escaped.

    Args:
        values: separated by blanks.
        file: None: standard output.
        flush: whether it is written at once.
    """
    print(printable(" ".join(map(str, values))), file=file or sys.stdout, flush=flush)
