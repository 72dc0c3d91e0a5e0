"""Starts the small Hyperband search and kills it again and again: `killed_search.py FOLDER`."""

import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).parents[1] / "common"))

import killing
import small_search

from common.learners import callbacks
from common.runs import search_records
from tuning import hparams, hyperband
from tuning import search as searching


def half_of_the_weights(trials: searching.Trials, _: Any, name: str) -> NoReturn:
    (trials._weights(name).parent / "weights.tmp").write_bytes(b"PK half of the weights")
    killing.die()


def half_a_trial(path: Path, content: bytes) -> NoReturn:
    killing.half_a_file(path, content.decode())


# The moments at which it is killed, one after the other. Calls are counted from where the last attempt ended.
MOMENTS: list[killing.Moment] = [
    ("in the middle of its first trial", lambda: killing.at_call(1, callbacks.EpochSeeds, "on_train_batch_end")),
    (
        "while the weights of a trial are stored",
        lambda: killing.at_call(1, searching.Trials, "_keep_weights", half_of_the_weights),
    ),
    ("when a trial is trained and not yet stored", lambda: killing.at_call(1, hparams, "write_trial")),
    ("while a trial is stored", lambda: killing.at_call(2, searching.checksums, "replace", half_a_trial)),
    ("when the oracle does not know the score of the promoted trial", lambda: killing.at_call(3, hyperband, "_answer")),
    ("after the first epoch of a trial", lambda: killing.at_call(1, callbacks.Report, "on_epoch_end")),
    ("when all trials are stored", lambda: killing.at_call(1, searching, "table_of")),
    ("while the result is written", lambda: killing.at_call(2, search_records, "write_text", killing.half_a_file)),
    ("after the result, before clearing up", lambda: killing.at_call(1, shutil, "rmtree")),
]

if __name__ == "__main__":
    for moment in MOMENTS:
        killing.attempt(moment, hyperband.search, small_search.brackets_in(Path(sys.argv[1])), factor=2)
