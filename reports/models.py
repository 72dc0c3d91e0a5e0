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
from reports.columns import difference, heading, marked, metric_of, points, precise
from reports.conclusions import Lead, Models, few, lead, models_of
from reports.results import LEAKY, PROTOCOLS, Group
from reports.wording import in_words, title_of

MOST = 6
"""More models than this are counted."""


@dataclass(frozen=True)
class Ranked:
    """A model, and by how much that with the best mean is ahead of it.

    Attributes:
        behind: on the seeds that both have; below 0, this one is ahead. None of the first, and where it is unknown.
        seeds: that both have; a single one decides nothing.
    """

    group: Group
    behind: Lead | None = None
    seeds: int = 1

    @property
    def is_worse(self) -> bool:
        """Whether the 95 % CI of the difference to the first excludes 0."""
        return self.behind is not None and self.seeds > 1 and self.behind.interval[0] > 0

    @property
    def is_ahead(self) -> bool:
        """Whether it is better than the first on the seeds that both have, beyond chance or not."""
        return self.behind is not None and self.behind.value < 0

    @property
    def parameters(self) -> int | None:
        """How many the network has; None of what is no network."""
        total: int | None = self.group.first["parameters"].get("total")
        return total


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
    """Return the best models by the mean over their seeds of the metric of their task, the best mean first."""
    (metric,) = {group.headline for group in models.values()}
    sign = 1 if metric_of(published, metric).kind == "error" else -1
    known = {name: result.value for name, group in models.items() if (result := group.result(metric))}
    best, *others = (models[name] for name in sorted(known, key=lambda name: sign * known[name])[:MOST])
    return [
        Ranked(best),
        *(Ranked(other, lead(published, metric, best, other), len({*best.seeds} & {*other.seeds})) for other in others),
    ]


def _answer(published: Published, ranked: Sequence[Ranked], of: int) -> str:
    """Say whether a model is shown to be the best, which has the best mean, and which of those alike is smallest."""
    best = ranked[0].group
    score = precise(published, best, best.headline)
    unit = " %" * metric_of(published, best.headline).percent
    alike = [one for one in ranked[1:] if not one.is_worse]
    metric = f"{'mean ' * (len(best.seeds) > 1)}{in_words(best.headline)}"
    sentences = [
        "No model is shown to be the best." if alike else "",
        f"{_named(published, best)} has the best {metric}: {score.text if score else ''}{unit} ({_tested(best)}, "
        f"protocol {best.protocol}; {data_in_words(best.first, published)}).",
        _others(len(alike), len(ranked) - 1, of > len(ranked)),
        _advice(published, ranked[0], alike),
        _ahead(ranked),
    ]
    return " ".join(filter(None, sentences))


def _ahead(ranked: Sequence[Ranked]) -> str:
    """Say how many models are better than the first on the seeds that both have; "" if none is."""
    ahead = sum(one.is_ahead for one in ranked)
    are = "are" if ahead > 1 else "is"
    return f"On the seeds that both have, {ahead} {are} ahead of the first (below 0 in the table)." if ahead else ""


def _tested(group: Group) -> str:
    """Say on how many clips and with how many seeds a group was tested."""
    result, seeds = group.result(group.headline), len(group.seeds)
    return f"n {result.n if result else 0:,}, {'one seed' if seeds == 1 else f'{seeds} seeds'}"


def _others(alike: int, of: int, cut: bool) -> str:
    """Say how many of the others are shown to be worse."""
    others = f"{'next' if cut else 'other'} {of}" if of > 1 else "other one"
    if not alike:
        return f"The {others} {'are' if of > 1 else 'is'} worse: the 95 % CI of the difference excludes 0."
    if alike == of:
        return f"The {others} {'are' if of > 1 else 'is'} not shown to be worse."
    return f"{alike} of the {others} {'are' if alike > 1 else 'is'} not shown to be worse."


def _advice(published: Published, best: Ranked, alike: Sequence[Ranked]) -> str:
    """Say which of those that are not shown to be worse is the smallest, of networks."""
    sizes = {one.group.experiment: one.parameters for one in (best, *alike) if one.parameters}
    if not alike or len(sizes) <= len(alike):
        return ""
    smallest = min(sizes, key=lambda name: sizes[name])
    if smallest == best.group.experiment:
        return f"It is the smallest of these too: {sizes[smallest]:,} parameters."
    return f"Of these, {published.experiment(smallest).short} is the smallest: {sizes[smallest]:,} parameters."


def _named(published: Published, group: Group) -> str:
    return published.experiment(group.experiment).short


def _table(published: Published, ranked: Sequence[Ranked], of: int, linked: set[str]) -> Table:
    best = ranked[0].group
    columns = (
        Column("Model"),
        Column(f"{heading(published, best.headline)}, ours", kind="number"),
        Column(f"Behind the first, on shared seeds{points(published, best.headline)}", kind="number"),
        Column("Shared seeds", kind="number"),
        Column("Worse than the first?", kind="verdict"),
        Column("McNemar's p"),
        Column("Parameters", kind="number"),
        Column("ms a clip", kind="number"),
        Column("A run takes", kind="number"),
        Column("Id", kind="code"),
    )
    first = f"The {len(ranked)} best of {of} models. " if of > len(ranked) else ""
    leaks = next(filter(None, (one.group.leaks for one in ranked)), "")
    notes = (
        f"{first}Protocol {best.protocol}, the same clips; a number of ours is the mean over all seeds of its model. "
        "Below 0, a model is ahead of the first on the seeds that both have. The CI is not adjusted for the number of "
        "models, and one seed decides nothing. McNemar's test is exact and seed by seed; there is none where intervals "
        "are over songs or speakers. Times are of the quickest seed, and some had other work beside them; a run is "
        "timed with all its folds.",
        *([f"{LEAKY} {leaks}: no score here says which model is better on other data."] if leaks else []),
    )
    rows = tuple(_row(published, one, linked) for one in ranked)
    title = f"{title_of(best.headline)} and cost of our models"
    return Table("models", title, columns, rows, notes=notes)


def _row(published: Published, one: Ranked, linked: set[str]) -> tuple[Cell, ...]:
    group, behind = one.group, one.behind
    title = published.experiment(group.experiment).short
    name = Link(title, published.study, group.experiment) if group.experiment in linked else title
    parameters, seconds = one.parameters, group.least_time("total_s")
    each = group.least_time("ms_per_clip")
    tests = [pair.test.p for pair in behind.pairs if pair.test] if behind else []
    return (
        name,
        marked(precise(published, group, group.headline), group),
        _difference(published, group.headline, behind) if behind else None,
        Number(f"{one.seeds}", one.seeds) if behind else None,
        ("worse" if one.is_worse else "not shown") if behind else "",
        few(tests) or None,
        Number(f"{parameters:,}", parameters) if parameters else None,
        Number(f"{each:.3g}", each) if each is not None else None,
        Number(duration_in_words(seconds), seconds) if seconds is not None else None,
        group.experiment,
    )


def _difference(published: Published, metric: str, behind: Lead) -> Number:
    low, high = (difference(published, metric, end) for end in behind.interval)
    value = difference(published, metric, behind.value).lstrip("+")
    return Number(f"{value} [{low}, {high}]", behind.value, behind.interval)
