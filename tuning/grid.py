"""Grid search: every combination of values is trained for the full number of epochs."""

from collections.abc import Callable, Sequence

from common.runs.search_records import SearchResult
from tuning.search import Search, Trial, Trials, conduct


def search(search: Search, announce: Callable[[str], None] = lambda line: None) -> SearchResult:
    """Train every combination for `training.epochs` epochs or, with `patience` set, until it stops early.

    Args:
        search: what is searched.
        announce: receives a line of text per trial.

    Raises:
        BudgetSpentError: the deadline has passed; the same call resumes the search.
        InputError: the space cannot be searched; or the folder is in use, cannot be written, is damaged, or holds a
            search of other clips or settings.
        ResultError: every trial failed.
    """
    combinations = search.combinations

    def proceed(trials: Trials) -> Sequence[str]:
        every = [Trial(f"{n:04d}", values, search.training.epochs) for n, values in enumerate(combinations)]
        trials.train_at_once(every)
        for trial in every:
            trials.run(trial)
        return []

    planned = len(combinations) * search.training.epochs
    return conduct(search, "grid", {}, proceed, planned=planned, announce=announce)
