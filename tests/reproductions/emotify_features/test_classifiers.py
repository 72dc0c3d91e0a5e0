import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.svm import SVC

from common.arrays import Arrays
from common.cli import describe
from common.learners.sklearn_learner import SklearnLearner
from common.study import Fit
from reproductions.emotify_features import STUDY
from reproductions.emotify_features.classifiers import (
    PRESETS,
    KernelScaleSVC,
    Neighbours,
    median_distance,
    squared_inverse,
)


@pytest.fixture(scope="module")
def pieces() -> Arrays:
    draw = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [30, 20, 10])
    x = draw.normal(size=(60, 6)) * (1, 10, 100, 1, 1, 1) + 2 * labels[:, np.newaxis]
    return Arrays(x.astype(np.float32), np.eye(3, dtype=np.float32)[labels])


def fitted(name: str, pieces: Arrays) -> SklearnLearner:
    learner = SklearnLearner(PRESETS[name].build(), STUDY.task, seed=0)
    learner.fit(pieces)
    return learner


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_learns_and_predicts_the_same_when_it_was_saved(name, pieces, tmp_path) -> None:
    learner = fitted(name, pieces)
    probabilities = learner.predict(pieces.x)
    assert (probabilities.argmax(axis=1) == pieces.y.argmax(axis=1)).mean() >= 0.5  # half are of the first class
    learner.save(tmp_path / "model.joblib")
    np.testing.assert_array_equal(
        SklearnLearner.load(tmp_path / "model.joblib", STUDY.task, Fit()).predict(pieces.x), probabilities
    )


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("bagged-trees", {"n_estimators": 30, "estimator__max_features": None, "estimator__min_samples_leaf": 1}),
        ("bagged-trees-sqrt", {"n_estimators": 30, "estimator__max_features": "sqrt"}),
        ("linear-svm", {"kernel": "poly", "degree": 1, "scale": None, "C": 1.0}),
        ("quadratic-svm", {"kernel": "poly", "degree": 2, "scale": None}),
        ("cubic-svm", {"kernel": "poly", "degree": 3, "scale": None, "C": 1.0}),
        ("fine-gaussian-svm", {"kernel": "rbf", "scale": 0.25}),
        ("medium-gaussian-svm", {"kernel": "rbf", "scale": 1.0}),
        ("coarse-gaussian-svm", {"kernel": "rbf", "scale": 4.0}),
        ("fine-knn", {"n_neighbors": 1, "p": 2.0, "weights": "uniform"}),
        ("medium-knn", {"n_neighbors": 10}),
        ("coarse-knn", {"n_neighbors": 100}),
        ("cosine-knn", {"n_neighbors": 10, "metric": "cosine"}),
        ("cubic-knn", {"n_neighbors": 10, "p": 3.0}),
        ("weighted-knn", {"n_neighbors": 10, "weights": "squared inverse"}),
        ("boosted-trees", {"n_estimators": 30, "learning_rate": 0.1, "estimator__max_leaf_nodes": 21}),
        ("subspace-discriminant", {"n_estimators": 30, "max_features": 0.5, "bootstrap": False}),
        ("subspace-knn", {"n_estimators": 30, "max_features": 0.5, "estimator__n_neighbors": 1}),
        ("rusboosted-trees", {"n_estimators": 30, "learning_rate": 0.1, "estimator__max_leaf_nodes": 21}),
    ],
)
def test_a_preset_is_what_matlab_has(name, settings) -> None:
    last = SklearnLearner(PRESETS[name].build(), STUDY.task).summary()["steps"][-1]["settings"]
    assert {setting: last[setting] for setting in settings} == settings


def test_presets_share_nothing_that_is_fitted(pieces) -> None:
    fitted("fine-knn", pieces)
    assert not hasattr(PRESETS["fine-knn"].build()[-1], "classes_")


@pytest.mark.parametrize("name", PRESETS)
def test_what_says_standardised_does_so(name, pieces) -> None:
    steps = fitted(name, pieces).summary()["steps"]
    assert (steps[0]["type"] == "StandardScaler") == PRESETS[name].standardised == ("standardised" in MATLAB[name])


MATLAB = {name: preset.matlab.replace("not standardised", "") for name, preset in PRESETS.items()}


def test_the_cubic_kernel_is_matlab_s_with_the_median_distance_of_the_training_rows(pieces) -> None:
    learner = fitted("cubic-svm", pieces)
    standard = (pieces.x - pieces.x.mean(axis=0, dtype=float)) / pieces.x.std(axis=0, dtype=float)
    distance = np.median(pdist(standard))
    kernel = (1 + standard @ standard.T / distance**2) ** 3
    by_hand = SVC(kernel="precomputed").fit(kernel, pieces.y.argmax(axis=1))
    assert learner.estimator[-1].scale_ == pytest.approx(distance, rel=1e-5)
    assert (by_hand.predict(kernel) == learner.predict(pieces.x).argmax(axis=1)).all()


def test_a_gaussian_kernel_scales_with_the_square_root_of_the_features(pieces) -> None:
    machine = KernelScaleSVC(kernel="rbf", scale=0.25).fit(pieces.x, pieces.y.argmax(axis=1))
    assert machine.scale_ == pytest.approx(np.sqrt(6) / 4)
    assert machine.svc_.gamma == pytest.approx(16 / 6)


def test_rows_that_are_all_alike_have_a_distance_to_divide_by() -> None:
    assert median_distance(np.ones((5, 2))) == 1


def test_more_neighbours_than_rows_are_all_rows(pieces) -> None:
    few = Neighbours(100).fit(pieces.x[:7], np.repeat([0, 1], [4, 3]))
    np.testing.assert_allclose(few.predict_proba(pieces.x[:2]), [[4 / 7, 3 / 7]] * 2)


def test_a_neighbour_counts_by_the_square_of_its_nearness_and_alone_where_it_coincides() -> None:
    np.testing.assert_allclose(squared_inverse(np.array([[1.0, 2.0], [0.0, 2.0]])), [[1, 0.25], [1, 0]])


def test_every_preset_says_what_it_is_in_matlab_and_how_that_is_known() -> None:
    svm = "in MATLAB (by its documentation): polynomial order 3, KernelScale auto, box 1, standardised"
    facts = describe.summary(STUDY, STUDY.experiment("deep-cubic-svm"), STUDY.protocol("published"))
    assert facts["origin"] == svm
    assert (
        PRESETS["fine-knn"].origin == "in MATLAB (from memory, no text at hand): 1 neighbour, Euclidean, standardised"
    )
