"""Kills processes at chosen moments. Scripts use it that start a run or a search and are started by tests.

Every attempt is a forked child. It resumes what the last attempt left and ends by SIGKILL, as in a power failure. The
parent only imports.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).parents[2]))

from common.files import UNFINISHED

Moment = tuple[str, Callable[[], None]]
"""When the child is killed: in words, and a function that arranges it."""


def die(*_: Any, **__: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def at_call(number: int, owner: Any, name: str, instead: Callable[..., Any] = die) -> None:
    """Let the first calls of a function pass and replace the one with this number."""
    original, calls = getattr(owner, name), iter(range(1, 10**6))
    setattr(owner, name, lambda *given, **named: (instead if next(calls) == number else original)(*given, **named))


def half_a_file(path: Path, text: str) -> NoReturn:
    """Die while a text file is written."""
    path.with_name(f"{UNFINISHED}{os.getpid()}-{path.name}").write_text(text[: len(text) // 2])
    die()


def attempt(moment: Moment, work: Callable[..., Any], *given: Any, **named: Any) -> None:
    """Do some work in a child that is killed at a moment; exit with an error if it was not."""
    name, arrange = moment
    child = os.fork()
    if child == 0:
        arrange()
        work(*given, **named)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        sys.exit(f"it did not die {name}: status {status}")
