"""Hyperband: many short trainings, of which the best are trained for longer.

Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar: "Hyperband: A Novel Bandit-Based Approach to Hyperparameter
Optimization", JMLR 18 (185), 2018. The plan (how many trials a round has and for how many epochs, which values are
drawn, who is promoted) is that of keras-tuner's `HyperbandOracle`, as in a document that used keras-tuner; a promoted
trial goes on, as there, from the weights of its best epoch with a new optimiser.

What keras-tuner 1.4.8 does besides is done otherwise here, for these reasons, all seen:
- Its files are not written atomically, and a search killed between two of them trains a finished trial again, or keeps
  a trial that runs for ever and draws its values a second time. Here the oracle keeps nothing: after an interruption it
  is asked from the beginning and answered with the trials that were kept.
- It takes seed 0 for no seed and draws one.
- It ends the whole search where 21 draws in a row are of values that it has tried. A space smaller than the first round
  therefore ends after that many trials of the fewest epochs, and none is promoted: four learning rates, at most 100
  epochs and factor 3 give 4 trials of 2 epochs (3 trials at 2 of 1000 seeds). That is kept, and a note of the result
  says so.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras_tuner

from common.errors import InputError
from common.runs.search_records import SearchResult
from common.seeds import derive
from common.study import Value
from tuning.search import Search, Trial, Trials, conduct

FACTOR = 3
"""keras-tuner's, and the paper's: of that many trials one is promoted, to that many times the epochs."""


@dataclass(frozen=True)
class Round:
    """A round of the plan: so many trials are trained from `begins_after` epochs on until they have had `epochs`."""

    bracket: int
    number: int
    trials: int
    begins_after: int
    epochs: int


def search(
    search: Search, announce: Callable[[str], None] = lambda line: None, *, factor: int = FACTOR
) -> SearchResult:
    """Search with Hyperband; `training.epochs` is the most that a combination is trained for.

    Args:
        search: what is searched.
        announce: receives a line per trial.
        factor: of so many trials one is promoted.

    Raises:
        BudgetSpentError: the time is over; the same call resumes later.
        InputError: the space or the factor cannot be used; the folder is in use, cannot be written, is damaged, or
            holds a search of other clips or settings.
        ResultError: every trial failed.
    """
    if factor < 2:
        raise InputError(f"Hyperband's factor is 2 or more, not {factor}")
    settings: dict[str, Value] = {"factor": factor, "library": f"keras-tuner {keras_tuner.__version__}"}

    def proceed(trials: Trials) -> Sequence[str]:
        oracle = _oracle(search, factor)
        while (asked := oracle.create_trial("encore")).status == "RUNNING":
            trial = _trial(search, asked)
            row = trials.run(trial)
            _answer(oracle, asked, row, search.objective)
            _forget(oracle, trial, trials, search)
        return _notes(search, oracle.rounds(), trials)

    possible = within(_oracle(search, factor).rounds(), len(search.combinations))
    planned = sum(one.trials * (one.epochs - one.begins_after) for one in possible)
    return conduct(search, "hyperband", settings, proceed, planned=planned, announce=announce)


class _Oracle(keras_tuner.oracles.HyperbandOracle):
    """Hyperband's plan, in memory alone."""

    def save(self) -> None:
        """Keep nothing."""

    def _save_trial(self, trial: Any) -> None:
        """Keep nothing."""

    def rounds(self) -> list[Round]:
        """Return the whole plan, in its order."""
        return [
            self.round(bracket, number)
            for bracket in reversed(range(self._get_num_brackets()))
            for number in range(self._get_num_rounds(bracket))
        ]

    def round(self, bracket: int, number: int) -> Round:
        """Return one round of the plan."""
        before = self._get_epochs(bracket, number - 1) if number else 0
        return Round(bracket, number, self._get_size(bracket, number), before, self._get_epochs(bracket, number))


def _oracle(search: Search, factor: int) -> _Oracle:
    space = keras_tuner.HyperParameters()
    for name, values in search.space.items():
        space.Choice(name, list(values))
    oracle = _Oracle(
        objective=keras_tuner.Objective(search.objective, search.mode),
        max_epochs=search.training.epochs,
        factor=factor,
        seed=derive(search.seed, "hyperband") or 1,  # it takes 0 for no seed
        hyperparameters=space,
        max_consecutive_failed_trials=sys.maxsize,
    )
    oracle.verbose = 0
    return oracle


def within(rounds: Iterable[Round], combinations: int) -> list[Round]:
    """Return as much of the plan as a space of so many combinations can fill: a first round cut short is the end."""
    possible = []
    for one in rounds:
        trials = one.trials if one.number else min(one.trials, combinations)
        combinations -= 0 if one.number else trials
        possible.append(replace(one, trials=trials))
        if trials < one.trials:
            break
    return possible


def _trial(search: Search, asked: Any) -> Trial:
    drawn = asked.hyperparameters.values
    bracket, number = drawn["tuner/bracket"], drawn["tuner/round"]
    # keras-tuner makes numbers of truth values.
    values = {name: known[list(known).index(drawn[name])] for name, known in search.space.items()}
    return Trial(
        asked.trial_id.zfill(4),
        values,
        epochs=drawn["tuner/epochs"],
        begins_after=drawn["tuner/initial_epoch"],
        after=drawn["tuner/trial_id"].zfill(4) if "tuner/trial_id" in drawn else None,
        place={"bracket": bracket, "round": number},
        promotable=number < bracket,
    )


def _answer(oracle: _Oracle, asked: Any, row: dict[str, Any], objective: str) -> None:
    """Tell the oracle how the trial went."""
    asked.status = "FAILED" if row["status"] == "failed" else "COMPLETED"
    if asked.status == "COMPLETED":
        oracle.update_trial(asked.trial_id, {objective: row[objective]})
    oracle.end_trial(asked)


def _forget(oracle: _Oracle, trial: Trial, trials: Trials, search: Search) -> None:
    """Delete the weights from which no trial will go on any more."""
    if trial.after is not None:
        trials.forget(trial.after)
    if trial.promotable:
        bracket, number = trial.place["bracket"], trial.place["round"]
        seats = oracle.round(bracket, number + 1).trials
        round_mates = [row for row in trials.rows if (row["bracket"], row["round"]) == (bracket, number)]
        complete = [row for row in round_mates if row["status"] == "complete"]
        for beaten in sorted(complete, key=search.key)[seats:]:
            trials.forget(beaten["trial"])


def _notes(search: Search, rounds: Sequence[Round], trials: Trials) -> list[str]:
    """Say by how much the search fell short of its plan, if it did."""
    planned, made = sum(one.trials for one in rounds), len(trials.rows)
    if made >= planned:
        return []
    longest = max((row["epochs"] or 0) for row in trials.rows)
    return [
        f"Hyperband planned {planned} trials, the space has {len(search.combinations)} combinations: it ended after "
        f"{made} trials, and none was trained for more than {longest} of {search.training.epochs} epochs"
    ]
