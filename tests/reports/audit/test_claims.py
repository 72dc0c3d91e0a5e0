"""Claims of a paper, tested against its own numbers."""

from typing import Any

import pytest
from invented import Content, class_table, found, outcomes, paper

from common.intervals import newcombe
from reports.audit.claims import ranking
from reports.audit.finding import Finding

METRICS = {
    "accuracy": {"kind": "proportion", "decimals": 3},
    "macro_f1": {"kind": "score", "decimals": 2},
    "lwlrap": {"kind": "score", "decimals": 4},
    "mae": {"kind": "error", "decimals": 3},
}
TWO, THREE = ["small", "large"], ["small", "large", "third"]


def results(metric: str = "accuracy", n: int | None = 1000, **values: float | list[float]) -> Content:
    rows = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    width = len(next(iter(rows.values())))
    return {"columns": [metric] * width, "rows": rows} | ({"n": {metric: n}} if n else {})


def of_classes(experiment: str, *f1: float, sizes: tuple[int, int] = (100, 100)) -> Content:
    rows = [(name, value, value, value, n) for name, value, n in zip(("lark", "owl"), f1, sizes, strict=True)]
    return class_table(rows, round(sum(f1) / 2, 2), experiment=experiment)


def judged(kind: str, experiments: list[str], *tables: Content, metric: str = "accuracy", **fields: Any) -> Finding:
    """Return the finding on one claim; tables that have an accuracy of their own are per-class tables."""
    claim = {"kind": kind, "experiments": experiments, "metric": metric, **fields}
    parts = {"classes": [one for one in tables if "accuracy" in one]}
    parts["results"] = [one for one in tables if "accuracy" not in one]
    return found(metric=METRICS, claim=claim, **parts)["moon-claims-it"]


def interval(finding: Finding) -> tuple[float, float]:
    return finding.numbers["interval.low"], finding.numbers["interval.high"]


@pytest.mark.parametrize(("second", "holds"), [(0.7, True), (0.79, False), (0.85, False)])
def test_greater_needs_a_difference_beyond_its_interval(second: float, holds: bool) -> None:
    finding = judged("greater", TWO, results(small=0.8, large=second))
    assert finding.holds is holds
    assert interval(finding) == pytest.approx(newcombe(0.8, 1000, second, 1000))


@pytest.mark.parametrize(
    ("n", "first", "second", "holds"),
    [
        (10000, 0.8, 0.79, True),
        (10000, 0.8, 0.77, True),
        (1000, 0.8, 0.77, False),
        (1000, 0.77, 0.8, False),
        (40, 0.8, 0.79, False),
        (1000, 0.8, 0.6, False),
    ],
)
def test_similar_needs_a_small_interval(n: int, first: float, second: float, holds: bool) -> None:
    assert judged("similar", TWO, results(n=n, small=first, large=second)).holds is holds


@pytest.mark.parametrize("kind", ["similar", "greater"])
def test_without_a_number_of_items_there_is_no_interval_and_no_support(kind: str) -> None:
    finding = judged(kind, TWO, results(n=None, small=0.8, large=0.8))
    assert not finding.holds
    assert "interval.low" not in finding.numbers


def test_a_claim_on_a_number_that_is_not_published_has_no_support() -> None:
    finding = judged("greater", TWO, results(small=0.8))
    assert (finding.holds, finding.numbers) == (False, {})
    assert "large" in finding.evidence


@pytest.mark.parametrize(("third", "holds"), [(0.7, True), (0.79, False), (0.8, False)])
def test_the_best_must_beat_the_closest(third: float, holds: bool) -> None:
    finding = judged("best", THREE, results(small=0.8, large=0.5, third=third))
    assert finding.holds is holds
    assert finding.numbers["lead.low"] == pytest.approx(0.8 - third)


def test_best_of_one_is_compared_with_all_others() -> None:
    assert not judged("best", ["small"], results(small=0.8, large=0.9)).holds
    assert not judged("best", ["small"], results(small=0.8)).holds


@pytest.mark.parametrize(("experiments", "holds"), [(TWO, True), (TWO[::-1], False)])
def test_smaller_errors_are_better(experiments: list[str], holds: bool) -> None:
    table = results("mae", None, small=[0.50, 0.51, 0.49], large=[0.70, 0.71, 0.69])
    assert judged("greater", experiments, table, metric="mae").holds is holds


@pytest.mark.parametrize(("value", "holds"), [(0.94, True), (0.93, False)])
def test_above_needs_more_than_the_threshold(value: float, holds: bool) -> None:
    finding = judged("above", TWO, results(small=0.95, large=value), threshold=0.93)
    assert finding.holds is holds
    assert finding.numbers["not_above"] == (not holds)


@pytest.mark.parametrize(("value", "certainly_not"), [(0.91, 1), (0.93, 0)])
def test_above_within_rounding_is_not_known(value: float, certainly_not: int) -> None:
    tables = [of_classes(name, one, 0.95, sizes=(150, 50)) for name, one in (("small", 0.95), ("large", value))]
    finding = judged("above", TWO, *tables, metric="lark_f1", threshold=0.93)
    assert not finding.holds
    assert (finding.numbers["above"], finding.numbers["not_above"]) == (1, certainly_not)


def test_a_mean_over_classes_is_as_unsure_as_its_smallest_class() -> None:
    """Of 190 and 10 items the mean of two classes is as sure as of 4 / (1/190 + 1/10) = 38."""
    tables = [of_classes("small", 0.9, 0.7, sizes=(190, 10)), of_classes("large", 0.8, 0.6, sizes=(190, 10))]
    finding = judged("greater", TWO, *tables, metric="macro_f1")
    assert not finding.holds
    assert interval(finding) == pytest.approx(newcombe(0.8, 38, 0.7, 38))
    assert "approximate" not in finding.evidence
    of_unknown_sizes = judged("greater", TWO, results("macro_f1", small=0.8, large=0.7), metric="macro_f1")
    assert "approximate" in of_unknown_sizes.evidence


@pytest.mark.parametrize(("owl", "gained"), [(0.71, 2), (0.7, 1), (0.69, 1)])
def test_each_class_must_have_gained(owl: float, gained: int) -> None:
    finding = judged("each_greater", TWO, of_classes("small", 0.8, owl), of_classes("large", 0.7, 0.7), metric="f1")
    assert (finding.holds, finding.numbers["above"]) == (gained == 2, gained)
    assert ("not owl" in finding.evidence) is (gained < 2)


def test_the_counts_of_a_class_table_narrow_its_accuracy() -> None:
    """0.75 of 200 clips is 149 to 151 hits; recalls of 0.8 and 0.7 of 100 leave 150."""
    numbers = judged("greater", TWO, of_classes("small", 0.8, 0.7), of_classes("large", 0.6, 0.6)).numbers
    assert (numbers["lead.low"], numbers["lead.high"]) == pytest.approx((0.15, 0.15))


def test_a_score_has_at_most_the_interval_of_a_proportion() -> None:
    finding = judged("greater", TWO, results("lwlrap", 500, small=0.7, large=0.6), metric="lwlrap")
    assert interval(finding) == pytest.approx(newcombe(0.7, 500, 0.6, 500))


@pytest.mark.parametrize(
    ("table", "holding"),
    [
        (results(small=0.8, large=0.7), {"moon-claims-it"}),
        # A difference may be certain and small: both sentences are right.
        (results(n=40000, small=0.8, large=0.77), {"moon-claims-it", "moon-claims-other"}),
    ],
)
def test_two_sentences_contradict_each_other_unless_the_numbers_support_both(table: Content, holding: set[str]) -> None:
    claims = [{"kind": "greater", "experiments": TWO}, {"kind": "similar", "experiments": TWO[::-1], "id": "other"}]
    findings = outcomes(found(results=table, claim=claims), "moon-claims")
    assert {name for name, holds in findings.items() if holds} == holding
    assert ("moon-claims-it-and-other" in findings) is (len(holding) == 1)


def test_it_is_noticed_if_neighbours_in_the_order_of_experiments_may_differ_by_chance() -> None:
    assert not list(ranking(paper(results=results(small=0.9, large=0.8, third=0.7))))
    (finding,) = ranking(paper(results=results(small=0.9, large=0.8, third=0.79)))
    assert (finding.kind, finding.numbers["above"], finding.numbers["of"]) == ("remark", 1, 2)


def test_a_claim_is_on_numbers_of_one_split() -> None:
    tested = results(small=0.8, large=0.79) | {"split": "80/20, test"}
    trained = results(small=0.8, large=0.95) | {"id": "t3", "split": "80/20, train"}
    of_small = results(small=0.99) | {"id": "t1", "split": "80/20, train"}
    for tables in ([tested, trained], [of_small, tested]):
        assert judged("greater", TWO[::-1], *tables).numbers["lead.low"] == pytest.approx(-0.01)
