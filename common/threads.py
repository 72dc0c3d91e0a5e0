"""Threads that share a piece of work."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from common import environment
from common.progress import progress

NAMED = "encore"
"""How the names of the threads begin."""
READERS = min(16, 4 * environment.threads())
"""More threads than cores: reading headers and hashing wait for the disk and release the GIL."""

Item = TypeVar("Item")
Result = TypeVar("Result")


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


def mapped(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    label: str,
    threads: int | None = None,
    *,
    at_once: int | None = None,
) -> Iterator[Result]:
    """Yield the result of `work` for every item, in order, with progress under `label`.

    Args:
        work: is called in parallel threads.
        items: what it is called with.
        label: of the progress.
        threads: their number; None: as many as Python takes.
        at_once: how many items are worked on before their results are taken, so that a slow consumer does not fill the
            memory. None: all.
    """
    with pool(threads) as executor, progress(label, len(items)) as advance:
        step = at_once or max(1, len(items))
        for start in range(0, len(items), step):
            for result in executor.map(work, items[start : start + step]):
                yield result
                advance()


def in_threads(
    work: Callable[[Item], Result], items: Sequence[Item], label: str, threads: int = READERS
) -> list[Result]:
    """Return the results of `mapped`.

    After an error, only the items in progress are finished; after Ctrl-C, none.
    """
    return list(mapped(work, items, label, threads))


def at_work() -> bool:
    """Return whether threads of a pool are still at work; Python would wait for them at its end."""
    return any(thread.name.startswith(NAMED) for thread in threading.enumerate())
