from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.metrics import classification_report

from common.published import Published
from common.published.schema import ClassTable
from reports.audit import classes
from reports.audit.classes import Examined, check

Table = dict[str, Any]


def printed(cells: list[list[int]], names: list[str]) -> Table:
    """Print a confusion matrix (true classes as rows) as scikit-learn reports it, with two decimals."""
    truths = [true for true, row in enumerate(cells) for count in row for _ in range(count)]
    guesses = [guess for row in cells for guess, count in enumerate(row) for _ in range(count)]
    report = classification_report(truths, guesses, target_names=names, output_dict=True, zero_division=0)
    scores = ("precision", "recall", "f1-score")
    rows = [
        [name, *(round(report[name][score], 2) for score in scores), int(report[name]["support"])] for name in names
    ]
    means = {mean: [round(report[f"{mean} avg"][score], 2) for score in scores] for mean in ("macro", "weighted")}
    head = {"experiment": "small", "section": "4", "table": "Table 3", "split": "test", "n": len(truths)}
    return {**head, "rows": rows, "accuracy": round(report["accuracy"], 2), **means}


@pytest.fixture
def table() -> Table:
    return printed([[41, 9], [14, 86]], ["lark", "owl"])


def verdicts(published: Published) -> dict[str, bool]:
    return {finding.id: finding.holds for finding in check(published)}


ROWS = st.lists(st.integers(0, 40), min_size=3, max_size=3).filter(any)


@given(st.lists(ROWS, min_size=3, max_size=3))
def test_a_table_of_whole_counts_always_holds(cells: list[list[int]]) -> None:
    table = printed(cells, ["lark", "owl", "wren"])
    examined = Examined(ClassTable.model_validate(_strict(table)))
    assert all(test(examined)[0] for test in classes.CHECKS.values())


def _strict(table: Table) -> Table:
    return {**table, "rows": tuple(map(tuple, table["rows"])), **{m: tuple(table[m]) for m in ("macro", "weighted")}}


def test_a_true_table_holds(paper: Callable[..., Published], table: Table) -> None:
    assert verdicts(paper(classes=[table])) == dict.fromkeys(
        ["f1-small", "support-small", "means-small", "identities-small", "accuracy-small", "counts-small"], True
    )


CHANGES: list[tuple[str, Callable[[Table], None]]] = [
    ("f1-small", lambda table: table["rows"][0].__setitem__(3, 0.58)),
    ("f1-small", lambda table: table["rows"][1].__setitem__(1, 0.81)),
    ("support-small", lambda table: table["rows"][0].__setitem__(4, 51)),
    ("means-small", lambda table: table["macro"].__setitem__(0, 0.93)),
    ("means-small", lambda table: table["weighted"].__setitem__(2, 0.75)),
    ("accuracy-small", lambda table: table.__setitem__("accuracy", 0.86)),
    ("accuracy-small", lambda table: table["rows"][0].__setitem__(2, 0.83)),
    ("counts-small", lambda table: table["rows"][0].__setitem__(1, 0.76)),
]


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_one_digit_changed_is_found(
    name: str, change: Callable[[Table], None], paper: Callable[..., Published], table: Table
) -> None:
    change(table)
    assert not verdicts(paper(classes=[table]))[name]


def test_the_recalls_tell_which_accuracies_are_possible(paper: Callable[..., Published], table: Table) -> None:
    table["accuracy"] = 0.86
    (numbers,) = (finding.numbers for finding in check(paper(classes=[table])) if finding.id == "accuracy-small")
    assert numbers == {"hits_low": 127, "hits_high": 127, "n": 150}


def test_precisions_must_share_out_all_items(paper: Callable[..., Published]) -> None:
    """Each row alone is possible; together they predict fewer items than there are."""
    row = ["lark", 1.0, 0.5, 0.67, 50], ["owl", 1.0, 0.5, 0.67, 50]
    head = {"experiment": "small", "section": "4", "table": "Table 3", "split": "test", "n": 100}
    table = {
        **head,
        "rows": [*map(list, row)],
        "accuracy": 0.5,
        "macro": [1.0, 0.5, 0.67],
        "weighted": [1.0, 0.5, 0.67],
    }
    found = verdicts(paper(classes=[table]))
    assert found == {
        "f1-small": True,
        "support-small": True,
        "means-small": True,
        "identities-small": True,
        "accuracy-small": True,
        "counts-small": False,
    }


@pytest.mark.parametrize(("accuracy", "holds"), [(0.847, True), (0.853, False), (0.846, False)])
def test_accuracy_in_another_table_must_be_that_of_the_classes(
    accuracy: float, holds: bool, paper: Callable[..., Published], table: Table
) -> None:
    results = {"id": "t2", "section": "4", "table": "Table 2", "columns": ["accuracy"], "rows": {"small": [accuracy]}}
    assert verdicts(paper(classes=[table], results=[results]))["two-prints-small"] is holds


def test_each_of_two_other_tables_is_compared_with_the_classes(paper: Callable[..., Published], table: Table) -> None:
    head = {"section": "4", "table": "Table 2", "columns": ["accuracy"]}
    others = [{**head, "id": name, "rows": {"small": [value]}} for name, value in (("t2", 0.853), ("t5", 0.847))]
    found = verdicts(paper(classes=[table], results=others))
    assert (found["two-prints-small-t2"], found["two-prints-small-t5"]) == (False, True)


def test_of_large_tables_the_bounds_are_used(monkeypatch: pytest.MonkeyPatch, table: Table) -> None:
    examined = Examined(ClassTable.model_validate(_strict(table)))
    exact = examined.hits
    monkeypatch.setattr(classes, "MOST_ITEMS", 10)
    bounded = Examined(ClassTable.model_validate(_strict(table))).hits
    assert set(exact) <= set(bounded)


def test_a_table_of_no_items_is_refused(paper: Callable[..., Published], table: Table) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        paper(classes=[table | {"n": 0}])


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.__setitem__("accuracy", 0.86),
        lambda table: table["macro"].__setitem__(2, 0.71),
    ],
)
def test_numbers_that_are_equal_by_definition_are_equal(
    change: Callable[[Table], None], paper: Callable[..., Published]
) -> None:
    head = {"experiment": "small", "section": "4", "table": "Table 3", "split": "test", "n": 200}
    rows = [[name, value, value, value, 100] for name, value in (("lark", 0.9), ("owl", 0.8))]
    table = {**head, "rows": rows, "accuracy": 0.85, "macro": [0.85] * 3, "weighted": [0.85] * 3}
    assert verdicts(paper(classes=[table]))["identities-small"]
    change(table)
    finding = next(one for one in check(paper(classes=[table])) if one.id == "identities-small")
    assert (finding.holds, finding.numbers) == (False, {"wrong": 1, "of": 4})


def test_one_of_several_trials_may_be_that_of_the_classes(paper: Callable[..., Published], table: Table) -> None:
    results = {
        "id": "t2",
        "section": "4",
        "table": "Table 2",
        "columns": ["accuracy"] * 2,
        "rows": {"small": [0.847, 0.9]},
    }
    assert verdicts(paper(classes=[table], results=[results]))["two-prints-small"]
