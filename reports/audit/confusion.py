"""Checks of a confusion matrix in percentages: sums, the lines under it, and the whole numbers behind it."""

from collections.abc import Iterator

from common.published import Published
from common.published.schema import ClassTable, ConfusionTable, same_split
from reports.audit.arithmetic import TOLERANCE
from reports.audit.finding import Finding, Verdict, digits, none_wrong
from reports.audit.matrices import FLOAT32_DECIMALS, TooManyError, groups_of, solve
from reports.wording import listed


def check(published: Published) -> Iterator[Finding]:
    """Examine every confusion matrix, and those of the same items together."""
    for table in published.confusions:
        tests = {"confusion-sum": _lines(table)}
        if table.positive or table.false:
            tests["confusion-under"] = _under(table)
        own = published.table(table.experiment)
        if own is not None and not own.averaged and same_split(own.split, table.split):
            tests["two-prints-confusion"] = _beside_classes(table, own)
        for name, verdict in tests.items():
            yield Finding(published.study, f"{name}-{table.experiment}", *verdict)
    for group in groups_of(published):
        names = [matrix.experiment for matrix in group]
        claim = f"the same {group[0].n} items can give the matrices of {listed(names)} in whole numbers"
        name = f"confusion-counts-{names[0]}"
        try:
            solved = solve(group)
        except TooManyError:
            yield Finding(published.study, name, True, claim, "not examined: too many solutions")
            continue
        evidence = "; ".join([f"solutions: {len(solved.matrices)}", *solved.steps])
        numbers = {"solutions": len(solved.matrices), "n": group[0].n}
        yield Finding(published.study, name, bool(solved.matrices), claim, evidence, numbers)


def _lines(table: ConfusionTable) -> Verdict:
    """Normalised lines add up to 100; each cell may be half a unit of its last digit off, or of float32's."""
    rows = [*table.rows.values()]
    lines = rows if table.normalised == "rows" else [*zip(*rows, strict=True)]
    slack = len(table.classes) * 10.0 ** -min(table.decimals, FLOAT32_DECIMALS) / 2 + TOLERANCE
    sums = {name: sum(line) for name, line in zip(table.classes, lines, strict=True) if any(line)}
    wrong = [
        f"{name} {digits(total, max(2, table.decimals))}" for name, total in sums.items() if abs(total - 100) > slack
    ]
    right = f"{digits(min(sums.values()), 2)} to {digits(max(sums.values()), 2)}" if sums else "no lines"
    return none_wrong(f"{table.table}: the {table.normalised} add up to 100", wrong, right, len(sums))


def _beside_classes(table: ConfusionTable, own: ClassTable) -> Verdict:
    """The diagonal is the recall of each class where rows are normalised, the precision where columns are."""
    score = "recall" if table.normalised == "rows" else "precision"
    slack = (10.0**-table.decimals / 100 + 10.0**-own.decimals) / 2 + TOLERANCE
    wrong = [f"n {own.n} and {table.n}"] * (table.n not in (None, own.n))
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
