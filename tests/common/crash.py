"""Starts runs of a tiny document and kills each of them again and again: `crash.py DOCUMENT CORPUS RUNS`."""

import shutil
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import killing
import tiny
import tiny_tasks
import tiny_tf_keras

from common.learners import callbacks, keras3
from common.runs import jobs, records, runner


def half_a_checkpoint(path: Path, **_: Any) -> NoReturn:
    path.write_bytes(b"PK half of a checkpoint")
    killing.die()


def half_a_model(_: Any, path: Path) -> NoReturn:
    Path(path).write_bytes(b"PK half of a model")
    killing.die()


def half_a_record(folder: Path, _: Any) -> NoReturn:
    killing.half_a_file(folder / "record.json", '{"schema": 2, "study": "tiny"}')


AFTER_A_CHECKPOINT: killing.Moment = (
    "after the checkpoint of an epoch",
    lambda: killing.at_call(2, callbacks.Report, "on_epoch_end"),
)


def in_an_epoch(batch: int) -> killing.Moment:
    return "in the middle of an epoch", lambda: killing.at_call(batch, callbacks.EpochSeeds, "on_train_batch_end")


def of_tf_keras(name: str) -> Any:
    """Return a part of tf-keras, which only its own run imports."""
    return getattr(import_module("tf_keras"), name)


JOBS = {
    "tiny": tiny.job,
    "tf-keras": tiny_tf_keras.job,
    **{kind: partial(tiny_tasks.job, kind) for kind in tiny_tasks.TASKS},
}
# The moments at which each run is killed, one after the other. Calls are counted from where the last attempt ended.
RUNS: dict[str, dict[tuple[str, str], list[killing.Moment]]] = {
    "tiny": {
        ("patient", "published"): [
            AFTER_A_CHECKPOINT,
            in_an_epoch(12),
            ("while a checkpoint is written", lambda: killing.at_call(2, keras3.np, "savez", half_a_checkpoint)),
            (
                "after early stopping, while the model is saved",
                lambda: killing.at_call(1, keras3.keras.Model, "save", half_a_model),
            ),
            ("while the record is written", lambda: killing.at_call(1, records, "write", half_a_record)),
            ("after the record, before clearing up", lambda: killing.at_call(1, shutil, "rmtree")),
        ],
        ("patient", "independent"): [
            ("after the first fold is kept", lambda: killing.at_call(2, runner, "_learned")),
        ],
        ("retrained", "published"): [
            ("between search and retraining", lambda: killing.at_call(2, jobs.Job, "learner")),
            in_an_epoch(11),
        ],
    },
    "tf-keras": {
        ("tf-keras", "published"): [
            AFTER_A_CHECKPOINT,
            (
                "in the middle of an epoch",
                lambda: killing.at_call(12, of_tf_keras("callbacks").CallbackList, "on_train_batch_end"),
            ),
            (
                "after early stopping, while the model is saved",
                lambda: killing.at_call(1, of_tf_keras("Model"), "save", half_a_model),
            ),
        ],
    },
    **{kind: {("network", "published"): [AFTER_A_CHECKPOINT, in_an_epoch(4)]} for kind in tiny_tasks.TASKS},
}

if __name__ == "__main__":
    document, corpus, runs = sys.argv[1:]
    for run, moments in RUNS[document].items():
        for moment in moments:
            killing.attempt(moment, runner.run, JOBS[document](Path(corpus), *run, runs=Path(runs), folds=2))
