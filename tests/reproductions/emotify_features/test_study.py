"""Labels, splits and experiments of document 002."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from common import published, trials
from common.corpora import Scan, emotify, scan
from common.errors import InputError
from common.runs import jobs, prediction, runner
from common.study import Setting
from reproductions.emotify_features import CLASSES, FOLDS, PIECES, STUDY, descriptors, evidence
from reproductions.emotify_features.classifiers import PRESETS
from reproductions.emotify_features.evidence import BY_NAME, CHANCE, Hypothesis, hypotheses, track_of, trial, try_all
from tuning.command import Tunable

NUMBERS = range(1, 11)
"""Numbers of the songs of each genre that have a file."""

AMAZING = (7, 107)
TIED = (3, 103, 203, 303)


def emotion_of(track: int) -> str:
    return CLASSES[(track // 2) % len(CLASSES)]


def answers(track: int) -> list[set[str]]:
    """The choices of the two listeners of a track."""
    if track in AMAZING:
        return [{"amazement"}, {"amazement"}]
    if track in TIED:
        return [{"calmness"}, {"tension"}]
    return [{emotion_of(track)}, {emotion_of(track)}]


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Return the manifest of ten songs per genre, of three pieces and a remainder; their files have no audio."""
    folder = tmp_path_factory.mktemp("emotify")
    rows, lines = [], [", ".join(["track id", "genre", *emotify.EMOTIONS])]
    for genre in emotify.ORDERS["corpus"]:
        for number in range(1, 101):
            track = emotify.track_id(genre, number)
            for chosen in answers(track):
                lines.append(f"{track},{genre}," + ",".join(str(int(e in chosen)) for e in emotify.EMOTIONS))
            if number in NUMBERS:
                path = folder / "emotifymusic" / genre / f"{number}.mp3"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{genre} {number}")
                rows.append((str(path), f"{genre}/{number}", "emotify", "", genre, f"{genre}/{number}", 47.0))
    undecided = "1,classical," + ",".join("0" for _ in emotify.EMOTIONS)
    lines += [undecided] * (emotify.ROWS + 1 - len(lines))
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    return pd.DataFrame(rows, columns=["path", "name", "corpus", "speaker", "label", "group", "duration"])


def setting(seed: int = 0, **switches: str) -> Setting:
    return Setting({"track_ids": "corpus", "folds": "song", "ties": "dropped", **switches}, seed)


@pytest.fixture
def known_features(monkeypatch) -> None:
    """Replace the descriptors by numbers that depend on the path and the offset."""

    def numbers(pieces: pd.DataFrame) -> np.ndarray:
        seeds = [len(Path(path).parent.name) * 1000 + int(Path(path).stem) for path in pieces["path"]]
        drawn = [np.random.default_rng(seed).normal(size=17) for seed in seeds]
        return (np.array(drawn) + pieces["offset"].to_numpy()[:, np.newaxis] / 100).astype(np.float32)

    monkeypatch.setattr(descriptors, "extract", numbers)


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
    assert data["baselines"]["chance"] == 1 / 8


def test_a_song_is_classified_piece_by_piece_with_notes_about_it(songs, known_features, tmp_path) -> None:
    record = runner.run(job(songs, "handcrafted-fine-knn", "published", tmp_path / "runs"))
    soundfile.write(tmp_path / "5.wav", np.zeros(8000 * 34), 8000)
    one = prediction.Models(STUDY, record).predict(tmp_path / "5.wav")
    assert one.parts == 2
    silent, length, switches = one.notes
    assert "silent" in silent
    assert "30" in length and "34.0" in length
    assert "track_ids = alphabetical" in switches and "folds = piece" in switches
    assert one.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_a_file_shorter_than_a_piece_is_refused(songs, known_features, tmp_path) -> None:
    soundfile.write(tmp_path / "5.wav", np.zeros(8000), 8000)
    with pytest.raises(InputError, match=r"5\.wav .*1 s.* 15 s"):
        STUDY.experiment("handcrafted-fine-knn").inputs.of_file(tmp_path / "5.wav", setting(), {})


@pytest.mark.parametrize("track_ids", ["corpus", "alphabetical"])
def test_the_corpus_has_1580_pieces_without_amazement(track_ids, shared_data) -> None:
    manifest = scan([shared_data / "emotify"]).manifest
    for seed in range(3):
        clips = STUDY.label(manifest, setting(seed, track_ids=track_ids, ties="random"))
        assert len(clips) == PIECES
        assert set(clips["label"]) == set(CLASSES)


def test_every_hypothesis_is_tried_once_and_networks_only_with_weights() -> None:
    tried = hypotheses(pretrained=True)
    assert len(set(tried)) == len(tried)
    orders = {one.labels for one in tried if "," not in one.labels and one.labels != CHANCE}
    assert len(orders) == 24
    assert {one.experiment for one in tried} > {one.experiment for one in hypotheses(pretrained=False)}


@pytest.mark.parametrize(
    ("labels", "track"),
    [
        ("classical electronic pop rock", 210),
        ("pop rock classical electronic", 10),
        (f"classical electronic pop rock, {BY_NAME}", 202),
    ],
)
def test_a_song_takes_the_place_of_its_genre_and_of_its_file(labels: str, track: int) -> None:
    assert track_of(labels, 0)("pop", 10) == track


def test_labels_dealt_by_chance_give_each_track_to_one_song() -> None:
    dealt = track_of(CHANCE, 1)
    tracks = [dealt(genre, number) for genre in emotify.ORDERS["corpus"] for number in range(1, 101)]
    assert sorted(tracks) == list(range(1, 401))
    assert tracks != sorted(tracks)


def test_a_trial_of_a_protocol_gives_the_matrix_of_its_run(songs, known_features, tmp_path) -> None:
    record = runner.run(job(songs, "handcrafted-fine-knn", "published", tmp_path))
    numbered = Hypothesis("handcrafted-fine-knn", "classical electronic pop rock", "piece", 0)
    assert trial(numbered, Scan(songs), "none").confusion.tolist() == record.data["confusion"]


def test_trials_go_on_where_they_stopped_and_refuse_those_of_other_songs(
    songs, known_features, tmp_path, monkeypatch
) -> None:
    some = [Hypothesis("handcrafted-fine-knn", CHANCE, "song", seed) for seed in range(2)]
    monkeypatch.setattr(evidence, "hypotheses", lambda pretrained: some[:1])
    first = try_all(Scan(songs), None, tmp_path / trials.NAME)
    monkeypatch.setattr(evidence, "hypotheses", lambda pretrained: some)
    made = [one.seed for one in try_all(Scan(songs), None, tmp_path / trials.NAME).all]
    assert ([one.seed for one in first.all], made) == ([0], [0, 1])
    with pytest.raises(InputError, match="other songs"):
        try_all(Scan(songs.iloc[1:]), None, tmp_path / trials.NAME)


def test_trials_without_weights_are_gone_on_with_when_weights_come_and_kept_when_they_are_left_out(
    songs, known_features, tmp_path, monkeypatch
) -> None:
    place = tmp_path / trials.NAME
    always = Hypothesis("handcrafted-fine-knn", CHANCE, "song", 0)
    deep = Hypothesis("mobilenet-fine-knn", CHANCE, "song", 0)
    monkeypatch.setattr(evidence, "hypotheses", lambda pretrained: [always, deep] if pretrained else [always])
    tried = trial(always, Scan(songs), "none")
    monkeypatch.setattr(evidence, "trial", lambda one, *_: replace(tried, experiment=one.experiment))
    first, second = (tmp_path / name for name in ("first.h5", "second.h5"))
    first.write_text("first")
    second.write_text("second")
    assert len(try_all(Scan(songs), None, place).all) == 1
    with_weights = try_all(Scan(songs), str(first), place)
    assert len(with_weights.all) == 2
    later = try_all(Scan(songs), None, place)
    assert len(later.all) == 2
    assert later.made["weights"] == with_weights.made["weights"]
    with pytest.raises(InputError, match="trials of other weights"):
        try_all(Scan(songs), str(second), place)


def test_nothing_is_tuned() -> None:
    with pytest.raises(InputError, match="emotify_features states no search"):
        Tunable(STUDY, ()).of("handcrafted-cubic-svm", None)


def test_trials_of_other_versions_are_not_mixed(songs, known_features, tmp_path, monkeypatch) -> None:
    place = tmp_path / trials.NAME
    some = [Hypothesis("handcrafted-fine-knn", CHANCE, "song", 0)]
    monkeypatch.setattr(evidence, "hypotheses", lambda pretrained: some)
    monkeypatch.setattr(evidence.environment, "describe", lambda: {"scikit-learn": "1.0"})
    try_all(Scan(songs), None, place)
    monkeypatch.setattr(evidence.environment, "describe", lambda: {"scikit-learn": "2.0"})
    with pytest.raises(InputError, match=r"trials of scikit-learn 1\.0, not 2\.0; move it away"):
        try_all(Scan(songs), None, place)
