from dataclasses import replace

import pytest
import small_search

from common.study import Training
from tuning import grid


def test_every_value_has_the_whole_budget_and_its_curve(whole_grid) -> None:
    assert list(whole_grid.table["learning_rate"]) == [1e-4, 1e-2]
    curves = whole_grid.curves()
    assert [list(curve["epoch"]) for _, curve in curves.groupby("trial")] == [[1, 2, 3]] * 2


def test_a_row_has_the_scores_of_its_best_epoch(whole_grid) -> None:
    for row in whole_grid.data["rows"]:
        curve = whole_grid.curves().query(f"trial == '{row['trial']}'").set_index("epoch")
        assert row["best_epoch"] == curve["val_loss"].idxmin()
        for name in ("accuracy", "loss", "val_accuracy", "val_loss"):
            assert row[name] == pytest.approx(curve.loc[row["best_epoch"], name])


def test_the_highest_accuracy_is_chosen_where_that_is_asked_for(tmp_path) -> None:
    result = grid.search(small_search.grid_in(tmp_path, objective="val_accuracy"))
    best = result.table["val_accuracy"].idxmax()
    assert result.chosen == {"learning_rate": result.table["learning_rate"][best]}


def test_all_combinations_are_tried_the_last_setting_first(tmp_path) -> None:
    space = {"units": (2, 4), "learning_rate": (0.1, 0.2)}
    pairs = [tuple(values.values()) for values in small_search.search_in(tmp_path, space=space).combinations]
    assert pairs == [(2, 0.1), (2, 0.2), (4, 0.1), (4, 0.2)]


def test_patience_ends_a_trial_early(tmp_path) -> None:
    training = Training(epochs=30, batch_size=8, learning_rate=0.5, patience=1)
    result = grid.search(small_search.search_in(tmp_path, space={"units": (4,)}, training=training))
    assert result.table["epochs"][0] == result.table["best_epoch"][0] + 1 < 30


def test_settings_of_the_training_are_searched_too(tmp_path) -> None:
    result = grid.search(
        small_search.search_in(
            tmp_path, space={"batch_size": (4, 16)}, training=replace(small_search.TRAINING, epochs=1)
        )
    )
    losses = result.table["loss"]
    assert losses[0] != losses[1]
    assert result.data["settings"]["learning_rate"] == small_search.TRAINING.learning_rate
    assert "batch_size" not in result.data["settings"]
