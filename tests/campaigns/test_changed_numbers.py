"""The quick part of the campaign."""

import random

import pytest
from campaigns.changed_numbers import kinds

KINDS = kinds()
UNTOLD = (
    *(
        "interval",
        "environment",
        "timings",
        "notes",
        "switches",
        "parameters",
        "finished",
        "leaks",
        "data.",
        "baselines",
    ),
    *("settings", "configuration"),
)
"""What no table tells, and the ends of intervals that are drawn: with new checksums beside it, a change stands."""


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if not kind.startswith("published") and "resealed" not in kind]
)
def test_every_change_of_a_file_with_a_checksum_is_named(kind: str) -> None:
    outcome = KINDS[kind](random.Random(1), 3)
    assert dict(outcome.ends) == {"named": 3}


@pytest.mark.parametrize("kind", ["classification, record.json", "search, search.json"])
def test_with_new_checksums_a_change_is_named_or_of_what_no_table_tells(kind: str) -> None:
    outcome = KINDS[f"{kind}, resealed"](random.Random(2), 20)
    assert outcome.ends["named"] > sum(outcome.ends.values()) / 2
    assert not outcome.tracebacks
    assert [line for line in outcome.accepted if not any(word in line for word in UNTOLD)] == []


@pytest.mark.parametrize("table", ["predictions.csv", "history.csv", "split.csv"])
def test_a_changed_table_makes_no_traceback(table: str) -> None:
    assert not KINDS[f"tagging, {table}, resealed"](random.Random(3), 12).tracebacks


def test_a_changed_file_of_published_numbers_ends_in_a_sentence() -> None:
    outcome = KINDS["published, music_mood_wavenet"](random.Random(4), 12)
    assert not outcome.tracebacks
    assert outcome.ends["named"] > outcome.ends["differs"]


def test_the_same_seed_makes_the_same_changes() -> None:
    one, other = (KINDS["search, best.toml, resealed"](random.Random(5), 6) for _ in range(2))
    assert (one.ends, one.accepted) == (other.ends, other.accepted)
