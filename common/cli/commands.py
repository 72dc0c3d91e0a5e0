"""The commands of a study: run (the default), list, summary, attribution, predict, export and illustrate.

What trains or predicts is imported by the commands that do so, after their arguments are checked: it takes seconds.
"""

import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pandas as pd
import typer
import typer.core
from rich.bar import Bar
from rich.table import Table

from common import cache, illustrations, intervals, published
from common.cli import config_file, console, describe
from common.cli.export import export_run
from common.cli.tables import print_table
from common.corpora import CORPORA, Scan, demo, scan
from common.errors import InputError, not_among
from common.files import write_table
from common.signals import impulse_responses
from common.study import Experiment, Protocol, Setting, Size, Study, Training
from common.terminal import say

if TYPE_CHECKING:
    from common.runs.jobs import Job
    from common.runs.prediction import Prediction


def _begun_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of a study's experiments that begin with some letters, for the shell's completion."""
    study: Study = getattr(context.obj, "study", context.obj)  # `tune` has an object with the study in it
    return [experiment.id for experiment in study.experiments if experiment.id.startswith(incomplete)]


def _begun_changes(context: typer.Context, incomplete: str) -> list[str]:
    """Return the values of a study's switches, as `--set` takes them, that begin with some letters."""
    study: Study = context.obj
    changes = [f"{switch.name}={value}" for switch in study.switches for value in switch.values]
    return [change for change in changes if change.startswith(incomplete)]


Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[EXPERIMENT]...", help="Ids; default: all.", autocompletion=_begun_ids),
]
Name = Annotated[str, typer.Argument(metavar="EXPERIMENT", autocompletion=_begun_ids)]
Data = Annotated[list[Path] | None, typer.Option("--data", help="Folder of corpora; repeatable. Default: demo corpus.")]
ProtocolNames = Annotated[str, typer.Option("--protocol", help="published, corrected, independent or all.")]
ProtocolName = Annotated[str, typer.Option("--protocol", help="published, corrected or independent.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SWITCH=VALUE", help="Change one switch.", autocompletion=_begun_changes),
]
# NumPy and Keras take seeds of 32 bits.
Seeds = Annotated[
    list[int] | None, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of everything random; repeatable.")
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Largest number of epochs.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Clips per training step.")]
Folds = Annotated[int | None, typer.Option(min=1, help="Only the first N folds.")]
Weights = Annotated[
    str | None, typer.Option(help="Pretrained weights: a name such as imagenet, a path, or none for random weights.")
]
ImpulseResponses = Annotated[
    Path | None, typer.Option("--impulse-responses", help="Folder of them; default: synthesised ones.")
]
SplitPlace = Annotated[
    Path | None,
    typer.Option("--split", help="Split of others: a table of clips and sets, or a folder of EmoBox's lists."),
]
SizeName = Annotated[
    Literal["full", "demo"] | None, typer.Option("--size", help="Default: full with --data, else demo.")
]
Config = Annotated[
    Path | None,
    typer.Option(
        help="TOML file with a table training, of epochs, batch_size, learning_rate and patience, or a table model."
    ),
]
MixedPrecision = Annotated[bool, typer.Option("--mixed-precision", help="Compute in half precision.")]
Strategy = Annotated[str, typer.Option(help="none or mirrored.")]
Runs = Annotated[Path | None, typer.Option(help="Folder of all runs. Default: runs, or runs-demo without --data.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Delete the files of an earlier run first.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only estimate time, memory and disk space.")]
Budget = Annotated[str | None, typer.Option(help="Pause after this time, such as 90s, 30m or 2h.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Audio files.")]
Predicted = Annotated[
    Path | None, typer.Option("--out", help="CSV file for the predictions: a row per part of each file.")
]
Run = Annotated[Path | None, typer.Option("--run", help="Folder of a finished run. Default: the newest.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

BAR_WIDTH = 30
"""Length in characters of the bar for a probability of 1."""


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
    app.command("attribution")(_attribution)
    app.command("predict")(_predict)
    app.command("export")(export_run)
    if study.examples:
        app.command("illustrate")(_illustrate)
    return app


def _run(
    context: typer.Context,
    names: Names = None,
    data: Data = None,
    protocol: ProtocolNames = "published",
    changes: Changes = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    folds: Folds = None,
    weights: Weights = None,
    responses: ImpulseResponses = None,
    split: SplitPlace = None,
    size: SizeName = None,
    config: Config = None,
    mixed_precision: MixedPrecision = False,
    strategy: Strategy = "none",
    runs: Runs = None,
    fresh: Fresh = False,
    dry_run: DryRun = False,
    budget: Budget = None,
    as_json: Json = False,
) -> None:
    """Train and test experiments; without --data on the demo corpus, at demo size."""
    study: Study = context.obj
    size = size or ("full" if data else "demo")
    _refuse_mistyped_commands(context, study, names)
    experiments = _experiments(study, names, weights, size)
    chosen = list(study.protocols) if protocol == "all" else [protocol]
    protocols = [study.protocol(one, _pairs(changes)) for one in chosen]
    _refuse_idle_changes(experiments, changes)
    refuse_weights(weights, experiments)
    _refuse_responses(responses, experiments, named=bool(names))
    tables = config_file.read(config)
    overrides, model = _overrides(tables["training"], epochs, batch_size), tables["model"]
    config_file.refuse_model(config, experiments, model)
    _refuse_training(experiments, bool(overrides) or mixed_precision or strategy != "none")
    start_backend()
    from common.runs import jobs, split_file

    options = jobs.Options(
        runs=runs or default_runs(data),
        size=size,
        overrides=overrides,
        model=model,
        split=split_file.read(split) if split else None,
        folds=folds,
        fresh=fresh,
        strategy=strategy,
        deadline=deadline_of(budget),
    )
    _set_up(strategy, mixed_precision=mixed_precision)
    experiments = _able(experiments, strategy, named=bool(names))
    # Only now: reading audio takes long, and a wrong call should fail at once.
    scanned = scan_clips(study, experiments, data)
    clips = _clips_of(study, experiments, scanned, named=bool(names))
    for experiment, one, seed in product(experiments, protocols, seeds or [0]):
        if experiment.id not in clips:
            continue
        # Experiments have different values of their own, so the same options may change one and not another.
        own = jobs.as_changed(experiment, options, one.switches)
        own = replace(own, seed=seed, weights=weights_of(experiment, weights, size))
        if experiment.inputs.convolved and responses:
            own = replace(own, impulse_responses=str(responses))
        _run_one(jobs.Job(study, experiment, one, clips[experiment.id], own), dry_run=dry_run, as_json=as_json)
    if study.examples and not (names or dry_run):  # with names, the user wants these experiments only
        _keep_illustrations(study, scanned, options.runs)


def _set_up(strategy: str, *, mixed_precision: bool) -> None:
    """Refuse an unknown strategy, and set the precision of Keras."""
    from common.learners import keras3

    keras3.strategy_scope(strategy)
    if mixed_precision:
        keras3.use_mixed_precision()


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
            announce(f"left out: {error}")
    return found


def _run_one(job: "Job", *, dry_run: bool, as_json: bool) -> None:
    from common.runs import estimate, runner

    if dry_run:
        facts = estimate.estimate(job)
        say(json.dumps(vars(facts)) if as_json else facts)
    else:
        _print_record(runner.run(job, announce), as_json)


def _list(context: typer.Context, as_json: Json = False) -> None:
    """List the experiments with their published numbers."""
    study: Study = context.obj
    print_listing(describe.listing(study), as_json=as_json, title=study.title)
    if not as_json:
        _print_switches(study)


def _print_switches(study: Study) -> None:
    """Print the switches that `--set` can change, their evidence, and the values of each protocol."""
    table = Table("switch", "published", "corrected", "question and evidence", show_lines=True)
    for switch in study.switches:
        table.add_row(switch.name, switch.published, switch.corrected, f"{switch.question} {switch.evidence}")
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
    name: Name,
    protocol: ProtocolName = "published",
    changes: Changes = None,
    as_json: Json = False,
) -> None:
    """Show a model's layers beside the published ones, or an estimator's steps."""
    study: Study = context.obj
    experiment = study.experiment(name)
    chosen = study.protocol(protocol, _pairs(changes))
    start_backend()
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


def _attribution(
    context: typer.Context,
    name: Name,
    data: Data = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    weights: Weights = None,
    size: SizeName = None,
    runs: Runs = None,
    budget: Budget = None,
    as_json: Json = False,
) -> None:
    """Run an experiment as published, then with one error corrected at a time."""
    study: Study = context.obj
    experiment, overrides = study.experiment(name), _overrides({}, epochs, batch_size)
    refuse_weights(weights, [experiment])
    _refuse_training([experiment], bool(overrides))
    start_backend()
    from common.runs import jobs, runner

    scanned = jobs.clips_for(study, experiment, scan_clips(study, [experiment], data))
    size = size or ("full" if data else "demo")
    options = jobs.Options(
        runs=runs or default_runs(data),
        size=size,
        overrides=overrides,
        weights=weights_of(experiment, weights, size),
        deadline=deadline_of(budget),
    )
    own = jobs.as_changed(experiment, options, study.protocol("published").switches)
    scores: dict[str, list[float]] = {}
    metric = study.task_of(experiment).HEADLINE
    # All protocols of a seed come first: if the time runs out, whole comparisons are there.
    for seed, protocol in product(seeds or [0], _corrected(study, experiment, scanned)):
        job = jobs.Job(study, experiment, protocol, scanned, replace(own, seed=seed))
        record = runner.run(job, announce)
        _print_record(record, as_json)
        scores.setdefault(protocol.name, []).append(record.data["metrics"][metric]["value"])
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
            announce(f"left out: {switch.name}, which changes none of these clips")
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


def _illustrate(context: typer.Context, data: Data = None, runs: Runs = None) -> None:
    """Write the data of the document's figures of clips and models, for the reports."""
    study: Study = context.obj
    _keep_illustrations(study, scan_clips(study, study.experiments, data), runs or default_runs(data))


def _keep_illustrations(study: Study, scanned: Scan, runs: Path) -> None:
    start_backend()
    place = illustrations.path_of(runs, study.name)
    illustrations.write(place, describe.illustrate(study, scanned, runs))
    announce(f"data of the document's figures of clips and models: {place}")


def _predict(
    context: typer.Context,
    files: Files,
    run: Run = None,
    weights: Weights = None,
    out: Predicted = None,
    as_json: Json = False,
) -> None:
    """Predict the classes, tags or values of audio files with a finished run's model."""
    study: Study = context.obj
    start_backend()
    from common.runs import prediction

    newest = (Path("runs"), Path("runs-demo"))
    record = prediction.run_in(study, run) if run else prediction.newest_run(study, newest)
    if not as_json:
        say(f"model: {prediction.origin(record)}; {record.folder}")
    # Values have no probability that says how sure they are: the spread over seeds does.
    beside = prediction.other_seeds(record) if record.task.MEANING == "value" else []
    models, *others = [prediction.Models(study, one, weights=weights) for one in (record, *beside)]
    made: list[Prediction] = []
    refused: dict[Path, str] = {}
    for path in files:
        try:
            made.append(prediction.with_seeds(models, others, path))
        except InputError as error:  # one bad file does not hide the results of the others
            refused[path] = str(error)
            continue
        if as_json:
            say(json.dumps({**made[-1].facts(), "run": str(record.folder), "model": prediction.origin(record)}))
        elif len(files) == 1:
            _print_prediction(made[-1])
    if len(files) > 1 and made and not as_json:
        _print_predictions(made)
    if out:
        write_table(out, prediction.table(made, refused))
        announce(f"a row per part of each file: {out}")
    if refused:
        raise InputError("\n".join(refused.values()))


def _print_predictions(made: Sequence["Prediction"]) -> None:
    """Print a row per file, and each note once."""
    table = Table("file", "predicted", made[0].task.MEANING, "parts")
    for one in made:
        table.add_row(one.file, one.predicted, f"{one.outputs.max():.3f}", str(one.parts))
    print_table(table)
    of_notes: dict[str, list[str]] = {}
    for one in made:
        for note in one.notes:
            of_notes.setdefault(note, []).append(one.file)
    for note, files in of_notes.items():
        others = f" and {len(files) - 1} more" if len(files) > 1 else ""
        say(f"note: {note} ({'all files' if len(files) == len(made) else files[0] + others})")


def _print_prediction(one: "Prediction") -> None:
    several = [f"share of its {one.parts} parts"] if one.shares is not None and one.parts > 1 else []
    say(f"{one.file}: {one.predicted}" + (f" ({one.spread})" if one.spread else ""))
    probabilities = one.task.MEANING == "probability"
    bars = [""] if probabilities else []
    table = Table("class" if one.shares is not None else "output", one.task.MEANING, *bars, *several)
    for place in np.argsort(-one.outputs, kind="stable"):  # the highest output first
        value, name = float(one.outputs[place]), one.task.outputs[place]
        bar = [Bar(1, 0, value, width=BAR_WIDTH)] if probabilities else []
        share = [f"{one.shares[place]:.0%}"] if several and one.shares is not None else []
        table.add_row(name, f"{value:.3f}", *bar, *share)
    print_table(table)
    if one.begins:
        over_time = Table("from", "parts", "predicted")
        for begin, parts, predicted in one.over_time:
            over_time.add_row(f"{begin:.1f} s", str(parts), predicted)
        print_table(over_time)
    for note in one.notes:
        say(f"note: {note}")


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
        return [study.experiment(name) for name in names]
    # Nothing is downloaded unless the user asks for it.
    fetching = [experiment for experiment in study.experiments if weights_of(experiment, None, size) != "none"]
    left_out = [experiment.id for experiment in fetching if weights is None]
    if left_out:
        announce(
            f"left out: {len(left_out)} experiments with a pretrained network ({left_out[0]} ... {left_out[-1]}); "
            "name them to download its weights, or use random ones with --weights none"
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
            announce(f"left out: {experiment.id}: {error}")
    return able


def _pairs(changes: Sequence[str] | None) -> dict[str, str]:
    """Read `--set SWITCH=VALUE`."""
    pairs = {}
    for change in changes or []:
        name, equals, value = change.partition("=")
        if not equals:
            raise InputError(f"--set takes SWITCH=VALUE, not {change!r}")
        pairs[name] = value
    return pairs


def _refuse_idle_changes(experiments: Sequence[Experiment], changes: Sequence[str] | None) -> None:
    """Refuse `--set` of a switch that an experiment does not depend on: it would repeat another run."""
    for experiment in experiments:
        idle = [name for name in _pairs(changes) if name not in experiment.switches]
        if idle:
            raise InputError(f"{experiment.id} does not depend on {', '.join(idle)}; name experiments that do")


def refuse_weights(weights: str | None, experiments: Sequence[Experiment]) -> None:
    """Refuse `--weights` for experiments without a pretrained network.

    Raises:
        InputError: one of the experiments has none.
    """
    names = [experiment.id for experiment in experiments if not experiment.pretrained]
    if weights not in (None, "none") and names:  # random weights are what they have anyway
        raise InputError(f"{_listed(names)}: trained from scratch; leave out --weights")


def _refuse_responses(responses: Path | None, experiments: Sequence[Experiment], *, named: bool) -> None:
    """Refuse `--impulse-responses` for experiments that convolve no clips, or a folder without any."""
    if not responses:
        return
    idle = [experiment.id for experiment in experiments if not experiment.inputs.convolved]
    if len(idle) == len(experiments) or (named and idle):
        raise InputError(f"{_listed(idle)}: no clips are convolved; leave out --impulse-responses")
    impulse_responses.files_in(str(responses))


def weights_of(experiment: Experiment, weights: str | None, size: Size) -> str:
    """Return the weights of an experiment: those of `--weights`, else its default (`none` without pretraining)."""
    return weights or (experiment.inputs.weights[size] if experiment.inputs.weights else "none")


def _refuse_training(experiments: Sequence[Experiment], given: bool) -> None:
    """Refuse options of a training if an experiment trains no network."""
    names = [experiment.id for experiment in experiments if not isinstance(experiment.method, Training)]
    if given and names:
        raise InputError(
            f"{_listed(names)}: scikit-learn estimators and ensembles are not trained in epochs; leave out "
            "--epochs, --batch-size, --config, --mixed-precision and --strategy"
        )


def _listed(names: Sequence[str]) -> str:
    """Return the first three names and the number of the others."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _overrides(configured: Mapping[str, Any], epochs: int | None, batch_size: int | None) -> dict[str, Any]:
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
    if absent:
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


def start_backend() -> None:
    """Import Keras and start its backend without log lines; call it before anything else that needs Keras."""
    from common.learners import quiet

    quiet.start_backend()


def announce(line: str) -> None:
    """Print a message on standard error; standard output is for results."""
    say(line, file=sys.stderr, flush=True)


def _print_record(record: Any, as_json: bool) -> None:
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
