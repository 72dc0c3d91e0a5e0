"""Starts runs of the tiny document and kills each of them again and again: `crash.py CORPUS RUNS`."""

import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn

import killing
import tiny

from common.learners import callbacks, keras3
from common.runs import jobs, records, runner


def half_a_checkpoint(file: Any, **_: Any) -> NoReturn:
    file.write(b"PK half of a checkpoint")
    file.flush()
    killing.die()


def half_a_model(_: Any, path: Path) -> NoReturn:
    Path(path).write_bytes(b"PK half of a model")
    killing.die()


def half_a_record(folder: Path, _: Any) -> NoReturn:
    killing.half_a_file(folder / "record.json", '{"schema": 2, "study": "tiny"}')


# The moments at which each run is killed, one after the other. Calls are counted from where the last attempt ended.
RUNS: dict[tuple[str, str], list[killing.Moment]] = {
    ("patient", "published"): [
        ("after the checkpoint of an epoch", lambda: killing.at_call(2, callbacks.Report, "on_epoch_end")),
        ("in the middle of an epoch", lambda: killing.at_call(12, callbacks.EpochSeeds, "on_train_batch_end")),
        ("while a checkpoint is written", lambda: killing.at_call(2, keras3.np, "savez", half_a_checkpoint)),
        (
            "after early stopping, while the model is saved",
            lambda: killing.at_call(1, keras3.keras.Model, "save", half_a_model),
        ),
        ("while the record is written", lambda: killing.at_call(1, records, "write", half_a_record)),
        ("after the record, before clearing up", lambda: killing.at_call(1, shutil, "rmtree")),
    ],
    ("patient", "independent"): [("after the first fold is kept", lambda: killing.at_call(2, runner, "_learned"))],
    ("retrained", "published"): [
        ("between search and retraining", lambda: killing.at_call(2, jobs.Job, "learner")),
        ("in the middle of retraining", lambda: killing.at_call(11, callbacks.EpochSeeds, "on_train_batch_end")),
    ],
}

if __name__ == "__main__":
    for run, moments in RUNS.items():
        for moment in moments:
            killing.attempt(moment, runner.run, tiny.job(Path(sys.argv[1]), *run, runs=Path(sys.argv[2]), folds=2))
