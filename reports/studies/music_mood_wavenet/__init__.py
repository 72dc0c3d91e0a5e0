"""Music moods from WaveNet features (document 000): what belongs to it alone."""

from reports.studies import About
from reports.studies.music_mood_wavenet import findings

ABOUT = About(findings.FINDINGS)
