"""Begins a run of a tiny document and kills it twice: `crash_tasks.py KIND CORPUS RUNS`."""

import sys
from pathlib import Path

import crash
import tiny_tasks

from common.learners import callbacks

MOMENTS = (
    ("after the checkpoint of an epoch", lambda: crash.at_call(2, callbacks.Report, "on_epoch_end")),
    ("in the middle of an epoch", lambda: crash.at_call(4, callbacks.EpochSeeds, "on_train_batch_end")),
)

if __name__ == "__main__":
    kind, corpus, runs = sys.argv[1:]
    for moment in MOMENTS:
        crash.attempt(tiny_tasks.job(kind, Path(corpus), runs=Path(runs)), moment)
