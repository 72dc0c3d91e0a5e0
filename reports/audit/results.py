"""Checks of result tables, searches and tables of counts."""

import math
from collections.abc import Iterator
from itertools import combinations

from common.published import Printed, Published
from common.published.schema import Metric, Number, Result, ResultTable, Search, same_split
from reports.audit.arithmetic import TOLERANCE, counts_of, cut_counts_of, near
from reports.audit.finding import Finding, Verdict, digits, none_wrong, spaced, span
from reports.wording import in_words, listed

SMALLER_IS_BETTER = ("error", "seconds")
REMARKS = ("search-space-", "search-edge-")
"""What searches leave out is noticed; no author claims otherwise."""


def check(published: Published) -> Iterator[Finding]:
    """Examine every result table, every result in the text, every search and every table of counts."""
    for name, (holds, claim, evidence, numbers) in _verdicts(published):
        kind = "remark" if name.startswith(REMARKS) else "check"
        if kind == "check" or not holds:
            yield Finding(published.study, name, holds, claim, evidence, numbers, kind)


def _verdicts(published: Published) -> Iterator[tuple[str, Verdict]]:
    for table in published.result_tables:
        yield from _proportions(published, table)
        yield f"range-{table.id}", _range_of(published, table)
    for one, other in combinations(published.result_tables, 2):
        if same_split(one.split, other.split):
            yield from _two_tables(published, one, other)
    for number in published.figures:
        if number.result and not number.result.other_run:
            yield from _of_the_text(published, number, number.result)
        if number.counts:
            counted = published.countable[number.counts]
            claim = f"text of {number.section}: {number.id} is the count of {number.counts}"
            evidence, numbers = f"{digits(number.value)} and {counted}", {"text": number.value, "counted": counted}
            yield f"two-prints-count-{number.id}", (number.value == counted, claim, evidence, numbers)
    yield from _shares(published)
    for search in published.searches:
        yield from _search(published, search)
    for counts in published.counts:
        if counts.total is not None and counts.known == "printed":
            total, claim = sum(counts.rows.values()), f"counts {counts.id}: the {counts.items} add up"
            evidence = f"the sum of {len(counts.rows)} counts is {total}, published {counts.total}"
            numbers = {"total": total, "published": counts.total}
            yield f"counts-{counts.id}", (total == counts.total, claim, evidence, numbers)


def _cells(published: Published, table: ResultTable) -> Iterator[tuple[str, str, Metric, float, float]]:
    """Go through a table: experiment, column, its metric, the number, the unit of its last digit."""
    for experiment, row in table.rows.items():
        for place, (column, value) in enumerate(zip(table.columns, row, strict=True)):
            metric = published.metric[column]
            yield experiment, column, metric, value, metric.step_of(table.decimals_of(experiment, place, metric))


def _proportions(published: Published, table: ResultTable) -> Iterator[tuple[str, Verdict]]:
    """Every share of n items is k/n for a whole k: all of the table rounded, or all of it cut."""
    found: list[tuple[str, float, int, range, range]] = []
    for experiment, column, metric, value, step in _cells(published, table):
        n = table.n.get(column)
        # The mean over folds of different sizes is no share of all items.
        if metric.kind == "proportion" and n is not None and not (table.folds and n % table.folds):
            name = f"{experiment} {column} {digits(value, 6)}"
            found.append((name, value, n, counts_of(value, n, step), cut_counts_of(value, n, step)))
    if not found:
        return
    cut = not all(rounded for *_, rounded, _ in found) and all(cut for *_, cut in found)
    wrong = [
        f"{name} is no k/{n} ({near(value, n)})" for name, value, n, rounded, _ in found if not rounded and not cut
    ]
    shares = [f"{name} = {span(pair[cut][0], pair[cut][-1])}/{n}" for name, _, n, *pair in found if pair[cut]]
    right = "cut after the last digit, not rounded: " * cut + listed(shares)
    claim = f"{table.table}: every share is a whole number of items"
    yield f"proportions-{table.id}", none_wrong(claim, wrong, right, len(found))


def _range_of(published: Published, table: ResultTable) -> Verdict:
    """Losses, times and counts are not negative; a share or score out of its range is refused with its file."""
    cells = [*_cells(published, table)]
    wrong = [
        f"{experiment} {column} {digits(value)}"
        for experiment, column, metric, value, _ in cells
        if value < 0 and metric.kind != "score"
    ]
    claim = f"{table.table}: no number is negative"
    return none_wrong(claim, wrong, f"{len(cells)} numbers", len(cells))


def _two_tables(published: Published, one: ResultTable, other: ResultTable) -> Iterator[tuple[str, Verdict]]:
    """What two tables have of one experiment in one metric is the same number, as far as its last digits show."""
    pairs: list[tuple[str, Printed, Printed]] = []
    for experiment in one.rows:
        first, second = (published.results(table, experiment) for table in (one, other))
        pairs += [(f"{experiment} {name}", first[name], second[name]) for name in first if name in second]
    if pairs:
        wrong = [f"{name} {_trials(a)} and {_trials(b)}" for name, a, b in pairs if not _agree(a, b)]
        claim, right = f"{one.table} and {other.table} have the same numbers", f"{len(pairs)} numbers, within rounding"
        yield f"two-prints-tables-{one.id}-{other.id}", none_wrong(claim, wrong, right, len(pairs))


def _of_the_text(published: Published, number: Number, result: Result) -> Iterator[tuple[str, Verdict]]:
    """A result that the text repeats is that of the table, or one of its trials, as far as its last digit shows."""
    printed = published.numbers(result.experiment, result.split).get(result.metric)
    if printed is None:
        return
    scale = 100 if number.unit == "%" else 1
    value, step = number.value / scale, 10.0**-number.decimals / scale
    agree = any(_same(value, step, trial, printed.step) for trial in (printed.value, *printed.trials))
    sizes = sorted({n for n in (result.n, printed.n) if n is not None})
    claim = (
        f"text of {number.section} and {printed.table} have the same {in_words(result.metric)} of {result.experiment}"
    )
    evidence = f"{digits(value, 6)} and {_trials(printed)}" + f", of {listed(sizes)} items" * bool(sizes)
    numbers = {"text": value, "table": printed.value}
    yield f"two-prints-text-{number.id}", (agree and len(sizes) < 2, claim, evidence, numbers)


def _shares(published: Published) -> Iterator[tuple[str, Verdict]]:
    """Shares of one whole are not more than it, as far as their last digits show."""
    shares: dict[str, list[Number]] = {}
    for number in published.figures:
        if number.share_of:
            shares.setdefault(number.share_of, []).append(number)
    for whole, parts in shares.items():
        values = [part.value / (100 if part.unit == "%" else 1) for part in parts]
        slack = sum(10.0**-part.decimals / (200 if part.unit == "%" else 2) for part in parts)
        total, claim = math.fsum(values), f"the shares of {whole} are not more than all of it"
        evidence = f"{' + '.join(digits(value) for value in values)} = {digits(total)}"
        yield f"shares-{whole}", (total <= 1 + slack + TOLERANCE, claim, evidence, {"total": total, "of": len(parts)})


def _agree(one: Printed, other: Printed) -> bool:
    """Whether both may be roundings of one number; with as many trials in both, trial by trial."""
    if len(one.trials) != len(other.trials):
        return abs(one.value - other.value) <= (one.step + other.step) / 2 + TOLERANCE
    return all(_same(a, one.step, b, other.step) for a, b in zip(one.trials, other.trials, strict=True))


def _same(one: float, step: float, other: float, other_step: float) -> bool:
    """Whether two published values, each with the unit of its last digit, may be roundings of one number."""
    allowed = 0.0 if math.isclose(step, other_step) else (step + other_step) / 2
    return abs(one - other) <= allowed + TOLERANCE


def _trials(printed: Printed) -> str:
    return spaced(digits(value, 6) for value in printed.trials)


Trials = dict[tuple[float, ...], dict[str, float]]


def trials_of(published: Published, search: Search) -> Trials:
    """Return the published metrics of a search by settings (in the order of its space), several trials as their mean.

    They stand in the search's own table, or in result tables of experiments that have those settings.
    """
    width = len(search.space)
    found: Trials = {row[:width]: dict(zip(search.columns, row[width:], strict=True)) for row in search.rows}
    for experiment in () if found else published.experiments:
        numbers = published.numbers(experiment.id)
        settings = tuple(experiment.settings.get(name, "") for name in search.space)
        if numbers and all(isinstance(setting, int | float) for setting in settings):
            found[tuple(map(float, settings))] = {name: number.value for name, number in numbers.items()}
    return found


def _search(published: Published, search: Search) -> Iterator[tuple[str, Verdict]]:
    unsaid = [name for name in search.space if name not in search.chosen]
    if unsaid:
        claim = f"{search.table}: a value of every setting was chosen"
        yield f"search-best-{search.experiment}", none_wrong(claim, unsaid, "", len(search.space))
        return
    trials = trials_of(published, search)
    if trials:
        yield from _best(published, search, trials)
        yield f"search-space-{search.experiment}", _every_combination(search, trials)
    yield from _edges(search, trials)


def _best(published: Published, search: Search, trials: Trials) -> Iterator[tuple[str, Verdict]]:
    """The chosen settings have the best number in every column that was not measured on the training items."""
    printed = set.intersection(*(set(numbers) for numbers in trials.values())) & set(published.metric)
    columns = sorted(name for name in printed if published.metric[name].measured_on != "train")
    chosen = tuple(search.chosen[name] for name in search.space)
    wrong: list[str] = []
    found: list[str] = []
    for column in columns:
        pick = min if published.metric[column].kind in SMALLER_IS_BETTER else max
        best = pick(trials, key=lambda settings: trials[settings][column])
        right = chosen in trials and trials[chosen][column] == trials[best][column]
        place = chosen if right else best
        (found if right else wrong).append(
            f"best {column} {digits(trials[best][column])} at {_settings(search, place)}"
        )
    if columns:
        claim = f"{search.table}: {_settings(search, chosen)} is the best of {len(trials)} tried"
        yield f"search-best-{search.experiment}", none_wrong(claim, wrong, listed(found), len(columns))


def _settings(search: Search, settings: tuple[float, ...]) -> str:
    return ", ".join(f"{name} {digits(value, 8)}" for name, value in zip(search.space, settings, strict=True))


def _every_combination(search: Search, trials: Trials) -> Verdict:
    """Every combination of the named values was tried, and no other."""
    space = [*search.space.values()]
    points = math.prod(map(len, space))
    never = [
        f"{name} {digits(value, 8)}"
        for place, name in enumerate(search.space)
        for value in space[place]
        if value not in {settings[place] for settings in trials}
    ]
    others = [
        settings for settings in trials if any(value not in of for value, of in zip(settings, space, strict=True))
    ]
    evidence = f"{len(trials) - len(others)} of {points} are published"
    evidence += f"; never {listed(never)}" * bool(never)
    evidence += f"; not of these values: {'; '.join(_settings(search, other) for other in others)}" * bool(others)
    claim = f"{search.table}: not all {points} combinations of the named values are published"
    numbers = {"combinations": points, "tried": len(trials), "others": len(others)}
    return len(trials) == points and not others, claim, evidence, numbers


def _edges(search: Search, trials: Trials) -> Iterator[tuple[str, Verdict]]:
    """A best value at the end of the range that was tried only says that the search should have gone on."""
    tried = {
        name: sorted({settings[place] for settings in trials} or values)
        for place, (name, values) in enumerate(search.space.items())
    }
    several = {name: values for name, values in tried.items() if len(values) > 2}
    wrong = [
        f"{name} {digits(search.chosen[name], 8)} is an end of {spaced(digits(value, 8) for value in values)}"
        for name, values in several.items()
        if search.chosen[name] in (values[0], values[-1])
    ]
    if several:
        claim = f"search of {search.experiment}: a chosen value lies at the end of the range that was tried"
        right = listed(f"{name} {digits(search.chosen[name], 8)}" for name in several)
        yield f"search-edge-{search.experiment}", none_wrong(claim, wrong, right, len(several))
