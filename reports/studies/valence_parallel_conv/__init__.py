"""Valence with parallel convolutions (document 001): what belongs to it alone."""

from reports.studies import About
from reports.studies.valence_parallel_conv import findings

ABOUT = About(findings.FINDINGS)
