"""Invented papers, and documents with a digit changed, for the audit to examine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.published import Published, load
from reports.audit import Finding, audit

Content = dict[str, Any]
Paper = Callable[..., Published]
Altered = Callable[[str, Callable[[Content], None]], Published]

ROOT = Path(__file__).parents[3]

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


def parsed(content: Content) -> Published:
    return Published.model_validate_json(json.dumps(content))


@pytest.fixture
def paper() -> Paper:
    """Return an invented paper with the given parts."""
    return lambda **parts: parsed(EMPTY | parts)


@pytest.fixture
def altered() -> Altered:
    """Return a document's numbers after a change to the content of its file."""

    def changed(study: str, change: Callable[[Content], None]) -> Published:
        content = json.loads(load(study).model_dump_json(by_alias=True))
        change(content)
        return parsed(content)

    return changed


@pytest.fixture(scope="session")
def of_documents() -> dict[str, Finding]:
    """Every finding on the five documents, by id."""
    studies = sorted(path.stem for path in (ROOT / "reports" / "published").glob("*.toml"))
    return {finding.id: finding for study in studies for finding in audit(load(study))}
