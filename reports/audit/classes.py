"""Checks of a per-class table: all its numbers follow from whole counts, or one of them is wrong.

A row gives precision, recall, F1 and support. Its hits k are recall x support, its predictions hits / precision, and F1
is 2k / (support + predictions): three roundings of the same two whole numbers. The table as a whole gives the hits
(accuracy) and the predictions (all items). Some programs cut digits and do not round them: where only that makes a
table possible, it is read so, and the evidence says it.

Where each number is the mean of several folds, no whole numbers of one evaluation stand behind it. What remains is what
holds for every mean: F1 lies between precision + recall - 1 and their harmonic mean, which is concave.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from common.intervals import Interval
from common.published import Published
from common.published.schema import SCORES, ClassRow, ClassTable, same_split
from reports.audit.arithmetic import TOLERANCE, attainable, common, counts_of, cut_counts_of, harmonic, totals_of
from reports.audit.finding import Finding, Verdict, digits, none_wrong, span
from reports.wording import listed

MOST_HITS = 10**4
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


def pairs_of(row: ClassRow, n: int, step: float, *, cut: bool = False) -> Pairs:
    """Return the whole numbers that give a row's recall, precision and F1; none: no clip counts can."""
    possible = (cut_counts_of if cut else counts_of)(row.recall, row.support, step)
    if len(possible) > MOST_HITS:
        return Pairs(row, {}, examined=False)
    found = {}
    for hits in possible:
        # F1 = 2k / (support + predicted), so support + predicted = k / (F1 / 2): a total of a share of half the step.
        by_f1 = totals_of(row.f1 / 2, hits, step / 2, n + row.support, cut=cut)
        shifted = range(by_f1.start - row.support, by_f1.stop - row.support)
        predicted = common([totals_of(row.precision, hits, step, n, cut=cut), shifted])
        if predicted:
            found[hits] = predicted
    return Pairs(row, found)


class Examined:
    """A per-class table and the whole numbers behind it, its digits rounded or cut."""

    def __init__(self, table: ClassTable, *, cut: bool = False) -> None:
        self.table, self.cut = table, cut
        self.step = 10.0**-table.decimals

    @cached_property
    def pairs(self) -> list[Pairs]:
        """The whole numbers behind each row."""
        return [pairs_of(row, self.table.n, self.step, cut=self.cut) for row in self.table.rows]

    def exact(self, printed: float) -> tuple[float, float]:
        """Return the lowest and the highest exact share of a published one."""
        below, above = (0.0, self.step) if self.cut else (self.step / 2, self.step / 2)
        return max(0.0, printed - below), min(1.0, printed + above)

    def may_be(self, printed: float, low: float, high: float) -> bool:
        """Return whether a published number may be one between two exact numbers."""
        lowest, highest = self.exact(printed)
        return low <= highest + TOLERANCE and lowest <= high + TOLERANCE

    @property
    def attainable(self) -> tuple[int, int] | None:
        """The fewest and the most hits that the recalls allow, or None if one of them is no share of its support."""
        rows = self.table.rows
        return attainable([row.recall for row in rows], [row.support for row in rows], self.step, cut=self.cut)

    @property
    def of_accuracy(self) -> range:
        """The hits that the published accuracy allows."""
        return (cut_counts_of if self.cut else counts_of)(self.table.accuracy, self.table.n, self.step)

    @cached_property
    def hits(self) -> range:
        """The numbers of hits of the whole table for which the predictions can add up to all items; may be empty."""
        if not self.countable:
            found = self.attainable
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
        rows = self.table.rows
        counted = [None] * len(rows) if self.table.averaged else self.pairs
        bounds = [
            pairs.scores(score) if pairs and pairs.predicted else self.exact(getattr(row, score))
            for pairs, row in zip(counted, rows, strict=True)
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
        examined, verdicts = examine(table)
        for name, (holds, claim, evidence, numbers) in verdicts.items():
            yield Finding(
                published.study, f"{name}-{table.experiment}", holds, f"{table.table}: {claim}", evidence, numbers
            )
        if table.rows and not table.averaged:
            yield from _other_tables(published, examined)


def examine(table: ClassTable) -> tuple[Examined, dict[str, Verdict]]:
    """Return a table as its digits are to be read, with the verdict of each check that it has the numbers for."""
    examined = Examined(table)
    verdicts = _verdicts(examined)
    if _all_hold(verdicts) or not table.rows:
        return examined, verdicts
    cut = Examined(table, cut=True)
    of_cut = _verdicts(cut)
    if _all_hold(of_cut):
        return cut, {
            name: _with(verdict, before="cut after the last digit, not rounded: ") for name, verdict in of_cut.items()
        }
    if not table.averaged and _all_hold(_verdicts(Examined(table.model_copy(update={"averaged": "folds"})))):
        after = '; possible as a mean over folds (`averaged = "folds"`)'
        verdicts = {name: verdict if verdict[0] else _with(verdict, after=after) for name, verdict in verdicts.items()}
    return examined, verdicts


def _verdicts(examined: Examined) -> dict[str, Verdict]:
    found = {name: test(examined) for name, test in _checks_of(examined.table).items()}
    return {name: verdict for name, verdict in found.items() if verdict is not None}


def _all_hold(verdicts: Mapping[str, Verdict]) -> bool:
    return all(holds for holds, *_ in verdicts.values())


def _with(verdict: Verdict, *, before: str = "", after: str = "") -> Verdict:
    holds, claim, evidence, numbers = verdict
    return holds, claim, f"{before}{evidence}{after}", numbers


def _f1(examined: Examined) -> Verdict:
    """F1 is the harmonic mean of a precision and a recall that are published as these."""
    wrong, rows = [], examined.table.rows
    for row in rows:
        low, high = _harmonic_of(examined.exact(row.precision), examined.exact(row.recall))
        if examined.table.averaged:
            low = max(0.0, examined.exact(row.precision)[0] + examined.exact(row.recall)[0] - 1)
        if not examined.may_be(row.f1, low, high):
            wrong.append(f"{row.name} has {digits(row.f1)} instead of {span(low, high)}")
    return none_wrong("F1 follows from precision and recall", wrong, f"{len(rows)} rows, within rounding", len(rows))


def _harmonic_of(precision: Interval, recall: Interval) -> Interval:
    low, high = (harmonic(p, r) for p, r in zip(precision, recall, strict=True))
    return low, high


def _supports(examined: Examined) -> Verdict:
    total, n = sum(row.support for row in examined.table.rows), examined.table.n
    numbers = {"total": total, "published": n}
    return total == n, "the supports add up", f"their sum is {total}, published {n}", numbers


def _means(examined: Examined) -> Verdict | None:
    """A mean is that of the rows; a mean of F1 may also be the harmonic mean of the other two."""
    wrong, other, of = [], [], 0
    for mean, line in examined.table.means.items():
        if mean == "weighted" and examined.table.averaged:
            continue  # the weights differ from fold to fold
        bounds = {score: examined.mean(mean, score) for score in SCORES}
        of += len(bounds)
        for score, (low, high) in bounds.items():
            printed = getattr(line, score)
            if examined.may_be(printed, low, high):
                continue
            if score == "f1" and examined.may_be(printed, *_harmonic_of(bounds["precision"], bounds["recall"])):
                other.append(f"{mean} f1 is the harmonic mean of {mean} precision and recall, not the mean of the rows")
            else:
                wrong.append(f"{mean} {score} is {digits(printed)} instead of {span(low, high)}")
    right = "; ".join([f"{of} means, within rounding", *other])
    return none_wrong("the means follow from the rows", wrong, right, of) if of else None


def _identities(examined: Examined) -> Verdict | None:
    """The weighted mean of the recalls is the accuracy; with as many items in each class both means are equal."""
    table = examined.table
    if table.weighted is None:
        return None
    pairs = [("accuracy", table.accuracy, "weighted recall", table.weighted.recall)]
    if len({row.support for row in table.rows}) == 1 and len(table.means) == 2 and not table.averaged:
        scores = [(score, *(getattr(line, score) for line in table.means.values())) for score in SCORES]
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
    found = examined.attainable
    if found is None:
        counted = cut_counts_of if examined.cut else counts_of
        wrong = [row for row in table.rows if not counted(row.recall, row.support, examined.step)]
        words = [f"{row.name} {digits(row.recall)} is no share of {row.support}" for row in wrong]
        return none_wrong(claim, words, "", len(table.rows))
    holds = bool(common([examined.of_accuracy, range(found[0], found[1] + 1)]))
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
    hits = common([examined.hits, examined.of_accuracy]) if examined.hits else range(0)
    if not hits:
        evidence = f"none give all {len(table.rows)} rows, {table.n} items and accuracy {digits(table.accuracy)}"
        return False, claim, evidence, {"n": table.n}
    evidence = f"{span(hits[0], hits[-1])} hits of {table.n} ({span(hits[0] / table.n, hits[-1] / table.n)})"
    return True, claim, evidence, {"hits_low": hits[0], "hits_high": hits[-1], "n": table.n}


def _scores(row: ClassRow) -> str:
    scores = f"precision {digits(row.precision)}, recall {digits(row.recall)}, F1 {digits(row.f1)}"
    return f"{scores} of {row.support}"


CHECKS: dict[str, Callable[[Examined], Verdict | None]] = {
    "f1": _f1,
    "support": _supports,
    "means": _means,
    "identities": _identities,
    "accuracy": _accuracy,
    "counts": _counts,
}
OF_FOLDS = ("f1", "support", "means", "identities")
"""What can be asked of means over folds."""


def _checks_of(table: ClassTable) -> dict[str, Callable[[Examined], Verdict | None]]:
    asked = OF_FOLDS if table.averaged else CHECKS
    return {name: CHECKS[name] for name in (asked if table.rows else ["support"])}


def _other_tables(published: Published, examined: Examined) -> Iterator[Finding]:
    """Compare the accuracy in other tables of the same experiment with the counts behind its per-class table."""
    table, allowed = examined.table, examined.hits
    others = [
        other
        for other in published.result_tables
        if same_split(other.split, table.split) and "accuracy" in other.columns and table.experiment in other.rows
        if other.folds is None
    ]
    for other in others:
        printed = published.results(other, table.experiment)["accuracy"]
        counted = cut_counts_of if examined.cut else counts_of
        trials = [(value, counted(value, table.n, printed.step)) for value in printed.trials]
        shared = [(value, hits) for value, hits in trials if allowed and hits and common([allowed, hits])]
        value, hits = (shared or trials)[0]
        share = f"{hits[0]}/{table.n}" if hits else f"no share of {table.n}"
        of_rows = span(allowed[0] / table.n, allowed[-1] / table.n) if allowed else "nothing"
        claim = f"{table.table} and {other.table} are of one evaluation"
        evidence = f"accuracy {digits(value)} is {share}; the classes allow {of_rows}"
        name = f"two-prints-{table.experiment}" + (f"-{other.id}" if len(others) > 1 else "")
        numbers = {"accuracy": value, "n": table.n}
        yield Finding(published.study, name, bool(shared), claim, evidence, numbers)
