"""Judges claims by intervals. The audit passes those of the published numbers, the reports those of our runs.

A lead is by how much the first of two is better, as a 95 % interval; None where there is nothing to compute it from.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from common.intervals import Interval
from reports.audit.finding import CONTRADICTED, NOT_SHOWN, SUPPORTED

__all__ = ["CONTRADICTED", "NOT_SHOWN", "SUPPORTED", "Judged", "above", "all_greater", "greater", "similar"]


class Judged(NamedTuple):
    """A verdict, with the numbers that decided it."""

    verdict: str
    numbers: dict[str, Any]


def greater(lead: Interval | None) -> Judged:
    """The first is better than the second: the whole interval lies above 0."""
    return Judged(_beyond(lead, 0.0), _bounds(lead))


def similar(lead: Interval | None, resolution: float) -> Judged:
    """The two differ little: the whole interval lies within plus or minus the resolution."""
    numbers = _bounds(lead) | {"resolution": resolution}
    if lead is None:
        return Judged(NOT_SHOWN, numbers)
    low, high = lead
    if -resolution <= low and high <= resolution:
        return Judged(SUPPORTED, numbers)
    return Judged(CONTRADICTED if low > resolution or high < -resolution else NOT_SHOWN, numbers)


def all_greater(leads: Mapping[str, Interval | None]) -> Judged:
    """Every lead is above 0: the best beats all others, or every class gained."""
    verdicts = [_beyond(lead, 0.0) for lead in leads.values()]
    return Judged(_weakest(verdicts), {"of": len(leads), "above": verdicts.count(SUPPORTED)})


def above(values: Mapping[str, Interval], threshold: float) -> Judged:
    """Every value is above the threshold."""
    verdicts = [_beyond(value, threshold) for value in values.values()]
    numbers = {"threshold": threshold, "of": len(values), "above": verdicts.count(SUPPORTED)}
    return Judged(_weakest(verdicts), numbers | {"not_above": verdicts.count(CONTRADICTED)})


def _beyond(interval: Interval | None, limit: float) -> str:
    if interval is None or interval[0] <= limit < interval[1]:
        return NOT_SHOWN
    return SUPPORTED if interval[0] > limit else CONTRADICTED


def _weakest(verdicts: Iterable[str]) -> str:
    """What is claimed of all is contradicted by one, and open while one is."""
    return min(verdicts, key=(CONTRADICTED, NOT_SHOWN, SUPPORTED).index, default=NOT_SHOWN)


def _bounds(lead: Interval | None) -> dict[str, Any]:
    return {} if lead is None else {"interval": lead}
