"""Examines printed numbers by code: whether they can be what they are said to be, and bear out what is said of them.

`audit` runs the checks that any paper's tables can be put to (`claims`, `classes`, `confusion`, `results`, `layers`)
and, for the documents that Encore reproduces, the findings of the module of that name. Nothing is asserted: each
verdict is computed from `reports/published`, and a digit that is changed there can change it.
"""

from collections.abc import Callable, Iterator, Mapping

from common.published import Published
from reports.audit import (
    claims,
    classes,
    confusion,
    emotify_features,
    freesound_tagging,
    layers,
    music_mood_wavenet,
    results,
    ser_parallel,
    valence_parallel_conv,
)
from reports.audit.finding import Finding, Verdict
from reports.audit.matrices import recovered
from reports.audit.printed import NotPrintedError

__all__ = ["Finding", "audit", "on_document", "recovered"]

CHECKS = (claims.check, claims.ranking, classes.check, confusion.check, results.check, layers.check)

STUDIES: Mapping[str, Mapping[str, Callable[[Published], Verdict]]] = {
    "ser_parallel": ser_parallel.FINDINGS,
    "valence_parallel_conv": valence_parallel_conv.FINDINGS,
    "freesound_tagging": freesound_tagging.FINDINGS,
    "music_mood_wavenet": music_mood_wavenet.FINDINGS,
    "emotify_features": emotify_features.FINDINGS,
}


def audit(published: Published) -> list[Finding]:
    """Examine all that one document prints.

    Returns:
        The findings on this document, then on its claims, then on each of its tables. A finding on a document is left
        out if the file lacks a number that it needs.
    """
    return [*_of_study(published), *(finding for check in CHECKS for finding in check(published))]


def on_document(finding: Finding) -> bool:
    """Return whether a finding is on a document itself, not what a check of any paper's claims or tables gives."""
    return finding.id in STUDIES.get(finding.study, {})


def _of_study(published: Published) -> Iterator[Finding]:
    for name, examine in STUDIES.get(published.study, {}).items():
        try:
            holds, claim, evidence = examine(published)
        except NotPrintedError:
            continue
        yield Finding(published.study, name, holds, claim, evidence)
