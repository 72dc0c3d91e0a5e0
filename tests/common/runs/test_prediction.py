import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny
import tiny_pieces
from synthetic import reseal

from common.errors import InputError
from common.runs import prediction, records, runner
from common.runs.records import Record


@pytest.fixture
def finished(unbroken, tmp_path) -> Record:
    """Return a finished Keras run of two folds in a runs folder of one's own."""
    record = unbroken("patient", "independent", folds=2)
    folder = records.folder_of(tmp_path / "runs", *record.identity)
    shutil.copytree(record.folder, folder)
    return records.read(folder)


@pytest.fixture
def pieces(of_pieces, tmp_path) -> Record:
    """Return a finished run on pieces of songs in a runs folder of one's own."""
    record = of_pieces()
    folder = records.folder_of(tmp_path / "runs", *record.identity)
    shutil.copytree(record.folder, folder)
    return records.read(folder)


@pytest.fixture
def song(corpus) -> Path:
    return corpus / "ann-0-0.wav"


def test_a_prediction_has_a_probability_of_each_class_and_says_how_short_the_file_is(finished, song) -> None:
    one = prediction.Models(tiny.STUDY, finished).predict(song)
    assert one.parts == 1
    assert one.outputs.sum() == pytest.approx(1, abs=1e-5)
    assert one.predicted == one.task.outputs[int(one.outputs.argmax())]
    assert one.notes[0] == "its first 16 ms"


def test_each_fold_has_its_own_model_and_their_mean_is_the_prediction(unbroken, song) -> None:
    models = prediction.Models(tiny.STUDY, unbroken("patient", "independent", folds=2))
    together, folds = models.predict(song).outputs, list(models._folds)
    alone = []
    for fold in folds:
        models._folds = [fold]
        alone.append(models.predict(song).outputs)
    assert len(alone) == 2
    assert not np.allclose(alone[0], alone[1])
    np.testing.assert_allclose(together, np.mean(alone, axis=0), atol=1e-6)


def test_a_file_of_several_parts_has_the_mean_and_the_share_of_each_class(pieces, song) -> None:
    one = prediction.Models(tiny_pieces.STUDY, pieces).predict(song)
    assert one.parts == 2
    assert one.shares.sum() == 1
    assert set(one.shares * 2) <= {0.0, 1.0, 2.0}
    assert json.loads(json.dumps(one.facts()))["probabilities"] == one.facts()["probabilities"]


def test_the_newest_run_is_the_one_finished_last(pieces, corpus, tmp_path) -> None:
    later = runner.run(tiny_pieces.job(corpus, "svm", runs=tmp_path / "runs"))
    path = later.folder / "record.json"
    path.write_text(path.read_text().replace(later.data["finished"], "2999-01-01T00:00:00+00:00"))
    reseal(later.folder)
    found = prediction.newest_run(tiny_pieces.STUDY, [tmp_path / "none", tmp_path / "runs"])
    assert found.folder == later.folder


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_a_folder_of_runs_is_refused_by_the_name_of_a_run_in_it(pieces, levels) -> None:
    with pytest.raises(InputError, match=pieces.folder.name):
        prediction.run_in(tiny_pieces.STUDY, pieces.folder.parents[levels - 1])
    with pytest.raises(InputError, match="absent"):
        prediction.run_in(tiny_pieces.STUDY, pieces.folder / "absent")


def test_a_run_of_another_study_is_refused(pieces) -> None:
    with pytest.raises(InputError, match="tiny_pieces"):
        prediction.run_in(tiny.STUDY, pieces.folder)


@pytest.mark.parametrize("name", ["model.skops", "front_end.npz"])
@pytest.mark.parametrize("content", [None, b"PK half"], ids=["missing", "damaged"])
def test_a_damaged_model_is_refused_by_its_folder(name, content, pieces, song) -> None:
    path = pieces.folder / "fold-1" / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(InputError, match=r"fold-1"):
        prediction.Models(tiny_pieces.STUDY, pieces).predict(song)


def test_features_of_a_weights_file_need_that_very_file(corpus, song, tmp_path) -> None:
    used, other = tmp_path / "used.h5", tmp_path / "other.h5"
    used.write_bytes(b"used")
    other.write_bytes(b"other")
    record = runner.run(tiny_pieces.job(corpus, "pictures", runs=tmp_path / "runs", weights=str(used)))
    with pytest.raises(InputError, match="--weights"):
        prediction.Models(tiny_pieces.STUDY, record).predict(song)
    with pytest.raises(InputError, match=r"other\.h5"):
        prediction.Models(tiny_pieces.STUDY, record, weights=str(other)).predict(song)
    one = prediction.Models(tiny_pieces.STUDY, record, weights=str(used)).predict(song)
    assert one.predicted in tiny.CLASSES


def test_weights_that_no_features_are_made_with_are_refused(pieces, tmp_path) -> None:
    (tmp_path / "idle.h5").write_bytes(b"idle")
    with pytest.raises(InputError, match="leave out --weights"):
        prediction.Models(tiny_pieces.STUDY, pieces, weights=str(tmp_path / "idle.h5"))


def test_any_rate_and_length_is_taken(finished, tmp_path) -> None:
    sound = np.sin(np.arange(44_100) / 9)
    soundfile.write(tmp_path / "long.flac", np.stack([sound, sound], axis=1), 44_100)
    one = prediction.Models(tiny.STUDY, finished).predict(tmp_path / "long.flac")
    assert one.predicted in tiny.CLASSES


@pytest.mark.parametrize(
    ("kind", "noted"), [("train", "training clip"), ("validation", "validation clip"), ("test", None)]
)
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_clips_of_a_run_are_recognised_under_any_name(kind, noted, suffix, unbroken, corpus, tmp_path) -> None:
    record = unbroken("patient", "published", folds=2)
    split = record.split()
    clip = split.loc[split["set"] == kind, "name"].iloc[0]
    recording = tmp_path / f"recording{suffix}"
    if suffix == ".wav":
        shutil.copy(corpus / f"{clip}.wav", recording)
    else:
        soundfile.write(recording, *soundfile.read(corpus / f"{clip}.wav", dtype="int16"))
    notes = prediction.Models(tiny.STUDY, record).predict(recording).notes
    known = [note for note in notes if "clip of the model" in note]
    assert len(known) == (noted is not None)
    assert all(noted in note for note in known)


def test_a_file_whose_pieces_are_training_clips_is_recognised(pieces, song) -> None:
    one = prediction.Models(tiny_pieces.STUDY, pieces).predict(song)
    assert "training clip of the model" in " ".join(one.notes)


def test_silence_votes_and_a_prediction_that_depends_on_its_batch_have_a_note(unbroken, of_pieces, song, tmp_path):
    samples, rate = soundfile.read(song)
    soundfile.write(tmp_path / "nothing.wav", 0 * samples, rate)
    svm = prediction.Models(tiny_pieces.STUDY, of_pieces("svm"))
    assert "silent" in svm.predict(tmp_path / "nothing.wav").notes[0]
    said = svm.predict(song).notes
    assert not any("silent" in note for note in said)
    assert "no probabilities" in said[-1]
    assert "batches" in prediction.Models(tiny.STUDY, unbroken("paired", "published")).predict(song).notes[-1]


def test_what_is_wrong_with_the_sound_has_a_note(pieces, song, tmp_path) -> None:
    models = prediction.Models(tiny_pieces.STUDY, pieces)
    samples, rate = soundfile.read(song)
    damaged = np.concatenate([samples, [np.nan]])  # behind the part that is read
    wrong = {"silent": np.stack([samples, -samples], 1), "finite": damaged, "full scale": 30_000 * samples}
    for what, changed in wrong.items():
        soundfile.write(tmp_path / "a.wav", changed, rate, subtype="FLOAT")
        assert what in models.predict(tmp_path / "a.wav").notes[0]


def test_parts_with_one_answer_are_one_stretch(pieces, song) -> None:
    one = prediction.Models(tiny_pieces.STUDY, pieces).predict(song)
    assert sum(parts for _, parts, _ in one.over_time) == one.parts == len(one.begins)
    assert one.over_time[0][0] == 0
    sure = np.eye(len(one.task.outputs))[[0, 0, 2, 0]]
    longer = replace(one, of_parts=sure, begins=(0.0, 1.0, 2.0, 3.0))
    first, third = (one.task.answer(sure[place]) for place in (0, 2))
    assert longer.over_time == [(0.0, 2, first), (2.0, 1, third), (3.0, 1, first)]


def test_a_record_without_a_switch_is_of_an_earlier_version(pieces) -> None:
    name = tiny_pieces.STUDY.experiment(pieces.data["experiment"]).switches[0]
    del pieces.data["switches"][name]
    with pytest.raises(InputError, match=name):
        prediction.Models(tiny_pieces.STUDY, pieces)


def test_a_run_is_refused_if_the_settings_of_its_features_have_changed(finished, song) -> None:
    path = finished.folder / "record.json"
    path.write_text(path.read_text().replace('"sample_rate": 8000', '"sample_rate": 4000'))
    reseal(finished.folder)
    changed = records.read(finished.folder)
    with pytest.raises(InputError, match="sample_rate"):
        prediction.Models(tiny.STUDY, changed).predict(song)


def test_copies_of_training_clips_are_not_counted_as_clips(finished) -> None:
    plain = prediction.origin(finished)
    of_fold = [int((finished.split().query("fold == @fold")["set"] == "train").sum()) for fold in (0, 1)]
    assert f" {of_fold[0]} " in plain
    for fold in finished.data["folds"]:
        fold["train"] *= 3  # two noisy copies of each
    copied = prediction.origin(finished)
    assert f" {of_fold[0]} " in copied
    assert f"({3 * of_fold[0]} " in copied or f"({3 * min(of_fold)} to {3 * max(of_fold)} " in copied
    finished.data["folds"][0]["train"] = 5  # clips were left out
    assert f"5 to {of_fold[1]} of" in prediction.origin(finished)


def test_an_exchanged_model_is_refused(finished, song) -> None:
    one, other = (finished.folder / f"fold-{fold}" / "model.keras" for fold in (0, 1))
    one.write_bytes(other.read_bytes())
    with pytest.raises(InputError, match=r"model\.keras was changed"):
        prediction.Models(tiny.STUDY, finished)


def test_a_changed_front_end_is_refused(finished, song) -> None:
    path = finished.folder / "fold-0" / "front_end.npz"
    with np.load(path) as stored:
        np.savez(path, **{name: array + 1 for name, array in stored.items()}, more=np.ones(1))
    with pytest.raises(InputError, match=r"front_end\.npz was changed"):
        prediction.Models(tiny.STUDY, finished)
