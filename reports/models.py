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
from reports.columns import heading, metric_of, precise
from reports.conclusions import Lead, Models, few, lead, models_of
from reports.results import PROTOCOLS, Group
from reports.wording import in_words, signed, title_of

MOST = 8
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
    alike = [one for one in ranked[1:] if not one.is_worse]
    shown = f" of the {len(ranked) - 1} next ones" if of > len(ranked) else f" of the other {len(ranked) - 1}"
    found = f"the 95 % CI of the difference covers 0 for {len(alike) or 'none'}{shown}"
    quickest = min([ranked[0], *alike], key=lambda one: one.ms_per_clip)
    advice = f"Of these, {_named(published, quickest.group)} is the quickest: {quickest.ms_per_clip:.3g} ms a clip."
    if quickest.group is best:
        advice = f"It is the quickest of these too: {quickest.ms_per_clip:.3g} ms a clip."
    data = data_in_words(best.first, published)
    return (
        f"{_named(published, best)} has the best {in_words(best.headline)}, {score.text if score else ''} (protocol "
        f"{best.protocol}; {data}); {found}. {advice if alike else ''}".strip()
    )


def _named(published: Published, group: Group) -> str:
    return f"{published.experiment(group.experiment).title} ({group.experiment})"


def _table(published: Published, ranked: Sequence[Ranked], of: int, linked: set[str]) -> Table:
    best = ranked[0].group
    columns = (
        Column("Model"),
        Column(f"{title_of(best.headline)}, ours", kind="number"),
        Column("Behind the best", kind="number"),
        Column("Beyond the 95 % CI", kind="verdict"),
        Column("McNemar's p"),
        Column("Parameters", kind="number"),
        Column("ms a clip", kind="number"),
        Column("A run takes"),
        Column("Id", kind="code"),
    )
    first = f"The {len(ranked)} best of {of} models. " if of > len(ranked) else ""
    notes = (
        f"{first}Protocol {best.protocol}, the same clips. The CI is not adjusted for the number of models. McNemar's "
        "test is exact and seed by seed; there is none where intervals are over songs or speakers. A run is timed from "
        "clips to record, with all its folds, on the machine that its record names.",
    )
    rows = tuple(_row(published, one, linked) for one in ranked)
    title = f"{heading(published, best.headline)} and cost of our models"
    return Table("models", title, columns, rows, notes=notes)


def _row(published: Published, one: Ranked, linked: set[str]) -> tuple[Cell, ...]:
    group, behind = one.group, one.behind
    title = published.experiment(group.experiment).title
    name = Link(title, published.study, group.experiment) if group.experiment in linked else title
    parameters = group.first["parameters"].get("total")
    seconds = group.mean_time("total_s")
    tests = [pair.test.p for pair in behind.pairs if pair.test] if behind else []
    return (
        name,
        precise(published, group, group.headline),
        _difference(behind) if behind else None,
        ("worse" if one.is_worse else "not shown") if behind else "",
        few(tests) or None,
        Number(f"{parameters:,}", parameters) if parameters else None,
        Number(f"{one.ms_per_clip:.3g}", one.ms_per_clip),
        duration_in_words(seconds) if seconds is not None else None,
        group.experiment,
    )


def _difference(behind: Lead) -> Number:
    low, high = behind.interval
    return Number(f"{behind.value:.3f} [{signed(low)}, {signed(high)}]", behind.value, behind.interval)
