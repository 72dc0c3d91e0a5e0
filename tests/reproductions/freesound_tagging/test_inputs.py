"""The inputs of document 003, against librosa and the sheet."""

import keras
import numpy as np
import pandas as pd
import pytest
import soundfile

from common.errors import InputError
from common.signals.numba_cache import librosa
from common.splits import Split
from common.study import Setting
from reproductions.freesound_tagging import PUBLISHED, inputs
from reproductions.freesound_tagging.mixing import Mixtures

SETTING = Setting(PUBLISHED, seed=0)


def written(folder, *seconds: float, silence_s: float = 0.0) -> pd.DataFrame:
    """Write a noise of each length, with silence before and after it."""
    folder.mkdir(exist_ok=True)
    for number, length in enumerate(seconds):
        noise = np.random.default_rng(number).normal(0, 0.1, round(length * inputs.SAMPLE_RATE))
        pad = round(silence_s * inputs.SAMPLE_RATE)
        soundfile.write(folder / f"{number}.wav", np.pad(noise, pad), inputs.SAMPLE_RATE, subtype="FLOAT")
    return pd.DataFrame(
        {
            "name": [f"{number}" for number in range(len(seconds))],
            "path": [str(folder / f"{number}.wav") for number in range(len(seconds))],
        }
    )


def fold(clips: int) -> Split:
    rows = np.arange(clips)
    return Split(rows[:-1], rows[-1:], rows[-1:])


def test_the_mel_spectrogram_is_librosas_of_the_first_two_seconds_with_zeros_before_a_shorter_clip(tmp_path) -> None:
    clips = written(tmp_path / "clips", 3.0, 0.5)
    prepared = inputs.prepare_mels(clips, fold(2), np.eye(2, dtype=np.float32), SETTING)
    for arrays, path, silent in ((prepared.train, clips["path"][0], 0), (prepared.test, clips["path"][1], 66_150)):
        waveform = soundfile.read(path)[0][: inputs.SAMPLES]
        padded = np.pad(waveform, (silent, 0))
        assert len(padded) == 88_200
        power = librosa.feature.melspectrogram(
            y=padded, sr=44_100, n_fft=2560, hop_length=692, n_mels=128, fmin=0, fmax=22_050
        )
        expected = librosa.power_to_db(power).T
        assert arrays.x.shape == (1, 128, 128)
        np.testing.assert_allclose(arrays.x[0], expected, atol=0.01)


def test_raw_inputs_stay_on_the_disk_and_are_the_samples(tmp_path) -> None:
    clips = written(tmp_path / "clips", 2.5, 1.0)
    prepared = inputs.prepare_raw(clips, fold(2), np.eye(2, dtype=np.float32), SETTING)
    assert prepared.train.x.shape == (1, 88_200, 1)
    np.testing.assert_array_equal(
        prepared.train.x[np.array([0])][0, :, 0], soundfile.read(clips["path"][0], dtype="float32")[0][:88_200]
    )


def test_mixtures_have_whole_trimmed_clips_and_the_other_sets_their_beginnings(tmp_path) -> None:
    clips = written(tmp_path / "clips", 3.0, 0.5, 1.0, silence_s=0.7)
    prepared = inputs.prepare_mixtures(clips, fold(3), np.eye(3, dtype=np.float32), SETTING)
    mixtures = prepared.train.x
    assert isinstance(mixtures, Mixtures)
    assert [round(len(mixtures.sources[clip]) / inputs.SAMPLE_RATE, 1) for clip in mixtures.index] == [3.0, 0.5]
    assert prepared.test.x.shape == (1, 128, 128)
    x, y = mixtures.at(np.arange(2), 0), mixtures.targets(prepared.train.y, np.arange(2), 0)
    heard, tags = inputs.augmented(x, y, keras.random.SeedGenerator(0), SETTING)
    assert heard.shape == (2, 128, 128)
    assert np.isfinite(np.asarray(heard)).all()
    np.testing.assert_array_equal(tags, y)


def test_a_longer_file_is_predicted_in_parts_of_two_seconds_and_an_empty_one_is_refused(tmp_path) -> None:
    clips = written(tmp_path / "clips", 5.1, 0.3)
    parts = [inputs.of_file(path, SETTING, {}, of=inputs.mels_of).x.shape for path in clips["path"]]
    assert parts == [(3, 128, 128), (1, 128, 128)]
    assert inputs.of_file(clips["path"][0], SETTING, {}, of=inputs.as_raw).x.shape == (3, 88_200, 1)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), inputs.SAMPLE_RATE)
    with pytest.raises(InputError):
        inputs.of_file(tmp_path / "empty.wav", SETTING, {}, of=inputs.mels_of)


def test_silence_at_both_ends_is_trimmed_and_a_silent_clip_stays(tmp_path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 44_100)
    assert len(inputs.trimmed(np.pad(noise, 20_000))) == pytest.approx(44_100, abs=4_096)
    assert len(inputs.trimmed(np.zeros(1000))) == 1000
