from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from common.corpora import mtg_jamendo
from reproductions.music_mood_wavenet.balance import PER_TAG, balanced

TRACKS, LABELS = 9080, 15_221
"""What the authors' list leaves (sheet)."""
CAPPED = 17_392
"""Labels under the cap alone."""


@pytest.fixture(scope="module")
def train() -> np.ndarray:
    """The targets of the real training set; skips where it is absent."""
    split = Path(__file__).parents[4] / "shared" / "data" / "mtg_jamendo" / "data" / "splits" / "split-0"
    if not split.is_dir():
        pytest.skip("the tables of the real corpus are not here")
    tracks = [track.tags for track in mtg_jamendo.tracks(split).values() if track.set == "train"]
    return np.array([[tag in tags for tag in mtg_jamendo.TAGS] for tags in tracks], np.float32)


def test_the_real_training_set_is_left_with_the_tracks_and_labels_of_the_authors(train: np.ndarray) -> None:
    counts = train.sum(axis=0)
    assert np.minimum(counts, PER_TAG).sum() == CAPPED
    drawn = [balanced(train, seed=seed) for seed in range(30)]
    tracks, labels = np.array([len(rows) for rows, _ in drawn]), np.array([kept.sum() for _, kept in drawn])
    assert tracks.min() < TRACKS < tracks.max()
    assert labels.min() < LABELS < labels.max()
    for found, expected in ((tracks, TRACKS), (labels, LABELS)):
        assert abs(found.mean() - expected) < 2 * found.std()
        assert found.std() < 0.01 * expected
    for _, kept in drawn:
        left = kept.sum(axis=0)
        assert (left[counts >= PER_TAG] == PER_TAG).all()
        assert (left[counts < 100] >= counts[counts < 100] - 1).all()  # rare tags keep their tracks


TARGETS = st.tuples(st.integers(1, 40), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.sampled_from([0.0, 1.0]))
)


@given(targets=TARGETS, per_tag=st.integers(1, 50), seed=st.integers(0, 1000))
def test_a_draw_keeps_own_labels_only_up_to_the_cap(targets: np.ndarray, per_tag: int, seed: int) -> None:
    rows, labels = balanced(targets, seed=seed, per_tag=per_tag)
    counts, left = targets.sum(axis=0), labels.sum(axis=0)
    assert labels.dtype == targets.dtype
    assert labels.shape == (len(rows), targets.shape[1])
    assert (np.diff(rows) > 0).all()
    assert (labels <= targets[rows]).all()
    assert labels.any(axis=1).all()
    assert (left[counts >= per_tag] == per_tag).all()
    assert (left <= counts).all()
    assert (left[counts > 0] > 0).all()


@given(targets=TARGETS, seed=st.integers(0, 1000))
def test_a_draw_depends_on_the_seed_and_the_tag_alone(targets: np.ndarray, seed: int) -> None:
    rows, labels = balanced(targets, seed=seed, per_tag=5)
    again = balanced(targets, seed=seed, per_tag=5)
    assert np.array_equal(rows, again[0])
    assert np.array_equal(labels, again[1])
    first = balanced(targets[:, :1], seed=seed, per_tag=5)
    assert np.array_equal(first[0], rows[labels[:, 0] > 0])


def test_another_seed_draws_other_tracks() -> None:
    targets = np.ones((200, 2), np.float32)
    rows = [set(balanced(targets, seed=seed, per_tag=50)[0]) for seed in (0, 1)]
    assert rows[0] != rows[1]
