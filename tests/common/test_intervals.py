import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from common.intervals import (
    CONFIDENCE,
    Z,
    difference_interval,
    mcnemar,
    mean_interval,
    mean_score,
    newcombe,
    paired_difference,
    wilson,
)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_intervals_of_newcombe_1998(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits / n, n) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_newcombe_gives_the_published_intervals_of_method_10(
    first: tuple, second: tuple, low: float, high: float
) -> None:
    interval = newcombe(first[0] / first[1], first[1], second[0] / second[1], second[1])
    assert interval == pytest.approx((low, high), abs=6e-5)


@given(st.integers(0, 200), st.integers(1, 200))
def test_wilson_contains_its_proportion_and_stays_between_0_and_1(hits: int, n: int) -> None:
    proportion = min(hits, n) / n
    low, high = wilson(proportion, n)
    assert 0 <= low <= proportion + 1e-12
    assert proportion - 1e-12 <= high <= 1


@given(st.floats(0, 1), st.integers(1, 500), st.floats(0, 1), st.integers(1, 500))
def test_swapping_the_two_proportions_mirrors_the_interval(one: float, n: int, other: float, m: int) -> None:
    low, high = newcombe(one, n, other, m)
    assert newcombe(other, m, one, n) == pytest.approx((-high, -low))


def test_without_data_on_one_side_the_difference_has_the_widest_interval() -> None:
    low, high = difference_interval(0.5, (0.5, 0.5), 0.5, wilson(0.5, 0))
    assert (low, high) == (-0.5, 0.5)


def test_mcnemar_counts_where_only_one_run_is_right() -> None:
    first = np.array([True] * 10 + [False] * 2 + [True] * 30)
    second = np.array([False] * 10 + [True] * 2 + [True] * 30)
    result = mcnemar(first, second)
    assert (result.only_first, result.only_second) == (10, 2)
    assert result.p == pytest.approx(2 * (1 + 12 + 66) / 4096)
    assert mcnemar(first, first).p == 1.0


def test_the_paired_interval_is_narrower_than_that_of_two_independent_runs() -> None:
    first = np.array([True] * 60 + [False] * 40)
    second = np.array([True] * 50 + [False] * 50)
    low, high = paired_difference(first, second)
    apart_low, apart_high = newcombe(0.6, 100, 0.5, 100)
    assert 0 < low < 0.1 < high
    assert high - low < apart_high - apart_low


def test_the_mean_of_a_few_values_has_students_interval() -> None:
    assert mean_interval([1.0, 2.0, 3.0]) == pytest.approx((-0.4841, 4.4841), abs=1e-4)


def test_a_mean_over_one_group_has_the_interval_of_its_clips() -> None:
    hits = np.array([1, 0, 0] * 10)
    loss, accuracy = (mean_score(hits, groups=["a"] * 30, proportion=proportion) for proportion in (False, True))
    assert loss["interval"] == mean_score(hits)["interval"]
    assert loss["method"] == "bootstrap over clips: 1 group is too few to draw"
    assert accuracy["interval"] == list(wilson(1 / 3, 30))
    assert accuracy["method"] == "Wilson: 1 group is too few to draw"


def test_a_mean_over_groups_of_equal_clips_has_a_wider_interval() -> None:
    values = np.repeat(np.random.default_rng(0).normal(size=12), 20)
    of_clips, of_groups = mean_score(values), mean_score(values, groups=np.repeat(np.arange(12), 20))
    assert of_clips["value"] == of_groups["value"] == pytest.approx(values.mean())
    widths = [score["interval"][1] - score["interval"][0] for score in (of_clips, of_groups)]
    assert widths[1] == pytest.approx(widths[0] * np.sqrt(20), rel=0.15)
    assert of_groups["method"] == "bootstrap over 12 groups"


def test_a_proportion_over_equal_groups_is_not_certain() -> None:
    hits, groups = np.tile([1] * 2 + [0] * 13, 6), np.repeat(np.arange(6), 15)
    low, high = mean_score(hits, groups=groups, proportion=True)["interval"]
    assert low < 0.1 < 2 / 15 < 0.3 < high


def test_two_runs_that_agree_on_every_clip_may_differ_on_others() -> None:
    hits = np.array([True] * 10 + [False] * 10)
    low, high = paired_difference(hits, hits)
    assert (low, high) == pytest.approx((-wilson(0.0, 20)[1], wilson(0.0, 20)[1]))


def test_z_is_the_quantile_of_the_normal_distribution_at_our_confidence() -> None:
    assert stats.norm.ppf(0.5 + CONFIDENCE / 2) == Z
