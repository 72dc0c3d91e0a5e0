"""Document 000: moods and themes of music."""
