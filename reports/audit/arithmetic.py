"""Arithmetic of published proportions: which whole numbers may stand behind a rounded share.

A share of n items is k/n for a whole k. All that is published of it is a number of steps (0.01, 0.0001, 0.001 for a
percentage with one decimal), so k lies in a range, which is often a single number and sometimes empty. Exact halves may
have been rounded either way; both are possible. Everything is computed in whole numbers, so floats do not matter.
"""

from collections.abc import Iterable, Sequence

TOLERANCE = 1e-9
"""How much two equal decimal numbers may differ as floats."""


def _printed(proportion: float, step: float) -> tuple[int, int]:
    """Return a published proportion as (number of steps, steps in 1)."""
    return round(proportion / step), round(1 / step)


def counts_of(proportion: float, n: int, step: float) -> range:
    """Return the whole numbers k for which k/n rounds to a published proportion.

    Args:
        proportion: as published, as a share of 1.
        n: items.
        step: the unit of the last published digit, as a share of 1.
    """
    steps, whole = _printed(proportion, step)
    low = -((-n * (2 * steps - 1)) // (2 * whole))
    return range(max(0, low), min(n, n * (2 * steps + 1) // (2 * whole)) + 1)


def cut_counts_of(proportion: float, n: int, step: float) -> range:
    """Return the whole numbers k for which k/n, cut after the last published digit, is the published proportion."""
    steps, whole = _printed(proportion, step)
    low = -((-n * steps) // whole)
    high = max(0, -(-n * (steps + 1) // whole) - 1)  # no hits of no items, which is published as 0
    return range(low, min(n, high) + 1)


def totals_of(proportion: float, hits: int, step: float, most: int, *, cut: bool = False) -> range:
    """Return the whole numbers N, hits..most, for which hits/N rounds to a published proportion, or is cut to it.

    No hits mean a published 0: then any N is possible, also 0 (a class that is never predicted).
    """
    steps, whole = _printed(proportion, step)
    if hits == 0:
        return range(most + 1) if 2 * steps <= 1 else range(0)
    if cut:
        first, last = whole * hits // (steps + 1) + 1, whole * hits // steps if steps else most
        return range(max(first, hits), min(last, most) + 1)
    low = -(-2 * whole * hits // (2 * steps + 1))
    high = 2 * whole * hits // (2 * steps - 1) if steps else most
    return range(max(low, hits), min(high, most) + 1)


def near(proportion: float, n: int) -> str:
    """Write the two shares of n next to a proportion that is not one: `747/1217 = 0.6138, 748/1217 = 0.6146`."""
    below = int(proportion * n)
    return ", ".join(f"{k}/{n} = {k / n:.6f}" for k in (below, below + 1) if k <= n)


def attainable(
    proportions: Sequence[float], supports: Sequence[int], step: float, *, cut: bool = False
) -> tuple[int, int] | None:
    """Return the fewest and the most hits that published recalls allow, or None if one of them is no k/support.

    Every number of hits between the two is attainable.
    """
    counted = cut_counts_of if cut else counts_of
    counts = [counted(share, support, step) for share, support in zip(proportions, supports, strict=True)]
    if not all(counts):
        return None
    return sum(count[0] for count in counts), sum(count[-1] for count in counts)


def harmonic(precision: float, recall: float) -> float:
    """Return the harmonic mean of two shares: F1 of a precision and a recall."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def common(ranges: Iterable[range]) -> range:
    """Return what ranges of step 1 share."""
    found = list(ranges)
    return range(max(part.start for part in found), min(part.stop for part in found))


def shared_sizes(proportions: Sequence[float], step: float, most: int, *, cut: bool = False) -> list[int]:
    """Return every n up to `most` of which each of the published proportions is a share, rounded or cut."""
    counted = cut_counts_of if cut else counts_of
    return [n for n in range(1, most + 1) if all(counted(share, n, step) for share in proportions)]
