"""Work in forked children that campaigns may kill. The parent only imports: TensorFlow does not survive a fork."""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # invented records
sys.path.insert(0, str(Path(__file__).parents[1] / "common"))  # the tiny document
sys.path.insert(0, str(Path(__file__).parents[2]))  # the checkout

import common.learners.quiet  # noqa: F401 (before others import Keras)

PATIENCE_S = 20.0
"""How long the processes that a child began may outlive it before they count as left behind."""


@dataclass(frozen=True)
class Child:
    """A forked process that does some work, in a session of its own; what it prints goes to a file."""

    pid: int

    @classmethod
    def of(cls, work: Callable[[], object], log: Path) -> "Child":
        """Begin the work; the child ends with 0, with the code of a SystemExit, or with 1 after another error."""
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            return cls(pid)
        os.setsid()
        for stream in (1, 2):
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        code = 1
        try:
            work()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    def end(self) -> int:
        """Wait, and return the exit code; of a killed one, the negative number of the signal."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill_after(self, seconds: float, number: int) -> bool:
        """Send a signal after a time, and wait; return whether it was still at work."""
        time.sleep(seconds)
        os.kill(self.pid, number)
        return self.end() == -number

    def orphans(self) -> int:
        """Return how many processes of an ended child have outlived it for long, and kill those."""
        waited = time.monotonic() + PATIENCE_S
        while (left := self._others()) and time.monotonic() < waited:
            time.sleep(0.1)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return len(left)

    def _others(self) -> list[int]:
        pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
        return [pid for pid in pids if _session(pid) == self.pid]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1


def done(work: Callable[[], object], log: Path) -> tuple[int, float]:
    """Do some work in a child to its end; return its exit code and the seconds it took."""
    began = time.monotonic()
    return Child.of(work, log).end(), time.monotonic() - began
