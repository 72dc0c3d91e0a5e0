"""Examines published numbers by code: whether they are consistent and support the claims that are made of them.

`audit` runs the checks that fit any paper's tables (`claims`, `classes`, `confusion`, `results`, `scores`, `sizes`,
`layers`) and the findings of the file itself, which are expressions or functions of `reports.studies.<document>`. Every
verdict is computed from `reports/published`: a digit that is changed there can change it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from common.errors import InputError, reason_of
from common.published import Published
from common.published.expressions import NotComputableError
from common.published.statements import FindingEntry
from reports import studies
from reports.audit import claims, classes, confusion, layers, results, scores, sizes
from reports.audit.finding import Computed, Finding, filled, flat
from reports.audit.matrices import recovered
from reports.audit.printed import NotPrintedError

__all__ = ["Finding", "audit", "beside_arithmetic", "recovered"]

LONGEST = 100
"""Characters that are shown of a reason."""

CHECKS = (
    claims.check,
    claims.ranking,
    classes.check,
    confusion.check,
    results.check,
    scores.check,
    sizes.check,
    layers.check,
)


def beside_arithmetic(findings: Iterable[Finding]) -> str:
    """Say how findings are found: by arithmetic, and by what is known from elsewhere, with the ids that need it."""
    needed: dict[str, list[str]] = {}
    for finding in findings:
        if finding.source:
            needed.setdefault(finding.source, []).append(finding.id)
    sources = [f"{source} ({', '.join(names)})" for source, names in needed.items()]
    return f"by arithmetic, and some of it by {'; '.join(sources)}" if sources else "by arithmetic alone"


def audit(published: Published) -> list[Finding]:
    """Examine all published numbers of one document.

    Returns:
        The findings of its file, then those on its claims, then those on each of its tables. A finding of the file is
        left out if the file lacks a number that it needs.

    Raises:
        InputError: a finding has no condition, and there is no function for it either.
    """
    found = [*_of_file(published), *(finding for check in CHECKS for finding in check(published))]
    main = {symptom: of for of, symptoms in published.symptoms.items() for symptom in symptoms}
    remarks = {finding.id for finding in found if finding.kind == "remark"}
    placed = [replace(finding, under=main.get(finding.id, "")) for finding in found]
    # What shows the same as a remark is one too.
    return [replace(one, kind="remark") if one.under in remarks else one for one in placed]


def _of_file(published: Published) -> Iterator[Finding]:
    for entry in published.findings:
        try:
            found = _finding(published, entry)
        except (NotPrintedError, NotComputableError):
            continue  # an excerpt of a document's file keeps the findings that it has the numbers for
        except (KeyError, IndexError, TypeError, ValueError, ArithmeticError) as error:
            # A function of a document reads what its file had when it was written.
            reason = f"{type(error).__name__}: {_short(reason_of(error))}"
            raise InputError(
                f"finding {entry.id} of {published.study} cannot be computed from the numbers of the file ({reason}); "
                "correct them, or the finding"
            ) from error
        if found.kind != "remark" or not found.holds:
            yield found


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _finding(published: Published, entry: FindingEntry) -> Finding:
    holds, numbers = _computed(published, entry)
    known = {**published.stored, **numbers}
    return Finding(
        published.study,
        f"{claims.prefix(published.study)}-{entry.id}",
        holds,
        filled(entry.claim, known) + f" ({entry.section})",
        filled(entry.evidence, known),
        flat(numbers),
        entry.kind,
        entry.section,
        entry.quote,
        entry.source,
        entry.experiments,
        own=True,
        otherwise=entry.otherwise,
    )


def _computed(published: Published, entry: FindingEntry) -> Computed:
    if entry.holds:
        return entry.computed(published.stored)
    functions = studies.of(published.study).findings
    if entry.id not in functions:
        raise InputError(f"finding {entry.id} of {published.study} has no condition (`holds`); add one")
    return functions[entry.id](published)
