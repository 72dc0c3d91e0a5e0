"""Document 003: its rows, switches and splits, against the sheet and the published numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common import published
from common.corpora import CORPORA, demo, scan
from common.corpora.fsdkaggle2019 import FAULTS
from common.learners import summaries
from common.runs import jobs
from common.study import Setting
from reproductions.freesound_tagging import STUDY, inputs, label, split

PRINTED = published.load("freesound_tagging")


def setting(protocol: str = "published", **changes: str) -> Setting:
    return Setting({**STUDY.protocols[protocol].switches, **changes}, seed=0)


def test_rows_titles_and_tags_are_those_of_the_published_numbers() -> None:
    assert [one.id for one in STUDY.experiments] == list(PRINTED.by_id)
    for experiment in STUDY.experiments:
        printed = PRINTED.experiment(experiment.id)
        assert (experiment.title, experiment.section) == (printed.title, printed.section)
        assert set(STUDY.task_of(experiment).outputs) == set(PRINTED.data_of(experiment.id).classes)


def test_training_is_that_of_the_code() -> None:
    methods = {one.id: jobs.method_of(one, jobs.Options(Path("runs")), setting().switches) for one in STUDY.experiments}
    assert {(one.batch_size, one.monitor, one.patience) for one in methods.values()} == {(64, "val_lwlrap", 20)}
    assert {name for name, one in methods.items() if one.learning_rate == 1e-4} == {"samplecnn"}
    own_loss = {name for name, one in methods.items() if one.loss == "categorical_crossentropy"}
    assert own_loss == {"mcnn", "mcnn-nomask", "mcnn-aug", "mcnn-aug-nomask"}
    assert {methods[name].plateau.monitor for name in own_loss} == {"val_loss"}
    assert {methods[name].epochs for name in ("dcnn", "samplecnn", "mcnn")} == {1000, 200}


def test_every_row_has_a_summary_with_the_number_of_its_tags() -> None:
    for experiment in STUDY.experiments:
        weightless = Setting(setting().switches, seed=0, weights="none")
        layers = summaries.summarise(experiment.build(weightless, 80))["layers"]
        assert layers[-1]["shape"] == [None, 80]


def manifest(**clips: tuple[str, int]) -> pd.DataFrame:
    """Return clips by set: their label and how many there are."""
    rows = [
        {"name": f"{part}/{number:08x}", "set": part, "label": tags, "group": f"{part}{number}", "fold": 0}
        for part, (tags, count) in clips.items()
        for number in range(count)
    ]
    return pd.DataFrame(rows)


def test_a_tenth_of_the_curated_clips_validates_and_noisy_ones_only_train() -> None:
    clips = manifest(train_curated=("Bark,Run", 100), train_noisy=("Run", 30), test=("Bark", 20))
    curated = clips["set"] != "test"
    (fold,) = split(clips[curated].reset_index(drop=True), setting())
    assert list(fold.validation) == list(fold.test)
    assert len(fold.validation) == pytest.approx(10, abs=2)
    assert set(range(100, 130)) <= set(fold.train)
    (fold,) = split(clips, setting("corrected"))
    assert list(fold.test) == list(range(130, 150))
    assert not set(fold.validation) & set(fold.test)
    assert sorted([*fold.train, *fold.validation, *fold.test]) == list(range(150))


def test_without_a_test_set_a_fifth_is_tested_and_recordings_stay_together_if_asked_for() -> None:
    clips = manifest(mine=("Bark", 50), yours=("Run", 50)).assign(set="", corpus="own", label=["Bark", "Run"] * 50)
    (fold,) = split(clips, setting("corrected"))
    assert [len(rows) for rows in fold.sets().values()] == [72, 8, 20]
    clips["group"] = [f"{number // 4}" for number in range(100)]
    folds = split(clips, setting("independent"))
    assert len(folds) == 5
    for fold in folds:
        groups = [set(clips["group"].iloc[rows]) for rows in fold.sets().values()]
        assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])


def test_the_demo_corpus_gives_each_protocol_its_clips(tmp_path) -> None:
    scanned = scan([demo.write(tmp_path / "demo", clips_per_class=4, corpora=STUDY.corpora)])
    of = {name: label(scanned.manifest, setting(name)) for name in STUDY.protocols}
    assert set(of["published"]["set"]) == {"train_curated"}
    assert set(of["corrected"]["set"]) == {"train_curated", "test"}
    assert of["published"]["label"].str.contains(",").any()
    bad = scanned.manifest.copy()
    bad.loc[bad["label"].eq("train_curated").idxmax(), "name"] = next(iter(FAULTS))
    assert len(label(bad, setting())) - len(label(bad, setting(bad_clips="omitted"))) == 1


def test_esc_10_has_five_folds_of_its_own_and_no_recording_in_two(shared_data) -> None:
    scanned = scan([shared_data / "esc10"])
    clips = label(scanned.manifest, setting("independent"))
    folds = split(clips, setting("independent"))
    assert [len(fold.test) for fold in folds] == [80] * 5
    for fold in folds:
        assert [len(set(clips["fold"].iloc[rows])) for rows in (fold.validation, fold.test)] == [1, 1]
        assert not set(clips["group"].iloc[fold.train]) & set(clips["group"].iloc[fold.test])
    assert CORPORA["esc10"].clips == len(clips)


def test_all_clips_of_esc_10_can_be_read_to_their_end(shared_data) -> None:
    late = shared_data / "esc10" / "001 - Dog bark" / "2-114587-A.opus"
    waveform = inputs.Trimmed([late])[0]
    assert np.isfinite(waveform).all()
    assert len(waveform) > 3 * inputs.SAMPLE_RATE
