"""Examines printed numbers by code: whether they can be what they are said to be, and bear out what is said of them.

`audit` runs the checks that any paper's tables can be put to (`claims`, `classes`, `confusion`, `results`, `sizes`,
`layers`) and, for the documents that Encore reproduces, the findings of the module of that name. Nothing is asserted:
each verdict is computed from `reports/published`, and a digit that is changed there can change it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

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
    ser_pretrained,
    sizes,
    valence_parallel_conv,
)
from reports.audit.finding import Finding, Verdict
from reports.audit.matrices import recovered
from reports.audit.printed import NotPrintedError

__all__ = ["Finding", "audit", "beside_arithmetic", "on_document", "recovered"]

CHECKS = (claims.check, claims.ranking, classes.check, confusion.check, results.check, sizes.check, layers.check)

STUDIES: Mapping[str, Mapping[str, Callable[[Published], Verdict]]] = {
    "ser_parallel": {**ser_parallel.FINDINGS, **ser_pretrained.FINDINGS},
    "valence_parallel_conv": valence_parallel_conv.FINDINGS,
    "freesound_tagging": freesound_tagging.FINDINGS,
    "music_mood_wavenet": music_mood_wavenet.FINDINGS,
    "emotify_features": emotify_features.FINDINGS,
}

ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "the corpora's own counts of classes": (
        "ser-savee-labels",
        "ser-clips",
        "ser-surprise-mix",
        "ser-vgg-split",
        "ser-wav2vec-labels",
        "ser-wav2vec-split",
    ),
    "the cited papers of the networks": ("ser-original-encoder", "ser-vgg-unfreezing"),
    "memory": ("ser-vgg-won",),
    "the layers' own documentation": ("ser-attention-axis", "ser-parallel-build"),
    "the authors' code": ("mood-frames", "freesound-test-set"),
    "the encoder's release": ("mood-steps",),
    "the organisers' baselines": ("mood-wavenet-baseline",),
    "the corpus' own tables": (
        "mood-rows",
        "mood-ensembles",
        "mood-training-set",
        "emotify-class-table",
        "emotify-class-table-votes",
        "emotify-track-numbering",
        "emotify-pieces",
        "emotify-minutes",
        "emotify-ties",
    ),
}
"""What some findings need besides the printed numbers, by what it is."""


def beside_arithmetic(findings: Iterable[Finding]) -> str:
    """Say by what findings are found: arithmetic, and what is known from elsewhere, with the ids that need it."""
    ids = {finding.id for finding in findings}
    needed = {source: [name for name in names if name in ids] for source, names in ELSEWHERE.items()}
    told = [f"{source} ({', '.join(names)})" for source, names in needed.items() if names]
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
    return finding.id in STUDIES.get(finding.study, {})


def _of_study(published: Published) -> Iterator[Finding]:
    for name, examine in STUDIES.get(published.study, {}).items():
        try:
            holds, claim, evidence = examine(published)
        except NotPrintedError:
            continue
        yield Finding(published.study, name, holds, claim, evidence)
