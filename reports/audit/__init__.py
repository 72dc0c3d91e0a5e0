"""Examines printed numbers by code: whether they can be what they are said to be, and bear out what is said of them.

`audit` runs the checks that any paper's tables can be put to (`claims`, `classes`, `confusion`, `results`, `sizes`,
`layers`) and, for the documents that Encore reproduces, the findings of `reports.studies.<document>`. Nothing is
asserted: each verdict is computed from `reports/published`, and a digit that is changed there can change it.
"""

from collections.abc import Iterable, Iterator

from common.published import Published
from reports import studies
from reports.audit import claims, classes, confusion, layers, results, sizes
from reports.audit.finding import Finding
from reports.audit.matrices import recovered
from reports.audit.printed import NotPrintedError

__all__ = ["Finding", "audit", "beside_arithmetic", "on_document", "recovered"]

CHECKS = (claims.check, claims.ranking, classes.check, confusion.check, results.check, sizes.check, layers.check)


def beside_arithmetic(findings: Iterable[Finding]) -> str:
    """Say by what findings are found: arithmetic, and what is known from elsewhere, with the ids that need it."""
    needed: dict[str, list[str]] = {}
    for finding in findings:
        source = studies.of(finding.study).sources.get(finding.id)
        if source:
            needed.setdefault(source, []).append(finding.id)
    told = [f"{source} ({', '.join(names)})" for source, names in needed.items()]
    return f"by arithmetic, and some by {'; '.join(told)}" if told else "by arithmetic alone"


def audit(published: Published) -> list[Finding]:
    """Examine all that one document prints.

    Returns:
        The findings on this document, then on its claims, then on each of its tables. A finding on a document is left
        out if the file lacks a number that it needs.
    """
    return [*_of_study(published), *(finding for check in CHECKS for finding in check(published))]


def on_document(finding: Finding) -> bool:
    """Return whether a finding is on a document itself, not what a check of any paper's claims or tables gives."""
    return finding.id in studies.of(finding.study).findings


def _of_study(published: Published) -> Iterator[Finding]:
    for name, examine in studies.of(published.study).findings.items():
        try:
            holds, claim, evidence = examine(published)
        except NotPrintedError:
            continue
        yield Finding(published.study, name, holds, claim, evidence)
