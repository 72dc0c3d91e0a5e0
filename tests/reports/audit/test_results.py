"""Checks of result tables, searches, counts and sizes of sets."""

from typing import Any

import pytest
from invented import EMPTY, Content, class_table, found, outcomes
from pydantic import ValidationError

NAMES = ("small", "large")
TRUE = [[0.01, 0.7], [0.1, 0.5], [1.0, 0.9]]
"""Trials of a search: rate and loss."""


def shares(*accuracies: float) -> Content:
    """Accuracies on 60 items, one of each experiment."""
    return {"n": {"accuracy": 60}, "rows": {name: [value] for name, value in zip(NAMES, accuracies, strict=False)}}


def losses(*values: float, **fields: Any) -> Content:
    return {"columns": ["loss"] * len(values), "rows": {"small": list(values)}, **fields}


def search(rows: list[list[float]], **fields: Any) -> Content:
    return {"space": {"rate": [0.01, 0.1, 1.0]}, "rows": rows, "chosen": {"rate": 0.1}, **fields}


def text(value: float, metric: str = "accuracy", **fields: Any) -> Content:
    """A result in the text; `n` and `other_run` are the result's, other fields the number's."""
    own = {name: fields.pop(name) for name in ("n", "other_run") if name in fields}
    return {"value": value, "result": {"experiment": "small", "metric": metric, **own}, **fields}


def counting(value: int, counts: str) -> Content:
    return {"value": value, "decimals": 0, "counts": counts}


def parts(*percentages: float) -> list[Content]:
    """Shares of the clips, in percent."""
    share = {"unit": "%", "decimals": 1, "share_of": "clips"}
    return [{"id": f"share-{place}", "value": value, **share} for place, value in enumerate(percentages)]


SETS = {"rows": {"train": 540, "test": 60}}


def sets(test: int = 60) -> Content:
    return {"data": DATA, "counts": {"rows": {"train": 480, "validation": 60, "test": test}}}


DATA = {"section": "2", "clips": 600, "corpora": {"moon": 600}, "classes": ["lark", "owl"]}
OF_ALL = {"accuracy": {"kind": "proportion", "decimals": 3, "measured_on": "all"}}
TWO_SETTINGS = [
    {"id": name, "title": name, "section": "4", "settings": {"rate": rate}}
    for name, rate in (("small", 0.1), ("large", 1.0))
]

HOLD: list[tuple[str, Content]] = [
    ("proportions-t2", {"results": shares(0.817)}),
    ("proportions-t2", {"results": shares(0.816)}),  # cut after the last digit
    ("proportions-t2", {"results": shares(0.816, 0.783)}),
    ("range-t2", {"results": losses(0.6)}),
    ("two-prints-text-best", {"results": shares(0.783), "number": text(0.783, n=60)}),
    ("two-prints-text-best", {"results": shares(0.783), "number": text(78.3, n=60, unit="%", decimals=1)}),
    ("two-prints-text-best", {"results": losses(0.5, 0.7), "number": text(0.5, "loss", decimals=2)}),  # one trial
    ("search-best-small", {"search": search(TRUE)}),
    ("search-best-small", {"search": search([[0.01, 0.5], *TRUE[1:]])}),  # a tie
    ("counts-sets", {"counts": {"rows": {"train": 540, "test": 60}, "total": 600}}),
    ("sets-sets", sets()),
    ("two-prints-count-best", {"counts": SETS, "number": counting(600, "sets")}),
    ("two-prints-count-best", {"counts": SETS, "number": counting(60, "sets.test")}),
    ("two-prints-count-best", {"results": shares(0.8, 0.7), "number": counting(2, "t2")}),
    ("shares-clips", {"number": parts(62.1, 37.9)}),
    ("shares-clips", {"number": parts(33.4, 33.4, 33.3)}),  # all may have been rounded up
    ("split-shares", {"results": shares(0.8) | {"split": "80/10/10, test"}}),
    ("sizes", {**sets(), "results": shares(0.8) | {"split": "80/10/10, test"}}),
]
FAIL: list[tuple[str, Content, dict[str, float]]] = [
    ("proportions-t2", {"results": shares(0.818)}, {"wrong": 1, "of": 1}),
    ("proportions-t2", {"results": shares(0.715)}, {"wrong": 1, "of": 1}),
    ("proportions-t2", {"results": shares(0.816, 0.717)}, {"wrong": 1, "of": 2}),  # one is cut, the other rounded
    ("range-t2", {"results": losses(-0.6)}, {"wrong": 1, "of": 1}),
    ("two-prints-text-best", {"results": shares(0.783), "number": text(0.784, n=60)}, {"text": 0.784}),
    ("two-prints-text-best", {"results": shares(0.783), "number": text(78.2, n=60, unit="%", decimals=1)}, {}),
    ("two-prints-text-best", {"results": shares(0.783), "number": text(0.783, n=50)}, {"text": 0.783}),
    ("search-best-small", {"search": search([[0.01, 0.4], *TRUE[1:]])}, {"wrong": 1, "of": 1}),
    ("search-best-small", {"search": search(TRUE, chosen={})}, {"wrong": 1, "of": 1}),
    ("search-space-small", {"search": search(TRUE[:2])}, {"combinations": 3, "tried": 2, "others": 0}),
    ("search-space-small", {"search": search([*TRUE, [0.3, 0.7]])}, {"combinations": 3, "tried": 4, "others": 1}),
    ("search-edge-small", {"search": search(TRUE, chosen={"rate": 1.0})}, {"wrong": 1, "of": 1}),
    ("counts-sets", {"counts": {"rows": {"train": 540, "test": 60}, "total": 601}}, {"total": 600, "published": 601}),
    ("sets-sets", sets(80), {"total": 620, "published": 600}),
    ("two-prints-count-best", {"counts": SETS, "number": counting(610, "sets")}, {"text": 610, "counted": 600}),
    ("two-prints-count-best", {"results": shares(0.8), "number": counting(2, "t2")}, {"text": 2, "counted": 1}),
    ("shares-clips", {"number": parts(62.1, 38.9)}, {"of": 2}),
    ("split-shares", {"results": shares(0.8) | {"split": "80/10/20, test"}}, {"wrong": 1, "of": 1}),
    ("sizes", {**sets(), "results": shares(0.8) | {"split": "80/10/10, test", "n": {"accuracy": 61}}}, {"wrong": 1}),
]
SILENT: list[tuple[str, Content]] = [
    ("search-space-small", {"search": search(TRUE)}),
    ("search-edge-small", {"search": search(TRUE)}),
    ("proportions-t2", {"results": shares(0.715) | {"folds": 7}}),  # 60 items are no seven folds of one size
    ("proportions-t2", {"results": shares(0.715) | {"n": {}}}),
    ("two-prints-text-best", {"results": shares(0.783), "number": text(0.9, other_run=True)}),
    *(
        ("sizes", {**sets(), "metric": OF_ALL, "results": shares(0.8) | {"n": {"accuracy": 30}, "split": split}})
        for split in ("90/5/5, test", "80/10/10, train and test", "five folds")
    ),
]


@pytest.mark.parametrize(("name", "parts"), HOLD)
def test_numbers_that_agree_hold(name: str, parts: Content) -> None:
    assert found(**parts)[name].holds


@pytest.mark.parametrize(("name", "parts", "numbers"), FAIL)
def test_numbers_that_do_not_agree_are_found(name: str, parts: Content, numbers: dict[str, float]) -> None:
    finding = found(**parts)[name]
    assert not finding.holds
    assert numbers.items() <= finding.numbers.items()


@pytest.mark.parametrize(("name", "parts"), SILENT)
def test_what_cannot_be_compared_has_no_verdict(name: str, parts: Content) -> None:
    assert name not in found(**parts)


@pytest.mark.parametrize(("name", "value", "possible"), [("r2", -3.2, True), ("mcc", -0.2, True), ("mcc", -1.2, False)])
def test_scores_that_may_be_negative_are_accepted(name: str, value: float, possible: bool) -> None:
    parts: Content = {"metric": EMPTY["metric"] | {name: {"kind": "score", "decimals": 1}}}
    parts["results"] = {"columns": [name], "rows": {"small": [value]}}
    if possible:
        assert found(**parts)["range-t2"].holds
    else:
        with pytest.raises(ValidationError, match="not between -1 and 1"):
            found(**parts)


@pytest.mark.parametrize(
    ("again", "decimals", "holds"),
    [(0.783, 3, True), (0.784, 3, False), (0.78, 2, True), (0.79, 2, False), (0.7834, 4, True), (0.7836, 4, False)],
)
def test_two_tables_print_the_same_number(again: float, decimals: int, holds: bool) -> None:
    other = {"id": "t5", "rows": {"small": [again]}, "decimals": {"small": [decimals]}}
    finding = found(results=[shares(0.783, 0.8), other])["two-prints-tables-t2-t5"]
    assert (finding.holds, finding.numbers) == (holds, {"wrong": 1 - holds, "of": 1})


@pytest.mark.parametrize(
    ("again", "holds"), [([0.59, 0.6], True), ([0.6, 0.59], False), ([0.6], True), ([0.62], False)]
)
def test_trials_in_two_tables_are_compared_one_by_one_or_by_their_mean(again: list[float], holds: bool) -> None:
    findings = found(results=[losses(0.59, 0.6), losses(*again, id="t5")])
    assert findings["two-prints-tables-t2-t5"].holds is holds


@pytest.mark.parametrize(
    ("other", "compared"),
    [
        ({"rows": {"small": [0.9]}, "split": "80/10/10, train"}, False),
        ({"rows": {"small": [0.9]}, "split": "80/10/10"}, True),
        ({"rows": {"large": [0.9]}, "split": "80/10/10, test"}, False),
        ({**losses(0.9), "split": "80/10/10, test"}, False),
    ],
    ids=["another set", "all sets", "another experiment", "another metric"],
)
def test_tables_are_compared_where_they_may_print_the_same_number(other: Content, compared: bool) -> None:
    tables = [shares(0.783) | {"split": "80/10/10, test"}, other | {"id": "t5"}]
    assert ("two-prints-tables-t2-t5" in found(results=tables)) is compared


def test_trials_may_be_in_the_table_of_the_experiments() -> None:
    table = {"columns": ["loss"], "rows": {"small": [0.5], "large": [0.7]}}
    findings = found(experiment=TWO_SETTINGS, results=table, search=search([], columns=[]))
    assert findings["search-best-small"].holds
    assert findings["search-space-small"].numbers["tried"] == 2


@pytest.mark.parametrize(("split", "larks", "holds"), [("test", 30, True), ("test", 31, False), ("other", 31, None)])
def test_tables_of_one_split_have_the_same_supports(split: str, larks: int, holds: bool | None) -> None:
    first = class_table([("lark", 0.79, 0.87, 0.83, 30), ("owl", 0.85, 0.77, 0.81, 30)], 0.82)
    rows = [("lark", 0.79, 0.87, 0.83, larks), ("owl", 0.85, 0.77, 0.81, 60 - larks)]
    other = class_table(rows, 0.82, experiment="large", table="Table 4", split=split)
    findings = outcomes(found(classes=[first, other]), "supports-")
    assert findings == ({} if holds is None else {"supports-small": holds})


def test_a_count_of_nothing_in_the_document_is_refused() -> None:
    with pytest.raises(ValidationError, match="no table or row 'sets'"):
        found(number=counting(600, "sets"))
