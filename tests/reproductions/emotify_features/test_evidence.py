"""The runs by which it is found out how the songs were labelled and divided."""

from pathlib import Path

import pytest

from common.corpora import Scan
from common.runs import records
from reproductions.emotify_features import STUDY, evidence
from reproductions.emotify_features.evidence import BATCHES, Batch, jobs_of, protocol_of
from tuning.command import study_app

TWO = (Batch("a test", ("handcrafted-fine-knn",), ("permuted", "corpus"), ("song",), seeds=1),)


@pytest.fixture
def encore(commands_of):
    """Return the command line of the study, with its published numbers."""
    app = study_app(STUDY, ())
    app.command("evidence")(evidence.evidence)
    return commands_of(app, STUDY.name, "")


def test_no_run_is_listed_twice_and_networks_only_with_weights(songs, tmp_path) -> None:
    every = jobs_of(BATCHES, Scan(songs), tmp_path, "weights.h5")
    without = jobs_of(BATCHES, Scan(songs), tmp_path, None)
    assert len({job.folder for job in every}) == len(every) == 172
    assert {job.experiment.id for job in every if job.experiment.pretrained} == {
        "mobilenet-cubic-svm",
        "mobilenet-fine-knn",
    }
    assert [job.folder for job in without] == [job.folder for job in every if not job.experiment.pretrained]
    assert {job.options.weights for job in without} == {"none"}


@pytest.mark.parametrize(
    ("track_ids", "folds", "name"),
    [
        ("alphabetical", "piece", "published"),
        ("corpus", "song", "corrected"),
        ("alphabetical", "song", "published+folds=song"),
        ("permuted", "song", "published+folds=song+track_ids=permuted"),
    ],
)
def test_a_run_is_kept_under_the_name_that_the_run_command_gives_it(track_ids: str, folds: str, name: str) -> None:
    protocol = protocol_of(track_ids, folds)
    assert protocol.name == name
    assert protocol.switches == {"track_ids": track_ids, "folds": folds, "ties": "random"}


def test_the_command_makes_the_runs_that_run_makes(encore, folder, known_features, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(evidence, "BATCHES", TWO)
    assert encore("evidence", "--data", folder, "--runs", tmp_path / "runs")[0] == 0
    made = [records.read(place) for place in records.find(tmp_path / "runs")]
    assert [record.data["switches"]["track_ids"] for record in made] == ["corpus", "permuted"]
    changes = ["--set", "track_ids=permuted", "--set", "folds=song"]
    encore("run", "handcrafted-fine-knn", *changes, "--data", folder, "--runs", tmp_path / "again")
    (again,) = (records.read(place) for place in records.find(tmp_path / "again"))
    assert again.data["protocol"] == made[1].data["protocol"]
    assert again.data["confusion"] == made[1].data["confusion"]


def test_finished_runs_are_not_repeated(encore, folder, known_features, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(evidence, "BATCHES", TWO)
    encore("evidence", "--data", folder, "--runs", tmp_path / "runs")
    first, second = records.find(tmp_path / "runs")
    kept = (first / "record.json").read_bytes()
    (second / "record.json").unlink()
    assert encore("evidence", "--data", folder, "--runs", tmp_path / "runs")[0] == 0
    assert (first / "record.json").read_bytes() == kept  # its timings would be others
    assert records.find(tmp_path / "runs") == [first, second]


@pytest.mark.parametrize("weights", ["none", "absent.h5"])
def test_weights_that_are_random_or_absent_are_refused(weights: str, encore, folder, tmp_path: Path) -> None:
    assert encore("evidence", "--data", folder, "--runs", tmp_path / "runs", "--weights", weights)[0] == 2


def test_other_songs_than_emotify_s_are_refused(encore, folder, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for song in (folder / "emotifymusic" / "pop").iterdir():
        (tmp_path / "mine" / f"calm_{song.name}").write_bytes(song.read_bytes())
    assert encore("evidence", "--data", tmp_path / "mine", "--runs", tmp_path / "runs")[0] == 2
    assert not (tmp_path / "runs").exists()
