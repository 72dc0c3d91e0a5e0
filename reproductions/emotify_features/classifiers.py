"""The estimators of document 002: MATLAB's classifiers in scikit-learn; `presets` has the table and the differences."""

from typing import Any, Literal, Self

import numpy as np
from imblearn.ensemble import RUSBoostClassifier
from scipy.spatial.distance import pdist
from sklearn.base import BaseEstimator, ClassifierMixin
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
SEARCH = "brute"
"""Exhaustive: a search tree finds the same neighbours, but as it is native memory it is not read from a file."""


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
        k = min(self.n_neighbors, len(x))
        self.knn_ = KNeighborsClassifier(k, metric=self.metric, p=self.p, weights=weights, algorithm=SEARCH)
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


def svm(kernel: Literal["poly", "rbf"], *, degree: int = 3, scale: float | None = None) -> Pipeline:
    """Return a support vector machine on standardised features."""
    return make_pipeline(StandardScaler(), KernelScaleSVC(kernel=kernel, degree=degree, scale=scale))


def knn(n_neighbors: int, **settings: Any) -> Pipeline:
    """Return nearest neighbours on standardised features."""
    return make_pipeline(StandardScaler(), Neighbours(n_neighbors, **settings))


def bagged_trees(max_features: Literal["sqrt"] | None = None) -> BaggingClassifier:
    """Return bagged trees that consider all features for each split, or the square root of their number."""
    return BaggingClassifier(DecisionTreeClassifier(max_features=max_features), n_estimators=LEARNERS)


def boosted_trees() -> AdaBoostClassifier:
    """Return small boosted trees."""
    tree = DecisionTreeClassifier(max_leaf_nodes=LEAVES)
    return AdaBoostClassifier(tree, n_estimators=LEARNERS, learning_rate=RATE)


def rusboosted_trees() -> RUSBoostClassifier:
    """Return small trees that are boosted on undersampled classes."""
    tree = DecisionTreeClassifier(max_leaf_nodes=LEAVES)
    return RUSBoostClassifier(tree, n_estimators=LEARNERS, learning_rate=RATE)


def subspace_discriminants() -> BaggingClassifier:
    """Return linear discriminants, each on half of the features."""
    return _subspace(LinearDiscriminantAnalysis())


def subspace_neighbours() -> BaggingClassifier:
    """Return nearest neighbours, each on half of the features."""
    return _subspace(KNeighborsClassifier(n_neighbors=1, algorithm=SEARCH))


def _subspace(estimator: BaseEstimator) -> BaggingClassifier:
    return BaggingClassifier(estimator, n_estimators=LEARNERS, max_features=0.5, bootstrap=False)
