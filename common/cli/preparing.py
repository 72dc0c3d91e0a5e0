"""What several commands do before and after their work: clips, weights, times, cluster, estimates, printed records."""

import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from common import cache
from common.cluster import Cluster, connected, limited_to_a_share, refuse_both
from common.corpora import CORPORA, Scan, demo, scan
from common.errors import InputError
from common.progress import duration_in_words
from common.study import Experiment, Size, Study, Training
from common.terminal import say

if TYPE_CHECKING:
    from common.runs.jobs import Job


def changes_of(changes: Sequence[str] | None) -> dict[str, str]:
    """Read `--set SWITCH=VALUE`.

    Raises:
        InputError: one is of another form, or a switch has two values.
    """
    pairs: dict[str, str] = {}
    for change in changes or []:
        name, equals, value = change.partition("=")
        if not equals:
            raise InputError(f"--set takes SWITCH=VALUE, not {change!r}")
        if pairs.setdefault(name, value) != value:
            raise InputError(f"--set {name} is given twice: {pairs[name]} and {value}; run one after the other")
    return pairs


def refuse_weights(weights: str | None, experiments: Sequence[Experiment]) -> None:
    """Refuse `--weights` for experiments without a pretrained network.

    Raises:
        InputError: one of the experiments has none.
    """
    names = [experiment.id for experiment in experiments if not experiment.pretrained]
    if weights not in (None, "none") and names:  # random weights are what they have anyway
        raise InputError(f"{listed(names)}: trained from scratch; leave out --weights")


def refuse_place(path: Path, *, folder: bool = False) -> None:
    """Refuse a place that cannot be written, before work begins whose results are to lie there.

    Args:
        path: of a file, or of a folder.
        folder: which of the two it is.

    Raises:
        InputError: something else lies there or above, or a folder may not be written.
    """
    whole = path.absolute()
    there = next(place for place in (whole, *whole.parents) if place.exists())
    if there.is_dir() != (folder or there != whole):
        found = "a folder" if there.is_dir() else "not a folder"
        raise InputError(f"{path} cannot be written: {there} is {found}; name another place")
    if not os.access(there, os.W_OK):
        raise InputError(f"{path} cannot be written: no permission to change {there}; name another place")


def refuse_unusable(experiments: Sequence[Experiment], weights: str | None, size: Size, runs: Path) -> None:
    """Refuse weights that do not exist and a folder of runs that cannot be written, before anything is read.

    Args:
        experiments: what will be trained.
        weights: of `--weights`.
        size: of the runs.
        runs: their folder.

    Raises:
        InputError: there are no such weights, or the folder cannot be written.
    """
    from common.runs import identity

    for experiment in experiments:
        if experiment.inputs.weights:
            own = weights_of(experiment, weights, size)
            identity.refuse_absent_weights(own, experiment.inputs.weights["full"])
    refuse_place(runs, folder=True)


def weights_of(experiment: Experiment, weights: str | None, size: Size) -> str:
    """Return the weights of an experiment: those of `--weights`, else its default (`none` without pretraining)."""
    return weights or (experiment.inputs.weights[size] if experiment.inputs.weights else "none")


def refuse_training(experiments: Sequence[Experiment], given: bool) -> None:
    """Refuse options of a training if an experiment trains no network."""
    names = [experiment.id for experiment in experiments if not isinstance(experiment.method, Training)]
    if given and names:
        raise InputError(
            f"{listed(names)}: scikit-learn estimators and ensembles are not trained in epochs; leave out "
            "--epochs, --batch-size, --config, --mixed-precision and --strategy"
        )


def listed(names: Sequence[str]) -> str:
    """Return the first three names and the number of the others."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def overrides_of(configured: Mapping[str, Any], epochs: int | None, batch_size: int | None) -> dict[str, Any]:
    """Return the fields of `Training` that a file or the command line sets; the command line has priority."""
    given = {"epochs": epochs, "batch_size": batch_size}
    return {**configured, **{name: value for name, value in given.items() if value is not None}}


def deadline_of(budget: str | None) -> float | None:
    """Return the `time.monotonic()` (s) at which a budget is spent; None without a budget.

    Raises:
        InputError: the budget is not a number with a unit.
    """
    return time.monotonic() + _seconds(budget) if budget else None


def _seconds(budget: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", budget)
    if not match:
        raise InputError(f"--budget takes a time such as 90s, 30m or 2h, not {budget!r}")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


def scan_clips(study: Study, experiments: Sequence[Experiment], data: Sequence[Path] | None) -> Scan:
    """Scan the given folders or, without any, the demo corpus, which is made first if it does not exist.

    Published corpora that no experiment uses are left out: they have other labels or other kinds of sounds.

    Args:
        study: the document.
        experiments: what the clips are for.
        data: folders; None: the demo corpus.

    Raises:
        InputError: a folder does not exist, or there are no clips that the study can use.
    """
    scanned = _usable(study, scan(data or [_demo_folder(study)]))
    say(scanned.summary(), file=sys.stderr)  # standard output is for results
    absent = scanned.absent(list(dict.fromkeys(name for one in experiments for name in study.corpora_of(one))))
    own = [found.corpus for found in scanned.found if found.corpus not in CORPORA]
    if own and len(own) == len(scanned.found):
        announce(f"{', '.join(own)} is not of the document: results are not comparable with the document's")
    elif absent:
        announce(f"absent: {', '.join(absent)}; results are not comparable with the document's")
    return scanned


def _usable(study: Study, scanned: Scan) -> Scan:
    accepted = list(dict.fromkeys(name for one in study.experiments for name in study.accepted_by(one)))
    foreign = [found.corpus for found in scanned.found if found.corpus in {*CORPORA} - {*accepted}]
    usable = scanned.without(foreign)
    if usable.manifest.empty:
        raise InputError(f"{study.name} does not use {', '.join(foreign)}; name a folder of {', '.join(accepted)}")
    if foreign:
        announce(f"left out: {', '.join(foreign)}, which {study.name} does not use")
    return usable


def default_runs(data: Sequence[Path] | None) -> Path:
    """Return the default folder of runs. The demo corpus has one of its own, or its runs would block the real ones."""
    return Path("runs" if data else "runs-demo")


def _demo_folder(study: Study) -> Path:
    announce("no --data: using the demo corpus (synthesised sounds, not recordings)")
    folder = cache.folder() / "-".join(["demo", f"v{demo.VERSION}", str(study.demo_clips), *study.corpora])
    return demo.write(folder, clips_per_class=study.demo_clips, corpora=study.corpora)


def workplace(
    context: typer.Context, workers: int | None, scheduler: str | None, *, dry_run: bool = False
) -> Cluster | None:
    """Return the cluster of a command, which ends with the command; None if this process does the work.

    A dry run starts no cluster. It measures on the cores that one of the workers would have.

    Raises:
        InputError: as `common.cluster.connected`.
    """
    if not dry_run:
        return context.with_resource(connected(workers, scheduler))
    if scheduler:
        refuse_both(workers, scheduler)
        announce("the estimates are for one process on this machine")
    context.with_resource(limited_to_a_share(workers))
    return None


def print_estimates(planned: Sequence["Job"], workers: int | None, *, as_json: bool) -> None:
    """Print the estimate of each run, measured once for all seeds, and the time of all runs.

    Args:
        planned: the runs.
        workers: number of processes that they are divided between. None: one.
        as_json: whether to print a JSON object per estimate, and no time of all runs.
    """
    from common.runs.estimate import Estimate, estimate, total_s

    costs: dict[tuple[str, str], Estimate] = {}
    for job in planned:
        measured = (job.experiment.id, job.protocol.name)
        if measured not in costs:
            costs[measured] = estimate(job, workers or 1)
            say(json.dumps(vars(costs[measured])) if as_json else costs[measured])
    if len(planned) > 1 and not as_json:
        in_total = total_s([costs[job.experiment.id, job.protocol.name] for job in planned])
        say(f"{len(planned)} runs: at most {duration_in_words(in_total)}")


def start_backend(strategy: str = "none") -> None:
    """Import Keras and start its backend without log lines; call it before anything else that needs Keras.

    Args:
        strategy: with `data-parallel`, the other processes of the training are waited for, if there are any.

    Raises:
        InputError: the strategy is for one process and the environment names several, or they cannot be connected.
    """
    from common.learners import data_parallel, quiet

    data_parallel.join(strategy)
    quiet.start_backend()


def announce(line: str) -> None:
    """Print a message on standard error; standard output is for results."""
    say(line, file=sys.stderr, flush=True)


def print_record(record: Any, as_json: bool) -> None:
    """Print the scores of a finished run and, on standard error, what the worst sets of its split share."""
    study, experiment, protocol, seed = record.identity
    values = {name: score["value"] for name, score in record.data["metrics"].items()}
    if as_json:
        line = {"study": study, "experiment": experiment, "protocol": protocol, "seed": seed}
        say(json.dumps({**line, "record": str(record.folder), "metrics": values, "status": record.data["status"]}))
        return
    headline, *others = record.task.SHOWN  # only the first is printed with its interval
    score = record.data["metrics"][headline]
    low, high = score["interval"]
    data = " (demo corpus)" if record.data["data"]["demo"] else ""
    more = "".join(f", {name.replace('_', ' ')} {values[name]:.3f}" for name in others if name in values)
    say(
        f"{experiment} {protocol} seed {seed}: {headline} {score['value']:.3f} [{low:.3f}, {high:.3f}] "
        f"on {score['n']} clips{data}{more}; {record.folder}",
        flush=True,  # a run may take hours, and the output may be a file
    )
    shared = sorted((leak for leak in record.data["leaks"] if "worst" in leak), key=lambda leak: int(leak["worst"]))
    if shared:  # one line: the record has all of them
        more = f"; shared, too: {', '.join(leak['check'] for leak in shared[1:])}" if shared[1:] else ""
        announce(f"leak audit: {shared[0]['detail']}{more}")
