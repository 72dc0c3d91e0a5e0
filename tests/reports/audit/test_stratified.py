from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from reports.audit.stratified import draws, halved, held_out

CLASSES = st.lists(st.integers(16, 60), min_size=2, max_size=5)


@given(CLASSES, st.integers(0, 50))
@settings(max_examples=60, deadline=None)
def test_what_scikit_learn_holds_out_is_among_what_can_be(counts: list[int], seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    _, held = train_test_split(labels, test_size=0.2, stratify=labels, random_state=seed)
    assert tuple(np.bincount(held)) in held_out(counts, Fraction(1, 5))
    _, half = train_test_split(held, test_size=0.5, stratify=held, random_state=seed)
    assert tuple(np.bincount(half, minlength=len(counts))) in halved(counts, Fraction(1, 5))


@given(CLASSES, st.integers(1, 15))
def test_every_draw_has_the_size_that_was_asked_for(counts: list[int], n: int) -> None:
    assert {sum(drawn) for drawn in draws(counts, n)} == {n}


def test_equal_classes_share_what_is_left_over_at_random() -> None:
    assert set(draws([10, 10, 10], 4)) == {(2, 1, 1), (1, 2, 1), (1, 1, 2)}
