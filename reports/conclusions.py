"""What a document concludes from its numbers, tested against our runs, claim by claim.

The audit asks whether the published numbers support a conclusion; here our own records are asked the same, under each
protocol, by the same judge (`reports.audit.judge`). Only runs on the same data at the same size are compared.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from common.intervals import Interval, difference_interval
from common.published import Published
from common.published.comparability import RANDOM_WEIGHTS, cut_to, has_random_weights, reasons, set_in_words
from common.published.statements import Claim
from reports.audit import judge
from reports.audit.claims import prefix
from reports.audit.finding import Finding
from reports.audit.judge import CONTRADICTED, NOT_SHOWN, SUPPORTED
from reports.blocks import Cell, Column, Section, Table, Words
from reports.columns import metric_of
from reports.effects import PairedRun, contrast, over_seeds
from reports.results import PROTOCOLS, Group, Result
from reports.verdicts import NOT_COMPARABLE, NOT_RUN
from reports.wording import in_words, signed

FEW = 5
"""More tests than this are given as a range."""
IN_OUR_RUNS = {SUPPORTED: "holds", CONTRADICTED: "does not hold"}
"""What our runs say of a claim in place of the audit's words: only print and hard facts contradict an author."""
Models = Mapping[str, Group]


@dataclass(frozen=True)
class Conclusion:
    """A claim of a text compared with our runs under one protocol.

    Attributes:
        groups: the runs that it was compared with.
    """

    claim: Claim
    protocol: str
    verdict: str
    evidence: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Lead:
    """By how much one group is ahead of another in a metric, larger being better.

    Attributes:
        first: what the one has, over the seeds that both have.
        second: what the other has.
        pairs: seed by seed, with McNemar's test where both have the same clips.
    """

    first: float
    second: float
    value: float
    interval: Interval
    method: str
    pairs: tuple[PairedRun, ...] = ()

    def __str__(self) -> str:
        low, high = self.interval
        text = f"{signed(self.value)} [{signed(low)}, {signed(high)}] ({self.method})"
        tests = [pair.test.p for pair in self.pairs if pair.test]
        each = " seed by seed" if len(tests) > 1 else ""
        return f"{text}, McNemar's p{each} {few(tests)}" if tests else text


def models_of(groups: Iterable[Group], protocol: str) -> list[Models]:
    """Return what was run under a protocol, by experiment: a part for each corpus and size, real sounds first.

    Runs that the command line cut short or changed say nothing of a model, and are left out, and so is a network that
    had random weights where it should have been trained before. Of several groups of one experiment that of most seeds
    counts.
    """
    parts: dict[tuple[bool, str, str], dict[str, Group]] = {}
    own = [group for group in groups if group.protocol == protocol and not _changed(group)]
    for group in sorted(own, key=lambda group: -len(group.runs)):
        where = (group.demo, group.first["size"], group.first["data"]["digest"])
        parts.setdefault(where, {}).setdefault(group.experiment, group)
    return sorted(parts.values(), key=lambda models: (_any(models).demo, -_any(models).first["data"]["clips"]))


def _changed(group: Group) -> bool:
    """Return whether the command line set how the runs were trained, cut folds off, or took random weights."""
    return bool(set_in_words(group.first)) or cut_to(group.first) is not None or has_random_weights(group.first)


def _any(models: Models) -> Group:
    return next(iter(models.values()))


def conclusions(published: Published, groups: Sequence[Group]) -> list[Conclusion]:
    """Hold every claim against our runs: under `published` always, under other protocols where they were run."""
    found = []
    for claim in published.claims:
        compared = _compared(published, claim)
        for protocol in PROTOCOLS:
            parts = models_of(groups, protocol)
            random = {one.experiment for one in groups if one.protocol == protocol and has_random_weights(one.first)}
            named = [{name: models[name] for name in compared if name in models} for models in parts]
            models = max(named, key=lambda one: (bool(one) and not _any(one).demo, len(one)), default={})
            judged = _judged(published, claim, protocol, models, random)
            if protocol == PROTOCOLS[0] or judged.verdict != NOT_RUN:
                found.append(judged)
    return found


def _compared(published: Published, claim: Claim) -> tuple[str, ...]:
    """Return the experiments that a claim is about: what is best without saying of what is the best of all."""
    named = claim.experiments
    if len(named) > 1 or claim.kind != "best":
        return named
    return (*named, *(name for name in published.by_id if name not in named))


def _judged(published: Published, claim: Claim, protocol: str, models: Models, random: Collection[str]) -> Conclusion:
    missing = [name for name in _compared(published, claim) if name not in models]
    kinds: dict[str, Callable[[Published, Claim, Models], tuple[str, str]]] = {
        "best": _best,
        "greater": _greater,
        "similar": _similar,
        "above": _above,
        "each_greater": _each_greater,
    }
    first, enough = claim.experiments[0] in models, len(models) > 1
    if missing and not (claim.kind == "best" and first and enough):
        return Conclusion(claim, protocol, NOT_RUN, _without(missing, random), ())
    verdict, evidence = kinds[claim.kind](published, claim, models)
    alone = [name for name, group in models.items() if len(group.seeds) == 1]
    if alone:
        # Over the clips of one seed, the interval lacks what another seed would change.
        verdict = NOT_SHOWN if verdict in (SUPPORTED, CONTRADICTED) else verdict
        evidence += f"; one seed of {', '.join(alone)} decides nothing"
    if missing:
        verdict = verdict if verdict == CONTRADICTED else NOT_SHOWN
        evidence += f"; {_without(missing, random)}"
    verdict = NOT_COMPARABLE if _any(models).demo else IN_OUR_RUNS.get(verdict, verdict)
    return Conclusion(claim, protocol, verdict, evidence, tuple(models.values()))


def _without(missing: Sequence[str], random: Collection[str]) -> str:
    """Name the experiments that have no record as described, and those whose networks had random weights."""
    words = f"no record of {', '.join(missing)} as described"
    only = [name for name in missing if name in random]
    return f"{words} ({', '.join(only)}: {RANDOM_WEIGHTS})" if only else words


def lead(published: Published, metric: str, first: Group, second: Group) -> Lead | None:
    """Return by how much the first group is better; None where a group has no such metric."""
    if metric == first.headline and (effect := contrast(second, first)):
        ours, theirs = (float(np.mean([getattr(pair, side) for pair in effect.pairs])) for side in ("other", "base"))
        (low, high), between = effect.interval, effect.mean
        if metric_of(published, metric).kind == "error":
            between, low, high = -between, -high, -low
        return Lead(ours, theirs, between, (low, high), effect.method, effect.pairs)
    one, other = _estimate(first, metric), _estimate(second, metric)
    if one is None or other is None:
        return None
    is_error = metric_of(published, metric).kind == "error"
    ours, theirs, (low, high), method = _apart(one, other, bounded=not is_error)
    between = ours - theirs
    if is_error:
        between, low, high = -between, -high, -low
    return Lead(ours, theirs, between, (low, high), method)


def _apart(one: Result, other: Result, *, bounded: bool) -> tuple[float, float, Interval, str]:
    """Return both values and the interval of their difference: over the seeds that both have, if these are several."""
    shared = sorted(one.seeds.keys() & other.seeds.keys())
    if len(shared) < 2:
        interval = difference_interval(one.value, one.interval, other.value, other.interval)
        return one.value, other.value, interval, "as of independent clips"
    ours, theirs = (np.array([result.seeds[seed] for seed in shared]) for result in (one, other))
    interval = over_seeds((ours - theirs).tolist(), bounded=bounded)
    return float(ours.mean()), float(theirs.mean()), interval, f"Student over {len(shared)} seeds"


def _estimate(group: Group, metric: str) -> Result | None:
    name, _, score = metric.rpartition("_")
    return group.result(score, name) if name in group.outputs else group.result(metric)


def _difference_in_words(published: Published, metric: str, first: Group, second: Group, by: Lead | None) -> str:
    if by is None:
        return f"{first.experiment} and {second.experiment} have not both {in_words(metric)}"
    both = f"{first.experiment} {by.first:.3f} against {second.experiment} {by.second:.3f}"
    if metric_of(published, metric).kind != "error":
        return f"{both}: {by}"
    low, high = by.interval
    return f"{both} (lower is better): {replace(by, value=-by.value, interval=(-high, -low))}"


def _greater(published: Published, claim: Claim, models: Models) -> tuple[str, str]:
    first, second = (models[name] for name in claim.experiments)
    by = lead(published, claim.metric, first, second)
    return judge.greater(_interval(by)).verdict, _difference_in_words(published, claim.metric, first, second, by)


def _interval(by: Lead | None) -> Interval | None:
    return by.interval if by else None


def _similar(published: Published, claim: Claim, models: Models) -> tuple[str, str]:
    first, second = (models[name] for name in claim.experiments)
    by, resolution = lead(published, claim.metric, first, second), published.resolution["overall"]
    verdict, _ = judge.similar(_interval(by), resolution)
    where = {SUPPORTED: "within", CONTRADICTED: "outside", NOT_SHOWN: "partly outside"}[verdict]
    text = _difference_in_words(published, claim.metric, first, second, by)
    return verdict, text + (f": {where} ±{resolution:g}" if by else "")


def _best(published: Published, claim: Claim, models: Models) -> tuple[str, str]:
    first = models[claim.experiments[0]]
    others = {name: group for name, group in models.items() if name != first.experiment}
    leads = {name: lead(published, claim.metric, first, other) for name, other in others.items()}
    gains = {name: by.value if by else 0.0 for name, by in leads.items()}
    closest = min(gains, key=lambda name: gains[name])
    verdict, _ = judge.all_greater({name: _interval(by) for name, by in leads.items()})
    text = _difference_in_words(published, claim.metric, first, others[closest], leads[closest])
    return verdict, f"{text}, {'the closest' if gains[closest] > 0 else 'the furthest ahead'} of {len(others)}"


def _above(published: Published, claim: Claim, models: Models) -> tuple[str, str]:
    values = {name: _estimate(models[name], claim.metric) for name in claim.experiments}
    known = {name: value for name, value in values.items() if value is not None}
    text = ", ".join(
        f"{name} {value.value:.3f} [{value.interval[0]:.3f}, {value.interval[1]:.3f}]" for name, value in known.items()
    )
    verdict, _ = judge.above({name: value.interval for name, value in known.items()}, claim.threshold or 0.0)
    # What is claimed of all is open while one has no such metric.
    return (NOT_SHOWN if verdict == SUPPORTED and len(known) < len(values) else verdict), text


def _each_greater(published: Published, claim: Claim, models: Models) -> tuple[str, str]:
    first, second = (models[name] for name in claim.experiments)
    names = published.data_of(first.experiment).classes
    leads = {name: lead(published, f"{name}_{claim.metric}", first, second) for name in names}
    verdict, numbers = judge.all_greater({name: _interval(by) for name, by in leads.items()})
    grew = sum(by is not None and by.value > 0 for by in leads.values())
    least, by = min(leads.items(), key=lambda pair: pair[1].value if pair[1] else 0.0)
    return verdict, (
        f"{grew} of {len(names)} classes gained, {numbers['above']} of them beyond the 95 % CI; least: {least} {by}"
    )


def section(published: Published, found: Sequence[Conclusion], findings: Sequence[Finding]) -> Section:
    """Return the section on a document's conclusions; empty where it draws none.

    Args:
        published: what the document publishes.
        found: what our runs say of its claims.
        findings: of the audit.
    """
    name, title = "conclusions", "What the document concludes"
    if not published.claims:
        return Section(name, title, ())
    words = Words(
        "Each claim of the text and of its tables is tested twice: against the published numbers, as the audit does, "
        "and against our runs. There it holds or does not hold where the 95 % CI decides, else it is not shown; a "
        "single seed of ours decides nothing. What does not hold in our runs may hold on the document's data. Where "
        "the document only says which of two numbers is larger, its digits decide; for our runs the CI always does."
    )
    return Section(name, title, (words, _claim_table(published, found, findings)), apart=True)


def _claim_table(published: Published, found: Sequence[Conclusion], findings: Sequence[Finding]) -> Table:
    verdicts = {finding.id: finding.verdict for finding in findings}
    rows: list[tuple[Cell, ...]] = []
    for one in found:
        claim = one.claim
        printed = verdicts.get(f"{prefix(published.study)}-claims-{claim.id}")
        compared = NOT_COMPARABLE if any(_differs(group, published) for group in one.groups) else ""
        rows.append((claim.says, claim.section, printed, one.verdict, one.protocol, one.evidence, compared, claim.id))
    columns = (
        Column("Claim", kind="prose"),
        Column("Section"),
        Column("Published numbers", kind="verdict"),
        Column("Our runs", kind="verdict"),
        Column("Protocol"),
        Column("Evidence of our runs", kind="prose"),
        Column("Data", kind="verdict"),
        Column("Id", kind="code"),
    )
    notes = (
        "Not comparable: our runs had other data or settings than the document's, or it does not say what it had; each "
        "experiment says which.",
    )
    shown = any(row[-2] for row in rows)
    return Table("conclusions", "Claims of the document", columns, tuple(rows), notes=notes if shown else ())


def _differs(group: Group, published: Published) -> bool:
    """Return whether a group had, or may have had, other data or settings than the document."""
    return bool(reasons(group.first, published))


def few(values: Sequence[float]) -> str:
    """Write a few numbers one by one, many by their range."""
    texts = [f"{value:.2g}" if isinstance(value, float) else str(value) for value in values]
    return ", ".join(texts) if len(texts) <= FEW else f"{min(values):.2g} to {max(values):.2g}"
