import numpy as np
import pandas as pd
import pytest
import tiny

from common.errors import InputError
from common.study import changed_switches
from common.tasks.classification import clip_count, one_hot


def test_a_changed_protocol_says_so_in_its_name() -> None:
    changed = tiny.STUDY.protocol("published", {"width": "8", "labels": "right"})
    assert changed.name == "published+labels=right+width=8"
    assert changed.switches == {"labels": "right", "width": "8", "split": "stratified"}
    assert changed_switches(changed) == ["labels", "width"]


def test_a_switch_set_to_the_protocol_s_own_value_changes_nothing() -> None:
    assert tiny.STUDY.protocol("published", {"width": "4"}) is tiny.PROTOCOLS["published"]
    assert changed_switches(tiny.PROTOCOLS["published"]) == []


@pytest.mark.parametrize(
    ("protocol", "changes", "says"),
    [
        ("printed", {}, "tiny has no protocol 'printed'; it has published, corrected, independent"),
        ("published", {"depth": "3"}, "tiny has no switch 'depth'; it has labels, width, split"),
        ("published", {"width": "5"}, "switch width is 4 or 8, not '5'"),
    ],
)
def test_what_the_study_does_not_have_is_refused_by_name(protocol, changes, says) -> None:
    with pytest.raises(InputError) as caught:
        tiny.STUDY.protocol(protocol, changes)
    assert str(caught.value) == says


def test_an_unknown_experiment_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="tiny has no experiment 'one'; it has patient, retrained, paired"):
        tiny.STUDY.experiment("one")


def test_clips_are_counted_in_the_order_of_the_classes_absent_ones_too() -> None:
    counts = clip_count(pd.DataFrame({"label": ["b", "a", "b"]}), ("c", "b", "a"))
    assert list(counts.items()) == [("c", 0), ("b", 2), ("a", 1)]


def test_targets_are_one_hot_in_the_order_of_the_classes() -> None:
    targets = one_hot(pd.Series(["b", "a"], index=[7, 3]), ("a", "b", "c"))
    np.testing.assert_array_equal(targets, [[0, 1, 0], [1, 0, 0]])
    assert targets.dtype == np.float32


def test_a_label_that_is_no_class_is_never_taken_for_one() -> None:
    with pytest.raises(KeyError):
        one_hot(["d"], ("a", "b"))
