"""Music moods from WaveNet features (document 000): what belongs to it alone."""

from reports.studies import About
from reports.studies.music_mood_wavenet import findings

SOURCES = {
    "mood-frames": "the authors' code",
    "mood-steps": "the encoder's release",
    "mood-wavenet-baseline": "the organisers' baselines",
    "mood-rows": "the corpus' own tables",
    "mood-ensembles": "the corpus' own tables",
    "mood-training-set": "the corpus' own tables",
}
"""What findings need besides the printed numbers."""

ABOUT = About(findings.FINDINGS, sources=SOURCES)
