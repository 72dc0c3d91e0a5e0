"""Valence with parallel convolutions (document 001): findings on its table, and which combination is best."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from common.published import Published
from common.published.comparability import corpus_title
from reports.audit.finding import Computed, digits
from reports.audit.printed import NotPrintedError, search, value
from reports.blocks import Cell, Column, Link, Number, Section, Table, Words
from reports.columns import notes_on, sides_of
from reports.effects import contrast
from reports.figures import Picture
from reports.figures.sheet import with_names
from reports.results import Group
from reports.studies import About, by_id
from reports.wording import listed, signed, words_of

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
    # Three trials give no std that could be relied on: the spread within a combination is pooled over all of as many
    # epochs. Trials of fewer epochs spread more.
    chosen = search(published, BEST).chosen["epochs"]
    alike = trials[trials["epochs"] == chosen].groupby("combination")[MAE]
    pooled = float(np.sqrt(alike.var().mean()))
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
        "deviations": (means[BEST] - test) / pooled,
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
        "p": 2 / math.comb(len(few) + len(many), len(many)),  # either group may be the one below
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


BASELINE = "mean-baseline"
SETTINGS = ("dropout", "batch_size", "epochs")
Trials = Mapping[str, Sequence[float]]
"""The validation MAEs of each combination: three published trials, or one of each of our seeds."""


def combinations(
    published: Published, groups: Sequence[Group], matrices: Mapping[str, np.ndarray]
) -> tuple[Section, list[Picture]] | None:
    """Return which combination is best, by the lowest trial and by the mean, as published and by our runs."""
    plain = {group.experiment: group for group in groups if group.protocol == "published" and not group.demo}
    printed = {name: published.numbers(name)[MAE].trials for name in dict.fromkeys(trials_of(published)["combination"])}
    known = {name: plain[name] for name in printed if name in plain and plain[name].values(MAE)}
    if not known:
        return None
    ours = {name: group.values(MAE) for name, group in known.items()}
    # The protocol published tests on the validation clips: the MAE of the baseline, which is not trained, is of these.
    baseline = plain[BASELINE].values("mae") if BASELINE in plain else []
    means = f" The mean of the training clips alone has {np.mean(baseline):.4f}." if baseline else ""
    text = f"Published: {_best_in_words(printed)}. Ours: {_ours_in_words(ours, len(printed))}.{means}"
    text = with_names(text, published)
    blocks = (Words(text), _table(published, printed, known))
    return Section(
        "combinations", "Which combination is best?", blocks, finding=_finding(published, plain), apart=True
    ), []


def _finding(published: Published, plain: Mapping[str, Group]) -> str:
    """Say whether the best combination is better than the mean of the training clips, if both were run."""
    if BEST not in plain or BASELINE not in plain:
        return ""
    effect = contrast(plain[BASELINE], plain[BEST])
    if effect is None:
        return ""
    low, high = effect.interval
    answer = "is better than" if high < 0 else "is worse than" if low > 0 else "is not shown to be better than"
    corpora = listed(corpus_title(name, published) for name in plain[BEST].first["data"]["corpora"])
    return (
        f"Valence of speech: on {corpora}, which is not the corpus of {published.document}, its best combination of "
        f"settings ({published.experiment(BEST).short}) {answer} always answering the mean of the training clips: its "
        f"MAE is {abs(effect.mean):.3f} {'lower' if effect.mean < 0 else 'higher'}, "
        f"95 % CI of the difference [{signed(low)}, {signed(high)}] ({len(effect.pairs)} seeds). {_spread(plain[BEST])}"
    )


def _spread(group: Group) -> str:
    """Say how much the answers differ from clip to clip, and whether they follow the true values."""
    tested = [run.record.tested() for run in group.runs]
    answers, true = (np.mean([np.std(getattr(one, of)) for one in tested]) for of in ("predicted", "true"))
    spread = f"Its answers have a std of {answers:.3f} over the clips, the true values {true:.3f}"
    pearson = group.result("pearson")
    if pearson is None:
        return f"{spread}."
    low, high = pearson.interval
    learned = "so the answers follow them" if low > 0 else "so the answers are not shown to follow them"
    return f"{spread}; their correlation is {signed(pearson.value)} [{signed(low)}, {signed(high)}], {learned}."


def _best_in_words(trials: Trials) -> str:
    lowest, mean = _lowest(trials), _lowest_mean(trials)
    by_lowest, by_mean = f"{min(trials[lowest]):.4f}", f"{np.mean(trials[mean]):.4f}"
    if lowest == mean:
        return f"{lowest} is best by its lowest trial ({by_lowest}) and by its mean ({by_mean})"
    return f"{lowest} is best by its lowest trial ({by_lowest}), {mean} by its mean ({by_mean})"


def _ours_in_words(trials: Trials, of: int) -> str:
    """Say which of our combinations is best; only of all of them, since the others could be better."""
    if len(trials) == of:
        return _best_in_words(trials)
    name = _lowest_mean(trials)
    return f"{len(trials)} of {of} combinations were run, so none is the best; {name} has {np.mean(trials[name]):.4f}"


def _lowest(trials: Trials) -> str:
    return min(trials, key=lambda name: min(trials[name]))


def _lowest_mean(trials: Trials) -> str:
    return min(trials, key=lambda name: float(np.mean(trials[name])))


def _table(published: Published, printed: Trials, known: Mapping[str, Group]) -> Table:
    """Return Table 1 with our seeds beside the published trials, and the best of each marked."""
    sides = {"published": printed, "ours": {name: group.values(MAE) for name, group in known.items()}}
    most = {side: max(map(len, trials.values())) for side, trials in sides.items()}
    columns = [Column("Combination"), *(Column(words_of(name), kind="number") for name in SETTINGS)]
    for side, count in most.items():
        columns += [Column(f"Validation MAE, {side}", f"trial {place + 1}", "number") for place in range(count)]
        columns += [Column(f"Validation MAE, {side}", "mean", "number"), Column("Best", side)]
    rows = []
    for name in printed:
        cells: list[Cell] = [f"{published.experiment(name).settings[setting]:g}" for setting in SETTINGS]
        for side, trials in sides.items():
            own = trials.get(name, ())
            cells += [*map(_number, own), *[None] * (most[side] - len(own))]
            cells += [_number(float(np.mean(own))) if own else None]
            cells += [_marks(name, trials) if len(trials) == len(printed) else ""]
        rows.append((Link(published.experiment(name).short, published.study, name) if name in known else name, *cells))
    notes = notes_on(published, sides_of(list(known.values())))
    return Table("combinations", "Table 1, with our runs", tuple(columns), tuple(rows), notes=notes)


def _number(mae: float) -> Number:
    return Number(f"{mae:.4f}", mae)


def _marks(name: str, trials: Trials) -> str:
    """Return by what a combination is the best: its lowest trial, its mean, or neither."""
    return listed([*["lowest"] * (name == _lowest(trials)), *["mean"] * (name == _lowest_mean(trials))])


ABOUT = About(by_id(selection, epochs, dropout), answers=(combinations,))
