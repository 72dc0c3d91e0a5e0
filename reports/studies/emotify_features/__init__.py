"""Music emotion from handcrafted and deep features (document 002): what belongs to it alone."""

from reports.studies import About
from reports.studies.emotify_features import findings, labelling, presets
from reports.studies.emotify_features.evidence import is_protocols

ABOUT = About(
    findings.FINDINGS,
    answers=(labelling.answer, presets.answer),
    compared=presets.compared,
    shown=is_protocols,
)
