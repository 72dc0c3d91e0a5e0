import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from common.errors import InputError
from common.tasks import Pooled, Regression

TASK = Regression(("valence",))


def drawn(seed: int, clips: int = 40, scales: int = 1) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    true = draw.normal(3, 1, (clips, scales)).astype(np.float32)
    return true, (0.5 * true + draw.normal(2, 0.5, true.shape)).astype(np.float32)


def scored(true: np.ndarray, said: np.ndarray, task: Regression = TASK, mean: float = 3.0, **options):
    return task.scores(Pooled(true, said, np.full_like(true, mean), np.zeros_like(true)), **options)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_scores_are_those_of_scikit_learn_and_scipy(seed: int) -> None:
    true, said = drawn(seed)
    values = {name: score["value"] for name, score in scored(true, said).metrics.items()}
    assert values["mae"] == pytest.approx(mean_absolute_error(true, said))
    assert values["rmse"] == pytest.approx(root_mean_squared_error(true, said))
    assert values["r2"] == pytest.approx(r2_score(true, said), abs=1e-6)
    assert values["pearson"] == pytest.approx(pearsonr(true[:, 0], said[:, 0]).statistic, abs=1e-6)
    assert values["relative_mae"] == pytest.approx(values["mae"] / mean_absolute_error(true, np.full_like(true, 3)))


def test_ccc_is_lins() -> None:
    true, said = drawn(1)
    x, y = true[:, 0].astype(float), said[:, 0].astype(float)
    expected = 2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    assert scored(true, said).metrics["ccc"]["value"] == pytest.approx(expected)
    assert scored(true, true).metrics["ccc"]["value"] == pytest.approx(1)


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_every_interval_holds_its_value(seed: int) -> None:
    for score in scored(*drawn(seed), seed=seed).metrics.values():
        assert score["interval"][0] <= score["value"] <= score["interval"][1]


def test_scores_that_a_constant_prediction_does_not_define_are_left_out() -> None:
    true, said = drawn(0)
    found = scored(true, np.full_like(said, 3)).metrics
    assert "pearson" not in found
    assert found["relative_mae"]["value"] == pytest.approx(1)


def test_several_scales_have_a_row_each_and_their_mean_overall() -> None:
    task = Regression(("valence", "arousal"))
    found = scored(*drawn(0, scales=2), task=task)
    rows = [found.per_output[scale]["scores"]["mae"]["value"] for scale in task.outputs]
    assert found.metrics["mae"]["value"] == pytest.approx(np.mean(rows))
    assert rows[0] != rows[1]


def test_the_baseline_is_the_mean_of_the_training_clips() -> None:
    true, _ = drawn(0)
    constants = np.tile(TASK.constant(true[:20]), (len(true), 1))
    expected = mean_absolute_error(true, np.full_like(true, true[:20].mean()))
    assert TASK.baselines(true, constants)["training mean"]["mae"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("clips", "named"),
    [
        ({"name": ["a", "b"]}, "valence"),
        ({"name": ["a", "b"], "valence": [1.0, "loud"]}, "b"),
        ({"name": ["a", "b"], "valence": [2.0, 2.0]}, "2"),
    ],
    ids=["no column", "a word", "all alike"],
)
def test_clips_that_cannot_be_predicted_are_refused_by_name(clips: dict, named: str) -> None:
    with pytest.raises(InputError, match=named):
        TASK.of(pd.DataFrame(clips))


def test_strata_are_fifths_of_the_clips() -> None:
    strata = TASK.strata(pd.DataFrame({"valence": np.random.default_rng(0).permutation(50)}))
    assert np.bincount(strata).tolist() == [10] * 5


def test_values_come_back_from_the_table_and_from_an_estimator() -> None:
    true, said = drawn(0)
    again = TASK.read(TASK.table(true, said))
    assert np.array_equal(again[0], true)
    assert np.array_equal(again[1], said)
    line = LinearRegression().fit(said, TASK.fit_targets(true))
    assert TASK.estimated(line, said).shape == true.shape
