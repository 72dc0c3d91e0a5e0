"""Checks of confusion matrices in counts, and of the accuracy that stands beside one in percentages."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import Content, class_table, found, outcomes, paper
from pydantic import ValidationError
from sklearn.metrics import precision_recall_fscore_support

from reports.audit import matrices, recovered
from reports.audit.matrices import solve

CELLS = [[26, 4], [7, 23]]
FULL = st.lists(st.integers(0, 40), min_size=4, max_size=4).filter(any).map(lambda cells: np.reshape(cells, (2, 2)))


def counts(cells: Any = CELLS, **fields: Any) -> Content:
    """The birds' confusion matrix in counts; it prints no number of items."""
    rows = dict(zip(("lark", "owl"), np.asarray(cells).tolist(), strict=True))
    return {"normalised": "counts", "rows": rows, "n": None} | fields


def accuracy(value: float, **fields: Any) -> Content:
    return {"rows": {"small": [value]}} | fields


def report(cells: Any = CELLS, *, supports: bool = True) -> Content:
    """Print the per-class table of counts as scikit-learn computes it."""
    square = np.asarray(cells)
    truth, guesses = np.repeat(np.indices(square.shape).reshape(2, -1), square.ravel(), axis=1)
    scores = precision_recall_fscore_support(truth, guesses, labels=[0, 1], zero_division=0)
    rows = [
        (name, *(round(float(score), 2) for score in of), int(support))
        for name, *of, support in zip(("lark", "owl"), *scores, strict=True)
    ]
    share = round(float(np.trace(square) / square.sum()), 2)
    table = class_table(rows, share, macro=None, weighted=None)
    return table if supports else {"rows": [list(row[:4]) for row in rows]}


@given(FULL, st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_counts_hold_beside_their_own_numbers(cells: np.ndarray, supports: bool) -> None:
    n = int(cells.sum())
    share = accuracy(round(float(np.trace(cells) / n), 3), n={"accuracy": n})
    parts = {"results": share, "classes": report(cells, supports=supports)}
    findings = found(confusion=counts(cells, n=n), **parts)
    assert all(outcomes(findings, "confusion", "two-prints").values())
    assert {f"confusion-{name}-small" for name in ("sum", "accuracy")} < findings.keys()
    assert "two-prints-confusion-small" in findings
    assert recovered(paper(confusion=counts(cells), **parts))["small"].tolist() == cells.tolist()


def test_counts_must_add_up_to_all_items() -> None:
    finding = found(confusion=counts(n=61))["confusion-sum-small"]
    assert (finding.holds, finding.numbers) == (False, {"total": 60, "published": 61})
    assert "confusion-sum-small" not in found(confusion=counts())


@pytest.mark.parametrize(("value", "holds"), [(0.817, True), (0.816, True), (0.818, False), (0.9, False)])
def test_the_diagonal_of_counts_is_the_accuracy_rounded_or_cut(value: float, holds: bool) -> None:
    finding = found(confusion=counts(), results=accuracy(value))["confusion-accuracy-small"]
    assert (finding.holds, finding.numbers) == (holds, {"hits": 49, "n": 60, "accuracy": value})


@pytest.mark.parametrize(
    ("results", "asked"),
    [
        (accuracy(0.9, split="80/10/10, train"), False),
        (accuracy(0.9, folds=7), False),
        (accuracy(0.9, folds=5, n={"accuracy": 60}), True),
        (accuracy(0, columns=["accuracy", "accuracy"], rows={"small": [0.817, 0.9]}), False),
    ],
    ids=["another set", "folds of any size", "equal folds", "two trials"],
)
def test_only_an_accuracy_of_the_same_evaluation_is_compared(results: Content, asked: bool) -> None:
    findings = found(confusion=counts(split="80/10/10, test"), results=results)
    assert ("confusion-accuracy-small" in findings) is asked


@pytest.mark.parametrize(
    ("place", "value"),
    [((0, 1), 0.78), ((0, 2), 0.88), ((0, 3), 0.84), ((1, 4), 31)],
    ids=["precision", "recall", "f1", "support"],
)
def test_counts_give_every_number_of_the_class_table(place: tuple[int, int], value: float) -> None:
    table = report()
    assert found(confusion=counts(), classes=table)["two-prints-confusion-small"].holds
    table["rows"][place[0]][place[1]] = value
    finding = found(confusion=counts(), classes=table)["two-prints-confusion-small"]
    assert (finding.holds, finding.numbers["wrong"]) == (False, 1)


def test_counts_may_stand_beside_a_class_table_of_cut_digits() -> None:
    rows = [("lark", 0.787, 0.866, 0.825, 30), ("owl", 0.851, 0.766, 0.807, 30)]
    table = class_table(rows, 0.816, macro=None, weighted=None, decimals=3)
    assert found(confusion=counts(), classes=table)["two-prints-confusion-small"].holds


def test_the_sum_of_counts_is_compared_with_the_set() -> None:
    sets = {"rows": {"train": 480, "validation": 60, "test": 60}}
    for cells, holds in ((CELLS, True), ([[26, 4], [7, 24]], False)):
        assert found(confusion=counts(cells, split="test"), counts=sets)["sizes"].holds is holds


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rows": {"lark": [26.5, 4], "owl": [7, 23]}}, "26.5"),
        ({"rows": {"lark": [0, 0], "owl": [0, 0]}}, "no items"),
        ({"positive": [78.8, 85.2]}, "percentages"),
        ({"normalised": "rows", "rows": {"lark": [180, 20], "owl": [40, 160]}}, 'row of lark adds up to 200.*"counts"'),
        ({"normalised": "columns", "rows": {"lark": [180, 20], "owl": [40, 160]}}, "column of lark adds up to 220"),
    ],
)
def test_impossible_cells_are_refused(fields: Content, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        paper(confusion=counts() | fields)


@pytest.mark.parametrize(
    ("rows", "named"), [(CELLS, True), ([[26, 74], [7, 23]], False), ([[26.5, 4], [7, 23]], False)]
)
def test_lines_of_small_whole_numbers_are_no_percentages(rows: list[list[float]], named: bool) -> None:
    finding = found(confusion=counts(rows, normalised="rows"))["confusion-sum-small"]
    assert not finding.holds
    assert ('"counts"' in finding.evidence) is named


def test_counts_in_percent_are_shares_of_the_true_class() -> None:
    table = paper(confusion=counts([[3, 1], [0, 0]])).confusions[0]
    assert (table.percentages, table.size) == ({"lark": (75.0, 25.0), "owl": (0.0, 0.0)}, 4)


# Percentages with an accuracy that their whole numbers do not have.


PERCENT: Content = {"rows": {"lark": [78.8, 14.8], "owl": [21.2, 85.2]}}
"""The birds' counts as percentages of the predicted class."""


def test_the_hits_of_a_matrix_are_named_beside_another_accuracy() -> None:
    finding = found(confusion=PERCENT, results=accuracy(0.9))["confusion-counts-small"]
    expected = {"solutions": 0, "n": 60, "hits_low": 49, "hits_high": 49, "accuracy": 0.9}
    assert (finding.holds, finding.numbers) == (False, expected)
    words = finding.evidence.partition("solutions")[0]
    assert all(number in words for number in ("Figure 1", "49 of 60", "0.8167", "Table 2", "0.900", "54"))


def test_the_hits_of_a_matrix_may_be_several() -> None:
    """In whole percents, one of three and one of two is all that 33 % and 50 % say."""
    half = {"rows": {"lark": [50.0, 50.0], "owl": [50.0, 50.0]}, "normalised": "rows", "n": 10, "decimals": 0}
    numbers = found(confusion=half, results=accuracy(0.9))["confusion-counts-small"].numbers
    assert (numbers["hits_low"], numbers["hits_high"]) == (5, 5)
    near = {"rows": {"lark": [50.0, 50.0], "owl": [50.0, 50.0]}, "normalised": "rows", "n": 202, "decimals": 0}
    numbers = found(confusion=near, results=accuracy(0.9))["confusion-counts-small"].numbers
    assert (numbers["hits_low"], numbers["hits_high"]) == (100, 102)


def test_an_accuracy_that_is_no_share_is_beside_the_hits_too() -> None:
    numbers = found(confusion=PERCENT, results=accuracy(0.853))["confusion-counts-small"].numbers
    assert (numbers["hits_low"], numbers["accuracy"]) == (49, 0.853)


def test_a_cut_accuracy_is_that_of_the_matrix() -> None:
    assert found(confusion=PERCENT, results=accuracy(0.816))["confusion-counts-small"].holds


def test_each_matrix_of_the_same_items_has_its_own_hits() -> None:
    both = [PERCENT, PERCENT | {"experiment": "large"}]
    results = {"rows": {"small": [0.9], "large": [0.817]}}
    numbers = found(confusion=both, results=results)["confusion-counts-small"].numbers
    assert (numbers["hits_low"], numbers["accuracy"]) == (49, 0.9)
    results = {"rows": {"small": [0.9], "large": [0.95]}}
    numbers = found(confusion=both, results=results)["confusion-counts-small"].numbers
    assert (numbers["small.accuracy"], numbers["large.accuracy"]) == (0.9, 0.95)


def test_a_matrix_without_whole_numbers_has_no_hits() -> None:
    finding = found(confusion=PERCENT | {"n": 61}, results=accuracy(0.9))["confusion-counts-small"]
    assert (finding.holds, finding.numbers) == (False, {"solutions": 0, "n": 61})


def test_hits_that_take_too_long_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: object) -> list[int]:
        raise matrices.TooManyError

    solve.cache_clear()
    monkeypatch.setattr(matrices._Search, "attained", refused)
    finding = found(confusion=PERCENT, results=accuracy(0.9))["confusion-counts-small"]
    assert (finding.holds, finding.numbers) == (False, {"solutions": 0, "n": 60})
    solve.cache_clear()
