"""Work on many items in forked processes; this one can go on with something else meanwhile."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from common.environment import threads

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNKS = 16
"""Parts of its work that a process fetches one by one, if it has so many items."""
_WORK: list[Any] = []
"""What a forked process is to do: the function, and all items."""


class Processes:
    """Starts work; made by `processes`."""

    def __init__(self, pools: ExitStack) -> None:
        self._pools = pools

    def begin(self, function: Callable[[Item], Result], items: Sequence[Item], fewest: int) -> Iterator[Result]:
        """Return at once; the results come in the order of the items, when asked for.

        Args:
            function: what is done with each item; its results travel between processes, the items need not.
            items: what to work on.
            fewest: items that are worth other processes. With fewer, or one core, all is done before this returns.
        """
        if len(items) < fewest or threads() < 2:
            return iter([function(item) for item in items])
        # Forked workers have function and items already: only numbers travel.
        workers, context = min(threads(), len(items)), multiprocessing.get_context("fork")
        pool = ProcessPoolExecutor(workers, context, initializer=_take, initargs=(function, items))
        # Whoever leaves early, by an error or Ctrl-C, does not wait for what is not begun.
        self._pools.callback(pool.shutdown, cancel_futures=True)
        return pool.map(_work, range(len(items)), chunksize=max(1, len(items) // (CHUNKS * workers)))


@contextmanager
def processes() -> Iterator[Processes]:
    """Give what starts work, and end its processes afterwards."""
    with ExitStack() as pools:
        yield Processes(pools)


def _take(function: Callable[[Any], Any], items: Sequence[Any]) -> None:
    """Begin as a worker: the process that began it reports what ends the program, and no worker outlives it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _WORK[:] = [function, items]


def _end_with_parent() -> None:
    """Wait for the end of the process that began this one, which may be killed at any moment."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        # By a pipe that the end of the parent closes. Workers that began later hold it open too, and end before.
        parent.join()
        os._exit(1)


def _work(place: int) -> Any:
    function, items = _WORK
    return function(items[place])
