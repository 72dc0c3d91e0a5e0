"""`python -m reports audit [FILE.toml] [--json]`: the published numbers examined by code."""

import json
import re
import sys
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from common import published
from common.published import Published
from reports.audit import Finding, audit

KEYS = ("study", "id", "kind", "holds", "claim", "quote", "section", "evidence", "numbers", "source")
"""What `--json` says of a finding."""
PIPE_WIDTH = 160
"""Characters a line of a table may have where there is no terminal to fit."""

OF_TABLES = re.compile(
    r"(f1|support|means|accuracy|counts|two-prints|confusion-\w+|proportions|range|search-\w+|layers-\w+)-"
)
"""Ids of the checks that every table goes through, without the name of the table."""


def run(file: Path | None, *, as_json: bool) -> None:
    """Audit one file of published numbers, or all of Encore's, and print the findings.

    Raises:
        InputError: the file is missing or damaged.
    """
    documents = [published.read(file)] if file else [published.load(study) for study in published.studies()]
    found = [audit(document) for document in documents]
    if as_json:
        print(json.dumps([{key: getattr(finding, key) for key in KEYS} for findings in found for finding in findings]))
        return
    for document, findings in zip(documents, found, strict=True):
        _print(document, findings)


def _print(document: Published, findings: list[Finding]) -> None:
    """Print the findings of one document; of the checks of its tables only those that fail, and how many hold."""
    table = Table(title=f"{document.study}: {document.title}", title_justify="left", show_lines=True, expand=True)
    for title in ("holds", "id", "claim", "evidence"):
        table.add_column(title, ratio={"claim": 2, "evidence": 5}.get(title), overflow="fold")
    for finding in findings:
        if not (finding.holds and OF_TABLES.match(finding.id)):
            table.add_row("yes" if finding.holds else "no", finding.id, finding.claim, finding.evidence)
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, markup=False, highlight=False)
    console.print(table)
    holding = Counter(match[1] for finding in findings if finding.holds and (match := OF_TABLES.match(finding.id)))
    if holding:
        console.print("tables that hold, by check: " + ", ".join(f"{name} {times}" for name, times in holding.items()))
    console.print(f"{sum(finding.holds for finding in findings)} of {len(findings)} hold\n")
