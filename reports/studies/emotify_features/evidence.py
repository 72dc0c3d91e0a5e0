"""What shows how Emotify's songs were labelled and divided: our runs in every way, and the published matrices.

A way is an experiment with a value of each of the switches `track_ids` (whose labels a song has) and `folds`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from common.corpora.emotify import ORDERS
from reports.comparability import has_random_weights
from reports.results import Group, Run, cut_to
from reports.studies.emotify_features.likelihoods import log_ratio
from reports.studies.emotify_features.tracks import EQUAL, KNOWN, Order, orders_that_reach

HANDCRAFTED, DEEP = "handcrafted-bagged-trees", "deep-cubic-svm"
CORPUS, ALPHABETICAL, PERMUTED = "corpus", "alphabetical", "permuted"
BY_NAME = "-by-name"
"""The end of a value of `track_ids` under which folders are listed by name."""
FOLDS = ("piece", "song")

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

    def confusions(self, experiment: str, track_ids: str, folds: str) -> list[np.ndarray]:
        """Return the matrices (true, predicted) of the seeds to compare; empty where there are no runs."""
        return [confusion_of(run) for run in self._compared((experiment, track_ids, folds))]

    def accuracies(self, experiment: str, track_ids: str, folds: str) -> dict[int, float]:
        """Return the accuracies of the seeds to compare, by seed; empty where there are no runs."""
        return {run.seed: accuracy_of(run) for run in self._compared((experiment, track_ids, folds))}

    def _compared(self, way: Way) -> list[Run]:
        """Return the runs to compare: under an order of the genres, those of the seeds that all its orders have.

        One order with more seeds would have a better known mean matrix, and be likelier or less likely by that alone.
        """
        if way not in self.groups:
            return []
        experiment, track_ids, folds = way
        alike = [
            set(group.seeds)
            for (of, value, divided), group in self.groups.items()
            if (of, divided) == (experiment, folds) and is_order(value)
        ]
        shared = set.intersection(*alike) if is_order(track_ids) else self.groups[way].seeds
        return [run for run in self.groups[way].runs if run.seed in shared]

    @cached_property
    def orders(self) -> dict[str, list[np.ndarray]]:
        """Matrices of the handcrafted features under each order of the genres, single pieces in the folds."""
        tried = [track_ids for of, track_ids, folds in self.groups if (of, folds) == (HANDCRAFTED, "piece")]
        return {one: self.confusions(HANDCRAFTED, one, "piece") for one in tried if is_order(one)}

    @cached_property
    def reached(self) -> list[str]:
        """Orders under which the row totals can come out exactly."""
        return [value_of(order) for order in orders_that_reach(EQUAL, self.totals)]

    @cached_property
    def experiments(self) -> list[str]:
        """The experiments that were run under both known orders and both kinds of folds."""
        ways = [(labels, folds) for labels in KNOWN for folds in FOLDS]
        every = dict.fromkeys(of for of, _, _ in self.groups)
        return [one for one in every if all((one, *way) in self.groups for way in ways)]

    @cached_property
    def of_whole_songs(self) -> dict[tuple[str, str, int], float]:
        """Accuracy of each run with whole songs in the folds, by experiment, `track_ids` and seed."""
        own = {way: group for way, group in self.groups.items() if way[2] == "song"}
        return {
            (of, track_ids, run.seed): accuracy_of(run)
            for (of, track_ids, _), group in own.items()
            for run in group.runs
        }

    def ratios(self, experiment: str, track_ids: str) -> tuple[float, float]:
        """Return the log likelihood ratio of labels to the corpus' own, by all cells and by the errors alone.

        It is that of the published matrix, with single pieces in the folds; above 0, these labels are likelier.
        """
        runs, own = (self.confusions(experiment, one, "piece") for one in (track_ids, CORPUS))
        matrix = self.matrices[compared_with(experiment)]
        by_all, by_errors = (log_ratio(matrix, runs, own, errors=errors) for errors in (False, True))
        return by_all, by_errors


def ways_of(groups: Iterable[Group]) -> dict[Way, Group]:
    """Return the groups that can be compared with the published matrices, by way."""
    found = {}
    for group in groups:
        switches, whole = group.first["switches"], cut_to(group.first) is None
        if whole and switches["ties"] == "random" and not group.demo and not has_random_weights(group.first):
            found[group.experiment, switches["track_ids"], switches["folds"]] = group
    return found


def confusion_of(run: Run) -> np.ndarray:
    """Return the confusion matrix of a run, integers (true, predicted)."""
    return np.array(run.data["confusion"])


def accuracy_of(run: Run) -> float:
    """Return the accuracy of a run, 0..1."""
    return float(run.data["metrics"]["accuracy"]["value"])


def compared_with(experiment: str) -> str:
    """Return whose published matrix an experiment is compared with: MobileNet's features are deep ones."""
    return DEEP if experiment.startswith("mobilenet") else HANDCRAFTED


def value_of(order: Order) -> str:
    """Return the value of `track_ids` for an order of the genres."""
    named = {genres: name for name, genres in ORDERS.items()}
    return named.get(order, "-".join(order))


def genres_of(track_ids: str) -> tuple[str, ...]:
    """Return the order of the genres that a value of `track_ids` has; empty for permuted labels."""
    bare = track_ids.removesuffix(BY_NAME)
    genres = ORDERS.get(bare, tuple(bare.split("-")))
    return genres if sorted(genres) == sorted(ORDERS[CORPUS]) else ()


def is_order(track_ids: str) -> bool:
    """Return whether labels come by an order of the genres, with the folders listed by number."""
    return bool(genres_of(track_ids)) and not track_ids.endswith(BY_NAME)


def is_protocols(group: Group) -> bool:
    """Return whether a group's songs are labelled in one of the two orders that protocols have."""
    return group.first["switches"]["track_ids"] in KNOWN


def named_labels(track_ids: str) -> str:
    """Return the words for labels: `alphabetical`, `the corpus' own`, or the genres in their order."""
    bare = track_ids.removesuffix(BY_NAME)
    words = KNOWN.get(bare) or bare.replace("-", " ")
    return f"{words}, listed by name" if track_ids.endswith(BY_NAME) else words
