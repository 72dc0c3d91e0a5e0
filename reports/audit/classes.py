"""Checks of a per-class table: all its numbers follow from whole counts, or one of them is wrong.

A row gives precision, recall, F1 and support. Its hits k are recall x support, its predictions hits / precision, and F1
is 2k / (support + predictions): three roundings of the same two whole numbers. The table as a whole gives the hits
(accuracy) and the predictions (all items).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from common.published import Published
from common.published.schema import MEANS, SCORES, ClassRow, ClassTable, same_split
from reports.audit.arithmetic import TOLERANCE, attainable, common, counts_of, totals_of
from reports.audit.finding import Finding, Verdict, digits, none_wrong, span
from reports.wording import listed

MOST_HITS = 10**5
"""A row that so many numbers of hits can give says no more by whole numbers than by its decimals."""

MOST_WORDS = 2 * 10**7
"""Where the sums of a table take more words of memory (64 items each), they are not gone through, but bounded."""


@dataclass(frozen=True)
class Pairs:
    """The whole numbers that may stand behind a row: for each number of hits, how many items were predicted so.

    Attributes:
        examined: whether they were gone through; if not, they are too many and `predicted` is empty.
    """

    row: ClassRow
    predicted: dict[int, range]
    examined: bool = True

    def scores(self, name: str) -> tuple[float, float]:
        """Return the lowest and the highest exact score of this name (precision, recall, f1)."""
        values = [_score(name, k, n, self.row.support) for k, of in self.predicted.items() for n in (of[0], of[-1])]
        return min(values), max(values)


def _score(name: str, hits: int, predicted: int, support: int) -> float:
    of = {"precision": predicted, "recall": support, "f1": (predicted + support) / 2}[name]
    return hits / of if of else 0.0


def pairs_of(row: ClassRow, n: int, step: float) -> Pairs:
    """Return the whole numbers that give a row's recall, precision and F1; none: no clip counts can."""
    possible = counts_of(row.recall, row.support, step)
    if len(possible) > MOST_HITS:
        return Pairs(row, {}, examined=False)
    found = {}
    for hits in possible:
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
        if not self.countable:
            recalls, supports = zip(*((row.recall, row.support) for row in self.table.rows), strict=True)
            found = attainable(recalls, supports, self.step)
            return range(found[0], found[1] + 1) if found else range(0)
        if not all(pairs.predicted for pairs in self.pairs):
            return range(0)
        return self._counted() if self._words <= MOST_WORDS else self._bounded()

    @property
    def countable(self) -> bool:
        """Whether the whole numbers behind every row were gone through."""
        return all(pairs.examined for pairs in self.pairs)

    @property
    def _words(self) -> int:
        """How many words of memory `_counted` computes: one for 64 items in each sum of hits."""
        sums = [0, *accumulate(len(pairs.predicted) for pairs in self.pairs)]
        steps = sum((before + 1) * (after - before) for before, after in pairwise(sums))
        return steps * (1 + self.table.n // 64)

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
    """Examine every per-class table: F1, supports, means, accuracy, whole counts, and accuracy in other tables."""
    for table in published.class_tables:
        examined = Examined(table)
        for name, test in (CHECKS if table.rows else {"support": _supports}).items():
            holds, claim, evidence, numbers = test(examined)
            claim = f"{table.table}: {claim}"
            yield Finding(published.study, f"{name}-{table.experiment}", holds, claim, evidence, numbers)
        if table.rows:
            yield from _other_tables(published, examined)


def _f1(examined: Examined) -> Verdict:
    """F1 is the harmonic mean of a precision and a recall that round to the published ones."""
    half, wrong, rows = examined.step / 2, [], examined.table.rows
    for row in rows:
        low, high = (_harmonic(row.precision + side, row.recall + side) for side in (-half, half))
        if not low - half - TOLERANCE <= row.f1 <= high + half + TOLERANCE:
            wrong.append(f"{row.name} has {digits(row.f1)} instead of {span(low, high)}")
    return none_wrong("F1 follows from precision and recall", wrong, f"{len(rows)} rows, within rounding", len(rows))


def _harmonic(precision: float, recall: float) -> float:
    precision, recall = max(0.0, min(1.0, precision)), max(0.0, min(1.0, recall))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _supports(examined: Examined) -> Verdict:
    total, n = sum(row.support for row in examined.table.rows), examined.table.n
    numbers = {"total": total, "published": n}
    return total == n, "the supports add up", f"their sum is {total}, published {n}", numbers


def _means(examined: Examined) -> Verdict:
    half, wrong, means = examined.step / 2 + TOLERANCE, [], [(mean, score) for mean in MEANS for score in SCORES]
    for mean, score in means:
        printed = getattr(getattr(examined.table, mean), score)
        low, high = examined.mean(mean, score)
        if not low - half <= printed <= high + half:
            wrong.append(f"{mean} {score} is {digits(printed)} instead of {span(low, high)}")
    return none_wrong("the means follow from the rows", wrong, f"{len(means)} means, within rounding", len(means))


def _identities(examined: Examined) -> Verdict:
    """The weighted mean of the recalls is the accuracy; with as many items in each class both means are equal."""
    table = examined.table
    pairs = [("accuracy", table.accuracy, "weighted recall", table.weighted.recall)]
    if len({row.support for row in table.rows}) == 1:
        scores = [(score, *(getattr(getattr(table, mean), score) for mean in MEANS)) for score in SCORES]
        pairs += [(f"macro {score}", macro, f"weighted {score}", weighted) for score, macro, weighted in scores]
    wrong = [
        f"{one} {digits(first)} but {other} {digits(second)}"
        for one, first, other, second in pairs
        if abs(first - second) > TOLERANCE
    ]
    right = listed(f"{one} and {other}" for one, _, other, _ in pairs)
    return none_wrong("numbers that are equal by definition are equal", wrong, right, len(pairs))


def _accuracy(examined: Examined) -> Verdict:
    """Accuracy is the sum of the hits, which the recalls give."""
    table, claim = examined.table, "the accuracy follows from the recalls"
    found = attainable([row.recall for row in table.rows], [row.support for row in table.rows], examined.step)
    if found is None:
        wrong = [row for row in table.rows if not counts_of(row.recall, row.support, examined.step)]
        words = [f"{row.name} {digits(row.recall)} is no share of {row.support}" for row in wrong]
        return none_wrong(claim, words, "", len(table.rows))
    holds = bool(common([counts_of(table.accuracy, table.n, examined.step), range(found[0], found[1] + 1)]))
    shares = span(found[0] / table.n, found[1] / table.n)
    evidence = f"the recalls allow {span(*found)} hits of {table.n} ({shares}); published is {digits(table.accuracy)}"
    return holds, claim, evidence, {"hits_low": found[0], "hits_high": found[1], "n": table.n}


def _counts(examined: Examined) -> Verdict:
    """Whole numbers of hits and predictions give every row, and the predictions add up to all items."""
    table, claim = examined.table, "whole numbers of hits and predictions give every row, and add up"
    if not examined.countable:
        return True, claim, "not examined: too many solutions", {"n": table.n}
    none = [pairs.row for pairs in examined.pairs if not pairs.predicted]
    if none:
        return none_wrong(claim, [f"{row.name}: none give {_scores(row)}" for row in none], "", len(table.rows))
    hits = common([examined.hits, counts_of(table.accuracy, table.n, examined.step)]) if examined.hits else range(0)
    if not hits:
        evidence = f"none give all {len(table.rows)} rows, {table.n} items and accuracy {digits(table.accuracy)}"
        return False, claim, evidence, {"n": table.n}
    evidence = f"{span(hits[0], hits[-1])} hits of {table.n} ({span(hits[0] / table.n, hits[-1] / table.n)})"
    return True, claim, evidence, {"hits_low": hits[0], "hits_high": hits[-1], "n": table.n}


def _scores(row: ClassRow) -> str:
    scores = f"precision {digits(row.precision)}, recall {digits(row.recall)}, F1 {digits(row.f1)}"
    return f"{scores} of {row.support}"


CHECKS = {
    "f1": _f1,
    "support": _supports,
    "means": _means,
    "identities": _identities,
    "accuracy": _accuracy,
    "counts": _counts,
}


def _other_tables(published: Published, examined: Examined) -> Iterator[Finding]:
    """Compare the accuracy in other tables of the same experiment with the counts behind its per-class table."""
    table, allowed = examined.table, examined.hits
    others = [
        other
        for other in published.result_tables
        if same_split(other.split, table.split) and "accuracy" in other.columns and table.experiment in other.rows
    ]
    for other in others:
        printed = published.results(other, table.experiment)["accuracy"]
        trials = [(value, counts_of(value, table.n, printed.step)) for value in printed.trials]
        shared = [(value, hits) for value, hits in trials if allowed and hits and common([allowed, hits])]
        value, hits = (shared or trials)[0]
        share = f"{hits[0]}/{table.n}" if hits else f"no share of {table.n}"
        of_rows = span(allowed[0] / table.n, allowed[-1] / table.n) if allowed else "nothing"
        claim = f"{table.table} and {other.table} are of one evaluation"
        evidence = f"accuracy {digits(value)} is {share}; the classes allow {of_rows}"
        name = f"two-prints-{table.experiment}" + (f"-{other.id}" if len(others) > 1 else "")
        numbers = {"accuracy": value, "n": table.n}
        yield Finding(published.study, name, bool(shared), claim, evidence, numbers)
