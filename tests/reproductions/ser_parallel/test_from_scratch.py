"""The choices, inputs and figures of chapter 4."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from common.arrays import Prepared
from common.cli.describe import summary
from common.corpora import demo, scan
from common.splits import Split
from common.study import Setting
from reproductions.ser_parallel import CLASSES, STUDY
from reproductions.ser_parallel.examples import examples
from reproductions.ser_parallel.from_scratch import SNR_DB

PUBLISHED = Setting(STUDY.protocols["published"].switches, seed=0)


def test_channel_normalisation_has_64_128_256_parameters() -> None:
    layers = summary(STUDY, STUDY.experiment("single-cnn"), STUDY.protocol("corrected"))["layers"]
    assert [layer["parameters"] for layer in layers if layer["type"] == "BatchNormalization"] == [64, 128, 256]


def test_attention_over_time_keeps_the_number_of_parameters() -> None:
    over_time = STUDY.protocol("published", {"attention": "time"})
    facts = summary(STUDY, STUDY.experiment("parallel-mfcc"), over_time)
    shapes = [layer["shape"] for layer in facts["layers"] if layer["type"] == "TransformerEncoder"]
    assert (facts["total"], shapes) == (848_967, [[None, 94, 128]] * 4)


@pytest.mark.parametrize(("attention", "depends"), [("batch", True), ("time", False)], ids=["published", "corrected"])
def test_a_prediction_depends_on_its_batch_only_with_attention_over_the_batch(attention: str, depends: bool) -> None:
    experiment = STUDY.experiment("parallel-mfcc")
    setting = Setting({**STUDY.protocols["published"].switches, "attention": attention}, seed=0)
    model = experiment.build(setting, len(CLASSES))
    clips = np.random.default_rng(0).normal(size=(4, 128, 94, 1)).astype(np.float32)
    in_two, in_four = model.predict(clips[:2], verbose=0), model.predict(clips, verbose=0)[:2]
    assert STUDY.batch_dependent(experiment, setting) is depends
    assert np.allclose(in_two, in_four, atol=1e-5) is not depends


@pytest.fixture(scope="module")
def demo_clips(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = demo.write(tmp_path_factory.mktemp("demo"), clips_per_class=3, corpora=("ravdess",))
    return scan([folder]).manifest


def prepared_fold(name: str, manifest: pd.DataFrame) -> tuple[Split, Prepared]:
    clips = STUDY.label(manifest, PUBLISHED)
    (split,) = STUDY.split(clips, PUBLISHED)
    return split, STUDY.experiment(name).inputs.prepare(clips, split, STUDY.task.targets(clips), PUBLISHED)


def test_figures_2_to_4_show_the_model_inputs_of_a_happy_clip(demo_clips: pd.DataFrame) -> None:
    shown = {one.figure: one for one in examples(STUDY.label(demo_clips, PUBLISHED), PUBLISHED, Path())}
    first = demo_clips[demo_clips["label"] == "happy"]["name"].min()
    assert all(first in one.title for one in shown.values())
    (mel,), (mfcc,) = shown["Figure 2"].panels, shown["Figure 3"].panels
    assert (mel.values.shape, mfcc.values.shape) == ((128, 188), (128, 94))
    assert mel.values.max() == 0
    clean, noisy, *mels = shown["Figure 4"].panels
    np.testing.assert_array_equal(mels[0].values, mel.values)
    assert not np.array_equal(clean.values, noisy.values)
    snr = int(re.search(r"SNR (\d+) dB", noisy.title)[1])
    assert SNR_DB[0] <= snr < SNR_DB[1]


def test_calm_becomes_neutral_in_ravdess_only() -> None:
    clips = pd.DataFrame({"corpus": ["ravdess", "mine"], "label": ["calm", "calm"]})
    assert list(STUDY.label(clips, PUBLISHED)["label"]) == ["neutral", "calm"]


def test_a_corpus_without_a_happy_clip_shows_its_first(demo_clips: pd.DataFrame) -> None:
    others = demo_clips[demo_clips["label"] == "sad"]
    mel, *_ = examples(others, PUBLISHED, Path())
    assert others["name"].min() in mel.title


def test_the_inputs_of_a_file_equal_those_of_the_test_clip(demo_clips: pd.DataFrame) -> None:
    split, prepared = prepared_fold("parallel-mfcc", demo_clips)
    of_file = STUDY.experiment("parallel-mfcc").inputs.of_file
    fed = of_file(Path(demo_clips["path"].iloc[split.test[0]]), Setting({}, seed=0), prepared.front_end)
    np.testing.assert_allclose(fed.x, prepared.test.x[:1], atol=1e-4)


@pytest.mark.parametrize(
    ("seconds", "begins", "named"),
    [
        (9, (0.5, 3.5), ["9.0 s", "0.5 to 6.5 s"]),
        (6.4, (0.5,), ["6.4 s", "0.5 to 3.5 s"]),
        (1, (0.5,), ["1.0 s", "3.5 s"]),
        (0.25, (0.0,), ["0.25 s"]),
    ],
)
def test_a_longer_file_is_divided_and_a_note_says_which_part_is_used(seconds, begins, named, tmp_path) -> None:
    soundfile.write(tmp_path / "a.flac", np.random.default_rng(0).normal(size=(round(44_100 * seconds), 2)) / 9, 44_100)
    front_end = {"mean": np.zeros((128, 188)), "scale": np.ones((128, 188))}
    fed = STUDY.experiment("parallel-mel").inputs.of_file(tmp_path / "a.flac", Setting({}, seed=0), front_end)
    assert fed.x.shape == (len(begins), 128, 188, 1)
    assert fed.begins == begins
    assert all(part in fed.notes[0] for part in named)


def test_only_training_clips_are_followed_by_noisy_copies(demo_clips: pd.DataFrame) -> None:
    split, prepared = prepared_fold("single-cnn", demo_clips)
    trained = len(split.train)
    assert prepared.train.x.shape == (3 * trained, 128, 94, 1)
    assert np.array_equal(prepared.train.y, np.tile(prepared.train.y[:trained], (3, 1)))
    assert set(prepared.augmented) == set(split.train)
    assert prepared.test.x.shape == (len(split.test), 128, 94, 1)
    assert not np.allclose(prepared.train.x[:trained], prepared.train.x[trained : 2 * trained], atol=0.1)


def test_training_cells_are_standardised_over_the_training_clips(demo_clips: pd.DataFrame) -> None:
    split, prepared = prepared_fold("parallel-mel", demo_clips)
    assert prepared.train.x.shape[1:] == (128, 188, 1)
    assert np.abs(prepared.train.x.mean(axis=0)).max() < 1e-4
    deviations = prepared.train.x.std(axis=0)
    assert np.all((np.abs(deviations - 1) < 1e-3) | (deviations < 1e-6))
    assert set(prepared.scaler_rows) == set(split.train)
