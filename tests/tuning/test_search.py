import json
import math
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import pandas as pd
import pytest
import small_search
from synthetic import reseal

from common import errors
from common.errors import InputError, ResultError
from common.runs import records, search_records
from tuning import grid, hyperband


def stop_after(trials: int) -> Callable[[str], None]:
    """Return what listens to so many trials and then presses Ctrl-C."""
    left = iter([None] * trials)

    def announce(line: str) -> None:
        if line.startswith("trial") and next(left, "none") == "none":
            raise KeyboardInterrupt

    return announce


def test_an_interrupted_search_trains_no_finished_trial_again(whole_grid, interrupted) -> None:
    built, said = [], []

    def build(values):
        built.append(values)
        return small_search.build(values)

    resumed = grid.search(small_search.grid_in(interrupted, build=build), said.append)
    assert len(built) == 1
    assert "1 finished" in said[0]
    small_search.assert_same(resumed, whole_grid)


def test_a_spent_budget_pauses_the_search(whole_grid, tmp_path) -> None:
    with pytest.raises(errors.BudgetSpentError, match="--fresh"):
        grid.search(small_search.grid_in(tmp_path, deadline=0.0))
    small_search.assert_same(grid.search(small_search.grid_in(tmp_path)), whole_grid)


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
    with pytest.raises(InputError, match="--fresh"):
        grid.search(small_search.grid_in(whole_grid.folder, **changes))


def test_search_json_is_all_that_reports_need(brackets) -> None:
    stored = json.loads((brackets.folder / "search.json").read_text())
    assert records.flaw(stored, search_records.Content) is None
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


def test_if_every_trial_failed_there_is_no_result(tmp_path) -> None:
    with pytest.raises(ResultError, match="epoch 1: loss is nan"):
        grid.search(small_search.search_in(tmp_path, space={"learning_rate": (1e38,)}))
    assert not (tmp_path / "search.json").exists()


@pytest.fixture
def interrupted(tmp_path) -> Path:
    """Return the folder of a grid that was interrupted in its second trial."""
    with pytest.raises(KeyboardInterrupt):
        grid.search(small_search.grid_in(tmp_path), stop_after(0))
    return tmp_path


def test_an_interrupted_search_of_something_else_is_not_touched(interrupted) -> None:
    with pytest.raises(InputError, match="--fresh"):
        hyperband.search(small_search.grid_in(interrupted))


def with_row(text: str, **changes: object) -> str:
    content = json.loads(text)
    return json.dumps(content | {"row": content["row"] | changes})


@pytest.mark.parametrize(
    ("change", "resealed"),
    [
        (lambda text: text.replace("0.", "1.", 1), False),
        (lambda text: "[" * 100_000, True),
        (lambda text: with_row(text, val_loss=0.5), True),
        (lambda text: with_row(text, message=None), True),
    ],
)
def test_a_damaged_trial_is_named_and_trained_again(change, resealed, interrupted, whole_grid) -> None:
    path = interrupted / "work" / "trial-0000.json"
    path.write_text(change(path.read_text()))
    if resealed:
        reseal(path.parent)
    said: list[str] = []
    small_search.assert_same(grid.search(small_search.grid_in(interrupted), said.append), whole_grid)
    assert any("trial-0000.json" in line and "trained again" in line for line in said)


@pytest.mark.parametrize("content", ['{"sch', '{"schema": 9}', '{"schema": 2}'])
def test_a_damaged_result_is_named(content, tmp_path) -> None:
    (tmp_path / "search.json").write_text(content)
    with pytest.raises(InputError, match=r"search\.json"):
        grid.search(small_search.grid_in(tmp_path))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"space": {}}, "patient"),
        ({"space": {"learning_rate": (1, 0.1)}}, "learning_rate"),
        ({"space": {"learning_rate": (0.1, 0.1)}}, "learning_rate"),
        ({"space": {"learning_rate": (math.nan,)}}, "learning_rate"),
        ({"space": {"tuner/epochs": (1, 2)}}, "tuner/epochs"),
        ({"validation": small_search.clips(0, 0)}, "validation clips"),
    ],
)
def test_what_cannot_be_searched_is_refused(changes, named, tmp_path) -> None:
    with pytest.raises(InputError, match=named):
        grid.search(small_search.search_in(tmp_path, **changes))


def test_no_trial_leaves_a_graph_behind(graphs, tmp_path) -> None:
    before = graphs()
    grid.search(small_search.search_in(tmp_path, space={"units": (2, 4, 8)}))
    assert graphs() <= before
