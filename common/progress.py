"""Progress with the time left: a bar on a terminal, a line every few seconds elsewhere.

Everything is written to standard error, because standard output belongs to results (`--json`).
"""

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from common.escaping import in_line
from common.terminal import say

FEW = 100
"""Of so many items at most, the first one tells something about the others; of more, such as clips, it does not."""

LINE_EVERY_S = 10.0
"""Seconds between two lines if standard error is not a terminal."""

RECENT = 10
"""The pace is that since so many lines ago: a pause, or other work on the machine, is soon forgotten."""

Listener = Callable[[str, float, int], None]
"""Receives a label, and how many of how many items are finished."""
_LISTENERS: list[Listener] = []
"""The listener of this process, if it has one."""


@contextmanager
def reported_to(listener: Listener) -> Iterator[None]:
    """Report all progress in this process to a listener, and print none."""
    _LISTENERS.append(listener)
    try:
        yield
    finally:
        _LISTENERS.remove(listener)


def duration_in_words(seconds: float) -> str:
    """Format a duration: `8 s`, `3 min 05 s`, `2 h 10 min`."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


class Advance:
    """Counts and reports finished items; call it from one thread at a time."""

    def __init__(self, label: str, total: int, bar: Progress | None = None, done: int = 0) -> None:
        self._label, self._total, self._bar = label, total, bar
        self._done: float = done
        self._printed = time.monotonic()
        self._paces: deque[tuple[float, float]] = deque([(self._printed, done)], maxlen=RECENT)
        self._only_first = True
        self._task = bar.add_task(label, total=total, completed=done, note="") if bar else None

    def __call__(self, items: float = 1, note: str = "") -> None:
        """Report `items` more finished items, or parts of one, with a short note such as the current loss."""
        self._done += items
        if _LISTENERS:
            _LISTENERS[-1](self._label, self._done, self._total)
            return
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=items, note=note)
            return
        now = time.monotonic()
        if now - self._printed >= LINE_EVERY_S:
            self._printed = now
            left = self._left(now)
            self._paces.append((now, self._done))
            whole = math.floor(self._done + 1e-6)  # parts of an item do not add up to exactly 1
            parts = [f"{whole} of {self._total}", left, note]
            say(f"{self._label}: {', '.join(part for part in parts if part)}", file=sys.stderr, flush=True)
        if self._only_first:  # the pace is measured from here on: the first items include compilation
            self._paces, self._only_first = deque([(now, self._done)], maxlen=RECENT), False

    def _left(self, now: float) -> str:
        """Return the estimated time left, or "" after the last item or if nothing is known yet.

        The estimate uses the pace of the last lines, and not the first items, which include compilation and are slower.
        Until there are others, it uses the first of `FEW` items, such as epochs, and says that it is a first estimate.
        """
        began, done = self._paces[0]
        if self._done >= self._total or self._done == done or (self._only_first and self._total > FEW):
            return ""
        left = (now - began) / (self._done - done) * (self._total - self._done)
        return f"about {duration_in_words(left)} left{' (first estimate)' if self._only_first else ''}"


class _Words(TextColumn):
    """Words that are cut where a narrow terminal has no room for them beside the bar, the count and the time left."""

    def get_table_column(self) -> Column:
        """Return a column that gives way: rich narrows those first that may be wrapped."""
        return Column(no_wrap=False)

    def render(self, task: Task) -> Text:
        """Return the words, on one line however narrow the column is."""
        words = super().render(task)
        words.no_wrap, words.overflow = True, "ellipsis"
        return words


def columns() -> tuple[_Words, BarColumn, MofNCompleteColumn, TimeRemainingColumn, _Words]:
    """Return the parts of a line: words, bar, count, time left, note. Only words and note become narrower."""
    whole = Column(no_wrap=True)
    return (
        _Words("{task.description}", markup=False),  # a class or a corpus may be called [/bold]
        BarColumn(bar_width=20, table_column=whole),
        MofNCompleteColumn(table_column=whole.copy()),
        TimeRemainingColumn(table_column=whole.copy()),
        _Words("{task.fields[note]}", markup=False),
    )


@contextmanager
def progress(label: str, total: int, *, done: int = 0) -> Iterator[Advance]:
    """Show the progress of `total` items under `label`; yields the function to call for each finished item.

    Items `done` by an earlier call count as finished, but are ignored in the estimate of the time left.

    Example:
        >>> with progress("decoding", len(paths)) as advance:
        ...     for path in paths:
        ...         decode(path)
        ...         advance()
    """
    label = in_line(label)
    if _LISTENERS or not sys.stderr.isatty():
        yield Advance(label, total, done=done)
        return
    # rich would print results above the bar, on standard error, even if standard output is a file or a pipe.
    at_terminal = sys.stdout.isatty()
    with Progress(*columns(), console=Console(stderr=True), transient=True, redirect_stdout=at_terminal) as bar:
        yield Advance(label, total, bar, done)
