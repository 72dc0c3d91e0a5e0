"""Checks of scores that bind one another: what stands in one row of a result table cannot all be chosen freely.

Whether a document rounds or cuts its digits is not known of a single row, so a published number may be either here.
"""

import math
from collections.abc import Callable, Iterator

from common.intervals import Interval
from common.published import Printed, Published
from common.published.schema import ResultTable
from reports.audit.arithmetic import TOLERANCE, counts_of, cut_counts_of, harmonic
from reports.audit.finding import Finding, Verdict, digits, none_wrong, span
from reports.wording import in_words

Row = dict[str, Printed]

MOST_ITEMS = 10**4
"""Up to this many items every number of positives is tried; beyond, rounding leaves accuracy only its two bounds."""
SENSITIVITY, SPECIFICITY = ("sensitivity", "recall"), "specificity"

DEVIATION = "_std"
"""How the column of the standard deviation of another ends."""

SPREAD, NEAR = 3.0, 1.5
"""Losses within the first factor of one another are of one magnitude. With its decimal point moved, a slipped one is
within the second factor of them."""
NEIGHBOURS = 3
"""So many other losses are needed to say what is usual."""


def check(published: Published) -> Iterator[Finding]:
    """Examine the rows of every result table, and every loss beside the others of its metric."""
    for table in published.result_tables:
        rows = {experiment: published.results(table, experiment) for experiment in table.rows}
        for name, test in CHECKS.items():
            verdict = test(table, rows)
            if verdict is not None:
                yield Finding(published.study, f"{name}-{table.id}", *verdict)
    yield from _magnitudes(published)


def _exact(printed: Printed) -> Interval:
    """Return the lowest and the highest exact value of a published one, rounded or cut."""
    return printed.value - printed.step / 2, printed.value + printed.step


def _may_be(printed: Printed, low: float, high: float) -> bool:
    lowest, highest = _exact(printed)
    return low <= highest + TOLERANCE and lowest <= high + TOLERANCE


def _f1(table: ResultTable, rows: dict[str, Row]) -> Verdict | None:
    """F1 is at most the harmonic mean of precision and recall, and at least their sum - 1.

    So is every mean of it over classes, folds or trials: the harmonic mean is concave, and above the sum - 1 where each
    of the two is a share. Micro means are those of one pair, and F1 is their harmonic mean.
    """
    prefixes = [name.removesuffix("f1") for name in dict.fromkeys(table.columns) if name.endswith("f1")]
    found, wrong = 0, []
    for experiment, row in rows.items():
        for prefix in prefixes:
            precision, recall = (row.get(f"{prefix}{score}") for score in ("precision", "recall"))
            if precision is None or recall is None:
                continue
            found += 1
            low, high = _f1_of(precision, recall, exact=prefix == "micro_")
            if not _may_be(row[f"{prefix}f1"], low, high):
                value = digits(row[f"{prefix}f1"].value)
                wrong.append(f"{experiment} {in_words(prefix + 'f1')} {value} is not in {span(low, high)}")
    claim = f"{table.table}: F1 is possible with precision and recall"
    return none_wrong(claim, wrong, f"{found} rows, within rounding", found) if found else None


def _f1_of(precision: Printed, recall: Printed, *, exact: bool) -> Interval:
    (low_p, high_p), (low_r, high_r) = _exact(precision), _exact(recall)
    low_p, low_r, high_p, high_r = max(0.0, low_p), max(0.0, low_r), min(1.0, high_p), min(1.0, high_r)
    return harmonic(low_p, low_r) if exact else max(0.0, low_p + low_r - 1), harmonic(high_p, high_r)


def _rmse(table: ResultTable, rows: dict[str, Row]) -> Verdict | None:
    """The root of the mean square is at least the mean of absolute errors, of the same items."""
    pairs = [
        (name, f"{name.removesuffix('rmse')}mae") for name in dict.fromkeys(table.columns) if name.endswith("rmse")
    ]
    known = [
        (experiment, row[one], row[other]) for experiment, row in rows.items() for one, other in pairs if other in row
    ]
    wrong = [
        f"{experiment} has RMSE {digits(rmse.value)} and MAE {digits(mae.value)}"
        for experiment, rmse, mae in known
        if _exact(rmse)[1] + TOLERANCE < _exact(mae)[0]
    ]
    claim = f"{table.table}: no RMSE is below the MAE"
    return none_wrong(claim, wrong, f"{len(known)} rows", len(known)) if known else None


def _binary(table: ResultTable, rows: dict[str, Row]) -> Verdict | None:
    """Some numbers of positives and negatives give accuracy, sensitivity and specificity."""
    if table.folds is not None:
        return None  # the share of positives differs from fold to fold
    found, wrong = 0, []
    for experiment, row in rows.items():
        sensitivity = next((row[name] for name in SENSITIVITY if name in row), None)
        if sensitivity is None or not {"accuracy", SPECIFICITY} <= row.keys():
            continue
        found += 1
        scores = (row["accuracy"], sensitivity, row[SPECIFICITY])
        if not binary_possible(*scores):
            names = ("accuracy", "sensitivity", "specificity")
            words = ", ".join(f"{name} {digits(score.value)}" for name, score in zip(names, scores, strict=True))
            of = f" of {scores[0].n} items" if scores[0].n else ""
            wrong.append(f"{experiment}: no numbers of positives and negatives give {words}{of}")
    claim = f"{table.table}: accuracy is possible with sensitivity and specificity"
    return none_wrong(claim, wrong, f"{found} rows", found) if found else None


def binary_possible(accuracy: Printed, sensitivity: Printed, specificity: Printed) -> bool:
    """Return whether p positives and n - p negatives, both at least one, can have these scores."""
    (low_p, high_p), (low_n, high_n) = _exact(sensitivity), _exact(specificity)
    if not _may_be(accuracy, min(low_p, low_n), max(high_p, high_n)):
        return False
    n, trials = accuracy.n, (accuracy.trials, sensitivity.trials, specificity.trials)
    if n is None or n > MOST_ITEMS or max(map(len, trials)) > 1:  # a mean of trials is no share of n
        return True
    return any(_splits(counted, n, accuracy, sensitivity, specificity) for counted in (counts_of, cut_counts_of))


def _splits(
    counted: Callable[[float, int, float], range], n: int, accuracy: Printed, sensitivity: Printed, specificity: Printed
) -> bool:
    right = counted(accuracy.value, n, accuracy.step)
    for positives in range(1, n):
        found = counted(sensitivity.value, positives, sensitivity.step)
        rejected = counted(specificity.value, n - positives, specificity.step)
        if (
            right
            and found
            and rejected
            and found[0] + rejected[0] <= right[-1]
            and right[0] <= found[-1] + rejected[-1]
        ):
            return True
    return False


def _deviations(table: ResultTable, rows: dict[str, Row]) -> Verdict | None:
    """Shares of so many folds can have the published mean and standard deviation."""
    if table.folds is None:
        return None
    known = [
        (experiment, name, row[name], row[f"{name}{DEVIATION}"])
        for experiment, row in rows.items()
        for name in row
        if f"{name}{DEVIATION}" in row and row[name].kind in ("proportion", "score")
    ]
    wrong = [
        f"{experiment} {in_words(name)} {digits(mean.value)} ± {digits(deviation.value)}"
        for experiment, name, mean, deviation in known
        if not deviation_possible(mean, deviation, table.folds)
    ]
    claim = f"{table.table}: {table.folds} folds can have these means and deviations"
    return none_wrong(claim, wrong, f"{len(known)} pairs", len(known)) if known else None


def deviation_possible(mean: Printed, deviation: Printed, folds: int) -> bool:
    """Return whether shares of `folds` folds can have a mean and a standard deviation, by k or by k - 1."""
    low, high = (max(0.0, bound) for bound in _exact(deviation))
    if folds < 2:
        return low <= 0
    # A share is at least its square, so the squares around the mean add up to at most k x mean x (1 - mean).
    nearest = min(max(_exact(mean)[0], 0.5), _exact(mean)[1])
    if low**2 * (folds - 1) > folds * nearest * (1 - nearest) + TOLERANCE:
        return False
    if mean.kind != "proportion" or mean.n is None or mean.n % folds or mean.n > MOST_ITEMS:
        return True
    sums = {*counts_of(mean.value, mean.n, mean.step), *cut_counts_of(mean.value, mean.n, mean.step)}
    size = mean.n // folds
    squares = [(low**2 * by * size**2, high**2 * by * size**2) for by in (folds, folds - 1)]
    return any(_squares_fit(hits, size, folds, bounds) for hits in sums for bounds in squares)


def _squares_fit(hits: int, size: int, folds: int, around: Interval) -> bool:
    """Return whether hits in folds of one size can have squares around their mean that add up to this."""
    each, more = divmod(hits, folds)
    full, rest = divmod(hits, size)
    fewest = folds * each**2 + more * (2 * each + 1)  # as equal as possible
    most = full * size**2 + rest**2  # as unequal as possible
    mean = hits**2 / folds
    first = max(fewest, math.ceil(around[0] + mean - TOLERANCE))
    last = min(most, math.floor(around[1] + mean + TOLERANCE))
    first += (first - hits) % 2  # the sum of squares is even or odd as the sum is
    return first <= last


def _magnitudes(published: Published) -> Iterator[Finding]:
    """Compare every loss with the others of its metric: a slipped decimal point makes it ten times another."""
    rows = [
        (f"{table.table}, {name}", zip(table.columns, row, strict=True))
        for table in published.result_tables
        for name, row in table.rows.items()
    ]
    rows += [
        (f"{search.table}, row {place}", zip(search.columns, row[len(search.space) :], strict=True))
        for search in published.searches
        for place, row in enumerate(search.rows, start=1)
    ]
    cells: dict[str, list[tuple[str, float]]] = {}
    for where, row in rows:
        for column, value in row:
            cells.setdefault(column, []).append((where, value))
    for metric, found in cells.items():
        is_loss = published.metric[metric].kind == "error" and not metric.endswith(DEVIATION)
        if is_loss and len(found) > NEIGHBOURS:
            wrong = [
                f"{where} has {digits(value)}, the others {span(min(others), max(others))}"
                for place, (where, value) in enumerate(found)
                if _slipped(value, others := [other for _, other in found[:place] + found[place + 1 :]])
            ]
            claim = f"every {in_words(metric)} is of the magnitude of the others"
            verdict = none_wrong(claim, wrong, f"{len(found)} numbers", len(found))
            yield Finding(published.study, f"magnitude-{metric}", *verdict)


def _slipped(value: float, others: list[float]) -> bool:
    """Return whether a number is far from others of one magnitude, and near them with the decimal point moved."""
    low, high = min(others), max(others)
    if low <= 0 or high > SPREAD * low or low / SPREAD <= value <= high * SPREAD:
        return False
    return any(low / NEAR <= value * 10.0**places <= high * NEAR for places in (-3, -2, -1, 1, 2, 3))


CHECKS: dict[str, Callable[[ResultTable, dict[str, Row]], Verdict | None]] = {
    "scores-f1": _f1,
    "scores-rmse": _rmse,
    "scores-binary": _binary,
    "deviations": _deviations,
}
