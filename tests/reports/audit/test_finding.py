import pytest

from reports.audit.finding import chance, digits, percent, signed, span


@pytest.mark.parametrize(
    ("value", "written"), [(12162, "12162"), (0.67, "0.67"), (1e-5, "0"), (-0.00001, "0"), (-0.5, "-0.5"), (100, "100")]
)
def test_numbers_are_written_in_plain_digits(value: float, written: str) -> None:
    assert digits(value) == written


def test_a_small_number_keeps_the_decimals_it_is_given() -> None:
    assert digits(1e-5, 8) == "0.00001"


def test_a_difference_has_its_sign() -> None:
    assert (signed(0.03), signed(-0.03)) == ("+0.03", "-0.03")


@pytest.mark.parametrize(("p", "written"), [(0.16234, "0.16"), (0.0000014, "0.0000014"), (1.0, "1"), (0.0, "0")])
def test_a_probability_has_two_digits_and_no_exponent(p: float, written: str) -> None:
    assert chance(p) == written


def test_what_lies_between_two_equal_numbers_is_written_once() -> None:
    assert (span(743, 743), span(739, 744)) == ("743", "739 to 744")


def test_a_share_is_written_in_percent() -> None:
    assert percent(428 / 1580) == "27.1 %"
