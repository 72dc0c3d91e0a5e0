"""Begins the small Hyperband and kills it again and again: `killed_search.py FOLDER`.

Every attempt is a forked child that goes on with what the last one left and ends by SIGKILL, as if the power had gone.
The parent only imports.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).parents[2]))

import small_search

from common.learners import callbacks
from tuning import hparams, hyperband
from tuning import search as searching


def die(*_: Any, **__: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def at_call(number: int, owner: Any, name: str, instead: Callable[..., Any] = die) -> None:
    """Let the first calls of a function pass and replace the one of this number."""
    original, calls = getattr(owner, name), iter(range(1, 10**6))
    setattr(owner, name, lambda *given, **named: (instead if next(calls) == number else original)(*given, **named))


def half_of_the_weights(trials: searching.Trials, _: Any, name: str) -> NoReturn:
    (trials._weights(name).parent / "weights.tmp").write_bytes(b"PK half of the weights")
    die()


def half_of_a_file(path: Path, text: str) -> NoReturn:
    path.with_name(f".{path.name}.{os.getpid()}").write_text(text[: len(text) // 2])
    die()


# The moments at which it is killed, one after the other; calls count from where the last attempt ended.
MOMENTS: list[tuple[str, Callable[[], None]]] = [
    ("in the middle of its first trial", lambda: at_call(1, callbacks.EpochSeeds, "on_train_batch_end")),
    (
        "while the weights of a trial are kept",
        lambda: at_call(1, searching.Trials, "_keep_weights", half_of_the_weights),
    ),
    ("when a trial is trained and not yet kept", lambda: at_call(1, hparams, "write_trial")),
    ("while a trial is kept", lambda: at_call(3, searching.files, "write_text", half_of_a_file)),
    ("when the promoted trial is kept and not yet told", lambda: at_call(3, hyperband, "_answer")),
    ("after the first epoch of a trial", lambda: at_call(1, callbacks.Report, "on_epoch_end")),
    ("when all trials are kept", lambda: at_call(1, searching, "table_of")),
    ("while the result is written", lambda: at_call(5, searching.files, "write_text", half_of_a_file)),
    ("after the result, before clearing up", lambda: at_call(1, searching.shutil, "rmtree")),
]


def attempt(folder: Path, name: str, arrange: Callable[[], None]) -> None:
    child = os.fork()
    if child == 0:
        arrange()
        hyperband.search(small_search.brackets_in(folder), factor=2)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        sys.exit(f"it did not die {name}: status {status}")
    print(name, *sorted(path.name for path in (folder / "work").iterdir()))


if __name__ == "__main__":
    for moment in MOMENTS:
        attempt(Path(sys.argv[1]), *moment)
