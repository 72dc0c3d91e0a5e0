"""What was really done with the songs of Emotify? Every way that was tried, held against the printed matrices.

The text says nothing of how labels came to songs, and that folds were of whole songs. Runs and trials of ours under
other labels and folds are compared with what is printed in two respects: the accuracy, and the confusion matrix whose
counts the audit recovers. Given its row totals, which say nothing of features and classifiers, a matrix has a
likelihood under each way; that of its errors alone leaves out how good the features are.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import combinations

import numpy as np

from common.corpora.emotify import ORDERS
from common.intervals import wilson
from common.published import Published
from common.trials import Trials
from reports.blocks import Block, Section, Shown, Words
from reports.compare import has_random_weights
from reports.figures import Picture
from reports.results import Group
from reports.studies.emotify_features.evidence import (
    ALPHABETICAL,
    CORPUS,
    DEEP,
    HANDCRAFTED,
    KNOWN,
    WAYS,
    Evidence,
    confusions_of,
    experiments_of,
    is_plain_order,
    mean_accuracy,
    named_labels,
    percent,
    ratios_of,
    signed,
    trials_of_chance,
)
from reports.studies.emotify_features.likelihoods import (
    chi_square,
    expected,
    likeliest,
    log_ratio,
    own_distances,
    own_places,
)
from reports.studies.emotify_features.tracks import USUAL, whole_corpus
from reports.studies.emotify_features.ways import cell_table, draw, order_table, other_table

LEFT_OUT = "amazement"
PICTURE = "orders"
ORDERINGS = math.factorial(len(ORDERS["corpus"]))
KEPT = ("song", "random")
"""Folds and ties of the runs that are of the printed matrices' pieces."""
FEWEST = 2
"""Runs of one way, so that each can be held against the others."""
NEAR = 2.0
"""Standard deviations of the seeds within which an accuracy is taken as one of theirs."""


def answer(
    published: Published, groups: Sequence[Group], trials: Trials | None, matrices: Mapping[str, np.ndarray]
) -> tuple[Section, list[Picture]] | None:
    """Return the section and its picture; None as long as records, trials or matrices are missing."""
    cells = _cells(groups)
    several = all(len(group.runs) >= FEWEST for group in cells.values())
    if trials is None or len(cells) < 4 or not several or not {HANDCRAFTED, DEEP} <= set(matrices):
        return None
    matrix = matrices[HANDCRAFTED]
    pieces = {number.id: number.value for number in published.figures}
    totals = dict(zip(trials.classes, (int(n) for n in matrix.sum(axis=1)), strict=True))
    totals[LEFT_OUT] = int(pieces["all-pieces"]) - int(matrix.sum())
    printed = published.numbers(HANDCRAFTED)["accuracy"].value
    found = Evidence(printed, matrices, totals, cells, _of_songs(groups), trials)
    if len(found.orders) < ORDERINGS or any(len(runs) < FEWEST for runs in found.orders.values()):
        return None
    title = "Likelihood of the printed matrix under each order of the genres"
    picture = Picture(PICTURE, title, None, None, False, partial(draw, found, published.document))
    words = [*_finding(found), *_against(found), Words(OPEN)]
    tables = [cell_table(found), order_table(found), other_table(found)]
    blocks: tuple[Block, ...] = (*words, tables[0], tables[1], Shown(PICTURE, title), tables[2])
    return Section("really-done", "What was really done?", blocks), [picture]


OPEN = (
    "What stays open: the document does not list its features and has no seed, so its run cannot be repeated to the "
    "piece; that another scramble of the labels, or one that is not an order of the genres, explains the matrices as "
    "well cannot be excluded; and the pieces of a song are no independent witnesses, so that the likelihoods count a "
    "song up to four times. The corpus here is re-encoded."
)


def _of_songs(groups: Sequence[Group]) -> list[Group]:
    """Return the records of whole songs in the folds that say something: of the same pieces, by trained networks."""
    own = [group for group in groups if not group.demo and not has_random_weights(group.first)]
    return [group for group in own if (group.first["switches"]["folds"], group.first["switches"]["ties"]) == KEPT]


def _labels(group: Group) -> str:
    return " ".join(ORDERS[group.first["switches"]["track_ids"]])


def _cells(groups: Sequence[Group]) -> dict[tuple[str, str], Group]:
    found = {}
    for group in groups:
        switches = group.first["switches"]
        if group.experiment == HANDCRAFTED and not group.demo and switches["ties"] == "random":
            found[_labels(group), switches["folds"]] = group
    return found


def _finding(found: Evidence) -> list[Words]:
    return [Words(say(found)) for say in (on_folds, _on_own_labels, _on_order, _on_deep)]


def on_folds(found: Evidence) -> str:
    """Say whether whole songs in the folds can have given the printed accuracy; a run tried again counts once."""
    by_song = {(one.accuracy, one.experiment, one.labels, one.seed) for one in found.trials.all if one.folds == "song"}
    for group in found.songs:
        own = zip(group.values("accuracy"), group.seeds, strict=True)
        by_song |= {(value, group.experiment, _labels(group), seed) for value, seed in own}
    best, experiment, labels, seed = max(by_song)
    low, _ = wilson(found.printed, int(found.matrices[HANDCRAFTED].sum()))
    ways = len({way[1:3] for way in by_song})
    decided = (
        "Shown, for all features tried: the folds were of single pieces"
        if best < low
        else "Open: how the folds were made"
    )
    under = Counter(named_labels(way[2]) if is_plain_order(way[2]) else "other" for way in by_song)
    told = ", ".join(f"{count} under {name} labels" for name, count in under.most_common())
    return (
        f"{decided}. With whole songs in the folds, the best of {len(by_song)} runs and trials ({told}; {ways} "
        f"combinations of labels, features and classifier) has {percent(best)} ({experiment}, {named_labels(labels)} "
        f"labels, seed {seed}), the document {percent(found.printed)}."
    )


def _on_own_labels(found: Evidence) -> str:
    """Say whether the songs had the labels of their own listeners."""
    by_all, by_errors = (
        likeliest(found.matrices[HANDCRAFTED], found.orders, errors=errors) for errors in (False, True)
    )
    places = [list(ways).index(CORPUS) + 1 for ways in (by_all, by_errors)]
    agreed, agreed_by_errors, asked = _agreement(found)
    word = "Strongly indicated" if agreed_by_errors == asked else "Indicated"
    no = min(places) > len(by_all) / 2 and CORPUS not in found.reached
    decided = f"{word}: songs did not have their own labels" if no else "Open: whether songs had their own labels"
    return (
        f"{decided}. Of {len(by_all)} orders of the genres the corpus' own is number {places[0]} by the likelihood of "
        f"the printed matrix, {max(by_all.values()) - by_all[CORPUS]:.1f} behind the best (natural logarithms), and "
        f"number {places[1]} by its errors alone. {_score(found)} Of {asked} combinations of features and classifier "
        f"(those of MobileNet held against the other matrix), {agreed} find the alphabetical order likelier than the "
        f"corpus' own{_but(found)}, and by the errors alone {agreed_by_errors}."
    )


def _but(found: Evidence) -> str:
    """Name the combinations that find the corpus' own order likelier."""
    other = [name for name in experiments_of(found.trials) if (ratios_of(found, name, ALPHABETICAL) or (1,))[0] <= 0]
    return f" (not {', '.join(other)})" if other else ""


def _on_order(found: Evidence) -> str:
    """Say whose labels the songs had instead, and how far that can be trusted."""
    orders, matrix = found.orders, found.matrices[HANDCRAFTED]
    by_all, by_errors = likeliest(matrix, orders), likeliest(matrix, orders, errors=True)
    possible = [order for order in by_all if order in found.reached]
    reach = f"{len(possible)} of {len(orders)} orders can give the row totals exactly: {_listed(possible)}."
    if not possible:
        return f"Open: whose labels the songs had. {reach}"
    first = possible[0]
    alone = all(by_errors[first] >= by_errors[order] for order in possible)
    places = [_held_to_own(orders, first, ways, errors=errors) for ways, errors in ((by_all, False), (by_errors, True))]
    usual = all(usual for _, usual in places)
    word = "Indicated" if usual else "Weakly indicated"
    decided = f"{word}: they had those of the {named_labels(first)} order" if alone else "Open: whose labels they had"
    likely = "" if alone else ", though not by the errors alone"
    against = "" if usual else " None of ours fares as badly with its own order, which speaks against it."
    return (
        f"{decided}. {reach} That hangs on few tracks: {_unusual()}. Of these orders, {named_labels(first)} is the "
        f"likeliest by all cells{likely or ' and by the errors alone'}. By all cells it is {places[0][0]}, and by the "
        f"errors alone {places[1][0]}.{against}"
    )


def _held_to_own(
    orders: Mapping[str, list[np.ndarray]], order: str, ways: Mapping[str, float], *, errors: bool
) -> tuple[str, bool]:
    """Say at which place an order is, and how our own trials fare with theirs; and whether some fare as badly."""
    place, behind = list(ways).index(order) + 1, max(ways.values()) - ways[order]
    own = own_places(orders, errors=errors)
    as_low, as_far = (
        sum(found >= value for found in column)
        for column, value in zip(zip(*own, strict=True), (place, behind), strict=True)
    )
    first = sum(found == 1 for found, _ in own)
    at = f"number {place} of {len(orders)}" + (f", {behind:.1f} behind the best" if place > 1 else "")
    worse = f", {as_low} as low as number {place} and {as_far} as far behind" if place > 1 else ""
    return f"{at} (of {len(own)} trials of ours {first} find their own order first{worse})", as_low > 0


def _unusual() -> str:
    """Count the tracks that have not as many pieces as the others, by which alone totals can tell orders apart."""
    unusual = [row for row in whole_corpus() if row.pieces != USUAL]
    by_genre = {genre: sum(row.tracks for row in unusual if row.audio == genre) for genre in ORDERS["corpus"]}
    told = ", ".join(f"{count} of {genre}" for genre, count in by_genre.items() if count)
    return f"without {USUAL} pieces are {told}, and nothing else tells totals of one order from those of another"


def _listed(orders: Iterable[str]) -> str:
    return "; ".join(named_labels(order) for order in orders) or "none"


def _agreement(found: Evidence) -> tuple[int, int, int]:
    """Count the experiments of the trials that prefer alphabetical labels: by all cells, by the errors; and all."""
    asked = [ratios for name in experiments_of(found.trials) if (ratios := ratios_of(found, name, ALPHABETICAL))]
    by_all, by_errors = (sum(ratio > 0 for ratio in ratios) for ratios in zip(*asked, strict=True))
    return by_all, by_errors, len(asked)


def _score(found: Evidence) -> str:
    """Hold the log ratio of the two known orders against that of our own runs under each."""
    cells = {labels: confusions_of(found.cells[labels, "piece"]) for labels in KNOWN}
    ratios = {labels: [_ratio(run, cells, left=run) for run in runs] for labels, runs in cells.items()}
    told = ", ".join(
        f"{signed(min(own))} to {signed(max(own))} for ours under {KNOWN[labels]} labels"
        for labels, own in ratios.items()
    )
    printed = _ratio(found.matrices[HANDCRAFTED], cells)
    seeds = len(found.cells[ALPHABETICAL, "piece"].seeds)
    return (
        "How much likelier the alphabetical order makes a matrix than the corpus' own, as a logarithm of the ratio and "
        f"by our runs of {seeds} seeds: {signed(printed)} for the printed matrix, {told}."
    )


def _ratio(matrix: np.ndarray, cells: Mapping[str, Sequence[np.ndarray]], left: np.ndarray | None = None) -> float:
    """Return how much likelier a matrix is under alphabetical labels than under the corpus', itself left out."""
    kept = {labels: [run for run in runs if run is not left] for labels, runs in cells.items()}
    return log_ratio(matrix, kept[ALPHABETICAL], kept[CORPUS])


def _on_deep(found: Evidence) -> str:
    """Ask the other printed matrix the same, by the network that is at hand."""
    experiment = "mobilenet-cubic-svm"
    ways = _ways(found.trials, experiment)
    if len(ways) < 4:
        return f"The matrix of the deep features was not asked: there are no trials of {experiment}."
    best = next(iter(likeliest(found.matrices[DEEP], ways)))
    return (
        f"The printed matrix of the deep features, held against {experiment} under both of these labels, with single "
        "pieces and with whole songs in the folds, is likeliest under "
        f"{named_labels(best.partition(', ')[0])} labels with {best.partition(', ')[2]} folds: another network, and so "
        "a weak witness."
    )


def _ways(trials: Trials, experiment: str) -> dict[str, list[np.ndarray]]:
    """Return the confusions of an experiment under both labels and both folds."""
    ways = {
        f"{labels}, {folds}": [one.confusion for one in trials.of(experiment=experiment, labels=labels, folds=folds)]
        for labels in KNOWN
        for folds in ("piece", "song")
    }
    return {name: runs for name, runs in ways.items() if runs}


def _against(found: Evidence) -> list[Words]:
    """Say what speaks against the finding."""
    better = [
        f"{experiment} {percent(mean_accuracy(own))}"
        for experiment in experiments_of(found.trials)
        if (own := found.trials.of(experiment=experiment, labels=ALPHABETICAL, folds="piece"))
        and mean_accuracy(own) > found.printed
    ]
    beyond = f"Other classifiers on ours reach more than is printed: {', '.join(better)}." if better else ""
    runs = confusions_of(found.cells[ALPHABETICAL, "piece"])
    farther = chi_square(found.matrices[HANDCRAFTED], expected(runs))
    most = max(own_distances(runs))
    apart = (
        f"The printed matrix lies at {farther:.1f} from the mean of ours under alphabetical labels, "
        f"{'farther than' if farther > most else 'no farther than'} any run of ours ({most:.1f} at most)."
    )
    return [
        Words(
            f"{by_accuracy(found)} {apart} {by_chance(found)}{beyond} Which features the document had decides how much "
            "of a song is recognised, and so moves the accuracy under either order."
        ),
        Words(control(found)),
    ]


def by_chance(found: Evidence) -> str:
    """Say whether labels dealt by chance explain the printed matrix as well as alphabetical ones do.

    As many trials of chance as there are of the order make what is expected: in every choice of so many.
    """
    dealt, known = trials_of_chance(found.trials, "piece"), _trials(found, ALPHABETICAL)
    if not known or len(dealt) < len(known):
        return ""
    chosen = list(combinations([one.confusion for one in dealt], len(known)))
    compared, told = [], []
    matrix, own = found.matrices[HANDCRAFTED], _trials(found, CORPUS)
    for how, errors in (("all cells", False), ("the errors alone", True)):
        of_known = log_ratio(matrix, known, own, errors=errors)
        of_chance = [log_ratio(matrix, few, own, errors=errors) for few in chosen]
        low, high = min(of_chance), max(of_chance)
        word = "worse" if high < of_known else "better" if low > of_known else "as well"
        compared.append(word)
        told.append(f"{word} by {how} ({signed(low)} to {signed(high)} against {signed(of_known)})")
    scrambled = (
        ": beyond its row totals, the matrix shows that songs had not their own labels, rather than which order those "
        "had"
    )
    return (
        f"Labels dealt by chance explain the printed matrix, compared with alphabetical ones by the logarithm of the "
        f"ratio to the corpus' own ({len(known)} trials each, in the {len(chosen)} choices of {len(dealt)} deals), "
        f"{' and '.join(told)}{scrambled * (set(compared) != {'worse'})}. "
    )


def _trials(found: Evidence, labels: str) -> list[np.ndarray]:
    return [one.confusion for one in found.trials.of(experiment=HANDCRAFTED, labels=labels, folds="piece")]


def by_accuracy(found: Evidence) -> str:
    """Say which of the two known orders the printed accuracy alone allows."""
    near = [labels for labels in KNOWN if abs(_deviations(found, labels)) <= NEAR]
    if len(near) == 1:
        (one,) = near
        told = f"accuracy alone fits {KNOWN[one]} labels only"
    else:
        told = "by accuracy alone " + ("both orders are possible" if near else "neither order is confirmed")
    head = told[:1].upper() + told[1:] if near == [ALPHABETICAL] else f"Against it: {told}"
    distances = "; ".join(_distance_of(found, labels) for labels in (ALPHABETICAL, CORPUS))
    return f"{head} (within {NEAR:g} standard deviations of its seeds): {distances}."


def _deviations(found: Evidence, labels: str) -> float:
    values = found.cells[labels, "piece"].values("accuracy")
    return float((found.printed - np.mean(values)) / np.std(values, ddof=1))


def _distance_of(found: Evidence, labels: str) -> str:
    values = found.cells[labels, "piece"].values("accuracy")
    apart = _deviations(found, labels)
    side = "above" if apart > 0 else "below"
    return (
        f"the printed {percent(found.printed)} lies {abs(apart):.1f} standard deviations {side} the mean of "
        f"{len(values)} seeds under {KNOWN[labels]} labels ({percent(float(np.mean(values)))}, "
        f"{percent(min(values))} to {percent(max(values))})"
    )


def control(found: Evidence) -> str:
    """Say what is left of the accuracy where labels have nothing to do with the music."""
    dealt = {folds: trials_of_chance(found.trials, folds) for folds in ("piece", "song")}
    if not all(dealt.values()):
        return "The control, labels dealt by chance, was not tried."
    alphabetical = {folds: found.cells[ALPHABETICAL, folds] for folds in WAYS}
    majority = float(np.mean([run.data["baselines"]["majority"]["accuracy"] for run in alphabetical["piece"].runs]))
    by_piece, by_song = (mean_accuracy(own) for own in dealt.values())
    ours, apart = (float(np.mean(group.values("accuracy"))) for group in alphabetical.values())
    accuracies = [one.accuracy for one in dealt["piece"]]
    needless = (by_piece - majority) / (ours - majority)
    return (
        f"The control: labels dealt among the songs by chance still give {percent(by_piece)} with single pieces in "
        f"the folds ({percent(min(accuracies))} to {percent(max(accuracies))}, {len(accuracies)} deals), where the "
        "same features and classifier "
        f"give {percent(ours)} under alphabetical labels and always the commonest emotion {percent(majority)}. So "
        f"{needless:.0%} of what ours have over the commonest emotion needs no emotion in the sound: it is the song "
        f"that is recognised. With whole songs in the folds, dealt labels give {percent(by_song)} and alphabetical "
        f"ones {percent(apart)}."
    )
