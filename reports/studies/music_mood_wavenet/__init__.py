"""Moods and themes of music (document 000): what belongs to it alone."""

from reports.studies import About
from reports.studies.music_mood_wavenet import data_analysis, findings

ABOUT = About(findings.FINDINGS, answers=(data_analysis.answer,))
