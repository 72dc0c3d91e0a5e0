"""What an examination of printed numbers finds, and how numbers are written in it."""

from collections.abc import Iterable
from dataclasses import dataclass

from common.intervals import Interval


@dataclass(frozen=True)
class Finding:
    """One claim held against the printed numbers.

    Attributes:
        study: whose document.
        id: of the claim; a check of one table is called after both: `f1-single-cnn`.
        holds: whether the printed numbers bear the claim out.
        claim: a sentence; where it does not hold, its contrary is what the numbers show.
        evidence: the numbers that decide, in plain digits (1588, 0.6145), and how far they decide it.
    """

    study: str
    id: str
    holds: bool
    claim: str
    evidence: str


Verdict = tuple[bool, str, str]
"""Whether a claim holds, the claim, the evidence."""


def digits(value: float, decimals: int = 4) -> str:
    """Write a number in plain digits, without the zeros that end it: 0.67, 1588, -0.0001."""
    text = f"{value:.{decimals}f}"
    short = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if short in ("-0", "") else short


def signed(value: float, decimals: int = 4) -> str:
    """Write a difference in plain digits with its sign: +0.03."""
    text = digits(value, decimals)
    return text if text.startswith("-") else f"+{text}"


def between(interval: Interval, decimals: int = 4) -> str:
    """Write an interval of a difference: [-0.0069, +0.0667]."""
    return f"[{signed(interval[0], decimals)}, {signed(interval[1], decimals)}]"


def chance(p: float) -> str:
    """Write a probability with two digits that count, without an exponent: 0.16, 0.0000042."""
    if p <= 0 or p >= 1:
        return digits(p, 0)
    decimals = 2
    while p * 10**decimals < 10:
        decimals += 1
    return digits(p, decimals)


def listed(words: Iterable[object]) -> str:
    """Join words with commas."""
    return ", ".join(map(str, words))


def spaced(words: Iterable[object]) -> str:
    """Join words, or the numbers of one line, with blanks."""
    return " ".join(map(str, words))


def percent(share: float, decimals: int = 1) -> str:
    """Write a share of 1 in percent: 27.1 %."""
    return f"{digits(100 * share, decimals)} %"


def span(low: float, high: float, decimals: int = 4) -> str:
    """Write what lies between two numbers, once if they are the same: 0.6072 to 0.6113."""
    first, last = digits(low, decimals), digits(high, decimals)
    return first if first == last else f"{first} to {last}"
