"""Checks of a printed per-class table: every number of it follows from whole counts, or one of them is wrong.

A row gives precision, recall, F1 and support. Its hits k are recall x support, its predictions hits / precision, and F1
is 2k / (support + predictions): three roundings of the same two whole numbers. The table as a whole gives the hits
(accuracy) and the predictions (all items).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from common.published import Published
from common.published.schema import MEANS, SCORES, ClassRow, ClassTable, same_split
from reports.audit.arithmetic import TOLERANCE, attainable, common, counts_of, totals_of
from reports.audit.finding import Finding, Verdict, digits, listed, span

MOST_ITEMS = 20000
"""Above this many items the whole numbers behind a table are too many to go through: only their bounds are used."""


@dataclass(frozen=True)
class Pairs:
    """The whole numbers that may stand behind a row: for each number of hits, how many items were predicted so."""

    row: ClassRow
    predicted: dict[int, range]

    def scores(self, name: str) -> tuple[float, float]:
        """Return the lowest and the highest exact score of this name (precision, recall, f1)."""
        values = [_score(name, k, n, self.row.support) for k, of in self.predicted.items() for n in (of[0], of[-1])]
        return min(values), max(values)


def _score(name: str, hits: int, predicted: int, support: int) -> float:
    of = {"precision": predicted, "recall": support, "f1": (predicted + support) / 2}[name]
    return hits / of if of else 0.0


def pairs_of(row: ClassRow, n: int, step: float) -> Pairs:
    """Return the whole numbers that give a row's recall, precision and F1; none: no clip counts can."""
    found = {}
    for hits in counts_of(row.recall, row.support, step):
        # F1 = 2k / (support + predicted), so support + predicted = k / (F1 / 2): a total of a share of half the step.
        by_f1 = totals_of(row.f1 / 2, hits, step / 2, n + row.support)
        shifted = range(by_f1.start - row.support, by_f1.stop - row.support)
        predicted = common([totals_of(row.precision, hits, step, n), shifted])
        if predicted:
            found[hits] = predicted
    return Pairs(row, found)


class Examined:
    """A per-class table and the whole numbers behind it."""

    def __init__(self, table: ClassTable) -> None:
        self.table = table
        self.step = 10.0**-table.decimals

    @cached_property
    def pairs(self) -> list[Pairs]:
        """The whole numbers behind each row."""
        return [pairs_of(row, self.table.n, self.step) for row in self.table.rows]

    @cached_property
    def hits(self) -> range:
        """The numbers of hits of the whole table for which the predictions can add up to all items; may be empty."""
        if not all(pairs.predicted for pairs in self.pairs):
            return range(0)
        return self._counted() if self.table.n <= MOST_ITEMS else self._bounded()

    def _bounded(self) -> range:
        fewest = sum(min(of[0] for of in pairs.predicted.values()) for pairs in self.pairs)
        most = sum(max(of[-1] for of in pairs.predicted.values()) for pairs in self.pairs)
        if not fewest <= self.table.n <= most:
            return range(0)
        return range(sum(min(p.predicted) for p in self.pairs), sum(max(p.predicted) for p in self.pairs) + 1)

    def _counted(self) -> range:
        """Go through all sums; bit p of `reached[k]` says that k hits and p predictions are possible."""
        reached = {0: 1}
        for pairs in self.pairs:
            after: dict[int, int] = {}
            for total, bits in reached.items():
                for hits, of in pairs.predicted.items():
                    after[total + hits] = after.get(total + hits, 0) | _shifted(bits, of)
            reached = after
        possible = [total for total, bits in reached.items() if bits >> self.table.n & 1]
        return range(min(possible), max(possible) + 1) if possible else range(0)

    def mean(self, mean: str, score: str) -> tuple[float, float]:
        """Return the lowest and highest `macro` or `weighted` mean of a score that the rows allow."""
        step, rows = self.step, self.table.rows
        bounds = [
            pairs.scores(score) if pairs.predicted else (getattr(row, score) - step / 2, getattr(row, score) + step / 2)
            for pairs, row in zip(self.pairs, rows, strict=True)
        ]
        weights = [1 / len(rows) if mean == "macro" else row.support / self.table.n for row in rows]
        low, high = (sum(w * bound[side] for w, bound in zip(weights, bounds, strict=True)) for side in (0, 1))
        return low, high


def _shifted(bits: int, by: range) -> int:
    """Return the union of `bits` shifted left by every number of a range."""
    found, width = bits, 1
    while width < len(by):
        grown = min(width, len(by) - width)
        found |= found << grown
        width += grown
    return found << by.start


def check(published: Published) -> Iterator[Finding]:
    """Examine every per-class table: F1, supports, means, accuracy, whole counts, and the other print of accuracy."""
    for table in published.class_tables:
        examined = Examined(table)
        for name, test in (CHECKS if table.rows else {"support": _supports}).items():
            holds, claim, evidence = test(examined)
            yield Finding(published.study, f"{name}-{table.experiment}", holds, f"{table.table}: {claim}", evidence)
        if table.rows:
            yield from _other_print(published, examined)


def _f1(examined: Examined) -> Verdict:
    """F1 is the harmonic mean of some precision and recall that are printed so."""
    half, wrong = examined.step / 2, []
    for row in examined.table.rows:
        low, high = (_harmonic(row.precision + side, row.recall + side) for side in (-half, half))
        if not low - half - TOLERANCE <= row.f1 <= high + half + TOLERANCE:
            wrong.append(f"{row.name} {digits(row.f1)} but {span(low, high)}")
    rows = f"{len(examined.table.rows)} rows"
    return not wrong, "F1 follows from precision and recall", listed(wrong) or f"{rows} within rounding"


def _harmonic(precision: float, recall: float) -> float:
    precision, recall = max(0.0, min(1.0, precision)), max(0.0, min(1.0, recall))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _supports(examined: Examined) -> Verdict:
    total = sum(row.support for row in examined.table.rows)
    return total == examined.table.n, "the supports add up", f"they add up to {total}, printed {examined.table.n}"


def _means(examined: Examined) -> Verdict:
    half, wrong = examined.step / 2 + TOLERANCE, []
    for mean in MEANS:
        for score in SCORES:
            printed = getattr(getattr(examined.table, mean), score)
            low, high = examined.mean(mean, score)
            if not low - half <= printed <= high + half:
                wrong.append(f"{mean} {score} {digits(printed)} but {span(low, high)}")
    return not wrong, "the means follow from the rows", listed(wrong) or "6 means within rounding"


def _identities(examined: Examined) -> Verdict:
    """The weighted mean of the recalls is the accuracy; with as many items in each class both means are one."""
    table, wrong = examined.table, []
    if abs(table.weighted.recall - table.accuracy) > TOLERANCE:
        wrong.append(f"accuracy {digits(table.accuracy)} but weighted recall {digits(table.weighted.recall)}")
    even = len({row.support for row in table.rows}) == 1
    for score in SCORES if even else ():
        macro, weighted = (getattr(getattr(table, mean), score) for mean in MEANS)
        if abs(macro - weighted) > TOLERANCE:
            wrong.append(f"macro {score} {digits(macro)} but weighted {digits(weighted)}, of equal supports")
    held = "accuracy and weighted recall" + ", macro and weighted means" * even
    return not wrong, "numbers that are one by definition are printed alike", listed(wrong) or held


def _accuracy(examined: Examined) -> Verdict:
    """Accuracy is the sum of the hits, which the recalls give."""
    table, claim = examined.table, "the accuracy follows from the recalls"
    found = attainable([row.recall for row in table.rows], [row.support for row in table.rows], examined.step)
    if found is None:
        whole = [row for row in table.rows if not counts_of(row.recall, row.support, examined.step)]
        return False, claim, listed(f"{row.name}: no k/{row.support} is {digits(row.recall)}" for row in whole)
    holds = bool(common([counts_of(table.accuracy, table.n, examined.step), range(found[0], found[1] + 1)]))
    allowed = f"the recalls allow {span(*found)} hits of {table.n}: {span(found[0] / table.n, found[1] / table.n)}"
    return holds, claim, f"{allowed}; printed {digits(table.accuracy)}"


def _counts(examined: Examined) -> Verdict:
    """Whole numbers of hits and predictions give every row, and the predictions are all items."""
    table, claim = examined.table, "whole counts of hits and predictions give every row, and add up"
    none = [pairs.row for pairs in examined.pairs if not pairs.predicted]
    if none:
        return False, claim, listed(f"{row.name}: no counts give {_scores(row)} of {row.support}" for row in none)
    hits = common([examined.hits, counts_of(table.accuracy, table.n, examined.step)]) if examined.hits else range(0)
    if not hits:
        return False, claim, f"no counts of the {len(table.rows)} rows add up to {table.n} and {digits(table.accuracy)}"
    of_all = span(hits[0] / table.n, hits[-1] / table.n)
    return True, claim, f"{span(hits[0], hits[-1])} hits of {table.n}: {of_all}"


def _scores(row: ClassRow) -> str:
    return f"precision {digits(row.precision)}, recall {digits(row.recall)}, F1 {digits(row.f1)}"


CHECKS = {
    "f1": _f1,
    "support": _supports,
    "means": _means,
    "identities": _identities,
    "accuracy": _accuracy,
    "counts": _counts,
}


def _other_print(published: Published, examined: Examined) -> Iterator[Finding]:
    """Hold the accuracy of another table of the same experiment against the counts of its per-class table."""
    table = examined.table
    results = [other for other in published.result_tables if same_split(other.split, table.split)]
    tables = [other for other in results if "accuracy" in other.columns]
    others = [other for other in tables if table.experiment in other.rows]
    for other in others:
        printed = published.results(other, table.experiment)["accuracy"]
        allowed = examined.hits
        whole = [(value, counts_of(value, table.n, printed.step)) for value in printed.trials]
        shared = [value for value, hits in whole if allowed and hits and common([allowed, hits])]
        value, hits = next((pair for pair in whole if pair[0] in shared), whole[0])
        is_k = f"is {hits[0]}/{table.n}" if hits else f"is no k/{table.n}"
        of_rows = span(allowed[0] / table.n, allowed[-1] / table.n) if allowed else "nothing"
        claim = f"{table.table} and {other.table} are of one evaluation"
        evidence = f"accuracy {digits(value)} {is_k}; the classes allow {of_rows}"
        name = f"two-prints-{table.experiment}" + (f"-{other.id}" if len(others) > 1 else "")
        yield Finding(published.study, name, bool(shared), claim, evidence)
