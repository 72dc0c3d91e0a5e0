import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.tree._tree import Tree

from common.arrays import Arrays
from common.errors import InputError, ResultError
from common.learners.sklearn_learner import SklearnLearner
from common.learners.summaries import steps
from common.study import Fit
from common.tasks import Classification

TASK = Classification(("a", "b", "c"))


def clips(classes: tuple[int, ...] = (0, 1, 2), rows: int = 60, n_classes: int = 3) -> Arrays:
    draw = np.random.default_rng(0)
    labels = np.resize(classes, rows)
    x = draw.normal(size=(rows, 4)) + labels[:, np.newaxis]
    return Arrays(x.astype(np.float32), np.eye(n_classes, dtype=np.float32)[labels])


def trees(seed: int = 0) -> SklearnLearner:
    return SklearnLearner(BaggingClassifier(DecisionTreeClassifier(), n_estimators=5), TASK, seed=seed)


def test_it_learns_and_its_probabilities_add_up_to_one() -> None:
    learner, train = trees(), clips()
    history = learner.fit(train)
    probabilities = learner.predict(train.x)
    assert history.empty
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert (probabilities.argmax(axis=1) == train.y.argmax(axis=1)).mean() > 0.9


def test_a_class_that_was_not_trained_has_probability_0() -> None:
    learner = SklearnLearner(KNeighborsClassifier(3), Classification(("a", "b", "c", "d")))
    learner.fit(clips((0, 3), n_classes=4))
    probabilities = learner.predict(clips((0, 3), n_classes=4).x)
    assert probabilities.shape == (60, 4)
    assert not probabilities[:, 1:3].any()
    assert probabilities[:, 3].any()


def test_without_probabilities_the_chosen_class_has_1() -> None:
    learner = SklearnLearner(make_pipeline(StandardScaler(), SVC()), TASK)
    learner.fit(clips())
    x = clips().x
    assert not learner.probabilistic
    np.testing.assert_array_equal(learner.predict(x), np.eye(3)[learner.estimator.predict(x)])


def test_a_saved_classifier_predicts_as_before(tmp_path) -> None:
    learner, train = trees(), clips()
    learner.fit(train)
    learner.save(tmp_path / "model.skops")
    assert [path.name for path in tmp_path.iterdir()] == ["model.skops"]
    loaded = SklearnLearner.load(tmp_path / "model.skops", TASK, Fit())
    np.testing.assert_array_equal(loaded.predict(train.x), learner.predict(train.x))
    assert loaded.summary() == learner.summary()


def one_bit(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:600] + bytes([whole[600] ^ 1]) + whole[601:])


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        one_bit,
        lambda path: skops.io.dump("a word", path),
        lambda path: skops.io.dump({"a": SVC()}, path),
        lambda path: path.write_bytes(pickle.dumps(SVC())),
        lambda path: path.unlink(),
    ],
    ids=["cut off", "one bit", "a word", "no estimator", "a pickle", "absent"],
)
def test_a_damaged_file_is_refused_by_name(damage, tmp_path) -> None:
    learner, path = trees(), tmp_path / "model.skops"
    learner.fit(clips())
    learner.save(path)
    damage(path)
    with pytest.raises(InputError, match=r"model\.skops"):
        SklearnLearner.load(path, TASK, Fit())


class RunsCode:
    """Unpickled, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def test_a_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(pickle.dumps(RunsCode(tmp_path / "executed")))
    with pytest.raises(InputError, match="not a saved") as refused:
        SklearnLearner.load(tmp_path / "model.skops", TASK, Fit())
    assert "run the experiment again" in str(refused.value)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("hostile", "named"),
    [
        (make_pipeline(FunctionTransformer(os.system), SVC()), "posix.system"),
        (make_pipeline(FunctionTransformer(np.exp), SVC()), "FunctionTransformer"),
        (KNeighborsClassifier(weights=skops.io.load), "skops.io"),
        (BaggingClassifier(RandomForestClassifier()), "RandomForestClassifier"),
    ],
    ids=["a function", "an estimator that calls functions", "a function of a trusted estimator", "another estimator"],
)
def test_what_is_not_trusted_is_refused_by_name(hostile: Any, named: str, tmp_path: Path) -> None:
    skops.io.dump(hostile, tmp_path / "model.skops")
    with pytest.raises(InputError, match=named) as refused:
        SklearnLearner.load(tmp_path / "model.skops", TASK, Fit())
    assert "\n" not in str(refused.value)


def test_classes_of_the_study_are_read_if_it_names_them(tmp_path: Path) -> None:
    learner = SklearnLearner(RandomForestClassifier(3), TASK)
    learner.fit(clips())
    learner.save(tmp_path / "model.skops")
    forest = Fit(own=("sklearn.ensemble._forest.RandomForestClassifier",))
    loaded = SklearnLearner.load(tmp_path / "model.skops", TASK, forest)
    np.testing.assert_array_equal(loaded.predict(clips().x), learner.predict(clips().x))


@pytest.mark.parametrize(("field", "value"), [("left_child", 10**6), ("left_child", 0), ("feature", 10**5)])
def test_a_tree_that_would_leave_its_arrays_or_never_end_is_refused(field: str, value: int, tmp_path: Path) -> None:
    learner = SklearnLearner(DecisionTreeClassifier(), TASK)
    learner.fit(clips())
    state = learner.estimator.tree_.__getstate__()
    state["nodes"][field][0] = value
    changed = Tree(4, np.array([3]), 1)
    changed.__setstate__(state)
    learner.estimator.tree_ = changed
    learner.save(tmp_path / "model.skops")
    with pytest.raises(InputError, match="tree"):
        SklearnLearner.load(tmp_path / "model.skops", TASK, Fit())


def test_clips_that_cannot_be_fitted_are_named_with_the_reason() -> None:
    with pytest.raises(ResultError, match="svm fold 2"):
        SklearnLearner(SVC(), TASK).fit(clips((1,)), stage="svm fold 2")


def test_steps_show_every_setting_also_of_what_is_inside() -> None:
    pipeline = make_pipeline(StandardScaler(), BaggingClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=7))
    scaler, bagging = steps(pipeline)
    assert (scaler["name"], scaler["type"]) == ("standardscaler", "StandardScaler")
    assert bagging["settings"]["estimator"] == "DecisionTreeClassifier"
    assert (bagging["settings"]["n_estimators"], bagging["settings"]["estimator__max_depth"]) == (7, 2)
