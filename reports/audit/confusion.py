"""Checks of a confusion matrix: its sums, the lines under it, the tables beside it, the whole numbers behind it.

Percentages allow several whole numbers, or one, or none. A matrix in counts needs no search: its cells, rows and
diagonal are compared with what is published beside it.
"""

import math
from collections.abc import Iterator

import numpy as np

from common.published import Printed, Published
from common.published.schema import ClassTable, ConfusionTable, same_split
from reports.audit.arithmetic import TOLERANCE, counts_of, cut_counts_of
from reports.audit.classes import Examined
from reports.audit.finding import Finding, Verdict, digits, none_wrong, span
from reports.audit.matrices import (
    FLOAT32_DECIMALS,
    Matrix,
    Solved,
    TooManyError,
    accuracy_of,
    cells_in,
    groups_of,
    hits_of,
    solve,
)
from reports.wording import listed

FEW = 6
"""Fewer numbers than this are named one by one."""


def check(published: Published) -> Iterator[Finding]:
    """Examine every confusion matrix, and those of the same items together."""
    for table in published.confusions:
        tests = _of_counts(published, table) if table.normalised == "counts" else _of_percentages(published, table)
        for name, verdict in tests.items():
            yield Finding(published.study, f"{name}-{table.experiment}", *verdict)
    for group in groups_of(published):
        yield Finding(published.study, f"confusion-counts-{group[0].experiment}", *_whole_numbers(published, group))


def _of_percentages(published: Published, table: ConfusionTable) -> dict[str, Verdict]:
    tests = {"confusion-sum": _lines(table)}
    if table.positive or table.false:
        tests["confusion-under"] = _under(table)
    own = _beside(published, table)
    return tests | ({"two-prints-confusion": _shares_beside_classes(table, own)} if own else {})


def _of_counts(published: Published, table: ConfusionTable) -> dict[str, Verdict]:
    tests, cells = dict[str, Verdict](), cells_in(table)
    accuracy, own = accuracy_of(published, table), _beside(published, table)
    if table.n is not None:
        total, claim = int(cells.sum()), f"{table.table}: the cells add up to all items"
        numbers = {"total": total, "published": table.n}
        tests["confusion-sum"] = (total == table.n, claim, f"their sum is {total}, published {table.n}", numbers)
    if accuracy is not None:
        tests["confusion-accuracy"] = _accuracy(table, cells, accuracy)
    return tests | ({"two-prints-confusion": _counts_beside_classes(table, cells, own)} if own else {})


def _beside(published: Published, table: ConfusionTable) -> ClassTable | None:
    """Return the per-class table that may be of the same evaluation as a matrix."""
    own = published.table(table.experiment)
    return own if own is not None and not own.averaged and same_split(own.split, table.split) else None


def _whole_numbers(published: Published, group: tuple[Matrix, ...]) -> Verdict:
    """Some whole numbers of the same items give every matrix of a group, with the published accuracies."""
    claim = f"the same {group[0].n} items can give the matrices of {listed(one.experiment for one in group)}"
    claim += " in whole numbers"
    try:
        solved = solve(group)
    except TooManyError:
        return True, claim, "not examined: too many solutions", {}
    words, numbers = _other_hits(published, group, solved)
    evidence = "; ".join([*words, f"solutions: {len(solved.matrices)}", *solved.steps])
    return bool(solved.matrices), claim, evidence, {"solutions": len(solved.matrices), "n": group[0].n, **numbers}


def _other_hits(published: Published, group: tuple[Matrix, ...], solved: Solved) -> tuple[list[str], dict[str, float]]:
    """Say which matrices have whole numbers, but not with their published accuracy, in words and as numbers."""
    words, numbers = list[str](), dict[str, float]()
    for name, hits in solved.hits.items():
        table, n = published.confusion(name), group[0].n
        accuracy = accuracy_of(published, table) if table else None
        assert table is not None and accuracy is not None  # without, every number of hits is allowed
        of_accuracy = hits_of(accuracy, n)
        known = listed(hits) if len(hits) < FEW else span(hits[0], hits[-1])
        share = span(of_accuracy[0], of_accuracy[-1]) if of_accuracy else f"no whole number of {n}"
        words.append(
            f"{table.table} gives {known} of {n} ({span(hits[0] / n, hits[-1] / n)}), "
            f"{accuracy.table} has {_as_printed(accuracy)} ({share})"
        )
        before = f"{name}." if len(solved.hits) > 1 else ""
        numbers |= {f"{before}hits_low": hits[0], f"{before}hits_high": hits[-1], f"{before}accuracy": accuracy.value}
    return words, numbers


def _as_printed(accuracy: Printed) -> str:
    """Write an accuracy as a share with the zeros that it is published with."""
    return f"{accuracy.value:.{max(0, round(-math.log10(accuracy.step)))}f}"


def _accuracy(table: ConfusionTable, cells: np.ndarray, accuracy: Printed) -> Verdict:
    """The share of counts on the diagonal is the published accuracy, rounded or cut."""
    hits, n = int(np.trace(cells)), int(cells.sum())
    allowed = [counted(accuracy.value, n, accuracy.step) for counted in (counts_of, cut_counts_of)]
    same_items = accuracy.n in (None, n)
    evidence = f"{table.table} gives {hits} of {n} ({digits(hits / n)}), {accuracy.table} has {_as_printed(accuracy)}"
    evidence += "" if same_items else f" of {accuracy.n}"
    claim = f"{table.table} and {accuracy.table} are of one evaluation: the diagonal is the accuracy"
    numbers = {"hits": hits, "n": n, "accuracy": accuracy.value}
    return same_items and any(hits in of for of in allowed), claim, evidence, numbers


def _counts_beside_classes(table: ConfusionTable, cells: np.ndarray, own: ClassTable) -> Verdict:
    """The counts give the scores and the support of each class, all of them rounded or all of them cut."""
    readings = [_differences(table, cells, Examined(own, cut=cut)) for cut in (False, True)]
    total = int(cells.sum())
    wrong = [f"n {own.n} and {total}"] * (own.n not in (None, total)) + min(readings, key=len)
    claim = f"{own.table} and {table.table} are of one evaluation: the counts give the scores"
    return none_wrong(claim, wrong, f"{len(own.rows)} classes", len(own.rows))


def _differences(table: ConfusionTable, cells: np.ndarray, examined: Examined) -> list[str]:
    wrong = []
    for row in examined.table.rows:
        if row.name not in table.classes:
            wrong.append(f"{row.name} is in one of them")
            continue
        place = table.classes.index(row.name)
        hits, support, predicted = (int(n) for n in (cells[place, place], cells[place].sum(), cells[:, place].sum()))
        if row.support not in (None, support):
            wrong.append(f"{row.name} has {row.support} and {support} items")
        wholes = {"precision": predicted, "recall": support, "f1": (predicted + support) / 2}
        wrong += [
            f"{row.name} {score} {digits(getattr(row, score))} and {digits(hits / whole)}"
            for score, whole in wholes.items()
            if whole and not examined.may_be(getattr(row, score), hits / whole, hits / whole)
        ]
    return wrong


def _lines(table: ConfusionTable) -> Verdict:
    """Normalised lines add up to 100; each cell may be half a unit of its last digit off, or of float32's."""
    slack = len(table.classes) * 10.0 ** -min(table.decimals, FLOAT32_DECIMALS) / 2 + TOLERANCE
    sums = {name: sum(line) for name, line in table.lines.items() if any(line)}
    wrong = [
        f"{name} {digits(total, max(2, table.decimals))}" for name, total in sums.items() if abs(total - 100) > slack
    ]
    whole = all(cell.is_integer() for line in table.lines.values() for cell in line)
    if wrong and whole and len(wrong) == len(sums):
        wrong[-1] += ' (normalised = "counts" is for counts)'
    right = f"{digits(min(sums.values()), 2)} to {digits(max(sums.values()), 2)}" if sums else "no lines"
    return none_wrong(f"{table.table}: the {table.normalised} add up to 100", wrong, right, len(sums))


def _shares_beside_classes(table: ConfusionTable, own: ClassTable) -> Verdict:
    """The diagonal is the recall of each class where rows are normalised, the precision where columns are."""
    score = "recall" if table.normalised == "rows" else "precision"
    slack = (10.0**-table.decimals / 100 + 10.0**-own.decimals) / 2 + TOLERANCE
    wrong = [f"n {own.n} and {table.n}"] * (None not in (own.n, table.n) and own.n != table.n)
    for row in own.rows:
        place = table.classes.index(row.name) if row.name in table.classes else None
        share = table.rows[row.name][place] / 100 if place is not None else None
        if share is None or abs(share - getattr(row, score)) > slack:
            wrong.append(f"{row.name} {digits(getattr(row, score))} and {'-' if share is None else digits(share, 4)}")
    claim = f"{own.table} and {table.table} are of one evaluation: the diagonal is the {score}"
    return none_wrong(claim, wrong, f"{len(own.rows)} classes", len(own.rows))


def _under(table: ConfusionTable) -> Verdict:
    """The line of positive predictive values repeats the diagonal, the line under it is what is missing to 100."""
    step, wrong = 10.0**-table.decimals, []
    for place, (name, row) in enumerate(table.rows.items()):
        if table.positive and name not in table.restored and table.positive[place] != row[place]:
            wrong.append(f"{name} {digits(table.positive[place], 2)} under {digits(row[place], 2)}")
        if table.false and abs(table.false[place] + row[place] - 100) > step + TOLERANCE:
            wrong.append(f"{name} {digits(table.false[place], 2)} is not 100 - {digits(row[place], 2)}")
    claim = f"{table.table}: the lines under it repeat its diagonal and what is missing to 100"
    return none_wrong(claim, wrong, f"{len(table.classes)} classes", len(table.classes))
