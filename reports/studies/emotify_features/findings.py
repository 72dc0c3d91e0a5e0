"""Findings on the slides on the emotions of music that need the recovered matrices, or the tracks of the corpus."""

from itertools import permutations
from typing import Any

import numpy as np

from common.intervals import newcombe, wilson
from common.published import Published
from reports.audit.finding import Computed, spaced
from reports.audit.matrices import TooManyError, groups_of, recovered, solve
from reports.audit.printed import NotPrintedError, counts, number, value, whole
from reports.studies import by_id
from reports.studies.emotify_features import tracks
from reports.studies.emotify_features.tracks import CORPUS, EQUAL, SOLE_DOUBLE, USUAL, named, orders_that_reach
from reports.wording import listed, percent

HANDCRAFTED, DEEP = "handcrafted-bagged-trees", "deep-cubic-svm"
KEYS = {HANDCRAFTED: "handcrafted", DEEP: "deep"}
"""What the names of a matrix' numbers begin with."""
CLASS_TABLE = "instances-handcrafted"
FAR = 0.25
"""Precision and recall of a class that differ by more than this are not about the same."""


def _matrices(published: Published) -> dict[str, np.ndarray]:
    found = recovered(published)
    if not set(KEYS) <= set(found):
        raise NotPrintedError("matrices with one solution")
    return {name: found[name] for name in KEYS}


def _classified(published: Published) -> dict[str, int]:
    return tracks.classified(published, _matrices(published)[HANDCRAFTED])


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
        hits, totals = int(np.trace(cells)), {"columns": cells.sum(axis=0), "rows": cells.sum(axis=1)}
        numbers |= {f"{KEYS[name]}_{of}": tuple(map(int, sums)) for of, sums in totals.items()}
        numbers[f"{KEYS[name]}_hits"] = hits
        lines = ", ".join(f"{of} {spaced(sums)}" for of, sums in totals.items())
        found.append(f"{name} {lines}, {hits}/{cells.sum()} right")
    words = {"matrices": "; ".join(found), "steps": "; ".join(solved.steps)}
    return len(solved.matrices) == 1, {"solutions": len(solved.matrices), **words, **numbers}


def class_table(published: Published) -> Computed:
    """Compare the published class table with the row totals of the matrices, and with the corpus."""
    found, printed = _classified(published), counts(published, CLASS_TABLE)
    untied = tracks.missing(CORPUS, EQUAL, printed)
    too_many = {name: printed[name] - left for name, left in untied.items() if left < 0}
    return printed == found, {
        "printed": tuple(printed.values()),
        "classified": tuple(found.values()),
        "differences": tuple(printed[name] - found[name] for name in found),
        "orders": len(orders_that_reach(EQUAL, printed | tracks.left_out(published))),
        "untied": tuple(printed[name] - left for name, left in untied.items()),
        "too_few": listed(f"{name} {printed[name]}, but {least} have no tie" for name, least in too_many.items()),
    }


def class_table_votes(published: Published) -> Computed:
    """Ask whether another count of the same votes gives the published class table."""
    rest = tracks.left_out(published)
    printed, found = counts(published, CLASS_TABLE) | rest, _classified(published) | rest
    plain, double = (orders_that_reach(votes, printed) for votes in (EQUAL, SOLE_DOUBLE))
    return bool(plain), {
        "plain": len(plain),
        "double": len(double),
        "names": named(double),
        "classified": len(orders_that_reach(SOLE_DOUBLE, found)),
    }


def track_numbering(published: Published) -> Computed:
    """Ask for which orders of the genres the classified pieces can have their tracks' labels."""
    totals = _classified(published) | tracks.left_out(published)
    reached, tied, unusual = orders_that_reach(EQUAL, totals), tracks.tied(CORPUS, EQUAL), tracks.unusual()
    odd = {name: left for name, left in tracks.missing(CORPUS, EQUAL, totals).items() if left % USUAL}
    return CORPUS in reached, {
        "orders": len(reached),
        "names": named(reached),
        "orders_by_name": len(orders_that_reach(EQUAL, totals, tracks.BY_NAME)),
        "tied": tied["tracks"].sum(),
        "sizes": listed(sorted(tied["pieces"].unique())),
        "odd": listed(f"{name} {left}" for name, left in odd.items()) or "no odd number",
        **{f"odd_{name}": left for name, left in odd.items()},
        "usual": USUAL,
        "unusual": sum(unusual.values()),
        "by_genre": listed(f"{count} of {genre}" for genre, count in unusual.items()),
        "same_start": sum(order[0] == CORPUS[0] for order in permutations(CORPUS)),
        "first": CORPUS[0],
    }


def pieces(published: Published) -> Computed:
    """Count the pieces of all tracks, and those of the emotion that was left out."""
    rows, printed = tracks.whole_corpus(), whole(published, "all-pieces")
    total, amazed = (rows["pieces"] * rows["tracks"]).sum(), whole(published, "amazement-tracks")
    left = tracks.left_out(published)[tracks.LEFT_OUT]
    return bool(total == printed and left == amazed * USUAL), {
        "all": printed,
        "piece": number(published, "piece"),
        "tracks": rows["tracks"].sum(),
        "total": total,
        "classified": published.data.clips or 0,
        "left": left,
        "amazed": amazed,
        "each": left / amazed,
    }


def ties(published: Published) -> Computed:
    """Count the tracks on which no single emotion comes first."""
    tied = tracks.tied(CORPUS, EQUAL)
    return tied.empty, {
        "tied": tied["tracks"].sum(),
        "tracks": tracks.whole_corpus()["tracks"].sum(),
        "tied_pieces": (tied["tracks"] * tied["pieces"]).sum(),
        "pieces": whole(published, "all-pieces"),
    }


def diagonal(published: Published) -> Computed:
    """Compare the diagonals, which are precisions, with the recalls."""
    words: list[str] = []
    numbers: dict[str, float] = {}
    for name, cells in _matrices(published).items():
        precision, recall = (np.diagonal(cells) / cells.sum(axis=axis) for axis in (0, 1))
        apart = [
            f"{label} {percent(one)} and {percent(other)}"
            for label, one, other in zip(published.data.classes, precision, recall, strict=True)
            if abs(one - other) > FAR
        ]
        numbers |= {f"{KEYS[name]}_far": len(apart), f"{KEYS[name]}_mean_recall": float(np.mean(recall))}
        words.append(f"{name}: {listed(apart)}, mean recall {percent(np.mean(recall))}")
    far = sum(numbers[f"{key}_far"] for key in KEYS.values())
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


FINDINGS = by_id(
    *(matrices, class_table, class_table_votes, track_numbering, pieces, diagonal, guessing, two_classes, ties),
)
