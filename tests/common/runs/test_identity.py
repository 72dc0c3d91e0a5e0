"""The identity of a run: what decides its numbers."""

import numpy as np
import pandas as pd
import pytest

from common.runs import identity
from common.runs.jobs import Material
from common.splits import Split
from common.tasks import Classification

NONE = np.array([], int)


def material(**changes: list[str]) -> Material:
    columns = {"name": ["a", "b"], "label": ["sad", "happy"], "speaker": ["1", "2"], "group": ["", ""]}
    split = Split(np.array([0]), NONE, np.array([1]))
    clips = pd.DataFrame({**columns, **changes})
    return Material(clips, ["0", "1"], ["0", "1"], Classification(("sad", "happy")), np.eye(2, dtype="f4"), [split])


@pytest.mark.parametrize("column", ["name", "label", "speaker", "group", "set"])
def test_each_column_that_decides_targets_sets_or_intervals_is_in_the_digest(column: str) -> None:
    known = material(set=["train", "test"])
    changed = material(**{"set": ["train", "test"], column: ["x", "y"]})
    assert identity.labelled_digest(changed) != identity.labelled_digest(known)


def test_a_corpus_without_published_sets_has_the_digest_of_one_that_knows_none() -> None:
    assert identity.labelled_digest(material(set=["", ""])) == identity.labelled_digest(material())
