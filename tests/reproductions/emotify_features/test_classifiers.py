import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.svm import SVC

from common.arrays import Arrays
from common.cli import describe
from common.learners.sklearn_learner import SklearnLearner
from reproductions.emotify_features import STUDY
from reproductions.emotify_features.classifiers import KernelScaleSVC, Neighbours, median_distance, squared_inverse
from reproductions.emotify_features.presets import FIT, PRESETS


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
def test_every_preset_learns_and_predicts_the_same_after_loading(name, pieces, tmp_path) -> None:
    learner = fitted(name, pieces)
    probabilities = learner.predict(pieces.x)
    assert (probabilities.argmax(axis=1) == pieces.y.argmax(axis=1)).mean() >= 0.5  # half are of the first class
    learner.save(tmp_path / "model.skops")
    loaded = SklearnLearner.load(tmp_path / "model.skops", STUDY.task, FIT)
    np.testing.assert_array_equal(loaded.predict(pieces.x), probabilities)


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


def test_building_a_preset_returns_an_unfitted_estimator(pieces) -> None:
    fitted("fine-knn", pieces)
    assert not hasattr(PRESETS["fine-knn"].build()[-1], "classes_")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_standardise_as_in_matlab(name, pieces) -> None:
    steps = fitted(name, pieces).summary()["steps"]
    assert (steps[0]["type"] == "StandardScaler") == PRESETS[name].standardised == ("standardised" in MATLAB[name])


MATLAB = {name: preset.matlab.replace("not standardised", "") for name, preset in PRESETS.items()}


def test_the_cubic_kernel_is_matlabs_with_the_median_distance_of_the_training_rows(pieces) -> None:
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


def test_the_median_distance_of_equal_rows_is_1() -> None:
    assert median_distance(np.ones((5, 2))) == 1


def test_the_number_of_neighbours_is_at_most_that_of_the_rows(pieces) -> None:
    few = Neighbours(100).fit(pieces.x[:7], np.repeat([0, 1], [4, 3]))
    np.testing.assert_allclose(few.predict_proba(pieces.x[:2]), [[4 / 7, 3 / 7]] * 2)


def test_weights_are_inverse_squared_distances_and_only_neighbours_at_distance_0_count() -> None:
    np.testing.assert_allclose(squared_inverse(np.array([[1.0, 2.0], [0.0, 2.0]])), [[1, 0.25], [1, 0]])


def test_a_summary_has_the_settings_in_matlab_and_their_source() -> None:
    origins = [
        describe.summary(STUDY, STUDY.experiment(name), STUDY.protocol("published"))["origin"]
        for name in ("deep-cubic-svm", "deep-fine-knn")
    ]
    assert all(PRESETS[name].matlab in origin for name, origin in zip(("cubic-svm", "fine-knn"), origins, strict=True))
    assert ["documentation" in origin for origin in origins] == [True, False]
