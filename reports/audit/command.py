"""`python -m reports audit [FILE.toml] [--json]`: the published numbers examined by code."""

import json
import sys
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
    """Print the findings of one document; of the checks that fit any table only those that fail."""
    table = Table(title=f"{document.study}: {document.title}", title_justify="left", show_lines=True, expand=True)
    for title in ("holds", "id", "claim", "evidence"):
        table.add_column(title, ratio={"claim": 2, "evidence": 5}.get(title), overflow="fold")
    shown = [finding for finding in findings if finding.own or finding.kind != "check" or not finding.holds]
    for finding in shown:
        table.add_row("yes" if finding.holds else "no", finding.id, finding.claim, finding.evidence)
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, markup=False, highlight=False)
    console.print(table)
    hidden = (
        f" ({len(findings) - len(shown)} checks of tables that hold are not shown)"
        if len(findings) > len(shown)
        else ""
    )
    console.print(f"{sum(finding.holds for finding in findings)} of {len(findings)} hold{hidden}\n")
