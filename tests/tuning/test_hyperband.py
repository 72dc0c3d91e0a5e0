import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import small_search

from common.errors import InputError
from common.runs.search_records import SearchResult
from tuning import hyperband
from tuning.hyperband import Round
from tuning.search import Trial, Trials

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def four_rates(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """Return the search of the document: four learning rates, at most 100 epochs, factor 3."""
    hundred = replace(small_search.TRAINING, epochs=100)
    return hyperband.search(small_search.search_in(tmp_path_factory.mktemp("four"), training=hundred))


def test_four_learning_rates_end_after_four_trials_of_two_epochs_and_a_note_says_so(four_rates, brackets) -> None:
    assert sorted(four_rates.table["learning_rate"]) == list(small_search.RATES)
    assert list(four_rates.table["epochs"]) == [2, 2, 2, 2]
    (note,) = four_rates.data["notes"]
    assert all(number in note for number in ("254 trials", "2 of 100 epochs"))
    assert brackets.data["notes"] == []


def test_a_short_trial_is_the_beginning_of_a_long_one(four_rates, whole_grid) -> None:
    def by_rate(result: SearchResult) -> dict[float, pd.DataFrame]:
        curves = dict(iter(result.curves().drop(columns="seconds").groupby("trial")))
        rates = result.table.set_index("trial")["learning_rate"]
        return {rate: curves[trial].drop(columns="trial").reset_index(drop=True) for trial, rate in rates.items()}

    short = by_rate(four_rates)
    for rate, curve in by_rate(whole_grid).items():
        pd.testing.assert_frame_equal(short[rate], curve[:2], check_exact=True)


def test_a_whole_search_follows_the_plan_and_promotes_the_best_of_a_round(brackets) -> None:
    rows = brackets.data["rows"]
    places = [(row["bracket"], row["round"], row["epochs"]) for row in rows]
    assert places == [(1, 0, 1), (1, 0, 1), (1, 1, 2), (0, 0, 2), (0, 0, 2)]
    best = min(rows[:2], key=lambda row: row["val_loss"])
    assert (rows[2]["after"], rows[2]["values"]) == (best["trial"], best["values"])
    assert list(brackets.curves().query("trial == '0002'")["epoch"]) == [2]


def test_a_promoted_trial_continues_from_the_weights_of_its_best_epoch(tmp_path) -> None:
    search = small_search.search_in(tmp_path, training=replace(small_search.TRAINING, epochs=9))
    trials = Trials(search, planned=2, announce=lambda line: None)
    steep, still = {"learning_rate": 1.0}, {"learning_rate": 1e-15}
    before = trials.run(Trial("0000", steep, 8, place={"bracket": 1, "round": 0}, promotable=True))
    after = trials.run(Trial("0001", still, 9, 8, "0000", place={"bracket": 1, "round": 1}))
    assert before["best_epoch"] < 8
    assert after["val_loss"] == pytest.approx(before["val_loss"], abs=1e-6)


@pytest.mark.parametrize(("objective", "best"), [("val_accuracy", 0), ("val_loss", 1)])
def test_the_better_of_two_trials_is_promoted_whether_more_is_better_or_less(objective, best, tmp_path) -> None:
    search = small_search.brackets_in(tmp_path, objective=objective)
    oracle = hyperband._oracle(search, factor=2)
    asked = [oracle.create_trial(f"tuner-{number}") for number in range(2)]
    for one, value in zip(asked, (0.9, 0.1), strict=True):
        hyperband._answer(oracle, one, {"status": "complete", objective: value}, objective)
    third = oracle.create_trial("tuner-0").hyperparameters.values
    assert third["tuner/trial_id"] == asked[best].trial_id


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> tuple[SearchResult, list[list[str]]]:
    """Return the whole Hyperband again, and which weights were there when each trial was announced."""
    folder, weights = tmp_path_factory.mktemp("repeated"), []

    def announce(_: str) -> None:
        weights.append(sorted(path.stem for path in (folder / "work").glob("weights-*")))

    return hyperband.search(small_search.brackets_in(folder), announce, factor=2), weights


def test_a_search_repeated_is_equal_to_the_bit(brackets, repeated) -> None:
    small_search.assert_same(repeated[0], brackets)


def test_weights_are_kept_only_while_a_trial_may_continue_from_them(repeated) -> None:
    result, weights = repeated
    promoted = result.data["rows"][2]["after"]
    assert weights == [["weights-0000"], ["weights-0000", "weights-0001"], [f"weights-{promoted}"], [], []]


@pytest.mark.parametrize("seed", [1, 2])
def test_another_seed_draws_other_values(seed, brackets, tmp_path) -> None:
    other = hyperband._oracle(small_search.brackets_in(tmp_path, seed=seed), 2)
    drawn = [other.create_trial(str(number)).hyperparameters.values["learning_rate"] for number in range(2)]
    units = [trial.hyperparameters.values["units"] for trial in other.trials.values()]
    first = brackets.table.head(2)
    assert (drawn, units) != (list(first["learning_rate"]), list(first["units"]))


def test_a_search_killed_again_and_again_resumes_and_gives_the_same_result(brackets, tmp_path) -> None:
    command = [sys.executable, str(HERE / "killed_search.py"), str(tmp_path / "killed")]
    environment = {**os.environ, "ENCORE_CACHE": str(tmp_path / "cache")}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    resumed = hyperband.search(small_search.brackets_in(tmp_path / "killed"), factor=2)
    small_search.assert_same(resumed, brackets)
    assert resumed.chosen == brackets.chosen
    assert not (resumed.folder / "work").exists()


def test_damaged_weights_are_named_with_the_file_to_delete(tmp_path) -> None:
    def damage(_: str) -> None:
        for path in (tmp_path / "work").glob("weights-*"):
            path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(InputError, match=r"weights-000\d.npz.*trial-000\d.json"):
        hyperband.search(small_search.brackets_in(tmp_path), damage, factor=2)


def test_a_failed_trial_is_kept_and_not_promoted(tmp_path) -> None:
    space = {"learning_rate": (1e-3, 1e38)}
    result = hyperband.search(small_search.search_in(tmp_path, space=space), factor=2)
    failed = result.table.set_index("learning_rate").loc[1e38]
    assert failed["status"] == "failed"
    assert "loss is nan" in failed["message"]
    assert result.chosen == {"learning_rate": 1e-3}
    assert "1 of 2 trials failed" in result.data["notes"]


def test_a_round_that_failed_trials_made_shorter_is_not_put_down_to_the_space(tmp_path) -> None:
    space = {"learning_rate": (1e-5, 1e-3, 1e37, 1e38)}
    result = hyperband.search(replace(small_search.brackets_in(tmp_path), space=space), factor=2)
    assert len(result.table.query("round == 0")) == 4
    assert [note for note in result.data["notes"] if "Hyperband planned" in note] == []


def test_booleans_and_strings_keep_their_types(tmp_path) -> None:
    search = small_search.search_in(tmp_path, space={"wide": (False, True), "activation": ("relu", "tanh")})
    oracle = hyperband._oracle(search, 2)
    drawn = [hyperband._trial(search, oracle.create_trial(str(number))).values for number in range(2)]
    assert all(type(values["wide"]) is bool and values["activation"] in ("relu", "tanh") for values in drawn)


def test_the_plan_is_that_of_keras_tuner(tmp_path) -> None:
    ample = small_search.search_in(
        tmp_path, space={"units": range(1, 1000)}, training=replace(small_search.TRAINING, epochs=9)
    )
    oracle = hyperband._oracle(ample, 3)
    made = {}
    while (trial := oracle.create_trial("test")).status == "RUNNING":
        values = trial.hyperparameters.values
        place = (values["tuner/bracket"], values["tuner/round"])
        made.setdefault(place, []).append((values["tuner/initial_epoch"], values["tuner/epochs"]))
        oracle.update_trial(trial.trial_id, {"val_loss": np.sin(values["units"])})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    assert oracle.rounds() == [Round(*place, len(trials), *trials[0]) for place, trials in made.items()]
    assert all(len(set(trials)) == 1 for trials in made.values())


@pytest.mark.parametrize("combinations", [3, 6, 40, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_the_trials_of_a_round_are_those_that_would_be_given_one_after_the_other(combinations, seed, tmp_path) -> None:
    search = small_search.search_in(
        tmp_path,
        space={"units": range(combinations)},
        training=replace(small_search.TRAINING, epochs=9),
        seed=seed,
    )
    draw = np.random.default_rng(seed)
    scores, failing = draw.permutation(200), draw.integers(0, 200, 20)  # by the number of the trial

    def answered(asked: Any) -> tuple[str, dict[str, Any]]:
        trial, number = hyperband._trial(search, asked), int(asked.trial_id)
        status = "failed" if number in failing else "complete"
        row = {**trial.place, "trial": trial.name, "status": status, "val_loss": float(scores[number])}
        return repr(trial), row

    one_by_one, oracle = [], hyperband._oracle(search, 3)
    while (asked := oracle.create_trial("encore")).status == "RUNNING":
        trial, row = answered(asked)
        one_by_one.append(trial)
        hyperband._answer(oracle, asked, row, "val_loss")
    by_rounds, trials, oracle = [], SimpleNamespace(rows=[]), hyperband._oracle(search, 3)
    while batch := hyperband._next(oracle, trials):
        by_rounds.append([answered(asked)[0] for asked in batch])
        for asked in batch:
            trials.rows.append(answered(asked)[1])
            hyperband._answer(oracle, asked, trials.rows[-1], "val_loss")
    assert [trial for batch in by_rounds for trial in batch] == one_by_one
    assert len(by_rounds) < len(one_by_one)


def test_a_first_round_that_the_space_cannot_fill_is_the_last() -> None:
    rounds = [Round(1, 0, 5, 0, 3), Round(1, 1, 2, 3, 9), Round(0, 0, 3, 0, 9)]
    assert hyperband.within(rounds, 4) == [Round(1, 0, 4, 0, 3)]
    assert hyperband.within(rounds, 6) == [*rounds[:2], Round(0, 0, 1, 0, 9)]
    assert hyperband.within(rounds, 100) == rounds


def test_a_factor_that_promotes_all_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="not 1"):
        hyperband.search(small_search.search_in(tmp_path), factor=1)
