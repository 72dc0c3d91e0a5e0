"""Checks of a per-class table: all its numbers follow from whole counts, or one of them is wrong.

A row gives precision, recall, F1 and support. Its hits k are recall x support, its predictions hits / precision, and F1
is 2k / (support + predictions): three roundings of the same two whole numbers. The table as a whole gives the hits
(accuracy) and the predictions (all items). Some programs cut digits and do not round them: where only that makes a
table possible, it is read so, and the evidence says it.

Where each number is the mean of several folds, no whole numbers of one evaluation stand behind it. What remains is what
holds for every mean: F1 lies between precision + recall - 1 and their harmonic mean, which is concave.

Where no supports are printed, F1 still follows from precision and recall, and every overall score is some mean of the
rows: the accuracy one of the recalls, weighted by supports that nobody knows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from common.intervals import Interval
from common.published import Printed, Published
from common.published.schema import MEANS, SCORES, ClassRow, ClassTable, Counted, ResultTable, same_split
from reports.audit.arithmetic import TOLERANCE, attainable, common, counts_of, cut_counts_of, harmonic, totals_of
from reports.audit.finding import Finding, Verdict, digits, none_wrong, span
from reports.wording import in_words, listed

MOST_HITS = 10**4
"""A row that so many numbers of hits can give says no more by whole numbers than by its decimals."""

MOST_WORDS = 2 * 10**7
"""Where the sums of a table take more words of memory (64 items each), they are not gone through, but bounded."""


@dataclass(frozen=True)
class Pairs:
    """The whole numbers that may stand behind a row: for each number of hits, how many items were predicted so.

    Attributes:
        support: items of the class.
        examined: whether they were gone through; if not, they are too many and `predicted` is empty.
    """

    row: ClassRow
    support: int
    predicted: dict[int, range]
    examined: bool = True

    def scores(self, name: str) -> tuple[float, float]:
        """Return the lowest and the highest exact score of this name (precision, recall, f1)."""
        values = [_score(name, k, n, self.support) for k, of in self.predicted.items() for n in (of[0], of[-1])]
        return min(values), max(values)


def _score(name: str, hits: int, predicted: int, support: int) -> float:
    of = {"precision": predicted, "recall": support, "f1": (predicted + support) / 2}[name]
    return hits / of if of else 0.0


def pairs_of(row: ClassRow, support: int, n: int, step: float, *, cut: bool = False) -> Pairs:
    """Return the whole numbers that give a row's recall, precision and F1; none: no clip counts can."""
    possible = (cut_counts_of if cut else counts_of)(row.recall, support, step)
    if len(possible) > MOST_HITS:
        return Pairs(row, support, {}, examined=False)
    found = {}
    for hits in possible:
        # F1 = 2k / (support + predicted), so support + predicted = k / (F1 / 2): a total of a share of half the step.
        by_f1 = totals_of(row.f1 / 2, hits, step / 2, n + support, cut=cut)
        shifted = range(by_f1.start - support, by_f1.stop - support)
        predicted = common([totals_of(row.precision, hits, step, n, cut=cut), shifted])
        if predicted:
            found[hits] = predicted
    return Pairs(row, support, found)


class Examined:
    """A per-class table and the whole numbers behind it, its digits rounded or cut.

    Only a table with supports has whole numbers (`pairs`, `attainable`, `of_accuracy`, `hits`).
    """

    def __init__(self, table: ClassTable, *, cut: bool = False) -> None:
        self.table, self.cut = table, cut
        self.step = 10.0**-table.decimals

    @property
    def counted(self) -> Counted:
        """The items behind the table."""
        counted = self.table.counted
        assert counted is not None  # no check that needs them is asked of a table without
        return counted

    @cached_property
    def pairs(self) -> list[Pairs]:
        """The whole numbers behind each row."""
        n, supports, _ = self.counted
        rows = zip(self.table.rows, supports, strict=True)
        return [pairs_of(row, support, n, self.step, cut=self.cut) for row, support in rows]

    def exact(self, printed: float, step: float | None = None) -> Interval:
        """Return the lowest and the highest exact share of a published one; `step` if it has other digits."""
        unit = self.step if step is None else step
        below, above = (0.0, unit) if self.cut else (unit / 2, unit / 2)
        return max(0.0, printed - below), min(1.0, printed + above)

    def may_be(self, printed: float, low: float, high: float, step: float | None = None) -> bool:
        """Return whether a published number may be one between two exact numbers."""
        lowest, highest = self.exact(printed, step)
        return low <= highest + TOLERANCE and lowest <= high + TOLERANCE

    @property
    def attainable(self) -> tuple[int, int] | None:
        """The fewest and the most hits that the recalls allow, or None if one of them is no share of its support."""
        return attainable([row.recall for row in self.table.rows], self.counted.supports, self.step, cut=self.cut)

    @property
    def of_accuracy(self) -> range:
        """The hits that the published accuracy allows."""
        return (cut_counts_of if self.cut else counts_of)(self.counted.accuracy, self.counted.n, self.step)

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
        return steps * (1 + self.counted.n // 64)

    def _bounded(self) -> range:
        fewest = sum(min(of[0] for of in pairs.predicted.values()) for pairs in self.pairs)
        most = sum(max(of[-1] for of in pairs.predicted.values()) for pairs in self.pairs)
        if not fewest <= self.counted.n <= most:
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
        possible = [total for total, bits in reached.items() if bits >> self.counted.n & 1]
        return range(min(possible), max(possible) + 1) if possible else range(0)

    def mean(self, mean: str, score: str) -> Interval:
        """Return the lowest and highest mean of a score that the rows allow; weights that nothing says may be any."""
        bounds, weights = self._bounds(score), self._weights(mean)
        if weights is None:
            return min(low for low, _ in bounds), max(high for _, high in bounds)
        low, high = (sum(w * bound[side] for w, bound in zip(weights, bounds, strict=True)) for side in (0, 1))
        return low, high

    def _bounds(self, score: str) -> list[Interval]:
        """Return the lowest and the highest exact score of each row."""
        rows, uncounted = self.table.rows, self.table.averaged or self.table.counted is None
        return [
            pairs.scores(score) if pairs and pairs.predicted else self.exact(getattr(row, score))
            for pairs, row in zip([None] * len(rows) if uncounted else self.pairs, rows, strict=True)
        ]

    def _weights(self, mean: str) -> list[float] | None:
        if mean == "macro":
            return [1 / len(self.table.rows)] * len(self.table.rows)
        if mean != "weighted" or self.table.counted is None:
            return None
        return [support / self.counted.n for support in self.counted.supports]

    def allowed(self, metric: str) -> Interval | None:
        """Return between what an overall score of this name is; None where the rows do not say.

        The accuracy is a mean of the recalls. A score without a word before it may be any mean of the rows. So may a
        micro mean, which has weights of its own.
        """
        mean, _, score = ("", "", "recall") if metric == "accuracy" else metric.rpartition("_")
        if score not in SCORES or mean not in ("", "micro", *MEANS):
            return None
        low, high = self.mean(mean, score)
        return (low, max(high, self._halves(mean))) if score == "f1" else (low, high)

    def _halves(self, mean: str) -> float:
        """Return the highest mean of (precision + recall) / 2.

        Some programs compute F1 from mean precision and mean recall. That is not below the mean of the rows' F1, since
        harmonic means are concave, and not above the plain mean of the two.
        """
        highs = [(p + r) / 2 for (_, p), (_, r) in zip(self._bounds("precision"), self._bounds("recall"), strict=True)]
        weights = self._weights(mean)
        return max(highs) if weights is None else sum(w * high for w, high in zip(weights, highs, strict=True))


def _shifted(bits: int, by: range) -> int:
    """Return the union of `bits` shifted left by every number of a range."""
    found, width = bits, 1
    while width < len(by):
        grown = min(width, len(by) - width)
        found |= found << grown
        width += grown
    return found << by.start


def check(published: Published) -> Iterator[Finding]:
    """Examine every per-class table: F1, supports, means, accuracy, whole counts, and scores in other tables."""
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
    total, n = sum(examined.counted.supports), examined.counted.n
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
    table, counted = examined.table, examined.counted
    if table.weighted is None:
        return None
    pairs = [("accuracy", counted.accuracy, "weighted recall", table.weighted.recall)]
    if len(set(counted.supports)) == 1 and len(table.means) == 2 and not table.averaged:
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
    (n, supports, accuracy), claim = examined.counted, "the accuracy follows from the recalls"
    found = examined.attainable
    if found is None:
        counted = cut_counts_of if examined.cut else counts_of
        words = [
            f"{row.name} {digits(row.recall)} is no share of {support}"
            for row, support in zip(examined.table.rows, supports, strict=True)
            if not counted(row.recall, support, examined.step)
        ]
        return none_wrong(claim, words, "", len(supports))
    holds = bool(common([examined.of_accuracy, range(found[0], found[1] + 1)]))
    shares = span(found[0] / n, found[1] / n)
    evidence = f"the recalls allow {span(*found)} hits of {n} ({shares}); published is {digits(accuracy)}"
    return holds, claim, evidence, {"hits_low": found[0], "hits_high": found[1], "n": n}


def _counts(examined: Examined) -> Verdict:
    """Whole numbers of hits and predictions give every row, and the predictions add up to all items."""
    (n, supports, accuracy), claim = (
        examined.counted,
        "whole numbers of hits and predictions give every row, and add up",
    )
    if not examined.countable:
        return True, claim, "not examined: too many solutions", {"n": n}
    none = [pairs.row for pairs in examined.pairs if not pairs.predicted]
    if none:
        return none_wrong(claim, [f"{row.name}: none give {_scores(row)}" for row in none], "", len(supports))
    hits = common([examined.hits, examined.of_accuracy]) if examined.hits else range(0)
    if not hits:
        evidence = f"none give all {len(supports)} rows, {n} items and accuracy {digits(accuracy)}"
        return False, claim, evidence, {"n": n}
    evidence = f"{span(hits[0], hits[-1])} hits of {n} ({span(hits[0] / n, hits[-1] / n)})"
    return True, claim, evidence, {"hits_low": hits[0], "hits_high": hits[-1], "n": n}


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
OF_SCORES = ("f1", "means")
"""What can be asked of a table without supports."""


def _checks_of(table: ClassTable) -> dict[str, Callable[[Examined], Verdict | None]]:
    asked = OF_FOLDS if table.averaged else CHECKS
    known = CHECKS if table.counted else OF_SCORES
    return {name: CHECKS[name] for name in (asked if table.rows else ["support"]) if name in known}


def _other_tables(published: Published, examined: Examined) -> Iterator[Finding]:
    """Compare what other tables have of the same experiment with the rows of its per-class table."""
    table = examined.table
    others = [
        other
        for other in published.result_tables
        if same_split(other.split, table.split) and table.experiment in other.rows and other.folds is None
    ]
    with_accuracy = [other for other in others if "accuracy" in other.columns]
    for other in with_accuracy if table.counted else []:
        name = f"two-prints-{table.experiment}" + (f"-{other.id}" if len(with_accuracy) > 1 else "")
        yield Finding(published.study, name, *_same_accuracy(published, examined, other))
    for other in others:
        verdict = _same_scores(published, examined, other)
        if verdict is not None:
            name = f"two-prints-scores-{table.experiment}-{other.id}"
            yield Finding(published.study, name, *verdict)


def _same_accuracy(published: Published, examined: Examined, other: ResultTable) -> Verdict:
    """The accuracy of another table, or a trial of it, is one that the counts behind the rows allow."""
    table, allowed, n = examined.table, examined.hits, examined.counted.n
    printed = published.results(other, table.experiment)["accuracy"]
    counted = cut_counts_of if examined.cut else counts_of
    trials = [(value, counted(value, n, printed.step)) for value in printed.trials]
    shared = [(value, hits) for value, hits in trials if allowed and hits and common([allowed, hits])]
    value, hits = (shared or trials)[0]
    share = f"{hits[0]}/{n}" if hits else f"no share of {n}"
    of_rows = span(allowed[0] / n, allowed[-1] / n) if allowed else "nothing"
    evidence = f"accuracy {digits(value)} is {share}; the classes allow {of_rows}"
    return bool(shared), _of_one(table, other), evidence, {"accuracy": value, "n": n}


def _of_one(table: ClassTable, other: ResultTable) -> str:
    return f"{table.table} and {other.table} are of one evaluation"


def _same_scores(published: Published, examined: Examined, other: ResultTable) -> Verdict | None:
    """The scores of another table lie where the rows allow; the accuracy too where no counts decide on it."""
    table = examined.table
    scores = {
        name: printed
        for name, printed in published.results(other, table.experiment).items()
        if examined.allowed(name) and not (table.counted and name == "accuracy")
    }
    if not scores:
        return None
    # A table without supports seldom shows whether its digits are cut.
    readings = [examined] if examined.cut else [examined, Examined(table, cut=True)]
    reading = min(readings, key=lambda one: len(_beyond(one, scores)))
    beyond, words = _beyond(reading, scores), []
    numbers: dict[str, float] = {}
    for name, (value, (low, high)) in beyond.items():
        words.append(f"{in_words(name)} {digits(value)}, the classes allow {span(low, high)}")
        numbers |= {name: value, f"{name}_low": low, f"{name}_high": high}
    right = "cut after the last digit, not rounded: " * reading.cut + f"{len(scores)} scores, as the classes allow"
    holds, claim, evidence, counts = none_wrong(_of_one(table, other), words, right, len(scores))
    return holds, claim, "; ".join(words) or evidence, {**counts, **numbers}


def _beyond(examined: Examined, scores: Mapping[str, Printed]) -> dict[str, tuple[float, Interval]]:
    """Return the scores of which no trial is possible: the value, and between what the rows allow it."""
    allowed = {name: between for name in scores if (between := examined.allowed(name))}
    return {
        name: (scores[name].value, (low, high))
        for name, (low, high) in allowed.items()
        if not any(examined.may_be(trial, low, high, scores[name].step) for trial in scores[name].trials)
    }
