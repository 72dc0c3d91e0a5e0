from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from invented import Content, class_table, found, outcomes, paper

from common.published import load
from reports.audit import matrices
from reports.audit.matrices import Matrix, TooManyError, cells_of, feasible_totals, groups_of, recovered, solve

CELLS = st.lists(st.integers(0, 6), min_size=9, max_size=9).map(lambda cells: np.reshape(cells, (3, 3)))


def percentages(cells: np.ndarray, *, by_columns: bool) -> np.ndarray:
    """Return the lines of a matrix in percent with one decimal; empty lines are 0."""
    lines = cells.T if by_columns else cells
    return np.round(100 * lines / np.maximum(lines.sum(axis=1, keepdims=True), 1), 1)


def matrix(name: str, cells: np.ndarray, *, by_columns: bool = True, hits: range | None = None) -> Matrix:
    n = int(cells.sum())
    steps = np.rint(percentages(cells, by_columns=by_columns) * 10).astype(int)
    found = range(int(np.trace(cells)), int(np.trace(cells)) + 1) if hits is None else hits
    return Matrix(name, tuple(map(tuple, steps.tolist())), 1000, n, found, by_columns)


def contains(solutions: list[dict[str, np.ndarray]], **wanted: np.ndarray) -> bool:
    return any(all((found[name] == cells).all() for name, cells in wanted.items()) for found in solutions)


@given(CELLS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_matrix_is_among_the_solutions_of_its_percentages(cells: np.ndarray, by_columns: bool) -> None:
    assume(cells.sum())
    assert contains(solve((matrix("one", cells, by_columns=by_columns),)).matrices, one=cells)


@given(CELLS, st.lists(st.permutations(range(3)), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_two_matrices_of_the_same_items_are_among_their_solutions(cells: np.ndarray, orders: list[list[int]]) -> None:
    """The second one has the same row totals: each row's cells are permuted."""
    assume(cells.sum())
    other = np.array([row[order] for row, order in zip(cells, orders, strict=True)])
    solved = solve((matrix("one", cells), matrix("other", other)))
    assert contains(solved.matrices, one=cells, other=other)
    assert all((of["one"].sum(axis=1) == of["other"].sum(axis=1)).all() for of in solved.matrices)


def tried_out(given: Matrix) -> Iterator[np.ndarray]:
    """Go through all 2 x 2 matrices of n items and keep those that can be printed as the given one."""
    for cells in product(range(given.n + 1), repeat=3):
        square = np.reshape([*cells, given.n - sum(cells)], (2, 2))
        if square.min() >= 0 and int(np.trace(square)) in given.hits and can_print(square, given):
            yield square


def can_print(square: np.ndarray, given: Matrix) -> bool:
    """Say whether every cell is within half a step of its percentage; a line without items prints zeros."""
    lines, steps = square.T if given.by_columns else square, np.array(given.lines)
    totals = lines.sum(axis=1, keepdims=True)
    near = 2 * abs(given.whole * lines - steps * totals) <= totals
    return bool((near & ((totals > 0) | (steps == 0))).all())


@given(st.lists(st.integers(0, 4), min_size=4, max_size=4), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_solutions_are_those_that_brute_force_finds(cells: list[int], by_columns: bool, accuracy: bool) -> None:
    square = np.reshape(cells, (2, 2))
    assume(square.sum())
    given = matrix("one", square, by_columns=by_columns, hits=None if accuracy else range(int(square.sum()) + 1))
    solved = [found["one"].tolist() for found in solve((given,)).matrices]
    assert sorted(solved) == sorted(cells.tolist() for cells in tried_out(given))


def test_halves_may_have_been_rounded_either_way() -> None:
    """1/16 is 6.25 %: NumPy prints 6.2, others 6.3."""
    assert 16 in feasible_totals((62, 938), 1000, 16)
    assert 16 in feasible_totals((63, 937), 1000, 16)


def test_printed_supports_are_the_row_totals() -> None:
    cells = np.array([[3, 1], [1, 3]])
    free = Matrix("one", ((750, 250), (250, 750)), 1000, 16, range(17), by_columns=False)
    assert len(solve((free,)).matrices) == 3
    held = Matrix("one", free.lines, 1000, 16, range(17), by_columns=False, supports=(8, 8))
    assert [found["one"].tolist() for found in solve((held,)).matrices] == [(2 * cells).tolist()]


def test_a_row_of_a_printed_support_has_one_total() -> None:
    cells = 140 * np.eye(9, dtype=int) + 15 * np.roll(np.eye(9, dtype=int), 1, axis=1) + 4
    supports = tuple(cells.sum(axis=1).tolist())
    free = matrix("one", cells, by_columns=False)
    solved = solve((replace(free, supports=supports),))
    assert contains(solved.matrices, one=cells)
    assert solved.steps[0].startswith("one: 1 1 1 1 1 1 1 1 1 totals")


def test_too_many_cells_are_refused() -> None:
    with pytest.raises(TooManyError):
        cells_of((333, 333, 334), 100000, 1000, 5)


def test_a_matrix_in_whole_percents_with_printed_supports_ends_soon() -> None:
    cells = 3 * np.diag([200, 150, 90, 60, 50, 40, 30, 80]) + np.arange(64).reshape(8, 8) % 23
    printed = percentages(cells, by_columns=False).round().astype(int)
    supports = tuple(cells.sum(axis=1).tolist())
    given = Matrix("one", tuple(map(tuple, printed.tolist())), 100, int(cells.sum()), range(3000), False, supports)
    with pytest.raises(TooManyError):
        solve((given,))


def test_the_work_on_many_small_searches_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each matrix alone is small; the second is searched again for each row total of the first."""
    cells = np.array([[400, 30], [20, 350]])
    group = tuple(matrix(name, cells, by_columns=False, hits=range(801)) for name in ("one", "other"))
    assert len(solve(group).matrices) > 50
    solve.cache_clear()
    monkeypatch.setattr(matrices, "MOST_WORK", 10**6)
    with pytest.raises(TooManyError):
        solve(group)


PRINTED: Content = {
    "rows": {"lark": [78.8, 14.8], "owl": [21.2, 85.2]},
    "positive": [78.8, 85.2],
    "false": [21.2, 14.8],
}


def test_too_many_combinations_are_not_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    solve.cache_clear()
    monkeypatch.setattr(matrices, "MOST_COMBINATIONS", 0)
    finding = found(confusion=PRINTED)["confusion-counts-small"]
    assert finding.holds
    assert "solutions" not in finding.numbers
    assert recovered(paper(confusion=PRINTED)) == {}
    solve.cache_clear()


def test_a_true_matrix_holds_and_is_recovered() -> None:
    names = ("sum", "under", "counts")
    assert outcomes(found(confusion=PRINTED), "confusion") == {f"confusion-{name}-small": True for name in names}
    assert recovered(paper(confusion=PRINTED))["small"].tolist() == [[26, 4], [7, 23]]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("sum", {"rows": {"lark": [78.8, 14.8], "owl": [22.2, 85.2]}}),
        ("under", {"positive": [78.8, 85.3]}),
        ("under", {"false": [22.2, 14.8]}),
        ("counts", {"n": 61}),
        ("counts", {"rows": {"lark": [78.7, 14.8], "owl": [21.3, 85.2]}}),
    ],
)
def test_one_digit_changed_is_found(name: str, fields: Content) -> None:
    assert not found(confusion=PRINTED | fields)[f"confusion-{name}-small"].holds


@pytest.mark.parametrize(("accuracy", "solutions"), [(0.817, 1), (0.8, 0)])
def test_the_accuracy_must_be_that_of_the_diagonal(accuracy: float, solutions: int) -> None:
    published = paper(confusion=PRINTED, results={"rows": {"small": [accuracy]}})
    assert len(solve(groups_of(published)[0]).matrices) == solutions


def test_without_a_number_of_items_nothing_is_recovered_or_refuted() -> None:
    data = {"section": "2", "clips": 600, "corpora": {"moon": 600}, "classes": ["lark", "owl"]}
    without = PRINTED | {"n": None}
    assert recovered(paper(data=data, confusion=without)) == {}
    assert "confusion-counts-small" not in found(data=data, confusion=without)


@pytest.mark.parametrize(("last", "holds"), [(1.724138, True), (1.734138, False)])
def test_a_matrix_that_was_computed_as_float32_holds(last: float, holds: bool) -> None:
    """171 of 174 is 98.275862 %, and 98.275864 as float32."""
    rows = {"lark": [98.275864, last], "owl": [10.0, 90.0]}
    table = {"rows": rows, "decimals": 6, "normalised": "rows", "n": 184}
    findings = outcomes(found(confusion=table), "confusion")
    assert findings == {"confusion-sum-small": holds, "confusion-counts-small": holds}


def test_the_matrices_of_emotify_are_recovered_cell_by_cell() -> None:
    published = load("emotify_features")
    cells_by_name = recovered(published)
    assert set(cells_by_name) == {table.experiment for table in published.confusions}
    for table in published.confusions:
        cells = cells_by_name[table.experiment]
        assert abs(100 * cells / cells.sum(axis=0) - np.array([*table.rows.values()])).max() < 0.0500001


@pytest.mark.parametrize(
    ("precision", "n", "holds"), [(0.79, 60, True), (0.87, 60, False), (0.79, 61, False)], ids=["same", "class", "n"]
)
def test_the_diagonal_is_that_of_the_class_table(precision: float, n: int, holds: bool) -> None:
    table = class_table([("lark", precision, 0.87, 0.83, 30), ("owl", 0.85, 0.77, 0.81, 30)], 0.82, n=n)
    assert found(confusion=PRINTED, classes=table)["two-prints-confusion-small"].holds is holds
