"""Which model to take: our models on the same clips, best first, with their cost, and what differs beyond chance.

Of the protocols, the strictest counts that has at least half as many models as the one with most: a ranking in which
songs or speakers are on both sides of the split says which model recognises these.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from common.progress import duration_in_words
from common.published import Published
from common.published.comparability import data_in_words
from reports.blocks import Cell, Column, Link, Number, Section, Table, Words
from reports.columns import difference, heading, metric_of, points, precise
from reports.conclusions import Lead, Models, few, lead, models_of
from reports.results import PROTOCOLS, Group
from reports.wording import in_words, title_of

MOST = 6
"""More models than this are counted."""


@dataclass(frozen=True)
class Ranked:
    """A model, and by how much the best one is ahead of it; None of the best one itself, and where it is unknown."""

    group: Group
    behind: Lead | None = None

    @property
    def is_worse(self) -> bool:
        """Whether the 95 % CI of the difference to the best excludes 0."""
        return self.behind is not None and self.behind.interval[0] > 0

    @property
    def ms_per_clip(self) -> float:
        """Milliseconds that a prediction takes, the mean over the seeds."""
        return self.group.mean_time("ms_per_clip") or 0.0


def section(published: Published, groups: Sequence[Group], linked: Iterable[str]) -> Section:
    """Return the answer and the table of the models that are compared; empty where no two were run alike.

    Args:
        published: what the document publishes.
        groups: all groups of the study.
        linked: experiments that have a section.
    """
    name, title = "models", "Which model to take?"
    models = _compared(groups)
    if len(models) < 2:
        return Section(name, title, ())
    ranked = rank(published, models)
    blocks = (Words(_answer(published, ranked, len(models))), _table(published, ranked, len(models), set(linked)))
    return Section(name, title, blocks)


def _compared(groups: Sequence[Group]) -> Models:
    """Return the models of the protocol and the data that are compared; real sounds come first."""
    parts = [next(iter(models_of(groups, protocol)), {}) for protocol in PROTOCOLS]
    real = [models for models in parts if models and not _demo(models)]
    most = max(map(len, real or parts))
    return next(models for models in reversed(real or parts) if 2 * len(models) >= most)


def _demo(models: Models) -> bool:
    return any(group.demo for group in models.values())


def rank(published: Published, models: Models) -> list[Ranked]:
    """Return the best models by the metric that their task is compared in, the best one first."""
    (metric,) = {group.headline for group in models.values()}
    sign = 1 if metric_of(published, metric).kind == "error" else -1
    known = {name: result.value for name, group in models.items() if (result := group.result(metric))}
    best, *others = (models[name] for name in sorted(known, key=lambda name: sign * known[name])[:MOST])
    return [Ranked(best), *(Ranked(other, lead(published, metric, best, other)) for other in others)]


def _answer(published: Published, ranked: Sequence[Ranked], of: int) -> str:
    """Say which model is best, which ones are not shown to be worse, and which of these is the quickest."""
    best = ranked[0].group
    score = precise(published, best, best.headline)
    unit = " %" * metric_of(published, best.headline).percent
    alike = [one for one in ranked[1:] if not one.is_worse]
    return (
        f"{_named(published, best)} has the best {in_words(best.headline)}: {score.text if score else ''}{unit} "
        f"(protocol {best.protocol}; {data_in_words(best.first, published)}). "
        f"{_others(len(alike), len(ranked) - 1, of > len(ranked))} {_advice(published, ranked[0], alike)}".strip()
    )


def _others(alike: int, of: int, cut: bool) -> str:
    """Say how many of the others are shown to be worse."""
    others = f"{'next' if cut else 'other'} {of}" if of > 1 else "other one"
    if not alike:
        return f"The {others} {'are' if of > 1 else 'is'} worse: the 95 % CI of the difference excludes 0."
    which = f"{alike} of the {others}" if of > 1 else f"The {others}"
    return f"{which} {'are' if alike > 1 else 'is'} not shown to be worse: the 95 % CI of the difference covers 0."


def _advice(published: Published, best: Ranked, alike: Sequence[Ranked]) -> str:
    """Say which of those that are not shown to be worse is the quickest."""
    quickest = min([best, *alike], key=lambda one: one.ms_per_clip)
    if not alike:
        return ""
    if quickest is best:
        return f"It is the quickest of these too: {quickest.ms_per_clip:.3g} ms a clip."
    return f"Of these, {_named(published, quickest.group)} is the quickest: {quickest.ms_per_clip:.3g} ms a clip."


def _named(published: Published, group: Group) -> str:
    return published.experiment(group.experiment).short


def _table(published: Published, ranked: Sequence[Ranked], of: int, linked: set[str]) -> Table:
    best = ranked[0].group
    columns = (
        Column("Model"),
        Column(f"{heading(published, best.headline)}, ours", kind="number"),
        Column(f"Behind the best{points(published, best.headline)}", kind="number"),
        Column("Worse than the best?", kind="verdict"),
        Column("McNemar's p"),
        Column("Parameters", kind="number"),
        Column("ms a clip", kind="number"),
        Column("A run takes", kind="number"),
        Column("Id", kind="code"),
    )
    first = f"The {len(ranked)} best of {of} models. " if of > len(ranked) else ""
    notes = (
        f"{first}Protocol {best.protocol}, the same clips. The CI is not adjusted for the number of models. McNemar's "
        "test is exact and seed by seed; there is none where intervals are over songs or speakers. A run is timed from "
        "clips to record, with all its folds, on the machine that its record names.",
    )
    rows = tuple(_row(published, one, linked) for one in ranked)
    title = f"{title_of(best.headline)} and cost of our models"
    return Table("models", title, columns, rows, notes=notes)


def _row(published: Published, one: Ranked, linked: set[str]) -> tuple[Cell, ...]:
    group, behind = one.group, one.behind
    title = published.experiment(group.experiment).short
    name = Link(title, published.study, group.experiment) if group.experiment in linked else title
    parameters = group.first["parameters"].get("total")
    seconds = group.mean_time("total_s")
    tests = [pair.test.p for pair in behind.pairs if pair.test] if behind else []
    return (
        name,
        precise(published, group, group.headline),
        _difference(published, group.headline, behind) if behind else None,
        ("worse" if one.is_worse else "not shown") if behind else "",
        few(tests) or None,
        Number(f"{parameters:,}", parameters) if parameters else None,
        Number(f"{one.ms_per_clip:.3g}", one.ms_per_clip),
        Number(duration_in_words(seconds), seconds) if seconds is not None else None,
        group.experiment,
    )


def _difference(published: Published, metric: str, behind: Lead) -> Number:
    low, high = (difference(published, metric, end) for end in behind.interval)
    value = difference(published, metric, behind.value).lstrip("+")
    return Number(f"{value} [{low}, {high}]", behind.value, behind.interval)
