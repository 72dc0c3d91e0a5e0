import pytest

from reports.audit.finding import filled, flat, lead


@pytest.mark.parametrize(
    ("placeholder", "value", "written"),
    [
        ("{x}", 0.67, "0.67"),
        ("{x}", 12162, "12162"),
        ("{x}", 1e-5, "0"),
        ("{x}", -0.00001, "0"),
        ("{x}", -0.5, "-0.5"),
        ("{x}", 100, "100"),
        ("{x:.8}", 1e-5, "0.00001"),
        ("{x.y}", 3, "3"),
        ("{x:.1}", 2.14, "2.1"),
        ("{x:+}", 0.03, "+0.0300"),
        ("{x:+.2}", 0.03, "+0.03"),
        ("{x:%}", 428 / 1580, "27.1 %"),
        ("{x:%.0}", 0.94, "94 %"),
        ("{x:p}", 0.0000014, "0.0000014"),
        ("{x:p}", 0.16234, "0.16"),
        ("{x:p}", 1.0, "1"),
        ("{x:p}", 0.0, "0"),
        ("{x}", (1, 2, 3), "1 2 3"),
        ("{x:to}", (739, 744), "739 to 744"),
        ("{x:to}", (743, 743), "743"),
        ("{x:ci}", (0.1, 0.2), "[+0.1000, +0.2000]"),
        ("{x}", "words", "words"),
    ],
)
def test_placeholders_say_how_a_value_is_written(placeholder: str, value: object, written: str) -> None:
    assert filled(placeholder, {"x": value, "x.y": value}) == written


def test_a_lead_between_two_equal_numbers_is_written_once() -> None:
    assert (lead(0.01, 0.01), lead(0.01, 0.02)) == ("+0.0100", "+0.0100 to +0.0200")


def test_numbers_are_data_without_words_and_tuples() -> None:
    numbers = {"n": 7, "share": 0.5, "interval": (0.1, 0.2), "rows": (1, 2, 3), "name": "lark"}
    found = {"n": 7, "share": 0.5, "interval.low": 0.1, "interval.high": 0.2, "rows.1": 1, "rows.2": 2, "rows.3": 3}
    assert flat(numbers) == found
