"""Splits into training, validation and test clips, and the audit of leaks between them.

A split consists of index arrays into the manifest. Functions take fractions as arguments; the fractions of a document
are in the document's module.
"""

import math
import warnings
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypedDict

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, train_test_split

from common.errors import InputError

SETS = ("train", "validation", "test")
SPEAKER_AND_GROUP = {"speaker": "speaker", "group": "group"}
"""The columns of the manifest that the leak audit compares by default, with the word for one value."""
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
    """One line of the leak audit, as it is stored in the record."""

    check: str
    clean: bool
    detail: str


def stratified_split(
    labels: Sequence[str] | np.ndarray | pd.Series, *, test: float, validation: float, seed: int
) -> Split:
    """Hold out a test set, then a validation set from the remaining clips, both stratified.

    Args:
        labels: one label per clip.
        test: fraction of all clips in the test set.
        validation: fraction of the *remaining* clips in the validation set; 0.1 and 1/9 make 80/10/10.
        seed: of the split.

    Raises:
        InputError: a class has too few clips to be in every set, or a clip has several labels.
    """
    strata = _one_label_each(labels)
    rest, tested = _hold_out(np.arange(len(strata)), test, seed, strata)
    trained, validated = _hold_out(rest, validation, seed, strata[rest])
    return _sorted_split(trained, validated, tested)


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
        labels: one label per clip.
        held_out: fraction of all clips in validation and test set together.
        seed: of the split.
        stratified: whether all sets have the same class proportions.

    Raises:
        InputError: a class has too few clips to be in every set, or a clip has several labels.
    """
    strata = _one_label_each(labels) if stratified else None
    trained, held = _hold_out(np.arange(len(labels)), held_out, seed, strata)
    validated, tested = _hold_out(held, 0.5, seed, None if strata is None else strata[held])
    return _sorted_split(trained, validated, tested)


def _one_label_each(labels: Sequence[str] | np.ndarray | pd.Series) -> np.ndarray:
    """Return the labels as an array (clips,)."""
    strata = np.asarray(labels)
    if strata.ndim != 1:
        raise InputError(
            f"strata of shape {strata.shape} cannot be split: stratification takes one label per clip, not several tags"
        )
    return strata


def _hold_out(rows: np.ndarray, fraction: float, seed: int, strata: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Divide rows into the rest and the held-out ones; if stratified, at least one clip of every class is held out."""
    classes = {} if strata is None else dict(zip(*np.unique(strata, return_counts=True), strict=True))
    # Rounded up as in scikit-learn; at least one per class, which small demo corpora would fall below.
    held_out = max(math.ceil(fraction * len(rows)), len(classes))
    try:
        rest, held = train_test_split(rows, test_size=held_out, random_state=seed, stratify=strata)
    except ValueError as error:
        rarest = f"; the rarest class has {min(classes.values())}" if classes else ""
        raise InputError(
            f"{len(rows)} clips are too few to hold out {held_out} of them{rarest}. Use more clips of each class."
        ) from error
    return rest, held


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
        labels: one label per clip.
        folds: number of folds.
        seed: of the split.
        groups: one value per clip; clips of one group are on one side of every fold. None: no groups.

    Raises:
        InputError: no class has as many clips as there are folds, there are fewer groups than folds, or a clip has
            several labels.
    """
    strata, rows = _one_label_each(labels), np.arange(len(labels))
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
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


def grouped_folds(manifest: pd.DataFrame, *, folds: int = 6, seed: int) -> list[Split]:
    """Speaker-disjoint folds: each clip is tested once, by a model that was not trained on its speaker.

    RAVDESS gives 6 folds of 4 actors (2 of each sex), SAVEE alone 4 folds of one speaker, TESS alone 2. The validation
    set of fold f consists of the speakers of fold f + 1. With two folds no other speakers are left for validation: then
    it is a stratified ninth of the training speakers' clips, and the leak audit reports it. The order of the rows does
    not matter.

    Args:
        manifest: one row per clip with `corpus`, `speaker`, `label`, `name`.
        folds: at most this many, and not more than the largest corpus has speakers.
        seed: of the assignment of speakers to folds.

    Raises:
        InputError: the speaker of a clip is unknown, or there are fewer than two speakers.
    """
    if "" in set(manifest["speaker"]):
        unknown = int((manifest["speaker"] == "").sum())
        raise InputError(
            f"{unknown} of {len(manifest)} clips have no known speaker, so folds cannot be speaker-disjoint. "
            "Add a speaker column, or use the protocol published or corrected."
        )
    fold_of = _assign_speakers(manifest, folds, seed)
    clip_fold = manifest["speaker"].map(fold_of).to_numpy(dtype=int)
    count = max(fold_of.values()) + 1
    return [_fold_split(manifest, clip_fold, fold, count, seed) for fold in range(count)]


def _assign_speakers(manifest: pd.DataFrame, folds: int, seed: int) -> dict[str, int]:
    """Return the fold of each speaker."""
    speakers = {str(corpus): sorted(set(part["speaker"])) for corpus, part in manifest.groupby("corpus", sort=True)}
    if sum(map(len, speakers.values())) < 2:
        raise InputError("All clips are of one speaker, so folds cannot be speaker-disjoint. Add another speaker.")
    count = max(2, min(folds, max(map(len, speakers.values()))))
    fold_of: dict[str, int] = {}
    for corpus, names in speakers.items():
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
    trained, validated = _hold_out(others.index.to_numpy(), 1 / 9, seed, others["label"].to_numpy())
    return _sorted_split(trained, validated, tested)


def audit(
    manifest: pd.DataFrame,
    split: Split,
    *,
    apart: Mapping[str, str] = SPEAKER_AND_GROUP,
    digests: Sequence[str] | None = None,
    augmented: Collection[int] = (),
    scaler_rows: Collection[int] = (),
    chosen_on: str = "validation",
) -> list[Leak]:
    """Check a split for leaks from the test set into training.

    Args:
        manifest: one row per clip with the columns of `apart`.
        split: rows of each set.
        apart: columns whose values should not be in two sets, with the word for one value.
        digests: one content digest per clip; None leaves out the check for identical files.
        augmented: rows whose altered copies are in the training set.
        scaler_rows: rows that any scaler or other statistic was fitted on.
        chosen_on: the set that every choice (best epoch, best setting) was based on.

    Returns:
        One entry per check: the words of `apart`, bytes, augmented, scaler, selection.
    """
    checks = [_shared_values(word, word, manifest[column].to_numpy(), split) for column, word in apart.items()]
    if digests is not None:
        checks.append(_shared_values("bytes", "identical recording", np.asarray(digests), split))
    return [
        *checks,
        _rows_outside_training("augmented", "augmented copies", augmented, split),
        _rows_outside_training("scaler", "fitted statistics", scaler_rows, split),
        _selection(chosen_on, split),
    ]


def _shared_values(check: str, what: str, values: np.ndarray, split: Split) -> Leak:
    """Count the values that are in both sets of each pair; an unknown value ("") is never clean."""
    sets = {name: {str(value) for value in values[rows]} - {""} for name, rows in split.sets().items()}
    found = []
    for one, other in combinations(SETS, 2):
        shared = sets[one] & sets[other]
        if shared:
            found.append(f"{_counted(len(shared), what)} in {one} and {other}")
    unknown = int(sum(str(value) == "" for value in values))
    if unknown:
        found.append(f"{what} of {_counted(unknown, 'clip')} unknown")
    return Leak(check=check, clean=not found, detail="; ".join(found) or f"no {what} in two sets")


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


def _selection(chosen_on: str, split: Split) -> Leak:
    if chosen_on == "test" or len(np.intersect1d(split.validation, split.test)):
        return Leak(check="selection", clean=False, detail="the test set was used for a choice")
    if not len(split.validation):
        return Leak(check="selection", clean=True, detail="no choice was made: nothing validates")
    return Leak(check="selection", clean=True, detail=f"choices were made on the {chosen_on} set")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def merge_audits(audits: Sequence[list[Leak]]) -> list[Leak]:
    """Merge the audits of several folds; a check is clean if it is clean in every fold.

    Args:
        audits: one list per fold, all with the same checks in the same order.
    """
    return [_merged_check(list(leaks)) for leaks in zip(*audits, strict=True)]


def _merged_check(leaks: list[Leak]) -> Leak:
    if len(leaks) == 1:
        return leaks[0]
    details = list(dict.fromkeys(leak["detail"] for leak in leaks if not leak["clean"]))
    if not details:
        return Leak(check=leaks[0]["check"], clean=True, detail=f"{leaks[0]['detail']} (in all {len(leaks)} folds)")
    dirty = sum(not leak["clean"] for leak in leaks)
    words = details[0] if len(details) == 1 else f"{details[0]}, and the like"
    return Leak(check=leaks[0]["check"], clean=False, detail=f"{words} (in {dirty} of {len(leaks)} folds)")
