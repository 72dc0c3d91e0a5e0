"""Starts a run of a tf-keras model and kills it at one moment after the other: `crash_tf_keras.py CORPUS RUNS`."""

import sys
from pathlib import Path

import killing
import tf_keras
import tiny_tf_keras
from crash import half_a_model

from common.learners import callbacks
from common.runs import runner

MOMENTS: list[killing.Moment] = [
    ("after the checkpoint of an epoch", lambda: killing.at_call(2, callbacks.Report, "on_epoch_end")),
    ("in the middle of an epoch", lambda: killing.at_call(12, tf_keras.callbacks.CallbackList, "on_train_batch_end")),
    (
        "after early stopping, while the model is saved",
        lambda: killing.at_call(1, tf_keras.Model, "save", half_a_model),
    ),
]

if __name__ == "__main__":
    for moment in MOMENTS:
        killing.attempt(moment, runner.run, tiny_tf_keras.job(Path(sys.argv[1]), runs=Path(sys.argv[2])))
