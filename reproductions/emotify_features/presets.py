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

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from common.later import Later
from common.study import Fit

CLASSIFIERS = "reproductions.emotify_features.classifiers"

estimator = partial(Later, CLASSIFIERS)
"""A function of this module, by name."""

FIT = Fit(own=tuple(f"{CLASSIFIERS}.{name}" for name in ("KernelScaleSVC", "Neighbours", "squared_inverse")))
"""They only hold and call the estimator of scikit-learn that they were fitted with."""


@dataclass(frozen=True)
class Preset:
    """A preset of the Classification Learner.

    Attributes:
        title: its name in MATLAB.
        matlab: its settings in MATLAB.
        known: whether these are documented (ref) or from memory (recall).
        build: returns the equivalent scikit-learn estimator, new and unfitted.
    """

    title: str
    matlab: str
    known: Literal["ref", "recall"]
    build: Callable[[], Any]

    @property
    def origin(self) -> str:
        """Its settings in MATLAB and their source, as text."""
        known = {"ref": "by its documentation", "recall": "from memory, without a source"}[self.known]
        return f"in MATLAB ({known}): {self.matlab}"

    @property
    def standardised(self) -> bool:
        """Whether features are first scaled to mean 0 and variance 1, fitted on the training rows."""
        from sklearn.pipeline import Pipeline  # here and not above: a listing fits nothing

        return isinstance(self.build(), Pipeline)


def _svm(kernel: Literal["poly", "rbf"], **settings: Any) -> Callable[[], Any]:
    return partial(estimator("svm"), kernel, **settings)


def _knn(n_neighbors: int, **settings: Any) -> Callable[[], Any]:
    return partial(estimator("knn"), n_neighbors, **settings)


PRESETS: Mapping[str, Preset] = {
    "bagged-trees": Preset(
        "Bagged trees",
        "Bag, 30 learners, splits N - 1, leaf 1, all predictors sampled",
        "ref",
        estimator("bagged_trees"),
    ),
    "bagged-trees-sqrt": Preset(
        "Bagged trees, square root of the features per split",
        "Bag, 30 learners, splits N - 1, leaf 1, square root of the predictors sampled",
        "recall",
        partial(estimator("bagged_trees"), max_features="sqrt"),
    ),
    "cubic-svm": Preset(
        "Cubic SVM",
        "polynomial order 3, KernelScale auto, box 1, standardised",
        "ref",
        _svm("poly", degree=3),
    ),
    "quadratic-svm": Preset(
        "Quadratic SVM",
        "polynomial order 2, KernelScale auto, box 1, standardised",
        "recall",
        _svm("poly", degree=2),
    ),
    "linear-svm": Preset(
        "Linear SVM",
        "polynomial order 1, KernelScale auto, box 1, standardised",
        "recall",
        _svm("poly", degree=1),
    ),
    "fine-gaussian-svm": Preset(
        "Fine Gaussian SVM",
        "KernelScale sqrt(P) / 4, box 1, standardised",
        "recall",
        _svm("rbf", scale=0.25),
    ),
    "medium-gaussian-svm": Preset(
        "Medium Gaussian SVM",
        "KernelScale sqrt(P), box 1, standardised",
        "recall",
        _svm("rbf", scale=1.0),
    ),
    "coarse-gaussian-svm": Preset(
        "Coarse Gaussian SVM",
        "KernelScale 4 sqrt(P), box 1, standardised",
        "recall",
        _svm("rbf", scale=4.0),
    ),
    "fine-knn": Preset("Fine KNN", "1 neighbour, Euclidean, standardised", "recall", _knn(1)),
    "medium-knn": Preset("Medium KNN", "10 neighbours, Euclidean, standardised", "recall", _knn(10)),
    "coarse-knn": Preset("Coarse KNN", "100 neighbours, Euclidean, standardised", "recall", _knn(100)),
    "cosine-knn": Preset(
        "Cosine KNN",
        "10 neighbours, cosine distance, standardised",
        "recall",
        _knn(10, metric="cosine"),
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
        estimator("boosted_trees"),
    ),
    "subspace-discriminant": Preset(
        "Subspace discriminant",
        "Subspace, 30 linear discriminants, P / 2 predictors each",
        "recall",
        estimator("subspace_discriminants"),
    ),
    "subspace-knn": Preset(
        "Subspace KNN",
        "Subspace, 30 times the nearest neighbour, P / 2 predictors each, not standardised",
        "recall",
        estimator("subspace_neighbours"),
    ),
    "rusboosted-trees": Preset(
        "RUSBoosted trees",
        "RUSBoost, 30 learners, 20 splits, rate 0.1",
        "recall",
        estimator("rusboosted_trees"),
    ),
}
"""Keys are the last part of an experiment's id."""
