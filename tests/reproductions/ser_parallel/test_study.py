"""The experiments, models, labels and splits of all chapters, compared with the published numbers."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common import published
from common.cli import preparing
from common.cli.describe import beside, summary
from common.corpora import scan
from common.runs.prediction import about_errors
from common.runs.records import Record
from common.splits import Split
from common.study import Setting
from reproductions.ser_parallel import STUDY

PRINTED = published.load("ser_parallel")
OF_CHAPTERS = ["single-cnn", "vgg16-1", "wav2vec2"]
PARAMETERS = {
    ("single-cnn", ""): (27_495, 27_191),
    ("single-cnn-clean", ""): (27_495, 27_191),
    ("dual-cnn", ""): (54_983, 54_375),
    ("parallel-mfcc", ""): (848_967, 848_359),
    ("parallel-mfcc-awgn", ""): (848_967, 848_359),
    ("parallel-mel", ""): (860_943, 859_723),
    ("parallel-mel-awgn", ""): (860_943, 859_723),
    ("parallel-mel-94", ""): (848_967, 848_359),
    ("vgg16-0", ""): (27_660_103, 12_945_415),
    ("vgg16-1", ""): (27_660_103, 12_945_415),
    ("vgg16-2", ""): (27_660_103, 12_945_415),
    ("vgg16-3", "layers"): (27_660_103, 15_305_223),
    ("vgg16-4", "layers"): (27_660_103, 17_665_031),
    ("vgg16-5", "layers"): (27_660_103, 20_024_839),
    ("vgg16-3", "blocks"): (27_660_103, 20_024_839),
    ("vgg16-4", "blocks"): (27_660_103, 25_924_615),
    ("vgg16-5", "blocks"): (27_660_103, 27_399_943),
    ("wav2vec2", ""): (94_377_095, 94_377_095),
}
"""All and trainable parameters, by experiment and what the switch `unfreeze` counts, where an experiment has it."""


def setting(protocol: str = "published", seed: int = 0, **switches: str) -> Setting:
    return Setting({**STUDY.protocols[protocol].switches, **switches}, seed)


def folds(name: str, manifest: pd.DataFrame, chosen: Setting) -> tuple[pd.DataFrame, list[Split]]:
    """Return the labelled clips of an experiment, and its folds of them."""
    clips = STUDY.label(manifest, chosen)
    return clips, (STUDY.experiment(name).split or STUDY.split)(clips, chosen)


def test_the_module_has_the_experiments_of_the_published_numbers_in_their_order() -> None:
    assert [(one.id, one.title, one.section) for one in STUDY.experiments] == [
        (one.id, one.title, one.section) for one in PRINTED.experiments
    ]
    assert {name for name, _ in PARAMETERS} == set(PRINTED.by_id)


@pytest.mark.parametrize(("name", "unfreeze"), PARAMETERS)
def test_every_model_has_the_published_layers_and_parameters(name: str, unfreeze: str) -> None:
    changes = {"unfreeze": unfreeze} if unfreeze else {}
    facts = summary(STUDY, STUDY.experiment(name), STUDY.protocol("published", changes))
    table = PRINTED.layers(name)
    assert table is not None
    assert (facts["total"], facts["trainable"]) == PARAMETERS[name, unfreeze]
    assert table.total == facts["total"]
    if unfreeze != "blocks":
        assert table.trainable in (None, facts["trainable"])
    if table.rows:
        assert [pair for pair in beside(facts["layers"], table.rows) if None in pair] == []
    if name == "wav2vec2":  # the only table whose layers are named as here
        assert [layer["name"] for layer in facts["layers"]] == [row.name for row in table.rows]


def test_the_label_error_gives_the_published_class_counts(whole_manifest: pd.DataFrame) -> None:
    slip, right = (STUDY.label(whole_manifest, setting(name)) for name in ("published", "corrected"))
    assert list(STUDY.task.counts(slip).values()) == [1863, 1863, 1863, 1863, 1775, 1863, 1072]
    assert list(STUDY.task.counts(right).values()) == [1923, 1923, 1923, 1923, 1895, 1923, 652]


@pytest.mark.parametrize(
    ("name", "sizes"), [("single-cnn", [9728, 1217, 1217]), ("vgg16-1", [9729, 1216, 1217])], ids=["chapter 4", "5"]
)
def test_with_the_label_error_seed_42_gives_the_published_supports(
    name: str, sizes: list[int], whole_manifest: pd.DataFrame
) -> None:
    clips, (split,) = folds(name, whole_manifest, setting(seed=42, split="document"))
    assert [len(rows) for rows in split.sets().values()] == sizes
    supports = list(STUDY.task.counts(clips.iloc[split.test]).values())
    assert supports == [row.support for row in PRINTED.class_table(name)]


@pytest.mark.parametrize("name", OF_CHAPTERS)
@pytest.mark.parametrize("kind", ["stratified", "document", "speaker"])
def test_the_label_error_does_not_change_the_split(name: str, kind: str, whole_manifest: pd.DataFrame) -> None:
    sides = [folds(name, whole_manifest, setting(labels=value, split=kind)) for value in ("document", "right")]
    (wrong, of_wrong), (right, of_right) = sides
    assert (wrong["label"] != right["label"]).sum() == 420
    for one, other in zip(of_wrong, of_right, strict=True):
        assert all(np.array_equal(rows, other.sets()[part]) for part, rows in one.sets().items())


@pytest.mark.parametrize(("corpora", "said"), [(["ravdess", "tess"], False), (["ravdess", "savee"], True)])
def test_the_label_error_is_warned_of_only_where_it_touches_a_clip(corpora: list[str], said: bool) -> None:
    content = {"switches": dict(STUDY.protocols["published"].switches), "data": {"corpora": dict.fromkeys(corpora)}}
    (note,) = about_errors(STUDY, STUDY.experiment("single-cnn"), Record(Path(), content))
    assert ("labels" in note, "normalise" in note) == (said, True)


@pytest.mark.parametrize("name", ["single-cnn", "vgg16-1"])
def test_a_stratified_test_set_has_a_tenth_of_each_true_class(name: str, whole_manifest: pd.DataFrame) -> None:
    _, (split,) = folds(name, whole_manifest, setting())
    right = STUDY.label(whole_manifest, setting("corrected"))
    tested = STUDY.task.counts(right.iloc[split.test])
    assert all(abs(tested[label] - n / 10) < 1 for label, n in STUDY.task.counts(right).items())


def test_noisy_copies_make_the_published_number_of_training_clips(whole_manifest: pd.DataFrame) -> None:
    _, (split,) = folds("single-cnn", whole_manifest, setting())
    assert 3 * len(split.train) == PRINTED.stored["training_clips_with_noisy_copies"]


def test_chapter_6_tests_608_of_all_clips_drawn_without_strata(whole_manifest: pd.DataFrame) -> None:
    counts = []
    for seed in (0, 1):
        clips, (split,) = folds("wav2vec2", whole_manifest, setting(seed=seed))
        sizes = {name: len(rows) for name, rows in split.sets().items()}
        assert sizes == {"train": 10_945, "validation": 609, "test": 608}
        assert sizes["test"] == sum(row.support for row in PRINTED.class_table("wav2vec2"))
        assert len(set(np.concatenate(list(split.sets().values())))) == 12_162
        counts.append(STUDY.task.counts(clips.iloc[split.test]))
    assert counts[0] != counts[1]


@pytest.mark.parametrize("name", OF_CHAPTERS)
def test_independent_folds_are_speaker_disjoint(name: str, whole_manifest: pd.DataFrame) -> None:
    clips, independent = folds(name, whole_manifest, setting("independent"))
    assert len(independent) == 6
    for fold in independent:
        sets = [set(clips["speaker"].iloc[rows]) for rows in fold.sets().values()]
        assert sum(map(len, sets)) == len(set.union(*sets))


def test_independent_folds_of_ravdess_are_six_of_four_actors(shared_data: Path) -> None:
    clips, independent = folds("single-cnn", scan([shared_data / "ravdess"]).manifest, setting("independent"))
    tested = [set(clips["speaker"].iloc[fold.test]) for fold in independent]
    assert [len(actors) for actors in tested] == [4] * 6
    assert len(set.union(*tested)) == 24


@pytest.mark.parametrize(
    ("name", "weights"),
    [("single-cnn", "none"), ("vgg16-1", "imagenet"), ("wav2vec2", "facebook/wav2vec2-base")],
)
def test_nothing_is_downloaded_at_demo_size(name: str, weights: str) -> None:
    """On real data, experiments whose weights are downloaded run only if they are named."""
    found = [preparing.weights_of(STUDY.experiment(name), None, size) for size in ("full", "demo")]
    assert found == [weights, "none"]
    assert preparing.weights_of(STUDY.experiment(name), "none", "full") == "none"


@pytest.mark.parametrize("module", ["reproductions", "reproductions.ser_parallel"])
def test_list_json_has_the_documented_keys(module: str) -> None:
    ran = subprocess.run([sys.executable, "-m", module, "list", "--json"], capture_output=True, text=True, check=True)
    rows = [row for row in json.loads(ran.stdout) if row["study"] == "ser_parallel"]
    assert [row["id"] for row in rows] == [experiment.id for experiment in STUDY.experiments]
    assert set(rows[0]) == {"study", "id", "title", "section", "published", "parameters"}
    assert rows[0]["published"]["accuracy"] == PRINTED.metrics("single-cnn")["accuracy"]
    assert ran.stderr == ""
