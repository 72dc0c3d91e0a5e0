"""What tells how Emotify's songs were labelled and divided: our records and trials, and the printed matrices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from common.corpora.emotify import ORDERS
from common.trials import Trial, Trials
from reports.results import Group
from reports.studies.emotify_features.likelihoods import log_ratio
from reports.studies.emotify_features.tracks import EQUAL, orders_that_reach
from reports.wording import MINUS

HANDCRAFTED, DEEP = "handcrafted-bagged-trees", "deep-cubic-svm"
CORPUS, ALPHABETICAL = (" ".join(ORDERS[name]) for name in ("corpus", "alphabetical"))
KNOWN = {CORPUS: "the corpus' own", ALPHABETICAL: "alphabetical"}
"""Orders of the genres that have a name."""
WAYS = ("piece", "song")
"""What the folds may be of."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a conclusion is drawn from.

    Attributes:
        printed: accuracy of the handcrafted features.
        matrices: recovered, by experiment.
        totals: pieces per emotion that were classified, with the emotion that was left out.
        cells: records of the printed classifier under both labels and both folds, by (labels, folds).
        songs: all records with whole songs in the folds, of whatever features, classifier and labels.
        trials: of other ways.
    """

    printed: float
    matrices: Mapping[str, np.ndarray]
    totals: Mapping[str, int]
    cells: Mapping[tuple[str, str], Group]
    songs: Sequence[Group]
    trials: Trials

    @cached_property
    def orders(self) -> dict[str, list[np.ndarray]]:
        """Confusions of the trials of each order of the genres, single pieces in the folds."""
        found: dict[str, list[np.ndarray]] = {}
        for one in self.trials.of(experiment=HANDCRAFTED, folds="piece"):
            if is_plain_order(one.labels):
                found.setdefault(one.labels, []).append(one.confusion)
        return found

    @cached_property
    def reached(self) -> list[str]:
        """Orders under which the row totals can come out exactly."""
        return [" ".join(order) for order in orders_that_reach(EQUAL, self.totals)]


def confusions_of(group: Group) -> list[np.ndarray]:
    """Return the confusion matrix of each run, integers (true, predicted)."""
    return [np.array(run.data["confusion"]) for run in group.runs]


def experiments_of(trials: Trials) -> list[str]:
    """Return the ids of the experiments that trials were made of, in their order."""
    return list(dict.fromkeys(one.experiment for one in trials.all))


def held_against(experiment: str) -> str:
    """Return whose printed matrix an experiment is held against."""
    return DEEP if experiment.startswith("mobilenet") else HANDCRAFTED


def ratios_of(found: Evidence, experiment: str, labels: str) -> tuple[float, float] | None:
    """Return how much likelier labels make the printed matrix than the corpus' own, by all cells and by the errors."""
    runs = {one: found.trials.of(experiment=experiment, labels=one, folds="piece") for one in (labels, CORPUS)}
    if not all(runs.values()):
        return None
    first, other = ([one.confusion for one in own] for own in runs.values())
    matrix = found.matrices[held_against(experiment)]
    by_all, by_errors = (log_ratio(matrix, first, other, errors=errors) for errors in (False, True))
    return by_all, by_errors


def trials_of_chance(trials: Trials, folds: str) -> list[Trial]:
    """Return the control's trials: labels that are no order of the genres, in whatever listing."""
    return [one for one in trials.of(experiment=HANDCRAFTED, folds=folds) if not is_order(one.labels)]


def is_order(labels: str) -> bool:
    """Return whether labels came to songs by an order of the genres, in whatever listing of their folders."""
    return sorted(labels.partition(",")[0].split()) == sorted(CORPUS.split())


def is_plain_order(labels: str) -> bool:
    """Return whether labels came by an order of the genres, folders listed by number."""
    return "," not in labels and is_order(labels)


def mean_accuracy(own: Iterable[Trial]) -> float:
    """Return the mean accuracy of trials, 0..1."""
    return float(np.mean([one.accuracy for one in own]))


def named_labels(labels: str) -> str:
    """Return what labels are called: an order of the genres that is known by its name."""
    return KNOWN.get(labels, labels)


def percent(share: float) -> str:
    """Write a share of 1 as a percentage."""
    return f"{100 * share:.1f} %"


def signed(value: float) -> str:
    """Write a number with its sign and one decimal."""
    return f"{value:+.1f}".replace("-", MINUS)
