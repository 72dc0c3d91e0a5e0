"""Recovers the whole numbers behind confusion matrices that are published in percentages.

A line that was normalised to 100 % (a column of predictions, or a row of true classes) has an unknown total N. Each of
its published percentages is k/N rounded, for cells k that add up to N, which leaves some totals per line. All lines
together have n items, their diagonal has the hits that the published accuracy allows, and matrices of the same items
have the same number of items per true class. The search covers everything that these constraints leave, so a single
solution is proven to be the only one:

1. per line, every total up to n with whole cells, and of these the totals that leave room for the other lines;
2. per matrix, the number of combinations with n items, and with n items and the right hits (by dynamic programming);
3. the matrix with the fewest combinations is written out, which gives the possible row totals;
4. of the other matrices, every combination with one of these row totals (meet in the middle: half of the lines is
   summed in all ways, the other half too, and the two are matched).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby, product
from math import prod

import numpy as np

from common.published import Printed, Published
from common.published.schema import ConfusionTable
from reports.audit.arithmetic import counts_of, cut_counts_of

MOST_COMBINATIONS = 10**12
MOST_LISTED = 10**5
MOST_HELD = 6 * 10**7
MOST_WORK = 5 * 10**9
"""Where the search gives up: combinations of a matrix, lines or matrices written out, integers held at once, and all
numbers computed for one group of matrices. Together they keep it below 30 seconds and 1 GiB."""

FLOAT32_DECIMALS = 4
"""Decimals of a percentage that are right if it was computed as float32, which has 7 digits."""

A_STEP = 5000
"""Numbers that NumPy computes in the time of one step of a loop in Python."""

_Choices = dict[str, list[np.ndarray]]


class TooManyError(Exception):
    """The constraints leave too much to search."""


class _Work:
    """Counts what a search computes. It counts numbers and not seconds: a verdict must not depend on the machine."""

    def __init__(self) -> None:
        self.left = MOST_WORK

    def spend(self, numbers: int) -> None:
        """Note that so many numbers are about to be computed.

        Raises:
            TooManyError: together they are too many.
        """
        self.left -= numbers
        if self.left < 0:
            raise TooManyError

    def hold(self, numbers: int) -> None:
        """Note that so many integers are about to be computed and held at once.

        Raises:
            TooManyError: they are too many.
        """
        if numbers > MOST_HELD:
            raise TooManyError
        self.spend(numbers)


@dataclass(frozen=True)
class Matrix:
    """A published matrix and what is known of it.

    Attributes:
        lines: published percentages of each normalised line, in steps of the last digit.
        whole: steps in 100 %.
        n: items.
        hits: what the diagonal may add up to.
        by_columns: whether the lines are columns.
        supports: items per true class where they are published, else None.
    """

    experiment: str
    lines: tuple[tuple[int, ...], ...]
    whole: int
    n: int
    hits: range
    by_columns: bool
    supports: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Solved:
    """All solutions of matrices of the same items.

    Attributes:
        matrices: per solution the integer matrix (true classes, predicted classes) of each experiment.
        steps: how many candidates each step left, in words.
        hits: what the diagonal of an experiment's matrix can add up to, where none of it is what its accuracy allows.
    """

    matrices: list[dict[str, np.ndarray]]
    steps: list[str]
    hits: dict[str, list[int]] = field(default_factory=dict)


def accuracy_of(published: Published, table: ConfusionTable) -> Printed | None:
    """Return the published accuracy that must be the diagonal's share of a matrix; None if there is none.

    Of several trials nobody says which one the matrix is of, and a mean over folds is no share of all items.
    """
    accuracy = published.numbers(table.experiment, table.split).get("accuracy")
    if accuracy is None or accuracy.kind != "proportion" or accuracy.averaged or len(accuracy.trials) > 1:
        return None
    return accuracy


def hits_of(accuracy: Printed, n: int) -> range:
    """Return how many of n items can be right by a published accuracy, which may be cut and not rounded."""
    return counts_of(accuracy.value, n, accuracy.step) or cut_counts_of(accuracy.value, n, accuracy.step)


def matrix_of(published: Published, table: ConfusionTable) -> Matrix | None:
    """Gather what a document prints on a confusion matrix; None if it has counts, or does not say of how many items."""
    n = table.n  # never all items of the corpus in its place: a matrix is usually of a test set
    if n is None or table.normalised == "counts":
        return None
    decimals = min(table.decimals, FLOAT32_DECIMALS)
    steps = np.rint(np.array([*table.lines.values()]) * 10**decimals).astype(int).tolist()
    lines = tuple(map(tuple, steps))
    accuracy = accuracy_of(published, table)
    hits = hits_of(accuracy, n) if accuracy is not None and accuracy.n in (None, n) else range(n + 1)
    supports = {row.name: row.support or 0 for row in published.class_table(table.experiment)}
    known = set(supports) == set(table.classes) and sum(supports.values()) == n
    by_class = tuple(supports[name] for name in table.classes) if known else None
    return Matrix(table.experiment, lines, 100 * 10**decimals, n, hits, table.normalised == "columns", by_class)


def groups_of(published: Published) -> list[tuple[Matrix, ...]]:
    """Return the matrices of a document, those of the same classes and number of items together."""
    tables = [(table.classes, matrix_of(published, table)) for table in published.confusions]
    known = [(classes, matrix) for classes, matrix in tables if matrix is not None]
    ordered = sorted(known, key=lambda pair: (pair[0], pair[1].n))
    grouped = groupby(ordered, key=lambda pair: (pair[0], pair[1].n))
    return [tuple(matrix for _, matrix in pairs) for _, pairs in grouped]


def recovered(published: Published) -> dict[str, np.ndarray]:
    """Return the integer matrix (true classes, predicted classes) of each experiment where there is exactly one.

    Published counts are such a matrix. An experiment is absent if its published percentages allow no matrix, several,
    or too many to search.
    """
    found = {table.experiment: cells_in(table) for table in published.confusions if table.normalised == "counts"}
    for group in groups_of(published):
        try:
            solved = solve(group)
        except TooManyError:
            continue
        if len(solved.matrices) == 1:
            found |= solved.matrices[0]
    return found


def cells_in(table: ConfusionTable) -> np.ndarray:
    """Return a matrix that is published in counts as integers (true classes, predicted classes)."""
    return np.array([*table.rows.values()]).astype(np.int64)


@cache
def solve(group: tuple[Matrix, ...]) -> Solved:
    """Find every way in which whole numbers give all matrices of a group, which are of the same items.

    Raises:
        TooManyError: the constraints leave too much.
    """
    work = _Work()
    searches = [_Search(matrix, work) for matrix in group]
    steps = [search.step for search in searches]
    if not all(search.combinations for search in searches):
        return Solved([], steps, _without_accuracy(searches))
    first, *others = sorted(searches, key=lambda search: search.combinations)
    by_rows: dict[tuple[int, ...], _Choices] = {}
    for cells in first.listed():
        by_rows.setdefault(tuple(cells.sum(axis=1)), {first.name: []})[first.name].append(cells)
    for other in others:
        by_rows = {rows: choices | {other.name: other.with_rows(rows)} for rows, choices in by_rows.items()}
        by_rows = {rows: choices for rows, choices in by_rows.items() if choices[other.name]}
        ways = sum(len(choices[other.name]) for choices in by_rows.values())
        steps.append(f"{other.name} with row totals of {first.name}: {ways}")
    if sum(prod(map(len, choices.values())) for choices in by_rows.values()) > MOST_LISTED:
        raise TooManyError
    return Solved([solution for choices in by_rows.values() for solution in _products(choices)], steps)


def _without_accuracy(searches: Iterable["_Search"]) -> dict[str, list[int]]:
    """Return the hits that the matrices without a combination have if their accuracy is left out, as far as known."""
    found: dict[str, list[int]] = {}
    for search in searches:
        if search.with_items and not search.combinations:
            with suppress(TooManyError):  # then the search only says that there is none
                found[search.name] = search.attained()
    return found


def _products(choices: _Choices) -> Iterator[dict[str, np.ndarray]]:
    """Go through the choices of one matrix per experiment."""
    for picked in product(*choices.values()):
        yield dict(zip(choices, picked, strict=True))


class _Search:
    """The search for one matrix."""

    def __init__(self, matrix: Matrix, work: _Work) -> None:
        self.matrix, self.name, self._work = matrix, matrix.experiment, work
        alone = [self._totals(line) for line in range(len(matrix.lines))]
        self.candidates: list[np.ndarray] = [np.zeros((0, len(line)), dtype=np.int64) for line in matrix.lines]
        self.combinations = self.with_items = 0
        fitting = [0] * len(alone)
        if all(len(totals) for totals in alone):
            room = matrix.n - sum(int(totals[0]) for totals in alone)
            bounded = [totals[totals <= totals[0] + room] for totals in alone]
            fitting = [len(totals) for totals in bounded]
            self.candidates = self._candidates(bounded)
            self.with_items, self.combinations = self._count()
        self.step = (
            f"{self.name}: {_joined(map(len, alone))} totals up to {matrix.n} per line, {_joined(fitting)} "
            f"beside the smallest of the others, {self.with_items} combinations of {matrix.n} items, "
            f"{self.combinations} with the published accuracy"
        )

    def _totals(self, line: int) -> np.ndarray:
        """Return the totals that a line can have alone; a line of a published support has no other."""
        self._work.hold(5 * (self.matrix.n + 1) * len(self.matrix.lines))  # two bounds, and what they are made of
        found = feasible_totals(self.matrix.lines[line], self.matrix.whole, self.matrix.n)
        if self.matrix.supports is None or self.matrix.by_columns:
            return found
        return found[found == self.matrix.supports[line]]

    def _candidates(self, totals: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the candidates of every line, if they are not too many to combine."""
        found: list[np.ndarray] = []
        for line, of in zip(self.matrix.lines, totals, strict=True):
            found.append(self._cells(line, of))
            if prod(map(len, found)) > MOST_COMBINATIONS:
                raise TooManyError
        return found

    def _cells(self, line: Sequence[int], totals: np.ndarray) -> np.ndarray:
        """Return every line of whole cells with one of the totals: integers (candidates, classes)."""
        rows: list[tuple[int, ...]] = []
        for total in totals:
            self._work.spend(A_STEP)
            rows += cells_of(line, int(total), self.matrix.whole, MOST_LISTED - len(rows))
        return np.array(rows, dtype=np.int64).reshape(-1, len(line))

    @property
    def _counts_hits(self) -> bool:
        return len(self.matrix.hits) <= self.matrix.n

    def _diagonal(self, line: int) -> np.ndarray:
        cells = self.candidates[line][:, line]
        return cells if self._counts_hits else np.zeros_like(cells)

    def attained(self) -> list[int]:
        """Return what the diagonal can add up to in n items, whatever the published accuracy allows.

        Raises:
            TooManyError: that takes too long to say.
        """
        return [int(hits) for hits in np.flatnonzero(deque(self._ways(self._most_hits()), maxlen=1).pop()[-1])]

    def _most_hits(self) -> int:
        return min(self.matrix.n, sum(int(cells[:, line].max()) for line, cells in enumerate(self.candidates)))

    def _count(self) -> tuple[int, int]:
        """Count the combinations of lines with n items, and of these the ones with the right hits."""
        with_items = np.zeros((self.matrix.n + 1, 1), dtype=np.int64)
        with_items[0, 0] = 1
        for cells in self.candidates:
            with_items = self._convolved(with_items, cells.sum(axis=1), np.zeros(len(cells), dtype=np.int64))
        last = deque(self._ways(self._most_wanted()), maxlen=1).pop()
        return int(with_items[-1, 0]), int(sum(last[-1, hits] for hits in self._wanted()))

    def _most_wanted(self) -> int:
        return max(self.matrix.hits, default=0) if self._counts_hits else 0

    def _ways(self, most: int) -> Iterator[np.ndarray]:
        """Yield, after no line, the last, the last two, ..., all: in `ways[t, h]` ways they have t items and h hits."""
        n = self.matrix.n
        # Held three times while a line is added; `listed` keeps a byte per line for each integer of it.
        self._work.hold((n + 1) * (most + 1) * (3 + len(self.candidates) // 8))
        ways = np.zeros((n + 1, most + 1), dtype=np.int64)
        ways[0, 0] = 1
        yield ways
        for line in reversed(range(len(self.candidates))):
            ways = self._convolved(ways, self.candidates[line].sum(axis=1), self._diagonal(line))
            yield ways

    def _wanted(self) -> range:
        return self.matrix.hits if self._counts_hits else range(1)

    def listed(self) -> list[np.ndarray]:
        """Return every matrix with n items, the right hits and, if they are published, the right supports.

        Raises:
            TooManyError: there are too many.
        """
        if self.matrix.supports is not None and self.matrix.by_columns:
            return self.with_rows(self.matrix.supports)
        # Rows of published supports have no other total, so that every combination is right.
        if self.combinations > MOST_LISTED:
            raise TooManyError
        self._work.hold(self.combinations * len(self.candidates) ** 2)
        # What the lines after each one can have, so that the walk never starts a choice that cannot be finished.
        reached = [ways > 0 for ways in self._ways(self._most_wanted())][::-1]
        n, wanted = self.matrix.n, self._wanted()
        return [self._square(chosen) for hits in wanted for chosen in self._walk(reached, 0, n, hits)]

    def _walk(self, reached: Sequence[np.ndarray], line: int, items: int, hits: int) -> Iterator[list[np.ndarray]]:
        if line == len(self.candidates):
            yield []
            return
        cells = self.candidates[line]
        self._work.spend(A_STEP + cells.size)
        left, missing = items - cells.sum(axis=1), hits - self._diagonal(line)
        possible = np.flatnonzero((left >= 0) & (missing >= 0))
        possible = possible[reached[line + 1][left[possible], missing[possible]]]
        for place in possible:
            for rest in self._walk(reached, line + 1, int(left[place]), int(missing[place])):
                yield [cells[place], *rest]

    def _square(self, lines: Sequence[np.ndarray]) -> np.ndarray:
        matrix = np.array(lines)
        return matrix.T if self.matrix.by_columns else matrix

    def with_rows(self, rows: Sequence[int]) -> list[np.ndarray]:
        """Return every matrix with these items per true class, n items and the right hits."""
        if self.matrix.supports not in (None, tuple(rows)):
            return []
        target = np.array(rows, dtype=np.int64)
        halves = [self._sums(lines, target) for lines in self._halves()]
        (left, left_of), (right, right_of) = halves
        found = []
        for one, other in self._matches(left, right, target):
            lines = {**left_of(one), **right_of(other)}
            matrix = self._square([lines[line] for line in range(len(lines))])
            if int(np.trace(matrix)) in self.matrix.hits:
                found.append(matrix)
        return found

    def _halves(self) -> tuple[list[int], list[int]]:
        """Split the lines into two halves with about as many combinations each."""
        sizes = [len(cells) for cells in self.candidates]
        halves: tuple[list[int], list[int]] = ([], [])
        for line in sorted(range(len(sizes)), key=lambda line: -sizes[line]):
            min(halves, key=lambda half: prod(sizes[other] for other in half)).append(line)
        return halves

    def _sums(self, lines: Sequence[int], target: np.ndarray) -> tuple[np.ndarray, "_Lookup"]:
        """Sum what each choice of candidates of some lines adds to the row totals, where it stays below the target."""
        sums = np.zeros((1, len(target)), dtype=np.int64)
        chosen = np.zeros((1, 0), dtype=np.int64)
        for line in lines:
            adds = self._adds(line)
            self._work.hold(A_STEP + 4 * len(sums) * len(adds) * len(target))  # all, those that fit, the other half
            grown = (sums[:, None, :] + adds[None, :, :]).reshape(-1, len(target))
            fits = np.flatnonzero((grown <= target).all(axis=1))
            sums, before, now = grown[fits], fits // len(adds), fits % len(adds)
            chosen = np.column_stack([chosen[before], now])
        return sums, _Lookup(lines, chosen, self.candidates)

    def _convolved(self, ways: np.ndarray, totals: np.ndarray, hits: np.ndarray) -> np.ndarray:
        """Add a line: `ways[t, h]` moved by every candidate's total and hits, summed."""
        found, (items, width) = np.zeros(ways.shape, ways.dtype), ways.shape
        # Candidates differ in cells that are counted nowhere: the same move is made once, and multiplied.
        moves, times = np.unique(np.column_stack([totals, hits]), axis=0, return_counts=True)
        self._work.spend(len(moves) * (A_STEP + ways.size))
        # A few lines reach few sums: only the box around those is moved.
        (top, left), box = _box(ways)
        for (total, hit), many in zip(moves, times, strict=True):
            fits = box[: max(0, items - top - total), : max(0, width - left - hit)]
            found[top + total :, left + hit :][: len(fits), : fits.shape[1]] += many * fits
        return found

    def _matches(self, left: np.ndarray, right: np.ndarray, target: np.ndarray) -> Iterator[tuple[int, int]]:
        """Go through all pairs of rows with left + right = target.

        Both sides are matched by a sum with random weights, which is linear and wraps; what matches is then compared.
        """
        weights = np.random.default_rng(0).integers(1, 2**63, len(target), dtype=np.uint64)
        keys = left.astype(np.uint64) @ weights
        order = np.argsort(keys, kind="stable")
        wanted = (target - right).astype(np.uint64) @ weights
        starts, stops = (np.searchsorted(keys[order], wanted, side) for side in ("left", "right"))
        self._work.spend(A_STEP * int((stops - starts).sum()))
        for other in np.flatnonzero(stops > starts):
            for one in order[starts[other] : stops[other]]:
                if (left[one] + right[other] == target).all():
                    yield int(one), int(other)

    def _adds(self, line: int) -> np.ndarray:
        """Return what each candidate of a line adds to the items per true class."""
        cells = self.candidates[line]
        if self.matrix.by_columns:
            return cells
        adds = np.zeros_like(cells)
        adds[:, line] = cells.sum(axis=1)
        return adds


@dataclass(frozen=True)
class _Lookup:
    """Finds the cells of the lines behind a sum."""

    lines: Sequence[int]
    chosen: np.ndarray
    candidates: list[np.ndarray]

    def __call__(self, place: int) -> dict[int, np.ndarray]:
        picks = zip(self.lines, self.chosen[place], strict=True)
        return {line: self.candidates[line][pick] for line, pick in picks}


def _box(ways: np.ndarray) -> tuple[tuple[int, int], np.ndarray]:
    """Return the smallest part of a matrix that has all that is not 0, and its place."""
    rows, columns = (np.flatnonzero(ways.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return (0, 0), ways[:0]
    return (int(rows[0]), int(columns[0])), ways[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def feasible_totals(line: Sequence[int], whole: int, most: int) -> np.ndarray:
    """Return every total N, 0..most, for which whole cells that add up to N round to all percentages of a line.

    Args:
        line: published percentages in steps.
        whole: steps in 100 %.
        most: largest total.
    """
    totals = np.arange(most + 1)[:, None]
    low, high = _bounds(line, totals, whole)
    fits = (low <= high).all(axis=1) & (low.sum(axis=1) <= totals[:, 0]) & (totals[:, 0] <= high.sum(axis=1))
    fits[0] = not any(line)
    return np.flatnonzero(fits)


def _bounds(line: Sequence[int], totals: np.ndarray, whole: int) -> tuple[np.ndarray, np.ndarray]:
    steps = np.asarray(line)
    low = -((-totals * (2 * steps - 1)) // (2 * whole))
    return np.maximum(low, 0), totals * (2 * steps + 1) // (2 * whole)


def cells_of(line: Sequence[int], total: int, whole: int, most: int) -> list[tuple[int, ...]]:
    """Return every line of whole cells that add up to a total and round to the published percentages.

    Raises:
        TooManyError: there are more than `most`.
    """
    low, high = (bound[0] for bound in _bounds(line, np.array([[total]]), whole))
    found: list[tuple[int, ...]] = [()]
    room = np.append(np.cumsum((high - low)[::-1])[::-1], 0)
    least = np.append(np.cumsum(low[::-1])[::-1], 0)
    for place in range(len(line)):
        fits = []
        for cells in found:
            missing = total - sum(cells)
            for cell in range(int(low[place]), int(high[place]) + 1):
                if least[place + 1] <= missing - cell <= least[place + 1] + room[place + 1]:
                    fits.append((*cells, cell))
            if len(fits) > most:
                raise TooManyError
        found = fits
    return found


def _joined(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))
