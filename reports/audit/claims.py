"""What a text concludes from its numbers, held against their intervals.

A proportion is taken as narrow as its table allows: rounded to two digits it may be a dozen numbers of hits, of which
the recalls and precisions of the classes leave a few. The interval of a difference is Newcombe's for two independent
samples, from the lowest to the highest number that is allowed. Models tested on the same clips differ less by chance
than that, so what is beyond it is beyond chance, and what is within it is not shown by the printed numbers. A score
that is no proportion (lwlrap, a mean of values in 0..1 over items) has at most the variance of a proportion and is
treated as one. A mean over classes hangs on the smallest of them: as many items stand behind it as the classes' own
numbers of items give, and where these are not printed its interval is marked as indicated. Several trials have
Student's interval. Where neither n nor trials are printed, there is no interval, and the finding says so.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from common.intervals import Interval, difference_interval, mean_interval, newcombe
from common.published import Printed, Published
from common.published.schema import Claim, same_split
from reports.audit.arithmetic import common, counts_of
from reports.audit.classes import Examined, pairs_of
from reports.audit.finding import Finding, between, digits, listed, signed, span
from reports.audit.results import SMALLER_IS_BETTER


@dataclass(frozen=True)
class Value:
    """A printed number with what its table allows.

    Attributes:
        low: lowest exact value.
        high: highest exact value.
        items: how many independent items it is as sure as; None where nothing tells.
        indicated: whether `items` is a guess, because it is a mean over classes of unknown sizes.
    """

    printed: Printed
    low: float
    high: float
    items: float | None
    indicated: bool = False

    @property
    def sign(self) -> int:
        """-1 where smaller is better."""
        return -1 if self.printed.kind in SMALLER_IS_BETTER else 1

    @property
    def counted(self) -> bool:
        """Whether it has the interval of a proportion."""
        return self.printed.kind in ("proportion", "score") and bool(self.items) and 0 <= self.low <= self.high <= 1

    def __str__(self) -> str:
        return digits(self.printed.value)


def value_of(published: Published, experiment: str, metric: str, split: str = "") -> Value | None:
    """Return a printed number of an experiment, as exactly as its tables allow; None if it is not printed.

    Args:
        published: the document.
        experiment: id.
        metric: as in a claim.
        split: only what may be of this split.
    """
    numbers = published.numbers(experiment, split) | published.class_numbers(experiment)
    if metric not in numbers:
        return None
    printed, table = numbers[metric], published.table(experiment)
    low, high = _bounds(published, experiment, metric, printed)
    over_classes = metric.startswith("macro_")
    if over_classes and table is not None and metric not in _columns(published, experiment):
        return Value(printed, low, high, items_of_mean([row.support for row in table.rows]))
    return Value(printed, low, high, printed.n, over_classes and bool(printed.n))


def _columns(published: Published, experiment: str) -> set[str]:
    """Return the metrics that result tables print of an experiment."""
    return {name for table in published.result_tables if experiment in table.rows for name in table.columns}


def items_of_mean(sizes: Sequence[int]) -> float | None:
    """Return how many items a mean over classes is as sure as, were every class as hard; None with an empty class.

    Its variance is the mean of the classes' variances, p(1 - p)/size each, over their number.
    """
    return len(sizes) ** 2 / math.fsum(1 / size for size in sizes) if sizes and min(sizes) > 0 else None


def _bounds(published: Published, experiment: str, metric: str, printed: Printed) -> Interval:
    table = published.table(experiment)
    if printed.kind == "proportion" and metric == "accuracy" and printed.n:
        hits = counts_of(printed.value, printed.n, printed.step)
        allowed = Examined(table).hits if table is not None and table.n == printed.n else range(0)
        hits = common([hits, allowed]) or hits
        return (hits[0] / printed.n, hits[-1] / printed.n) if hits else (printed.value, printed.value)
    name, _, score = metric.rpartition("_")
    row = next((row for row in published.class_table(experiment) if row.name == name), None)
    if table is not None and row is not None and metric in published.class_numbers(experiment):
        pairs = pairs_of(row, table.n, printed.step)
        return pairs.scores(score) if pairs.predicted else (printed.value, printed.value)
    return printed.value, printed.value


def difference(first: Value, second: Value) -> tuple[Interval, Interval | None]:
    """Return how much better the first is (lowest, highest) and the 95 % interval of that; None: nothing to go by."""
    sign = first.sign
    low, high = sorted((sign * (first.low - second.high), sign * (first.high - second.low)))
    return (low, high), _interval(first, second)


def _interval(first: Value, second: Value) -> Interval | None:
    if first.counted and second.counted:
        n_first, n_second = float(first.items or 0), float(second.items or 0)
        return (
            newcombe(first.low, n_first, second.high, n_second)[0],
            newcombe(first.high, n_first, second.low, n_second)[1],
        )
    trials = [value.printed.trials for value in (first, second)]
    if min(map(len, trials)) < 2:
        return None
    means = [value.printed.value for value in (first, second)]
    low, high = difference_interval(means[0], mean_interval(trials[0]), means[1], mean_interval(trials[1]))
    return (low, high) if first.sign > 0 else (-high, -low)


def in_words(first: Value, second: Value) -> str:
    """Say how much better the first is than the second, with the interval: `+0.02, 95 % [-0.0171, +0.0553]`."""
    (low, high), interval = difference(first, second)
    by = signed(low) if digits(low) == digits(high) else f"{signed(low)} to {signed(high)}"
    if interval is None:
        return f"{by}, no interval: neither n nor trials are printed"
    guess = " (indicated: the classes' sizes are not printed)"
    return f"{by}, 95 % {between(interval)}{guess if first.indicated or second.indicated else ''}"


def prefix(study: str) -> str:
    """Return the word that ids of a study's own findings begin with."""
    return {"music_mood_wavenet": "mood"}.get(study, study.partition("_")[0])


def check(published: Published) -> Iterator[Finding]:
    """Examine every claim."""
    for claim in published.claims:
        holds, evidence = _judge(published, claim)
        name = f"{prefix(published.study)}-claims-{claim.id}"
        yield Finding(published.study, name, holds, f"{claim.says} ({claim.section})", evidence)
    yield from _contradictions(published)


def _contradictions(published: Published) -> Iterator[Finding]:
    """Two sentences on one pair contradict each other if one says greater and the other similar, or the reverse.

    Not where the numbers bear both out: a difference may be beyond chance and small.
    """
    pairs = [claim for claim in published.claims if claim.kind in ("greater", "similar")]
    for one, other in combinations(pairs, 2):
        same = one.metric == other.metric and set(one.experiments) == set(other.experiments)
        if same and (one.kind != other.kind or (one.kind == "greater" and one.experiments != other.experiments)):
            if all(_judge(published, sentence)[0] for sentence in (one, other)):
                continue
            name = f"{prefix(published.study)}-claims-{one.id}-and-{other.id}"
            evidence = f"{one.says} ({one.section}); {other.says} ({other.section})"
            yield Finding(published.study, name, False, "two sentences on the same pair agree", evidence)


def ranking(published: Published) -> Iterator[Finding]:
    """Ask how much of the order of a document's experiments, by its headline metric, is beyond chance."""
    values = {name: value_of(published, name, published.headline) for name in published.by_id}
    known = {name: value for name, value in values.items() if value is not None}
    order = sorted(known, key=lambda name: -known[name].sign * known[name].printed.value)
    pairs = list(pairwise(order))
    intervals = [difference(known[first], known[second])[1] for first, second in pairs]
    if len(pairs) < 2 or None in intervals:
        return
    beyond = [pair for pair, interval in zip(pairs, intervals, strict=True) if interval and interval[0] > 0]
    claim = f"the order of {len(order)} experiments by {published.headline} is more than chance"
    told = f"{len(beyond)} of {len(pairs)} neighbours differ beyond chance"
    names = listed(f"{first} {known[first]} and {second} {known[second]}" for first, second in beyond)
    evidence = f"{told}: {names}" if beyond else told
    yield Finding(published.study, f"ranking-{published.headline}", len(beyond) == len(pairs), claim, evidence)


Judged = tuple[bool, str]
Named = list[tuple[str, Value]]


def _judge(published: Published, claim: Claim) -> Judged:
    if claim.kind == "each_greater":
        return _each_greater(published, claim)
    compared = claim.experiments
    if claim.kind == "best" and len(compared) == 1:
        compared += tuple(name for name in published.by_id if name not in compared)
    split = _split_of_all(published, compared, claim.metric)
    values = [
        (name, value_of(published, name, claim.metric, split) or value_of(published, name, claim.metric))
        for name in compared
    ]
    missing = [name for name, value in values if value is None]
    known = [(name, value) for name, value in values if value is not None]
    enough = known and known[0][0] == compared[0] and len(known) > 1 if claim.kind == "best" else not missing
    if not enough:
        return False, f"no {claim.metric} is printed for {listed(missing) or 'any other'}: nothing supports the claim"
    if claim.kind == "above":
        return _above(claim, known)
    if claim.kind == "similar":
        return _similar(published, known)
    return {"best": _best, "greater": _greater}[claim.kind](known)


def _split_of_all(published: Published, experiments: Iterable[str], metric: str) -> str:
    """Return the split on which the metric is printed of the most of these, the first of several; may be empty."""
    known = [value for name in experiments for value in _printed_on_each_split(published, name, metric)]
    splits = list(dict.fromkeys(split for _, split in known))
    return max(splits, key=lambda split: len({name for name, other in known if same_split(other, split)}), default="")


def _printed_on_each_split(published: Published, experiment: str, metric: str) -> list[tuple[str, str]]:
    tables = [table for table in published.result_tables if experiment in table.rows and metric in table.columns]
    found = [(experiment, table.split) for table in tables]
    own = published.table(experiment)
    return found + ([(experiment, own.split)] if own is not None and metric in published.numbers(experiment) else [])


def _told(first: str, one: Value, second: str, other: Value) -> str:
    return f"{first} {one} against {second} {other}: {in_words(one, other)}"


def _best(values: Named) -> Judged:
    (first, chosen), *others = values
    name, second = max(others, key=lambda pair: pair[1].sign * pair[1].printed.value)
    (low, _), interval = difference(chosen, second)
    beyond = interval is not None and interval[0] > 0
    told = f"{_told(first, chosen, name, second)}, the next of {len(values)}"
    return beyond, told + (": ahead, but the lead may be chance" if low > 0 and not beyond else "")


def _greater(values: Named) -> Judged:
    (first, one), (second, other) = values
    _, interval = difference(one, other)
    return interval is not None and interval[0] > 0, _told(first, one, second, other)


def within(interval: Interval, resolution: float) -> bool | None:
    """Return whether a 95 % interval of a difference lies within +-resolution; None: neither within nor outside."""
    low, high = interval
    if -resolution <= low and high <= resolution:
        return True
    return False if low > resolution or high < -resolution else None


def _similar(published: Published, values: Named) -> Judged:
    """Similar are those whose difference is known to be small: its whole 95 % interval lies within +-resolution."""
    (first, one), (second, other) = values
    _, interval = difference(one, other)
    told, resolution = _told(first, one, second, other), published.resolution["overall"]
    if interval is None:
        return False, told
    inside, limit = within(interval, resolution), f"±{digits(resolution)}"
    where = {True: f"within {limit}", False: f"outside {limit}", None: f"not known: partly outside {limit}"}[inside]
    return inside is True, f"{told}: {where}"


def _above(claim: Claim, values: Named) -> Judged:
    threshold = claim.threshold or 0.0
    wrong = [name for name, value in values if value.high <= threshold]
    open_ = [name for name, value in values if value.low <= threshold < value.high]
    allowed = [f"{name} {value} ({span(value.low, value.high)})" for name, value in values]
    told = [f"not above {digits(threshold)}: {listed(wrong)}"] * bool(wrong)
    told += [f"not known: {listed(open_)}"] * bool(open_)
    told = told or [f"all above {digits(threshold)}"]
    return not (wrong or open_), f"{'; '.join(told)}; printed (and what the counts allow): {listed(allowed)}"


def _each_greater(published: Published, claim: Claim) -> Judged:
    first, second = claim.experiments
    pairs: list[tuple[str, Value, Value]] = []
    for name in published.data.classes:
        one, other = (value_of(published, experiment, f"{name}_{claim.metric}") for experiment in (first, second))
        if one is None or other is None:
            return False, f"{first} and {second} have not both a table of {claim.metric} per class"
        pairs.append((name, one, other))
    wrong = [pair for pair in pairs if pair[1].printed.value <= pair[2].printed.value]
    sizes = [
        one.printed.value - other.printed.value for _, one, other in pairs if one.printed.value > other.printed.value
    ]
    told = f"{len(sizes)} of {len(pairs)} classes grew" + (f", by {span(min(sizes), max(sizes))}" if sizes else "")
    not_grown = [f"{name} {other} to {one} ({_gain(one, other)} by the counts)" for name, one, other in wrong]
    return not wrong, told + (f"; not: {listed(not_grown)}" if wrong else "")


def _gain(one: Value, other: Value) -> str:
    return f"{signed(one.low - other.high)} to {signed(one.high - other.low)}"
