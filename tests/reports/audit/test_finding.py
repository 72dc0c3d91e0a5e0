import pytest

from reports.audit.finding import chance, digits, filled, flat, lead, span


@pytest.mark.parametrize(
    ("value", "written"), [(12162, "12162"), (0.67, "0.67"), (1e-5, "0"), (-0.00001, "0"), (-0.5, "-0.5"), (100, "100")]
)
def test_numbers_are_written_in_plain_digits(value: float, written: str) -> None:
    assert digits(value) == written


def test_a_small_number_keeps_the_decimals_it_is_given() -> None:
    assert digits(1e-5, 8) == "0.00001"


@pytest.mark.parametrize(("p", "written"), [(0.16234, "0.16"), (0.0000014, "0.0000014"), (1.0, "1"), (0.0, "0")])
def test_a_probability_has_two_digits_and_no_exponent(p: float, written: str) -> None:
    assert chance(p) == written


def test_what_lies_between_two_equal_numbers_is_written_once() -> None:
    assert (span(743, 743), span(739, 744)) == ("743", "739 to 744")
    assert (lead(0.01, 0.01), lead(0.01, 0.02)) == ("+0.0100", "+0.0100 to +0.0200")


@pytest.mark.parametrize(
    ("placeholder", "value", "written"),
    [
        ("{x}", 0.67, "0.67"),
        ("{x.y}", 3, "3"),
        ("{x:.1}", 2.14, "2.1"),
        ("{x:+}", 0.03, "+0.0300"),
        ("{x:+.2}", 0.03, "+0.03"),
        ("{x:%}", 428 / 1580, "27.1 %"),
        ("{x:%.0}", 0.94, "94 %"),
        ("{x:p}", 0.0000014, "0.0000014"),
        ("{x}", (1, 2, 3), "1 2 3"),
        ("{x:to}", (1, 2), "1 to 2"),
        ("{x:ci}", (0.1, 0.2), "[+0.1000, +0.2000]"),
        ("{x}", "words", "words"),
    ],
)
def test_placeholders_say_how_a_value_is_written(placeholder: str, value: object, written: str) -> None:
    assert filled(placeholder, {"x": value, "x.y": value}) == written


def test_numbers_are_data_without_words_and_tuples() -> None:
    numbers = {"n": 7, "share": 0.5, "interval": (0.1, 0.2), "rows": (1, 2, 3), "name": "lark"}
    found = {"n": 7, "share": 0.5, "interval.low": 0.1, "interval.high": 0.2, "rows.1": 1, "rows.2": 2, "rows.3": 3}
    assert flat(numbers) == found
