from collections.abc import Callable
from typing import Any

import pytest

from common.published import Published
from reports.audit.finding import Finding
from reports.audit.sizes import check


def found(published: Published) -> dict[str, Finding]:
    return {finding.id: finding for finding in check(published)}


def sets(**rows: int) -> list[dict[str, Any]]:
    return [{"id": "split", "section": "2", "table": "text", "items": "clips", "rows": rows}]


def results(n: int, split: str = "80/10/10, test") -> list[dict[str, Any]]:
    head = {"id": "t2", "section": "4", "table": "Table 2", "split": split, "columns": ["accuracy"]}
    return [{**head, "n": {"accuracy": n}, "rows": {"small": [0.8]}}]


DATA = {"section": "2", "clips": 600, "corpora": {"moon": 600}, "classes": ["lark", "owl"]}


@pytest.mark.parametrize(("test", "holds"), [(60, True), (80, False)])
def test_the_sets_are_all_items(test: int, holds: bool, paper: Callable[..., Published]) -> None:
    finding = found(paper(data=DATA, counts=sets(train=480, validation=60, test=test)))["sets-split"]
    assert finding.holds is holds
    assert finding.numbers == {"total": 540 + test, "published": 600}


@pytest.mark.parametrize(("n", "holds"), [(60, True), (61, False)])
def test_a_table_has_the_items_of_its_set(n: int, holds: bool, paper: Callable[..., Published]) -> None:
    published = paper(data=DATA, counts=sets(train=480, validation=60, test=60), results=results(n))
    assert found(published)["sizes"].holds is holds


@pytest.mark.parametrize("split", ["90/5/5, test", "80/10/10, train and test", "five folds"])
def test_a_table_of_another_split_is_left_alone(split: str, paper: Callable[..., Published]) -> None:
    metric = {"accuracy": {"kind": "proportion", "decimals": 3, "measured_on": "all"}}
    published = paper(
        data=DATA, counts=sets(train=480, validation=60, test=60), results=results(30, split), metric=metric
    )
    assert "sizes" not in found(published)
