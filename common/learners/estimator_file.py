"""Files of fitted scikit-learn estimators, kept with skops. Reading one runs no code of it, unlike a pickle.

skops writes the attributes of an estimator as JSON and arrays in a zip file. It names every class in it, and makes
objects of classes that are trusted, without calling their constructors. It trusts every estimator of scikit-learn;
here, a file may contain what is in `TRUSTED` and the classes that its study names, and nothing else.
"""

import zipfile
from collections import OrderedDict
from collections.abc import Collection, Iterator
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
import skops.io
from sklearn.base import BaseEstimator
from sklearn.tree import BaseDecisionTree
from skops.io.exceptions import UntrustedTypesFoundException

from common import files
from common.errors import LONGEST, InputError, reason_of

TRUSTED = {
    # Their methods compute with their own arrays in NumPy or, for `SVC` and neighbours, in checked native code.
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.StandardScaler",
    "sklearn.svm._classes.SVC",
    "sklearn.neighbors._classification.KNeighborsClassifier",
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
    "sklearn.dummy.DummyRegressor",
    # Ensembles: they call their members, which must be of this list.
    "sklearn.ensemble._bagging.BaggingClassifier",
    "sklearn.ensemble._weight_boosting.AdaBoostClassifier",
    "imblearn.ensemble._weight_boosting.RUSBoostClassifier",
    # What RUSBoost draws its training clips with; unused in prediction.
    "imblearn.pipeline.Pipeline",
    "imblearn.under_sampling._prototype_selection._random_under_sampler.RandomUnderSampler",
    # skops does not trust trees, because scikit-learn follows their indices without checks; `_check_tree` has them.
    "sklearn.tree._classes.DecisionTreeClassifier",
    "sklearn.tree._tree.Tree",
}
"""Classes that a file may contain, beside numbers, words, arrays and those of its study."""

CONTAINERS = (dict, OrderedDict, list, tuple, set, np.ndarray)
PLAIN = (type(None), bool, int, float, str, np.generic)


def write(path: Path, estimator: BaseEstimator) -> None:
    """Write a fitted estimator; the file is whole or absent."""
    with files.replacing(path) as temporary:
        # Compressed: thirty trees shrink to a quarter. The checksums of a zip file find damage.
        skops.io.dump(estimator, temporary, compression=zipfile.ZIP_DEFLATED, compresslevel=3)


def read(path: Path, own: Collection[str]) -> Any:
    """Read an estimator that `write` wrote. No code of the file is run.

    Args:
        path: the file.
        own: names of classes and functions that it may contain beside `TRUSTED`.

    Raises:
        InputError: the file is missing, damaged, no saved estimator, or contains something that is not trusted.
    """
    trusted = TRUSTED | set(own)
    try:
        estimator = skops.io.load(path, trusted=sorted(trusted))
        _check(estimator, trusted)
    except UntrustedTypesFoundException as error:
        raise InputError(f"{path} is not loaded, because it could run code ({reason_of(error)})") from error
    except Exception as error:  # a damaged or hostile file can raise whatever there is
        raise InputError(
            f"{path} is not a saved Encore model ({reason_of(error)}); run the experiment again"
        ) from error
    return estimator


def _check(estimator: Any, trusted: Collection[str]) -> None:
    """Check all parts of an estimator before it is used.

    Raises:
        UntrustedTypesFoundException: a part is not trusted; skops trusts more than we do.
        ValueError: it is no estimator, or it has an impossible tree.
    """
    for part in _parts(estimator, set()):
        name = _name(part)
        if name not in trusted:
            raise UntrustedTypesFoundException([name[:LONGEST]])
        if isinstance(part, BaseDecisionTree) and "tree_" in vars(part):  # else it is not fitted
            _check_tree(part)
    if not isinstance(estimator, BaseEstimator):
        raise ValueError("it has no estimator")


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """Yield every object in a value, itself included, that is neither plain nor a container of them; each once."""
    if isinstance(value, PLAIN) or (isinstance(value, np.ndarray) and value.dtype != object) or id(value) in seen:
        return
    seen.add(id(value))
    if type(value) in CONTAINERS:
        items = value.values() if isinstance(value, dict) else value
    else:
        yield value
        items = getattr(value, "__dict__", {}).values()
    for item in items:
        yield from _parts(item, seen)


def _name(part: Any) -> str:
    """Return the name of a function, or that of an object's class, as skops has it."""
    # Not by an attribute of the part, which the file could have set.
    known = part if isinstance(part, (type, FunctionType, BuiltinFunctionType)) else type(part)
    return f"{known.__module__}.{known.__qualname__}"


def _check_tree(estimator: Any) -> None:
    """Refuse a decision tree whose prediction would leave its arrays or never end.

    Raises:
        ValueError: a node's child does not come after it, or a node divides by a feature that is not there.
    """
    tree = estimator.tree_
    numbers = np.arange(tree.node_count)
    inner = tree.children_left != -1
    children = np.stack([tree.children_left, tree.children_right])[:, inner]
    features = tree.feature[inner]
    in_order = (children > numbers[inner]).all() and (children < tree.node_count).all()
    known = (features >= 0).all() and (features < tree.n_features).all() and tree.n_features == estimator.n_features_in_
    if not (tree.node_count and in_order and known):
        raise ValueError("it has an impossible tree")
