"""Checks of result tables, searches and tables of counts."""

import math
from collections.abc import Iterator
from itertools import combinations

from common.published import Printed, Published
from common.published.schema import Metric, Number, Result, ResultTable, Search, same_split
from reports.audit.arithmetic import TOLERANCE, counts_of, cut_counts_of, near
from reports.audit.finding import Finding, digits, listed, spaced, span

SMALLER_IS_BETTER = ("error", "seconds")


def check(published: Published) -> Iterator[Finding]:
    """Examine every result table, every result in the text, every search and every table of counts."""
    for table in published.result_tables:
        yield from _proportions(published, table)
        yield from _ranges(published, table)
    for one, other in combinations(published.result_tables, 2):
        if same_split(one.split, other.split):
            yield from _two_prints(published, one, other)
    for number in published.figures:
        if number.result and not number.result.other_run:
            yield from _of_the_text(published, number, number.result)
    for search in published.searches:
        yield from _search(published, search)
    for counts in published.counts:
        if counts.total is not None and counts.known == "printed":
            total, name = sum(counts.rows.values()), f"counts-{counts.id}"
            claim = f"counts {counts.id}: the {counts.items} add up"
            evidence = f"{len(counts.rows)} counts add up to {total}, printed {counts.total}"
            yield Finding(published.study, name, total == counts.total, claim, evidence)


def _cells(published: Published, table: ResultTable) -> Iterator[tuple[str, str, Metric, float, float]]:
    """Go through a table: experiment, column, its metric, the number, the unit of its last digit."""
    for experiment, row in table.rows.items():
        for place, (column, value) in enumerate(zip(table.columns, row, strict=True)):
            metric = published.metric[column]
            yield experiment, column, metric, value, metric.step_of(table.decimals_of(experiment, place, metric))


def _proportions(published: Published, table: ResultTable) -> Iterator[Finding]:
    """Every share of n items is k/n for a whole k: all of the table rounded, or all of it cut."""
    found: list[tuple[str, float, int, range, range]] = []
    for experiment, column, metric, value, step in _cells(published, table):
        n = table.n.get(column)
        if metric.kind == "proportion" and n is not None:
            name = f"{experiment} {column} {digits(value, 6)}"
            found.append((name, value, n, counts_of(value, n, step), cut_counts_of(value, n, step)))
    if not found:
        return
    cut = not all(rounded for *_, rounded, _ in found) and all(cut for *_, cut in found)
    wrong = [f"{name} is no k/{n} ({near(value, n)})" for name, value, n, rounded, _ in found if not rounded]
    right = [f"{name} = {_range(pair[cut])}/{n}" for name, _, n, *pair in found if pair[cut]]
    holds, how = cut or not wrong, "cut after the last digit, not rounded: " if cut else ""
    claim = f"{table.table}: every share is a whole number of items"
    yield Finding(published.study, f"proportions-{table.id}", holds, claim, how + listed(right if holds else wrong))


def _range(counts: range) -> str:
    return span(counts[0], counts[-1])


def _ranges(published: Published, table: ResultTable) -> Iterator[Finding]:
    """Losses, times and counts are not negative; a share or score outside 0..1 is refused with its file."""
    wrong = [
        f"{experiment} {column} {digits(value)}"
        for experiment, column, _, value, _ in _cells(published, table)
        if value < 0
    ]
    cells = len(table.rows) * len(table.columns)
    claim = f"{table.table}: every number lies where its kind can"
    evidence = listed(wrong) or f"{cells} numbers, none negative"
    yield Finding(published.study, f"range-{table.id}", not wrong, claim, evidence)


def _two_prints(published: Published, one: ResultTable, other: ResultTable) -> Iterator[Finding]:
    """What two tables print of one experiment in one metric is the same number, as far as its last digits tell."""
    pairs: list[tuple[str, Printed, Printed]] = []
    for experiment in one.rows:
        first, second = (published.results(table, experiment) for table in (one, other))
        pairs += [(f"{experiment} {name}", first[name], second[name]) for name in first if name in second]
    if not pairs:
        return
    wrong = [f"{name} {_trials(a)} and {_trials(b)}" for name, a, b in pairs if not _agree(a, b)]
    claim = f"{one.table} and {other.table} print the same numbers"
    evidence = listed(wrong) or f"{len(pairs)} numbers in both, the same within rounding"
    yield Finding(published.study, f"two-prints-tables-{one.id}-{other.id}", not wrong, claim, evidence)


def _of_the_text(published: Published, number: Number, result: Result) -> Iterator[Finding]:
    """A result that the text tells again is that of the table, or one of its trials, as far as its last digit tells."""
    printed = published.numbers(result.experiment, result.split).get(result.metric)
    if printed is None:
        return
    scale = 100 if number.unit == "%" else 1
    told, step = number.value / scale, 10.0**-number.decimals / scale
    agree = [_same(told, step, value, printed.step) for value in (printed.value, *printed.trials)]
    claim = f"text of {number.section} and {printed.table} print the same {result.metric} of {result.experiment}"
    sizes = sorted({n for n in (result.n, printed.n) if n is not None})
    evidence = f"{digits(told, 6)} and {_trials(printed)}" + (f", of {spaced(map(str, sizes))} items" if sizes else "")
    yield Finding(published.study, f"two-prints-text-{number.id}", any(agree) and len(sizes) < 2, claim, evidence)


def _agree(one: Printed, other: Printed) -> bool:
    """Whether both may be roundings of one number; with as many trials in both, trial by trial."""
    if len(one.trials) != len(other.trials):
        return abs(one.value - other.value) <= (one.step + other.step) / 2 + TOLERANCE
    return all(_same(a, one.step, b, other.step) for a, b in zip(one.trials, other.trials, strict=True))


def _same(one: float, step: float, other: float, other_step: float) -> bool:
    """Whether two printed values, each with the unit of its last digit, may be roundings of one number."""
    allowed = 0.0 if math.isclose(step, other_step) else (step + other_step) / 2
    return abs(one - other) <= allowed + TOLERANCE


def _trials(printed: Printed) -> str:
    return spaced(digits(value, 6) for value in printed.trials)


Trials = dict[tuple[float, ...], dict[str, float]]


def trials_of(published: Published, search: Search) -> Trials:
    """Return the printed metrics of a search by settings (in the order of its space), several trials as their mean.

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


def _search(published: Published, search: Search) -> Iterator[Finding]:
    unsaid = [name for name in search.space if name not in search.chosen]
    if unsaid:
        claim = f"{search.table}: a value of every setting was chosen"
        yield Finding(published.study, f"search-best-{search.experiment}", False, claim, f"none of {listed(unsaid)}")
        return
    trials = trials_of(published, search)
    if trials:
        yield from _best(published, search, trials)
        yield _every_combination(published, search, trials)
    yield from _edges(published, search)


def _best(published: Published, search: Search, trials: Trials) -> Iterator[Finding]:
    """The chosen settings have the best number in every column that was not measured on the training items."""
    printed = set.intersection(*(set(numbers) for numbers in trials.values())) & set(published.metric)
    columns = sorted(name for name in printed if published.metric[name].measured_on != "train")
    if not columns:
        return
    chosen = tuple(search.chosen[name] for name in search.space)
    wrong: list[str] = []
    found: list[str] = []
    for column in columns:
        pick = min if published.metric[column].kind in SMALLER_IS_BETTER else max
        best = pick(trials, key=lambda settings: trials[settings][column])
        held = chosen in trials and trials[chosen][column] == trials[best][column]
        place = chosen if held else best
        (found if held else wrong).append(f"{column} {digits(trials[best][column])} at {_in_words(search, place)}")
    claim = f"{search.table}: {_in_words(search, chosen)} is the best of {len(trials)} tried"
    yield Finding(
        published.study, f"search-best-{search.experiment}", not wrong, claim, f"best {listed(wrong or found)}"
    )


def _in_words(search: Search, settings: tuple[float, ...]) -> str:
    return ", ".join(f"{name} {digits(value, 8)}" for name, value in zip(search.space, settings, strict=True))


def _every_combination(published: Published, search: Search, trials: Trials) -> Finding:
    """As many settings were tried as the space has, and every value of it."""
    points = math.prod(len(values) for values in search.space.values())
    used = [{settings[place] for settings in trials} for place in range(len(search.space))]
    never = [
        f"{name} {digits(value, 8)}"
        for (name, values), seen in zip(search.space.items(), used, strict=True)
        for value in values
        if value not in seen
    ]
    others = [_in_words(search, settings) for settings in trials if not _of_space(search, settings)]
    claim = f"{search.table}: it has all {points} combinations of the values named"
    evidence = f"{len(trials) - len(others)} of {points} are printed" + (f"; never {listed(never)}" if never else "")
    evidence += f"; not of these values: {'; '.join(others)}" if others else ""
    holds = len(trials) == points and not others
    return Finding(published.study, f"search-space-{search.experiment}", holds, claim, evidence)


def _of_space(search: Search, settings: tuple[float, ...]) -> bool:
    return all(value in values for value, values in zip(settings, search.space.values(), strict=True))


def _edges(published: Published, search: Search) -> Iterator[Finding]:
    """A best value at the end of the range that was tried says only that the search should have gone on."""
    trials = trials_of(published, search)
    tried = [
        sorted({settings[place] for settings in trials} or values) for place, values in enumerate(search.space.values())
    ]
    at_end = [
        f"{name} {digits(search.chosen[name], 8)}, an end of {spaced(digits(value, 8) for value in values)}"
        for name, values in zip(search.space, tried, strict=True)
        if len(values) > 2 and search.chosen[name] in (values[0], values[-1])
    ]
    if any(len(values) > 2 for values in tried):
        claim = f"search of {search.experiment}: no chosen value lies at the end of what was tried"
        several = [name for name, values in zip(search.space, tried, strict=True) if len(values) > 2]
        evidence = listed(at_end or [f"{name} {digits(search.chosen[name], 8)}" for name in several])
        yield Finding(published.study, f"search-edge-{search.experiment}", not at_end, claim, evidence)
