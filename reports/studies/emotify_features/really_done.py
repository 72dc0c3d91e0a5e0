"""How were the songs of Emotify labelled and divided? Our runs in every way, compared with the published matrices.

The document does not say how labels came to songs, and says that folds were of whole songs. Runs under other labels and
folds are compared with what is published in two respects: the accuracy, and the confusion matrix whose counts the audit
recovers. Given its row totals, which do not depend on features and classifiers, a matrix has a likelihood in each way.
The likelihood of its errors alone does not depend on how good the features are.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np

from common.corpora.emotify import ORDERS
from common.intervals import wilson
from common.published import Published
from reports.blocks import Block, Section, Shown, Words
from reports.figures import Picture
from reports.results import Group
from reports.studies.emotify_features.evidence import (
    ALPHABETICAL,
    CORPUS,
    DEEP,
    FOLDS,
    HANDCRAFTED,
    KNOWN,
    PERMUTED,
    Evidence,
    confusion_of,
    named_labels,
    ways_of,
)
from reports.studies.emotify_features.likelihoods import (
    chi_square,
    expected,
    likeliest,
    log_ratio,
    own_distances,
    own_places,
)
from reports.studies.emotify_features.tracks import USUAL, unusual
from reports.studies.emotify_features.ways import cell_table, draw, order_table, other_table
from reports.wording import listed, percent, sentence, signed

LEFT_OUT = "amazement"
PICTURE = "orders"
ORDERINGS = math.factorial(len(ORDERS[CORPUS]))
OTHER_NETWORK = "mobilenet-cubic-svm"
FEWEST = 2
"""Runs of one way, so that each can be compared with the others."""
NEAR = 2.0
"""Standard deviations of the seeds within which an accuracy counts as one of theirs."""


class Statement(NamedTuple):
    """A verdict in a few words, the numbers behind it, and whether it speaks against the other ones."""

    verdict: str
    evidence: str
    against: bool = False


def answer(
    published: Published, groups: Sequence[Group], matrices: Mapping[str, np.ndarray]
) -> tuple[Section, list[Picture]] | None:
    """Return the section and its picture; None if runs or matrices are missing."""
    found = gathered(published, groups, matrices)
    if found is None:
        return None
    title = "Likelihood of the published matrix under each order of the genres"
    picture = Picture(PICTURE, title, None, None, False, partial(draw, found, published.document))
    cells, orders, others = cell_table(found), order_table(found), other_table(found)
    blocks: tuple[Block, ...] = (*map(Words, _words(found)), cells, orders, Shown(PICTURE, title), others)
    return Section("really-done", "How were the songs labelled and divided?", blocks), [picture]


def gathered(published: Published, groups: Sequence[Group], matrices: Mapping[str, np.ndarray]) -> Evidence | None:
    """Return the evidence; None if there are not all orders and both kinds of folds, with two runs each."""
    ways = ways_of(groups)
    cells = [ways.get((HANDCRAFTED, labels, folds)) for labels in KNOWN for folds in FOLDS]
    if not {HANDCRAFTED, DEEP} <= set(matrices) or any(cell is None or len(cell.runs) < FEWEST for cell in cells):
        return None
    matrix, pieces = matrices[HANDCRAFTED], {number.id: number.value for number in published.figures}
    totals = dict(zip(published.data.classes, (int(n) for n in matrix.sum(axis=1)), strict=True))
    totals[LEFT_OUT] = int(pieces["all-pieces"]) - int(matrix.sum())
    found = Evidence(published.numbers(HANDCRAFTED)["accuracy"].value, matrices, totals, ways)
    if len(found.orders) < ORDERINGS or any(len(runs) < FEWEST for runs in found.orders.values()):
        return None
    return found


def _words(found: Evidence) -> list[str]:
    """Return the paragraphs: the answer, how sure it is and what speaks against it, then the evidence for each."""
    folds, own, order = on_folds(found), on_own_labels(found), on_order(found)
    accuracy, permuted = by_accuracy(found), by_permutation(found)
    return [
        _answer([folds, own, order, accuracy, permuted]),
        f"Folds: {folds.evidence}",
        f"Own labels: {own.evidence}",
        f"Which labels instead: {order.evidence} {_on_deep(found)}",
        f"Accuracy: {accuracy.evidence} {_distance(found)} {_better(found)}",
        f"Permuted labels: {permuted.evidence}",
        control(found),
        _open(found),
    ]


def _answer(statements: Sequence[Statement]) -> str:
    """Return all verdicts, those that speak against the others last."""
    own = " ".join(f"{sentence(one.verdict)}." for one in statements if not one.against)
    against = "; ".join(one.verdict for one in statements if one.against)
    return f"{own} Against it: {against}." if against else own


def _open(found: Evidence) -> str:
    forms = {group.first["data"]["corpora"]["emotify"]["form"] for group in found.groups.values()} - {"original"}
    form = f" The corpus here is {listed(sorted(forms))}." if forms else ""
    return (
        "What stays open: the document does not list its features and gives no seed, so its run cannot be repeated "
        "exactly. Labels that are in another order, or in none of the genres, may explain the matrices equally well. "
        f"The pieces of a song are not independent, so the likelihoods count a song up to four times.{form}"
    )


def on_folds(found: Evidence) -> Statement:
    """Decide whether whole songs in the folds can have given the published accuracy."""
    by_song = found.of_whole_songs
    (experiment, labels, seed), best = max(by_song.items(), key=lambda pair: (pair[1], pair[0]))
    low, _ = wilson(found.published, int(found.matrices[HANDCRAFTED].sum()))
    shown = best < low
    ways = len({way[:2] for way in by_song})
    counts = Counter(named_labels(track_ids) for _, track_ids, _ in by_song).most_common()
    return Statement(
        "the folds were of single pieces, not of whole songs: shown, for all features tried"
        if shown
        else "open: whether the folds were of single pieces or of whole songs",
        f"with whole songs in the folds, the best of {len(by_song)} runs has {percent(best)} ({experiment}, "
        f"{named_labels(labels)} labels, seed {seed}); the document has {percent(found.published)}. The runs are "
        f"{ways} combinations of labels, features and classifier: "
        f"{listed(f'{count} under {labels} labels' for labels, count in counts)}.",
    )


def on_own_labels(found: Evidence) -> Statement:
    """Decide whether the songs had the labels of their own listeners."""
    matrix = found.matrices[HANDCRAFTED]
    by_all, by_errors = (likeliest(matrix, found.orders, errors=errors) for errors in (False, True))
    places = [list(ways).index(CORPUS) + 1 for ways in (by_all, by_errors)]
    ratios = {name: found.ratios(name, ALPHABETICAL) for name in found.experiments}
    agreed, agreed_by_errors = (sum(pair[which] > 0 for pair in ratios.values()) for which in (0, 1))
    other = [name for name, (ratio, _) in ratios.items() if ratio <= 0]
    word = "strongly indicated" if agreed_by_errors == len(ratios) else "indicated"
    no = min(places) > len(by_all) / 2 and CORPUS not in found.reached
    return Statement(
        f"the songs did not have their own labels: {word}" if no else "open: whether the songs had their own labels",
        f"of {len(by_all)} orders of the genres, the corpus' own is number {places[0]} by the likelihood of the "
        f"published matrix ({max(by_all.values()) - by_all[CORPUS]:.1f} less than the best in natural logarithms), and "
        f"number {places[1]} by its errors alone. {_score(found)} We asked {len(ratios)} combinations of features and "
        f"classifier, MobileNet's with the other published matrix: {agreed} find the alphabetical order likelier than "
        f"the corpus' own{f' (not {listed(other)})' if other else ''}, and by the errors alone {agreed_by_errors}.",
    )


def on_order(found: Evidence) -> Statement:
    """Decide whose labels the songs had instead, and how sure that is."""
    orders, matrix = found.orders, found.matrices[HANDCRAFTED]
    by_all, by_errors = likeliest(matrix, orders), likeliest(matrix, orders, errors=True)
    possible = [order for order in by_all if order in found.reached]
    reach = (
        f"{len(possible)} of {len(orders)} orders can give the row totals exactly: "
        f"{'; '.join(map(named_labels, possible)) or 'none'}."
    )
    if not possible:
        return Statement("open: whose labels the songs had", reach)
    first = possible[0]
    alone = all(by_errors[first] >= by_errors[order] for order in possible)
    places = [_place_of(orders, first, ways, errors=errors) for ways, errors in ((by_all, False), (by_errors, True))]
    as_low = all(low for _, low in places)
    word = "indicated" if as_low else "weakly indicated"
    likely = " and by the errors alone" if alone else ", but not by the errors alone"
    against = "" if as_low else " None of our runs finds its own order at so low a place, which speaks against it."
    return Statement(
        f"they had the labels of the {named_labels(first)} order: {word}" if alone else "open: whose labels they had",
        f"{reach} This rests on {_unusual()}. Of these orders, {named_labels(first)} is the likeliest by all "
        f"cells{likely}. By all cells it is {places[0][0]}. By the errors alone it is {places[1][0]}.{against}",
    )


def _place_of(
    orders: Mapping[str, list[np.ndarray]], order: str, ways: Mapping[str, float], *, errors: bool
) -> tuple[str, bool]:
    """Say at which place an order is, and at which places our own runs find theirs; and whether some are as low."""
    place, behind = list(ways).index(order) + 1, max(ways.values()) - ways[order]
    own = own_places(orders, errors=errors)
    as_low = sum(found >= place for found, _ in own)
    as_far = sum(found >= behind for _, found in own)
    first = sum(found == 1 for found, _ in own)
    at = f"number {place} of {len(orders)}" + (f", {behind:.1f} less than the best" if place > 1 else "")
    worse = f", {as_low} at place {place} or lower, {as_far} as far behind" if place > 1 else ""
    return f"{at}; of {len(own)} runs of ours, {first} find their own order first{worse}", as_low > 0


def _unusual() -> str:
    tracks = unusual()
    of_genres = listed(f"{count} of {genre}" for genre, count in tracks.items())
    return f"the {sum(tracks.values())} tracks that do not have {USUAL} pieces ({of_genres})"


def _score(found: Evidence) -> str:
    """Compare the log likelihood ratio of the two known orders with that of our own runs under each."""
    cells = {labels: _matrices(found, labels) for labels in KNOWN}
    ratios = {labels: [_ratio(run, cells, left=run) for run in runs] for labels, runs in cells.items()}
    ours = listed(
        f"{signed(min(own), 1)} to {signed(max(own), 1)} for our runs under {KNOWN[labels]} labels"
        for labels, own in ratios.items()
    )
    published, seeds = _ratio(found.matrices[HANDCRAFTED], cells), len(cells[ALPHABETICAL])
    return (
        "The log likelihood ratio of the alphabetical order to the corpus' own, by our runs of "
        f"{seeds} seeds, is {signed(published, 1)} for the published matrix, {ours}."
    )


def _matrices(found: Evidence, labels: str) -> list[np.ndarray]:
    """Return the matrices of all seeds under one of the known orders, single pieces in the folds."""
    return [confusion_of(run) for run in found.groups[HANDCRAFTED, labels, "piece"].runs]


def _ratio(matrix: np.ndarray, cells: Mapping[str, Sequence[np.ndarray]], left: np.ndarray | None = None) -> float:
    """Return how much likelier a matrix is under alphabetical labels than under the corpus', itself left out."""
    kept = {labels: [run for run in runs if run is not left] for labels, runs in cells.items()}
    return log_ratio(matrix, kept[ALPHABETICAL], kept[CORPUS])


def _on_deep(found: Evidence) -> str:
    """Compare the published matrix of the deep features with the network for which there are weights."""
    if OTHER_NETWORK not in found.experiments:
        return f"The published matrix of the deep features was not compared: there are no runs of {OTHER_NETWORK}."
    ways = {(labels, folds): found.confusions(OTHER_NETWORK, labels, folds) for labels in KNOWN for folds in FOLDS}
    by_name = {f"{labels}, {folds}": runs for (labels, folds), runs in ways.items()}
    labels, _, folds = next(iter(likeliest(found.matrices[DEEP], by_name))).partition(", ")
    return (
        f"Of both known orders with both kinds of folds, the published matrix of the deep features is likeliest under "
        f"{named_labels(labels)} labels with {folds} folds. This is weak evidence: our runs are {OTHER_NETWORK}, with "
        "another network."
    )


def by_accuracy(found: Evidence) -> Statement:
    """Decide which of the two known orders the published accuracy alone allows."""
    near = [labels for labels in KNOWN if abs(_apart(found, labels)) <= NEAR]
    if len(near) == 1:
        verdict = f"accuracy alone agrees with {KNOWN[near[0]]} labels only"
    else:
        verdict = f"accuracy alone agrees with {'both' if near else 'neither'} of the two known orders"
    distances = " and ".join(_distance_of(found, labels) for labels in (ALPHABETICAL, CORPUS))
    return Statement(
        verdict,
        f"an accuracy agrees if it is within {NEAR:g} standard deviations of our seeds. The published "
        f"{percent(found.published)} is {distances}.",
        against=near != [ALPHABETICAL],
    )


def _apart(found: Evidence, labels: str) -> float:
    """Return how many standard deviations of our seeds the published accuracy is above their mean."""
    values = found.groups[HANDCRAFTED, labels, "piece"].values("accuracy")
    return float((found.published - np.mean(values)) / np.std(values, ddof=1))


def _distance_of(found: Evidence, labels: str) -> str:
    values = found.groups[HANDCRAFTED, labels, "piece"].values("accuracy")
    apart = _apart(found, labels)
    side = "above" if apart > 0 else "below"
    return (
        f"{abs(apart):.1f} standard deviations {side} the mean of {len(values)} seeds under {KNOWN[labels]} labels "
        f"({percent(_mean(values))}, {percent(min(values))} to {percent(max(values))})"
    )


def _distance(found: Evidence) -> str:
    """Say whether the published matrix is farther from the mean of ours than our own runs are."""
    runs = _matrices(found, ALPHABETICAL)
    farther, most = chi_square(found.matrices[HANDCRAFTED], expected(runs)), max(own_distances(runs))
    return (
        f"The published matrix is at a distance of {farther:.1f} from the mean of ours under alphabetical labels, "
        f"{'farther than' if farther > most else 'no farther than'} any run of ours ({most:.1f} at most)."
    )


def _better(found: Evidence) -> str:
    """Name the experiments that have more than the published accuracy under alphabetical labels."""
    means = {name: _mean(found.accuracies(name, ALPHABETICAL, "piece").values()) for name in found.experiments}
    better = [f"{name} {percent(mean)}" for name, mean in means.items() if mean > found.published]
    more = f"Other classifiers on our features reach more than is published: {listed(better)}. " if better else ""
    return f"{more}Under either order, the accuracy depends on the features, which the document does not list."


def by_permutation(found: Evidence) -> Statement:
    """Decide whether permuted labels explain the published matrix equally well as alphabetical ones.

    A mean of as many permutations as there are runs of the order is compared, in every choice of so many.
    """
    permuted, known = (found.confusions(HANDCRAFTED, labels, "piece") for labels in (PERMUTED, ALPHABETICAL))
    if not known or len(permuted) < len(known):
        return Statement("permuted labels were not compared", "there are too few runs.")
    matrix, own = found.matrices[HANDCRAFTED], found.confusions(HANDCRAFTED, CORPUS, "piece")
    choices = list(combinations(permuted, len(known)))
    words, evidence = [], []
    for how, errors in (("all cells", False), ("the errors alone", True)):
        of_known = log_ratio(matrix, known, own, errors=errors)
        of_permuted = [log_ratio(matrix, few, own, errors=errors) for few in choices]
        low, high = min(of_permuted), max(of_permuted)
        word = "worse" if high < of_known else "better" if low > of_known else "equally well"
        words.append(f"{word} by {how}")
        ranges = f"{signed(low, 1)} to {signed(high, 1)} for permuted and {signed(of_known, 1)} for alphabetical labels"
        evidence.append(f"{ranges} by {how}")
    not_worse = any(not word.startswith("worse") for word in words)
    return Statement(
        f"randomly permuted labels explain the published matrix {' and '.join(words)}",
        f"the log likelihood ratio to the corpus' own labels is {'; '.join(evidence)} ({len(known)} runs each, in the "
        f"{len(choices)} choices from {len(permuted)} permutations).{ROW_TOTALS * not_worse}",
        against=not_worse,
    )


ROW_TOTALS = (
    " So apart from its row totals, the matrix shows that songs did not have their own labels, but not which order "
    "they had."
)


def control(found: Evidence) -> str:
    """Say how much of the accuracy is left if labels have nothing to do with the music."""
    permuted = {folds: list(found.accuracies(HANDCRAFTED, PERMUTED, folds).values()) for folds in FOLDS}
    if not all(permuted.values()):
        return "Control: not run; there are no runs with permuted labels."
    alphabetical = {folds: found.groups[HANDCRAFTED, ALPHABETICAL, folds] for folds in FOLDS}
    majority = _mean(run.data["baselines"]["majority"]["accuracy"] for run in alphabetical["piece"].runs)
    by_piece, by_song = map(_mean, permuted.values())
    ours, apart = (_mean(group.values("accuracy")) for group in alphabetical.values())
    identified = (by_piece - majority) / (ours - majority)
    return (
        "Control: permuted labels have nothing to do with the music. With single pieces in the folds they still give "
        f"an accuracy of {percent(by_piece)} ({percent(min(permuted['piece']))} to {percent(max(permuted['piece']))}, "
        f"{len(permuted['piece'])} permutations). Alphabetical labels give {percent(ours)}, and the majority-class "
        f"baseline {percent(majority)}. So for {identified:.0%} of its gain over the baseline, the classifier "
        "identifies songs, not emotions. With whole songs in the folds, permuted labels give "
        f"{percent(by_song)} and alphabetical ones {percent(apart)}."
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
