from functools import partial

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from common.intervals import (
    difference_interval,
    mcnemar,
    mean_interval,
    mean_score,
    newcombe,
    paired_difference,
    wilson,
)
from common.tasks.classification import baselines, bootstrap_difference, classification, cross_entropy, group_confusions

CLASSES = ("angry", "happy", "sad")
labels = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60)


def scored(pairs: list, **options) -> dict:
    true, predicted = zip(*pairs, strict=True)
    return classification(true, predicted, CLASSES, **options)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_intervals_of_newcombe_1998(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits / n, n) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_newcombe_gives_the_printed_intervals_of_method_10(
    first: tuple, second: tuple, low: float, high: float
) -> None:
    interval = newcombe(first[0] / first[1], first[1], second[0] / second[1], second[1])
    assert interval == pytest.approx((low, high), abs=6e-5)


@given(st.integers(0, 200), st.integers(1, 200))
def test_wilson_holds_its_proportion_and_stays_between_0_and_1(hits: int, n: int) -> None:
    proportion = min(hits, n) / n
    low, high = wilson(proportion, n)
    assert 0 <= low <= proportion + 1e-12
    assert proportion - 1e-12 <= high <= 1


@given(st.floats(0, 1), st.integers(1, 500), st.floats(0, 1), st.integers(1, 500))
def test_swapping_the_two_proportions_mirrors_the_interval(one: float, n: int, other: float, m: int) -> None:
    low, high = newcombe(one, n, other, m)
    assert newcombe(other, m, one, n) == pytest.approx((-high, -low))


def test_knowing_nothing_of_one_side_leaves_the_difference_wide_open() -> None:
    low, high = difference_interval(0.5, (0.5, 0.5), 0.5, wilson(0.5, 0))
    assert (low, high) == (-0.5, 0.5)


def test_mcnemar_counts_where_only_one_run_is_right() -> None:
    first = np.array([True] * 10 + [False] * 2 + [True] * 30)
    second = np.array([False] * 10 + [True] * 2 + [True] * 30)
    result = mcnemar(first, second)
    assert (result.only_first, result.only_second) == (10, 2)
    assert result.p == pytest.approx(2 * (1 + 12 + 66) / 4096)


def test_two_runs_that_agree_everywhere_do_not_differ() -> None:
    assert mcnemar([True, False], [True, False]).p == 1.0


def test_the_paired_interval_is_narrower_than_that_of_two_independent_runs() -> None:
    first = np.array([True] * 60 + [False] * 40)
    second = np.array([True] * 50 + [False] * 50)
    low, high = paired_difference(first, second)
    apart_low, apart_high = newcombe(0.6, 100, 0.5, 100)
    assert 0 < low < 0.1 < high
    assert high - low < apart_high - apart_low


def test_the_mean_of_a_few_values_has_students_interval() -> None:
    assert mean_interval([1.0, 2.0, 3.0]) == pytest.approx((-0.4841, 4.4841), abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(labels)
def test_scores_agree_with_scikit_learn(pairs: list) -> None:
    true, predicted = zip(*pairs, strict=True)
    present = sorted(set(true))
    expected = classification_report(true, predicted, labels=present, output_dict=True, zero_division=0)
    block = scored(pairs)
    for mean in ("macro", "weighted"):
        for score, name in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
            value = block["metrics"][f"{mean}_{score}"]["value"]
            assert value == pytest.approx(expected[f"{mean} avg"][name])
    for number in present:
        row = block["per_output"][CLASSES[number]]
        scores = [score["value"] for score in row["scores"].values()]
        assert [*scores, row["support"]] == pytest.approx(list(expected[str(number)].values()))


@settings(max_examples=30, deadline=None)
@given(labels)
def test_the_confusion_has_true_classes_as_rows_and_every_clip_once(pairs: list) -> None:
    confusion = np.array(scored(pairs)["confusion"])
    assert confusion.sum() == len(pairs)
    for true, predicted in set(pairs):
        assert confusion[true, predicted] == pairs.count((true, predicted))


def test_a_class_without_clips_has_no_scores_and_no_part_in_the_means() -> None:
    block = scored([(0, 0)] * 5 + [(1, 1)] * 5)
    assert block["per_output"]["sad"] == {"support": 0, "scores": dict.fromkeys(("precision", "recall", "f1"))}
    assert block["metrics"]["macro_f1"]["value"] == 1.0


def test_a_class_never_predicted_has_precision_0_and_knows_nothing_about_it() -> None:
    precision = scored([(0, 0)] * 5 + [(1, 0)] * 5)["per_output"]["happy"]["scores"]["precision"]
    assert (precision["value"], precision["interval"]) == (0.0, [0.0, 1.0])


def test_accuracy_of_independent_clips_has_wilsons_interval() -> None:
    accuracy = scored([(0, 0)] * 81 + [(0, 1)] * 182)["metrics"]["accuracy"]
    assert accuracy["interval"] == pytest.approx([0.2553, 0.3662], abs=6e-5)
    assert (accuracy["method"], accuracy["n"]) == ("Wilson", 263)


def test_clips_of_one_speaker_count_as_one_observation() -> None:
    pairs = [(0, 0)] * 75 + [(0, 1)] * 75
    speakers = [speaker for speaker in "abcdef" for _ in range(25)]
    alone, shared = (scored(pairs, groups=groups)["metrics"]["accuracy"] for groups in (None, speakers))
    assert shared["method"] == "bootstrap over 6 groups"
    assert shared["interval"][0] < 0.2 < 0.8 < shared["interval"][1]
    assert alone["interval"][0] > 0.4


@pytest.mark.parametrize(("speakers", "why"), [("a", "1 group is"), ("ab", "2 groups are"), ("abcd", "4 groups are")])
def test_speakers_too_few_to_draw_leave_the_intervals_to_the_clips(speakers: str, why: str) -> None:
    pairs = [(0, 0), (1, 1), (2, 0), (1, 2)] * 10
    alone, shared = scored(pairs), scored(pairs, groups=list(speakers) * (40 // len(speakers)))
    assert [
        [score and score["interval"] for score in row["scores"].values()] for row in shared["per_output"].values()
    ] == [[score and score["interval"] for score in row["scores"].values()] for row in alone["per_output"].values()]
    assert {name: score["interval"] for name, score in shared["metrics"].items()} == {
        name: score["interval"] for name, score in alone["metrics"].items()
    }
    assert shared["metrics"]["accuracy"]["method"] == f"Wilson: {why} too few to draw"
    assert shared["metrics"]["macro_f1"]["method"] == f"bootstrap over clips: {why} too few to draw"


def test_what_a_report_takes_for_an_interval_over_groups_is_one() -> None:
    run = partial(scored, [(0, 0), (1, 1), (2, 0), (1, 2), (2, 2)])
    methods = [run(groups=groups)["metrics"]["accuracy"]["method"] for groups in map(list, ("aaaaa", "abcda", "abcde"))]
    assert [method.endswith(" groups") for method in methods] == [False, False, True]


def test_a_mean_of_hits_over_enough_groups_is_drawn_over_them() -> None:
    accuracy = mean_score(np.array([1, 0, 0, 1, 1]), groups=list("abcde"), proportion=True)
    assert accuracy["method"] == "bootstrap over 5 groups"


def test_a_mean_over_one_group_has_the_interval_of_its_clips() -> None:
    hits = np.array([1, 0, 0] * 10)
    loss, accuracy = (mean_score(hits, groups=["a"] * 30, proportion=proportion) for proportion in (False, True))
    assert loss["interval"] == mean_score(hits)["interval"]
    assert loss["method"] == "bootstrap over clips: 1 group is too few to draw"
    assert accuracy["interval"] == list(wilson(1 / 3, 30))
    assert accuracy["method"] == "Wilson: 1 group is too few to draw"


def test_the_same_seed_gives_the_same_intervals() -> None:
    pairs = [(0, 0), (1, 1), (2, 0), (1, 2)] * 10
    assert scored(pairs, seed=1) == scored(pairs, seed=1)
    assert scored(pairs, seed=1) != scored(pairs, seed=2)


def test_the_bootstrap_over_clips_comes_near_wilson() -> None:
    draw = np.random.default_rng(0)
    true = draw.integers(0, 3, 600)
    predicted = np.where(draw.random(600) < 0.7, true, (true + 1) % 3)
    macro = classification(true, predicted, CLASSES)["metrics"]["macro_recall"]
    assert macro["interval"] == pytest.approx(wilson(macro["value"], 600), abs=0.006)


def test_the_bootstrap_of_a_difference_comes_near_newcombe() -> None:
    draw = np.random.default_rng(0)
    true = draw.integers(0, 3, 500)
    counts = [
        group_confusions(true, np.where(draw.random(500) < right, true, (true + 1) % 3), 3) for right in (0.7, 0.6)
    ]
    hits = [np.trace(count[0]) / 500 for count in counts]
    assert bootstrap_difference(*counts) == pytest.approx(newcombe(hits[0], 500, hits[1], 500), abs=0.01)


def test_the_majority_class_is_learnt_from_the_training_clips_fold_by_fold() -> None:
    folds = [(["a", "a", "b"], ["b", "b", "a"]), (["b", "b", "a"], ["b", "a"])]
    assert baselines(folds, ["a", "b", "c"]) == {"majority": {"accuracy": 2 / 5}, "chance": {"accuracy": 1 / 3}}


def test_cross_entropy_is_that_of_keras() -> None:
    draw = np.random.default_rng(0)
    probabilities = draw.dirichlet(np.ones(3), 50).astype(np.float32)
    probabilities[0] = [1, 0, 0]
    targets = np.eye(3, dtype=np.float32)[draw.integers(0, 3, 50)]
    expected = keras.ops.convert_to_numpy(keras.losses.categorical_crossentropy(targets, probabilities))
    np.testing.assert_allclose(cross_entropy(targets, probabilities), expected, rtol=1e-4, atol=1e-6)


def test_a_mean_over_groups_of_like_clips_is_less_certain_than_one_over_as_many_clips() -> None:
    values = np.repeat(np.random.default_rng(0).normal(size=12), 20)
    of_clips, of_groups = mean_score(values), mean_score(values, groups=np.repeat(np.arange(12), 20))
    assert of_clips["value"] == of_groups["value"] == pytest.approx(values.mean())
    widths = [score["interval"][1] - score["interval"][0] for score in (of_clips, of_groups)]
    assert widths[1] == pytest.approx(widths[0] * np.sqrt(20), rel=0.15)
    assert of_groups["method"] == "bootstrap over 12 groups"
