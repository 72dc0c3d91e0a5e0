"""The forms that a report is written in: Markdown, LaTeX, CSV and one HTML page."""
