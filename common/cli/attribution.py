"""The command `attribution` of a study: what each of the document's errors changes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import typer
from rich.table import Table

from common import intervals
from common.cli import options, preparing
from common.cli.tables import print_table
from common.corpora import Scan
from common.study import Experiment, Protocol, Setting, Study
from common.terminal import say


def attribution(
    context: typer.Context,
    name: options.Name,
    data: options.Data = None,
    seeds: options.Seeds = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    weights: options.Weights = None,
    size: options.SizeName = None,
    runs: options.Runs = None,
    dry_run: options.DryRun = False,
    budget: options.Budget = None,
    workers: options.Workers = None,
    scheduler: options.Scheduler = None,
    as_json: options.Json = False,
) -> None:
    """Run an experiment as published, then with one error corrected at a time."""
    study: Study = context.obj
    experiment, overrides = study.experiment(name), preparing.overrides_of({}, epochs, batch_size)
    size = size or ("full" if data else "demo")
    preparing.refuse_weights(weights, [experiment])
    preparing.refuse_training([experiment], bool(overrides))
    cluster = preparing.workplace(context, workers, scheduler, dry_run=dry_run)
    deadline = preparing.deadline_of(budget)  # before the clips are read, which may take long
    preparing.start_backend()
    from common.runs import jobs, on_cluster

    runs = runs or preparing.default_runs(data)
    preparing.refuse_unusable([experiment], weights, size, runs)
    scanned = jobs.clips_for(study, experiment, preparing.scan_clips(study, [experiment], data))
    chosen = jobs.Options(
        runs=runs,
        size=size,
        overrides=overrides,
        weights=preparing.weights_of(experiment, weights, size),
        deadline=deadline,
    )
    own = jobs.as_changed(experiment, chosen, study.protocol("published").switches)
    metric = study.task_of(experiment).HEADLINE
    # All protocols of a seed come first: if the time runs out, whole comparisons are there.
    planned = [
        jobs.Job(study, experiment, protocol, scanned, replace(own, seed=seed))
        for seed, protocol in product(dict.fromkeys(seeds or [0]), _corrected(study, experiment, scanned))
    ]
    if dry_run:
        preparing.print_estimates(planned, workers, as_json=as_json)
        return
    records = {}
    for record in on_cluster.run_all(planned, preparing.announce, cluster):
        preparing.print_record(record, as_json)
        records[record.folder] = record
    scores: dict[str, list[float]] = {}
    for job in planned:  # on a cluster, runs finish in another order
        scores.setdefault(job.protocol.name, []).append(records[job.folder].data["metrics"][metric]["value"])
    print_attribution(scores, metric, as_json=as_json)


def _corrected(study: Study, experiment: Experiment, scanned: Scan) -> list[Protocol]:
    """Return the protocol `published`, then one with each error corrected.

    Left out are errors that the experiment does not depend on, and errors in labels that no clip here has.
    """
    protocols, columns = [study.protocol("published")], ["name", *study.task_of(experiment).columns]
    as_published = _labels(study, scanned, protocols[0], columns)
    for switch in study.switches:
        if not switch.error or switch.name not in experiment.switches:
            continue
        corrected = study.protocol("published", {switch.name: switch.corrected})
        if switch.acts_on == "labels" and as_published.equals(_labels(study, scanned, corrected, columns)):
            preparing.announce(f"left out: {switch.name}, which changes none of these clips")
            continue
        protocols.append(corrected)
    return protocols


def _labels(study: Study, scanned: Scan, protocol: Protocol, columns: list[str]) -> pd.DataFrame:
    return study.label(scanned.manifest, Setting(protocol.switches, seed=0))[columns].reset_index(drop=True)


def print_attribution(scores: Mapping[str, list[float]], metric: str, *, as_json: bool) -> None:
    """Print the scores of each protocol and their differences to `published`.

    Args:
        scores: the scores of each protocol, one per seed.
        metric: name of the score.
        as_json: print a line per corrected error instead: `protocol`, the metric, `difference`, `mean`, `interval`
            (95 % CI of the mean, null for one seed).
    """
    table = Table("protocol", metric, "each seed", "mean difference to published", "95 % CI")
    for name, values in scores.items():
        # Paired by seed: runs with the same seed start from the same random numbers.
        differences = [corrected - published for corrected, published in zip(values, scores["published"], strict=True)]
        interval = list(intervals.mean_interval(differences)) if len(values) > 1 else None
        if as_json and name != "published":
            facts = {"protocol": name, metric: values, "difference": differences}
            say(json.dumps({**facts, "mean": float(np.mean(differences)), "interval": interval}))
        between = f"{interval[0]:+.4f} to {interval[1]:+.4f}" if interval else "one seed"
        changed = ("", "") if name == "published" else (_mean_in_words(differences, signed=True), between)
        table.add_row(name, _mean_in_words(values), " ".join(f"{value:.4f}" for value in values), *changed)
    if not as_json:
        print_table(table)


def _mean_in_words(values: Sequence[float] | np.ndarray, *, signed: bool = False) -> str:
    std = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
    return f"{np.mean(values):{'+' if signed else ''}.4f}{std}"
