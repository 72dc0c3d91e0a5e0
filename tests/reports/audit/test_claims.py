from collections.abc import Callable
from typing import Any

import pytest

from common.intervals import newcombe
from common.published import Published
from reports.audit.claims import check, prefix, ranking
from reports.audit.finding import Finding

METRICS = {
    "accuracy": {"kind": "proportion", "decimals": 3},
    "macro_f1": {"kind": "score", "decimals": 2},
    "lwlrap": {"kind": "score", "decimals": 4},
    "mae": {"kind": "error", "decimals": 3},
}


def claim(kind: str, experiments: list[str], metric: str = "accuracy", **fields: Any) -> dict[str, Any]:
    head = {"id": "it", "section": "5", "says": "so it is", "kind": kind, "metric": metric}
    return {**head, "experiments": experiments, **fields}


def results(metric: str = "accuracy", n: int | None = 1000, **values: float | list[float]) -> dict[str, Any]:
    rows = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    width = len(next(iter(rows.values())))
    head = {"id": "t2", "section": "4", "table": "Table 2", "columns": [metric] * width, "rows": rows}
    return head | ({"n": {metric: n}} if n else {})


@pytest.fixture
def judge(paper: Callable[..., Published]) -> Callable[..., Finding]:
    def judged(of: dict[str, Any], *tables: dict[str, Any], **parts: Any) -> Finding:
        (finding,) = check(paper(metric=METRICS, results=list(tables), claim=[of], **parts))
        return finding

    return judged


Judge = Callable[..., Finding]


def interval(finding: Finding) -> tuple[float, float]:
    return finding.numbers["interval.low"], finding.numbers["interval.high"]


@pytest.mark.parametrize(("second", "holds"), [(0.7, True), (0.79, False), (0.85, False)])
def test_greater_needs_a_difference_beyond_its_interval(second: float, holds: bool, judge: Judge) -> None:
    finding = judge(claim("greater", ["small", "large"]), results(small=0.8, large=second))
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
def test_similar_needs_a_small_interval(n: int, first: float, second: float, holds: bool, judge: Judge) -> None:
    assert judge(claim("similar", ["small", "large"]), results(n=n, small=first, large=second)).holds is holds


@pytest.mark.parametrize("kind", ["similar", "greater"])
def test_without_a_number_of_items_there_is_no_interval_and_no_support(kind: str, judge: Judge) -> None:
    finding = judge(claim(kind, ["small", "large"]), results(n=None, small=0.8, large=0.8))
    assert not finding.holds
    assert "interval.low" not in finding.numbers


def test_a_claim_on_a_number_that_is_not_published_has_no_support(judge: Judge) -> None:
    finding = judge(claim("greater", ["small", "large"]), results(small=0.8))
    assert (finding.holds, finding.numbers) == (False, {})
    assert "large" in finding.evidence


@pytest.mark.parametrize(("third", "holds"), [(0.7, True), (0.79, False), (0.8, False)])
def test_the_best_must_beat_the_closest(third: float, holds: bool, judge: Judge) -> None:
    finding = judge(claim("best", ["small", "large", "third"]), results(small=0.8, large=0.5, third=third))
    assert finding.holds is holds
    assert finding.numbers["lead.low"] == pytest.approx(0.8 - third)


def test_best_of_one_is_compared_with_all_others(judge: Judge) -> None:
    assert not judge(claim("best", ["small"]), results(small=0.8, large=0.9)).holds
    assert not judge(claim("best", ["small"]), results(small=0.8)).holds


def test_smaller_errors_are_better(judge: Judge) -> None:
    table = results("mae", None, small=[0.50, 0.51, 0.49], large=[0.70, 0.71, 0.69])
    assert judge(claim("greater", ["small", "large"], "mae"), table).holds
    assert not judge(claim("greater", ["large", "small"], "mae"), table).holds


@pytest.mark.parametrize(("value", "holds"), [(0.94, True), (0.93, False)])
def test_above_needs_more_than_the_threshold(value: float, holds: bool, judge: Judge) -> None:
    finding = judge(claim("above", ["small", "large"], threshold=0.93), results(small=0.95, large=value))
    assert finding.holds is holds
    assert finding.numbers["not_above"] == (not holds)


def class_table(experiment: str, *f1: float, sizes: tuple[int, int] = (100, 100)) -> dict[str, Any]:
    head = {"experiment": experiment, "section": "4", "table": "Table 3", "split": "test", "n": 200}
    rows = [[name, value, value, value, n] for name, value, n in zip(("lark", "owl"), f1, sizes, strict=True)]
    mean = round(sum(f1) / 2, 2)
    return {**head, "rows": rows, "accuracy": mean, "macro": [mean] * 3, "weighted": [mean] * 3}


@pytest.mark.parametrize(("value", "certainly_not"), [(0.91, 1), (0.93, 0)])
def test_above_within_rounding_is_not_known(value: float, certainly_not: int, judge: Judge) -> None:
    tables = [class_table(name, one, 0.95, sizes=(150, 50)) for name, one in (("small", 0.95), ("large", value))]
    finding = judge(claim("above", ["small", "large"], "lark_f1", threshold=0.93), classes=tables)
    assert not finding.holds
    assert (finding.numbers["above"], finding.numbers["not_above"]) == (1, certainly_not)


def test_a_mean_over_classes_is_as_unsure_as_its_smallest_class(judge: Judge) -> None:
    """Of 190 and 10 items the mean of two classes is as sure as of 4 / (1/190 + 1/10) = 38."""
    tables = [class_table("small", 0.9, 0.7, sizes=(190, 10)), class_table("large", 0.8, 0.6, sizes=(190, 10))]
    finding = judge(claim("greater", ["small", "large"], "macro_f1"), classes=tables)
    assert not finding.holds
    assert interval(finding) == pytest.approx(newcombe(0.8, 38, 0.7, 38))
    assert "approximate" not in finding.evidence


def test_a_mean_over_classes_of_unknown_sizes_has_an_approximate_interval(judge: Judge) -> None:
    table = results("macro_f1", 1000, small=0.8, large=0.7)
    assert "approximate" in judge(claim("greater", ["small", "large"], "macro_f1"), table).evidence


@pytest.mark.parametrize(("owl", "gained"), [(0.71, 2), (0.7, 1), (0.69, 1)])
def test_each_class_must_have_gained(owl: float, gained: int, judge: Judge) -> None:
    tables = [class_table("small", 0.8, owl), class_table("large", 0.7, 0.7)]
    finding = judge(claim("each_greater", ["small", "large"], "f1"), classes=tables)
    assert (finding.holds, finding.numbers["above"]) == (gained == 2, gained)
    assert ("not owl" in finding.evidence) is (gained < 2)


def test_the_counts_of_a_class_table_narrow_its_accuracy(judge: Judge) -> None:
    """0.75 of 200 clips is 149 to 151 hits; recalls of 0.8 and 0.7 of 100 leave 150."""
    tables = [class_table("small", 0.8, 0.7), class_table("large", 0.6, 0.6)]
    numbers = judge(claim("greater", ["small", "large"]), classes=tables).numbers
    assert (numbers["lead.low"], numbers["lead.high"]) == pytest.approx((0.15, 0.15))


def test_a_score_has_at_most_the_interval_of_a_proportion(judge: Judge) -> None:
    finding = judge(claim("greater", ["small", "large"], "lwlrap"), results("lwlrap", 500, small=0.7, large=0.6))
    assert interval(finding) == pytest.approx(newcombe(0.7, 500, 0.6, 500))


@pytest.mark.parametrize(
    ("table", "holding"),
    [
        (results(small=0.8, large=0.7), {"moon-claims-it"}),
        # A difference may be certain and small: both sentences are right.
        (results(n=40000, small=0.8, large=0.77), {"moon-claims-it", "moon-claims-other"}),
    ],
)
def test_two_sentences_contradict_each_other_unless_the_numbers_support_both(
    table: dict[str, Any], holding: set[str], paper: Callable[..., Published]
) -> None:
    claims = [claim("greater", ["small", "large"]), claim("similar", ["large", "small"], id="other")]
    found = {finding.id: finding.holds for finding in check(paper(results=[table], claim=claims))}
    assert {name for name, holds in found.items() if holds} == holding
    assert ("moon-claims-it-and-other" in found) is (len(holding) == 1)


@pytest.mark.parametrize(("third", "holds", "apart"), [(0.79, False, 1), (0.7, True, 2)])
def test_neighbours_in_the_order_of_experiments_must_differ(
    third: float, holds: bool, apart: int, paper: Callable[..., Published]
) -> None:
    (finding,) = ranking(paper(results=[results(small=0.9, large=0.8, third=third)]))
    assert (finding.holds, finding.numbers["above"], finding.numbers["of"]) == (holds, apart, 2)


def test_ids_begin_with_the_word_of_their_study() -> None:
    assert [prefix(study) for study in ("ser_parallel", "music_mood_wavenet")] == ["ser", "mood"]


def test_a_claim_is_on_numbers_of_one_split(judge: Judge) -> None:
    tested = results(small=0.8, large=0.79) | {"split": "80/20, test"}
    trained = results(small=0.8, large=0.95) | {"id": "t3", "split": "80/20, train"}
    of_small = results(small=0.99) | {"id": "t1", "split": "80/20, train"}
    for tables in ([tested, trained], [of_small, tested]):
        numbers = judge(claim("greater", ["large", "small"]), *tables).numbers
        assert numbers["lead.low"] == pytest.approx(-0.01)
