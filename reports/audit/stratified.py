"""Class counts that a stratified split of a known corpus can have.

scikit-learn's `train_test_split(stratify=...)` draws the training set with each class' share rounded down, adds what
is missing to the classes with the largest remainders, at random among equal ones, and holds out the rest.
"""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations

Counts = tuple[int, ...]


def draws(counts: Sequence[int], n: int) -> Iterator[Counts]:
    """Go through the class counts that a stratified draw of n items can have.

    Args:
        counts: items of each class.
        n: how many are drawn, at most all.
    """
    shares = [Fraction(count * n, sum(counts)) for count in counts]
    floors = [math.floor(share) for share in shares]
    missing = n - sum(floors)
    remainders = [share - floor for share, floor in zip(shares, floors, strict=True)]
    certain: list[int] = []
    tied: list[int] = []
    for value in sorted(set(remainders), reverse=True):
        tied = [place for place, remainder in enumerate(remainders) if remainder == value]
        if len(certain) + len(tied) > missing:
            break
        certain += tied
    for chosen in combinations(tied, missing - len(certain)):
        yield tuple(floor + (place in certain or place in chosen) for place, floor in enumerate(floors))


def held_out(counts: Sequence[int], share: Fraction) -> set[Counts]:
    """Return the class counts that a stratified test set of this share (rounded up) can have."""
    n = sum(counts) - math.ceil(share * sum(counts))
    return {tuple(count - part for count, part in zip(counts, drawn, strict=True)) for drawn in draws(counts, n)}


def halved(counts: Sequence[int], share: Fraction) -> set[Counts]:
    """Return the class counts of the test set where this share is held out and then halved (the odd item tests)."""
    return {half for held in held_out(counts, share) for half in held_out(held, Fraction(1, 2))}
