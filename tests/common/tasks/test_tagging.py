import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    label_ranking_average_precision_score,
    roc_auc_score,
)

from common.errors import InputError
from common.learners.lwlrap import Lwlrap
from common.tasks import Pooled, Tagging

TAGS = ("bark", "meow", "purr")
TASK = Tagging(TAGS)


def drawn(seed: int, clips: int = 30, levels: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Return targets and outputs with many ties; every tag has a clip with and one without it."""
    draw = np.random.default_rng(seed)
    targets = (draw.random((clips, 3)) < 0.4).astype(np.float32)
    targets[0], targets[1] = 1, 0
    return targets, (draw.integers(0, levels, (clips, 3)) / levels).astype(np.float32)


def scored(targets: np.ndarray, outputs: np.ndarray, thresholds: float = 0.5, **options):
    constants, whole = np.full_like(targets, 0.5), np.full_like(targets, thresholds)
    return TASK.scores(Pooled(targets, outputs, constants, whole), **options)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    targets, outputs = drawn(seed)
    found = scored(targets, outputs)
    values = {name: score["value"] for name, score in found.metrics.items()}
    weights = targets.sum(axis=1)
    assert values["lwlrap"] == pytest.approx(
        label_ranking_average_precision_score(
            targets[weights > 0], outputs[weights > 0], sample_weight=weights[weights > 0]
        )
    )
    for mean in ("macro", "micro"):
        assert values[f"{mean}_pr_auc"] == pytest.approx(average_precision_score(targets, outputs, average=mean))
        assert values[f"{mean}_roc_auc"] == pytest.approx(roc_auc_score(targets, outputs, average=mean))
        assert values[f"{mean}_f1"] == pytest.approx(f1_score(targets, outputs >= 0.5, average=mean, zero_division=0))
    for place, tag in enumerate(TAGS):
        row = found.per_output[tag]
        assert row["support"] == targets[:, place].sum()
        expected = average_precision_score(targets[:, place], outputs[:, place])
        assert row["scores"]["average_precision"]["value"] == pytest.approx(expected)


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_every_interval_holds_its_value(seed: int) -> None:
    found = scored(*drawn(seed), seed=seed)
    rows = [score for row in found.per_output.values() for score in row["scores"].values()]
    for score in (*found.metrics.values(), *rows):
        assert 0 <= score["interval"][0] <= score["value"] <= score["interval"][1] <= 1


def test_a_tag_without_clips_has_no_scores_and_no_part_in_macro_means() -> None:
    targets, outputs = drawn(3)
    targets[:, 2] = 0
    found = scored(targets, outputs)
    assert found.per_output["purr"] == {"support": 0, "scores": dict.fromkeys(found.per_output["purr"]["scores"])}
    expected = average_precision_score(targets[:, :2], outputs[:, :2], average="macro")
    assert found.metrics["macro_pr_auc"]["value"] == pytest.approx(expected)


def test_a_perfect_score_of_few_clips_is_not_certain() -> None:
    targets, _ = drawn(0, clips=20)
    targets[:, 0] = 1  # a clip without tags has no rank
    lwlrap = scored(targets, targets).metrics["lwlrap"]
    # One clip in 1 + 20 / 1.96² = 6.2 may be ranked wrongly: the upper end of Wilson's interval for none of 20.
    assert (lwlrap["value"], lwlrap["interval"]) == (1, [pytest.approx(1 - 1.96**2 / (20 + 1.96**2), abs=1e-4), 1])
    groups = np.repeat(["a", "b", "c", "d", "e"], 4)
    of_groups = scored(targets, targets, groups=groups).metrics["lwlrap"]["interval"]
    assert of_groups[0] == pytest.approx(1 - 1.96**2 / (5 + 1.96**2), abs=1e-4)


def test_a_perfect_score_of_a_tag_is_as_uncertain_as_its_clips_are_few() -> None:
    targets, _ = drawn(0, clips=20)
    rows = scored(targets, targets).per_output
    for place, tag in enumerate(TAGS):
        low = 1 - 1.96**2 / (targets[:, place].sum() + 1.96**2)
        for score in rows[tag]["scores"].values():
            assert (score["value"], score["interval"]) == (1, [pytest.approx(low, abs=1e-4), 1])
    groups = np.repeat(["a", "b", "c", "d", "e"], 4)
    of_groups = scored(targets, targets, groups=groups).per_output
    having = [len(set(groups[targets[:, place] > 0])) for place in range(len(TAGS))]
    lows = [of_groups[tag]["scores"]["f1"]["interval"][0] for tag in TAGS]
    assert lows == pytest.approx([1 - 1.96**2 / (n + 1.96**2) for n in having], abs=1e-4)


def test_clips_of_one_song_widen_the_intervals() -> None:
    targets, outputs = drawn(0, clips=20)
    copies = [np.repeat(array, 10, axis=0) for array in (targets, outputs)]
    song = np.repeat(np.arange(20).astype(str), 10)
    of_clips, of_songs = (scored(*copies, groups=groups).metrics["lwlrap"]["interval"] for groups in (None, song))
    assert of_songs[1] - of_songs[0] > 2 * (of_clips[1] - of_clips[0])


def test_the_interval_of_a_macro_pr_auc_covers_what_random_outputs_reach_on_many_clips() -> None:
    # Percentiles cover it in a quarter of these: the score of few clips is too high, that of a resample even more so.
    draw, share, covered = np.random.default_rng(0), 0.15, 0
    for _ in range(12):
        targets = (draw.random((80, 8)) < share).astype(np.float32)
        outputs = draw.random((80, 8)).astype(np.float32)
        found = Tagging(tuple("abcdefgh")).scores(Pooled(targets, outputs, outputs, np.full_like(outputs, 0.5)))
        low, high = found.metrics["macro_pr_auc"]["interval"]
        covered += low <= share <= high
    assert covered >= 8


def test_thresholds_are_the_best_on_validation_clips() -> None:
    targets, outputs = drawn(5)
    chosen = TASK.thresholds(targets, outputs)
    for place in range(len(TAGS)):
        every = [f1_score(targets[:, place], outputs[:, place] >= value) for value in np.unique(outputs)]
        assert f1_score(targets[:, place], outputs[:, place] >= chosen[place]) == pytest.approx(max(every))


@given(st.integers(0, 10**6), st.integers(1, 30))
@settings(max_examples=20, deadline=None)
def test_lwlrap_over_an_epoch_is_that_of_all_clips_whatever_the_batches(seed: int, size: int) -> None:
    targets, outputs = drawn(seed)
    metric = Lwlrap()
    for start in range(0, len(targets), size):
        metric.update_state(targets[start : start + size], outputs[start : start + size])
    assert float(metric.result()) == pytest.approx(scored(targets, outputs).metrics["lwlrap"]["value"], abs=1e-6)


def test_losses_are_those_of_keras() -> None:
    targets, outputs = drawn(2)
    expected = keras.losses.BinaryCrossentropy(reduction=None)(targets, outputs)
    assert np.allclose(TASK.losses(targets, outputs), expected, rtol=1e-5, atol=1e-6)


def test_the_popularity_baseline_ranks_tags_as_often_as_they_train() -> None:
    targets, _ = drawn(1)
    constants = np.tile(TASK.constant(targets), (len(targets), 1))
    found = TASK.baselines(targets, constants)["popularity"]
    assert found["lwlrap"] == pytest.approx(scored(targets, constants).metrics["lwlrap"]["value"])
    assert found["macro_roc_auc"] == 0.5


def test_tags_in_the_manifest_become_targets_and_come_back_from_the_table() -> None:
    clips = pd.DataFrame({"label": ["bark", "meow,purr", ""]})
    targets = TASK.targets(clips)
    assert targets.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]
    assert TASK.counts(clips) == {"bark": 1, "meow": 1, "purr": 1}
    outputs = np.random.default_rng(0).random((3, 3)).astype(np.float32)
    again = TASK.read(TASK.table(targets, outputs))
    assert np.array_equal(again[0], targets)
    assert np.array_equal(again[1], outputs)


def test_clips_with_other_tags_bring_their_own() -> None:
    assert TASK.of(pd.DataFrame({"label": ["moo,bark", "moo"]})).outputs == ("bark", "moo")
    with pytest.raises(InputError, match="moo"):
        TASK.of(pd.DataFrame({"label": ["moo", "moo"]}))


def test_a_forest_gives_a_probability_per_tag_even_for_a_tag_that_never_trained() -> None:
    targets, outputs = drawn(4)
    targets[:, 1] = 0
    forest = RandomForestClassifier(5, random_state=0).fit(outputs, TASK.fit_targets(targets))
    found = TASK.estimated(forest, outputs)
    assert found.shape == targets.shape
    assert (found[:, 1] == 0).all()
    assert found[targets[:, 0] == 1, 0].mean() > found[targets[:, 0] == 0, 0].mean()
