"""Looks up what the functions of findings need in the published numbers.

They are written for the file of their document. Where another file of that document (an excerpt, a draft) lacks a
number, `NotPrintedError` leaves the findings that need it out.
"""

from typing import TypeVar

from common.published import Published
from common.published.schema import ClassTable, Layer, LayerTable, Search
from reports.audit.arithmetic import counts_of, cut_counts_of
from reports.audit.claims import Value, value_of

SHARES = ("proportion", "score")
Found = TypeVar("Found")


class NotPrintedError(LookupError):
    """A file lacks what a finding needs."""


def needed(found: Found | None, name: str) -> Found:
    """Return what was looked up; raises NotPrintedError if there is nothing."""
    if found is None:
        raise NotPrintedError(name)
    return found


def number(published: Published, name: str) -> float:
    """Return a number of the text."""
    return needed(next((figure.value for figure in published.figures if figure.id == name), None), name)


def whole(published: Published, name: str) -> int:
    """Return a number of the text that counts something, so it is not below 1."""
    found = round(number(published, name))
    return needed(found if found >= 1 else None, name)


def counts(published: Published, name: str) -> dict[str, int]:
    """Return a table of counts."""
    return needed(next((table.rows for table in published.counts if table.id == name), None), name)


def class_table(published: Published, experiment: str) -> ClassTable:
    """Return the per-class table of an experiment."""
    return needed(published.table(experiment), experiment)


def layer_table(published: Published, name: str) -> LayerTable:
    """Return a layer table by its id."""
    return needed(next((table for table in published.layer_tables if table.id == name), None), name)


def layer(published: Published, table: str, name: str) -> Layer:
    """Return a row of a layer table by its name."""
    return needed(next((row for row in layer_table(published, table).rows if row.name == name), None), name)


def search(published: Published, experiment: str) -> Search:
    """Return the search for an experiment."""
    return needed(published.search(experiment), experiment)


def value(published: Published, experiment: str, metric: str) -> Value:
    """Return a number of an experiment, as exactly as its tables allow.

    A share outside 0..1 or a time or loss below 0 shows nothing, and counts as not published.
    """
    found = needed(value_of(published, experiment, metric) if experiment in published.by_id else None, metric)
    possible = found.low >= 0 and (found.printed.kind not in SHARES or found.high <= 1)
    return needed(found if possible else None, f"{experiment} {metric}")


def hits(published: Published, experiment: str, metric: str) -> tuple[range, int]:
    """Return the whole numbers of hits that give a published share, rounded or else cut, and the number of items."""
    printed = value(published, experiment, metric).printed
    n = needed(printed.n, metric)
    found = counts_of(printed.value, n, printed.step) or cut_counts_of(printed.value, n, printed.step)
    return needed(found or None, metric), n
