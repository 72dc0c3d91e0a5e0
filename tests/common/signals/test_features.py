import importlib.util
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import keras
import librosa
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from common.signals import audio, features
from common.signals.features import Standardiser

pytestmark = pytest.mark.filterwarnings("ignore:n_fft=:UserWarning")  # librosa, of clips shorter than n_fft

SPEECH = {"n_fft": 1024, "win_length": 512, "window": "hamming", "n_mels": 128}
SETTINGS: dict[str, tuple[int, dict[str, Any]]] = {
    "speech mfcc": (16_000, {**SPEECH, "hop_length": 512}),
    "speech mel": (16_000, {**SPEECH, "hop_length": 256}),
    "sound events": (44_100, {"n_fft": 2560, "hop_length": 692, "fmin": 20.0, "fmax": 22_050.0}),
    "music": (8_000, {"n_fft": 2048, "hop_length": 512, "n_mels": 96}),
    "odd n_fft": (16_000, {"n_fft": 401, "hop_length": 160, "n_mels": 40}),
}
PEAK, DECIBEL, DECIBEL_HIDDEN, COEFFICIENT = 8e-7, 1e-3, 1e-2, 4e-3
"""The tolerances that the docstrings state."""


def synthetic(rate: int) -> dict[str, np.ndarray]:
    random, time = np.random.default_rng(0), np.arange(rate) / rate
    noise = (random.standard_normal(rate) * 0.1).astype(np.float32)
    return {
        "noise": noise,
        "quiet": noise * 1e-3,
        "silent": np.zeros_like(noise),
        "short": noise[:300],
        "one sample": noise[:1],
        "clipped": np.clip(noise * 50, -1, 1),
        "constant": np.full_like(noise, 0.5),
        "offset": noise * 0.1 + 0.5,
        "sine": np.sin(2 * np.pi * 440 * time).astype(np.float32),
        "impulse": np.eye(1, rate, rate // 2, dtype=np.float32)[0],
    }


def librosa_mel(clip: np.ndarray, rate: int, options: dict[str, Any]) -> np.ndarray:
    return librosa.feature.melspectrogram(y=clip, sr=rate, **options)


def numpy_of(tensor: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("sound", synthetic(100))
def test_features_of_synthetic_sounds_equal_librosas(name: str, sound: str) -> None:
    rate, options = SETTINGS[name]
    clip = synthetic(rate)[sound]
    expected = librosa_mel(clip, rate, options)
    mel = numpy_of(features.mel_spectrogram(clip[np.newaxis], sample_rate=rate, **options))[0]
    assert mel.dtype == np.float32 and mel.shape == expected.shape
    assert np.abs(mel - expected).max() <= PEAK * expected.max()

    decibel = numpy_of(features.log_mel(clip[np.newaxis], ref="max", sample_rate=rate, **options))[0]
    tolerance = DECIBEL_HIDDEN if sound in ("offset", "constant", "sine") else DECIBEL
    assert np.abs(decibel - librosa.power_to_db(expected, ref=np.max)).max() <= tolerance

    coefficients = numpy_of(features.mfcc(clip[np.newaxis], n_mfcc=40, sample_rate=rate, **options))[0]
    expected = librosa.feature.mfcc(S=librosa.power_to_db(expected), n_mfcc=40)
    assert np.abs(coefficients - expected).max() <= COEFFICIENT


@pytest.mark.parametrize("name", ["speech mfcc", "speech mel"])
def test_features_of_real_speech_equal_librosas(name: str, shared_data: Path) -> None:
    rate, options = SETTINGS[name]
    paths = sorted((shared_data / "ravdess").glob("Actor_0[12]/*.flac"))[::8]
    clips = audio.load_clips(paths, sample_rate=rate, duration=3.0, offset=0.5)
    decibel = numpy_of(features.log_mel(clips, ref="max", sample_rate=rate, **options))
    coefficients = numpy_of(features.mfcc(clips, n_mfcc=128, sample_rate=rate, **options))
    for row, clip in enumerate(clips):
        expected = librosa_mel(np.asarray(clip), rate, options)
        assert np.abs(decibel[row] - librosa.power_to_db(expected, ref=np.max)).max() <= DECIBEL
        expected = librosa.feature.mfcc(y=np.asarray(clip), sr=rate, n_mfcc=128, **options)
        assert np.abs(coefficients[row] - expected).max() <= COEFFICIENT


@pytest.mark.parametrize("power", [1.0, 3.0])
def test_other_powers_of_the_magnitude_equal_librosas(power: float) -> None:
    rate, options = SETTINGS["speech mfcc"]
    clip = synthetic(rate)["noise"]
    expected = librosa_mel(clip, rate, {**options, "power": power})
    mel = numpy_of(features.mel_spectrogram(clip[np.newaxis], sample_rate=rate, power=power, **options))[0]
    assert np.abs(mel - expected).max() <= PEAK * expected.max()


@pytest.mark.parametrize("ref", [1.0, 0.01, 1e-20, "max"])
@pytest.mark.parametrize("top_db", [80.0, 20.0, None])
def test_decibels_equal_librosas_clip_by_clip(ref: Any, top_db: float | None) -> None:
    power = np.random.default_rng(0).gamma(0.1, size=(3, 5, 7)).astype(np.float32) * np.array(
        [[[1e-6]], [[1]], [[100]]]
    )
    decibel = numpy_of(features.power_to_db(power, ref=ref, top_db=top_db))
    reference = np.max if ref == "max" else ref
    expected = [librosa.power_to_db(clip.astype(np.float32), ref=reference, top_db=top_db) for clip in power]
    assert np.allclose(decibel, expected, rtol=0, atol=5e-5)


def test_features_of_a_clip_do_not_depend_on_its_batch() -> None:
    clips = np.random.default_rng(0).standard_normal((5, 4_000)).astype(np.float32)
    feature = partial(features.mfcc, n_mfcc=20, sample_rate=16_000, **SETTINGS["speech mfcc"][1])
    together = features.extract(clips, feature)
    assert np.allclose(features.extract(clips, feature, batch_size=2), together, rtol=0, atol=1e-4)
    assert np.allclose(features.extract(clips[3:4], feature)[0], together[3], rtol=0, atol=1e-4)


OTHER_BACKEND = """
import sys, keras, numpy as np
from common.signals import features
clips = np.load(sys.argv[1])
result = features.extract(clips, lambda batch: features.mfcc(batch, n_mfcc=20, sample_rate=16000, n_fft=1024,
                          win_length=512, window="hamming", hop_length=512), batch_size=2)
np.save(sys.argv[2], result)
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="Keras' numpy and jax backends need jax")
@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_other_backends_give_the_same_features(backend: str, tmp_path: Path) -> None:
    clips = (np.random.default_rng(0).standard_normal((3, 8_000)) * 0.1).astype(np.float32)
    np.save(tmp_path / "clips.npy", clips)
    root = Path(features.__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", OTHER_BACKEND, tmp_path / "clips.npy", tmp_path / "out.npy"],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])},
        check=True,
    )
    options = {"sample_rate": 16_000, **SETTINGS["speech mfcc"][1]}
    expected = features.extract(clips, partial(features.mfcc, n_mfcc=20, **options))
    assert np.allclose(np.load(tmp_path / "out.npy"), expected, rtol=0, atol=COEFFICIENT)


def cells(clips: int = 600) -> np.ndarray:
    """Features with a constant cell, one with a large mean and one with a small variance."""
    random = np.random.default_rng(0)
    made = random.standard_normal((clips, 3, 2)).astype(np.float32)
    made[:, 0, 0], made[:, 1, 1], made[:, 2, 0] = 0.1, made[:, 1, 1] + 1e4, 5 + made[:, 2, 0] * 1e-5
    return made


def test_standardising_equals_scikit_learns() -> None:
    made = cells()
    flat = made.reshape(len(made), -1).astype(np.float64)
    expected = StandardScaler().fit(flat)
    fitted = Standardiser.fit(made)
    assert np.allclose(fitted.mean.ravel(), expected.mean_, rtol=1e-12)
    assert np.allclose(fitted.scale.ravel(), expected.scale_, rtol=1e-9)
    assert np.allclose(fitted.transform(made).reshape(flat.shape), expected.transform(flat), rtol=0, atol=1e-5)


def test_standardising_in_place_gives_the_same_values() -> None:
    made = cells()
    fitted = Standardiser.fit(made)
    expected = fitted.transform(made)
    assert fitted.transform(made, out=made) is made and np.array_equal(made, expected)
