"""An invented paper on two birds, for the audit to examine: a test names only the parts that it is about."""

import json
from collections.abc import Iterable
from typing import Any

from common.published import Published
from reports.audit import Finding, audit

Content = dict[str, Any]

EMPTY: Content = {
    "schema": 2,
    "study": "moon_birds",
    "title": "Telling the birds of the Moon apart",
    "document": "Nobody et al., 2099",
    "resolution": {"overall": 0.05, "per_class": 0.1},
    "data": {"section": "2", "corpora": {"moon": 600}, "classes": ["lark", "owl"]},
    "experiment": [{"id": name, "title": name, "section": "4"} for name in ("small", "large", "third")],
    "metric": {
        "accuracy": {"kind": "proportion", "decimals": 3},
        "loss": {"kind": "error", "decimals": 2, "measured_on": "validation"},
        "seconds": {"kind": "seconds", "decimals": 1},
    },
}
USUAL: dict[str, Content] = {
    "claim": {"id": "it", "section": "5", "says": "so it is", "metric": "accuracy"},
    "classes": {"experiment": "small", "section": "4", "table": "Table 3", "split": "test"},
    "confusion": {"experiment": "small", "section": "4", "table": "Figure 1", "classes": ["lark", "owl"], "n": 60}
    | {"normalised": "columns"},
    "counts": {"id": "sets", "section": "2", "table": "text", "items": "clips"},
    "layers": {"id": "net", "experiments": ["small"], "section": "3", "known": "printed"},
    "number": {"id": "best", "section": "5", "decimals": 3, "says": "the best accuracy"},
    "results": {"id": "t2", "section": "4", "table": "Table 2", "columns": ["accuracy"]},
    "search": {"experiment": "small", "section": "3", "table": "Table 1", "columns": ["loss"]},
}
"""What an entry of each part has unless a test says otherwise."""


def paper(**parts: Any) -> Published:
    """Return an invented paper with the given parts: one entry, or several in a list."""
    content = EMPTY | parts
    for name in USUAL.keys() & parts.keys():
        entries = [parts[name]] if isinstance(parts[name], dict) else parts[name]
        content[name] = [USUAL[name] | entry for entry in entries]
    return parsed(content)


def parsed(content: Content) -> Published:
    return Published.model_validate_json(json.dumps(content))


def found(**parts: Any) -> dict[str, Finding]:
    """Return what the audit finds in a paper with the given parts, by id."""
    return {finding.id: finding for finding in audit(paper(**parts))}


def outcomes(findings: dict[str, Finding], *beginnings: str) -> dict[str, bool]:
    """Return whether the findings hold whose id begins with one of these."""
    return {name: finding.holds for name, finding in findings.items() if name.startswith(beginnings)}


def class_table(rows: Iterable[tuple[str, float, float, float, int]], accuracy: float, **fields: Any) -> Content:
    """Return a per-class table of these rows; both means of each score are the accuracy."""
    lines = [list(row) for row in rows]
    head = {"n": sum(line[-1] for line in lines), "accuracy": accuracy, "rows": lines}
    return head | {"macro": [accuracy] * 3, "weighted": [accuracy] * 3} | fields
