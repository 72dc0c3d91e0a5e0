import pytest

from common.intervals import Interval
from reports.audit.judge import CONTRADICTED, NOT_SHOWN, SUPPORTED, above, all_greater, greater, similar


@pytest.mark.parametrize(
    ("lead", "verdict"),
    [((0.01, 0.1), SUPPORTED), ((-0.01, 0.1), NOT_SHOWN), ((-0.1, -0.01), CONTRADICTED), (None, NOT_SHOWN)],
)
def test_greater_needs_the_whole_interval(lead: Interval | None, verdict: str) -> None:
    assert greater(lead).verdict == verdict


@pytest.mark.parametrize(
    ("lead", "verdict"),
    [
        ((-0.02, 0.03), SUPPORTED),
        ((0.01, 0.05), SUPPORTED),
        ((-0.02, 0.06), NOT_SHOWN),
        ((-0.5, 0.5), NOT_SHOWN),
        ((0.06, 0.2), CONTRADICTED),
        ((-0.2, -0.06), CONTRADICTED),
        (None, NOT_SHOWN),
    ],
)
def test_similar_needs_the_whole_interval_within_the_resolution(lead: Interval | None, verdict: str) -> None:
    assert similar(lead, 0.05).verdict == verdict


UP, OPEN, DOWN = (0.01, 0.1), (-0.1, 0.1), (-0.1, -0.01)


@pytest.mark.parametrize(
    ("leads", "verdict", "certain"),
    [
        ([UP, UP], SUPPORTED, 2),
        ([UP, OPEN], NOT_SHOWN, 1),
        ([UP, None], NOT_SHOWN, 1),
        ([UP, OPEN, DOWN], CONTRADICTED, 1),
        ([], NOT_SHOWN, 0),
    ],
)
def test_what_is_claimed_of_all_is_as_sure_as_the_weakest(leads: list, verdict: str, certain: int) -> None:
    judged = all_greater(dict(enumerate(leads)))
    assert (judged.verdict, judged.numbers["above"], judged.numbers["of"]) == (verdict, certain, len(leads))


@pytest.mark.parametrize(
    ("value", "verdict"),
    [((0.94, 0.95), SUPPORTED), ((0.92, 0.94), NOT_SHOWN), ((0.93, 0.93), CONTRADICTED), ((0.9, 0.93), CONTRADICTED)],
)
def test_above_needs_every_value_above_the_threshold(value: Interval, verdict: str) -> None:
    assert above({"other": (0.97, 0.98), "one": value}, 0.93).verdict == verdict
