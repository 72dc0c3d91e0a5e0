"""Tests what a text concludes against the 95 % intervals of its published numbers.

A proportion is taken as narrowly as its table allows: rounded to two digits it may be a dozen numbers of hits, of which
the recalls and precisions of the classes leave a few. The interval of a difference is Newcombe's for two independent
samples, from the lowest to the highest number of hits that is possible. Two models tested on the same clips are not
independent: a proportion is better only if it is for every share of clips that the two may have decided differently. A
claim that only says which published number is larger (`by = "digits"`) is judged by the digits. A score that is no
proportion (lwlrap, a mean of values in 0..1 over items) has at most the variance of a proportion and is treated as one.
A mean over classes depends on the smallest of them: it counts as so many items as the classes' sizes give, and where
these are not published its interval is marked as approximate. Several trials have Student's interval. Where neither n
nor trials are published there is no interval.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from typing import Any

from common.intervals import Interval, Z, difference_interval, mean_interval, newcombe
from common.published import Printed, Published
from common.published.schema import same_split
from common.published.statements import Claim
from reports.audit import judge
from reports.audit.arithmetic import common, counts_of
from reports.audit.classes import Examined, pairs_of
from reports.audit.finding import NOT_PRINTED, Finding, between, digits, flat, lead, span
from reports.audit.judge import SUPPORTED
from reports.audit.results import SMALLER_IS_BETTER
from reports.wording import in_words, listed, percent, sentence, signed

LEAST_SHARE = 0.01
"""Two models that are trained anew differ on more clips than this: what needs fewer is not said."""


@dataclass(frozen=True)
class Value:
    """A published number with what its table allows.

    Attributes:
        low: lowest exact value.
        high: highest exact value.
        items: how many independent items it is as sure as; None where nothing says.
        approximate: whether `items` is a guess, because it is a mean over classes of unknown sizes.
    """

    printed: Printed
    low: float
    high: float
    items: float | None
    approximate: bool = False

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


@dataclass(frozen=True)
class Difference:
    """By how much the first of two published numbers is better."""

    first: Value
    second: Value
    by_digits: bool = False

    @property
    def bounds(self) -> Interval:
        """The smallest and the largest difference that rounding allows."""
        one, other, sign = self.first, self.second, self.first.sign
        low, high = sorted((sign * (one.low - other.high), sign * (one.high - other.low)))
        return low, high

    @cached_property
    def interval(self) -> Interval | None:
        """The 95 % interval; None where there is nothing to compute it from."""
        one, other = self.first, self.second
        if one.counted and other.counted:
            n_one, n_other = float(one.items or 0), float(other.items or 0)
            low = newcombe(one.low, n_one, other.high, n_other)[0]
            return low, newcombe(one.high, n_one, other.low, n_other)[1]
        trials = [value.printed.trials for value in (one, other)]
        if min(map(len, trials)) < 2:
            return None
        means = [value.printed.value for value in (one, other)]
        low, high = difference_interval(means[0], mean_interval(trials[0]), means[1], mean_interval(trials[1]))
        return (low, high) if one.sign > 0 else (-high, -low)

    @property
    def decisive(self) -> Interval | None:
        """The interval that a claim is judged by: certain only if it is for every overlap of the two tests.

        By digits, it is the difference alone.
        """
        if self.by_digits:
            gain = self.first.sign * (self.first.printed.value - self.second.printed.value)
            return gain, gain
        if self.interval is None or self.needed is None or self.interval[0] <= 0:
            return self.interval
        return self.interval if self.needed >= self.most else (0.0, self.interval[1])

    @property
    def most(self) -> float:
        """The largest share of clips that two tests with these scores can decide differently."""
        one, other = self.first.printed.value, self.second.printed.value
        return min(one + other, 2 - one - other)

    @cached_property
    def needed(self) -> float | None:
        """The share of clips up to which two tests of the same clips may differ for the 95 % CI to exclude 0.

        The variance of a paired difference d of n clips is (share - d^2) / n, where the share is that of the clips of
        which only one of the two is right. None where the two are not of the same clips.
        """
        one, other = self.first, self.second
        same = one.printed.n == other.printed.n and same_split(one.printed.split, other.printed.split)
        if not (one.counted and other.counted and same and one.printed.kind == "proportion"):
            return None
        least = min(map(abs, self.bounds))
        return least**2 * (1 + float(one.printed.n or 0) / Z**2)

    @property
    def if_independent(self) -> float:
        """The share of clips that two independent tests with these scores would decide differently."""
        one, other = self.first.printed.value, self.second.printed.value
        return one * (1 - other) + other * (1 - one)

    def __str__(self) -> str:
        by = lead(*self.bounds)
        if self.interval is None:
            return f"difference {by}, without an interval, because neither n nor trials are published"
        guess = ", approximate: the classes' sizes are not published"
        approximate = self.first.approximate or self.second.approximate
        text = f"difference {by} (95 % CI {between(self.interval)}{guess * approximate})"
        if self.by_digits:
            return f"{text.removesuffix(')')}; the digits decide, because no more is said)"
        if self.needed is None or self.bounds[0] <= 0 or self.needed < LEAST_SHARE or self.needed >= self.most:
            return text
        return (
            f"{text}; on the same clips shown if fewer than {percent(self.needed, 0)} of them are decided differently "
            f"({percent(self.if_independent, 0)} if the tests are independent)"
        )


def value_of(published: Published, experiment: str, metric: str, split: str = "") -> Value | None:
    """Return a published number of an experiment, as exactly as its tables allow; None if it is not published.

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
    if over_classes and table is not None and printed.table == table.table:
        return Value(printed, low, high, items_of_mean(table.counted.supports if table.counted else []))
    # A result table has the number of all items, not of each class: as if the classes were equally large.
    return Value(printed, low, high, printed.n, over_classes and bool(printed.n))


def items_of_mean(sizes: Sequence[int]) -> float | None:
    """Return how many items a mean over classes is as sure as if all are equally hard; None with an empty class.

    Its variance is the mean of the classes' variances, p(1 - p)/size each, over their number.
    """
    return len(sizes) ** 2 / math.fsum(1 / size for size in sizes) if sizes and min(sizes) > 0 else None


def _bounds(published: Published, experiment: str, metric: str, printed: Printed) -> Interval:
    table = published.table(experiment)
    if printed.kind == "proportion" and metric == "accuracy" and printed.n:
        hits = counts_of(printed.value, printed.n, printed.step)
        counted = table is not None and table.n == printed.n and not table.averaged
        allowed = Examined(table).hits if table is not None and counted else range(0)
        hits = common([hits, allowed]) or hits  # where the two contradict each other, a check of its own says so
        return (hits[0] / printed.n, hits[-1] / printed.n) if hits else (printed.value, printed.value)
    name, _, score = metric.rpartition("_")
    row = next((row for row in published.class_table(experiment) if row.name == name), None)
    if row is None or table is None or table.averaged or table.n is None or row.support is None:
        return printed.value, printed.value
    if metric in published.class_numbers(experiment):
        pairs = pairs_of(row, row.support, table.n, printed.step)
        return pairs.scores(score) if pairs.predicted else (printed.value, printed.value)
    return printed.value, printed.value


def prefix(study: str) -> str:
    """Return the word that ids of a study's own findings begin with."""
    return {"music_mood_wavenet": "mood"}.get(study, study.partition("_")[0])


def check(published: Published) -> Iterator[Finding]:
    """Test every claim."""
    tested = [(claim, _tested(published, claim)) for claim in published.claims]
    for claim, (verdict, evidence, numbers) in tested:
        yield Finding(
            published.study,
            f"{prefix(published.study)}-claims-{claim.id}",
            verdict == SUPPORTED,
            sentence(f"{claim.says} ({claim.section})"),
            evidence,
            flat(numbers),
            # Without the document's own words it is what a table suggests, and nobody's claim.
            "claim" if claim.quote else "comparison",
            claim.section,
            claim.quote,
            otherwise=verdict,
        )
    supported = {claim.id for claim, (verdict, *_) in tested if verdict == SUPPORTED}
    for one, other in combinations(published.claims, 2):
        # Two supported sentences do not contradict each other: a difference may be certain and small.
        if _opposed(one, other) and not {one.id, other.id} <= supported:
            name = f"{prefix(published.study)}-claims-{one.id}-and-{other.id}"
            evidence = f"{one.says} ({one.section}); {other.says} ({other.section})"
            yield Finding(published.study, name, False, "Two sentences on the same pair agree", evidence)


def _opposed(one: Claim, other: Claim) -> bool:
    """Whether two claims on one pair say greater and similar, or greater in both directions."""
    if not {one.kind, other.kind} <= {"greater", "similar"}:
        return False
    same = one.metric == other.metric and set(one.experiments) == set(other.experiments)
    return same and (one.kind != other.kind or (one.kind == "greater" and one.experiments != other.experiments))


def ranking(published: Published) -> Iterator[Finding]:
    """Ask between how many neighbours in the order by the headline metric the 95 % interval excludes 0."""
    values = {name: value_of(published, name, published.headline) for name in published.by_id}
    known = {name: value for name, value in values.items() if value is not None}
    order = sorted(known, key=lambda name: -known[name].sign * known[name].printed.value)
    leads = {
        f"{first} {known[first]} and {second} {known[second]}": Difference(known[first], known[second]).interval
        for first, second in pairwise(order)
    }
    if len(leads) < 2 or None in leads.values():  # two experiments are a claim, not an order
        return
    verdict, numbers = judge.all_greater(leads)
    apart = [names for names, interval in leads.items() if judge.greater(interval).verdict == SUPPORTED]
    claim = f"The order of {len(order)} experiments by {in_words(published.headline)} is not settled by the intervals"
    evidence = f"Between {len(apart)} of {len(leads)} neighbours the 95 % CI excludes 0" + (
        f": {listed(apart)}" if apart else ""
    )
    if verdict != SUPPORTED:
        name = f"ranking-{published.headline}"
        yield Finding(published.study, name, False, claim, evidence, numbers, kind="remark")


Tested = tuple[str, str, Mapping[str, Any]]
"""A verdict, the evidence, and its numbers."""
Named = Mapping[str, Value]


def _tested(published: Published, claim: Claim) -> Tested:
    if claim.kind == "each_greater":
        return _each_greater(published, claim)
    compared = claim.experiments
    if claim.kind == "best" and len(compared) == 1:
        compared += tuple(name for name in published.by_id if name not in compared)
    split = _split_of_all(published, compared, claim.metric)
    values = {
        name: value_of(published, name, claim.metric, split) or value_of(published, name, claim.metric)
        for name in compared
    }
    known = {name: value for name, value in values.items() if value is not None}
    missing = [name for name in compared if name not in known]
    enough = compared[0] in known and len(known) > 1 if claim.kind == "best" else not missing
    if not enough:
        names = (listed(missing) or "any other") if known else "any of them"
        return NOT_PRINTED, f"No {in_words(claim.metric)} is published for {names}", {}
    return _above(claim, known) if claim.kind == "above" else _compared(published, claim, known)


def _split_of_all(published: Published, experiments: Iterable[str], metric: str) -> str:
    """Return the split on which the metric is published for the most of these, the first of several; may be empty."""
    known = [(name, split) for name in experiments for split in _splits(published, name, metric)]
    splits = list(dict.fromkeys(split for _, split in known))
    return max(splits, key=lambda split: len({name for name, other in known if same_split(other, split)}), default="")


def _splits(published: Published, experiment: str, metric: str) -> list[str]:
    tables = [table for table in published.result_tables if experiment in table.rows and metric in table.columns]
    own = published.table(experiment)
    printed = own is not None and metric in published.numbers(experiment)
    return [table.split for table in tables] + ([own.split] if own is not None and printed else [])


def _compared(published: Published, claim: Claim, values: Named) -> Tested:
    """Compare the first with each other one; the evidence is the closest of them."""
    (first, one), *others = values.items()
    leads = {name: Difference(one, other, by_digits=claim.by == "digits") for name, other in others}
    name, closest = max(leads.items(), key=lambda pair: pair[1].second.sign * pair[1].second.printed.value)
    evidence = f"{first} {one}, {name} {closest.second}: {closest}"
    numbers: dict[str, Any] = {"lead": closest.bounds}
    if claim.kind == "best":
        verdict, more = judge.all_greater({other: one.decisive for other, one in leads.items()})
        evidence += f", the closest of {len(leads)}"
        numbers |= judge.greater(closest.decisive).numbers
    elif claim.kind == "similar":
        resolution = published.resolution["overall"]
        verdict, more = judge.similar(closest.decisive, resolution)
        where = {judge.SUPPORTED: "within", judge.CONTRADICTED: "outside", judge.NOT_SHOWN: "not known to be within"}
        evidence += f"; {where[verdict]} ±{digits(resolution)}"
    else:
        verdict, more = judge.greater(closest.decisive)
    numbers |= more
    if closest.interval is not None:
        numbers["interval"] = closest.interval
    if closest.needed is not None:
        numbers |= {"discordant_needed": closest.needed, "discordant_if_independent": closest.if_independent}
    return verdict, evidence, numbers


def _above(claim: Claim, values: Named) -> Tested:
    threshold = claim.threshold or 0.0
    verdict, numbers = judge.above({name: (value.low, value.high) for name, value in values.items()}, threshold)
    words = [f"{name} {value} (by the counts {span(value.low, value.high)})" for name, value in values.items()]
    evidence = f"{numbers['above']} of {len(values)} are certainly above {digits(threshold)}: {listed(words)}"
    return verdict, evidence, numbers


def _each_greater(published: Published, claim: Claim) -> Tested:
    """Compare class by class, by what the published digits allow: no author claims that each gain is certain."""
    first, second = claim.experiments
    pairs: dict[str, Difference] = {}
    for name in published.data.classes:
        one, other = (value_of(published, experiment, f"{name}_{claim.metric}") for experiment in (first, second))
        if one is None or other is None:
            return (
                NOT_PRINTED,
                f"{first} and {second} have no {in_words(claim.metric)} of each class",
                {},
            )
        pairs[name] = Difference(one, other)
    gains = {name: pair.first.printed.value - pair.second.printed.value for name, pair in pairs.items()}
    # By digits, rounded ones: equal digits hide a small gain, or a small loss.
    verdict, numbers = judge.all_greater({name: pair.bounds for name, pair in pairs.items()})
    without = [
        f"{name} {pairs[name].second} to {pairs[name].first} (by the counts {lead(*pairs[name].bounds)})"
        for name, gain in gains.items()
        if gain <= 0
    ]
    evidence = f"{numbers['above']} of {len(pairs)} classes gained; least {signed(min(gains.values()), 2)}"
    return verdict, evidence + (f"; not {listed(without)}" if without else ""), numbers
