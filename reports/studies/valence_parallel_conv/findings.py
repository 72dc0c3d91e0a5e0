"""Findings on the report on valence from speech that need a test, or go through the rows of its table."""

import math
from itertools import chain

from scipy import stats

from common.published import Published
from reports.audit.finding import Computed, digits
from reports.audit.printed import NotPrintedError, search, value
from reports.studies import by_id
from reports.wording import listed

BEST = "combination-6"
MAE = "val_mae"


def rows_of(published: Published, **settings: float) -> dict[str, tuple[float, ...]]:
    """Return the published trials of every combination with these settings.

    Raises:
        NotPrintedError: there is none.
    """
    found = {}
    for experiment in published.experiments:
        numbers = published.numbers(experiment.id)
        if MAE in numbers and settings.items() <= experiment.settings.items():
            found[experiment.id] = numbers[MAE].trials
    if not found:
        raise NotPrintedError(f"combinations with {settings}")
    return found


def selection(published: Published) -> Computed:
    """Ask whether the chosen row is the best, and whether its test MAE is like its validation MAEs."""
    rows = rows_of(published)
    means = {name: math.fsum(trials) / len(trials) for name, trials in rows.items()}
    first, second = sorted(means, key=lambda name: means[name])[:2]
    test, own = value(published, BEST, "mae").printed.value, rows[BEST]
    every = [*chain.from_iterable(rows.values())]
    lowest, below = min(every), sum(test < trial for trial in every)
    return first == BEST and lowest in own and below < len(every), {
        "chosen": BEST,
        "mean": means[BEST],
        "second": second,
        "mean_of_second": means[second],
        "p": float(stats.ttest_ind(rows[second], own, equal_var=False).pvalue),
        "lowest": lowest,
        "test": test,
        "below": below,
        "trials": len(every),
        "deviations": (means[BEST] - test) / float(stats.tstd(own)),
        "draws": len(own) + 1,
    }


def epochs(published: Published) -> Computed:
    """Ask whether the number of epochs was chosen inside the range that was tried, and what it changed."""
    tried = sorted({float(published.by_id[name].settings["epochs"]) for name in rows_of(published)})
    few, many = ([*chain.from_iterable(rows_of(published, epochs=count).values())] for count in (tried[0], tried[-1]))
    chosen = search(published, BEST).chosen["epochs"]
    return tried[0] < chosen < tried[-1], {
        "fewest": tried[0],
        "most": tried[-1],
        "trials_of_fewest": len(few),
        "trials_of_most": len(many),
        "of_fewest": (min(few), max(few)),
        "of_most": (min(many), max(many)),
        "p": 1 / math.comb(len(few) + len(many), len(many)),
    }


def dropout(published: Published) -> Computed:
    """Ask what dropout and batch size change among the combinations with the chosen number of epochs."""
    chosen = search(published, BEST).chosen
    p, means = {}, {}
    for setting in ("dropout", "batch_size"):
        groups: dict[float, list[float]] = {}
        for name, trials in rows_of(published, epochs=chosen["epochs"]).items():
            groups.setdefault(float(published.by_id[name].settings[setting]), []).extend(trials)
        p[setting] = float(stats.kruskal(*groups.values()).pvalue)
        means[setting] = listed(
            f"{digits(size)} {digits(math.fsum(of) / len(of))}" for size, of in sorted(groups.items())
        )
    return p["dropout"] < 0.05, {
        "chosen": chosen["dropout"],
        "epochs": chosen["epochs"],
        "dropouts": means["dropout"],
        "batch_sizes": means["batch_size"],
        "p_dropout": p["dropout"],
        "p_batch_size": p["batch_size"],
    }


FINDINGS = by_id(selection, epochs, dropout)
