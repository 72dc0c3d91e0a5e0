from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import keras
import numpy as np
import pandas as pd
import pytest
import soundfile

from common.errors import InputError
from common.study import Setting
from reproductions.emotify_features import deep
from reproductions.emotify_features.deep import BACKBONES, SPECTROGRAM, extract, grey_levels, network, picture
from reproductions.emotify_features.examples import examples

RATE = SPECTROGRAM.sample_rate


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(RATE * seconds)) / RATE).astype(np.float32)


@pytest.fixture
def pieces(tmp_path) -> pd.DataFrame:
    """A track of two different pieces, and one with the same sound as the first piece."""
    soundfile.write(tmp_path / "two.wav", np.concatenate([tone(440, 15), tone(3000, 15)]) / 2, RATE)
    soundfile.write(tmp_path / "one.wav", tone(440, 15) / 2, RATE)
    paths = [tmp_path / "two.wav", tmp_path / "one.wav", tmp_path / "two.wav"]
    return pd.DataFrame({"path": paths, "offset": [15.0, 0.0, 0.0]}, index=[5, 3, 9])


def four_channels(weights: str | None, input_shape: tuple[int, ...], **_: Any) -> keras.Model:
    layers = keras.layers
    made = keras.Sequential([keras.Input(input_shape), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()])
    if weights:
        made.load_weights(weights)
    return made


@pytest.fixture
def small(monkeypatch) -> Iterator[None]:
    """Replace MobileNet by a network of four channels and pictures of 32 pixels."""
    tiny = replace(BACKBONES["mobilenet"], pixels=32, features=4, network=four_channels)
    monkeypatch.setitem(BACKBONES, "mobilenet", tiny)
    network.cache_clear()
    yield
    network.cache_clear()


def test_grey_levels_are_whole_numbers_from_0_to_255() -> None:
    grey = grey_levels(tone(1000) + np.random.default_rng(0).normal(size=RATE).astype(np.float32) / 100)
    assert grey.shape[0] == 1 + SPECTROGRAM.n_fft // 2
    assert (grey == np.round(grey)).all()
    assert (grey.min(), grey.max()) == (0, 255)


def test_a_higher_tone_is_higher_in_the_picture() -> None:
    brightest = [grey_levels(tone(hertz)).mean(axis=1).argmax() for hertz in (500, 5000)]
    assert brightest[1] < brightest[0]
    assert brightest[0] == pytest.approx(SPECTROGRAM.n_fft // 2 - 500 * SPECTROGRAM.n_fft / RATE, abs=1)


def test_ten_decibels_are_the_same_step_at_every_level() -> None:
    levels = [grey_levels(np.concatenate([tone(1000), tone(1000) * 10 ** (-db / 20)]))[:, -20].max() for db in (10, 40)]
    assert levels == [pytest.approx(255 * (1 - db / SPECTROGRAM.dynamic_db), abs=1) for db in (10, 40)]


def test_silence_is_black() -> None:
    assert not grey_levels(np.zeros(RATE, np.float32)).any()
    assert (picture(np.zeros(RATE, np.float32), pixels=20) == -1).all()


def test_a_picture_has_three_equal_channels_from_black_to_white() -> None:
    shown = picture(tone(1000, 15), pixels=299)
    assert (shown.shape, shown.dtype) == ((1, 299, 299, 3), np.float32)
    assert (shown == shown[..., :1]).all()
    assert -1 <= shown.min() < shown.max() <= 1


def test_features_do_not_depend_on_the_order_of_the_pieces(pieces, small) -> None:
    features = extract(pieces, "none", backbone="mobilenet")
    assert (features.shape, features.dtype) == ((3, 4), np.float32)
    assert np.isfinite(features).all()
    assert (features[0] != features[2]).any()
    np.testing.assert_allclose(features[1], features[2], atol=1e-5)  # the same 15 s in two files
    np.testing.assert_array_equal(extract(pieces.iloc[::-1], "none", backbone="mobilenet"), features[::-1])


def test_features_are_computed_once_per_set_of_weights(pieces, small, monkeypatch, tmp_path) -> None:
    first = extract(pieces, "none", backbone="mobilenet")
    network("mobilenet", "none").save_weights(tmp_path / "w.weights.h5")

    def refuse(*_: Any) -> NoReturn:
        raise AssertionError("features were computed again")

    monkeypatch.setattr(deep, "network", refuse)
    np.testing.assert_array_equal(extract(pieces, "none", backbone="mobilenet"), first)
    with pytest.raises(AssertionError, match="computed again"):
        extract(pieces, str(tmp_path / "w.weights.h5"), backbone="mobilenet")


def test_random_weights_are_reproducible_and_a_weights_file_is_loaded(small, tmp_path) -> None:
    one = network("mobilenet", "none")
    network.cache_clear()
    again = network("mobilenet", "none")
    for mine, other in zip(one.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    one.set_weights([weight + 1 for weight in one.get_weights()])
    one.save_weights(tmp_path / "w.weights.h5")
    loaded = network("mobilenet", str(tmp_path / "w.weights.h5"))
    np.testing.assert_array_equal(loaded.get_weights()[0], one.get_weights()[0])


def test_inception_has_2048_features_of_299_pixels() -> None:
    inception = network("deep", "none")
    assert inception.input_shape == (None, 299, 299, 3)
    assert inception.output_shape == (None, 2048)


def test_a_missing_weights_file_is_refused_by_name(pieces) -> None:
    with pytest.raises(InputError, match=r"absent\.h5"):
        extract(pieces, "absent.h5", backbone="mobilenet")


def test_real_weights_are_loaded(shared_data: Path) -> None:
    path = shared_data / "weights" / "mobilenet_v1_0.25_224_notop.weights.h5"
    if not path.exists():
        pytest.skip("the weights beside the checkout are not here")
    trained, random = network("mobilenet", str(path)), network("mobilenet", "none")
    assert trained.output_shape == (None, 256)
    assert trained.count_params() == 218_544
    assert np.abs(trained.get_weights()[0] - random.get_weights()[0]).max() > 0.1


def test_a_piece_of_each_emotion_is_shown_with_its_low_frequencies_at_the_bottom(pieces: pd.DataFrame) -> None:
    named = pieces.assign(label=["tension", "calmness", "calmness"], name=["b", "a", "c"])
    (example,) = examples(named, Setting({}, seed=0), Path())
    assert [panel.title for panel in example.panels] == ["calmness: a", "tension: b"]
    heights = [panel.values.sum(axis=1, dtype=int).argmax() / len(panel.values) for panel in example.panels]
    tops = [panel.top for panel in example.panels]
    assert tops == [RATE / 2000] * 2
    np.testing.assert_allclose(np.multiply(heights, tops), [0.44, 3.0], atol=0.1)
