"""Document 001: its parameters, its inputs and its protocols, against the sheet and Keras' own layers."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import soundfile
from keras import layers, ops

from common import published
from common.corpora import demo, scan
from common.errors import InputError
from common.runs import jobs, prediction, records, runner
from common.runs.estimate import estimate
from common.study import Setting
from reproductions.valence_parallel_conv import STUDY, split
from reproductions.valence_parallel_conv.inputs import (
    DURATION_S,
    Normalised,
    of_file,
    prepare,
    seconds_of,
    spectrograms,
)
from reproductions.valence_parallel_conv.network import KERNELS, GridMaximum, cnn_blstm, parallel_conv

PRINTED = published.load("valence_parallel_conv")


def setting(protocol: str = "published", seed: int = 0, **changes: str) -> Setting:
    return Setting({**STUDY.protocols[protocol].switches, **changes}, seed)


def test_experiments_titles_sections_and_settings_are_those_of_the_published_numbers() -> None:
    assert [experiment.id for experiment in STUDY.experiments] == list(PRINTED.by_id)
    for experiment in STUDY.experiments:
        printed = PRINTED.experiment(experiment.id)
        assert (experiment.title, experiment.section) == (printed.title, printed.section)
        if printed.settings:
            training = experiment.method
            ours = {"batch_size": training.batch_size, "epochs": training.epochs, **experiment.model}
            assert ours == dict(printed.settings)


@pytest.mark.parametrize(
    ("pool", "padding", "parameters"),
    [("grid", "valid", 1_882_401), ("window", "valid", 570_362_401), ("window", "same", 963_162_401)],
)
def test_the_parameters_are_those_of_the_sheet_for_each_reading_of_the_pooling(pool, padding, parameters) -> None:
    with keras.StatelessScope(initialize_variables=False):  # nothing is allocated: the largest would take 3.9 GB
        model = parallel_conv(setting(pool=pool), 1, padding=padding)
        assert model.count_params() == parameters
    keras.utils.clear_session()  # else the variables would be initialised later


def test_six_seconds_are_94_frames() -> None:
    waveform = np.random.default_rng(0).normal(size=(1, 48_000)).astype(np.float32)
    assert spectrograms(waveform, np.array([DURATION_S])).shape == (1, 128, 94, 1)


def gradients(value, weights):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        result = value()
    return tape.gradient(result, [weight.value for weight in weights])


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("frames", [94, 47])
def test_the_maxima_and_their_gradients_are_those_of_a_convolution_and_a_maximum(kernel, frames) -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(3, 128, frames, 1)).astype(np.float32)
    ours, conv = GridMaximum(8, kernel), layers.Conv2D(8, kernel)
    cell = tuple((size - side + 1) // 2 for size, side in zip(x.shape[1:3], kernel, strict=True))
    pool, factor = layers.MaxPooling2D(cell), draw.normal(size=(3, 2, 2, 8)).astype(np.float32)
    ours.build(x.shape)
    conv.build(x.shape)
    ours.set_weights([draw.normal(size=weight.shape) for weight in ours.weights])
    conv.set_weights(ours.get_weights())
    expected = ops.convert_to_numpy(pool(conv(x)))
    np.testing.assert_allclose(ours(x), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    if keras.backend.backend() == "tensorflow":
        found = gradients(lambda: ops.sum(ours(x) * factor), ours.weights)
        for one, other in zip(found, gradients(lambda: ops.sum(pool(conv(x)) * factor), conv.weights), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="asks TensorFlow for the gradient")
def test_no_gradient_of_the_input_is_computed() -> None:
    import tensorflow as tf

    layer, x = GridMaximum(2, (12, 16)), tf.random.normal((1, 128, 94, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = ops.sum(layer(x))
    assert tape.gradient(total, x) is None


def test_silence_at_the_end_gives_one_maximum_not_many() -> None:
    # All patches of silence are equal: whichever is taken, value and gradient are the same.
    x = np.full((1, 128, 94, 1), -1, np.float32)
    x[:, :, :20] = np.random.default_rng(0).uniform(-1, 0, (1, 128, 20, 1))
    layer, conv = GridMaximum(4, (12, 16)), layers.Conv2D(4, (12, 16))
    layer.build(x.shape)
    conv.build(x.shape)
    conv.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(x), layers.MaxPooling2D((58, 39))(conv(x)), rtol=1e-4, atol=1e-5)


def test_a_map_smaller_than_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="40 frames are too few"):
        GridMaximum(2, (30, 40)).compute_output_shape((None, 128, 40, 1))


@pytest.mark.parametrize("build", [parallel_conv, cnn_blstm])
def test_a_model_takes_another_length_when_it_is_not_the_documents(build, tmp_path) -> None:
    model = build(Setting(setting("corrected").switches, 0, size="demo"), 1)
    x = np.random.default_rng(0).normal(size=(2, 128, 50, 1)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))


def test_a_file_has_mean_0_and_std_1_and_silence_stays_zero() -> None:
    waveforms = np.random.default_rng(0).normal(3, 2, size=(2, 1000)).astype(np.float32)
    waveforms[0, 600:] = 0
    waveforms[1] = 0
    normalised = Normalised(waveforms, np.array([600, 1000]))[0:2]
    assert normalised[0, :600].mean() == pytest.approx(0, abs=1e-6)
    assert normalised[0, :600].std() == pytest.approx(1, abs=1e-6)
    assert not normalised[0, 600:].any()
    assert not normalised[1].any()


def clips_of(durations) -> pd.DataFrame:
    return pd.DataFrame({"duration": durations})


def test_the_length_is_six_seconds_or_the_percentile_of_the_training_clips_rounded_up() -> None:
    clips = clips_of([1.0, 2.0, 2.5, 5.74, 6.5])
    assert seconds_of(clips, setting("published")) == 6
    assert seconds_of(clips, setting("corrected")) == 6
    assert seconds_of(clips_of([2.0, 2.1, 2.2, 2.3]), setting("corrected")) == 3
    with pytest.raises(InputError, match="the largest kernel needs 41"):
        seconds_of(clips_of([1.2, 1.4]), setting("corrected"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> pd.DataFrame:
    folder = demo.write(tmp_path_factory.mktemp("demo") / "demo", clips_per_class=2, corpora=["tava"])
    return STUDY.label(scan([folder]).manifest, setting())


def test_published_tests_on_the_clips_that_choose_and_the_others_do_not(clips) -> None:
    (published_fold,), (corrected,) = split(clips, setting("published")), split(clips, setting("corrected"))
    assert np.array_equal(published_fold.validation, published_fold.test)
    assert np.array_equal(published_fold.test, corrected.test)
    assert not set(corrected.validation) & set(corrected.test)
    assert len(published_fold.train) + len(published_fold.test) == len(clips)


def test_independent_folds_share_no_speaker(clips) -> None:
    for fold in split(clips, setting("independent")):
        speakers = [set(clips["speaker"].iloc[rows]) for rows in fold.sets().values()]
        assert not (speakers[0] & speakers[1] | speakers[0] & speakers[2] | speakers[1] & speakers[2])


def test_a_file_is_prepared_as_the_same_clip_of_a_corpus(clips) -> None:
    own = setting("corrected")
    fold = split(clips, own)[0]
    prepared = prepare(clips, fold, STUDY.task.targets(clips), own)
    inputs = of_file(clips["path"].iloc[fold.test[0]], own, prepared.front_end)
    np.testing.assert_allclose(inputs.x[0], prepared.test.x[0], atol=1e-4)


def test_a_longer_file_is_cut_and_the_user_is_told(tmp_path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 8_000 * 4), 8_000)
    inputs = of_file(path, setting(), {"seconds": np.array(3.0)})
    assert inputs.x.shape == (1, 128, 47, 1)
    assert inputs.notes


def test_the_baseline_answers_the_mean_of_the_training_clips(clips, tmp_path) -> None:
    own, chosen = STUDY.experiment("mean-baseline"), jobs.Options(runs=tmp_path)
    folder = clips["path"].iloc[0].partition("TAVA")[0]
    job = jobs.Job(STUDY, own, STUDY.protocol("published"), scan([folder]), chosen)
    assert estimate(job).clips == len(clips)  # it has no inputs, whose width an estimate needs of others
    record = runner.run(job)
    assert record.data["metrics"]["relative_mae"]["value"] == pytest.approx(1)
    predicted = records.read(record.folder).tested().predicted
    (fold,) = split(clips, setting())
    assert predicted[0, 0] == pytest.approx(clips["valence"].iloc[fold.train].mean(), abs=1e-6)
    one = prediction.Models(STUDY, record).predict(Path(clips["path"].iloc[0]))
    assert one.outputs[0] == predicted[0, 0]
