"""Ctrl-C while a command still imports its libraries: one line and exit code 130, not the traceback of a library.

Every package with commands imports `common` before anything else, and `common` calls `begin`. In a process that is no
command of Encore, such as a notebook, nothing is changed.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


def begin() -> None:
    """End at once on Ctrl-C, until `over` is called."""
    # While the packages above a module are imported for `python -m`, this stands where the program's name will be.
    is_command = Path(sys.argv[0] if sys.argv else "").stem in ("-m", "encore")
    if is_command and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def over() -> None:
    """Raise KeyboardInterrupt on Ctrl-C again, as Python does: there may be something to tidy up from here on."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(*_: Any) -> NoReturn:
    # Not by an exception: some libraries catch every exception where they import what they could do without.
    os.write(2, b"interrupted: nothing was begun yet\n")
    os._exit(INTERRUPTED)
