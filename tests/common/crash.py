"""Begins runs of the tiny document and kills each of them again and again: `crash.py CORPUS RUNS`.

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

import tiny

from common.learners import callbacks, keras3
from common.runs import jobs, records, runner


def die(*_: Any, **__: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def at_call(number: int, owner: Any, name: str, instead: Callable[..., Any] = die) -> None:
    """Let the first calls of a function pass and replace the one of this number."""
    original, calls = getattr(owner, name), iter(range(1, 10**6))
    setattr(owner, name, lambda *given, **named: (instead if next(calls) == number else original)(*given, **named))


def half_a_checkpoint(file: Any, **_: Any) -> NoReturn:
    file.write(b"PK half of a checkpoint")
    file.flush()
    die()


def half_a_model(_: Any, path: Path) -> NoReturn:
    Path(path).write_bytes(b"PK half of a model")
    die()


def half_a_record(folder: Path, _: Any) -> NoReturn:
    (folder / f".record.json.{os.getpid()}").write_text('{"schema": 1, "stu')
    die()


Moment = tuple[str, Callable[[], None]]

# Of each run, the moments at which it is killed, one after the other; calls count from where the last attempt ended.
RUNS: dict[tuple[str, str], list[Moment]] = {
    ("patient", "published"): [
        ("after the checkpoint of an epoch", lambda: at_call(2, callbacks.Report, "on_epoch_end")),
        ("in the middle of an epoch", lambda: at_call(12, callbacks.EpochSeeds, "on_train_batch_end")),
        ("while a checkpoint is written", lambda: at_call(2, keras3.np, "savez", half_a_checkpoint)),
        (
            "after early stopping, while the model is saved",
            lambda: at_call(1, keras3.keras.Model, "save", half_a_model),
        ),
        ("while the record is written", lambda: at_call(1, records, "write", half_a_record)),
        ("after the record, before clearing up", lambda: at_call(1, runner.shutil, "rmtree")),
    ],
    ("patient", "independent"): [("after the first fold is kept", lambda: at_call(2, runner, "_learned"))],
    ("retrained", "published"): [
        ("between search and retraining", lambda: at_call(2, jobs.Job, "learner")),
        ("in the middle of retraining", lambda: at_call(11, callbacks.EpochSeeds, "on_train_batch_end")),
    ],
}


def attempt(job: jobs.Job, moment: Moment) -> None:
    child = os.fork()
    if child == 0:
        name, arrange = moment
        arrange()
        runner.run(job)
        print(f"{job.folder} was not killed {name}", file=sys.stderr)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        sys.exit(f"{job.folder} did not die {moment[0]}: status {status}")


if __name__ == "__main__":
    for run, moments in RUNS.items():
        for moment in moments:
            attempt(tiny.job(Path(sys.argv[1]), *run, runs=Path(sys.argv[2]), folds=2), moment)
