"""Work on many items in forked processes, while this one goes on with something else."""

import multiprocessing
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
            fewest: items that are worth another process. With fewer, or one core, all is done before this returns.
        """
        if len(items) < fewest or threads() < 2:
            return iter([function(item) for item in items])
        workers = min(threads(), len(items) // fewest)
        # Forked workers have function and items already: only numbers travel.
        context = multiprocessing.get_context("fork")
        pool = ProcessPoolExecutor(workers, context, initializer=_WORK.extend, initargs=([function, items],))
        at_once = max(1, len(items) // (CHUNKS * workers))
        return self._pools.enter_context(pool).map(_work, range(len(items)), chunksize=at_once)


@contextmanager
def processes() -> Iterator[Processes]:
    """Give what starts work, and end its processes afterwards."""
    with ExitStack() as pools:
        yield Processes(pools)


def _work(place: int) -> Any:
    function, items = _WORK
    return function(items[place])
