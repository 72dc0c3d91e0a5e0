"""The interval of a mean over seeds: both sources of spread, and the distinct clips behind it."""

from pathlib import Path

import numpy as np
import pytest
from synthetic import Write, regressed

from common.intervals import mean_interval, wilson
from common.runs.records import ClipSet
from reports.collect import collect
from reports.means import DistinctClips, with_spread_of_seeds
from reports.results import Group, Result


def group_of(write: Write, runs: Path, *accuracies: float, protocol: str = "published") -> Group:
    """Return a run for each accuracy: on 144 clips of its own, under `independent` on the same 1,440."""
    for seed, accuracy in enumerate(accuracies):
        write("single-cnn", protocol, seed=seed, accuracy=accuracy, clips=1440)
    (group,) = collect([runs]).groups
    return group


def accuracy_of(group: Group) -> Result:
    result = group.result("accuracy")
    assert result is not None
    return result


def width(result: Result) -> float:
    low, high = result.interval
    return high - low


def test_one_run_keeps_the_interval_of_its_record(write: Write, runs: Path) -> None:
    accuracy = accuracy_of(group_of(write, runs, 0.6))
    assert accuracy.interval == pytest.approx(wilson(accuracy.value, 144))
    assert (accuracy.n, accuracy.method) == (144, "Wilson")


def test_seeds_that_test_other_clips_narrow_the_interval_and_add_to_n(write: Write, runs: Path) -> None:
    accuracy = accuracy_of(group_of(write, runs, 0.6, 0.6, 0.6, 0.6))
    assert accuracy.n == 4 * 144
    low, high = wilson(accuracy.value, 4 * 144)
    assert width(accuracy) == pytest.approx(high - low, rel=0.05)
    assert width(accuracy.of_one_run) == pytest.approx(2 * width(accuracy), rel=0.1)


def test_seeds_that_test_the_same_clips_add_no_clips(write: Write, runs: Path) -> None:
    group = group_of(write, runs, 0.6, 0.6, protocol="independent")
    accuracy = accuracy_of(group)
    assert accuracy.n == 1440
    assert "bootstrap over 24 groups" in accuracy.method
    assert "bootstrap over 1,440 clips" in group.over_clips("accuracy", accuracy).method


def test_seeds_that_are_always_right_are_not_certain(write: Write, runs: Path) -> None:
    accuracy = accuracy_of(group_of(write, runs, 1.0, 1.0))
    assert accuracy.interval == pytest.approx((wilson(1.0, 288)[0], 1))


def test_seeds_that_differ_widen_the_interval_of_their_mean(write: Write, runs: Path) -> None:
    accuracy = accuracy_of(group_of(write, runs, 0.5, 0.7))
    half = 1.96 * 0.2 / 2  # the standard error of a mean of two that differ by 0.2
    assert width(accuracy) / 2 > half
    assert accuracy.interval[0] < 0.5 < 0.7 < accuracy.interval[1]


def test_what_is_no_mean_of_clips_has_the_interval_of_one_run_for_all_clips(write: Write, runs: Path) -> None:
    group = group_of(write, runs, 0.6, 0.6, 0.6, 0.6)
    for result in (group.result("macro_f1"), group.result("recall", "angry")):
        assert result is not None
        assert "that of one run" in result.method
        assert result.n == 4 * result.of_one_run.n
        assert width(result) >= width(result.of_one_run) / 2


def test_a_share_ends_at_0_and_1(write: Write, runs: Path) -> None:
    accuracy = accuracy_of(group_of(write, runs, 0.2, 1.0))
    assert accuracy.interval[1] == 1.0


def test_both_sources_are_squared_and_added() -> None:
    half = 1.96 * 0.02 / np.sqrt(2)
    low, high = with_spread_of_seeds([0.49, 0.51], 0.03, 0.04)
    assert 0.5 - low == pytest.approx(np.hypot(0.03, half / np.sqrt(2)), rel=1e-3)
    assert high - 0.5 == pytest.approx(np.hypot(0.04, half / np.sqrt(2)), rel=1e-3)


def test_seeds_that_vary_more_than_clips_have_students_interval() -> None:
    values = [0.3, 0.5, 0.7]
    assert with_spread_of_seeds(values, 1e-9, 1e-9) == pytest.approx(mean_interval(values))
    narrow, wide = (with_spread_of_seeds([0.49, 0.5, 0.51], *[distance] * 2) for distance in (0.02, 0.2))
    assert wide[1] - 0.5 == pytest.approx(np.hypot(0.2, 1.96 * 0.01 / np.sqrt(3)), rel=1e-3)
    assert narrow[1] - 0.5 < mean_interval([0.49, 0.5, 0.51])[1] - 0.5


def test_an_error_has_no_interval_below_0_and_a_correlation_may(runs: Path) -> None:
    for seed in range(2):
        regressed(["valence"], "valence_parallel_conv", "combination-6", seed=seed).write(runs)
    (group,) = collect([runs]).groups
    single = Result(0.3, (0.2, 0.4), 9, {0: 0.01, 1: 0.59})
    assert group._mean("val_mae", None, single).interval[0] == 0
    assert group._mean("val_pearson", None, single).interval[0] < 0


def clips(*names: str) -> ClipSet:
    """Return clips whose group is their first letter."""
    groups = np.array([name[:1].encode() for name in names])
    return ClipSet.of(np.array([name.encode() for name in names]), groups, "speaker")


def test_a_clip_of_a_class_in_any_run_counts_once() -> None:
    distinct = DistinctClips.of([clips("a1", "a2", "b1"), clips("a2", "b2")])
    assert (len(distinct), distinct.n_groups) == (4, 2)
    first, second = np.eye(2, dtype=bool)[[0, 0, 1]], np.eye(2, dtype=bool)[[0, 1]]
    assert distinct.labelled([first, second]).tolist() == [2, 2]


def test_clips_of_a_group_are_drawn_together() -> None:
    tested = [clips(*(f"{song}{piece}" for song in "abcdefgh" for piece in range(4)))]
    of_songs = [np.repeat([1.0, 0.0], 16)]
    distinct = DistinctClips.of(tested)
    over_groups, over_clips = (
        sum(distinct.distances(of_songs, over_groups=one, proportion=True)) for one in (True, False)
    )
    assert over_groups == pytest.approx(2 * over_clips, rel=0.15)


def test_a_baseline_is_the_mean_of_the_seeds(runs: Path) -> None:
    for seed, error in enumerate((0.2, 0.4)):
        run = regressed(["valence"], "valence_parallel_conv", "combination-6", seed=seed)
        run.content["baselines"] = {"training mean": {"mae": error}}
        run.write(runs)
    (group,) = collect([runs]).groups
    assert group.baselines["training mean"]["mae"] == pytest.approx(0.3)
