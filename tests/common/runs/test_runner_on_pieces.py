"""Runs of scikit-learn estimators, on clips that are pieces of songs."""

import time
from dataclasses import replace

import pytest
import tiny_pieces
from sklearn.ensemble import BaggingClassifier

from common import errors
from common.errors import InputError
from common.learners import sklearn_learner
from common.runs import identity, runner


def test_a_record_of_a_fitted_estimator_has_its_settings_and_no_epochs(of_pieces) -> None:
    record = of_pieces()
    data = record.data
    (step,) = data["configuration"]["estimator"]
    assert (step["type"], step["settings"]["n_estimators"]) == ("BaggingClassifier", 5)
    assert data["parameters"] == {"total": None, "trainable": None}
    assert data["timings"]["epoch_s"] is None
    assert {(fold["best_epoch"], fold["epochs"], fold["validation"]) for fold in data["folds"]} == {(None, None, 0)}
    assert record.history().empty
    assert list(record.history()) == ["fold", "stage", "epoch", "seconds"]


def test_every_piece_is_tested_once_and_keeps_its_song(of_pieces) -> None:
    record = of_pieces()
    predictions = record.predictions()
    assert len(predictions) == record.data["data"]["clips"] == record.data["data"]["expected_clips"] == 192
    assert predictions["name"].is_unique
    assert list(predictions.columns[:4]) == ["name", "corpus", "speaker", "group"]
    assert (predictions["name"].str.rpartition("#")[0] == predictions["group"]).all()


@pytest.mark.parametrize(("protocol", "apart"), [("published", False), ("corrected", True)])
def test_songs_on_both_sides_are_found_and_intervals_are_over_songs_even_so(protocol, apart, of_pieces) -> None:
    data = of_pieces(protocol=protocol).data
    leaks = {leak["check"]: leak["clean"] for leak in data["leaks"]}
    # Two pieces of a file are two recordings, so `bytes` is clean.
    assert leaks == {"song": apart, "sound": True, "augmented": True, "scaler": True, "selection": True}
    assert data["metrics"]["accuracy"]["method"] == "bootstrap over 96 groups"


def test_labels_may_depend_on_the_seed(corpus) -> None:
    counts = [tiny_pieces.STUDY.task.counts(tiny_pieces.job(corpus, seed=seed).clips()) for seed in (0, 1)]
    assert counts[0] != counts[1]


def test_the_same_seed_gives_the_same_predictions_and_another_one_others(corpus, tmp_path) -> None:
    first, again, other = (
        runner.run(tiny_pieces.job(corpus, protocol="independent", runs=tmp_path / name, seed=seed)).predictions()
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_an_interrupted_run_resumes_with_the_next_fold_and_gives_the_same_result(corpus, tmp_path, monkeypatch) -> None:
    fitted = []
    original = sklearn_learner.SklearnLearner.fit

    def press(learner: sklearn_learner.SklearnLearner, *given: object, **named: object) -> object:
        if len(fitted) == 2:
            raise KeyboardInterrupt
        fitted.append(learner)
        return original(learner, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(sklearn_learner.SklearnLearner, "fit", press)
        with pytest.raises(KeyboardInterrupt):
            runner.run(tiny_pieces.job(corpus, runs=tmp_path / "broken"))
        fitted.pop()
        resumed = runner.run(tiny_pieces.job(corpus, runs=tmp_path / "broken"))
    unbroken = runner.run(tiny_pieces.job(corpus, runs=tmp_path / "unbroken"))
    assert len(fitted) == 2
    assert resumed.predictions().equals(unbroken.predictions())
    assert resumed.data["metrics"] == unbroken.data["metrics"]


def test_no_fold_is_fitted_after_the_deadline(corpus, tmp_path) -> None:
    with pytest.raises(errors.BudgetSpentError, match="--fresh"):
        runner.run(tiny_pieces.job(corpus, runs=tmp_path, deadline=time.monotonic() - 1))


def test_a_finished_run_of_another_estimator_is_refused(corpus, tmp_path) -> None:
    job = tiny_pieces.job(corpus, runs=tmp_path)
    runner.run(job)
    other = replace(job.experiment, build=lambda setting, n_classes: BaggingClassifier(n_estimators=6))
    with pytest.raises(InputError, match="--fresh"):
        runner.run(replace(job, experiment=other))


def test_a_finished_run_with_other_weights_is_refused(corpus, tmp_path) -> None:
    record = runner.run(tiny_pieces.job(corpus, "pictures", runs=tmp_path / "runs"))
    (tmp_path / "weights.h5").write_bytes(b"weights")
    assert record.data["configuration"]["weights"] == "none"
    assert "random weights" in record.data["notes"][0]
    with pytest.raises(InputError, match="--fresh"):
        runner.run(tiny_pieces.job(corpus, "pictures", runs=tmp_path / "runs", weights=str(tmp_path / "weights.h5")))


def test_weights_are_known_by_their_name_or_by_what_is_in_them(tmp_path) -> None:
    folder, moved = tmp_path / "a", tmp_path / "b"
    for place in (folder, moved):
        place.mkdir()
        (place / "config.json").write_text("{}")
    named = [identity.weights_in_words(weights) for weights in ("imagenet", "none", "owner/name-2.0")]
    assert named == ["imagenet", "none", "owner/name-2.0"]
    digest = identity.weights_in_words(str(folder))
    assert digest == identity.weights_in_words(str(moved))
    assert digest.startswith("sha256:")
    (moved / "config.json").write_text("[]")
    assert identity.weights_in_words(str(moved)) != digest
    with pytest.raises(InputError, match=r"absent\.h5"):
        identity.weights_in_words(str(tmp_path / "absent.h5"))
