"""MATLAB's Classification Learner in scikit-learn: one table of presets.

The document names two presets, Bagged Trees and Cubic SVM, but none of their settings. The settings of these two are
known from MATLAB's documentation (ref), those of the others from memory (recall); `Preset.known` says which. The two
libraries differ as follows:

1. MATLAB's one-vs-one SVM weights the losses of its binary learners. In scikit-learn they vote, so there are no
   probabilities: `predictions.csv` has 1 for the predicted class.
2. MATLAB's `KernelScale auto` is an undocumented heuristic on a random subsample; here it is the median distance of all
   pairs of training rows.
3. AdaBoost.M2 (MATLAB's Boosted Trees and, on undersampled classes, RUSBoosted Trees) does not exist in scikit-learn;
   SAMME is used instead. A tree of 20 splits has 21 leaves.
4. Bagged Trees consider all features for each split, as in the code that newer releases export. Older releases drew the
   square root of their number, as a random forest does (recall): this is `bagged-trees-sqrt`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from imblearn.ensemble import RUSBoostClassifier
from scipy.spatial.distance import pdist
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

LEARNERS = 30
LEAVES = 21
RATE = 0.1


class KernelScaleSVC(ClassifierMixin, BaseEstimator):
    """A one-vs-one support vector classifier with MATLAB's kernel scale s: inputs are divided by s, gamma is 1 / s².

    Args:
        kernel: `poly`, (1 + x.y / s²) ** degree; or `rbf`, exp(-|x - y|² / s²).
        degree: of the polynomial; 1 is the linear kernel.
        scale: s as a multiple of the square root of the number of features; None: the median distance of two training
            rows.
        C: the penalty of misclassified rows, MATLAB's box constraint.
    """

    def __init__(
        self,
        *,
        kernel: Literal["poly", "rbf"] = "poly",
        degree: int = 3,
        scale: float | None = None,
        C: float = 1.0,
    ) -> None:
        self.kernel, self.degree, self.scale, self.C = kernel, degree, scale, C

    def fit(self, x: np.ndarray, y: np.ndarray) -> Self:
        """Fit to features (rows, features) and class numbers (rows,)."""
        self.scale_ = median_distance(x) if self.scale is None else self.scale * np.sqrt(x.shape[1])
        self.svc_ = SVC(kernel=self.kernel, degree=self.degree, coef0=1.0, gamma=1 / self.scale_**2, C=self.C)
        self.svc_.fit(x, y)
        self.classes_ = self.svc_.classes_
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the class number of each row."""
        return self.svc_.predict(x)


def median_distance(x: np.ndarray) -> float:
    """Return the median Euclidean distance of two rows; 1 if it is 0, because it is used as a divisor."""
    return float(np.median(pdist(x))) or 1.0


class Neighbours(ClassifierMixin, BaseEstimator):
    """A k-nearest-neighbours classifier; as in MATLAB, k is at most the number of training rows.

    Args:
        n_neighbors: k.
        metric: a metric of scikit-learn.
        p: exponent of the Minkowski metric.
        weights: weights of the neighbours: `uniform`, or the `squared inverse` of the distance.
    """

    def __init__(
        self,
        n_neighbors: int,
        *,
        metric: str = "minkowski",
        p: float = 2.0,
        weights: Literal["uniform", "squared inverse"] = "uniform",
    ) -> None:
        self.n_neighbors, self.metric, self.p, self.weights = n_neighbors, metric, p, weights

    def fit(self, x: np.ndarray, y: np.ndarray) -> Self:
        """Store the rows (rows, features) and their class numbers (rows,)."""
        weights: Any = squared_inverse if self.weights == "squared inverse" else self.weights
        self.knn_ = KNeighborsClassifier(min(self.n_neighbors, len(x)), metric=self.metric, p=self.p, weights=weights)
        self.knn_.fit(x, y)
        self.classes_ = self.knn_.classes_
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the class number of each row."""
        return self.knn_.predict(x)

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Return the share of the neighbours of each class, (rows, classes)."""
        return self.knn_.predict_proba(x)


def squared_inverse(distances: np.ndarray) -> np.ndarray:
    """Return 1 / distance² (rows, neighbours); if some distances are 0, only those neighbours count, with weight 1."""
    with np.errstate(divide="ignore"):
        weights = 1 / np.square(distances)
    coincides = np.isinf(weights)
    return np.where(coincides.any(axis=1, keepdims=True), coincides, weights)


@dataclass(frozen=True)
class Preset:
    """A preset of the Classification Learner.

    Attributes:
        title: its name in MATLAB.
        matlab: its settings in MATLAB.
        known: whether these are documented (ref) or from memory (recall).
        estimator: the equivalent scikit-learn estimator, unfitted.
    """

    title: str
    matlab: str
    known: Literal["ref", "recall"]
    estimator: BaseEstimator

    @property
    def origin(self) -> str:
        """Its settings in MATLAB and their source, as text."""
        known = {"ref": "by its documentation", "recall": "from memory, without a source"}[self.known]
        return f"in MATLAB ({known}): {self.matlab}"

    @property
    def standardised(self) -> bool:
        """Whether features are first scaled to mean 0 and variance 1, fitted on the training rows."""
        return isinstance(self.estimator, Pipeline)

    def build(self) -> BaseEstimator:
        """Return a new unfitted estimator."""
        return clone(self.estimator)


def _svm(kernel: Literal["poly", "rbf"], *, degree: int = 3, scale: float | None = None) -> Pipeline:
    return make_pipeline(StandardScaler(), KernelScaleSVC(kernel=kernel, degree=degree, scale=scale))


def _knn(n_neighbors: int, **settings: Any) -> Pipeline:
    return make_pipeline(StandardScaler(), Neighbours(n_neighbors, **settings))


def _subspace(estimator: BaseEstimator) -> BaggingClassifier:
    return BaggingClassifier(estimator, n_estimators=LEARNERS, max_features=0.5, bootstrap=False)


PRESETS: Mapping[str, Preset] = {
    "bagged-trees": Preset(
        "Bagged trees",
        "Bag, 30 learners, splits N - 1, leaf 1, all predictors sampled",
        "ref",
        BaggingClassifier(DecisionTreeClassifier(), n_estimators=LEARNERS),
    ),
    "bagged-trees-sqrt": Preset(
        "Bagged trees, square root of the features per split",
        "Bag, 30 learners, splits N - 1, leaf 1, square root of the predictors sampled",
        "recall",
        BaggingClassifier(DecisionTreeClassifier(max_features="sqrt"), n_estimators=LEARNERS),
    ),
    "cubic-svm": Preset(
        "Cubic SVM", "polynomial order 3, KernelScale auto, box 1, standardised", "ref", _svm("poly", degree=3)
    ),
    "quadratic-svm": Preset(
        "Quadratic SVM", "polynomial order 2, KernelScale auto, box 1, standardised", "ref", _svm("poly", degree=2)
    ),
    "linear-svm": Preset(
        "Linear SVM", "polynomial order 1, KernelScale auto, box 1, standardised", "ref", _svm("poly", degree=1)
    ),
    "fine-gaussian-svm": Preset(
        "Fine Gaussian SVM", "KernelScale sqrt(P) / 4, box 1, standardised", "recall", _svm("rbf", scale=0.25)
    ),
    "medium-gaussian-svm": Preset(
        "Medium Gaussian SVM", "KernelScale sqrt(P), box 1, standardised", "recall", _svm("rbf", scale=1.0)
    ),
    "coarse-gaussian-svm": Preset(
        "Coarse Gaussian SVM", "KernelScale 4 sqrt(P), box 1, standardised", "recall", _svm("rbf", scale=4.0)
    ),
    "fine-knn": Preset("Fine KNN", "1 neighbour, Euclidean, standardised", "recall", _knn(1)),
    "medium-knn": Preset("Medium KNN", "10 neighbours, Euclidean, standardised", "recall", _knn(10)),
    "coarse-knn": Preset("Coarse KNN", "100 neighbours, Euclidean, standardised", "recall", _knn(100)),
    "cosine-knn": Preset(
        "Cosine KNN", "10 neighbours, cosine distance, standardised", "recall", _knn(10, metric="cosine")
    ),
    "cubic-knn": Preset("Cubic KNN", "10 neighbours, Minkowski order 3, standardised", "recall", _knn(10, p=3.0)),
    "weighted-knn": Preset(
        "Weighted KNN",
        "10 neighbours, Euclidean, squared inverse weights, standardised",
        "recall",
        _knn(10, weights="squared inverse"),
    ),
    "boosted-trees": Preset(
        "Boosted trees",
        "AdaBoostM2, 30 learners, 20 splits, rate 0.1",
        "recall",
        AdaBoostClassifier(DecisionTreeClassifier(max_leaf_nodes=LEAVES), n_estimators=LEARNERS, learning_rate=RATE),
    ),
    "subspace-discriminant": Preset(
        "Subspace discriminant",
        "Subspace, 30 linear discriminants, P / 2 predictors each",
        "recall",
        _subspace(LinearDiscriminantAnalysis()),
    ),
    "subspace-knn": Preset(
        "Subspace KNN",
        "Subspace, 30 times the nearest neighbour, P / 2 predictors each, not standardised",
        "recall",
        _subspace(KNeighborsClassifier(n_neighbors=1)),
    ),
    "rusboosted-trees": Preset(
        "RUSBoosted trees",
        "RUSBoost, 30 learners, 20 splits, rate 0.1",
        "recall",
        RUSBoostClassifier(DecisionTreeClassifier(max_leaf_nodes=LEAVES), n_estimators=LEARNERS, learning_rate=RATE),
    ),
}
"""Keys are the last part of an experiment's id."""
