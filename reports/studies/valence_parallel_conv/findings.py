"""What the report on valence from speech shows beside what it says."""

import math
from collections.abc import Callable, Mapping
from itertools import chain

from scipy import stats

from common.published import Published
from reports.audit.finding import Verdict, chance, digits, listed, signed, span
from reports.audit.printed import NotPrintedError, number, search, value
from reports.audit.results import trials_of

BEST = "combination-6"
MAE = "val_mae"

Rows = dict[str, tuple[float, ...]]


def rows_of(published: Published, **settings: float) -> Rows:
    """Return the printed trials of every combination with these settings.

    Raises:
        NotPrintedError: there is none.
    """
    found: Rows = {}
    for experiment in published.experiments:
        numbers = published.numbers(experiment.id)
        if MAE in numbers and settings.items() <= experiment.settings.items():
            found[experiment.id] = numbers[MAE].trials
    if not found:
        raise NotPrintedError(f"combinations with {settings}")
    return found


def grid(published: Published) -> Verdict:
    """Count the combinations of the text's values and those of the table."""
    space, trials = search(published, BEST).space, trials_of(published, search(published, BEST))
    points = math.prod(len(values) for values in space.values())
    used = {name: sorted({settings[place] for settings in trials}) for place, name in enumerate(space)}
    never = [f"{name} {digits(one)}" for name, values in space.items() for one in values if one not in used[name]]
    sizes = " x ".join(str(len(values)) for values in used.values())
    evidence = (
        f"the text names {' x '.join(str(len(values)) for values in space.values())} = {points}; the table has "
        f"{len(trials)} = {sizes}, as the text says elsewhere ({digits(number(published, 'combinations'))}); never "
        f"tried: {listed(never)}"
    )
    return len(trials) == points, f"{points} combinations were tried", evidence


def selection(published: Published) -> Verdict:
    """Ask whether the chosen row is the best, and whether its test MAE is like its validation MAEs."""
    rows = rows_of(published)
    means = {name: math.fsum(trials) / len(trials) for name, trials in rows.items()}
    first, second = sorted(means, key=lambda name: means[name])[:2]
    lowest = min(rows, key=lambda name: min(rows[name]))
    test, own = value(published, BEST, "mae").printed.value, rows[BEST]
    every = [*chain.from_iterable(rows.values())]
    below, deviation = sum(test < trial for trial in every), float(stats.tstd(own))
    seeds = float(stats.ttest_ind(rows[second], own, equal_var=False).pvalue)
    evidence = (
        f"{BEST} has the lowest mean ({digits(means[first])}; next {second} {digits(means[second])}, Welch's p "
        f"{chance(seeds)}) and the lowest trial ({digits(min(own))}); but the test MAE {digits(test)} is below {below} "
        f"of {len(every)} trials, {digits((means[BEST] - test) / deviation, 0)} standard deviations of its seeds below "
        f"its mean, and choosing the lowest makes validation look better than test, not worse. Indicated: the test "
        f"clips are easier, or few; were the test MAE one of {len(own) + 1} like draws, it came lowest with "
        f"1/{len(own) + 1}"
    )
    claim = "the best row is best, and its test score is of the kind of its validation scores"
    return first == lowest == BEST and below < len(every), claim, evidence


def epochs(published: Published) -> Verdict:
    """Ask whether the number of epochs was chosen inside what was tried, and what it did."""
    rows = rows_of(published)
    used = sorted({float(published.by_id[name].settings["epochs"]) for name in rows})
    few, many = ([*chain.from_iterable(rows_of(published, epochs=count).values())] for count in (used[0], used[-1]))
    chosen = search(published, BEST).chosen["epochs"]
    evidence = (
        f"{digits(used[-1])} is the largest number in the table, and all {len(many)} trials with it "
        f"({span(min(many), max(many))}) are below all {len(few)} with {digits(used[0])} ({span(min(few), max(few))}), "
        f"chance {chance(1 / math.comb(len(few) + len(many), len(many)))}: the networks were still learning"
        if max(many) < min(few)
        else f"{digits(used[-1])}: {span(min(many), max(many))}; {digits(used[0])}: {span(min(few), max(few))}"
    )
    return used[0] < chosen < used[-1], "the number of epochs is chosen inside what was tried", evidence


def dropout(published: Published) -> Verdict:
    """Ask what dropout and batch size change among the combinations with the chosen number of epochs."""
    chosen, rows = search(published, BEST).chosen, rows_of(published)
    settings = {name: published.by_id[name].settings for name in rows}
    told = {}
    for setting in ("dropout", "batch_size"):
        groups: dict[float, list[float]] = {}
        for name, trials in rows.items():
            if settings[name]["epochs"] == chosen["epochs"]:
                groups.setdefault(float(settings[name][setting]), []).extend(trials)
        means = [f"{digits(size)} {digits(math.fsum(of) / len(of))}" for size, of in sorted(groups.items())]
        told[setting] = float(stats.kruskal(*groups.values()).pvalue), f"{setting} {listed(means)}"
    evidence = (
        f"means of the trials with {digits(chosen['epochs'])} epochs: "
        f"{'; '.join(f'{means}, Kruskal and Wallis p {chance(p)}' for p, means in told.values())}"
    )
    return told["dropout"][0] < 0.05, f"a dropout of {digits(chosen['dropout'])} is better than the others", evidence


def test_set(published: Published) -> Verdict:
    """Ask whether the shares of the text leave clips for the test set on which a score is printed."""
    trained, validated = number(published, "train-share"), number(published, "validation-share")
    rest = 100 - trained - validated
    evidence = (
        f"{digits(trained)} % train and {digits(validated)} % validate, which leaves {digits(rest)} %, yet a test MAE "
        f"of {value(published, BEST, 'mae')} is printed: its clips, and how many, are not told"
    )
    return rest > 0, "the split that is told has a test set", evidence


def over_prediction(published: Published) -> Verdict:
    """Ask whether the printed examples are predicted too high, or towards the middle."""
    pairs = [(number(published, f"true-{one}"), number(published, f"predicted-{one}")) for one in (1, 2, 3)]
    slope = float(stats.linregress(*zip(*pairs, strict=True)).slope)
    told = [f"{digits(true)} as {digits(guess)} ({signed(guess - true)})" for true, guess in pairs]
    high, low = max(pairs), min(pairs)
    over = high[1] > high[0] and low[1] > low[0]
    shrunk = high[1] < high[0] and low[1] > low[0] and slope < 1
    evidence = (
        f"{listed(told)}: of the highest {_side(high)}, of the lowest {_side(low)}, all within "
        f"{span(min(guess for _, guess in pairs), max(guess for _, guess in pairs))}; slope of predicted on true "
        f"{digits(slope, 2)}"
        f"{'. Indicated by three chosen examples: predictions shrink to the middle' if shrunk else ''}"
    )
    return over, "the model over-predicts", evidence


def _side(pair: tuple[float, float]) -> str:
    true, guess = pair
    return "too high" if guess > true else "too low" if guess < true else "right"


FINDINGS: Mapping[str, Callable[[Published], Verdict]] = {
    "valence-grid": grid,
    "valence-selection": selection,
    "valence-epochs": epochs,
    "valence-dropout": dropout,
    "valence-test-set": test_set,
    "valence-over-prediction": over_prediction,
}
