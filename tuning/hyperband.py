"""Hyperband: many short trainings, of which the best are trained for longer.

Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar: "Hyperband: A Novel Bandit-Based Approach to Hyperparameter
Optimization", JMLR 18 (185), 2018. The plan is that of keras-tuner's `HyperbandOracle`: the trials and epochs of each
round, the values that are drawn, and the trials that are promoted. As in keras-tuner, a promoted trial continues from
the weights of its best epoch with a new optimiser.

Other parts of keras-tuner 1.4.8 are replaced, because of problems that we have seen:
- Its files are not written atomically. A search that is killed may train a finished trial again, or keep a trial that
  never ends and draw its values a second time. Here the oracle stores nothing. After an interruption it starts again
  and is given the scores of the stored trials.
- It treats seed 0 as no seed and draws one at random.
It also ends the whole search if 21 draws in a row are values that were tried before. If the space is smaller than the
first round, the search ends after these trials of the fewest epochs, and no trial is promoted. Example: four learning
rates, at most 100 epochs and factor 3 give 4 trials of 2 epochs (3 trials with 2 of 1000 seeds). We keep this
behaviour, because searches in documents have it, and add a note to the result.
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
"""One of this many trials is promoted, and trained for this many times the epochs. Default of keras-tuner and paper."""


@dataclass(frozen=True)
class Round:
    """A round of the plan: `trials` trials continue after `begins_after` epochs and are trained until `epochs`."""

    bracket: int
    number: int
    trials: int
    begins_after: int
    epochs: int


def search(
    search: Search, announce: Callable[[str], None] = lambda line: None, *, factor: int = FACTOR
) -> SearchResult:
    """Search with Hyperband; `training.epochs` is the largest number of epochs of a combination.

    Args:
        search: what is searched.
        announce: receives a line of text per trial.
        factor: one of this many trials is promoted.

    Raises:
        BudgetSpentError: the deadline has passed; the same call resumes the search.
        InputError: the space or the factor cannot be used; or the folder is in use, cannot be written, is damaged, or
            holds a search of other clips or settings.
        ResultError: every trial failed.
    """
    if factor < 2:
        raise InputError(f"Hyperband's factor is 2 or more, not {factor}")
    settings: dict[str, Value] = {"factor": factor, "library": f"keras-tuner {keras_tuner.__version__}"}

    def proceed(trials: Trials) -> Sequence[str]:
        oracle = _oracle(search, factor)
        while asked := _next(oracle, trials):
            made = [_trial(search, one) for one in asked]
            trials.train_at_once(made)
            for one, trial in zip(asked, made, strict=True):
                row = trials.run(trial)
                _answer(oracle, one, row, search.objective)
                _forget(oracle, trial, trials, search)
        return _notes(search, oracle.rounds(), trials)

    possible = within(_oracle(search, factor).rounds(), len(search.combinations))
    planned = sum(one.trials * (one.epochs - one.begins_after) for one in possible)
    return conduct(search, "hyperband", settings, proceed, planned=planned, announce=announce)


class _Oracle(keras_tuner.oracles.HyperbandOracle):
    """keras-tuner's plan, without its files."""

    exhausted = False
    """Whether a round was not filled, because too many draws in a row had been tried before: it is the last one."""

    def save(self) -> None:
        """Do nothing: `Trials` stores what is needed."""

    def _save_trial(self, trial: Any) -> None:
        """Do nothing: `Trials` stores what is needed."""

    def rounds(self) -> list[Round]:
        """Return all rounds of the plan in their order."""
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
        max_consecutive_failed_trials=sys.maxsize,  # by default, three failed trials in a row end the search
    )
    oracle.verbose = 0  # it would print to standard output, which is for results
    return oracle


def within(rounds: Iterable[Round], combinations: int) -> list[Round]:
    """Return the part of the plan that a space with this many combinations can fill.

    The search ends in the first round of a bracket for which there are too few new combinations.
    """
    possible = []
    for one in rounds:
        trials = one.trials if one.number else min(one.trials, combinations)
        combinations -= 0 if one.number else trials
        possible.append(replace(one, trials=trials))
        if trials < one.trials:
            break
    return possible


def _next(oracle: _Oracle, trials: Trials) -> list[Any]:
    """Return all trials of the next round, which can be trained at the same time; empty if the search has ended.

    They are those that the oracle gives if each is asked for after the one before has finished, in the same order.
    """
    asked: list[Any] = []
    while not oracle.exhausted and (not asked or len(asked) < _size_of_round(oracle, trials, asked[0])):
        # The oracle gives a tuner one trial at a time, so each trial is asked for under another tuner's name.
        one = oracle.create_trial(f"encore-{len(asked)}")
        if one.status == "RUNNING":
            asked.append(one)
        else:  # the oracle would draw again after this round; asked for one by one, it would end the search here
            oracle.exhausted = True
    return asked


def _size_of_round(oracle: _Oracle, trials: Trials, first: Any) -> int:
    """Return the number of trials in the round that begins with this one."""
    bracket, number = (first.hyperparameters.values[f"tuner/{name}"] for name in ("bracket", "round"))
    size = oracle.round(bracket, number).trials
    if number == 0:
        return size
    # Of the round before, as many are dropped as this round is smaller, and failed trials besides.
    before = oracle.round(bracket, number - 1).trials
    complete = [row for row in trials.rows if row["status"] == "complete"]
    return sum((row["bracket"], row["round"]) == (bracket, number - 1) for row in complete) - (before - size)


def _trial(search: Search, asked: Any) -> Trial:
    drawn = asked.hyperparameters.values
    bracket, number = drawn["tuner/bracket"], drawn["tuner/round"]
    # keras-tuner converts booleans to numbers; the space has the original values.
    values = {name: known[list(known).index(drawn[name])] for name, known in search.space.items()}
    return Trial(
        asked.trial_id.zfill(4),
        values,
        # keras-tuner puts its own plan among the values, under names with a slash.
        epochs=drawn["tuner/epochs"],
        begins_after=drawn["tuner/initial_epoch"],
        after=drawn["tuner/trial_id"].zfill(4) if "tuner/trial_id" in drawn else None,
        place={"bracket": bracket, "round": number},
        promotable=number < bracket,
    )


def _answer(oracle: _Oracle, asked: Any, row: dict[str, Any], objective: str) -> None:
    """Give the oracle the result of a trial."""
    asked.status = "FAILED" if row["status"] == "failed" else "COMPLETED"
    if asked.status == "COMPLETED":
        oracle.update_trial(asked.trial_id, {objective: row[objective]})
    oracle.end_trial(asked)


def _forget(oracle: _Oracle, trial: Trial, trials: Trials, search: Search) -> None:
    """Delete weights that no later trial can continue from."""
    if trial.after is not None:
        trials.forget(trial.after)
    if trial.promotable:
        bracket, number = trial.place["bracket"], trial.place["round"]
        # As many trials are promoted as the next round has. A trial that is worse than that many others never is.
        seats = oracle.round(bracket, number + 1).trials
        round_mates = [row for row in trials.rows if (row["bracket"], row["round"]) == (bracket, number)]
        complete = [row for row in round_mates if row["status"] == "complete"]
        for beaten in sorted(complete, key=search.key)[seats:]:
            trials.forget(beaten["trial"])


def _notes(search: Search, rounds: Sequence[Round], trials: Trials) -> list[str]:
    """Return a note if the space had too few combinations for the plan."""
    drawn = sum(row["round"] == 0 for row in trials.rows)  # failed trials make later rounds shorter, not these
    if drawn >= sum(one.trials for one in rounds if not one.number):
        return []
    planned, longest = sum(one.trials for one in rounds), max((row["epochs"] or 0) for row in trials.rows)
    note = f"Hyperband planned {planned} trials, the space has {len(search.combinations)} combinations: it ended after "
    note += f"{len(trials.rows)} trials"
    if longest < search.training.epochs:
        note += f", and none was trained for more than {longest} of {search.training.epochs} epochs"
    return [note]
