from collections.abc import Callable
from typing import Any

import pytest

from common.intervals import newcombe
from common.published import Published
from reports.audit.claims import check, prefix, ranking
from reports.audit.finding import Finding, between

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


@pytest.mark.parametrize(("second", "holds"), [(0.7, True), (0.79, False), (0.85, False)])
def test_greater_asks_for_more_than_chance(second: float, holds: bool, judge: Judge) -> None:
    finding = judge(claim("greater", ["small", "large"]), results(small=0.8, large=second))
    assert finding.holds is holds
    assert between(newcombe(0.8, 1000, second, 1000)) in finding.evidence


@pytest.mark.parametrize(
    ("n", "first", "second", "holds", "told"),
    [
        (10000, 0.8, 0.79, True, ": within ±0.05"),
        (10000, 0.8, 0.77, True, ": within ±0.05"),
        (1000, 0.8, 0.77, False, ": not known: partly outside ±0.05"),
        (1000, 0.77, 0.8, False, ": not known: partly outside ±0.05"),
        (40, 0.8, 0.79, False, ": not known: partly outside ±0.05"),
        (1000, 0.8, 0.6, False, ": outside ±0.05"),
        (1000, 0.6, 0.8, False, ": outside ±0.05"),
    ],
)
def test_similar_asks_that_the_whole_interval_is_small(
    n: int, first: float, second: float, holds: bool, told: str, judge: Judge
) -> None:
    finding = judge(claim("similar", ["small", "large"]), results(n=n, small=first, large=second))
    assert finding.holds is holds
    assert finding.evidence.endswith(told)


def test_similar_is_not_shown_without_an_interval(judge: Judge) -> None:
    finding = judge(claim("similar", ["small", "large"]), results(n=None, small=0.8, large=0.8))
    assert not finding.holds
    assert "no interval" in finding.evidence


def test_without_a_number_of_items_there_is_no_interval(judge: Judge) -> None:
    finding = judge(claim("greater", ["small", "large"]), results(n=None, small=0.8, large=0.2))
    assert not finding.holds
    assert "no interval: neither n nor trials are printed" in finding.evidence


def test_a_claim_on_a_number_that_is_not_printed_has_nothing_to_support_it(judge: Judge) -> None:
    finding = judge(claim("greater", ["small", "large"]), results(small=0.8))
    assert not finding.holds
    assert finding.evidence == "no accuracy is printed for large: nothing supports the claim"


@pytest.mark.parametrize(("third", "holds", "ahead"), [(0.7, True, True), (0.79, False, True), (0.8, False, False)])
def test_best_asks_for_a_lead_beyond_chance(third: float, holds: bool, ahead: bool, judge: Judge) -> None:
    finding = judge(claim("best", ["small", "large", "third"]), results(small=0.8, large=0.5, third=third))
    assert finding.holds is holds
    assert "small 0.8 against third" in finding.evidence
    assert ("ahead, but the lead may be chance" in finding.evidence) is (ahead and not holds)


def test_best_of_one_is_held_against_all_others(judge: Judge) -> None:
    assert not judge(claim("best", ["small"]), results(small=0.8, large=0.9)).holds
    assert not judge(claim("best", ["small"]), results(small=0.8)).holds


def test_smaller_errors_are_better(judge: Judge) -> None:
    table = results("mae", None, small=[0.50, 0.51, 0.49], large=[0.70, 0.71, 0.69])
    assert judge(claim("greater", ["small", "large"], "mae"), table).holds
    assert not judge(claim("greater", ["large", "small"], "mae"), table).holds


@pytest.mark.parametrize(("value", "holds"), [(0.94, True), (0.93, False)])
def test_above_asks_for_more_than_the_threshold(value: float, holds: bool, judge: Judge) -> None:
    finding = judge(claim("above", ["small", "large"], threshold=0.93), results(small=0.95, large=value))
    assert finding.holds is holds
    assert ("not above 0.93: large" in finding.evidence) is not holds


def class_table(experiment: str, *f1: float, sizes: tuple[int, int] = (100, 100)) -> dict[str, Any]:
    head = {"experiment": experiment, "section": "4", "table": "Table 3", "split": "test", "n": 200}
    rows = [[name, value, value, value, n] for name, value, n in zip(("lark", "owl"), f1, sizes, strict=True)]
    mean = round(sum(f1) / 2, 2)
    return {**head, "rows": rows, "accuracy": mean, "macro": [mean] * 3, "weighted": [mean] * 3}


def test_a_mean_over_classes_is_as_unsure_as_its_smallest_class(judge: Judge) -> None:
    """Of 190 and 10 items the mean of two classes is as sure as of 4 / (1/190 + 1/10) = 38."""
    tables = [class_table("small", 0.9, 0.7, sizes=(190, 10)), class_table("large", 0.8, 0.6, sizes=(190, 10))]
    finding = judge(claim("greater", ["small", "large"], "macro_f1"), classes=tables)
    assert not finding.holds
    assert between(newcombe(0.8, 38, 0.7, 38)) in finding.evidence
    assert "indicated" not in finding.evidence


def test_a_mean_over_classes_of_unknown_sizes_has_an_indicated_interval(judge: Judge) -> None:
    table = results("macro_f1", 1000, small=0.8, large=0.7)
    finding = judge(claim("greater", ["small", "large"], "macro_f1"), table)
    assert finding.evidence.endswith("(indicated: the classes' sizes are not printed)")


@pytest.mark.parametrize(("owl", "holds"), [(0.71, True), (0.7, False), (0.69, False)])
def test_each_class_must_have_grown(owl: float, holds: bool, judge: Judge) -> None:
    tables = [class_table("small", 0.8, owl), class_table("large", 0.7, 0.7)]
    finding = judge(claim("each_greater", ["small", "large"], "f1"), classes=tables)
    assert finding.holds is holds
    assert ("not: owl" in finding.evidence) is not holds


def test_the_counts_of_a_class_table_narrow_its_accuracy(judge: Judge) -> None:
    """0.75 of 200 clips is 149 to 151 hits; recalls of 0.8 and 0.7 of 100 leave 150."""
    finding = judge(
        claim("greater", ["small", "large"]), classes=[class_table("small", 0.8, 0.7), class_table("large", 0.6, 0.6)]
    )
    assert "+0.15, 95 %" in finding.evidence


def test_a_score_has_at_most_the_interval_of_a_proportion(judge: Judge) -> None:
    finding = judge(claim("greater", ["small", "large"], "lwlrap"), results("lwlrap", 500, small=0.7, large=0.6))
    assert between(newcombe(0.7, 500, 0.6, 500)) in finding.evidence


def test_two_sentences_that_contradict_each_other_are_found(paper: Callable[..., Published]) -> None:
    claims = [claim("greater", ["small", "large"]), claim("similar", ["large", "small"], id="other")]
    ids = [finding.id for finding in check(paper(results=[results(small=0.8, large=0.7)], claim=claims))]
    assert ids == ["moon-claims-it", "moon-claims-other", "moon-claims-it-and-other"]


def test_a_small_difference_beyond_chance_contradicts_neither_sentence(paper: Callable[..., Published]) -> None:
    claims = [claim("greater", ["small", "large"]), claim("similar", ["large", "small"], id="other")]
    found = {one.id: one.holds for one in check(paper(results=[results(n=40000, small=0.8, large=0.77)], claim=claims))}
    assert found == {"moon-claims-it": True, "moon-claims-other": True}


def test_the_order_of_experiments_is_held_against_chance(paper: Callable[..., Published]) -> None:
    (finding,) = ranking(paper(results=[results(small=0.9, large=0.8, third=0.79)]))
    assert not finding.holds
    assert finding.evidence == "1 of 2 neighbours differ beyond chance: small 0.9 and large 0.8"
    (finding,) = ranking(paper(results=[results(small=0.9, large=0.8, third=0.7)]))
    assert finding.holds


def test_ids_begin_with_the_word_of_their_study() -> None:
    assert [prefix(study) for study in ("ser_parallel", "music_mood_wavenet")] == ["ser", "mood"]


def test_a_claim_is_on_numbers_of_one_split(judge: Judge) -> None:
    tested = results(small=0.8, large=0.79) | {"split": "80/20, test"}
    trained = results(small=0.8, large=0.95) | {"id": "t3", "split": "80/20, train"}
    of_small = results(small=0.99) | {"id": "t1", "split": "80/20, train"}
    for tables in ([tested, trained], [of_small, tested]):
        assert "large 0.79 against small 0.8" in judge(claim("greater", ["large", "small"]), *tables).evidence


@pytest.mark.parametrize(("value", "told"), [(0.91, "not above 0.93: large"), (0.93, "not known: large")])
def test_above_within_rounding_is_not_known(value: float, told: str, judge: Judge) -> None:
    tables = [class_table(name, one, 0.95, sizes=(150, 50)) for name, one in (("small", 0.95), ("large", value))]
    finding = judge(claim("above", ["small", "large"], "lark_f1", threshold=0.93), classes=tables)
    assert not finding.holds
    assert finding.evidence.startswith(told)
