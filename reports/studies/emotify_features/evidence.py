"""What shows how Emotify's songs were labelled and divided: our runs in every way, and the published matrices.

A way is an experiment with a value of each of the switches `track_ids` (whose labels a song has) and `folds`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from common.corpora.emotify import ALL_ORDERS
from common.published import Published
from common.published.comparability import cut_to, has_random_weights
from reports.results import Group
from reports.studies.emotify_features.findings import DEEP, HANDCRAFTED
from reports.studies.emotify_features.likelihoods import chi_square, expected, likeliest, log_ratio, own_distances
from reports.studies.emotify_features.tracks import EQUAL, KNOWN, classified, left_out, orders_that_reach

CORPUS, ALPHABETICAL, PERMUTED = "corpus", "alphabetical", "permuted"
BY_NAME = "-by-name"
"""The end of a value of `track_ids` under which folders are listed by name."""
FOLDS = ("piece", "song")
CELLS = list(product((ALPHABETICAL, CORPUS), FOLDS))
"""Both known orders with both kinds of folds."""
FEWEST = 2
"""Runs of one way, so that each can be compared with the others."""

Way = tuple[str, str, str]
"""Experiment, `track_ids`, `folds`."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a conclusion is drawn from.

    Attributes:
        published: accuracy of the handcrafted features.
        matrices: recovered from the document, by experiment.
        totals: pieces per emotion that were classified, with the emotion that was left out.
        groups: our runs, by way.
    """

    published: float
    matrices: Mapping[str, np.ndarray]
    totals: Mapping[str, int]
    groups: Mapping[Way, Group]

    @cached_property
    def alike(self) -> dict[Way, Group]:
        """The runs to compare: under an order of the genres, those of the seeds that all its orders have.

        One order with more seeds would have a better known mean matrix, and be likelier or less likely by that alone.
        """
        shared: dict[tuple[str, str], set[int]] = {}
        for (experiment, track_ids, folds), group in self.groups.items():
            if track_ids in ALL_ORDERS:
                shared.setdefault((experiment, folds), set(group.seeds)).intersection_update(group.seeds)
        found = {}
        for (experiment, track_ids, folds), group in self.groups.items():
            seeds = shared[experiment, folds] if track_ids in ALL_ORDERS else group.seeds
            found[experiment, track_ids, folds] = Group(tuple(run for run in group.runs if run.seed in seeds))
        return found

    def confusions(self, experiment: str, track_ids: str, folds: str = "piece") -> list[np.ndarray]:
        """Return the matrices (true, predicted) of the runs to compare; empty where there are none."""
        group = self.alike.get((experiment, track_ids, folds))
        return confusions(group) if group else []

    def accuracies(self, experiment: str, track_ids: str, folds: str = "piece") -> dict[int, float]:
        """Return the accuracies of the runs to compare, by seed; empty where there are none."""
        group = self.alike.get((experiment, track_ids, folds))
        return {run.seed: run.data["metrics"]["accuracy"]["value"] for run in group.runs} if group else {}

    @cached_property
    def orders(self) -> dict[str, list[np.ndarray]]:
        """Matrices of the handcrafted features under each order of the genres, single pieces in the folds."""
        run = [track_ids for track_ids in ALL_ORDERS if (HANDCRAFTED, track_ids, "piece") in self.groups]
        return {track_ids: self.confusions(HANDCRAFTED, track_ids) for track_ids in run}

    @cached_property
    def by_all(self) -> dict[str, float]:
        """Log likelihood of the published matrix under each order, as `likeliest` returns it."""
        return likeliest(self.matrices[HANDCRAFTED], self.orders)

    @cached_property
    def by_errors(self) -> dict[str, float]:
        """The same by its errors alone."""
        return likeliest(self.matrices[HANDCRAFTED], self.orders, errors=True)

    @cached_property
    def reached(self) -> list[str]:
        """Orders under which the row totals can come out exactly."""
        reached = orders_that_reach(EQUAL, self.totals)
        return [name for name, order in ALL_ORDERS.items() if order in reached]

    @cached_property
    def experiments(self) -> list[str]:
        """The experiments that were run under both known orders and both kinds of folds."""
        every = dict.fromkeys(of for of, _, _ in self.groups)
        return [one for one in every if all((one, *cell) in self.groups for cell in CELLS)]

    def ratios(self, experiment: str, track_ids: str) -> tuple[float, float]:
        """Return the log likelihood ratio of labels to the corpus' own, by all cells and by the errors alone.

        It is that of the published matrix, with single pieces in the folds; above 0, these labels are likelier.
        """
        runs, own = (self.confusions(experiment, one) for one in (track_ids, CORPUS))
        matrix = self.matrices[compared_with(experiment)]
        by_all, by_errors = (log_ratio(matrix, runs, own, errors=errors) for errors in (False, True))
        return by_all, by_errors

    def apart(self, labels: str, folds: str = "piece") -> float:
        """Return how many standard deviations of our seeds the published accuracy is above their mean."""
        values = self.groups[HANDCRAFTED, labels, folds].values("accuracy")
        return float((self.published - np.mean(values)) / np.std(values, ddof=1))

    def distances(self, labels: str, folds: str = "piece") -> tuple[float, list[float]]:
        """Return how far the published matrix is from the mean of our runs, and each run from the mean of the others.

        A distance is Pearson's chi square.
        """
        runs = confusions(self.groups[HANDCRAFTED, labels, folds])
        return chi_square(self.matrices[HANDCRAFTED], expected(runs)), own_distances(runs)


def gathered(published: Published, groups: Iterable[Group], matrices: Mapping[str, np.ndarray]) -> Evidence | None:
    """Return the evidence; None if there are not all orders and both kinds of folds, with two runs each."""
    ways = ways_of(groups)
    needed = [(HANDCRAFTED, *way) for way in (*product(ALL_ORDERS, ["piece"]), *CELLS)]
    if not {HANDCRAFTED, DEEP} <= set(matrices) or any(way not in ways for way in needed):
        return None
    totals = classified(published, matrices[HANDCRAFTED]) | left_out(published)
    found = Evidence(published.numbers(HANDCRAFTED)["accuracy"].value, matrices, totals, ways)
    return found if all(len(found.alike[way].runs) >= FEWEST for way in needed) else None


def ways_of(groups: Iterable[Group]) -> dict[Way, Group]:
    """Return the groups that can be compared with the published matrices, by way."""
    found = {}
    for group in groups:
        switches, whole = group.first["switches"], cut_to(group.first) is None
        if whole and switches["ties"] == "random" and not group.demo and not has_random_weights(group.first):
            found[group.experiment, switches["track_ids"], switches["folds"]] = group
    return found


def confusions(group: Group) -> list[np.ndarray]:
    """Return the confusion matrices of runs, integers (true, predicted)."""
    return [np.array(run.data["confusion"]) for run in group.runs]


def compared_with(experiment: str) -> str:
    """Return whose published matrix an experiment is compared with: MobileNet's features are deep ones."""
    return DEEP if experiment.startswith("mobilenet") else HANDCRAFTED


def is_protocols(group: Group) -> bool:
    """Return whether a group's songs are labelled in one of the two orders that protocols have."""
    return group.first["switches"]["track_ids"] in KNOWN


def named_labels(track_ids: str) -> str:
    """Return the words for labels: `alphabetical`, `the corpus' own`, or the genres in their order."""
    bare = track_ids.removesuffix(BY_NAME)
    words = KNOWN.get(bare) or bare.replace("-", " ")
    return f"{words}, listed by name" if track_ids.endswith(BY_NAME) else words
