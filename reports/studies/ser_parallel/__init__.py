"""Speech emotion with parallel CNNs (document 004): what belongs to it alone."""

from reports.studies import About
from reports.studies.ser_parallel import findings, pretrained_findings

ABOUT = About({**findings.FINDINGS, **pretrained_findings.FINDINGS})
