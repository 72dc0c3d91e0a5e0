"""libsndfile's MP3 decoder without its notes: it prints three lines about each damaged file on standard error.

The decoder writes to the C library's `stderr`, and no setting of libsndfile stops it. While `quiet` is entered, that
variable points to the null device. Python's `sys.stderr` does not use it: progress and messages are still shown.
"""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

SYMBOLS = ("stderr", "__stderrp")
"""The name of the variable in glibc and musl, and in macOS."""

_LOCK = threading.Lock()
_WITHIN = 0
"""How many threads are within `quiet`: the first one redirects, the last one restores."""
_SAVED: int | None = None


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress what C code prints on `stderr`; where the variable is not found, nothing is suppressed."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _WITHIN, _SAVED
    with _LOCK:
        _WITHIN += 1
        if _WITHIN == 1 and (found := _streams()):
            stderr, nowhere = found
            _SAVED, stderr.value = stderr.value, nowhere


def _leave() -> None:
    global _WITHIN
    with _LOCK:
        _WITHIN -= 1
        if _WITHIN == 0 and (found := _streams()):
            found[0].value = _SAVED


@cache
def _streams() -> tuple[ctypes.c_void_p, int] | None:
    """Return the C variable `stderr` and a stream to the null device; None if there is no such variable."""
    library = ctypes.CDLL(None)
    for symbol in SYMBOLS:
        try:
            stderr = ctypes.c_void_p.in_dll(library, symbol)
        except ValueError:
            continue
        library.fopen.restype = ctypes.c_void_p
        if nowhere := library.fopen(b"/dev/null", b"w"):
            return stderr, nowhere
    return None
