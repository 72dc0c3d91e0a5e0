"""Files of trials."""

from pathlib import Path

import numpy as np
import pytest

from common import trials
from common.errors import InputError
from common.runs import store
from common.trials import Trial, Trials

MATRIX = np.array([[3, 1], [2, 4]])


def some() -> Trials:
    made = [Trial("trees", "as numbered", "song", seed, MATRIX + seed) for seed in (1, 0)]
    return Trials(
        "music", ("calm", "tense"), {"digest": "ab"}, (*made, Trial("svm", "as numbered", "piece", 0, MATRIX))
    )


def test_trials_are_read_as_they_were_written(tmp_path: Path) -> None:
    trials.write(tmp_path / "music" / trials.NAME, some())
    (place,) = store.find_shared(tmp_path, trials.NAME)
    read = trials.read(place)
    assert (read.study, read.classes, read.made) == ("music", ("calm", "tense"), {"digest": "ab"})
    assert [one.experiment for one in read.all] == ["trees", "trees", "svm"]
    np.testing.assert_array_equal(read.all[0].confusion, MATRIX + 1)


def test_trials_are_found_by_their_fields_in_the_order_of_seeds() -> None:
    assert [one.seed for one in some().of(experiment="trees", folds="song")] == [0, 1]
    assert some().of(experiment="trees", folds="piece") == []


def test_the_accuracy_is_the_share_on_the_diagonal() -> None:
    assert Trial("svm", "", "", 0, MATRIX).accuracy == 0.7


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"schema": 1', '"schema": 9', "schema 9"),
        ("[[3, 1], [2, 4]]", "[[3, 1]]", "not one of 2 classes"),
        ("[[3, 1], [2, 4]]", "[[-3, 1], [2, 4]]", "not one of 2 classes"),
        ('"labels"', '"words"', "damaged"),
        ("]\n}", "", "damaged"),
    ],
)
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    place = tmp_path / trials.NAME
    trials.write(place, some())
    text = place.read_text()
    assert old in text
    place.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=said):
        trials.read(place)
