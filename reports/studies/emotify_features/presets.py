"""Are handcrafted features better than deep ones? Every preset on every set of features, as published and corrected.

Runs of one seed and protocol have the same pieces, so differences are paired and their intervals are bootstrapped over
songs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product

import numpy as np
from matplotlib.figure import Figure

from common.progress import duration_in_words
from common.published import Published
from common.published.comparability import obstacle
from reports.blocks import Block, Cell, Column, Number, Section, Shown, Table, Words
from reports.columns import precise
from reports.effects import paired_over_groups
from reports.figures import Picture
from reports.figures.sheet import BLUE, GREEN, ORANGE, PURPLE
from reports.results import Group, Result
from reports.studies.emotify_features.dots_figure import Dot, dots_figure
from reports.wording import MINUS, listed, percent, signed

SETS = {"handcrafted": "handcrafted", "mfcc": "MFCC", "mobilenet": "MobileNet", "deep": "Inception-v3"}
"""The names of the sets of features, by the first part of an experiment's id."""
OURS, THEIRS, MFCC = "handcrafted", "mobilenet", "mfcc"
"""The document's two kinds of features; the second from the network whose weights are available here."""
PUBLISHED = {OURS: "handcrafted-bagged-trees", "deep": "deep-cubic-svm"}
PROTOCOLS = ("published", "corrected")
PICTURE = "presets"
TITLE = "Every preset on every set of features"
LOOKS = ((BLUE, "o"), (GREEN, "s"), (ORANGE, "D"), (PURPLE, "^"))


@dataclass(frozen=True, eq=False)
class Presets:
    """Runs that can be compared.

    Attributes:
        published: the document.
        groups: the runs, by protocol, set of features and preset.
    """

    published: Published
    groups: Mapping[tuple[str, str, str], Group]

    @cached_property
    def presets(self) -> list[str]:
        """The presets that were run, in the order of the document's experiments."""
        return list(dict.fromkeys(preset for _, _, preset in self.groups))

    @cached_property
    def sets(self) -> list[str]:
        """The sets of features that were run under both protocols."""
        run = {(protocol, features) for protocol, features, _ in self.groups}
        return [name for name in SETS if run.issuperset(product(PROTOCOLS, [name]))]

    @cached_property
    def leads(self) -> dict[tuple[str, str], dict[str, Result]]:
        """By how much a preset is better on a set of features than on the network's, by protocol and set."""
        return {
            (protocol, features): {
                preset: lead
                for preset in self.presets
                if (lead := self.difference(protocol, (features, preset), (THEIRS, preset)))
            }
            for protocol, features in product(PROTOCOLS, (OURS, MFCC))
        }

    def difference(self, protocol: str, first: tuple[str, str], second: tuple[str, str]) -> Result | None:
        """Return by how much one (features, preset) is better than another, on the seeds that both have."""
        one, other = (self.groups.get((protocol, *of)) for of in (first, second))
        return paired_over_groups(one, other) if one and other else None

    def best(self, protocol: str, features: str) -> tuple[str, Group]:
        """Return the preset with the highest mean accuracy, and its runs."""
        run = {preset: group for (*of, preset), group in self.groups.items() if of == [protocol, features]}
        return max(run.items(), key=lambda pair: _mean(pair[1], "accuracy"))

    def corrected(self, features: str) -> tuple[str, Result | None]:
        """Compare the best presets on a set of features and on the network's, by name, corrected."""
        ours, theirs = ((one, self.best("corrected", one)[0]) for one in (features, THEIRS))
        return f"{'-'.join(ours)} and {'-'.join(theirs)}", self.difference("corrected", ours, theirs)


def answer(
    published: Published, groups: Sequence[Group], matrices: Mapping[str, np.ndarray]
) -> tuple[Section, list[Picture]] | None:
    """Return the section and its picture; None where no preset was run on both kinds of features."""
    found = Presets(published, dict(_comparable(published, groups)))
    if not all(found.leads[protocol, OURS] for protocol in PROTOCOLS):
        return None
    picture = Picture(PICTURE, TITLE, None, None, False, partial(_draw, found))
    blocks: tuple[Block, ...] = (*map(Words, _words(found)), _table(found), Shown(PICTURE, TITLE))
    title = "Are handcrafted features better than deep ones?"
    return Section("question", title, blocks, finding=_finding(found), apart=True), [picture]


def compared(published: Published) -> set[str]:
    """Return the experiments without a published number: they appear in the comparison only."""
    return {experiment.id for experiment in published.experiments if not published.numbers(experiment.id)}


def _comparable(published: Published, groups: Sequence[Group]) -> Iterator[tuple[tuple[str, str, str], Group]]:
    for group in groups:
        features, _, preset = group.experiment.partition("-")
        if group.protocol in PROTOCOLS and features in SETS and obstacle(group.first, published) is None:
            yield (group.protocol, features, preset), group


def _words(found: Presets) -> Iterator[str]:
    """Go through the paragraphs: the answer, then what it rests on, then what stays open."""
    yield _conclusion(found) + _on_mfcc(found)
    differences = {
        protocol: found.difference(protocol, (OURS, "bagged-trees"), (THEIRS, "cubic-svm")) for protocol in PROTOCOLS
    }
    pairs = [
        f"protocol {protocol} {_points(between)} percentage points" if between else f"protocol {protocol} not run"
        for protocol, between in differences.items()
    ]
    yield (
        f"The document's pair in our runs, bagged trees on handcrafted and cubic SVM on deep features (of "
        f"{SETS[THEIRS]}, a smaller network than its own): {'; '.join(pairs)}."
    )
    counts = [f"protocol {protocol} {_counted(found.leads[protocol, OURS])}" for protocol in PROTOCOLS]
    yield (
        f"Preset by preset, {OURS} compared with {THEIRS}: {'; '.join(counts)}; in the others the 95 % CI covers 0. "
        "(Intervals are not adjusted for the number of presets: about one in twenty excludes 0 by chance.)"
    )
    yield from _on_the_best(found)
    yield _extraction(found)
    absent = [SETS[name] for name in SETS if name not in found.sets]
    network = f"{listed(absent)} was not run with pretrained weights, which were not available: " if absent else ""
    yield (
        f"What stays open: {network}a larger network may be better or worse than {SETS[THEIRS]}. It is not known which "
        "17 features and which spectrogram the document used, and nothing was tuned on either side."
    )


def _best_apart(found: Presets) -> Result:
    """Return by how much the best preset on our features is ahead of the best on the network's, corrected."""
    _, between = found.corrected(OURS)
    assert between is not None
    return between


def _published_apart(found: Presets) -> str:
    """Write the published difference of both kinds in percentage points."""
    handcrafted, deep = (found.published.numbers(name)["accuracy"].value for name in PUBLISHED.values())
    return signed(100 * (handcrafted - deep), 1)


def _finding(found: Presets) -> str:
    """Answer by the interval of the difference between the best presets of both kinds, corrected."""
    between = _best_apart(found)
    low, high = between.interval
    answer = "are better than" if low > 0 else "are worse than" if high < 0 else "are not shown to be better than"
    return (
        f"The 17 handcrafted features {answer} those of a small pretrained network: with true labels and whole songs "
        f"in the folds, the best presets of both differ by {_points(between)} percentage points. In the slides it is "
        f"{_published_apart(found)}."
    )


def _conclusion(found: Presets) -> str:
    """Answer by the same interval, with what was compared."""
    between = _best_apart(found)
    low, high = between.interval
    answered = "Yes, compared with" if low > 0 else "Not shown, compared with"
    answered = "No, deep features are better, even from" if high < 0 else answered
    return (
        f"{answered} a smaller network than the document's. The difference in the slides is {_published_apart(found)} "
        "percentage points. With true labels and song-disjoint folds, the best preset on the 17 features and the best "
        f"on the network's ({found.corrected(OURS)[0]}) differ by {_points(between)} percentage points, over "
        f"{between.n} songs."
    )


def _on_mfcc(found: Presets) -> str:
    """Compare the other handcrafted features with the network's, if they were run."""
    names, between = found.corrected(MFCC) if MFCC in found.sets else ("", None)
    if between is None:
        return ""
    counts = _counted(found.leads["corrected", MFCC])
    return (
        f" MFCC, handcrafted but not among the 17, compared with the network's: {counts} presets. The best presets of "
        f"both ({names}) differ by {_points(between)} percentage points."
    )


def _counted(leads: Mapping[str, Result]) -> str:
    better = sum(lead.interval[0] > 0 for lead in leads.values())
    worse = sum(lead.interval[1] < 0 for lead in leads.values())
    return f"better in {better}, worse in {worse} of {len(leads)}"


def _on_the_best(found: Presets) -> Iterator[str]:
    """Say what the most accurate preset of each set has, by song and, because accuracy hides rare ones, by emotion."""
    recalls, both = [], []
    for features in found.sets:
        (leaking, with_song), (apart, without) = (found.best(protocol, features) for protocol in PROTOCOLS)
        recalls.append(f"{SETS[features]} ({apart}) {percent(_mean(without, 'macro_recall'))}")
        shares = [percent(_mean(group, "accuracy")) for group in (with_song, without)]
        both.append(f"{SETS[features]} {shares[0]} ({leaking}) and {shares[1]} ({apart})")
    chance = next(iter(found.groups.values())).first["baselines"]["chance"]["accuracy"]
    yield (
        f"Rare emotions: the macro recall of the most accurate preset of each set, corrected: {'; '.join(recalls)}; "
        f"guessing has {percent(chance)}."
    )
    yield (
        f"The best preset of each set, protocols published and corrected: {'; '.join(both)}. Under published, a "
        "song can be identified by its other pieces in training. (The best preset is chosen on the pieces on which it "
        "is reported, so each of these numbers is a little too high.)"
    )


def _mean(group: Group, metric: str) -> float:
    return float(np.mean(group.values(metric)))


def _extraction(found: Presets) -> str:
    """Give the time of feature extraction: that of the slowest run, which found nothing in the cache."""
    times = []
    for features in found.sets:
        runs = [run.data for (_, name, _), group in found.groups.items() if name == features for run in group.runs]
        slowest = max(runs, key=lambda run: run["timings"]["features_s"])
        threads = slowest["environment"]["threads"]
        seconds = duration_in_words(slowest["timings"]["features_s"])
        times.append(f"{SETS[features]} {seconds} on {threads} thread{'s' * (threads > 1)}")
    return (
        f"Features are computed once and cached. That took at most: {', '.join(times)} (the 17 and the MFCC are "
        "computed together; benchmarks/descriptors.py measures what one shared spectrum saves)."
    )


def _table(found: Presets) -> Table:
    sides = list(product(PROTOCOLS, found.sets))
    columns = (
        Column("Preset"),
        *(Column(f"Accuracy (%), ours, protocol {protocol}", SETS[features], "number") for protocol, features in sides),
        *(
            Column(f"{SETS[OURS]} {MINUS} {SETS[THEIRS]} (points)", f"protocol {protocol}", "number")
            for protocol in PROTOCOLS
        ),
    )
    rows: list[tuple[Cell, ...]] = []
    for preset in found.presets:
        groups = [found.groups.get((*side, preset)) for side in sides]
        accuracies = [precise(found.published, group, "accuracy") if group else None for group in groups]
        leads = [found.leads[protocol, OURS].get(preset) for protocol in PROTOCOLS]
        rows.append((preset, *accuracies, *(_lead(lead) for lead in leads)))
    seeds = sorted({len(group.runs) for group in found.groups.values()})
    several = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
    majority = {run.data["baselines"]["majority"]["accuracy"] for group in found.groups.values() for run in group.runs}
    baseline = " to ".join(dict.fromkeys(map(percent, (min(majority), max(majority)))))
    notes = (
        f"Means of {several} seeds, with 95 % CI over songs; differences are paired by piece. Majority-class baseline: "
        f"{baseline}.",
    )
    return Table("question-presets", TITLE, columns, tuple(rows), notes=notes)


def _lead(lead: Result | None) -> Cell:
    return Number(_points(lead), lead.value, lead.interval, lead.n) if lead else None


def _points(lead: Result) -> str:
    """Write a difference with its interval in percentage points."""
    value, low, high = (signed(100 * share, 1) for share in (lead.value, *lead.interval))
    return f"{value} [{low}, {high}]"


def _draw(found: Presets) -> Figure:
    panels = {
        protocol: {
            preset: [_dot(found.groups.get((protocol, features, preset))) for features in found.sets]
            for preset in found.presets
        }
        for protocol in PROTOCOLS
    }
    looks = dict(zip((SETS[name] for name in found.sets), LOOKS, strict=False))
    lines = [f"Published: {found.published.document}", "Ours: means over seeds, with 95 % CI over songs"]
    theirs = {SETS[name]: found.published.numbers(of)["accuracy"].value for name, of in PUBLISHED.items()}
    return dots_figure(panels, looks, "accuracy", TITLE, lines, theirs)


def _dot(group: Group | None) -> Dot | None:
    accuracy = group.result("accuracy") if group else None
    return (accuracy.value, accuracy.interval) if accuracy else None
