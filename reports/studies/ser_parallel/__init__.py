"""Speech emotion with parallel CNNs (document 004): what belongs to it alone."""

from reports.studies import About
from reports.studies.ser_parallel import findings, pretrained_findings

SOURCES = {
    "ser-savee-labels": "the corpora's own counts of classes",
    "ser-clips": "the corpora's own counts of classes",
    "ser-surprise-mix": "the corpora's own counts of classes",
    "ser-vgg-split": "the corpora's own counts of classes",
    "ser-wav2vec-labels": "the corpora's own counts of classes",
    "ser-wav2vec-split": "the corpora's own counts of classes",
    "ser-original-encoder": "the cited papers of the networks",
    "ser-vgg-unfreezing": "the cited papers of the networks",
    "ser-vgg-won": "memory",
    "ser-attention-axis": "the layers' own documentation",
    "ser-parallel-build": "the layers' own documentation",
}
"""What findings need besides the printed numbers."""

ABOUT = About({**findings.FINDINGS, **pretrained_findings.FINDINGS}, sources=SOURCES)
