"""`python -m reports audit [FILE.toml] [--json]`: the published numbers examined by code."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from common import published
from common.cli.tables import print_table
from common.errors import ResultError
from common.published import Published
from common.terminal import say
from reports.audit import Finding, audit
from reports.audit.finding import CONTRADICTED, VERDICTS

KEYS = ("study", "id", "kind", "verdict", "under", "claim", "quote", "section", "evidence", "numbers", "source")
"""What `--json` says of a finding."""


def run(file: Path | None, *, strict: bool, as_json: bool) -> None:
    """Audit one file of published numbers, or all of Encore's, and print the findings.

    Args:
        file: of any paper. None: the documents of Encore, whose contradictions are known.
        strict: fail on contradictions of Encore's documents too.
        as_json: print for programs.

    Raises:
        InputError: the file is missing or damaged.
        ResultError: something is contradicted.
    """
    documents = [published.read(file)] if file else [published.load(study) for study in published.studies()]
    found = [audit(document) for document in documents]
    if as_json:
        say(json.dumps([{key: getattr(finding, key) for key in KEYS} for findings in found for finding in findings]))
    else:
        for document, findings in zip(documents, found, strict=True):
            _print(document, findings)
    wrong = [one.id for findings in found for one in findings if one.counted and one.verdict == CONTRADICTED]
    if wrong and (file or strict):
        raise ResultError(f"{len(wrong)} contradicted: {', '.join(wrong)}")


def _print(document: Published, findings: list[Finding]) -> None:
    """Print the findings of one document; of the checks that fit any table only those that are not supported."""
    table = Table(title=f"{document.study}: {document.title}", title_justify="left", show_lines=True, expand=True)
    for title in ("verdict", "id", "claim", "evidence"):
        table.add_column(title, ratio={"claim": 2, "evidence": 5}.get(title), overflow="fold")
    shown = [finding for finding in findings if finding.own or finding.kind != "check" or not finding.holds]
    for finding in shown:
        under = f" (under {finding.under})" if finding.under else ""
        table.add_row(f"{finding.verdict or 'remark'}{under}", finding.id, finding.claim, finding.evidence)
    print_table(table)
    hidden = (
        f" ({len(findings) - len(shown)} supported checks of tables are left out)" if len(findings) > len(shown) else ""
    )
    say(f"{in_words(findings)}{hidden}\n")


def in_words(findings: Sequence[Finding]) -> str:
    """Return how many findings have which verdict, and how many remarks there are."""
    counts = Counter(finding.verdict for finding in findings if finding.counted)
    remarks = sum(finding.kind == "remark" for finding in findings)
    return ", ".join([*(f"{counts[word]} {word}" for word in VERDICTS), f"{remarks} remarks"])
