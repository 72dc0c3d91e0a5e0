"""What the slides on the emotions of music show beside what they say; see `emotify_tracks` for the corpus."""

from collections.abc import Callable, Mapping
from itertools import permutations

import numpy as np
from scipy.stats import spearmanr

from common.intervals import newcombe, wilson
from common.published import Published
from reports.audit.finding import Verdict, between, chance, digits, listed, percent, signed, spaced
from reports.audit.matrices import TooManyError, groups_of, recovered, solve
from reports.audit.printed import NotPrintedError, counts, number, value, whole, written
from reports.studies.emotify_features.tracks import (
    BY_NAME,
    CORPUS,
    EQUAL,
    SOLE_DOUBLE,
    USUAL,
    missing,
    named,
    orders_that_reach,
    tied,
    whole_corpus,
)

HANDCRAFTED, DEEP = "handcrafted-bagged-trees", "deep-cubic-svm"
CLASS_TABLE = "instances-handcrafted"
LEFT_OUT = "amazement"
FAR = 0.25
"""Shares further apart than this are not about the same."""


def _matrices(published: Published) -> dict[str, np.ndarray]:
    found = recovered(published)
    if not {HANDCRAFTED, DEEP} <= set(found):
        raise NotPrintedError("matrices with one solution")
    return found


def _classified(published: Published) -> dict[str, int]:
    """Return the pieces per emotion that were classified: the row totals of the recovered matrix."""
    sums = _matrices(published)[HANDCRAFTED].sum(axis=1)
    return {name: int(total) for name, total in zip(published.data.classes, sums, strict=True)}


def _left_out(published: Published) -> dict[str, int]:
    """Return the pieces of the emotion that was left out."""
    return {LEFT_OUT: whole(published, "all-pieces") - (published.data.clips or 0)}


def matrices(published: Published) -> Verdict:
    """Recover both matrices."""
    groups = groups_of(published)
    if not groups:
        raise NotPrintedError("confusion matrices")
    claim = "the printed percentages have one integer solution"
    try:
        solved = solve(groups[0])
    except TooManyError:
        return False, claim, "more combinations than can be gone through"
    told = []
    for name, cells in solved.matrices[0].items() if solved.matrices else ():
        right = f"{np.trace(cells)}/{cells.sum()} right"
        told.append(f"{name} columns {spaced(cells.sum(axis=0))}, rows {spaced(cells.sum(axis=1))}, {right}")
    evidence = "; ".join([f"solutions: {len(solved.matrices)}", *told, "candidates left", *solved.steps])
    return len(solved.matrices) == 1, claim, evidence


def class_table(published: Published) -> Verdict:
    """Hold the printed table of instances against the row totals of the matrices, and against the corpus."""
    found, printed = _classified(published), counts(published, CLASS_TABLE)
    apart = [printed[name] - found[name] for name in found]
    reached = orders_that_reach(EQUAL, printed | _left_out(published))
    over = {name: printed[name] - more for name, more in missing(CORPUS, EQUAL, printed).items() if more < 0}
    told = [f"{name} {printed[name]} but {untied} pieces without a tie" for name, untied in over.items()]
    evidence = (
        f"printed {spaced(printed.values())}, classified {spaced(found.values())}, apart by {spaced(apart)}; "
        f"{len(reached)} of 24 orders of the genres can give the printed table if a track has the emotion that most "
        f"listeners chose: {listed(told)}"
    )
    return printed == found, "the class table is that of the classified pieces", evidence


def class_table_votes(published: Published) -> Verdict:
    """Ask whether another count of the same votes gives the printed table of instances."""
    printed, found = (of | _left_out(published) for of in (counts(published, CLASS_TABLE), _classified(published)))
    plain, double = (orders_that_reach(votes, printed) for votes in (EQUAL, SOLE_DOUBLE))
    other = orders_that_reach(SOLE_DOUBLE, found)
    evidence = (
        f"each choice counting one, {len(plain)} of 24 orders of the genres can give the table; a listener's only "
        f"choice counting double, {len(double)} give it exactly ({named(double)}) and {len(other)} the classified "
        "pieces. Indicated: the table was made with other weights than the labels"
    )
    return bool(plain), "the class table counts the emotion that most listeners chose", evidence


def track_numbering(published: Published) -> Verdict:
    """Ask for which orders of the genres the classified pieces can carry their tracks' labels."""
    totals = _classified(published) | _left_out(published)
    reached, open_tracks = orders_that_reach(EQUAL, totals), tied(CORPUS, EQUAL)
    by_name = orders_that_reach(EQUAL, totals, BY_NAME)
    odd = [f"{name} {more}" for name, more in missing(CORPUS, EQUAL, totals).items() if more % USUAL]
    unusual = [row for row in whole_corpus() if row.pieces != USUAL]
    others = [f"{sum(row.tracks for row in unusual if row.audio == genre)} of {genre}" for genre in CORPUS]
    begin = sum(order[0] == CORPUS[0] for order in permutations(CORPUS))
    evidence = (
        f"{len(reached)} of 24 orders of the genres reach the row totals exactly: {named(reached)}; with folders "
        f"listed by name (1, 10, 100, 11), {len(by_name)}; in the corpus' own "
        f"{sum(row.tracks for row in open_tracks)} tracks are tied, of "
        f"{spaced(sorted({row.pieces for row in open_tracks}))} pieces each, and must give {listed(odd)}, which "
        f"{USUAL} does not divide. Indicated, not proven: tracks without {USUAL} pieces are {listed(others)}, so "
        f"among the {begin} orders that begin with {CORPUS[0]} a single track decides"
    )
    return CORPUS in reached, "labels belong to their tracks", evidence


def pieces(published: Published) -> Verdict:
    """Count the pieces of all tracks, and those of the emotion that was left out."""
    rows, printed = whole_corpus(), whole(published, "all-pieces")
    total, tracks = sum(row.pieces * row.tracks for row in rows), sum(row.tracks for row in rows)
    amazed, (left,) = whole(published, "amazement-tracks"), _left_out(published).values()
    evidence = (
        f"floor(duration / {digits(number(published, 'piece'))} s) over {tracks} tracks is {total}, printed {printed}; "
        f"{printed} - {published.data.clips} = {left} = {amazed} tracks of {digits(left / amazed)} pieces"
    )
    return total == printed and left == amazed * USUAL, f"{printed} pieces", evidence


def diagonal(published: Published) -> Verdict:
    """Compare the diagonals, which are of the predicted classes, with the share of each class that is found."""
    told, far = [], 0
    for name, cells in _matrices(published).items():
        hits, rows, columns = np.diagonal(cells), cells.sum(axis=1), cells.sum(axis=0)
        apart = [
            f"{label} {percent(hit / column)} of {column} predictions but {percent(hit / row)} of {row} pieces"
            for label, hit, row, column in zip(published.data.classes, hits, rows, columns, strict=True)
            if abs(hit / column - hit / row) > FAR
        ]
        far += len(apart)
        told.append(f"{name}: {listed(apart)}; mean of the classes found {percent(float(np.mean(hits / rows)))}")
    return not far, "the diagonal says how much of each class is found", "; ".join(told)


def guessing(published: Published) -> Verdict:
    """Hold the printed accuracy of guessing against the share of the commonest class."""
    found, printed = _classified(published), number(published, "deep-chance")
    name, commonest = max(found.items(), key=lambda pair: pair[1])
    total, deep = sum(found.values()), value(published, DEEP, "accuracy")
    share = commonest / total
    interval = newcombe(deep.low, total, share, total)
    evidence = (
        f"always {name} is right in {commonest}/{total} = {percent(share)}, printed {digits(printed)} % = "
        f"1/{len(found)}; deep features gain {signed(deep.low - share)} over it, 95 % {between(interval)}"
    )
    claim = f"no answer without listening does better than {written(published, 'deep-chance')} %"
    return share <= printed / 100, claim, evidence


def two_classes(published: Published) -> Verdict:
    """Ask whether the deep features' answers are spread as the classes are."""
    cells = _matrices(published)[DEEP]
    rows, columns, hits = cells.sum(axis=1), cells.sum(axis=0), np.diagonal(cells)
    commonest, others = np.split(np.argsort(-rows), [2])
    total, answers, truths = int(cells.sum()), int(columns[commonest].sum()), int(rows[commonest].sum())
    low, high = wilson(answers / total, total)
    evidence = (
        f"{answers}/{total} = {percent(answers / total)} of its answers are "
        f"{' or '.join(published.data.classes[place] for place in commonest)}, which {truths}/{total} = "
        f"{percent(truths / total)} of the pieces are; of the {rows[others].sum()} others {hits[others].sum()} are "
        f"found, {percent(hits[others].sum() / rows[others].sum())}"
    )
    return low <= truths / total <= high, "deep features answer with each class as often as it occurs", evidence


def songs(published: Published) -> Verdict:
    """Ask whether the lead of handcrafted features stands if the pieces of a song count as one answer."""
    one, other = value(published, HANDCRAFTED, "accuracy"), value(published, DEEP, "accuracy")
    n = whole(published, "tracks") - whole(published, "amazement-tracks")
    interval = newcombe(one.low, n, other.high, n)
    evidence = (
        f"{one} against {other}: {signed(one.low - other.high)}, 95 % {between(interval)} with {n} tracks in place of "
        f"{one.printed.n} pieces"
    )
    return interval[0] > 0, "handcrafted features do better than deep ones even if a song counts once", evidence


def minutes(published: Published) -> Verdict:
    """Count the pieces of tracks that last a minute."""
    tracks, piece = whole(published, "tracks"), whole(published, "piece")
    pieces_, minute = whole(published, "all-pieces"), 60
    expected = tracks * (minute // piece)
    odd = [row for row in whole_corpus() if row.pieces != USUAL]
    evidence = (
        f"{tracks} tracks of {minute} s are {expected} pieces of {piece} s, printed {pieces_}; in the corpus "
        f"{sum(row.tracks for row in odd)} tracks have another number than {USUAL}"
    )
    return pieces_ == expected, "a track lasts one minute (Emotify)", evidence


def one_emotion(published: Published) -> Verdict:
    """Count the tracks on which no single emotion comes first."""
    open_tracks, all_tracks = tied(CORPUS, EQUAL), whole_corpus()
    tracks, of_all = sum(row.tracks for row in open_tracks), sum(row.tracks for row in all_tracks)
    pieces_ = sum(row.tracks * row.pieces for row in open_tracks)
    evidence = (
        f"on {tracks} of {of_all} tracks several emotions come first, {pieces_} of {whole(published, 'all-pieces')} "
        "pieces; what was done about them is not told"
    )
    return not tracks, "each piece has one dominant emotion (Elaborazione dei Dati)", evidence


def disparity(published: Published) -> Verdict:
    """Ask whether rare emotions fare worse, by what is printed and by what it hides."""
    told, holds = [], True
    for name, matrix in _matrices(published).items():
        sizes, hits = matrix.sum(axis=1), np.diagonal(matrix)
        by_predicted, by_pieces = (spearmanr(sizes, hits / np.maximum(of, 1)) for of in (matrix.sum(axis=0), sizes))
        holds = holds and bool(by_predicted.statistic > 0)
        told.append(
            f"{name}: the printed share of the predictions goes with the size of a class by rank correlation "
            f"{signed(by_predicted.statistic)} (p {chance(by_predicted.pvalue)}), the share of its pieces that is "
            f"found by {signed(by_pieces.statistic)} (p {chance(by_pieces.pvalue)})"
        )
    return (
        holds,
        "by the printed diagonals rare emotions fare worse (the disparity of the classes, Conclusioni)",
        "; ".join(told),
    )


FINDINGS: Mapping[str, Callable[[Published], Verdict]] = {
    "emotify-matrices": matrices,
    "emotify-class-table": class_table,
    "emotify-class-table-votes": class_table_votes,
    "emotify-track-numbering": track_numbering,
    "emotify-pieces": pieces,
    "emotify-diagonal": diagonal,
    "emotify-guessing": guessing,
    "emotify-two-classes": two_classes,
    "emotify-songs": songs,
    "emotify-minutes": minutes,
    "emotify-ties": one_emotion,
    "emotify-disparity": disparity,
}
