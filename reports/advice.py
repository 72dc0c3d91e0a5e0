"""What we would tell somebody who is about to cite a document: written judgements, each with what it rests on.

The sentences stand in the document's file, as `[[advice]]`; their numbers, and whether a sentence is given at all, come
from the audit and from our runs.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from common.published import Published
from common.published.statements import Advice
from reports.audit.finding import VERDICTS, Finding, counts_in_words, filled
from reports.blocks import Leads, Link, Section
from reports.columns import difference, points
from reports.conclusions import Conclusion, lead
from reports.effects import Effect
from reports.results import PROTOCOLS
from reports.wording import in_words, listed

NAME, TITLE = "cite", "Before you cite it"
REMARK = "remark"
NAMED = 3
"""Changes that a sentence names; the others are in the table."""

Conclusions = Mapping[tuple[str, str], Conclusion]
"""What our runs say of a claim, by claim and protocol."""


def section(
    published: Published, findings: Sequence[Finding], conclusions: Sequence[Conclusion], changes: Sequence[Effect]
) -> Section:
    """Return the judgements on a document, what was measured, and the counts of verdicts; empty without any advice.

    Args:
        published: what the document publishes.
        findings: of the audit.
        conclusions: what our runs say of its claims.
        changes: what protocols and switches change in our runs.
    """
    runs = {(one.claim.id, one.protocol): one for one in conclusions}
    given = [one for one in published.advice if holds(one, findings, runs)]
    if not given:
        return Section(NAME, TITLE, ())
    known = _numbers(published, findings, runs)
    rows = [(filled(one.says, known), _links(published, one)) for one in given]
    first = listed(text for one, (text, _) in zip(given, rows, strict=True) if one.leads)
    real = [effect for effect in changes if not effect.other.demo and not all(run.constant for run in effect.base.runs)]
    rows += [_changes(published, real)] if real else []
    rows.append(_counts(published, findings, conclusions))
    return Section(NAME, TITLE, (Leads(tuple(rows)),), finding=first, apart=True)


def holds(advice: Advice, findings: Sequence[Finding], runs: Conclusions) -> bool:
    """Return whether every verdict that a judgement rests on is the one that it names."""
    found = {finding.id: finding.verdict or REMARK for finding in findings}
    return all(found.get(name) == verdict for name, verdict in advice.findings.items()) and all(
        (claim, protocol) in runs and runs[claim, protocol].verdict == verdict
        for claim, verdicts in advice.runs.items()
        for protocol, verdict in verdicts.items()
    )


def _numbers(published: Published, findings: Sequence[Finding], runs: Conclusions) -> dict[str, float | str]:
    """Return what sentences may name: the numbers of findings, and the differences that claims compare in our runs."""
    known: dict[str, float | str] = {
        f"{finding.id}.{name}": value for finding in findings for name, value in finding.numbers.items()
    }
    for (name, protocol), one in runs.items():
        groups = {group.experiment: group for group in one.groups}
        compared = one.claim.experiments
        if len(compared) == 2 and groups.keys() >= set(compared):
            metric = one.claim.metric
            by = lead(published, metric, *(groups[experiment] for experiment in compared))
            if by is not None:
                value, low, high = (difference(published, metric, each) for each in (by.value, *by.interval))
                known[f"{name}.{protocol}"] = f"{value} [{low}, {high}]{points(published, metric)}"
    return known


def _links(published: Published, advice: Advice) -> tuple[Link, ...]:
    """Return where the evidence stands: each finding, and the claims as our runs judge them."""
    findings = tuple(Link(name, published.study, name) for name in advice.findings)
    return (*findings, *[Link("our runs", published.study, "conclusions")] * bool(advice.runs))


def _changes(published: Published, changes: Sequence[Effect]) -> tuple[str, tuple[Link, ...]]:
    """Say for how many switches and protocols the interval of the change excludes 0, each by itself, and name some."""
    several = [effect for effect in changes if len(effect.pairs) > 1]
    beyond = [effect for effect in several if effect.interval[0] > 0 or effect.interval[1] < 0]
    largest = sorted(beyond, key=lambda effect: abs(effect.mean), reverse=True)[:NAMED]
    metrics = listed(dict.fromkeys(f"{in_words(one.metric)}{points(published, one.metric)}" for one in changes))
    text = f"Changes by a switch or a protocol in our runs, in {metrics}:"
    if several:
        have = "has" if len(beyond) < 2 else "have"
        text += f" {len(beyond) or 'none'} of {len(several)} with several seeds {have} a 95 % CI that excludes 0"
        text += ", the largest" * (len(beyond) > NAMED) + ": " * bool(beyond)
        text += "; ".join(_change(published, effect) for effect in largest) + "."
    if single := len(changes) - len(several):
        text += f" {single} with one seed decide{'s' * (single == 1)} nothing."
    return text, (Link("What each error and each protocol is worth", published.study, "effects"),)


def _change(published: Published, effect: Effect) -> str:
    """Write a change: `One CNN block, MFCC, normalise=channel: +0.069 [+0.046, +0.093] (5 seeds)`."""
    value, low, high = (difference(published, effect.metric, each) for each in (effect.mean, *effect.interval))
    name = published.experiment(effect.base.experiment).short
    return f"{name}, {effect.in_words}: {value} [{low}, {high}] ({len(effect.pairs)} seeds)"


def _counts(
    published: Published, findings: Sequence[Finding], conclusions: Sequence[Conclusion]
) -> tuple[str, tuple[Link, ...]]:
    """Count the verdicts on the published numbers alone, and those of our runs on the claims."""
    ours = Counter[str | None](one.verdict for one in conclusions if one.protocol == PROTOCOLS[0])
    text = f"By the published numbers alone, {counts_in_words(findings)}."
    links = [Link("What the audit found", published.study, "findings")]
    if ours:
        text += f" In our runs, protocol {PROTOCOLS[0]}, of these claims and comparisons: {_listed(ours)}."
        links.append(Link("What the document concludes", published.study, "conclusions"))
    return text, tuple(links)


def _listed(counts: Counter[str | None]) -> str:
    """Write counts of verdicts, contradictions first: `6 contradicted, 8 not shown`."""
    known = [verdict for verdict in counts if verdict]
    order = sorted(known, key=lambda verdict: VERDICTS.index(verdict) if verdict in VERDICTS else len(VERDICTS))
    return listed(f"{counts[verdict]} {verdict}" for verdict in order)
