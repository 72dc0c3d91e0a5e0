import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from common.errors import InputError
from common.intervals import wilson
from common.tasks import Classification
from common.tasks.classification import classification

TASK = Classification(("angry", "happy", "sad"))
labels = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60)


def scored(pairs: list, **options) -> dict:
    true, predicted = zip(*pairs, strict=True)
    return vars(classification(true, predicted, TASK.outputs, **options))


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
        row = block["per_output"][TASK.outputs[number]]
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


def test_clips_of_one_speaker_count_as_one_observation() -> None:
    pairs = [(0, 0)] * 75 + [(0, 1)] * 75
    speakers = [speaker for speaker in "abcdef" for _ in range(25)]
    alone, shared = (scored(pairs, groups=groups)["metrics"]["accuracy"] for groups in (None, speakers))
    assert (alone["method"], alone["n"], shared["method"]) == ("Wilson", 150, "bootstrap over 6 groups")
    assert alone["interval"] == list(wilson(0.5, 150))
    assert shared["interval"][0] < 0.2 < 0.8 < shared["interval"][1]


def test_equal_groups_do_not_make_a_score_certain() -> None:
    pairs = ([(0, 0)] * 2 + [(0, 1)] * 3 + [(1, 2)] * 5 + [(2, 2)] * 5) * 6  # each group like every other
    block = scored(pairs, groups=[group for group in "abcdef" for _ in range(15)])
    rows = [row["scores"] for row in block["per_output"].values()]
    for score in [*block["metrics"].values(), *(score for row in rows for score in row.values())]:
        low, high = score["interval"]
        assert high - low > 0.1
        assert low <= score["value"] <= high
    # None of 6 groups has another value: Wilson's upper end for 0 of 6.
    share = 1 - wilson(1.0, 6)[0]
    accuracy = block["metrics"]["accuracy"]
    assert accuracy["interval"] == pytest.approx([7 / 15 * (1 - share), 7 / 15 + 8 / 15 * share])


def test_the_f1_of_a_class_is_as_uncertain_as_its_clips_are_few() -> None:
    pairs = [(0, 0)] * 50 + [(1, 1)] * 4
    rows = scored(pairs)["per_output"]
    assert rows["happy"]["scores"]["f1"]["interval"] == pytest.approx([wilson(1.0, 4)[0], 1])
    assert rows["angry"]["scores"]["f1"]["interval"] == pytest.approx([wilson(1.0, 50)[0], 1])
    never = scored([(0, 0)] * 50 + [(1, 0)] * 4, groups=[f"{n % 9}" for n in range(54)])["per_output"]["happy"]
    # Nothing is known of the precision of what is never predicted; 4 of the groups have a clip of the class.
    assert never["scores"]["precision"]["interval"] == [0, 1]
    assert never["scores"]["f1"]["interval"] == pytest.approx([0, 1 - wilson(1.0, 4)[0]])


@pytest.mark.parametrize("speakers", ["a", "ab", "abcd"])
def test_speakers_too_few_to_draw_leave_the_intervals_to_the_clips(speakers: str) -> None:
    pairs = [(0, 0), (1, 1), (2, 0), (1, 2)] * 10
    alone, shared = scored(pairs), scored(pairs, groups=list(speakers) * (40 // len(speakers)))
    for name, score in alone["metrics"].items():
        assert shared["metrics"][name]["interval"] == score["interval"]
        assert "too few" in shared["metrics"][name]["method"]
    for name, row in alone["per_output"].items():
        for score, value in row["scores"].items():
            theirs = shared["per_output"][name]["scores"][score]
            assert (theirs and theirs["interval"]) == (value and value["interval"])


def test_the_same_seed_gives_the_same_intervals() -> None:
    pairs = [(0, 0), (1, 1), (2, 0), (1, 2)] * 10
    assert scored(pairs, seed=1) == scored(pairs, seed=1)
    assert scored(pairs, seed=1) != scored(pairs, seed=2)


def test_the_bootstrap_over_clips_comes_near_wilson() -> None:
    draw = np.random.default_rng(0)
    true = draw.integers(0, 3, 600)
    predicted = np.where(draw.random(600) < 0.7, true, (true + 1) % 3)
    macro = classification(true, predicted, TASK.outputs).metrics["macro_recall"]
    assert macro["interval"] == pytest.approx(wilson(macro["value"], 600), abs=0.006)


def test_the_majority_class_is_that_of_the_training_clips_fold_by_fold() -> None:
    eye = np.eye(3, dtype=np.float32)
    constants = np.repeat([TASK.constant(eye[[0, 0, 1]]), TASK.constant(eye[[1, 1, 0]])], [3, 2], axis=0)
    expected = {"majority": {"accuracy": 2 / 5}, "chance": {"accuracy": 1 / 3}}
    assert TASK.baselines(eye[[1, 1, 0, 1, 0]], constants) == expected


def test_cross_entropy_is_that_of_keras() -> None:
    draw = np.random.default_rng(0)
    probabilities = draw.dirichlet(np.ones(3), 50).astype(np.float32)
    probabilities[0] = [1, 0, 0]
    targets = np.eye(3, dtype=np.float32)[draw.integers(0, 3, 50)]
    expected = keras.ops.convert_to_numpy(keras.losses.categorical_crossentropy(targets, probabilities))
    np.testing.assert_allclose(TASK.losses(targets, probabilities), expected, rtol=1e-4, atol=1e-6)


def test_clips_with_other_classes_bring_their_own_and_one_class_is_refused() -> None:
    assert TASK.of(pd.DataFrame({"label": ["sad", "happy"]})) == TASK
    assert TASK.of(pd.DataFrame({"label": ["sad", "bored"]})).outputs == ("bored", "sad")
    with pytest.raises(InputError, match="bored"):
        TASK.of(pd.DataFrame({"label": ["bored", "bored"]}))


def test_labels_become_targets_and_come_back_from_the_table() -> None:
    clips = pd.DataFrame({"label": ["sad", "angry"]})
    targets, outputs = TASK.targets(clips), np.array([[0.1, 0.2, 0.7], [0.3, 0.6, 0.1]], np.float32)
    table = TASK.table(targets, outputs)
    assert (list(table["true"]), list(table["predicted"])) == (["sad", "angry"], ["sad", "happy"])
    again = TASK.read(table)
    assert np.array_equal(again[0], targets)
    assert np.array_equal(again[1], outputs)
    chosen = TASK.read({name: table[name] for name in ("true", "predicted")})[1]
    assert np.array_equal(chosen, np.eye(3)[[2, 1]])


def test_clips_are_counted_in_the_order_of_the_classes_absent_ones_too() -> None:
    counts = TASK.counts(pd.DataFrame({"label": ["happy", "angry", "happy"]}))
    assert list(counts.items()) == [("angry", 1), ("happy", 2), ("sad", 0)]


def test_a_label_that_is_not_a_class_is_never_taken_for_one() -> None:
    with pytest.raises(KeyError):
        TASK.targets(pd.DataFrame({"label": ["bored"]}))
