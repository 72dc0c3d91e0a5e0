"""Threads that share a piece of work."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

NAMED = "encore"
"""How the names of the threads begin."""


@contextmanager
def pool(threads: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """Give a pool of threads, by default as many as Python takes.

    After an error, what is not begun is not done, and what is begun is waited for. After Ctrl-C nothing is waited for:
    a thread may compile for half a minute. `common.cli.console.main` then ends the process with its threads.
    """
    executor = ThreadPoolExecutor(threads, NAMED)
    try:
        yield executor
    except BaseException as error:
        executor.shutdown(wait=not isinstance(error, KeyboardInterrupt), cancel_futures=True)
        raise
    executor.shutdown()


def at_work() -> bool:
    """Return whether threads of a pool are still at work; Python would wait for them at its end."""
    return any(thread.name.startswith(NAMED) for thread in threading.enumerate())
