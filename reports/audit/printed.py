"""Looks up what a finding needs in the published numbers of its study.

The findings of a study are written for its file. Where another file of that study (an excerpt, a draft) lacks a number,
the findings that need it are left out.
"""

from common.published import Published
from common.published.schema import ClassTable, Layer, LayerTable, Search
from reports.audit.arithmetic import counts_of, cut_counts_of
from reports.audit.claims import Value, value_of
from reports.audit.finding import digits

SHARES = ("proportion", "score")


class NotPrintedError(LookupError):
    """A file lacks what a finding needs."""


def number(published: Published, name: str) -> float:
    """Return a number of the text; raises NotPrintedError."""
    try:
        return published.number(name)
    except KeyError:
        raise NotPrintedError(name) from None


def written(published: Published, name: str) -> str:
    """Return a number of the text as the document writes it; raises NotPrintedError."""
    number(published, name)
    found = next(figure for figure in published.figures if figure.id == name)
    return f"{found.value:.{found.decimals}f}"


def hits_of(published: Published, name: str, n: int) -> range:
    """Return the whole numbers that a share in the text is of n items; raises NotPrintedError if there is none."""
    decimals = len(written(published, name).partition(".")[2])
    found = counts_of(number(published, name), n, 10.0**-decimals)
    if not found:
        raise NotPrintedError(name)
    return found


def whole(published: Published, name: str) -> int:
    """Return a number of the text that counts something; raises NotPrintedError, also where it is below 1."""
    found = round(number(published, name))
    if found < 1:
        raise NotPrintedError(name)
    return found


def counts(published: Published, name: str) -> dict[str, int]:
    """Return a printed table of counts; raises NotPrintedError."""
    try:
        return published.counted(name)
    except KeyError:
        raise NotPrintedError(name) from None


def class_table(published: Published, experiment: str) -> ClassTable:
    """Return the per-class table of an experiment; raises NotPrintedError."""
    found = published.table(experiment) if experiment in published.by_id else None
    if found is None:
        raise NotPrintedError(experiment)
    return found


def layer_table(published: Published, name: str) -> LayerTable:
    """Return a layer table by its id; raises NotPrintedError."""
    found = next((table for table in published.layer_tables if table.id == name), None)
    if found is None:
        raise NotPrintedError(name)
    return found


def layer(published: Published, table: str, name: str) -> Layer:
    """Return a row of a layer table by its name; raises NotPrintedError."""
    found = next((row for row in layer_table(published, table).rows if row.name == name), None)
    if found is None:
        raise NotPrintedError(f"{table} {name}")
    return found


def search(published: Published, experiment: str) -> Search:
    """Return the search for an experiment; raises NotPrintedError."""
    found = published.search(experiment)
    if found is None:
        raise NotPrintedError(experiment)
    return found


def value(published: Published, experiment: str, metric: str) -> Value:
    """Return a printed number of an experiment, as exactly as its tables allow.

    Raises:
        NotPrintedError: it is not printed, or is a share outside 0..1 or a time or loss below 0, which shows nothing.
    """
    found = value_of(published, experiment, metric) if experiment in published.by_id else None
    if found is None or found.low < 0 or (found.printed.kind in SHARES and found.high > 1):
        raise NotPrintedError(f"{experiment} {metric}")
    return found


def hits(published: Published, experiment: str, metric: str) -> tuple[range, int]:
    """Return the whole numbers that a printed share is of its items, rounded or else cut, and the items.

    Raises:
        NotPrintedError: it is not printed, or no whole number is that share.
    """
    printed = value(published, experiment, metric).printed
    n = printed.n or 0
    found = counts_of(printed.value, n, printed.step) or cut_counts_of(printed.value, n, printed.step)
    if not n or not found:
        raise NotPrintedError(f"{experiment} {metric}")
    return found, n


def threshold(published: Published, metric: str) -> str:
    """Return what a metric is claimed to be above; raises NotPrintedError."""
    found = [claim.threshold for claim in published.claims if claim.metric == metric and claim.threshold is not None]
    if not found:
        raise NotPrintedError(metric)
    return digits(found[0])
