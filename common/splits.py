"""Splits into training, validation and test clips, and the audit of leaks between them.

A split consists of index arrays into the manifest. Functions take fractions as arguments; the fractions of a document
are in the document's module.

Clips with several tags are stratified by iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011, On the
stratification of multi-label data, ECML PKDD): the clips of the rarest tag are divided first.
"""

import math
import re
import warnings
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired

import numpy as np
import pandas as pd
from typing_extensions import TypedDict  # pydantic, which checks records, asks for this one before Python 3.12

from common.errors import InputError

SETS = ("train", "validation", "test")
PAIRS = (("train", "test"), ("validation", "test"), ("train", "validation"))
"""The pairs of sets, those first whose sharing makes a test score worth less."""
SPEAKER_AND_GROUP = {"speaker": "speaker", "group": "group"}
"""The columns of the manifest that the leak audit compares by default, with the word for one value."""
TESTED_TWICE = "the test clips validate too"
"""What the check `selection` of the leak audit says of clips that are in both sets."""
NUMBER = re.compile(r"\d+")
RAVDESS = "ravdess"
"""The only corpus whose speaker numbers give the sex (odd: male), so that its folds can be balanced."""


@dataclass(frozen=True)
class Split:
    """Rows of the manifest in each set, as integer arrays; sorted, unless they were `shuffled`."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def sets(self) -> dict[str, np.ndarray]:
        """Return the three index arrays by name, in the order train, validation, test."""
        return {name: getattr(self, name) for name in SETS}

    def shuffled(self, *, seed: int) -> "Split":
        """Return the same sets in random order, for models whose predictions depend on the batch of a clip."""
        draw = np.random.default_rng(seed)
        return Split(*(draw.permutation(rows) for rows in self.sets().values()))

    def frame(self, names: Sequence[str], *, fold: int = 0) -> pd.DataFrame:
        """Return the rows of `split.csv`, with columns name, fold, set.

        Args:
            names: the manifest's `name` column, one per clip.
            fold: number of this fold.
        """
        column = np.asarray(names, dtype=object)
        parts = [pd.DataFrame({"name": column[rows], "fold": fold, "set": name}) for name, rows in self.sets().items()]
        return pd.concat(parts, ignore_index=True)


class Leak(TypedDict):
    """One line of the leak audit, as it is stored in the record.

    `clean` is false, too, if nothing was found but the value of some clips is `unknown`. `worst` is the place in
    `PAIRS` of the worst pair of sets that share something, if any does. Records of earlier versions have neither.
    """

    check: str
    clean: bool
    detail: str
    unknown: NotRequired[bool]
    worst: NotRequired[int]


def stratified_split(
    labels: Sequence[str] | np.ndarray | pd.Series, *, test: float, validation: float, seed: int
) -> Split:
    """Hold out a test set, then a validation set from the remaining clips, both stratified (see `hold_out`).

    Args:
        labels: one label per clip (clips,), or 0 and 1 for each tag (clips, tags).
        test: fraction of all clips in the test set.
        validation: fraction of the *remaining* clips in the validation set; 0.1 and 1/9 make 80/10/10.
        seed: of the split.

    Raises:
        InputError: there are too few clips, or a class has a single one.
    """
    strata = _strata(labels)
    rest, tested = _hold_out(np.arange(len(strata)), test, seed, strata)
    trained, validated = _hold_out(rest, validation, seed, strata)
    return _sorted_split(trained, validated, tested)


def hold_out(
    labels: Sequence[str] | np.ndarray | pd.Series, *, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Divide clips into two stratified parts, for corpora whose test set is published.

    The size of the held-out part is `ceil(fraction * clips)`, or the number of classes if that is larger, because a
    small part would otherwise lack classes. With one label per clip the size is exact, but a class may still be
    missing if it is much smaller than its part: 2 of 22 clips have less than a half of 3 that are held out
    (`common.runs.remarks` says so). With several tags, iterative stratification prefers the proportions of the tags to
    the size, for which it has no bound; a tag may be missing if all its clips have rarer tags too.

    Args:
        labels: one label per clip (clips,), or 0 and 1 for each tag (clips, tags).
        fraction: fraction of the clips that is held out.
        seed: of the split.

    Returns:
        The remaining and the held-out clips, as sorted integer arrays.

    Raises:
        InputError: there are too few clips, or a class has a single one.
    """
    strata = _strata(labels)
    rest, held = _hold_out(np.arange(len(strata)), fraction, seed, strata)
    return np.sort(rest), np.sort(held)


def random_split(clips: int, *, test: float, validation: float, seed: int) -> Split:
    """Hold out a test set, then a validation set from the remaining clips, at random.

    Args:
        clips: their number.
        test: fraction of all clips in the test set.
        validation: fraction of the *remaining* clips in the validation set.
        seed: of the split.

    Raises:
        InputError: there are too few clips.
    """
    rest, tested = _hold_out(np.arange(clips), test, seed, None)
    trained, validated = _hold_out(rest, validation, seed, None)
    return _sorted_split(trained, validated, tested)


def halved_split(
    labels: Sequence[str] | np.ndarray | pd.Series, *, held_out: float, seed: int, stratified: bool = True
) -> Split:
    """Hold out a fraction and halve it into validation and test set; an odd clip goes to the test set.

    Args:
        labels: one label per clip (clips,), or 0 and 1 for each tag (clips, tags): then halves are equal in tags, and
            only approximately in clips.
        held_out: fraction of all clips in validation and test set together.
        seed: of the split.
        stratified: whether all sets have the same class proportions.

    Raises:
        InputError: there are too few clips, or a class has a single one.
    """
    strata = _strata(labels) if stratified else None
    trained, held = _hold_out(np.arange(len(labels)), held_out, seed, strata)
    validated, tested = _hold_out(held, 0.5, seed, strata)
    return _sorted_split(trained, validated, tested)


def _strata(labels: Sequence[str] | np.ndarray | pd.Series) -> np.ndarray:
    """Return labels as an array (clips,), or 0 and 1 (clips, tags) for several tags: one tag has two classes."""
    strata = np.asarray(labels)
    return strata[:, 0] if strata.shape[1:] == (1,) else strata


def _hold_out(rows: np.ndarray, fraction: float, seed: int, every: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Divide rows into the rest and the held-out ones; `hold_out` says how many.

    Args:
        rows: rows of the manifest.
        fraction: of these rows.
        seed: of the split.
        every: the strata of all clips of the manifest; None: rows are held out at random.
    """
    # Here and not above: scikit-learn takes seconds to import, and most commands split nothing.
    from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit
    from sklearn.model_selection import train_test_split

    strata = None if every is None else every[rows]
    sizes = np.array([], int) if strata is None else _clips_per_class(strata)
    # Rounded up as in scikit-learn; at least one per class, which small demo corpora would fall below.
    held_out = max(math.ceil(fraction * len(rows)), len(sizes))
    try:
        if strata is not None and strata.ndim == 2:
            splitter = MultilabelStratifiedShuffleSplit(n_splits=1, test_size=held_out, random_state=seed)
            rest, held = (rows[places] for places in next(splitter.split(strata, strata)))
        else:
            rest, held = train_test_split(rows, test_size=held_out, random_state=seed, stratify=strata)
    except ValueError as error:
        # Of all clips, not of those that an earlier division left: these are the numbers that the user knows.
        clips, rarest = len(rows), ""
        if every is not None:
            clips, rarest = len(every), f"; the rarest class has {_clips_per_class(every).min()}"
        raise InputError(
            f"{clips} clips are too few to be divided into sets that all have every class{rarest}. Use more clips of "
            "each class."
        ) from error
    return rest, held


def _clips_per_class(strata: np.ndarray) -> np.ndarray:
    """Return the number of clips of each class, or of each tag that a clip has."""
    if strata.ndim == 2:
        counts = np.count_nonzero(strata, axis=0)
        return counts[counts > 0]
    return np.unique(strata, return_counts=True)[1]


def _sorted_split(trained: np.ndarray, validated: np.ndarray, tested: np.ndarray) -> Split:
    return Split(np.sort(trained), np.sort(validated), np.sort(tested))


def stratified_folds(
    labels: Sequence[str] | np.ndarray | pd.Series,
    *,
    folds: int,
    seed: int,
    groups: Sequence[str] | np.ndarray | pd.Series | None = None,
) -> list[Split]:
    """Stratified (group) k-fold split without validation sets: each clip is in the test set of one fold.

    Every fold has the class proportions of the whole, as far as class sizes and groups allow.

    Args:
        labels: one label per clip (clips,), or, without groups, 0 and 1 for each tag (clips, tags).
        folds: number of folds.
        seed: of the split.
        groups: one value per clip; clips of one group are on one side of every fold. None: no groups.

    Raises:
        InputError: no class has as many clips as there are folds, there are fewer groups than folds, or clips with
            several tags have groups.
    """
    from iterstrat.ml_stratifiers import MultilabelStratifiedKFold
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    strata, rows = _strata(labels), np.arange(len(labels))
    tagged = strata.ndim == 2
    if tagged and groups is not None:
        raise InputError(
            f"Clips with {strata.shape[1]} tags cannot be divided by groups and tags at once. Use `grouped_folds`, "
            "which does not stratify."
        )
    if tagged and len(rows) < folds:
        raise InputError(f"{len(rows)} clips are too few for {folds} stratified folds. Use more clips of each tag.")
    one_label = StratifiedKFold if groups is None else StratifiedGroupKFold
    kind = MultilabelStratifiedKFold if tagged else one_label
    # Not shuffled, folds would follow the order of the manifest: one would have mostly one corpus.
    splitter = kind(folds, shuffle=True, random_state=seed)
    if groups is not None and len(set(groups)) < folds:
        raise InputError(f"{len(set(groups))} groups are too few for {folds} folds. Use more recordings.")
    try:
        with warnings.catch_warnings():
            # A class with fewer clips than folds is missing from some test sets; that is accepted.
            warnings.filterwarnings("ignore", "The least populated class")
            pairs = list(splitter.split(rows, strata, groups))
    except ValueError as error:
        raise InputError(
            f"{len(rows)} clips are too few for {folds} stratified folds. Use more clips of each class."
        ) from error
    return [Split(trained, np.array([], int), tested) for trained, tested in pairs]


def grouped_folds(manifest: pd.DataFrame, *, folds: int = 6, seed: int, by: str = "speaker") -> list[Split]:
    """Speaker-disjoint folds, or folds that are disjoint in another column: each clip is tested once.

    RAVDESS gives 6 folds of 4 actors (2 of each sex), SAVEE alone 4 folds of one speaker, TESS alone 2. The validation
    set of fold f consists of the speakers of fold f + 1. With two folds no other speakers are left for validation: then
    it is a stratified ninth of the training speakers' clips, and the leak audit reports it. The order of the rows does
    not matter. Folds have equally many groups; labels are not considered, so clips may have several tags.

    Args:
        manifest: one row per clip with `corpus`, `by` and, for two folds, `label` (one per clip) and `name`.
        folds: at most this many, and not more than the largest corpus has speakers.
        seed: of the assignment of speakers to folds.
        by: the column whose values are on one side of every fold: "speaker", "group" (source recordings, songs) or
            the folds that a corpus publishes.

    Raises:
        InputError: the speaker or group of a clip is unknown (""), or there are fewer than two.
    """
    values = manifest[by].astype(str)
    if "" in set(values):
        raise InputError(
            f"{int((values == '').sum())} of {len(manifest)} clips have no known {by}, so folds cannot be "
            f"{by}-disjoint. Add a {by} column, or use the protocol published or corrected."
        )
    fold_of = _assign(manifest["corpus"], values, folds, seed)
    clip_fold = values.map(fold_of).to_numpy(dtype=int)
    count = max(fold_of.values()) + 1
    return [_fold_split(manifest, clip_fold, fold, count, seed) for fold in range(count)]


def _assign(corpora: pd.Series, values: pd.Series, folds: int, seed: int) -> dict[str, int]:
    """Return the fold of each speaker or group, given the corpus and the speaker or group of each clip."""
    members = {str(corpus): sorted(set(part)) for corpus, part in values.groupby(corpora, sort=True)}
    if values.nunique() < 2:
        what = values.name
        raise InputError(f"All clips are of one {what}, so folds cannot be {what}-disjoint. Add another {what}.")
    count = max(2, min(folds, max(map(len, members.values()))))
    fold_of: dict[str, int] = {}
    for corpus, names in members.items():
        ordered = _shuffled(corpus, names, seed)
        # Few speakers are spread over the folds, so that the test and the next (validation) fold do not have them all.
        places = [number if len(ordered) >= count else number * count // len(ordered) for number in range(len(ordered))]
        first = len(fold_of)  # the next corpus starts where the last one ended, so that folds have similar sizes
        fold_of |= {name: (first + place) % count for name, place in zip(ordered, places, strict=True)}
    return fold_of


def _shuffled(corpus: str, speakers: list[str], seed: int) -> list[str]:
    """Shuffle the speakers of one corpus independently of the other corpora; in RAVDESS, men come before women."""
    # crc32 and not hash(), which differs from process to process for strings.
    draw = np.random.default_rng([seed, zlib.crc32(corpus.encode())])
    shuffled = [speakers[place] for place in draw.permutation(len(speakers))]
    return sorted(shuffled, key=lambda speaker: speaker[-1] in "02468") if corpus == RAVDESS else shuffled


def _fold_split(manifest: pd.DataFrame, clip_fold: np.ndarray, fold: int, count: int, seed: int) -> Split:
    tested = np.flatnonzero(clip_fold == fold)
    if count > 2:
        validates = clip_fold == (fold + 1) % count
        return Split(np.flatnonzero(~validates & (clip_fold != fold)), np.flatnonzero(validates), tested)
    # Sorted by name, so that the order of the manifest's rows does not matter.
    others = manifest.reset_index(drop=True)[clip_fold != fold].sort_values(["corpus", "name"])
    trained, validated = _hold_out(others.index.to_numpy(), 1 / 9, seed, manifest["label"].to_numpy())
    return _sorted_split(trained, validated, tested)


def audit(
    manifest: pd.DataFrame,
    split: Split,
    *,
    apart: Mapping[str, str] = SPEAKER_AND_GROUP,
    sounds: Sequence[str] | None = None,
    augmented: Collection[int] = (),
    scaler_rows: Collection[int] = (),
) -> list[Leak]:
    """Check a split for leaks from the test set into training.

    Args:
        manifest: one row per clip with its `name` and the columns of `apart`.
        split: rows of each set.
        apart: columns whose values should not be in two sets, with the word for one value.
        sounds: the digest of each clip's samples; None leaves out the check for identical recordings.
        augmented: rows whose altered copies are in the training set.
        scaler_rows: rows that any scaler or other statistic was fitted on.

    Returns:
        One entry per check: the words of `apart`, sound, augmented, scaler, selection.
    """
    names = manifest["name"].to_numpy()
    checks = [_shared_values(word, word, manifest[column].to_numpy(), names, split) for column, word in apart.items()]
    if sounds is not None:
        checks.append(_shared_values("sound", "identical recording", np.asarray(sounds), names, split))
    return [
        *checks,
        _rows_outside_training("augmented", "augmented copies", augmented, split),
        _rows_outside_training("scaler", "fitted statistics", scaler_rows, split),
        _selection(split),
    ]


def _shared_values(check: str, what: str, values: np.ndarray, names: np.ndarray, split: Split) -> Leak:
    """Count the values that are in both sets of each pair; an unknown value ("") is never clean."""
    values = np.array([str(value) for value in values], dtype=object)
    rows = split.sets()
    sets = {name: set(values[of_set]) - {""} for name, of_set in rows.items()}
    found = {}
    for place, (one, other) in enumerate(PAIRS):
        if shared := sorted(sets[one] & sets[other]):
            found[place] = f"{_counted(len(shared), what)} in {one} and {other}"
            if check == "sound":  # whoever doubts it can look at these two
                clips = [names[next(row for row in rows[side] if values[row] == shared[0])] for side in (one, other)]
                found[place] += f", such as {clips[0]} and {clips[1]}"
    unknown = int((values == "").sum())
    details = [*found.values(), *([f"{what} of {_counted(unknown, 'clip')} unknown"] if unknown else [])]
    leak = Leak(check=check, clean=not details, detail="; ".join(details) or f"no {what} in two sets")
    if found:
        leak["worst"] = min(found)
    elif unknown:
        leak["unknown"] = True
    return leak


def _rows_outside_training(check: str, what: str, rows: Collection[int], split: Split) -> Leak:
    if not len(rows):
        return Leak(check=check, clean=True, detail=f"no {what}")
    used = np.unique(np.fromiter(rows, dtype=int))
    found = [
        f"{_counted(len(shared), 'clip')} of {name}"
        for name, members in split.sets().items()
        if name != "train" and len(shared := np.intersect1d(used, members))
    ]
    if found:
        return Leak(check=check, clean=False, detail=f"{what} come from {' and '.join(found)}")
    return Leak(check=check, clean=True, detail=f"{what} come from {_counted(len(used), 'training clip')} only")


def _selection(split: Split) -> Leak:
    if len(np.intersect1d(split.validation, split.test)):
        return Leak(check="selection", clean=False, detail=TESTED_TWICE)
    if not len(split.validation):
        return Leak(check="selection", clean=True, detail="no choice was made: nothing validates")
    return Leak(check="selection", clean=True, detail="choices were made on the validation set")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def merge_audits(audits: Sequence[list[Leak]]) -> list[Leak]:
    """Merge the audits of several folds; a check is clean if it is clean in every fold.

    Args:
        audits: one list per fold, all with the same checks in the same order.
    """
    return [_merged_check(list(leaks)) for leaks in zip(*audits, strict=True)]


def _ranged(details: Sequence[str]) -> str:
    """Return details that differ in their numbers at most as one, with the lowest and the highest of each number."""
    numbers = [[int(number) for number in NUMBER.findall(detail)] for detail in details]
    if len({NUMBER.sub("", detail) for detail in details}) > 1:
        return "; ".join(dict.fromkeys(details))
    ranges = (sorted({min(column), max(column)}) for column in zip(*numbers, strict=True))
    return NUMBER.sub(lambda _: " to ".join(map(str, next(ranges))), details[0])


def _merged_check(leaks: list[Leak]) -> Leak:
    if len(leaks) == 1:
        return leaks[0]
    dirty = [leak for leak in leaks if not leak["clean"]]
    if not dirty:
        return leaks[0] | {"detail": f"{_ranged([leak['detail'] for leak in leaks])} (in all {len(leaks)} folds)"}
    worst = min(dirty, key=lambda leak: leak.get("worst", len(PAIRS)))  # the first of the worst folds
    alike = [leak for leak in dirty if leak.get("worst") == worst.get("worst")]
    words = worst["detail"] if len({leak["detail"] for leak in alike}) == 1 else f"{worst['detail']}, and the like"
    return worst | {"detail": f"{words} (in {len(alike)} of {len(leaks)} folds)"}
