import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.signals.augment import add_noise, draw_snr

CLIPS = (np.random.default_rng(0).standard_normal((6, 4_000)) * 0.1).astype(np.float32)
NUMBERS = np.arange(6)


def test_every_snr_from_15_to_29_is_drawn() -> None:
    snr = draw_snr(np.arange(1_000), low=15, high=30, seed=0)
    assert np.issubdtype(snr.dtype, np.integer)
    assert set(snr) == set(range(15, 30))


def test_the_snr_depends_on_the_seed_and_the_clip_alone() -> None:
    snr = draw_snr(np.arange(100), low=15, high=30, seed=1)
    assert np.array_equal(draw_snr([70, 3], low=15, high=30, seed=1), snr[[70, 3]])
    assert not np.array_equal(draw_snr(np.arange(100), low=15, high=30, seed=2), snr)


@settings(max_examples=25, deadline=None)
@given(snr=st.integers(-10, 40), scale=st.floats(1e-3, 1.0), seed=st.integers(0, 2**32), copy=st.integers(0, 3))
def test_the_noise_has_the_given_snr(snr: int, scale: float, seed: int, copy: int) -> None:
    clean = CLIPS[:1].astype(np.float64) * scale
    noise = add_noise(clean, [snr], clips=[0], seed=seed, copy=copy) - clean
    assert 10 * np.log10(np.mean(clean**2) / np.mean(noise**2)) == pytest.approx(snr, abs=1e-3)


def test_the_noise_is_white_and_normal() -> None:
    noise = add_noise(np.ones((1, 100_000), np.float32), [0], clips=[0], seed=0, copy=0)[0] - 1
    assert abs(np.mean(noise)) < 0.02 and abs(np.mean(noise**4) - 3) < 0.1
    assert abs(np.mean(noise[1:] * noise[:-1])) < 0.02


def test_copies_share_their_snr_but_have_independent_noise() -> None:
    snr = draw_snr(NUMBERS, low=15, high=30, seed=0)
    first, second = (add_noise(CLIPS, snr, clips=NUMBERS, seed=0, copy=copy) - CLIPS for copy in (0, 1))
    assert np.allclose(np.mean(first**2, axis=1), np.mean(second**2, axis=1), rtol=1e-4)
    assert max(abs(np.corrcoef(a, b)[0, 1]) for a, b in zip(first, second, strict=True)) < 0.1


def test_clips_with_equal_samples_get_different_noise() -> None:
    same = np.repeat(CLIPS[:1], 2, axis=0)
    first, second = add_noise(same, [20, 20], clips=[0, 1], seed=0, copy=0)
    assert not np.array_equal(first, second)


def test_the_noise_does_not_depend_on_chunks_and_order() -> None:
    snr = draw_snr(NUMBERS, low=15, high=30, seed=0)
    whole = add_noise(CLIPS, snr, clips=NUMBERS, seed=0, copy=0)
    some = np.array([4, 1])
    assert whole.dtype == np.float32
    assert np.array_equal(add_noise(CLIPS[some], snr[some], clips=some, seed=0, copy=0), whole[some])


def test_a_silent_clip_stays_silent() -> None:
    silent = np.zeros((1, 100), np.float32)
    assert np.array_equal(add_noise(silent, [15], clips=[0], seed=0, copy=0), silent)


def test_the_clean_clips_are_unchanged() -> None:
    before = CLIPS.copy()
    add_noise(CLIPS, [20] * 6, clips=NUMBERS, seed=0, copy=0)
    assert np.array_equal(CLIPS, before)
