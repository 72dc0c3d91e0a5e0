"""The document's question: are handcrafted features better than deep ones?

Every preset on every set of features, as published and corrected. Runs of one seed and protocol have the same pieces,
so differences are paired and their intervals are bootstrapped over songs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import product

import numpy as np
from matplotlib.figure import Figure

from common.intervals import Interval
from common.progress import duration_in_words
from common.published import Published
from reports.blocks import Block, Cell, Column, Number, Section, Shown, Table, Words
from reports.comparability import obstacle
from reports.effects import paired_over_groups
from reports.figures import Picture
from reports.results import Group, Result
from reports.studies.emotify_features.presets_figure import presets_figure
from reports.wording import MINUS, listed, percent, signed

SETS = {"handcrafted": "handcrafted", "mfcc": "MFCC", "mobilenet": "MobileNet", "deep": "Inception-v3"}
"""The names of the sets of features, by the first part of an experiment's id."""
OURS, THEIRS, MFCC = "handcrafted", "mobilenet", "mfcc"
"""The document's two kinds of features; the second from the network whose weights are available here."""
PUBLISHED = {OURS: "handcrafted-bagged-trees", "deep": "deep-cubic-svm"}
PROTOCOLS = ("published", "corrected")
PICTURE = "presets"
TITLE = "Every preset on every set of features"


@dataclass(frozen=True, eq=False)
class Compared:
    """All comparable groups, by set of features, preset and protocol."""

    groups: Mapping[tuple[str, str, str], Group]
    _differences: dict[tuple[tuple[str, str], tuple[str, str], str], Result | None] = field(default_factory=dict)

    @cached_property
    def presets(self) -> list[str]:
        """The presets that were run, in the order of the document's experiments."""
        return list(dict.fromkeys(preset for _, preset, _ in self.groups))

    @cached_property
    def sets(self) -> list[str]:
        """The sets of features that were run."""
        run = {features for features, _, _ in self.groups}
        return [name for name in SETS if name in run]

    def estimate(self, features: str, preset: str, protocol: str) -> Result | None:
        """Return an accuracy with its interval over songs, mean of the seeds."""
        group = self.groups.get((features, preset, protocol))
        return group.result("accuracy") if group else None

    def best(self, features: str, protocol: str) -> tuple[str, Result]:
        """Return the preset with the highest mean accuracy."""
        known = {preset: self.estimate(features, preset, protocol) for preset in self.presets}
        found = {preset: estimate for preset, estimate in known.items() if estimate}
        return max(found.items(), key=lambda pair: pair[1].value)

    def difference(self, first: tuple[str, str], second: tuple[str, str], protocol: str) -> Result | None:
        """Return by how much one (features, preset) is better than another, on the seeds that both have."""
        asked = (first, second, protocol)
        if asked not in self._differences:
            one, other = (self.groups.get((*of, protocol)) for of in (first, second))
            self._differences[asked] = paired_over_groups(one, other) if one and other else None
        return self._differences[asked]


def answer(
    published: Published, groups: Sequence[Group], matrices: Mapping[str, np.ndarray]
) -> tuple[Section, list[Picture]] | None:
    """Return the section and its picture; None where no preset was run on both kinds of features."""
    found = Compared(_comparable(published, groups))
    if not {OURS, THEIRS} <= set(found.sets) or not all(_shared(found, protocol) for protocol in PROTOCOLS):
        return None
    picture = Picture(PICTURE, TITLE, None, None, False, partial(_draw, found, published))
    blocks: tuple[Block, ...] = (
        Words(_conclusion(published, found)),
        *_details(published, found),
        _table(found),
        Shown(PICTURE, TITLE),
    )
    return Section("question", "Are handcrafted features better than deep ones?", blocks), [picture]


def _comparable(published: Published, groups: Sequence[Group]) -> dict[tuple[str, str, str], Group]:
    found = {}
    for group in groups:
        features, _, preset = group.experiment.partition("-")
        if group.protocol in PROTOCOLS and features in SETS and obstacle(group.first, published) is None:
            found[features, preset, group.protocol] = group
    return found


def _shared(found: Compared, protocol: str) -> list[tuple[str, Result]]:
    """Return the differences of the two kinds of features, preset by preset."""
    every = [(one, found.difference((OURS, one), (THEIRS, one), protocol)) for one in found.presets]
    return [(preset, difference) for preset, difference in every if difference]


def _conclusion(published: Published, found: Compared) -> str:
    """Answer by the interval of the difference between the best presets of both kinds, corrected."""
    published_two = [published.numbers(name)["accuracy"].value for name in PUBLISHED.values()]
    (ours, _), (theirs, _) = (found.best(features, "corrected") for features in (OURS, THEIRS))
    between = found.difference((OURS, ours), (THEIRS, theirs), "corrected")
    assert between is not None
    low, high = between.interval
    if low > 0:
        word = "Yes, compared with a smaller network than the document's"
    elif high < 0:
        word = "No, deep features are better, even from a smaller network than the document's"
    else:
        word = "Not shown, compared with a smaller network than the document's"
    return (
        f"{word}. The published difference is {_points(published_two[0] - published_two[1])}. With true labels and "
        f"song-disjoint folds, the best preset on the 17 features ({OURS}-{ours}) and the best on the network's "
        f"({THEIRS}-{theirs}) differ by {_with_interval(between)}, over {between.n} songs.{_by_mfcc(found)}"
    )


def _by_mfcc(found: Compared) -> str:
    """Compare the other handcrafted features with the network's, if they were run."""
    if MFCC not in found.sets:
        return ""
    (mfcc, _), (theirs, _) = (found.best(features, "corrected") for features in (MFCC, THEIRS))
    between = found.difference((MFCC, mfcc), (THEIRS, theirs), "corrected")
    every = _intervals(found, MFCC, "corrected")
    better, worse = sum(low > 0 for low, _ in every), sum(high < 0 for _, high in every)
    if between is None:
        return ""
    return (
        f" MFCC, handcrafted but not among the 17, are better than the network's in {better} and worse in {worse} of "
        f"{len(every)} presets; the best presets of both ({MFCC}-{mfcc}) differ by {_with_interval(between)}."
    )


def _intervals(found: Compared, features: str, protocol: str) -> list[Interval]:
    every = [found.difference((features, one), (THEIRS, one), protocol) for one in found.presets]
    return [difference.interval for difference in every if difference]


def _details(published: Published, found: Compared) -> list[Words]:
    pairs = [_pair(found, protocol) for protocol in PROTOCOLS]
    counts = [_counted(found, protocol) for protocol in PROTOCOLS]
    return [
        Words(f"The document's pair, bagged trees on handcrafted and cubic SVM on deep features: {'; '.join(pairs)}."),
        Words(
            f"Preset by preset, {OURS} compared with {THEIRS}: {'; '.join(counts)}. (Intervals are not adjusted for "
            "the number of presets: about one in twenty excludes 0 by chance.)"
        ),
        Words(_by_class(found)),
        Words(_by_song(found)),
        Words(_extraction(found)),
        Words(_open(published, found)),
    ]


def _pair(found: Compared, protocol: str) -> str:
    between = found.difference((OURS, "bagged-trees"), (THEIRS, "cubic-svm"), protocol)
    return f"{protocol} {_with_interval(between)}" if between else f"{protocol} not run"


def _counted(found: Compared, protocol: str) -> str:
    every = _intervals(found, OURS, protocol)
    better, worse = sum(low > 0 for low, _ in every), sum(high < 0 for _, high in every)
    return f"{protocol} better in {better}, worse in {worse} of {len(every)}, in the others the 95 % CI covers 0"


def _by_class(found: Compared) -> str:
    """Give the recall, averaged over the emotions: accuracy mostly depends on the frequent ones."""
    recalls = []
    for features in found.sets:
        preset, _ = found.best(features, "corrected")
        recall = float(np.mean(found.groups[features, preset, "corrected"].values("macro_recall")))
        recalls.append(f"{SETS[features]} ({preset}) {percent(recall)}")
    chance = next(iter(found.groups.values())).first["baselines"]["chance"]["accuracy"]
    return (
        f"Rare emotions: the macro recall of the most accurate preset of each set, corrected: {'; '.join(recalls)}; "
        f"guessing has {percent(chance)}."
    )


def _by_song(found: Compared) -> str:
    """Compare the best preset of each set of features with and without pieces of the test songs in training."""
    both = []
    for features in found.sets:
        (one, leaking), (other, apart) = (found.best(features, protocol) for protocol in PROTOCOLS)
        both.append(f"{SETS[features]} {percent(leaking.value)} ({one}) and {percent(apart.value)} ({other})")
    return (
        f"The best preset of each set, published and corrected: {'; '.join(both)}. Under the published protocol, a "
        "song can be identified by its other pieces in training. (The best preset is chosen on the pieces on which it "
        "is reported, so each of these numbers is a little too high.)"
    )


def _extraction(found: Compared) -> str:
    """Give the time of feature extraction: that of the slowest run, which found nothing in the cache."""
    times = []
    for features in found.sets:
        runs = [run for (name, *_), group in found.groups.items() if name == features for run in group.runs]
        slowest = max(runs, key=lambda run: run.data["timings"]["features_s"])
        threads = slowest.data["environment"]["threads"]
        seconds = duration_in_words(slowest.data["timings"]["features_s"])
        times.append(f"{SETS[features]} {seconds} on {threads} thread{'s' * (threads > 1)}")
    return (
        f"Features are computed once and cached. That took at most: {', '.join(times)} (the 17 and the MFCC are "
        "computed together; benchmarks/descriptors.py measures what one shared spectrum saves)."
    )


def _open(published: Published, found: Compared) -> str:
    missing = [SETS[name] for name in SETS if name not in found.sets]
    network = f"{listed(missing)} was not run with pretrained weights, which were not available: " if missing else ""
    return (
        f"What stays open: {network}a larger network may be better or worse than {SETS[THEIRS]}. It is not known which "
        "17 features and which spectrogram the document used, and nothing was tuned on either side."
    )


def _table(found: Compared) -> Table:
    columns = [Column("Preset")]
    columns += [
        Column(f"Accuracy (%), {protocol}", SETS[features], "number")
        for protocol, features in product(PROTOCOLS, found.sets)
    ]
    columns += [Column(f"{SETS[OURS]} {MINUS} {SETS[THEIRS]} (points)", protocol, "number") for protocol in PROTOCOLS]
    rows = [_row(found, preset) for preset in found.presets]
    seeds = sorted({len(group.runs) for group in found.groups.values()})
    majority = {run.data["baselines"]["majority"]["accuracy"] for group in found.groups.values() for run in group.runs}
    baseline = " to ".join(dict.fromkeys(map(percent, (min(majority), max(majority)))))
    several = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
    notes = (
        f"Means of {several} seeds, with 95 % CI over songs; differences are paired by piece. Majority-class baseline: "
        f"{baseline}.",
    )
    return Table("question-presets", TITLE, tuple(columns), tuple(rows), notes=notes)


def _row(found: Compared, preset: str) -> tuple[Cell, ...]:
    cells = [
        _accuracy(found.groups.get((features, preset, protocol)))
        for protocol, features in product(PROTOCOLS, found.sets)
    ]
    differences = [found.difference((OURS, preset), (THEIRS, preset), protocol) for protocol in PROTOCOLS]
    return preset, *cells, *(_difference(one) for one in differences)


def _accuracy(group: Group | None) -> Cell:
    estimate = group.result("accuracy") if group else None
    if group is None or estimate is None:
        return None
    low, high = (f"{100 * end:.1f}" for end in estimate.interval)
    text = f"{100 * estimate.value:.1f} [{low}, {high}]"
    seeds = dict(zip(group.seeds, group.values("accuracy"), strict=True))
    return Number(text, estimate.value, estimate.interval, estimate.n, seeds)


def _difference(estimate: Result | None) -> Cell:
    if estimate is None:
        return None
    low, high = (signed(100 * end, 1) for end in estimate.interval)
    return Number(f"{signed(100 * estimate.value, 1)} [{low}, {high}]", estimate.value, estimate.interval, estimate.n)


def _with_interval(estimate: Result) -> str:
    low, high = (signed(100 * end, 1) for end in estimate.interval)
    return f"{_points(estimate.value)} [{low}, {high}]"


def _points(share: float) -> str:
    return f"{signed(100 * share, 1)} percentage points"


def _draw(found: Compared, published: Published) -> Figure:
    rows = {
        preset: [
            [_interval_of(found.estimate(features, preset, protocol)) for features in found.sets]
            for protocol in PROTOCOLS
        ]
        for preset in found.presets
    }
    theirs = {SETS[name]: published.numbers(of)["accuracy"].value for name, of in PUBLISHED.items()}
    return presets_figure(rows, PROTOCOLS, [SETS[name] for name in found.sets], theirs, published.document)


def _interval_of(estimate: Result | None) -> tuple[float, Interval] | None:
    return (estimate.value, estimate.interval) if estimate else None


def compared(published: Published) -> set[str]:
    """Return the experiments without a published number: they appear in the comparison only."""
    return {experiment.id for experiment in published.experiments if not published.numbers(experiment.id)}
