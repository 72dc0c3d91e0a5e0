"""Labels, splits and experiments of document 002."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from tiny_emotify import AMAZING, TIED, emotion_of

from common import published
from common.corpora import Scan, emotify, scan
from common.errors import InputError
from common.runs import jobs, prediction, runner
from common.study import Setting
from reproductions.emotify_features import CLASSES, FOLDS, PIECES, STUDY
from reproductions.emotify_features.presets import PRESETS
from reproductions.emotify_features.track_ids import tracks_of
from tuning.command import Tunable


def setting(seed: int = 0, **switches: str) -> Setting:
    return Setting({"track_ids": "corpus", "folds": "song", "ties": "dropped", **switches}, seed)


def test_the_module_has_the_experiments_of_the_published_numbers_in_their_order() -> None:
    printed = published.load(STUDY.name)
    assert STUDY.title == printed.title
    assert tuple(printed.data.classes) == CLASSES
    assert [(one.id, one.title, one.section) for one in STUDY.experiments] == [
        (one.id, one.title, one.section) for one in printed.experiments
    ]


def test_every_preset_is_tried_on_every_set_of_features() -> None:
    ids = [experiment.id for experiment in STUDY.experiments]
    assert ids == [f"{fed}-{preset}" for fed in ("handcrafted", "deep", "mobilenet", "mfcc") for preset in PRESETS]
    needing_weights = {experiment.id.split("-")[0] for experiment in STUDY.experiments if experiment.pretrained}
    assert needing_weights == {"deep", "mobilenet"}


def test_songs_are_cut_into_pieces_without_amazement_and_ties(songs) -> None:
    clips = STUDY.label(songs, setting())
    left_out = len(AMAZING) + len(TIED)
    assert len(clips) == 3 * (len(songs) - left_out)
    assert set(clips["label"]) == set(CLASSES)
    assert clips["name"].is_unique


def test_under_the_corpus_numbering_a_song_has_its_true_label(songs) -> None:
    clips = STUDY.label(songs, setting())
    for group, label in zip(clips["group"], clips["label"], strict=True):
        genre, number = group.split("/")
        assert label == emotion_of(emotify.track_id(genre, int(number)))


def test_under_the_alphabetical_numbering_three_genres_have_labels_of_other_songs(songs) -> None:
    clips = STUDY.label(songs, setting(track_ids="alphabetical"))
    labels = clips.drop_duplicates("group").set_index("group")["label"]
    assert labels["classical/1"] == emotion_of(1)
    assert labels["electronic/1"] == emotion_of(101)
    assert labels["pop/1"] == emotion_of(201)
    assert labels["rock/1"] == emotion_of(301)
    own, alphabetical = (tracks_of(order, seed=0) for order in ("corpus", "alphabetical"))
    assert sum(own[song] != alphabetical[song] for song in own) == 300


def test_random_tie_breaking_keeps_every_song_and_depends_on_the_seed(songs) -> None:
    drawn = [STUDY.label(songs, setting(seed, ties="random")) for seed in range(6)]
    assert {len(clips) for clips in drawn} == {3 * (len(songs) - len(AMAZING))}
    tied = [tuple(clips.loc[clips["group"].isin(["classical/3", "rock/3"]), "label"]) for clips in drawn]
    assert len(set(tied)) > 1
    assert {label for labels in tied for label in labels} == {"calmness", "tension"}


@pytest.mark.parametrize(("folds", "apart"), [("song", True), ("piece", False)])
def test_folds_are_song_disjoint_or_not_by_the_switch(folds, apart, songs) -> None:
    one = setting(folds=folds)
    clips = STUDY.label(songs, one)
    splits = STUDY.split(clips, one)
    assert len(splits) == FOLDS
    shared = [set(clips["group"].iloc[fold.train]) & set(clips["group"].iloc[fold.test]) for fold in splits]
    assert (not any(shared)) is apart


def test_your_own_songs_keep_their_labels_and_stay_together(songs) -> None:
    own = songs.assign(corpus="mine", group="", label=["calm", "wild"] * (len(songs) // 2))
    clips = STUDY.label(own, setting())
    assert len(clips) == 3 * len(own)
    assert set(clips["label"]) == {"calm", "wild"}
    assert clips.groupby("group").size().tolist() == [3] * len(own)


def test_songs_shorter_than_a_piece_are_refused(songs) -> None:
    with pytest.raises(InputError, match=r"40 songs .*15 s"):
        STUDY.label(songs.assign(duration=14.0), setting())


def job(songs: pd.DataFrame, experiment: str, protocol: str, runs: Path) -> jobs.Job:
    return jobs.Job(STUDY, STUDY.experiment(experiment), STUDY.protocol(protocol), Scan(songs), jobs.Options(runs=runs))


def test_the_record_of_a_run_counts_pieces_and_groups_by_song(songs, known_features, tmp_path) -> None:
    data = runner.run(job(songs, "handcrafted-cubic-svm", "corrected", tmp_path)).data
    leaks = {leak["check"]: leak for leak in data["leaks"]}
    assert data["data"]["clips"] == 3 * (len(songs) - len(AMAZING))
    assert data["data"]["expected_clips"] == PIECES
    assert data["metrics"]["accuracy"]["method"] == f"bootstrap over {len(songs) - len(AMAZING)} groups"
    assert all(leak["clean"] for leak in leaks.values())
    assert "training clips only" in leaks["scaler"]["detail"]
    assert data["baselines"]["chance"] == {"accuracy": 1 / 8}


def test_a_song_is_classified_piece_by_piece_with_notes_about_it(songs, known_features, tmp_path) -> None:
    record = runner.run(job(songs, "handcrafted-fine-knn", "published", tmp_path / "runs"))
    soundfile.write(tmp_path / "5.wav", np.zeros(8000 * 34), 8000)
    one = prediction.Models(STUDY, record).predict(tmp_path / "5.wav")
    assert one.parts == 2
    silent, length, switches = one.notes
    assert "silent" in silent
    assert "30" in length and "34.0" in length
    assert "track_ids = alphabetical" in switches and "folds = piece" in switches
    assert one.outputs.sum() == pytest.approx(1, abs=1e-5)


def test_a_file_shorter_than_a_piece_is_refused(songs, known_features, tmp_path) -> None:
    soundfile.write(tmp_path / "5.wav", np.zeros(8000), 8000)
    with pytest.raises(InputError, match=r"5\.wav .*1 s.* 15 s"):
        STUDY.experiment("handcrafted-fine-knn").inputs.of_file(tmp_path / "5.wav", setting(), {})


@pytest.mark.parametrize("track_ids", ["corpus", "alphabetical"])
def test_the_corpus_has_1580_pieces_without_amazement(track_ids, shared_data) -> None:
    manifest = scan([shared_data / "emotify"]).manifest
    for seed in range(3):
        clips = STUDY.label(manifest, setting(seed, track_ids=track_ids, ties="random"))
        assert len(clips) == PIECES == published.load("emotify_features").data.clips
        assert set(clips["label"]) == set(CLASSES)


def test_nothing_is_tuned() -> None:
    with pytest.raises(InputError, match="emotify_features"):
        Tunable(STUDY, ()).of("handcrafted-cubic-svm", None)
