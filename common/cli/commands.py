"""The commands of a study: run (the default), list, summary, attribution, features, predict, export and illustrate.

What trains or predicts is imported by the commands that do so, after their arguments are checked: it takes seconds.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import typer.core
from rich.table import Table

from common import environment, illustrations, published
from common.cli import config_file, console, describe, options, preparing
from common.cli.attribution import attribution
from common.cli.export import export_run
from common.cli.features import features
from common.cli.predicting import predict
from common.cli.tables import print_table
from common.cluster import Cluster
from common.corpora import Scan
from common.errors import InputError, not_among
from common.signals import impulse_responses
from common.study import Experiment, Protocol, Size, Study, Training
from common.terminal import say

if TYPE_CHECKING:  # imports Keras
    from common.runs.jobs import Job, Options


class _RunByDefault(typer.core.TyperGroup):
    """Runs the command `run` if no command is named."""

    def parse_args(self, context: Any, arguments: list[str]) -> list[str]:
        """Put `run` before the arguments unless they start with a command or with `--help`."""
        if not arguments or (arguments[0] not in self.commands and arguments[0] != "--help"):
            arguments = ["run", *arguments]
        return super().parse_args(context, arguments)


def study_app(study: Study) -> typer.Typer:
    """Return the commands of one study."""
    app = console.new_app(study.title, group=_RunByDefault)

    @app.callback()
    def choose_study(context: typer.Context) -> None:
        context.obj = study

    app.command("run")(_run)
    app.command("list")(_list)
    app.command("summary")(_summary)
    app.command("attribution")(attribution)
    if any(experiment.inputs.cache_file for experiment in study.experiments):
        app.command("features")(features)
    app.command("predict")(predict)
    app.command("export")(export_run)
    if study.examples:
        app.command("illustrate")(_illustrate)
    return app


def _run(
    context: typer.Context,
    names: options.Names = None,
    data: options.Data = None,
    protocol: options.ProtocolNames = "published",
    changes: options.Changes = None,
    seeds: options.Seeds = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    folds: options.Folds = None,
    weights: options.Weights = None,
    responses: options.ImpulseResponses = None,
    split: options.SplitPlace = None,
    size: options.SizeName = None,
    config: options.Config = None,
    mixed_precision: options.MixedPrecision = False,
    strategy: options.Strategy = "none",
    runs: options.Runs = None,
    fresh: options.Fresh = False,
    dry_run: options.DryRun = False,
    budget: options.Budget = None,
    workers: options.Workers = None,
    scheduler: options.Scheduler = None,
    as_json: options.Json = False,
) -> None:
    """Train and test experiments; without --data on the demo corpus, at demo size."""
    study: Study = context.obj
    size = size or ("full" if data else "demo")
    _refuse_mistyped_commands(context, study, names)
    experiments = _experiments(study, names, weights, size)
    chosen = list(study.protocols) if protocol == "all" else [protocol]
    protocols = [study.protocol(one, preparing.changes_of(changes)) for one in chosen]
    _refuse_idle_changes(experiments, changes)
    preparing.refuse_weights(weights, experiments)
    _refuse_responses(responses, experiments, named=bool(names))
    tables = config_file.read(config)
    overrides, model = preparing.overrides_of(tables["training"], epochs, batch_size), tables["model"]
    config_file.refuse_model(config, experiments, model)
    preparing.refuse_training(experiments, bool(overrides) or mixed_precision or strategy != "none")
    cluster = preparing.workplace(context, workers, scheduler, dry_run=dry_run)
    _set_up(context, strategy, cluster, mixed_precision=mixed_precision)
    from common.runs import jobs, split_file

    given = jobs.Options(
        runs=runs or preparing.default_runs(data),
        size=size,
        overrides=overrides,
        model=model,
        split=split_file.read(split) if split else None,
        folds=folds,
        fresh=fresh,
        strategy=strategy,
        deadline=preparing.deadline_of(budget),
    )
    experiments = _able(experiments, strategy, named=bool(names))
    preparing.refuse_unusable(experiments, weights, size, given.runs)
    # Only now: reading audio takes long, and a wrong call should fail at once.
    scanned = preparing.scan_clips(study, experiments, data)
    clips = _clips_of(study, experiments, scanned, named=bool(names))
    planned = [
        jobs.Job(study, experiment, one, clips[experiment.id], _options_of(experiment, one, own, weights, responses))
        for experiment, one, own in product(experiments, protocols, _of_seeds(given, seeds))
        if experiment.id in clips
    ]
    if dry_run:
        _estimate(planned, workers, as_json=as_json)
        return
    made = _perform(planned, cluster, as_json=as_json)
    if made and study.examples and not names:  # with names, the user wants these experiments only
        _keep_illustrations(study, scanned, given.runs)


def _estimate(planned: Sequence["Job"], workers: int | None, *, as_json: bool) -> None:
    """Print what runs will take; of several processes that train together, one prints."""
    from common.learners import data_parallel

    if data_parallel.leads():
        preparing.print_estimates(planned, workers, as_json=as_json)


def _perform(planned: Sequence["Job"], cluster: Cluster | None, *, as_json: bool) -> bool:
    """Make the runs and print each, and return True; of several processes that train together, the others only help."""
    from common.learners import data_parallel
    from common.runs import on_cluster, runner

    if not data_parallel.leads():
        for job in planned:
            runner.follow(job)
        return False
    for record in on_cluster.run_all(planned, preparing.announce, cluster):
        data_parallel.send_fold(data_parallel.NO_FOLD)
        preparing.print_record(record, as_json)
    return True


def _of_seeds(given: "Options", seeds: Sequence[int] | None) -> list["Options"]:
    return [replace(given, seed=seed) for seed in dict.fromkeys(seeds or [0])]


def _options_of(
    experiment: Experiment, protocol: Protocol, given: "Options", weights: str | None, responses: Path | None
) -> "Options":
    """Return the options of one experiment's runs: its own values decide which of the given ones change it."""
    from common.runs import jobs

    own = jobs.as_changed(experiment, given, protocol.switches)
    convolved = str(responses) if experiment.inputs.convolved and responses else own.impulse_responses
    weights = preparing.weights_of(experiment, weights, given.size)
    return replace(own, weights=weights, impulse_responses=convolved)


def _set_up(context: typer.Context, strategy: str, cluster: Cluster | None, *, mixed_precision: bool) -> None:
    """Start Keras, join the processes that train together, refuse an unknown strategy, and set the precision."""
    preparing.start_backend(strategy)
    from common.learners import data_parallel, keras3

    if cluster and data_parallel.processes() > 1:
        raise InputError("several processes train one fold together; leave out --workers and --scheduler")
    context.with_resource(data_parallel.together())
    keras3.strategy_scope(strategy)
    if mixed_precision:
        keras3.use_mixed_precision(on_gpu=cluster.on_gpus if cluster else environment.has_gpu())


def _clips_of(study: Study, experiments: Sequence[Experiment], scanned: Scan, *, named: bool) -> dict[str, Scan]:
    """Return the clips of each experiment by its id; experiments without clips are left out.

    Raises:
        InputError: an experiment has no clips, and it was named.
    """
    from common.runs import jobs

    found = {}
    for experiment in experiments:
        try:
            found[experiment.id] = jobs.clips_for(study, experiment, scanned)
        except InputError as error:
            if named:
                raise
            preparing.announce(f"left out: {error}")
    return found


def _list(context: typer.Context, as_json: options.Json = False) -> None:
    """List the experiments with their published numbers."""
    study: Study = context.obj
    print_listing(describe.listing(study), as_json=as_json, title=study.title)
    if not as_json:
        _print_switches(study)


def _print_switches(study: Study) -> None:
    """Print the switches that `--set` can change, their evidence, and the values of each protocol."""
    table = Table("switch", "published", "corrected", "other values", "question and evidence", show_lines=True)
    for switch in study.switches:
        own = (switch.published, switch.corrected)
        others = ", ".join(value for value in switch.values if value not in own)
        table.add_row(switch.name, *own, others, f"{switch.question} {switch.evidence}")
    print_table(table)
    for protocol in study.protocols.values():
        values = ", ".join(f"{name} = {value}" for name, value in protocol.switches.items())
        say(f"{protocol.name}: {protocol.meaning} ({values})")


def print_listing(rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str) -> None:
    """Print the rows of `describe.listing` as a table or as JSON."""
    if as_json:
        say(json.dumps(rows))
        return
    table = Table("study", "id", "title", "section", "published", "parameters", title=title)
    for row in rows:
        # Names with an underscore are means over classes and validation scores: too many for a table, unless they are
        # all that is published.
        printed = row["published"]
        shown = [name for name in printed if "_" not in name] or list(printed)[:1]
        numbers = ", ".join(f"{name} {printed[name]:g}" for name in shown)
        parameters = "" if row["parameters"] is None else f"{row['parameters']:,}"
        table.add_row(row["study"], row["id"], row["title"], row["section"], numbers or "-", parameters)
    print_table(table)


def _summary(
    context: typer.Context,
    name: options.Name,
    protocol: options.ProtocolName = "published",
    changes: options.Changes = None,
    as_json: options.Json = False,
) -> None:
    """Show a model's layers beside the published ones, or an estimator's steps."""
    study: Study = context.obj
    experiment = study.experiment(name)
    chosen = study.protocol(protocol, preparing.changes_of(changes))
    preparing.start_backend()
    facts = describe.summary(study, experiment, chosen)
    if as_json:
        say(json.dumps(facts))
        return
    if "steps" in facts:
        _print_steps(facts["steps"])
        say(facts["origin"])
        return
    printed = published.load(study.name).layers(experiment.id)
    table = Table("layer", "type", "shape", "parameters", "published name", "published shape", "published", "same")
    for layer, row in describe.beside(facts["layers"], printed.rows if printed else ()):
        mine = (
            (layer["name"], layer["type"], describe.shape_in_words(layer["shape"]), f"{layer['parameters']:,}")
            if layer
            else ("",) * 4
        )
        theirs = (row.name, row.shape, f"{row.parameters:,}") if row else ("",) * 3
        same = "yes" if layer and row else "no"
        table.add_row(*mine, *theirs, same if printed and printed.rows else "")
    print_table(table)
    say(f"total {facts['total']:,} (trainable {facts['trainable']:,}, not trainable {facts['non_trainable']:,})")
    if printed:
        say(f"document {printed.total:,} ({printed.known}, section {printed.section})")


def _print_steps(steps: Sequence[Mapping[str, Any]]) -> None:
    table = Table("step", "type", "settings", show_lines=True)
    for step in steps:
        settings = ", ".join(f"{name} = {value}" for name, value in step["settings"].items())
        table.add_row(step["name"], step["type"], settings)
    print_table(table)


def _illustrate(context: typer.Context, data: options.Data = None, runs: options.Runs = None) -> None:
    """Write the data of the document's figures of clips and models, for the reports."""
    study: Study = context.obj
    scanned = preparing.scan_clips(study, study.experiments, data)
    preparing.start_backend()
    _keep_illustrations(study, scanned, runs or preparing.default_runs(data))


def _keep_illustrations(study: Study, scanned: Scan, runs: Path) -> None:
    place = illustrations.path_of(runs, study.name)
    illustrations.write(place, describe.illustrate(study, scanned, runs))
    preparing.announce(f"data of the document's figures of clips and models: {place}")


def _refuse_mistyped_commands(context: typer.Context, study: Study, names: Sequence[str] | None) -> None:
    """Refuse a first name that is no experiment, but similar to a command: `run` may not have been meant."""
    group = context.parent.command if context.parent else None
    commands = list(group.commands) if isinstance(group, _RunByDefault) else []
    first = names[0] if names else ""
    if get_close_matches(first, commands) and first not in {one.id for one in study.experiments}:
        raise InputError(f"{study.name} has no command or experiment {first!r}{not_among(first, commands)}")


def _experiments(study: Study, names: Sequence[str] | None, weights: str | None, size: Size) -> list[Experiment]:
    """Return the named experiments; without names, all except those that need pretrained weights."""
    if names:
        return [study.experiment(name) for name in dict.fromkeys(names)]
    # Nothing is downloaded unless the user asks for it.
    fetching = [
        experiment for experiment in study.experiments if preparing.weights_of(experiment, None, size) != "none"
    ]
    left_out = [experiment.id for experiment in fetching if weights is None]
    if left_out:
        preparing.announce(
            f"left out, because their networks are pretrained: {preparing.listed(left_out)}; name them to download the "
            "weights, or use random ones with --weights none"
        )
    return [experiment for experiment in study.experiments if experiment.id not in left_out]


def _able(experiments: Sequence[Experiment], strategy: str, *, named: bool) -> list[Experiment]:
    """Return the experiments that can be trained with Keras' backend and precision and this strategy.

    Raises:
        InputError: an experiment cannot, and it was named.
    """
    from common.learners.learner import class_of

    able = []
    for experiment in experiments:
        try:
            if isinstance(experiment.method, Training):
                class_of(experiment).refuse(strategy)
            able.append(experiment)
        except InputError as error:
            if named:
                raise
            preparing.announce(f"left out: {experiment.id}: {error}")
    return able


def _refuse_idle_changes(experiments: Sequence[Experiment], changes: Sequence[str] | None) -> None:
    """Refuse `--set` of a switch that an experiment does not depend on: it would repeat another run."""
    for experiment in experiments:
        idle = [name for name in preparing.changes_of(changes) if name not in experiment.switches]
        if idle:
            raise InputError(f"{experiment.id} does not depend on {', '.join(idle)}; name experiments that do")


def _refuse_responses(responses: Path | None, experiments: Sequence[Experiment], *, named: bool) -> None:
    """Refuse `--impulse-responses` for experiments that convolve no clips, or a folder without any."""
    if not responses:
        return
    idle = [experiment.id for experiment in experiments if not experiment.inputs.convolved]
    if len(idle) == len(experiments) or (named and idle):
        raise InputError(f"{preparing.listed(idle)}: no clips are convolved; leave out --impulse-responses")
    impulse_responses.files_in(str(responses))
