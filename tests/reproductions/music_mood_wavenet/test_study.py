"""Document 000: its rows, splits, networks and inputs, against the sheet and the published numbers."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from common import published
from common.errors import InputError
from common.published.comparability import has_random_weights
from common.runs import jobs
from common.splits import Split
from common.study import Setting
from reproductions.music_mood_wavenet import STUDY, augment, focal_loss, inputs, network, speech, speech_networks, split

PRINTED = published.load("music_mood_wavenet")


def setting(protocol: str = "published", seed: int = 0, **changes: str) -> Setting:
    return Setting({**STUDY.protocols[protocol].switches, **changes}, seed)


def test_rows_titles_and_sections_are_those_of_the_published_numbers() -> None:
    assert [one.id for one in STUDY.experiments] == list(PRINTED.by_id)
    for experiment in STUDY.experiments:
        printed = PRINTED.experiment(experiment.id)
        assert (experiment.title, experiment.section) == (printed.title, printed.section)
        assert set(STUDY.task_of(experiment).outputs) == set(PRINTED.data_of(experiment.id).classes)


@pytest.mark.parametrize(("name", "seed"), [("emodb-wavenet", 0), ("emodb-cnn-lstm", 3)])
def test_a_fifth_of_emodb_is_68_clips_and_speakers_are_apart_if_asked_for(name, seed) -> None:
    clips = pd.DataFrame(
        {
            "name": [f"{number}" for number in range(339)],
            "corpus": "emodb",
            "speaker": [f"emodb-{number % 10}" for number in range(339)],
            "label": np.repeat(["angry", "happy", "neutral", "sad"], [127, 71, 79, 62]),
        }
    )
    own = STUDY.experiment(name)
    assert own.split is not None
    (fold,) = own.split(clips, setting(seed=seed))
    assert [len(rows) for rows in fold.sets().values()] == [243, 28, 68]
    folds = own.split(clips, setting("independent", seed))
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(339))
    for fold in folds:
        sets = [set(clips["speaker"].iloc[rows]) for rows in fold.sets().values()]
        assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])


def tracks(sets: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"name": [f"{number}" for number in range(len(sets))], "set": sets})


def test_tracks_of_split_0_are_in_the_sets_that_it_says_and_others_are_divided_at_random() -> None:
    (fold,) = split(tracks(["train", "test", "validation", "train"]), setting())
    assert [list(rows) for rows in fold.sets().values()] == [[0, 3], [2], [1]]
    (fold,) = split(tracks([""] * 400), setting())
    assert [len(rows) for rows in fold.sets().values()] == [255, 45, 100]
    with pytest.raises(InputError, match="one corpus"):
        split(tracks(["train", "test", "validation", ""]), setting())
    with pytest.raises(InputError, match="validation"):
        split(tracks(["train", "test"]), setting())


def test_the_focal_loss_is_that_of_its_formula() -> None:
    y, p = np.array([[1.0, 0.0]], np.float32), np.array([[0.3, 0.2]], np.float32)
    expected = np.mean([-0.75 * 0.7**2 * np.log(0.3), -0.25 * 0.2**2 * np.log(0.8)])
    assert float(focal_loss(y, p)[0]) == pytest.approx(expected, rel=1e-5)
    mixed = -0.4 * np.log(0.3) - 0.6 * np.log(0.7)
    found = focal_loss(np.array([[0.4]], np.float32), np.array([[0.3]], np.float32))
    assert float(found[0]) == pytest.approx(0.75 * (1 - np.exp(-mixed)) ** 2 * mixed, rel=1e-5)
    job = jobs.Options(Path("runs"))
    row = STUDY.experiment("mel-b0")
    assert jobs.method_of(row, job, setting(loss="focal").switches).loss is focal_loss
    assert jobs.method_of(row, job, setting().switches).loss is None


def test_under_published_the_mel_row_of_an_ensemble_is_averaged_as_raw_logits() -> None:
    row, options = STUDY.experiment("ensemble-cd"), jobs.Options(Path("runs"))
    assert jobs.method_of(row, options, setting("published").switches).raw == ("mel-b0-specaugment",)
    method = jobs.method_of(row, options, setting("corrected").switches)
    assert (method.raw, method.weights) == ((), {"mel-b0-specaugment": 0.7, "wavenet-mobilenetv2": 0.3})


@pytest.mark.parametrize(
    ("name", "shape", "backbone"),
    [("b0", (96, 256), 4_049_571 - 7), ("mobilenetv2", (16, 64), 2_257_984)],
)
def test_a_backbone_is_that_of_keras_without_its_scaling_of_pixels(name, shape, backbone) -> None:
    # 4,049,571 is EfficientNetB0 without top in Keras; its normalisation has 7 numbers.
    model = network.tagger(setting(), 56, name=name, shape=shape, dropout=0.2)
    front = 4 + (10 + 10) + (30 + 3)
    assert model.count_params() == front + backbone + 1280 * 56 + 56
    inner = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    assert not any(isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization) for layer in inner.layers)
    x = np.random.default_rng(0).normal(size=(1, *shape, 1)).astype(np.float32)
    assert model(x).shape == (1, 56)


@given(st.integers(1, 50), st.integers(1, 20))
def test_windows_follow_one_another_and_what_is_missing_is_filled_with_the_minimum(frames, length) -> None:
    values = np.arange(1, 2 * frames + 1, dtype=np.float32).reshape(2, frames)
    found, begins = inputs.windows(values, length)
    assert found.shape[1:] == (2, length)
    together = np.concatenate(list(found), axis=1)
    kept = min(frames, together.shape[1])
    before = (together.shape[1] - kept) // 2
    np.testing.assert_array_equal(together[:, before : before + kept], values[:, :kept])
    assert (together[:, :before] == 1).all()
    assert (together[:, before + kept :] == 1).all()
    assert frames - kept <= length / 2  # what is left out would be mostly filling
    assert begins[0] == 0
    assert [window[0, 0] - 1 for window in found[1:]] == list(begins[1:])  # the first row is 1, 2, 3, ...


def test_the_middle_of_a_long_track_is_read_and_all_of_a_short_one() -> None:
    assert list(inputs.middle(np.arange(10), 4)) == [3, 4, 5, 6]
    assert list(inputs.middle(np.arange(3), 4)) == [0, 1, 2]


def test_the_mel_spectrogram_of_audio_is_that_of_the_recipe(tmp_path) -> None:
    from common.signals.numba_cache import librosa

    waveform = np.random.default_rng(0).normal(0, 0.1, 24_000).astype(np.float32)
    soundfile.write(tmp_path / "track.wav", waveform, 12_000, subtype="FLOAT")
    mel = librosa.feature.melspectrogram(y=waveform, sr=12_000, n_fft=512, hop_length=256, n_mels=96)
    expected = 2 * librosa.power_to_db(mel, top_db=None)
    np.testing.assert_allclose(inputs.mel_of(tmp_path / "track.wav"), expected, atol=0.1)  # half precision


def test_speech_is_three_seconds_of_unit_power_and_silence_stays_zero(tmp_path) -> None:
    x = speech.scaled(np.stack([np.full(48_000, 0.2), np.zeros(48_000)]))
    assert x.shape == (2, 48_000, 1)
    assert np.square(x[0]).mean() == pytest.approx(1)
    assert not x[1].any()
    soundfile.write(tmp_path / "long.wav", np.full(80_000, 0.1), 16_000)
    found = speech.of_file(tmp_path / "long.wav", setting(), {})
    assert found.x.shape == (1, 48_000, 1)
    assert len(found.notes) == 1


@pytest.mark.parametrize("build", [speech_networks.wavenet, speech_networks.cnn_lstm])
def test_a_network_for_speech_can_be_saved_and_gives_a_probability_per_class(build, tmp_path) -> None:
    model = build(setting(), 4)
    x = np.random.default_rng(0).normal(size=(2, 48_000, 1)).astype(np.float32)
    outputs = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(x), outputs)


def test_the_wavenet_for_speech_is_causal_up_to_its_mean() -> None:
    model = speech_networks.wavenet(setting(), 4)
    before_mean = keras.Model(model.input, model.layers[-2].input)
    x = np.random.default_rng(0).normal(size=(1, 48_000, 1)).astype(np.float32)
    late = x.copy()
    late[:, 32_000:] = 0
    one, other = (keras.ops.convert_to_numpy(before_mean(both)) for both in (x, late))
    np.testing.assert_array_equal(one[:, :1000], other[:, :1000])
    assert not np.allclose(one[:, 1000:], other[:, 1000:])


def test_features_of_an_untrained_encoder_make_a_run_not_comparable() -> None:
    assert has_random_weights({"configuration": {"weights": "imagenet", "untrained": ["WaveNet encoder"]}})
    assert not has_random_weights({"configuration": {"weights": "imagenet"}})


def test_a_stretched_centre_of_few_frames_is_all_of_them() -> None:
    x = np.arange(32 * 62, dtype=np.float32).reshape(1, 32, 62, 1)
    np.testing.assert_allclose(augment.centre_stretch(x, keras.random.SeedGenerator(0), p=1.0), x, rtol=1e-6)


def test_each_set_of_mel_spectrograms_has_its_own_tracks_and_training_crops_move(tmp_path) -> None:
    length = inputs.frames_of(setting(frames="1406"))
    for number in range(6):
        row = number + np.linspace(0, 0.5, 2 * length, dtype=np.float32)
        np.save(tmp_path / f"{number}.npy", np.tile(row, (96, 1)))
    clips = pd.DataFrame({"path": [str(tmp_path / f"{number}.npy") for number in range(6)]})
    targets = np.eye(6, dtype=np.float32)
    fold = Split(np.array([0, 1, 2]), np.array([3]), np.array([4, 5]))
    prepared = inputs.prepare_mel(clips, fold, targets, setting(frames="1406"), balance=False)
    for name, rows in (("train", [0, 1, 2]), ("validation", [3]), ("test", [4, 5])):
        arrays = getattr(prepared, name)
        np.testing.assert_array_equal(arrays.y, targets[rows])
        assert [int(arrays.x[place : place + 1].min()) for place in range(len(rows))] == rows
    first, later = (prepared.train.x.at(np.array([0]), epoch) for epoch in (0, 1))
    assert np.any(first != later)
