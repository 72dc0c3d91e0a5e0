"""The command line of the tiny document, whose folds stop after two epochs and wait; tests start and interrupt it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import tasks_of_a_cluster
import tiny

from common.cli import commands, console
from common.runs import on_cluster

if __name__ == "__main__":
    on_cluster._make_fold = tasks_of_a_cluster.fold_that_waits
    console.main(commands.study_app(tiny.STUDY), sys.argv[1:])
