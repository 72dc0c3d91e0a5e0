"""Findings on the slides on the emotions of music that need the recovered matrices, or the tracks of the corpus."""

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from common.intervals import newcombe, wilson
from common.published import Published
from reports.audit.finding import Computed, spaced
from reports.audit.matrices import TooManyError, groups_of, recovered, solve
from reports.audit.printed import NotPrintedError, counts, number, value, whole
from reports.studies.emotify_features.tracks import (
    BY_NAME,
    CORPUS,
    EQUAL,
    SOLE_DOUBLE,
    USUAL,
    Tracks,
    missing,
    named,
    orders_that_reach,
    tied,
    whole_corpus,
)
from reports.wording import listed, percent

HANDCRAFTED, DEEP = "handcrafted-bagged-trees", "deep-cubic-svm"
CLASS_TABLE = "instances-handcrafted"
LEFT_OUT = "amazement"
FAR = 0.25
"""Precision and recall of a class that differ by more than this are not about the same."""


def _matrices(published: Published) -> dict[str, np.ndarray]:
    found = recovered(published)
    if not {HANDCRAFTED, DEEP} <= set(found):
        raise NotPrintedError("matrices with one solution")
    return {name: found[name] for name in (HANDCRAFTED, DEEP)}


def _classified(published: Published) -> dict[str, int]:
    """Return the pieces per emotion that were classified: the row totals of the recovered matrix."""
    sums = _matrices(published)[HANDCRAFTED].sum(axis=1)
    return {name: int(total) for name, total in zip(published.data.classes, sums, strict=True)}


def _left_out(published: Published) -> dict[str, int]:
    """Return the pieces of the emotion that was left out."""
    return {LEFT_OUT: whole(published, "all-pieces") - (published.data.clips or 0)}


def matrices(published: Published) -> Computed:
    """Recover both matrices."""
    groups = groups_of(published)
    if not groups:
        raise NotPrintedError("confusion matrices")
    try:
        solved = solve(groups[0])
    except TooManyError:
        return False, {"solutions": "too many to count", "matrices": "", "steps": ""}
    found: list[str] = []
    numbers: dict[str, Any] = {}
    for name, cells in solved.matrices[0].items() if solved.matrices else ():
        key = "handcrafted" if name == HANDCRAFTED else "deep"
        totals = {"columns": cells.sum(axis=0), "rows": cells.sum(axis=1)}
        numbers |= {f"{key}_{of}": tuple(map(int, sums)) for of, sums in totals.items()}
        numbers[f"{key}_hits"] = int(np.trace(cells))
        lines = ", ".join(f"{of} {spaced(sums)}" for of, sums in totals.items())
        found.append(f"{name} {lines}, {np.trace(cells)}/{cells.sum()} right")
    words = {"matrices": "; ".join(found), "steps": "; ".join(solved.steps)}
    return len(solved.matrices) == 1, {"solutions": len(solved.matrices), **words, **numbers}


def class_table(published: Published) -> Computed:
    """Compare the published class table with the row totals of the matrices, and with the corpus."""
    found, printed = _classified(published), counts(published, CLASS_TABLE)
    untied = missing(CORPUS, EQUAL, printed)
    too_many = {name: printed[name] - left for name, left in untied.items() if left < 0}
    return printed == found, {
        "printed": tuple(printed.values()),
        "classified": tuple(found.values()),
        "differences": tuple(printed[name] - found[name] for name in found),
        "orders": len(orders_that_reach(EQUAL, printed | _left_out(published))),
        "too_few": listed(f"{name} {printed[name]}, but {least} have no tie" for name, least in too_many.items()),
    }


def class_table_votes(published: Published) -> Computed:
    """Ask whether another count of the same votes gives the published class table."""
    printed, found = (of | _left_out(published) for of in (counts(published, CLASS_TABLE), _classified(published)))
    plain, double = (orders_that_reach(votes, printed) for votes in (EQUAL, SOLE_DOUBLE))
    return bool(plain), {
        "plain": len(plain),
        "double": len(double),
        "names": named(double),
        "classified": len(orders_that_reach(SOLE_DOUBLE, found)),
    }


def track_numbering(published: Published) -> Computed:
    """Ask for which orders of the genres the classified pieces can have their tracks' labels."""
    totals = _classified(published) | _left_out(published)
    reached, open_tracks = orders_that_reach(EQUAL, totals), tied(CORPUS, EQUAL)
    odd = {name: left for name, left in missing(CORPUS, EQUAL, totals).items() if left % USUAL}
    unusual = {genre: sum(row.tracks for row in _unusual() if row.audio == genre) for genre in CORPUS}
    return CORPUS in reached, {
        "orders": len(reached),
        "names": named(reached),
        "orders_by_name": len(orders_that_reach(EQUAL, totals, BY_NAME)),
        "tied": sum(row.tracks for row in open_tracks),
        "sizes": listed(sorted({row.pieces for row in open_tracks})),
        "odd": listed(f"{name} {left}" for name, left in odd.items()) or "no odd number",
        **{f"odd_{name}": left for name, left in odd.items()},
        "usual": USUAL,
        "unusual": sum(unusual.values()),
        "by_genre": listed(f"{tracks} of {genre}" for genre, tracks in unusual.items()),
        "same_start": sum(order[0] == CORPUS[0] for order in permutations(CORPUS)),
        "first": CORPUS[0],
    }


def _unusual() -> list[Tracks]:
    return [row for row in whole_corpus() if row.pieces != USUAL]


def pieces(published: Published) -> Computed:
    """Count the pieces of all tracks, and those of the emotion that was left out."""
    rows, printed = whole_corpus(), whole(published, "all-pieces")
    total, amazed = sum(row.pieces * row.tracks for row in rows), whole(published, "amazement-tracks")
    left = _left_out(published)[LEFT_OUT]
    return total == printed and left == amazed * USUAL, {
        "all": printed,
        "piece": number(published, "piece"),
        "tracks": sum(row.tracks for row in rows),
        "total": total,
        "classified": published.data.clips or 0,
        "left": left,
        "amazed": amazed,
        "each": left / amazed,
    }


def diagonal(published: Published) -> Computed:
    """Compare the diagonals, which are precisions, with the recalls."""
    words, far = [], 0
    numbers: dict[str, float] = {}
    for name, cells in _matrices(published).items():
        hits, rows, columns = np.diagonal(cells), cells.sum(axis=1), cells.sum(axis=0)
        apart = [
            f"{label} {percent(hit / column)} and {percent(hit / row)}"
            for label, hit, row, column in zip(published.data.classes, hits, rows, columns, strict=True)
            if abs(hit / column - hit / row) > FAR
        ]
        key = "handcrafted" if name == HANDCRAFTED else "deep"
        numbers |= {f"{key}_far": len(apart), f"{key}_mean_recall": float(np.mean(hits / rows))}
        far += len(apart)
        words.append(f"{name}: {listed(apart)}, mean recall {percent(numbers[f'{key}_mean_recall'])}")
    return not far, {"apart": "; ".join(words), "points": 100 * FAR, **numbers}


def guessing(published: Published) -> Computed:
    """Compare the published accuracy of guessing with the share of the largest class."""
    found, printed = _classified(published), number(published, "deep-chance")
    name, largest = max(found.items(), key=lambda pair: pair[1])
    total, deep = sum(found.values()), value(published, DEEP, "accuracy")
    share = largest / total
    return share <= printed / 100, {
        "name": name,
        "largest": largest,
        "total": total,
        "share": share,
        "printed": printed,
        "classes": len(found),
        "gain": deep.low - share,
        "interval": newcombe(deep.low, total, share, total),
    }


def two_classes(published: Published) -> Computed:
    """Ask whether the two largest classes are predicted as often from deep features as they occur."""
    cells = _matrices(published)[DEEP]
    rows, columns, hits = cells.sum(axis=1), cells.sum(axis=0), np.diagonal(cells)
    largest, others = np.split(np.argsort(-rows), [2])
    total, predicted, true = int(cells.sum()), int(columns[largest].sum()), int(rows[largest].sum())
    low, high = wilson(predicted / total, total)
    # The true share is no estimate: it is counted in the same pieces, so only the predictions vary.
    return low <= true / total <= high, {
        "names": " or ".join(published.data.classes[place] for place in largest),
        "predicted": predicted,
        "true": true,
        "total": total,
        "share_predicted": predicted / total,
        "share_true": true / total,
        "others": int(rows[others].sum()),
        "found": int(hits[others].sum()),
        "share_found": float(hits[others].sum() / rows[others].sum()),
    }


def ties(published: Published) -> Computed:
    """Count the tracks on which no single emotion comes first."""
    open_tracks = tied(CORPUS, EQUAL)
    return not open_tracks, {
        "tied": sum(row.tracks for row in open_tracks),
        "tracks": sum(row.tracks for row in whole_corpus()),
        "tied_pieces": sum(row.tracks * row.pieces for row in open_tracks),
        "pieces": whole(published, "all-pieces"),
    }


def disparity(published: Published) -> Computed:
    """Ask whether rare emotions do worse, by precision, which is published, and by recall, which is not."""
    numbers: dict[str, float] = {}
    for name, matrix in _matrices(published).items():
        sizes, hits = matrix.sum(axis=1), np.diagonal(matrix)
        key = "handcrafted" if name == HANDCRAFTED else "deep"
        for score, of in (("precision", matrix.sum(axis=0)), ("recall", sizes)):
            found = spearmanr(sizes, hits / np.maximum(of, 1))  # a class that is never predicted has precision 0
            numbers |= {f"{key}_{score}": float(found.statistic), f"{key}_{score}_p": float(found.pvalue)}
    return numbers["handcrafted_precision"] > 0 and numbers["deep_precision"] > 0, numbers


FINDINGS: Mapping[str, Callable[[Published], Computed]] = {
    "matrices": matrices,
    "class-table": class_table,
    "class-table-votes": class_table_votes,
    "track-numbering": track_numbering,
    "pieces": pieces,
    "diagonal": diagonal,
    "guessing": guessing,
    "two-classes": two_classes,
    "ties": ties,
    "disparity": disparity,
}
