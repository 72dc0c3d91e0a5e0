from collections.abc import Callable
from typing import Any

import pytest

from common.published import Published
from reports.audit.finding import Finding
from reports.audit.results import check


def found(published: Published) -> dict[str, Finding]:
    return {finding.id: finding for finding in check(published)}


def results(rows: dict[str, list[float]], **fields: Any) -> list[dict[str, Any]]:
    table = {"id": "t2", "section": "4", "table": "Table 2", "columns": ["accuracy", "loss"], "n": {"accuracy": 60}}
    return [{**table, "rows": rows, **fields}]


@pytest.mark.parametrize(("accuracy", "holds"), [(0.817, True), (0.816, True), (0.818, False), (0.715, False)])
def test_a_share_must_be_a_whole_number_of_items(accuracy: float, holds: bool, paper: Callable[..., Published]) -> None:
    assert found(paper(results=results({"small": [accuracy, 0.6]})))["proportions-t2"].holds is holds


def test_a_table_is_rounded_or_cut_as_a_whole(paper: Callable[..., Published]) -> None:
    cut = found(paper(results=results({"small": [0.816, 0.6], "large": [0.783, 0.6]})))["proportions-t2"]
    assert cut.holds
    assert "cut after the last digit" in cut.evidence
    mixed = found(paper(results=results({"small": [0.816, 0.6], "large": [0.717, 0.6]})))["proportions-t2"]
    assert not mixed.holds
    assert mixed.numbers == {"wrong": 1, "of": 2}


def test_a_share_of_unknown_size_is_not_judged(paper: Callable[..., Published]) -> None:
    assert "proportions-t2" not in found(paper(results=results({"small": [0.715, 0.6]}, n={})))


@pytest.mark.parametrize(("loss", "holds"), [(0.6, True), (-0.6, False)])
def test_a_loss_is_not_negative(loss: float, holds: bool, paper: Callable[..., Published]) -> None:
    assert found(paper(results=results({"small": [0.8, loss]}, n={})))["range-t2"].holds is holds


@pytest.mark.parametrize(
    ("value", "unit", "n", "holds"),
    [
        (0.783, "", 60, True),
        (0.784, "", 60, False),
        (78.3, "%", 60, True),
        (78.2, "%", 60, False),
        (0.783, "", 50, False),
    ],
)
def test_a_result_in_the_text_is_that_of_the_table(
    value: float, unit: str, n: int, holds: bool, paper: Callable[..., Published]
) -> None:
    result = {"experiment": "small", "metric": "accuracy", "n": n}
    number = {"id": "best", "section": "5", "value": value, "unit": unit, "says": "the best accuracy", "result": result}
    decimals = 1 if unit else 3
    published = paper(results=results({"small": [0.783, 0.6]}), number=[number | {"decimals": decimals}])
    assert found(published)["two-prints-text-best"].holds is holds


def test_a_result_of_a_run_that_no_table_has_is_not_compared_with_them(paper: Callable[..., Published]) -> None:
    result = {"experiment": "small", "metric": "accuracy", "other_run": True}
    number = {"id": "best", "section": "5", "value": 0.9, "decimals": 3, "says": "the best accuracy", "result": result}
    assert "two-prints-text-best" not in found(paper(results=results({"small": [0.783, 0.6]}), number=[number]))


def test_numbers_of_other_splits_are_not_compared_with_each_other(paper: Callable[..., Published]) -> None:
    (first,) = results({"small": [0.783, 0.6]}, split="80/10/10, test")
    trained = {**first, "id": "t5", "rows": {"small": [0.9, 0.2]}, "n": {}, "split": "80/10/10, train"}
    assert not any(name.startswith("two-prints") for name in found(paper(results=[first, trained])))
    of_all = {**trained, "split": "80/10/10"}
    assert not found(paper(results=[first, of_all]))["two-prints-tables-t2-t5"].holds


@pytest.mark.parametrize(("row", "holds"), [([0.01, 0.7], True), ([0.03, 0.7], False)])
def test_a_search_has_the_values_that_it_names(row: list[float], holds: bool, paper: Callable[..., Published]) -> None:
    search = {"experiment": "small", "section": "3", "table": "Table 1", "space": {"rate": [0.001, 0.01]}}
    search |= {"columns": ["loss"], "rows": [[0.001, 0.5], row], "chosen": {"rate": 0.001}}
    finding = found(paper(search=[search]))["search-space-small"]
    assert finding.holds is holds
    assert finding.numbers["others"] == (not holds)


def test_a_result_in_the_text_may_be_one_trial(paper: Callable[..., Published]) -> None:
    table = {"id": "t2", "section": "4", "table": "Table 2", "columns": ["loss", "loss"], "rows": {"small": [0.5, 0.7]}}
    result = {"experiment": "small", "metric": "loss"}
    number = {"id": "best", "section": "5", "value": 0.5, "decimals": 2, "says": "the lowest loss", "result": result}
    assert found(paper(results=[table], number=[number]))["two-prints-text-best"].holds


@pytest.mark.parametrize(
    ("again", "decimals", "holds"),
    [(0.783, 3, True), (0.784, 3, False), (0.78, 2, True), (0.79, 2, False), (0.7834, 4, True), (0.7836, 4, False)],
)
def test_two_tables_print_the_same_number(
    again: float, decimals: int, holds: bool, paper: Callable[..., Published]
) -> None:
    (first,) = results({"small": [0.783, 0.6], "large": [0.8, 0.5]})
    other = {"id": "t5", "table": "Table 5", "columns": ["accuracy"], "rows": {"small": [again]}, "n": {}}
    finding = found(paper(results=[first, {**first, **other, "decimals": {"small": [decimals]}}]))
    finding = finding["two-prints-tables-t2-t5"]
    assert finding.holds is holds
    assert finding.numbers == {"wrong": 1 - holds, "of": 1}


@pytest.mark.parametrize(
    ("again", "holds"), [([0.59, 0.6], True), ([0.6, 0.59], False), ([0.6], True), ([0.62], False)]
)
def test_trials_in_two_tables_are_compared_one_by_one_or_by_their_mean(
    again: list[float], holds: bool, paper: Callable[..., Published]
) -> None:
    tables = [
        {
            "id": f"t{len(row)}-{place}",
            "section": "4",
            "table": "T",
            "columns": ["loss"] * len(row),
            "rows": {"small": row},
        }
        for place, row in enumerate([[0.59, 0.6], again])
    ]
    (finding,) = [one for name, one in found(paper(results=tables)).items() if name.startswith("two-prints")]
    assert finding.holds is holds


def test_tables_of_other_experiments_or_metrics_are_not_compared_with_each_other(
    paper: Callable[..., Published],
) -> None:
    tables = results({"small": [0.783, 0.6]}) + results({"large": [0.8, 0.5]}, id="t5")
    assert not [name for name in found(paper(results=tables)) if name.startswith("two-prints")]


def search(rows: list[list[float]], **fields: Any) -> list[dict[str, Any]]:
    head = {"experiment": "small", "section": "3", "table": "Table 1", "columns": ["loss"], "chosen": {"rate": 0.1}}
    return [{**head, "space": {"rate": [0.01, 0.1, 1.0]}, "rows": rows, **fields}]


ROWS = [[0.01, 0.7], [0.1, 0.5], [1.0, 0.9]]


def test_a_true_search_holds(paper: Callable[..., Published]) -> None:
    assert all(finding.holds for finding in found(paper(search=search(ROWS))).values())


def test_a_chosen_row_that_is_not_the_best_is_found(paper: Callable[..., Published]) -> None:
    finding = found(paper(search=search([[0.01, 0.4], *ROWS[1:]])))["search-best-small"]
    assert not finding.holds
    assert finding.numbers == {"wrong": 1, "of": 1}


def test_a_tie_for_the_best_is_no_error(paper: Callable[..., Published]) -> None:
    assert found(paper(search=search([[0.01, 0.5], *ROWS[1:]])))["search-best-small"].holds


def test_combinations_that_were_not_tried_are_found(paper: Callable[..., Published]) -> None:
    finding = found(paper(search=search(ROWS[:2])))["search-space-small"]
    assert not finding.holds
    assert finding.numbers == {"combinations": 3, "tried": 2, "others": 0}


def test_a_choice_at_the_end_of_the_range_is_found(paper: Callable[..., Published]) -> None:
    assert not found(paper(search=search(ROWS, chosen={"rate": 1.0})))["search-edge-small"].holds


def test_trials_may_stand_with_the_experiments(paper: Callable[..., Published]) -> None:
    experiments = [
        {"id": name, "title": name, "section": "4", "settings": {"rate": rate}}
        for name, rate in (("small", 0.1), ("large", 1.0))
    ]
    table = results({"small": [0.5], "large": [0.7]}, columns=["loss"], n={})
    findings = found(paper(experiment=experiments, results=table, search=search([], columns=[])))
    assert findings["search-best-small"].holds
    assert findings["search-space-small"].numbers["tried"] == 2


def test_a_choice_that_leaves_a_setting_open_is_found(paper: Callable[..., Published]) -> None:
    assert not found(paper(search=search(ROWS, chosen={})))["search-best-small"].holds


@pytest.mark.parametrize(("total", "holds"), [(600, True), (601, False)])
def test_counts_must_add_up(total: int, holds: bool, paper: Callable[..., Published]) -> None:
    counts = {"id": "sets", "section": "2", "table": "text", "items": "clips", "rows": {"train": 540, "test": 60}}
    assert found(paper(counts=[{**counts, "total": total}]))["counts-sets"].holds is holds
