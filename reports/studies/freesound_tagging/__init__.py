"""Freesound tagging (document 003): what belongs to it alone."""

from reports.studies import About
from reports.studies.freesound_tagging import findings

SOURCES = {
    "freesound-test-set": "the authors' code",
}
"""What findings need besides the printed numbers."""

ABOUT = About(findings.FINDINGS, sources=SOURCES)
