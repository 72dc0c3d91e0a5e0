"""How were the songs of Emotify labelled and divided? Our runs in every way, compared with the published matrices.

The document does not say how labels came to songs, and says that folds were of whole songs. Runs under other labels and
folds are compared with what is published in two respects: the accuracy, and the confusion matrix whose counts the audit
recovers. Given its row totals, which do not depend on features and classifiers, a matrix has a likelihood in each way.
The likelihood of its errors alone does not depend on how good the features are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from common.corpora.emotify import ALL_ORDERS
from common.intervals import mean_interval, wilson
from common.published import Published
from reports.blocks import Block, Cell, Column, Facts, Number, Section, Shown, Table, Words
from reports.columns import count_cell, number_of
from reports.figures import Picture
from reports.figures.sheet import BLUE, ORANGE
from reports.results import Group
from reports.studies.emotify_features.dots_figure import Rows, dots_figure
from reports.studies.emotify_features.evidence import (
    ALPHABETICAL,
    BY_NAME,
    CELLS,
    CORPUS,
    DEEP,
    FEWEST,
    FOLDS,
    HANDCRAFTED,
    KNOWN,
    PERMUTED,
    Evidence,
    compared_with,
    confusions,
    gathered,
    named_labels,
)
from reports.studies.emotify_features.likelihoods import chi_square, expected, likeliest, log_ratio, own_places
from reports.studies.emotify_features.tracks import USUAL, unusual
from reports.wording import MINUS, listed, percent, sentence, signed

PICTURE = "orders"
TITLE = "Likelihood of the published matrix under each order of the genres"
OTHER_NETWORK = "mobilenet-cubic-svm"
NEAR = 2.0
"""Standard deviations of the seeds within which an accuracy counts as one of theirs."""
SONG_WISE = (
    "I dati sono stati precedentemente divisi in cinque fold in modo tale da non avere, in fase di test, alcune "
    "istanze della stessa canzone usate durante la fase di training."
)
"""What the slides say of the folds (section Classificazione delle Emozioni)."""
TRANSLATED = "no pieces of a song used in training are in the test"
STRONGLY, INDICATED, WEAKLY = "strongly indicated", "indicated", "weakly indicated"
number_column = partial(Column, kind="number")


class Statement(NamedTuple):
    """A verdict in a few words, the numbers behind it, how sure it is, and whether it speaks against the other ones."""

    verdict: str
    evidence: str
    sure: str = ""
    against: bool = False


def answer(
    published: Published, groups: Sequence[Group], matrices: Mapping[str, np.ndarray]
) -> tuple[Section, list[Picture]] | None:
    """Return the section and its picture; None if runs or matrices are missing."""
    found = gathered(published, groups, matrices)
    if found is None:
        return None
    picture = Picture(PICTURE, TITLE, None, None, False, partial(draw, found, published.document))
    folded = (replace(table, folded=True) for table in (order_table(found), other_table(found)))
    blocks: tuple[Block, ...] = (*_blocks(found), cell_table(found), Shown(PICTURE, TITLE), *folded)
    title = "How were the songs labelled and divided?"
    return Section("really-done", title, blocks, finding=_finding(found), apart=True), [picture]


def _finding(found: Evidence) -> str:
    """Say what the runs found, what the slides say, and the numbers that decide."""
    verdicts = ", and ".join(one.verdict for one in (on_folds(found), on_own_labels(found)))
    place = list(found.by_all).index(CORPUS) + 1
    by_song = [value for way, group in found.groups.items() if way[2] == "song" for value in group.values("accuracy")]
    return sentence(
        f"for the handcrafted features, {verdicts}. The slides say that no song is in two folds. Divided like that, "
        f"the best of our {len(by_song):,} runs has {percent(max(by_song))}; the slides have "
        f"{percent(found.published)}. Songs are numbered genre by genre, so taking the genres in another order gives "
        f"songs the labels of others. Of the {len(found.orders)} orders, {_placed(place, len(found.orders))}."
    )


def _placed(place: int, of: int) -> str:
    """Say how well the right labels explain the published matrix, beside the others."""
    divided = ", if the folds were of single pieces"
    if place in (1, of):
        return f"the true one fits the published confusion matrix {'best' if place == 1 else 'worst'}{divided}"
    return f"{place - 1} fit the published confusion matrix better than the true one{divided}"


def _blocks(found: Evidence) -> list[Block]:
    """Return what is concluded, how sure it is and what speaks against it, a line each, and folded the evidence."""
    statements = {
        "Folds": on_folds(found),
        "Labels of other songs": on_own_labels(found),
        "Which labels instead": on_order(found),
        "Accuracy": by_accuracy(found),
        "Permuted labels": by_permutation(found),
        "Deep features": by_deep_features(found),
    }
    verdicts = "; ".join(one.verdict for one in statements.values() if not one.against)
    sure = "; ".join(f"{title.lower()}: {one.sure}" for title, one in statements.items() if one.sure)
    slides = f"the slides themselves say that the folds were of whole songs (\N{LEFT DOUBLE QUOTATION MARK}{SONG_WISE}"
    slides += f"\N{RIGHT DOUBLE QUOTATION MARK}: {TRANSLATED})"
    against = "; ".join([slides, *(one.verdict for one in statements.values() if one.against)])
    rows = [(title, one.evidence) for title, one in statements.items()]
    rows += [("Control", control(found)), ("What stays open", _open(found))]
    return [
        Words(f"What: {verdicts}."),
        Words(f"How sure: {sure or 'open'}."),
        Words(f"Against it: {against}."),
        Facts("The evidence for each, in numbers", tuple((title, sentence(words)) for title, words in rows)),
    ]


def _open(found: Evidence) -> str:
    """Say what our runs cannot decide."""
    forms = {group.first["data"]["corpora"]["emotify"]["form"] for group in found.groups.values()} - {"original"}
    return (
        "the document does not list its features and gives no seed, so its run cannot be repeated exactly. Labels that "
        "are in another order, or in none of the genres, may explain the matrices equally well. The pieces of a song "
        "are not independent, so the likelihoods count a song up to four times."
        + f" The corpus here is {listed(sorted(forms))}."
        * bool(forms)
    )


def on_folds(found: Evidence) -> Statement:
    """Decide whether whole songs in the folds can have given the published accuracy."""
    by_song = {way[:2]: group for way, group in found.groups.items() if way[2] == "song"}
    runs = {
        (*way, run.seed): value
        for way, group in by_song.items()
        for run, value in zip(group.runs, group.values("accuracy"), strict=True)
    }
    (experiment, labels, seed), best = max(runs.items(), key=lambda pair: (pair[1], pair[0]))
    low, _ = wilson(found.published, int(found.matrices[HANDCRAFTED].sum()))
    counts = Counter(named_labels(track_ids) for _, track_ids, _ in runs).most_common()
    no = best < low
    return Statement(
        "the folds appear to have been of single pieces, not of whole songs"
        if no
        else "open: whether the folds were of single pieces or of whole songs",
        f"with whole songs in the folds, the best of {len(runs)} runs has {percent(best)} ({experiment}, "
        f"{named_labels(labels)} labels, seed {seed}); the document has {percent(found.published)}. The runs are "
        f"{len(by_song)} combinations of labels, features and classifier: "
        f"{listed(f'{count} under {labels} labels' for labels, count in counts)}.",
        f"{STRONGLY}, for the handcrafted features and all that were tried in their place" if no else "",
    )


def on_own_labels(found: Evidence) -> Statement:
    """Decide whether the songs had the labels of their own listeners."""
    places = [list(ways).index(CORPUS) + 1 for ways in (found.by_all, found.by_errors)]
    ratios = {name: found.ratios(name, ALPHABETICAL) for name in found.experiments}
    other = [name for name, (by_all, _) in ratios.items() if by_all <= 0]
    by_errors = sum(ratio > 0 for _, ratio in ratios.values())
    no = min(places) > len(found.orders) / 2 and CORPUS not in found.reached
    return Statement(
        "the songs appear to have had the labels of other songs"
        if no
        else "open: whether the songs had their own labels",
        f"of {len(found.orders)} orders of the genres, the corpus' own is number {places[0]} by the likelihood of the "
        f"published matrix ({-found.by_all[CORPUS]:.1f} less than the best in natural logarithms), and number "
        f"{places[1]} by its errors alone. {_ratio_of_our_runs(found)} We asked {len(ratios)} combinations of features "
        f"and classifier, MobileNet's with the other published matrix: {len(ratios) - len(other)} find the "
        f"alphabetical order likelier than the corpus' own{f' (not {listed(other)})' if other else ''}, and by the "
        f"errors alone {by_errors}.",
        INDICATED if no else "",
    )


def _ratio_of_our_runs(found: Evidence) -> str:
    """Compare the log likelihood ratio of the two known orders with that of our own runs, each left out, under each."""
    alphabetical, corpus = (confusions(found.groups[HANDCRAFTED, one, "piece"]) for one in (ALPHABETICAL, CORPUS))

    def ratio(matrix: np.ndarray) -> float:
        return log_ratio(matrix, *([run for run in runs if run is not matrix] for runs in (alphabetical, corpus)))

    ours = listed(
        f"{signed(min(map(ratio, runs)), 1)} to {signed(max(map(ratio, runs)), 1)} for our runs under {labels} labels"
        for labels, runs in ((KNOWN[CORPUS], corpus), (KNOWN[ALPHABETICAL], alphabetical))
    )
    return (
        f"The log likelihood ratio of the alphabetical order to the corpus' own, by our runs of {len(alphabetical)} "
        f"seeds, is {signed(ratio(found.matrices[HANDCRAFTED]), 1)} for the published matrix, {ours}."
    )


def on_order(found: Evidence) -> Statement:
    """Decide whose labels the songs had instead, and how sure that is."""
    possible = [order for order in found.by_all if order in found.reached]
    reach = (
        f"{len(possible)} of {len(found.orders)} orders can give the row totals exactly: "
        f"{'; '.join(map(named_labels, possible)) or 'none'}."
    )
    if not possible:
        return Statement("open: whose labels the songs had", reach)
    first, tracks = possible[0], unusual()
    of_genres = listed(f"{count} of {genre}" for genre, count in tracks.items())
    alone = all(found.by_errors[first] >= found.by_errors[order] for order in possible)
    (by_all, low), (by_errors, low_by_errors) = (_place_of(found, first, errors=errors) for errors in (False, True))
    as_low = low and low_by_errors
    likely = " and by the errors alone" if alone else ", but not by the errors alone"
    against = "" if as_low else " None of our runs finds its own order at so low a place, which speaks against it."
    return Statement(
        f"perhaps those of the {named_labels(first)} order" if alone else "open: whose labels they had",
        f"{reach} This rests on the {sum(tracks.values())} tracks that do not have {USUAL} pieces ({of_genres}). Of "
        f"these orders, {named_labels(first)} is the likeliest by all cells{likely}. By all cells it is {by_all}. By "
        f"the errors alone it is {by_errors}.{against}",
        (INDICATED if as_low else WEAKLY) if alone else "",
    )


def _place_of(found: Evidence, order: str, *, errors: bool) -> tuple[str, bool]:
    """Say at which place an order is, and at which places our own runs find theirs; and whether some are as low."""
    ways, own = found.by_errors if errors else found.by_all, own_places(found.orders, errors=errors)
    place, behind = list(ways).index(order) + 1, -ways[order]
    as_low, as_far = sum(one >= place for one, _ in own), sum(one >= behind for _, one in own)
    runs = f"of {len(own)} runs of ours, {sum(one == 1 for one, _ in own)} find their own order first"
    if place == 1:
        return f"number 1 of {len(ways)}; {runs}", True
    return (
        f"number {place} of {len(ways)}, {behind:.1f} less than the best; {runs}, {as_low} at place {place} or lower, "
        f"{as_far} as far behind",
        as_low > 0,
    )


def by_deep_features(found: Evidence) -> Statement:
    """Compare the published accuracy and matrix of the deep features with the network for which there are weights."""
    if OTHER_NETWORK not in found.experiments:
        return Statement("the deep features were not compared", f"there are no runs of {OTHER_NETWORK}.")
    ways = {
        f"{named_labels(labels)} labels with {folds} folds": found.confusions(OTHER_NETWORK, labels, folds)
        for labels, folds in CELLS
    }
    accuracies = {way: _mean(np.trace(run) / run.sum() for run in runs) for way, runs in ways.items()}
    matrix = found.matrices[DEEP]
    published = float(np.trace(matrix) / matrix.sum())
    nearest = min(accuracies, key=lambda way: abs(accuracies[way] - published))
    likely = next(iter(likeliest(matrix, ways)))
    means = "; ".join(f"{way} {percent(mean)}" for way, mean in accuracies.items())
    return Statement(
        f"the published accuracy of the deep features is nearest to ours of another network under {nearest}",
        f"published is {percent(published)}; {OTHER_NETWORK} has, under {means}. Of these four, the published matrix "
        f"is likeliest under {likely}. This is weak evidence: our runs are of another network than Inception-v3.",
        against="piece" not in nearest or KNOWN[CORPUS] in nearest,
    )


def by_accuracy(found: Evidence) -> Statement:
    """Decide which of the two known orders the published accuracy alone allows."""
    apart = {labels: found.apart(labels) for labels in (ALPHABETICAL, CORPUS)}
    near = [labels for labels, distance in apart.items() if abs(distance) <= NEAR]
    if len(near) == 1:
        verdict = f"accuracy alone agrees with {KNOWN[near[0]]} labels only"
    else:
        verdict = f"accuracy alone agrees with {'both' if near else 'neither'} of the two known orders"
    means = " and ".join(
        f"{abs(distance):.1f} standard deviations {'above' if distance > 0 else 'below'} the mean of {len(values)} "
        f"seeds under {KNOWN[labels]} labels ({percent(_mean(values))}, {_range(values)}; "
        f"{sum(value > found.published for value in values)} of {len(values)} seeds are higher)"
        for labels, distance in apart.items()
        for values in [found.groups[HANDCRAFTED, labels, "piece"].values("accuracy")]
    )
    return Statement(
        verdict,
        f"an accuracy agrees if it is within {NEAR:g} standard deviations of our seeds. The published "
        f"{percent(found.published)} is {means}. {_distance(found)} {_better(found)}",
        against=near != [ALPHABETICAL],
    )


def _distance(found: Evidence) -> str:
    """Say whether the published matrix is farther from the mean of ours than our own runs are."""
    distance, own = found.distances(ALPHABETICAL)
    return (
        f"The published matrix is at a distance of {distance:.1f} from the mean of ours under alphabetical labels, "
        f"{'farther than' if distance > max(own) else 'no farther than'} any run of ours ({max(own):.1f} at most)."
    )


def _better(found: Evidence) -> str:
    """Name the experiments that have more than the published accuracy under alphabetical labels."""
    means = {name: _mean(found.accuracies(name, ALPHABETICAL).values()) for name in found.experiments}
    better = [f"{name} {percent(mean)}" for name, mean in means.items() if mean > found.published]
    more = f"Other classifiers on our features reach more than is published: {listed(better)}. " if better else ""
    return f"{more}Under either order, the accuracy depends on the features, which the document does not list."


def by_permutation(found: Evidence) -> Statement:
    """Decide whether permuted labels explain the published matrix equally well as alphabetical ones.

    A mean of as many permutations as there are runs of the order is compared, in every choice of so many.
    """
    permuted, known, own = (found.confusions(HANDCRAFTED, labels) for labels in (PERMUTED, ALPHABETICAL, CORPUS))
    if not known or len(permuted) < len(known):
        return Statement("permuted labels were not compared", "there are too few runs.")
    choices = list(combinations(permuted, len(known)))
    words, evidence = [], []
    for how, errors in (("all cells", False), ("the errors alone", True)):
        ratio = partial(log_ratio, found.matrices[HANDCRAFTED], other=own, errors=errors)
        of_known, of_permuted = ratio(known), [ratio(few) for few in choices]
        low, high = min(of_permuted), max(of_permuted)
        word = "worse" if high < of_known else "better" if low > of_known else "about equally well"
        words.append(f"{word} by {how}")
        ranges = f"{signed(low, 1)} to {signed(high, 1)} for permuted and {signed(of_known, 1)} for alphabetical labels"
        evidence.append(f"{ranges} by {how}")
    not_worse = any(not word.startswith("worse") for word in words)
    so = (
        " So apart from its row totals, the matrix indicates that songs did not have their own labels, but not which "
        "order they had."
    )
    return Statement(
        f"randomly permuted labels explain the published matrix {' and '.join(words)}",
        f"the log likelihood ratio to the corpus' own labels is {'; '.join(evidence)} ({len(known)} runs each, in the "
        f"{len(choices)} choices from {len(permuted)} permutations).{so * not_worse}",
        against=not_worse,
    )


def control(found: Evidence) -> str:
    """Say how much of the accuracy is left if labels have nothing to do with the music."""
    by_piece, by_song = (list(found.accuracies(HANDCRAFTED, PERMUTED, folds).values()) for folds in FOLDS)
    if len(by_piece) < FEWEST or not by_song:
        return "not run; there are too few runs with permuted labels."
    majority = _mean(
        run.data["baselines"]["majority"]["accuracy"] for run in found.groups[HANDCRAFTED, ALPHABETICAL, "piece"].runs
    )
    ours = {cell: _mean(found.groups[HANDCRAFTED, *cell].values("accuracy")) for cell in CELLS}
    gains = listed(
        f"{_gain(by_piece, ours[labels, 'piece'], majority)} of the gain of {KNOWN[labels]} labels "
        f"({percent(ours[labels, 'piece'])})"
        for labels in (ALPHABETICAL, CORPUS)
    )
    return (
        "permuted labels have nothing to do with the music. With single pieces in the folds they still give an "
        f"accuracy of {percent(_mean(by_piece))} ({_range(by_piece)}, {len(by_piece)} permutations); the "
        f"majority-class baseline has {percent(majority)}. Over the baseline, that is {gains}. So much of its gain the "
        "classifier can have by identifying songs, not emotions. With whole songs in the folds, permuted labels give "
        f"{percent(_mean(by_song))}, alphabetical ones {percent(ours[ALPHABETICAL, 'song'])}, and the corpus' own "
        f"{percent(ours[CORPUS, 'song'])}."
    )


def _gain(permuted: Sequence[float], ours: float, majority: float) -> str:
    """Return which share permuted labels have of a gain over the baseline, on average and with its interval."""
    shares = [(accuracy - majority) / (ours - majority) for accuracy in permuted]
    low, high = (percent(end, 0) for end in mean_interval(shares))
    return f"{percent(_mean(shares), 0)} (95 % CI over permutations {low} to {high})"


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _range(values: Sequence[float]) -> str:
    return f"{percent(min(values))} to {percent(max(values))}"


def _table(name: str, caption: str, rows: Sequence[Mapping[Column, Cell]], note: str) -> Table:
    """Return a table of rows that name their columns."""
    cells = tuple(tuple(row.values()) for row in rows)
    return Table(f"really-done-{name}", caption, tuple(rows[0]), cells, notes=(note,))


def cell_table(found: Evidence) -> Table:
    """Return accuracy and distance to the published matrix under both known orders and both kinds of folds."""
    rows: list[Mapping[Column, Cell]] = []
    for labels, folds in CELLS:
        group = found.groups[HANDCRAFTED, labels, folds]
        values, apart = group.values("accuracy"), found.apart(labels, folds)
        distance, own = found.distances(labels, folds)
        rows.append(
            {
                Column("Labels"): KNOWN[labels],
                Column("Folds of"): folds,
                number_column("Accuracy (%)"): _mean_share(dict(zip(group.seeds, values, strict=True))),
                number_column("Lowest"): _share(min(values)),
                number_column("Highest"): _share(max(values)),
                number_column(f"Published {MINUS} mean (std of seeds)"): Number(signed(apart, 1), apart),
                Column("Seeds that reach the published accuracy"): (
                    f"{sum(value >= found.published for value in values)} of {len(values)}"
                ),
                number_column("Distance to the published matrix"): _one_decimal(distance),
                number_column("Distance of our runs, mean"): _one_decimal(float(np.mean(own))),
                number_column("Distance of our runs, largest"): _one_decimal(max(own)),
            }
        )
    return _table(
        "cells",
        f"Both orders and both kinds of folds, {HANDCRAFTED}: accuracy and matrix, published and ours",
        rows,
        "Distance: Pearson's chi square of a matrix' counts from the mean of our runs, given the row totals. Each run "
        "of ours is compared with the mean of the others.",
    )


def order_table(found: Evidence) -> Table:
    """Return how likely the published matrix is under every order of the genres, the likeliest first."""
    rows: list[Mapping[Column, Cell]] = [
        {
            Column("Order of the genres"): " ".join(ALL_ORDERS[order]),
            Column("Name"): KNOWN.get(order, ""),
            Column("Can give the row totals"): "yes" if order in found.reached else "no",
            number_column("Accuracy (%)"): _share(float(np.mean([np.trace(run) / run.sum() for run in runs]))),
            number_column("Log likelihood, all cells"): _one_decimal(likelihood),
            number_column("Log likelihood, errors alone"): _one_decimal(found.by_errors[order]),
            number_column("Distance"): _one_decimal(chi_square(found.matrices[HANDCRAFTED], expected(runs))),
        }
        for order, likelihood in found.by_all.items()
        for runs in [found.orders[order]]
    ]
    seeds = len(next(iter(found.orders.values())))
    alike = found.by_all[ALPHABETICAL] - found.by_all[CORPUS]
    in_other_table, _ = found.ratios(HANDCRAFTED, ALPHABETICAL)
    return _table(
        "orders",
        "The published matrix of the handcrafted features under every order of the genres",
        rows,
        f"Single pieces in the folds, {seeds} seeds per order. Likelihoods are differences to the best order. Few runs "
        "say little about rare answers, so each mean matrix has the mean of all orders averaged in as one more run. "
        "Other features were run under two orders only and have no such mean: the same runs give the alphabetical "
        f"order {signed(alike, 1)} to the corpus' own here, and {signed(in_other_table, 1)} in the next table.",
    )


def other_table(found: Evidence) -> Table:
    """Return the results of other features, classifiers and labels.

    Labels in neither order have their accuracies in the columns of the alphabetical one.
    """
    rows = [_other_row(found, name, name, ALPHABETICAL) for name in found.experiments]
    for labels in (*(f"{order}{BY_NAME}" for order in KNOWN), PERMUTED):
        if (HANDCRAFTED, labels, "piece") in found.groups:
            rows.append(_other_row(found, f"{HANDCRAFTED}, {named_labels(labels)}", HANDCRAFTED, labels))
    return _table(
        "others",
        "Other features, classifiers and labels",
        rows,
        "The log likelihood ratio is that of the published matrix, with single pieces in the folds: above 0, it is "
        "likelier under the alphabetical order than under the corpus' own. In the last rows, the labels named take the "
        "place of the alphabetical order.",
    )


def _other_row(found: Evidence, title: str, experiment: str, first: str) -> dict[Column, Cell]:
    accuracies = [found.accuracies(experiment, first, folds) for folds in FOLDS]
    own = [found.accuracies(experiment, CORPUS, folds) if first == ALPHABETICAL else {} for folds in FOLDS]
    ratios = zip(("all cells", "errors alone"), found.ratios(experiment, first), strict=True)
    return {
        Column("Features and classifier, or labels"): title,
        Column("Compared with the matrix of", kind="code"): compared_with(experiment),
        **{
            number_column("Seeds", f"{folds} folds"): count_cell(len(seeds)) if seeds else None
            for folds, seeds in zip(FOLDS, accuracies, strict=True)
        },
        **{
            number_column("Accuracy (%)", f"{KNOWN[labels]}, {folds}"): _mean_share(seeds)
            for (labels, folds), seeds in zip(CELLS, [*accuracies, *own], strict=True)
        },
        **{
            number_column("Log likelihood ratio to the corpus' own labels", cells): Number(signed(ratio, 1), ratio)
            for cells, ratio in ratios
        },
    }


def _mean_share(values: Mapping[int, float]) -> Cell:
    """Return the mean of several seeds, with their standard deviation."""
    return number_of(values, lambda share: f"{100 * share:.1f}", None) if values else None


def _share(value: float) -> Number:
    return Number(f"{100 * value:.1f}", value)


def _one_decimal(value: float) -> Number:
    return Number(f"{value:.1f}".replace("-", MINUS), value)


def draw(found: Evidence, document: str) -> Figure:
    """Draw the likelihood of the published matrix under every order of the genres, in the order of the table."""
    rows: Rows = {
        _labelled(order, found): [(likelihood, None), (found.by_errors[order], None)]
        for order, likelihood in found.by_all.items()
    }
    return dots_figure(
        {"": rows},
        {"all cells": (BLUE, "o"), "errors alone": (ORANGE, "D")},
        "log likelihood, difference to the best order",
        "The published confusion matrix under each order of the genres",
        [
            f"Published: {document}; * can give the row totals exactly",
            "Ours: mean matrices of our runs, single pieces in the folds",
        ],
    )


def _labelled(order: str, found: Evidence) -> str:
    known = f" ({KNOWN[order]})" if order in KNOWN else ""
    return f"{' '.join(ALL_ORDERS[order])}{known}{' *' * (order in found.reached)}"
