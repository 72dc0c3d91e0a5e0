from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import tiny

from common import study
from common.corpora import scan
from common.corpora.scanning import LEAVE_OUT
from common.errors import InputError
from common.runs import jobs, remarks, runner
from common.splits import Split
from common.tasks import Classification, Regression, Tagging

CLASSES = Classification(("happy", "sad", "angry"))


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, int)


def one_hot(labels: Sequence[str]) -> np.ndarray:
    return CLASSES.targets(pd.DataFrame({"label": labels}))


def test_a_class_that_no_test_clip_has_is_named_with_its_clips() -> None:
    targets = one_hot(["happy", "sad", "angry", "happy", "sad", "angry", "happy", "sad"])
    (said,) = remarks.of_folds(CLASSES, targets, [Split(rows(0, 1, 2, 5), rows(), rows(3, 4))])
    assert "test set" in said
    assert "angry (2 clips" in said
    assert "other 2" in said


def test_validation_and_training_sets_are_judged_fold_by_fold_and_test_sets_together() -> None:
    targets = one_hot(["happy", "sad", "angry"] * 2)
    folds = [Split(rows(0, 1), rows(2), rows(3, 4, 5)), Split(rows(3, 4, 5), rows(0, 1, 2), rows(0, 1, 2))]
    validation, train = remarks.of_folds(CLASSES, targets, folds)
    assert "validation set of 1 of 2 folds" in validation
    assert "happy, sad" in validation
    assert "train set of 1 of 2 folds" in train
    assert "angry" in train


@pytest.mark.parametrize("missing", [True, False])
def test_classes_that_no_clip_has_and_whole_sets_are_no_remark(missing: bool) -> None:
    targets = one_hot(["happy", "sad", "happy" if missing else "angry"] * 3)
    assert remarks.of_folds(CLASSES, targets, [Split(rows(0, 1, 2), rows(3, 4, 5), rows(6, 7, 8))]) == []


def test_tags_are_named_and_values_have_no_classes() -> None:
    tags = Tagging(("bark", "moo"))
    fold = [Split(rows(0), rows(), rows(1))]
    assert "tag bark" in remarks.of_folds(tags, np.array([[1, 1], [0, 1]], np.float32), fold)[0]
    assert remarks.of_folds(Regression(("valence",)), np.array([[0.1], [0.2]], np.float32), fold) == []


def test_one_recording_with_two_labels_is_named() -> None:
    clips = pd.DataFrame({"name": ["a", "b", "c", "d"], "label": ["happy", "sad", "happy", "happy"]})
    assert remarks.of_copies(clips, ["1", "2", "3", "3"], ("label",)) == []
    (said,) = remarks.of_copies(clips, ["1", "1", "3", "3"], ("label",))
    assert said.startswith("2 clips")
    assert "a (happy) and b (sad)" in said


# Runs.


@pytest.fixture
def skipping() -> study.Study:
    """Return the tiny document, which skips 10 ms at the beginning of each clip."""

    def skip(one: study.Experiment) -> study.Experiment:
        return replace(one, inputs=replace(one.inputs, settings={**one.inputs.settings, "offset_s": 0.01}))

    return replace(tiny.STUDY, experiments=tuple(map(skip, tiny.STUDY.experiments)))


def job_of(document: study.Study, corpus: Path, **options: Any) -> jobs.Job:
    return tiny.jobs_of(document)(corpus, **options)


def with_short_clip(folder: Path, seconds: float) -> Path:
    tiny.write_corpus(folder)
    soundfile.write(folder / "short.wav", np.full(round(seconds * tiny.SAMPLE_RATE), 0.1), tiny.SAMPLE_RATE)
    with (folder / "clips.csv").open("a") as table:
        table.write("short.wav,low,ann\n")
    return folder


@pytest.mark.parametrize(("seconds", "left"), [(0.01, 1), (0.011, 0)])
def test_a_clip_of_which_nothing_is_read_is_left_out_before_the_split(skipping, tmp_path, seconds, left) -> None:
    material = jobs.gather(job_of(skipping, with_short_clip(tmp_path / "tones", seconds)))
    assert len(material.clips) == 97 - left
    assert ["short" in remark for remark in material.remarks] == [True] * left


def test_clips_that_are_all_too_short_are_refused(skipping, corpus) -> None:
    inputs = replace(skipping.experiments[0].inputs, settings={"offset_s": 1.0})
    document = replace(skipping, experiments=(replace(skipping.experiments[0], inputs=inputs),))
    with pytest.raises(InputError, match="1 s"):
        jobs.gather(job_of(document, corpus))


def test_the_classes_of_an_own_corpus_are_those_of_its_clips(tmp_path) -> None:
    corpus = tiny.write_corpus(tmp_path / "two", classes=("middle", "high"))
    job = tiny.job(corpus)
    assert job.task(job.clips()).outputs == ("high", "middle")  # in the document's order
    published = job.clips().assign(corpus="savee")
    assert job.task(published).outputs == tiny.CLASSES


def test_remarks_are_announced_and_kept_in_the_record(tmp_path) -> None:
    corpus = tiny.write_corpus(tmp_path / "tones")
    table = (corpus / "clips.csv").read_text().replace("ann-0-0.wav,high", "ann-0-0.wav,High")
    (corpus / "clips.csv").write_text(table)
    (corpus / "unlisted.wav").write_bytes((corpus / "ann-0-0.wav").read_bytes())
    said: list[str] = []
    record = runner.run(tiny.job(corpus, "paired", runs=tmp_path / "runs"), said.append)
    (remark,) = record.data["data"]["remarks"]
    assert "High (1)" in remark
    assert any(remark in line for line in said)
    assert list(record.data["data"]["left_out"].values()) == [1]


def test_files_that_cannot_be_decoded_are_listed_and_left_out_with_the_list(tmp_path) -> None:
    corpus = tiny.write_corpus(tmp_path / "tones")
    for name in ("ann-0-0.wav", "bob-1-1.wav"):
        soundfile.write(corpus / name, np.full(128, np.nan), tiny.SAMPLE_RATE, subtype="FLOAT")
    with pytest.raises(InputError, match=LEAVE_OUT):
        runner.run(tiny.job(corpus, "paired", runs=tmp_path / "runs"))
    (tmp_path / "runs" / LEAVE_OUT).rename(corpus / LEAVE_OUT)
    assert len(scan([corpus]).manifest) == 94
