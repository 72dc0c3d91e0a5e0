"""The command `features` of a study: computes what each file of a large corpus needs, before anything is trained."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import typer

from common.cli import options, preparing
from common.cluster import Cluster, Task
from common.errors import InputError
from common.progress import duration_in_words, progress
from common.study import Experiment, Setting, Study
from common.terminal import say

LABEL = "features"
FILES_PER_TASK = 10


def features(
    context: typer.Context,
    name: options.Name,
    data: options.Data = None,
    protocol: options.ProtocolName = "published",
    changes: options.Changes = None,
    weights: options.Weights = None,
    size: options.SizeName = None,
    budget: options.Budget = None,
    workers: options.Workers = None,
    scheduler: options.Scheduler = None,
    as_json: options.Json = False,
) -> None:
    """Compute and cache the features of each file, for a corpus too large for one process; `run` finds them there."""
    study: Study = context.obj
    experiment, size = study.experiment(name), size or ("full" if data else "demo")
    function = _of_each_file(study, experiment)
    preparing.refuse_weights(weights, [experiment])
    chosen = study.protocol(protocol, preparing.changes_of(changes))
    cluster = preparing.workplace(context, workers, scheduler)
    deadline = preparing.deadline_of(budget)  # before the clips are read, which may take long
    preparing.start_backend()
    from common.runs import jobs

    clips = jobs.clips_for(study, experiment, preparing.scan_clips(study, [experiment], data)).manifest
    setting = Setting(chosen.switches, seed=0, size=size, weights=preparing.weights_of(experiment, weights, size))
    paths = [Path(path) for path in clips["path"]]
    new = compute(function, setting, paths, cluster, deadline)
    if as_json:
        say(json.dumps({"files": len(paths), "computed": len(new), "processor_s": sum(new)}))
        return
    rate = f": {sum(new) / len(new):.2g} s of processor time each, {duration_in_words(sum(new))} in all" if new else ""
    say(f"{experiment.id}: {len(paths):,} files, {len(new):,} computed now{rate}")


def _of_each_file(study: Study, experiment: Experiment) -> Callable[[Path, Setting], bool]:
    """Return the function that computes the features of one file.

    Raises:
        InputError: the experiment computes those of a corpus together.
    """
    function = experiment.inputs.cache_file
    if function is None:
        able = [one.id for one in study.experiments if one.inputs.cache_file]
        names = f"; these do not: {', '.join(able)}" if able else ""
        raise InputError(f"{experiment.id} computes the features of a whole corpus together, when it is run{names}")
    return function


def compute(
    function: Callable[[Path, Setting], bool],
    setting: Setting,
    paths: Sequence[Path],
    cluster: Cluster | None,
    deadline: float | None,
) -> list[float]:
    """Compute the features of each file, here or on a cluster; an interrupted call loses no finished file.

    Returns:
        The processor seconds of each file that was not in the cache.

    Raises:
        InputError: a file cannot be read.
        BudgetSpentError: the deadline has passed.
    """
    from common.learners.callbacks import end_at  # imports Keras

    parts = [paths[start : start + FILES_PER_TASK] for start in range(0, len(paths), FILES_PER_TASK)]
    found: list[float] = []
    if cluster is None:
        with progress(LABEL, len(paths)) as advance:
            for part in parts:
                end_at(deadline)
                found += _of_part((function, setting), part)
                advance(len(part))
        return found

    def tasks() -> Iterator[Task]:
        for part in parts:
            end_at(deadline)
            yield Task(part[0].name, _of_part, (function, setting), part, len(part))

    for _, seconds in cluster.work(tasks(), LABEL, len(paths)):
        found += seconds
    return found


def _of_part(shared: tuple[Callable[[Path, Setting], bool], Setting], paths: Sequence[Path]) -> list[float]:
    """Compute the features of some files one after the other: a network among them uses all cores that there are."""
    function, setting = shared
    preparing.start_backend()
    found = []
    for path in paths:
        began = time.process_time()
        if function(path, setting):
            found.append(time.process_time() - began)
    return found
