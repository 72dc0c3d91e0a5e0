"""Checks of per-class tables: they hold for whatever a classifier prints, and one changed digit is found."""

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import EMPTY, Content, class_table, found, outcomes, paper
from pydantic import ValidationError
from sklearn.metrics import classification_report, precision_recall_fscore_support

from reports.audit import classes
from reports.audit.classes import Examined


def printed(cells: list[list[int]], names: list[str]) -> Content:
    """Print a confusion matrix (true classes as rows) as scikit-learn reports it, with two decimals."""
    places = [(true, guess) for true, row in enumerate(cells) for guess, n in enumerate(row) for _ in range(n)]
    report = classification_report(*zip(*places, strict=True), target_names=names, output_dict=True, zero_division=0)
    of = {
        name: [round(report[name][score], 2) for score in ("precision", "recall", "f1-score")]
        for name in (*names, "macro avg", "weighted avg")
    }
    rows = [(name, *of[name], int(report[name]["support"])) for name in names]
    accuracy = round(report["accuracy"], 2)
    return class_table(rows, accuracy, macro=of["macro avg"], weighted=of["weighted avg"])


TABLE = printed([[41, 9], [14, 86]], ["lark", "owl"])
ROWS = st.lists(st.integers(0, 40), min_size=3, max_size=3).filter(any)


def examined(table: Content) -> Examined:
    data = {"section": "2", "corpora": {"moon": 600}, "classes": [row[0] for row in table["rows"]]}
    return Examined(paper(data=data, classes=table).class_tables[0])


@given(st.lists(ROWS, min_size=3, max_size=3))
def test_a_table_of_whole_counts_always_holds(cells: list[list[int]]) -> None:
    of_three = examined(printed(cells, ["lark", "owl", "wren"]))
    assert all(test(of_three)[0] for test in classes.CHECKS.values())


def put(value: float, *where: str | int) -> Callable[[Content], None]:
    def change(table: Content) -> None:
        *outer, last = where
        inner = table
        for key in outer:
            inner = inner[key]
        inner[last] = value

    return change


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("f1", put(0.58, "rows", 0, 3)),
        ("f1", put(0.81, "rows", 1, 1)),
        ("support", put(51, "rows", 0, 4)),
        ("means", put(0.93, "macro", 0)),
        ("means", put(0.75, "weighted", 2)),
        ("accuracy", put(0.86, "accuracy")),
        ("accuracy", put(0.83, "rows", 0, 2)),
        ("counts", put(0.76, "rows", 0, 1)),
    ],
)
def test_one_digit_changed_is_found(name: str, change: Callable[[Content], None]) -> None:
    table = deepcopy(TABLE)
    change(table)
    assert not found(classes=table)[f"{name}-small"].holds


def test_the_recalls_tell_which_accuracies_are_possible() -> None:
    numbers = found(classes=TABLE | {"accuracy": 0.86})["accuracy-small"].numbers
    assert numbers == {"hits_low": 127, "hits_high": 127, "n": 150}


def test_precisions_must_share_out_all_items() -> None:
    """Each row alone is possible; together they predict fewer items than there are."""
    rows = [("lark", 1.0, 0.5, 0.67, 50), ("owl", 1.0, 0.5, 0.67, 50)]
    means = [1.0, 0.5, 0.67]
    findings = outcomes(found(classes=class_table(rows, 0.5, macro=means, weighted=means)), *classes.CHECKS)
    assert [name for name, holds in findings.items() if not holds] == ["counts-small"]
    assert len(findings) == len(classes.CHECKS)


@pytest.mark.parametrize(
    ("trials", "holds"), [([0.847], True), ([0.853], False), ([0.846], False), ([0.847, 0.9], True)]
)
def test_accuracy_in_another_table_or_in_one_trial_of_it_must_be_that_of_the_classes(
    trials: list[float], holds: bool
) -> None:
    other = {"columns": ["accuracy"] * len(trials), "rows": {"small": trials}}
    assert found(classes=TABLE, results=other)["two-prints-small"].holds is holds


def test_each_of_two_other_tables_is_compared_with_the_classes() -> None:
    others = [{"id": name, "rows": {"small": [value]}} for name, value in (("t2", 0.853), ("t5", 0.847))]
    findings = outcomes(found(classes=TABLE, results=others), "two-prints-small")
    assert findings == {"two-prints-small-t2": False, "two-prints-small-t5": True}


THREE = ["lark", "owl", "wren"]
CELLS = [[412, 31, 20], [37, 298, 41], [18, 25, 119]]
BIRDS = {"section": "2", "corpora": {"moon": 1001}, "classes": THREE}


def cut(values: list[float]) -> list[float]:
    return [math.floor(1000 * value) / 1000 for value in values]


def exact(cells: list[list[int]]) -> tuple[list[list[float]], float]:
    """Return precision, recall and F1 of each class, and the accuracy."""
    square = np.array(cells)
    hits, supports, guesses = np.diag(square), square.sum(axis=1), square.sum(axis=0)
    scores = np.column_stack([hits / guesses, hits / supports, 2 * hits / (supports + guesses)])
    return scores.tolist(), float(hits.sum() / square.sum())


def test_a_table_of_cut_digits_holds_and_the_evidence_says_so() -> None:
    scores, accuracy = exact(CELLS)
    rows = [(name, *cut(of), sum(cells)) for name, of, cells in zip(THREE, scores, CELLS, strict=True)]
    shares = [sum(cells) / 1001 for cells in CELLS]
    weighted = cut([sum(share * of[place] for share, of in zip(shares, scores, strict=True)) for place in range(3)])
    macro = cut([sum(of[place] for of in scores) / 3 for place in range(3)])
    table = class_table(rows, cut([accuracy])[0], macro=macro, weighted=weighted, decimals=3)
    findings = found(data=BIRDS, classes=table)
    assert all(outcomes(findings, *classes.CHECKS).values())
    assert findings["counts-small"].evidence.startswith("cut after the last digit")
    changed = deepcopy(table)
    changed["rows"][0][1] += 0.01
    assert not all(outcomes(found(data=BIRDS, classes=changed), *classes.CHECKS).values())


FOLDS = {
    "n": 200,
    "rows": [["lark", 0.8, 0.7, 0.7, 100], ["owl", 0.7, 0.7, 0.68, 100]],
    "accuracy": 0.7,
    "macro": [0.75, 0.7, 0.69],
    "weighted": [0.76, 0.7, 0.69],
}
"""Means over folds: the F1 of a mean is below that of the means."""


def test_means_over_folds_hold_once_the_table_says_so() -> None:
    assert all(outcomes(found(classes=FOLDS | {"averaged": "folds"}), *classes.CHECKS).values())
    wrong = {name: finding for name, finding in found(classes=FOLDS).items() if not finding.holds}
    assert "f1-small" in wrong
    assert all("mean over folds" in finding.evidence for finding in wrong.values())


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("f1", put(0.76, "rows", 0, 3)),
        ("f1", put(0.45, "rows", 0, 3)),
        ("support", put(101, "rows", 0, 4)),
        ("means", put(0.77, "macro", 0)),
        ("identities", put(0.72, "accuracy")),
    ],
)
def test_a_wrong_digit_is_found_in_means_over_folds(name: str, change: Callable[[Content], None]) -> None:
    table = deepcopy(FOLDS) | {"averaged": "folds"}
    change(table)
    assert not found(classes=table)[f"{name}-small"].holds


@pytest.mark.parametrize(("macro_f1", "holds"), [(0.63, True), (0.67, True), (0.65, False), (0.69, False)])
def test_macro_f1_may_be_that_of_macro_precision_and_recall(macro_f1: float, holds: bool) -> None:
    """Both definitions are in use."""
    scores, accuracy = exact([[90, 10], [60, 40]])
    rows = [(name, *np.round(of, 2).tolist(), 100) for name, of in zip(["lark", "owl"], scores, strict=True)]
    table = class_table(rows, accuracy, macro=[0.7, 0.65, macro_f1], weighted=None)
    finding = found(classes=table)["means-small"]
    assert finding.holds is holds
    assert ("harmonic" in finding.evidence) is (macro_f1 == 0.67)


def test_a_table_without_lines_of_means_is_examined() -> None:
    findings = outcomes(found(classes=TABLE | {"macro": None, "weighted": None}), *classes.CHECKS)
    assert findings == {f"{name}-small": True for name in ("f1", "support", "accuracy", "counts")}
    assert not found(classes=TABLE | {"macro": None, "weighted": None, "accuracy": 0.86})["accuracy-small"].holds


def test_of_large_tables_the_bounds_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = examined(TABLE).hits
    monkeypatch.setattr(classes, "MOST_WORDS", 10)
    assert set(exact) <= set(examined(TABLE).hits)


def test_a_class_without_items_may_be_in_a_table_of_cut_digits() -> None:
    rows = [("lark", 0.66, 0.66, 0.66, 3), ("owl", 0.66, 0.66, 0.66, 3), ("wren", 0.0, 0.0, 0.0, 0)]
    table = class_table(rows, 0.66, macro=[0.44, 0.44, 0.44])
    assert all(outcomes(found(data=BIRDS, classes=table), *classes.CHECKS).values())


def test_of_huge_tables_whole_numbers_are_not_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = examined(TABLE).hits
    monkeypatch.setattr(classes, "MOST_HITS", 0)
    assert set(exact) <= set(examined(TABLE).hits)
    finding = found(classes=TABLE)["counts-small"]
    assert (finding.holds, finding.evidence) == (True, "not examined: too many solutions")
    assert not found(classes=TABLE | {"accuracy": 0.86})["accuracy-small"].holds


def test_a_table_of_a_billion_items_takes_no_time() -> None:
    half = 5 * 10**8
    table = class_table([("lark", 0.9, 0.9, 0.9, half), ("owl", 0.9, 0.9, 0.9, half)], 0.9)
    assert all(outcomes(found(classes=table), *classes.CHECKS).values())


def test_a_table_of_no_items_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        paper(classes=TABLE | {"n": 0})


@pytest.mark.parametrize("change", [put(0.86, "accuracy"), put(0.71, "macro", 2)])
def test_numbers_that_are_equal_by_definition_are_equal(change: Callable[[Content], None]) -> None:
    table = class_table([(name, value, value, value, 100) for name, value in (("lark", 0.9), ("owl", 0.8))], 0.85)
    assert found(classes=table)["identities-small"].holds
    change(table)
    finding = found(classes=table)["identities-small"]
    assert (finding.holds, finding.numbers) == (False, {"wrong": 1, "of": 4})


# Tables without supports, as most of them are printed.


def bare(table: Content) -> Content:
    """Leave out the supports, the number of items, the accuracy and the lines of means."""
    return {"rows": [row[:4] for row in table["rows"]]}


def beside(**scores: float) -> dict[str, Any]:
    """Print overall scores with two decimals in a result table."""
    kinds = {name: "proportion" if name == "accuracy" else "score" for name in scores}
    metric = EMPTY["metric"] | {name: {"kind": kind, "decimals": 2} for name, kind in kinds.items()}
    return {"metric": metric, "results": {"columns": [*scores], "rows": {"small": [*scores.values()]}}}


@given(st.lists(ROWS, min_size=3, max_size=3), st.sampled_from(["macro", "weighted", "micro"]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_table_holds_without_supports_beside_its_own_scores(
    cells: list[list[int]], mean: Any, supports: bool
) -> None:
    places = [(true, guess) for true, row in enumerate(cells) for guess, n in enumerate(row) for _ in range(n)]
    truth, guesses = zip(*places, strict=True)
    of = precision_recall_fscore_support(truth, guesses, average=mean, zero_division=0)[:3]
    named = dict(zip(("precision", "recall", "f1"), (round(float(score), 2) for score in of), strict=True))
    full = printed(cells, THREE)
    table = full if supports else bare(full) | {"macro": full["macro"], "weighted": full["weighted"]}
    scores = {"accuracy": full["accuracy"]} | named | {f"{mean}_{name}": score for name, score in named.items()}
    findings = found(data=BIRDS, classes=table, **beside(**scores))
    assert all(outcomes(findings, *classes.CHECKS, "two-prints").values())
    assert findings["two-prints-scores-small-t2"].numbers["of"] == len(scores) - supports
    assert {"f1-small", "means-small"} < findings.keys()
    assert ("counts-small" in findings) is supports


def test_without_supports_only_what_needs_no_counts_is_asked() -> None:
    findings = outcomes(found(classes=bare(TABLE)), *classes.CHECKS)
    assert findings == {"f1-small": True}


@pytest.mark.parametrize(
    ("name", "change"),
    [("f1", put(0.58, "rows", 0, 3)), ("means", put(0.9, "macro", 0)), ("means", put(0.92, "weighted", 1))],
)
def test_one_digit_changed_is_found_without_supports(name: str, change: Callable[[Content], None]) -> None:
    table = bare(TABLE) | {"macro": TABLE["macro"], "weighted": TABLE["weighted"]}
    assert all(outcomes(found(classes=table), *classes.CHECKS).values())
    changed = deepcopy(table)
    change(changed)
    assert not found(classes=changed)[f"{name}-small"].holds


README = {"rows": [["lark", 0.80, 0.80, 0.80], ["owl", 0.35, 0.32, 0.33]]}
"""No score is above 0.80, which may be up to 0.805."""


@pytest.mark.parametrize(
    ("score", "value", "holds"),
    [
        ("accuracy", 0.85, False),
        ("accuracy", 0.81, True),
        ("accuracy", 0.82, False),
        ("accuracy", 0.32, True),
        ("accuracy", 0.30, False),
        ("f1", 0.83, False),
        ("f1", 0.33, True),
        ("precision", 0.34, True),
        ("precision", 0.33, False),
        ("weighted_recall", 0.82, False),
        ("weighted_recall", 0.70, True),
        ("macro_f1", 0.70, False),
        ("macro_f1", 0.57, True),
        ("balanced_accuracy", 0.99, None),
    ],
)
def test_an_overall_score_is_a_mean_of_the_rows(score: str, value: float, holds: bool | None) -> None:
    findings = outcomes(found(classes=README, **beside(**{score: value})), "two-prints")
    assert findings == ({} if holds is None else {"two-prints-scores-small-t2": holds})


def test_what_the_rows_allow_is_named() -> None:
    numbers = found(classes=README, **beside(accuracy=0.85, f1=0.5))["two-prints-scores-small-t2"].numbers
    assert numbers == {
        "wrong": 1,
        "of": 2,
        "accuracy": 0.85,
        "accuracy_low": pytest.approx(0.315),
        "accuracy_high": pytest.approx(0.805),
    }


def test_f1_may_be_that_of_mean_precision_and_mean_recall() -> None:
    rows = {"rows": [["lark", 1.0, 0.5, 0.67], ["owl", 0.5, 1.0, 0.67]]}
    assert found(classes=rows, **beside(f1=0.75, macro_f1=0.75))["two-prints-scores-small-t2"].holds
    assert not found(classes=rows, **beside(f1=0.77))["two-prints-scores-small-t2"].holds


@pytest.mark.parametrize(
    "fields", [{"split": "train"}, {"folds": 5}, {"rows": {"large": [0.99]}}], ids=["set", "folds", "experiment"]
)
def test_scores_of_another_evaluation_are_not_compared(fields: Content) -> None:
    parts = beside(accuracy=0.99)
    parts["results"] |= fields
    assert not outcomes(found(classes=README, **parts), "two-prints")
    assert not outcomes(found(classes=README | {"averaged": "folds"}, **beside(accuracy=0.99)), "two-prints")


def test_one_possible_trial_is_enough() -> None:
    parts = beside(accuracy=0.85)
    parts["results"] = {"columns": ["accuracy"] * 2, "rows": {"small": [0.85, 0.7]}}
    assert found(classes=README, **parts)["two-prints-scores-small-t2"].holds


def test_scores_of_cut_digits_are_compared_as_such() -> None:
    """A recall of 0.809 is cut to 0.80, and the accuracy may be as high."""
    parts = beside(accuracy=0.809)
    parts["metric"]["accuracy"]["decimals"] = 3
    assert found(classes=README, **parts)["two-prints-scores-small-t2"].holds


def test_a_class_table_with_supports_decides_on_means_in_other_tables_too() -> None:
    findings = found(classes=TABLE, **beside(macro_f1=0.9, weighted_f1=TABLE["weighted"][2]))
    assert findings["two-prints-scores-small-t2"].numbers["wrong"] == 1


@pytest.mark.parametrize("missing", ["n", "accuracy", "support"])
def test_items_are_printed_wholly_or_not_at_all(missing: str) -> None:
    table = deepcopy(TABLE)
    if missing == "support":
        table["rows"][1].pop()
    else:
        table[missing] = None
    with pytest.raises(ValidationError, match=missing):
        paper(classes=table)


def test_claims_on_a_table_without_supports_have_no_interval() -> None:
    tables = [README, README | {"experiment": "large", "table": "Table 4"}]
    claim = {"kind": "greater", "metric": "lark_f1", "experiments": ["small", "large"]}
    findings = found(classes=tables, claim=claim)
    assert findings["moon-claims-it"].verdict == "not shown"
    assert not [name for name in findings if name.startswith("supports-")]
