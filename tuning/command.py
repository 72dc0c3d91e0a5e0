"""The command `tune` of a study: its document's hyperparameter searches."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NoReturn

import typer
from rich.table import Table

from common import published
from common.cli import commands, console, options, preparing
from common.cli.tables import print_table
from common.errors import InputError
from common.published.comparability import reasons
from common.runs.search_records import SearchResult, published_name
from common.study import Study, Value
from common.terminal import say
from tuning.plan import Plan

SearchName = Annotated[str | None, typer.Option("--search", help="One of its searches. Default: all, in order.")]


@dataclass(frozen=True)
class Tunable:
    """A study with its searches."""

    study: Study
    plans: tuple[Plan, ...]

    def of(self, experiment: str, name: str | None) -> list[Plan]:
        """Return all searches of an experiment, or the one with this name.

        Raises:
            InputError: there is no such experiment or search.
        """
        self.study.experiment(experiment)  # raises an error for an unknown id
        if not self.plans:
            raise InputError(f"{self.study.name} has nothing to tune: its document describes no hyperparameter search")
        own = [plan for plan in self.plans if plan.experiment == experiment]
        if not own:
            searched = ", ".join(dict.fromkeys(plan.experiment for plan in self.plans))
            raise InputError(f"{self.study.name} has no search for {experiment}; it has some for {searched}")
        found = [plan for plan in own if name in (None, plan.name)]
        if not found:
            raise InputError(f"{experiment} has no search {name!r}; it has {', '.join(plan.name for plan in own)}")
        return found


def main(study: Study, plans: Sequence[Plan]) -> NoReturn:
    """Run the command line of a study, `tune` included, and leave with the exit code of the contract."""
    console.main(study_app(study, plans))


def study_app(study: Study, plans: Sequence[Plan]) -> typer.Typer:
    """Return the commands of a study, including `tune`."""
    app = commands.study_app(study)
    app.command("tune", context_settings={"obj": Tunable(study, tuple(plans))})(_tune)
    return app


def _tune(
    context: typer.Context,
    name: options.Name,
    search: SearchName = None,
    data: options.Data = None,
    protocol: options.ProtocolName = "published",
    seeds: options.Seeds = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    weights: options.Weights = None,
    size: options.SizeName = None,
    runs: options.Runs = None,
    fresh: options.Fresh = False,
    budget: options.Budget = None,
    workers: options.Workers = None,
    scheduler: options.Scheduler = None,
    as_json: options.Json = False,
) -> None:
    """Search for the best settings of an experiment, as in the document; without --data on the demo corpus."""
    tunable: Tunable = context.obj
    study, experiment = tunable.study, tunable.study.experiment(name)
    plans, chosen = tunable.of(name, search), study.protocol(protocol)
    _refuse_batch_size(plans, batch_size)
    preparing.refuse_weights(weights, [experiment])
    deadline = preparing.deadline_of(budget)
    cluster = preparing.workplace(context, workers, scheduler)
    preparing.start_backend()
    from common.runs import jobs  # here and not above, as in `common.cli.commands`
    from tuning.making import Clips, make

    size, runs = size or ("full" if data else "demo"), runs or preparing.default_runs(data)
    preparing.refuse_unusable([experiment], weights, size, runs)
    scanned = jobs.clips_for(study, experiment, preparing.scan_clips(study, [experiment], data))
    for seed in dict.fromkeys(seeds or [0]):
        given = jobs.Options(
            runs=runs,
            seed=seed,
            size=size,
            overrides={"batch_size": batch_size} if batch_size else {},
            fresh=fresh,
            deadline=deadline,
            weights=preparing.weights_of(experiment, weights, size),
        )
        job = jobs.Job(study, experiment, chosen, scanned, jobs.as_changed(experiment, given, chosen.switches))
        clips = Clips(job)  # shared by all plans of this seed
        for plan in plans:
            preparing.announce(
                f"{name} {chosen.name} seed {seed}, search {plan.name}: {plan.says} (section {plan.section})"
            )
            changed = epochs if epochs != plan.budget(size) else None
            _print_result(make(plan, job, clips, changed, preparing.announce, cluster), as_json)


def _refuse_batch_size(plans: Sequence[Plan], batch_size: int | None) -> None:
    """Refuse `--batch-size` for a search that tries several."""
    names = [plan.name for plan in plans if "batch_size" in plan.space]
    if batch_size and names:
        raise InputError(f"search {', '.join(names)} tries batch sizes itself; leave out --batch-size")


def _print_result(result: SearchResult, as_json: bool) -> None:
    """Print the table of a search, or its facts as JSON."""
    if as_json:
        facts = {name: result.data[name] for name in ("study", "experiment", "protocol", "search", "seed", "kind")}
        score = {"objective": result.data["objective"], "score": result.best[result.data["objective"]]}
        outcome = {"chosen": result.chosen, **score, "trials": len(result.data["rows"])}
        say(json.dumps({**facts, **outcome, "folder": str(result.folder), "status": result.data["status"]}))
        return
    caveat = _caveat(result)
    print_table(_table(result, caveat))
    for note in result.data["notes"]:
        say(f"note: {note}")
    chosen = ", ".join(f"{name} = {value}" for name, value in result.chosen.items())
    say(f"chosen{caveat}: {chosen}; run --config {result.folder / 'best.toml'}", flush=True)


def _caveat(result: SearchResult) -> str:
    """Return in brackets why a search is not comparable with the document's; empty if it is."""
    if result.data["data"]["demo"]:
        return " (demo corpus)"
    why = reasons(result.data, published.load(result.data["study"]))
    return f" (not comparable: {'; '.join(why)})" if why else ""


def _table(result: SearchResult, caveat: str) -> Table:
    """Return a row per trial: its settings, our and the published scores of its last epoch, and its best epoch."""
    objective, last = result.data["objective"], result.last_epochs()
    scores = [str(name) for name in last if name not in ("epoch", "seconds", "learning_rate")]
    theirs = _published(result, scores)
    table = Table(title=f"{result.data['experiment']}, search {result.data['search']}{caveat}", title_justify="left")
    titles = ("trial", *result.data["space"], "epochs", *scores, *(f"published {score}" for score in theirs))
    for title in (*titles, f"best {objective} (epoch)"):
        table.add_column(title.replace("_", " "), justify="right")
    for row in result.data["rows"]:
        values = [_short(value) for value in row["values"].values()]
        printed = [numbers.get(tuple(row["values"].values()), "") for numbers in theirs.values()]
        if row["status"] == "failed":
            table.add_row(row["trial"], *values, "failed", *[""] * len(scores), *printed, row["message"])
            continue
        ours = [f"{value:.3f}" for value in last.loc[row["trial"], scores]]
        best = f"{row[objective]:.3f} ({row['best_epoch']})" + " chosen" * (row is result.best)
        table.add_row(row["trial"], *values, str(row["epochs"]), *ours, *printed, best)
    return table


def _short(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _published(result: SearchResult, scores: Sequence[str]) -> dict[str, dict[tuple[float, ...], str]]:
    """Return the published numbers of each score, by combination of values."""
    known = published.load(result.data["study"])
    search = known.search(result.data["experiment"])
    # Only a search over the same settings has numbers to compare with.
    if search is None or list(search.space) != list(result.data["space"]):
        return {}
    width, found = len(search.space), {}
    for score in scores:
        name = published_name(score)
        if name in search.columns:
            place = width + search.columns.index(name)
            found[score] = {row[:width]: known.metric[name].printed(row[place]) for row in search.rows}
    return found
