"""Valence with parallel convolutions (document 001): findings that need a test, or go through the rows of its table."""

import math

import pandas as pd
from scipy import stats

from common.published import Published
from reports.audit.finding import Computed, digits
from reports.audit.printed import NotPrintedError, search, value
from reports.studies import About, by_id
from reports.wording import listed

BEST = "combination-6"
MAE = "val_mae"


def trials_of(published: Published) -> pd.DataFrame:
    """Return the published trials, a row each: `combination`, its settings, and `val_mae`.

    Raises:
        NotPrintedError: there is none.
    """
    rows = [
        {"combination": experiment.id, **experiment.settings, MAE: trial}
        for experiment in published.experiments
        if MAE in published.numbers(experiment.id)
        for trial in published.numbers(experiment.id)[MAE].trials
    ]
    if not rows:
        raise NotPrintedError("combinations")
    return pd.DataFrame(rows)


def by_setting(trials: pd.DataFrame, setting: str) -> dict[float, "pd.Series[float]"]:
    """Return the validation MAEs for each value of a setting, ascending."""
    return {float(tried): trials.loc[trials[setting] == tried, MAE] for tried in sorted(trials[setting].unique())}


def selection(published: Published) -> Computed:
    """Ask whether the chosen row is the best, and whether its test MAE is like its validation MAEs."""
    trials = trials_of(published)
    every, of_combination = trials[MAE], trials.groupby("combination", sort=False)[MAE]
    means = of_combination.mean().sort_values()
    first, second = map(str, means.index[:2])
    test, own = value(published, BEST, "mae").printed.value, of_combination.get_group(BEST)
    below = int((every > test).sum())
    return first == BEST and every.min() in own.to_list() and below < len(every), {
        "chosen": BEST,
        "mean": means[BEST],
        "second": second,
        "mean_of_second": means[second],
        "p": stats.ttest_ind(of_combination.get_group(second), own, equal_var=False).pvalue,
        "lowest": every.min(),
        "test": test,
        "below": below,
        "trials": len(every),
        "deviations": (means[BEST] - test) / own.std(),
        "draws": len(own) + 1,
    }


def epochs(published: Published) -> Computed:
    """Ask whether the number of epochs was chosen inside the range that was tried, and what it changed."""
    of_epochs = by_setting(trials_of(published), "epochs")
    fewest, most = min(of_epochs), max(of_epochs)
    few, many = of_epochs[fewest], of_epochs[most]
    return fewest < search(published, BEST).chosen["epochs"] < most, {
        "fewest": fewest,
        "most": most,
        "trials_of_fewest": len(few),
        "trials_of_most": len(many),
        "of_fewest": (few.min(), few.max()),
        "of_most": (many.min(), many.max()),
        "p": 1 / math.comb(len(few) + len(many), len(many)),
    }


def dropout(published: Published) -> Computed:
    """Ask what dropout and batch size change among the combinations with the chosen number of epochs."""
    chosen, trials = search(published, BEST).chosen, trials_of(published)
    trials = trials[trials["epochs"] == chosen["epochs"]]
    if trials.empty:
        raise NotPrintedError(f"combinations with {chosen['epochs']} epochs")
    p, means = {}, {}
    for setting in ("dropout", "batch_size"):
        groups = by_setting(trials, setting)
        p[setting] = float(stats.kruskal(*groups.values()).pvalue)
        means[setting] = listed(f"{digits(tried)} {digits(group.mean())}" for tried, group in groups.items())
    return p["dropout"] < 0.05, {
        "chosen": chosen["dropout"],
        "epochs": chosen["epochs"],
        "dropouts": means["dropout"],
        "batch_sizes": means["batch_size"],
        "p_dropout": p["dropout"],
        "p_batch_size": p["batch_size"],
    }


ABOUT = About(by_id(selection, epochs, dropout))
