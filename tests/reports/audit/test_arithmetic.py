from hypothesis import given
from hypothesis import strategies as st

from reports.audit.arithmetic import (
    attainable,
    common,
    counts_of,
    cut_counts_of,
    near,
    shared_sizes,
    totals_of,
)

SHARES = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(SHARES, st.integers(1, 4))
def test_a_printed_share_gives_back_its_count_and_its_total(share: tuple[int, int], decimals: int) -> None:
    (hits, n), step = share, 10.0**-decimals
    rounded = round(hits / n, decimals)
    counts = counts_of(rounded, n, step)
    assert hits in counts
    assert all(abs(count / n - rounded) <= step / 2 + 1e-12 for count in counts)
    assert n in totals_of(rounded, hits, step, 3000)
    assert hits in cut_counts_of(hits * 10**decimals // n / 10**decimals, n, step)


def test_some_shares_are_of_no_count() -> None:
    assert not counts_of(0.6145, 1217, 1e-4)
    assert list(counts_of(0.6146, 1217, 1e-4)) == [748]


def test_exact_halves_may_have_been_rounded_either_way() -> None:
    assert 1 in counts_of(0.12, 8, 0.01)
    assert 1 in counts_of(0.13, 8, 0.01)


def test_a_cut_share_need_not_be_a_rounded_one() -> None:
    assert not counts_of(0.7352, 68, 1e-4)
    assert list(cut_counts_of(0.7352, 68, 1e-4)) == [50]


def test_recalls_bound_the_hits() -> None:
    assert attainable([0.87, 0.77], [30, 30], 0.01) == (49, 49)
    assert attainable([0.88, 0.77], [30, 30], 0.01) is None


def test_ranges_share_what_lies_in_all() -> None:
    assert common([range(3, 9), range(5, 12)]) == range(5, 9)
    assert not common([range(3), range(7, 9)])


def test_the_sizes_of_two_shares_are_those_of_both() -> None:
    assert shared_sizes([0.5, 0.25], 0.01, 10) == [4, 8]


def test_the_shares_next_to_a_number_are_told() -> None:
    assert near(0.6145, 1217) == "747/1217 = 0.613804, 748/1217 = 0.614626"
