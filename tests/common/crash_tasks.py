"""Starts a run of a tiny document and kills it twice: `crash_tasks.py KIND CORPUS RUNS`."""

import sys
from pathlib import Path

import killing
import tiny_tasks

from common.learners import callbacks
from common.runs import runner

MOMENTS = (
    ("after the checkpoint of an epoch", lambda: killing.at_call(2, callbacks.Report, "on_epoch_end")),
    ("in the middle of an epoch", lambda: killing.at_call(4, callbacks.EpochSeeds, "on_train_batch_end")),
)

if __name__ == "__main__":
    kind, corpus, runs = sys.argv[1:]
    for moment in MOMENTS:
        killing.attempt(moment, runner.run, tiny_tasks.job(kind, Path(corpus), runs=Path(runs)))
