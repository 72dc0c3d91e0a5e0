import json
import math
import tomllib
from collections.abc import Callable
from dataclasses import replace

import keras
import pandas as pd
import pytest
import small_search

from common import errors
from common.arrays import Arrays
from common.errors import InputError, ResultError
from common.runs import search_records
from tuning import grid, hyperband


def stop_after(trials: int) -> Callable[[str], None]:
    """Return what listens to so many trials and then presses Ctrl-C."""
    left = iter([None] * trials)

    def announce(line: str) -> None:
        if line.startswith("trial") and next(left, "none") == "none":
            raise KeyboardInterrupt

    return announce


def test_an_interrupted_search_trains_no_finished_trial_again(whole_grid, tmp_path) -> None:
    built, said = [], []

    def build(values):
        built.append(values)
        return small_search.build(values)

    with pytest.raises(KeyboardInterrupt):
        grid.search(small_search.grid_in(tmp_path), stop_after(0))
    resumed = grid.search(small_search.grid_in(tmp_path, build=build), said.append)
    assert len(built) == 1
    assert "1 finished" in said[0]
    for mine, whole in zip(
        small_search.without_seconds(resumed), small_search.without_seconds(whole_grid), strict=True
    ):
        pd.testing.assert_frame_equal(mine, whole, check_exact=True)


def test_a_spent_budget_pauses_the_search(whole_grid, tmp_path) -> None:
    with pytest.raises(errors.BudgetSpentError, match="--fresh"):
        grid.search(small_search.grid_in(tmp_path, deadline=0.0))
    resumed = grid.search(small_search.grid_in(tmp_path))
    assert small_search.without_seconds(resumed)[0].equals(small_search.without_seconds(whole_grid)[0])


def test_a_finished_search_is_read_and_not_repeated(whole_grid) -> None:
    again = grid.search(small_search.grid_in(whole_grid.folder, build=None))
    assert again.data == whole_grid.data
    pd.testing.assert_frame_equal(again.table, whole_grid.table)


def test_fresh_deletes_the_earlier_search(tmp_path) -> None:
    first = grid.search(small_search.search_in(tmp_path, space={"units": (2,)}))
    other = grid.search(small_search.search_in(tmp_path, space={"units": (4,)}, fresh=True))
    assert (first.chosen, other.chosen) == ({"units": 2}, {"units": 4})


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"space": {"learning_rate": (1e-2, 1e-4)}},
        {"context": {**small_search.CONTEXT, "digest": "other"}},
        {"training": replace(small_search.TRAINING, epochs=4)},
        {"objective": "val_accuracy"},
    ],
)
def test_a_finished_search_of_something_else_is_not_touched(changes, whole_grid) -> None:
    with pytest.raises(InputError, match=r"finished search.*--fresh"):
        grid.search(small_search.grid_in(whole_grid.folder, **changes))


def test_an_interrupted_search_of_something_else_is_not_touched(tmp_path) -> None:
    with pytest.raises(KeyboardInterrupt):
        grid.search(small_search.grid_in(tmp_path), stop_after(0))
    with pytest.raises(InputError, match=r"interrupted search.*--fresh"):
        hyperband.search(small_search.grid_in(tmp_path))


def test_search_json_is_all_that_reports_need(brackets) -> None:
    stored = json.loads((brackets.folder / "search.json").read_text())
    assert set(search_records.FIELDS) <= set(stored)
    assert (stored["kind"], stored["status"], stored["data"]["digest"]) == ("hyperband", "complete", "0123")
    assert stored["space"]["learning_rate"] == list(small_search.RATES)
    assert stored["environment"]["backend"] == keras.backend.backend()
    assert stored["rows"][0].keys() == {
        *("trial", "values", "bracket", "round", "after", "epochs", "best_epoch", "accuracy", "loss"),
        *("val_accuracy", "val_loss", "seconds", "status", "message"),
    }


def test_trials_csv_is_the_table(brackets) -> None:
    stored = pd.read_csv(brackets.folder / "trials.csv", dtype={"trial": str, "after": str}, keep_default_na=False)
    assert list(stored.columns) == list(brackets.table.columns)
    assert list(stored["trial"]) == ["0000", "0001", "0002", "0003", "0004"]
    assert list(stored["epochs"]) == [1, 1, 2, 2, 2]


def test_the_winner_is_a_configuration_of_training_and_model(brackets) -> None:
    written = tomllib.loads((brackets.folder / "best.toml").read_text())
    best = brackets.table.loc[brackets.table["val_loss"].idxmin()]
    assert written == {"training": {"learning_rate": best["learning_rate"]}, "model": {"units": best["units"]}}


def test_a_line_per_trial_has_its_name_and_values(tmp_path) -> None:
    said: list[str] = []
    grid.search(small_search.search_in(tmp_path, space={"units": (2, 4)}), said.append)
    assert [line.split(": ")[:2] for line in said] == [["trial 0000", "units 2"], ["trial 0001", "units 4"]]


def test_if_every_trial_failed_there_is_no_result(tmp_path) -> None:
    with pytest.raises(ResultError, match="epoch 1: loss is nan"):
        grid.search(small_search.search_in(tmp_path, space={"learning_rate": (1e38,)}))
    assert not (tmp_path / "search.json").exists()


@pytest.mark.parametrize("content", ['{"trial": {"na', '{"trial": {}, "row": {}, "curve": []}'])
def test_a_damaged_trial_is_named(content, tmp_path) -> None:
    with pytest.raises(KeyboardInterrupt):
        grid.search(small_search.grid_in(tmp_path), stop_after(0))
    (tmp_path / "work" / "trial-0000.json").write_text(content)
    with pytest.raises(InputError, match=r"trial-0000\.json"):
        grid.search(small_search.grid_in(tmp_path))


@pytest.mark.parametrize("content", ['{"sch', '{"schema": 9}', '{"schema": 2}'])
def test_a_damaged_result_is_named(content, tmp_path) -> None:
    (tmp_path / "search.json").write_text(content)
    with pytest.raises(InputError, match=r"search\.json"):
        grid.search(small_search.grid_in(tmp_path))


@pytest.mark.parametrize(
    ("space", "named"),
    [
        ({}, "patient"),
        ({"learning_rate": (1, 0.1)}, "learning_rate"),
        ({"learning_rate": (0.1, 0.1)}, "learning_rate"),
        ({"learning_rate": (math.nan,)}, "learning_rate"),
        ({"tuner/epochs": (1, 2)}, "tuner/epochs"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(space, named, tmp_path) -> None:
    with pytest.raises(InputError, match=named):
        grid.search(small_search.search_in(tmp_path, space=space))


def test_a_search_needs_clips_to_choose_by(tmp_path) -> None:
    whole = small_search.clips(0)
    with pytest.raises(InputError, match="validation clips"):
        grid.search(small_search.search_in(tmp_path, validation=Arrays(whole.x[:0], whole.y[:0])))


def test_no_trial_leaves_a_graph_behind(graphs, tmp_path) -> None:
    before = graphs()
    grid.search(small_search.search_in(tmp_path, space={"units": (2, 4, 8)}))
    assert graphs() <= before
