"""Our results as reports read them: groups of runs that differ in their seed only, and the long table of their scores.

Every table, figure, effect and verdict is a view of these rows: one for each group, metric and output.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from common.escaping import printable_in
from common.illustrations import Illustrations
from common.intervals import Interval, Score, wilson
from common.runs.records import ClipSet, Record
from common.runs.search_records import SearchResult
from common.splits import PAIRS, TESTED_TWICE, Leak
from reports.means import DistinctClips, distinct_of, with_spread_of_seeds

PROTOCOLS = ("published", "corrected", "independent")
MEANS_OF_CLIPS = {"classification": ("accuracy", "weighted_recall"), "tagging": (), "regression": ("mae",)}
"""The scores, by kind of task, that are the mean of what a run keeps per clip."""
SHARED = {
    "bytes": "identical recordings",  # as records of earlier versions call them
    "sound": "identical recordings",
    "artist or speaker": "artists or speakers",
}
"""What two sets share, where that is not just the check of the leak audit."""
LEAKY = "\N{DAGGER}"
"""Marks a number whose test clips are not apart from what the model was trained or chosen on."""
ERRORS = ("loss", "mae", "rmse", "relative_mae")
"""Metrics of which less is better, and 0 the least."""
VALIDATED = "val_"
"""How metrics of the validation clips begin, of which a record has no predictions."""


@dataclass(frozen=True)
class Result:
    """A score with its 95 % interval; over several seeds the mean with the interval of the mean.

    Attributes:
        n: distinct test clips over all seeds.
        seeds: the value of each seed.
        method: of the interval, in words.
        single: of several seeds, the same value with the interval and the n that one of the runs has on average.
    """

    value: float
    interval: Interval
    n: int
    seeds: Mapping[int, float] = field(default_factory=dict)
    method: str = ""
    single: "Result | None" = None

    @property
    def of_one_run(self) -> "Result":
        """The value with the interval of one run, as a document's own number has it."""
        return self.single or self


@dataclass(frozen=True, eq=False)
class Run:
    """One checked record with what it said of each clip.

    Attributes:
        record: of the run.
        clips: that it tested.
        true: class numbers (n,), or targets (n, outputs).
        per_clip: the score of each clip, shape (n,): whether it is right, its lwlrap, or its absolute error.
        constant: whether it says the same of every clip.
    """

    record: Record
    clips: ClipSet
    true: np.ndarray
    per_clip: np.ndarray
    constant: bool = False

    @cached_property
    def history(self) -> pd.DataFrame:
        """Its learning curves, read again for the few pictures that show them."""
        return self.record.history()

    @cached_property
    def data(self) -> dict[str, Any]:
        """Content of `record.json`, with names that every picture and page can show."""
        shown: dict[str, Any] = printable_in(self.record.data)
        return shown

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return int(self.data["seed"])

    @cached_property
    def weights(self) -> np.ndarray:
        """How much each clip counts in the mean of `per_clip`, shape (n,): in lwlrap as often as it has tags."""
        return self.true.sum(axis=1) if self.data["task"]["kind"] == "tagging" else np.ones(len(self.per_clip))

    @property
    def over_groups(self) -> bool:
        """Whether the intervals are over songs or speakers, not over clips."""
        return str(self.data["metrics"][self.record.task.HEADLINE]["method"]).endswith(" groups")

    def scores(self) -> Iterator[tuple[str, str | None, Score | None]]:
        """Yield metric, output (None for all of them) and score, which is None where the clips do not define it."""
        for metric, score in self.data["metrics"].items():
            yield metric, None, score
        for output, row in self.data["per_output"].items():
            for metric, score in row["scores"].items():
                yield metric, output, score


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that differ in nothing but their seed."""

    runs: tuple[Run, ...]

    @property
    def first(self) -> dict[str, Any]:
        """Record of the lowest seed: what all runs of the group share stands in it."""
        return self.runs[0].data

    @property
    def study(self) -> str:
        """Name of the study."""
        return str(self.first["study"])

    @property
    def experiment(self) -> str:
        """Id of the experiment."""
        return str(self.first["experiment"])

    @property
    def protocol(self) -> str:
        """Protocol, with the switches set away from it: `published+normalise=channel`."""
        return str(self.first["protocol"])

    @property
    def demo(self) -> bool:
        """Whether the clips are synthesised."""
        return bool(self.first["data"]["demo"])

    @property
    def kind(self) -> str:
        """Kind of the task: `classification`, `tagging` or `regression`."""
        return str(self.first["task"]["kind"])

    @property
    def outputs(self) -> list[str]:
        """The classes, the tags, or the scales."""
        return list(self.first["task"]["outputs"])

    @property
    def headline(self) -> str:
        """The metric that runs of this task are compared in: accuracy, lwlrap, or MAE."""
        return self.runs[0].record.task.HEADLINE

    @property
    def seeds(self) -> list[int]:
        """Seeds of the runs, ascending."""
        return [run.seed for run in self.runs]

    @cached_property
    def leaks(self) -> str:
        """What the leak audit found of the test clips, in words; empty if they are apart in every run."""
        return leaks_in_words([leak for run in self.runs for leak in run.data["leaks"]])

    @property
    def baselines(self) -> dict[str, dict[str, float]]:
        """The scores of each baseline, by metric: means over the runs."""
        names = {name: tuple(row) for name, row in self.first["baselines"].items()}
        return {
            name: {one: float(np.mean([run.data["baselines"][name][one] for run in self.runs])) for one in metrics}
            for name, metrics in names.items()
        }

    @property
    def confusion(self) -> np.ndarray:
        """Counts (true, predicted) of a classification, summed over the seeds."""
        return np.sum([run.data["confusion"] for run in self.runs], axis=0)

    @cached_property
    def results(self) -> Mapping[tuple[str, str | None], Result]:
        """The group's rows of the long table, by metric and output; without scores that a run has not."""
        found: dict[tuple[str, str | None], dict[int, Score]] = {}
        for run in self.runs:
            for metric, output, score in run.scores():
                if score is not None:
                    found.setdefault((metric, output), {})[run.seed] = score
        single = {key: _average(scores) for key, scores in found.items() if len(scores) == len(self.runs)}
        return single if len(self.runs) == 1 else {key: self._mean(*key, one) for key, one in single.items()}

    @property
    def over_groups(self) -> bool:
        """Whether the intervals are over songs or speakers, not over clips."""
        return all(run.over_groups for run in self.runs)

    @cached_property
    def distinct(self) -> DistinctClips:
        """The distinct clips that the seeds tested."""
        return distinct_of(tuple(run.clips for run in self.runs))

    @cached_property
    def _supports(self) -> Mapping[str, int]:
        """The number of distinct test clips that are of each class or have each tag; of a scale, all clips."""
        if self.kind == "regression":
            return dict.fromkeys(self.outputs, len(self.distinct))
        known = np.eye(len(self.outputs), dtype=bool)
        labels = [known[run.true] if run.true.ndim == 1 else run.true > 0 for run in self.runs]
        return dict(zip(self.outputs, map(int, self.distinct.labelled(labels)), strict=True))

    def _mean(self, metric: str, output: str | None, single: Result) -> Result:
        """Return a mean over several seeds with the interval of the mean.

        Args:
            metric: id of the score.
            output: of which it is, None for all.
            single: the mean with the interval of one run.
        """
        if output is None and metric in MEANS_OF_CLIPS[self.kind]:
            mean = self._resampled(single, over_groups=self.over_groups)
        elif metric.startswith(VALIDATED):
            mean = _of_mean(single, single.n)
        else:
            mean = _of_mean(single, len(self.distinct) if output is None else self._supports[output])
        if metric.removeprefix(VALIDATED) in ERRORS:
            return _from_0_to(math.inf, mean)
        return mean if self.kind == "regression" else _from_0_to(1.0, mean)

    def _resampled(self, single: Result, *, over_groups: bool) -> Result:
        """Return a mean over several seeds of what is known per clip, with an interval over clips or over groups."""
        units = f"{self.distinct.n_groups} groups" if over_groups else f"{len(self.distinct):,} clips"
        distances = self._distances_over_groups if over_groups else self._distances_over_clips
        return _combined(single, len(self.distinct), distances, f"bootstrap over {units}")

    @cached_property
    def _distances_over_groups(self) -> tuple[float, float]:
        return self._distances(over_groups=True)

    @cached_property
    def _distances_over_clips(self) -> tuple[float, float]:
        return self._distances(over_groups=False)

    def _distances(self, *, over_groups: bool) -> tuple[float, float]:
        scores = [run.per_clip for run in self.runs]
        return self.distinct.distances(scores, over_groups=over_groups, proportion=self.kind == "classification")

    def over_clips(self, metric: str, result: Result) -> Result:
        """Return the group's result in a proportion with an interval over clips, whatever the records draw."""
        one = result.of_one_run
        single = replace(one, interval=wilson(one.value, one.n), method="Wilson")
        if len(self.runs) == 1:
            return single
        if metric in MEANS_OF_CLIPS[self.kind]:
            return _from_0_to(1.0, self._resampled(single, over_groups=False))
        return _from_0_to(1.0, _of_mean(single, result.n))

    def result(self, metric: str, output: str | None = None) -> Result | None:
        """Return a score of all outputs, or of one; None where a run has not got it."""
        return self.results.get((metric, output))

    def values(self, metric: str) -> list[float]:
        """Return an overall metric of each seed; empty where a run has not got it."""
        result = self.result(metric)
        return list(result.seeds.values()) if result else []

    def least_time(self, name: str) -> float | None:
        """Return a time of the records, that of the quickest seed; None where one does not know it.

        Other work on the machine only makes a run slower.
        """
        times = [run.data["timings"][name] for run in self.runs]
        return None if None in times else float(min(times))

    def share_of_predicted(self, true: str, predicted: str) -> Result | None:
        """Return which share of the items predicted as one class has another as its true label.

        None where a run predicts nothing as that class or has other classes. n is how many a run predicts on average.
        """
        if true not in self.outputs or predicted not in self.outputs:
            return None
        row, column = self.outputs.index(true), self.outputs.index(predicted)
        counts = {run.seed: np.asarray(run.data["confusion"])[:, column] for run in self.runs}
        if any(count.sum() == 0 for count in counts.values()):
            return None
        single = _average({seed: _share(int(count[row]), int(count.sum())) for seed, count in counts.items()})
        return single if len(self.runs) == 1 else _from_0_to(1.0, _of_mean(single, single.n))


def whole_protocols(groups: Iterable[Group]) -> list[Group]:
    """Return the groups without a switch set otherwise; of an experiment that was run in no other way, all."""
    groups = list(groups)
    whole = {group.experiment for group in groups if not group.first["changed"]}
    return [group for group in groups if not group.first["changed"] or group.experiment not in whole]


def detail_of(leak: Leak) -> str:
    """Return what a check found; records of earlier versions say that test clips were chosen on, chosen or not."""
    return TESTED_TWICE if leak["check"] == "selection" and not leak["clean"] else leak["detail"]


def leaks_in_words(leaks: Sequence[Leak]) -> str:
    """Say what the test set shares with another set, and what else of it was used, without numbers; "" if nothing.

    Args:
        leaks: of the runs of one experiment and protocol.
    """
    found = [leak for leak in leaks if not leak["clean"] and not leak.get("unknown")]
    speakers = {leak["detail"] for leak in found if leak["check"] == "speaker"}
    # A corpus without groups of its own has its speakers as groups: that is one leak, not two.
    found = [
        leak for leak in found if leak["check"] != "group" or leak["detail"].replace("group", "speaker") not in speakers
    ]
    said: dict[str, str] = {}  # by check, the first of the pairs, which is the worst
    for pair in (pair for pair in PAIRS if "test" in pair):
        where = " and ".join(pair)
        said = {leak["check"]: where for leak in found if where in leak["detail"]} | said
    shared: dict[str, list[str]] = {}
    for check, where in said.items():
        what = shared.setdefault(where, [])
        what += {SHARED.get(check, f"{check}s")} - set(what)
    # The others tell of sets one by one: copies of test clips, statistics of them, choices on them.
    others = [detail_of(leak) for leak in found if leak["check"] not in said and "test" in leak["detail"]]
    return "; ".join(
        [*(f"{where} share {' and '.join(what)}" for where, what in shared.items()), *dict.fromkeys(others)]
    )


def _share(hits: int, n: int) -> Score:
    return {"value": hits / n, "interval": wilson(hits / n, n), "n": n, "method": "Wilson"}


def _average(scores: Mapping[int, Score]) -> Result:
    """Return the mean over the seeds with the interval and the n that one run has on average."""
    every = list(scores.values())
    values = [one["value"] for one in every]
    below = [one["value"] - one["interval"][0] for one in every]
    above = [one["interval"][1] - one["value"] for one in every]
    value, low, high, n = np.mean([values, below, above, [one["n"] for one in every]], axis=1).tolist()
    seeds = dict(zip(scores, values, strict=True))
    return Result(value, (value - low, value + high), round(n), seeds, every[0]["method"])


def _of_mean(single: Result, n: int) -> Result:
    """Return a mean over several seeds with the interval of the mean, where what is known per clip does not suffice.

    The part over clips is the interval of one run, as if that had tested all n clips. Where all seeds test the same
    clips, it is as wide as that of one run, and so too wide rather than too narrow.
    """
    scale = math.sqrt(single.n / n) if n else 1.0
    low, high = single.interval
    distances = scale * (single.value - low), scale * (high - single.value)
    return _combined(single, n, distances, f"that of one run ({single.method}) for {n:,} clips")


def _combined(single: Result, n: int, distances: tuple[float, float], method: str) -> Result:
    """Return a mean over several seeds, given how far its interval over clips reaches to both sides."""
    interval = with_spread_of_seeds(list(single.seeds.values()), *distances)
    method = f"mean of {len(single.seeds)} seeds: {method}, and spread of the seeds"
    return Result(single.value, interval, n, single.seeds, method, single)


def _from_0_to(highest: float, result: Result) -> Result:
    """Return a result whose interval has only values that a score can have: added distances may reach farther."""
    low, high = result.interval
    return replace(result, interval=(max(0.0, low), min(highest, high)))


class Row(NamedTuple):
    """A row of the long table; `output` is empty for scores of all outputs."""

    study: str
    experiment: str
    protocol: str
    demo: bool
    metric: str
    output: str
    value: float
    low: float
    high: float
    n: int
    seeds: int
    method: str


@dataclass(frozen=True)
class Collected:
    """Groups in the order of the documents, a sentence for all that was left out, and what each study has besides."""

    groups: tuple[Group, ...]
    skipped: tuple[str, ...]
    searches: tuple[SearchResult, ...] = ()
    illustrations: Mapping[str, Illustrations] = field(default_factory=dict)

    def long_table(self) -> list[Row]:
        """Return a row for each group, metric and output."""
        return [
            Row(
                *(group.study, group.experiment, group.protocol, group.demo, metric, output or ""),
                *(result.value, *result.interval, result.n, len(group.runs), result.method),
            )
            for group in self.groups
            for (metric, output), result in group.results.items()
        ]

    def studies(self) -> list[str]:
        """Return the studies that have a record or a search, sorted."""
        return sorted({group.study for group in self.groups} | {one.data["study"] for one in self.searches})

    def of(self, study: str) -> list[Group]:
        """Return the groups of one study."""
        return [group for group in self.groups if group.study == study]

    def searches_of(self, study: str) -> list[SearchResult]:
        """Return the searches of one study."""
        return [one for one in self.searches if one.data["study"] == study]
