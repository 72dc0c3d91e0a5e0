from collections import Counter
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InputError
from common.splits import (
    Split,
    audit,
    grouped_folds,
    halved_split,
    hold_out,
    merge_audits,
    stratified_folds,
    stratified_split,
)

TOTALS = {"angry": 1863, "disgust": 1863, "fear": 1863, "happy": 1863, "neutral": 1775, "sad": 1863, "surprise": 1072}
"""Clips per class in ser_parallel if all of SAVEE is labelled surprise, as in the document."""
LABELS = np.repeat(list(TOTALS), list(TOTALS.values()))
EMOTIONS = ("angry", "happy", "sad")


def clips(**speakers_of: int) -> pd.DataFrame:
    """A manifest of twelve clips per speaker, four of each emotion."""
    rows = [
        (corpus, f"{corpus}-{speaker:02d}", emotion, f"{speaker:02d}/{emotion}-{take}")
        for corpus, speakers in speakers_of.items()
        for speaker in range(1, speakers + 1)
        for emotion in EMOTIONS
        for take in range(4)
    ]
    return pd.DataFrame(rows, columns=["corpus", "speaker", "label", "name"]).assign(group=lambda m: m["speaker"])


def found(leaks: list) -> dict:
    return {leak["check"]: leak for leak in leaks}


def supports(rows: np.ndarray) -> list[int]:
    return [int((LABELS[rows] == name).sum()) for name in TOTALS]


corpora = st.fixed_dictionaries(
    {}, optional={"ravdess": st.integers(1, 24), "savee": st.integers(1, 4), "tess": st.just(2)}
).filter(lambda speakers: sum(speakers.values()) >= 2)


@pytest.mark.parametrize("seed", [0, 1, 42])
@pytest.mark.parametrize(
    ("split", "sizes", "tested"),
    [
        (partial(stratified_split, test=0.1, validation=1 / 9), [9728, 1217, 1217], (178, 107, 2, 3)),
        (partial(halved_split, held_out=0.2), [9729, 1216, 1217], (177, 107, 3, 2)),
    ],
    ids=["chapter 4", "vgg16"],
)
def test_a_stratified_split_has_the_published_supports_whatever_the_seed(split, sizes, tested, seed: int) -> None:
    made = split(LABELS, seed=seed)
    assert [len(rows) for rows in made.sets().values()] == sizes
    found = supports(made.test)
    assert (found[4], found[6], Counter(found)[187], Counter(found)[186]) == tested


def test_the_unstratified_halves_have_the_sizes_of_wav2vec2() -> None:
    split = halved_split(LABELS, held_out=0.1, seed=0, stratified=False)
    assert [len(rows) for rows in split.sets().values()] == [10945, 608, 609]


def test_seed_42_gives_the_published_supports_class_by_class() -> None:
    chapter_4 = stratified_split(LABELS, test=0.1, validation=1 / 9, seed=42)
    vgg16 = halved_split(LABELS, held_out=0.2, seed=42)
    assert supports(chapter_4.test) == [187, 186, 186, 187, 178, 186, 107]
    assert supports(vgg16.test) == [187, 186, 186, 187, 177, 187, 107]


def test_supports_do_not_depend_on_the_order_of_the_clips() -> None:
    shuffled = np.random.default_rng(0).permutation(LABELS)
    one = stratified_split(LABELS, test=0.1, validation=1 / 9, seed=3).test
    other = stratified_split(shuffled, test=0.1, validation=1 / 9, seed=3).test
    assert Counter(LABELS[one]) == Counter(shuffled[other])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(20, 60), min_size=2, max_size=5), st.integers(0, 99))
def test_every_clip_is_in_exactly_one_set_with_each_class_in_proportion(sizes: list[int], seed: int) -> None:
    labels = np.repeat([f"class {number}" for number in range(len(sizes))], sizes)
    for split in (
        stratified_split(labels, test=0.1, validation=1 / 9, seed=seed),
        halved_split(labels, held_out=0.2, seed=seed),
    ):
        assert sorted(np.concatenate(list(split.sets().values()))) == list(range(len(labels)))
        tested = Counter(labels[split.test])
        assert all(abs(tested[f"class {number}"] - size / 10) <= 1.5 for number, size in enumerate(sizes))


@settings(max_examples=40, deadline=None)
@given(corpora, st.integers(2, 8), st.integers(0, 99))
def test_grouped_folds_are_speaker_disjoint_and_test_each_clip_once(speakers: dict, folds: int, seed: int) -> None:
    manifest = clips(**speakers)
    splits = grouped_folds(manifest, folds=folds, seed=seed)
    assert sorted(np.concatenate([split.test for split in splits])) == list(range(len(manifest)))
    for split in splits:
        of = {name: set(manifest["speaker"][rows]) for name, rows in split.sets().items()}
        assert all(of.values())
        assert not of["test"] & (of["train"] | of["validation"])
        assert len(splits) == 2 or not of["train"] & of["validation"]
        assert sorted(np.concatenate(list(split.sets().values()))) == list(range(len(manifest)))


@settings(max_examples=20, deadline=None)
@given(corpora, st.integers(0, 99), st.randoms(use_true_random=False))
def test_grouped_folds_do_not_depend_on_the_order_of_the_clips(speakers: dict, seed: int, shuffle) -> None:
    manifest = clips(**speakers)
    order = list(range(len(manifest)))
    shuffle.shuffle(order)
    shuffled = manifest.iloc[order].reset_index(drop=True)
    for one, other in zip(grouped_folds(manifest, seed=seed), grouped_folds(shuffled, seed=seed), strict=True):
        for name, rows in one.sets().items():
            names = (manifest["corpus"] + manifest["name"])[rows]
            assert set(names) == set((shuffled["corpus"] + shuffled["name"])[other.sets()[name]])


def test_ravdess_gives_six_folds_of_two_men_and_two_women() -> None:
    manifest = clips(ravdess=24)
    splits = grouped_folds(manifest, seed=0)
    assert len(splits) == 6
    for split in splits:
        numbers = [int(speaker[-2:]) for speaker in set(manifest["speaker"][split.test])]
        assert sorted(number % 2 for number in numbers) == [0, 0, 1, 1]


@pytest.mark.parametrize(("speakers", "folds"), [({"savee": 4}, 4), ({"tess": 2}, 2), ({"tess": 2, "ravdess": 24}, 6)])
def test_there_are_at_most_as_many_folds_as_speakers_in_the_largest_corpus(speakers: dict, folds: int) -> None:
    assert len(grouped_folds(clips(**speakers), seed=0)) == folds


def test_with_several_corpora_each_of_them_is_in_every_training_set() -> None:
    manifest = clips(ravdess=24, savee=4, tess=2)
    for split in grouped_folds(manifest, seed=0):
        assert {"ravdess", "savee", "tess"} == set(manifest["corpus"][split.train])


def test_with_two_speakers_a_ninth_of_one_is_for_validation_and_the_audit_reports_it() -> None:
    manifest = clips(tess=2)
    split = grouped_folds(manifest, seed=0)[0]
    assert len(split.validation) == 3
    assert not found(audit(manifest, split))["speaker"]["clean"]


TAGS = np.eye(3)[np.arange(20) % 3]


@pytest.mark.parametrize(
    ("split", "number"),
    [
        (lambda: stratified_split(["happy"] * 30 + ["sad"], test=0.1, validation=1 / 9, seed=0), "has 1"),
        (lambda: grouped_folds(clips(tess=2).replace({"speaker": {"tess-01": ""}}), seed=0), "12 of 24 clips"),
        (lambda: grouped_folds(clips(savee=1), seed=0), "one speaker"),
        (lambda: stratified_folds(list("aabb"), folds=5, seed=0), "4 clips"),
        (lambda: stratified_folds(list("ab") * 20, folds=5, seed=0, groups=list("ab") * 20), "2 groups"),
        (lambda: grouped_folds(clips(savee=2).assign(group=["a", ""] * 12), seed=0, by="group"), "12 of 24 clips"),
        (lambda: grouped_folds(clips(savee=2).assign(group="a"), seed=0, by="group"), "one group"),
        (lambda: stratified_split(TAGS[:3], test=0.2, validation=0.2, seed=0), "3 clips"),
        (lambda: stratified_split(TAGS[:, :1], test=0.9, validation=0.9, seed=0), "20 clips"),
        (lambda: stratified_split(["happy", "sad"] * 2, test=0.1, validation=1 / 9, seed=0), "4 clips.* has 2"),
        (lambda: stratified_folds(TAGS[:2], folds=3, seed=0), "2 clips"),
        (lambda: stratified_folds(TAGS, folds=2, seed=0, groups=np.arange(20)), "3 tags"),
    ],
)
def test_clips_that_cannot_be_split_are_refused_with_their_number(split, number) -> None:
    with pytest.raises(InputError, match=number):
        split()


songs = st.lists(st.tuples(st.sampled_from(EMOTIONS), st.integers(1, 4)), min_size=15, max_size=40).filter(
    lambda drawn: max(Counter(label for label, _ in drawn).values()) >= 5
)
"""Label and number of pieces of each song."""


@settings(max_examples=40, deadline=None)
@given(songs, st.integers(0, 99))
def test_stratified_group_folds_are_song_disjoint_and_test_each_piece_once(drawn: list, seed: int) -> None:
    labels = np.repeat([label for label, _ in drawn], [pieces for _, pieces in drawn])
    groups = np.repeat(np.arange(len(drawn)), [pieces for _, pieces in drawn])
    folds = stratified_folds(labels, folds=5, seed=seed, groups=groups)
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(labels)))
    for fold in folds:
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert len(fold.train) + len(fold.test) == len(labels)
        assert len(fold.validation) == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(10, 60), min_size=2, max_size=5), st.integers(0, 99))
def test_folds_of_single_pieces_have_each_class_in_proportion(sizes: list[int], seed: int) -> None:
    labels = np.repeat([f"class {number}" for number in range(len(sizes))], sizes)
    folds = stratified_folds(labels, folds=5, seed=seed)
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(labels)))
    for fold in folds:
        tested = Counter(labels[fold.test])
        assert all(abs(tested[f"class {number}"] - size / 5) < 1 for number, size in enumerate(sizes))


def test_folds_depend_on_the_seed() -> None:
    labels, groups = np.tile(["a", "b"], 40), np.repeat(np.arange(20), 4)
    for grouped in (None, groups):
        one, again, other = (stratified_folds(labels, folds=5, seed=seed, groups=grouped) for seed in (0, 0, 1))
        assert all((first.test == second.test).all() for first, second in zip(one, again, strict=True))
        assert any(first.test.tolist() != second.test.tolist() for first, second in zip(one, other, strict=True))


def test_the_audit_compares_the_given_columns() -> None:
    manifest = clips(savee=4).assign(group=np.repeat(np.arange(24), 2))
    cut, mixed = (
        stratified_folds(manifest["label"], folds=3, seed=0, groups=groups)[0] for groups in (manifest["group"], None)
    )
    apart = {"group": "song"}
    assert found(audit(manifest, cut, apart=apart))["song"]["clean"]
    assert "songs in train and test" in found(audit(manifest, mixed, apart=apart))["song"]["detail"]
    assert found(audit(manifest, cut))["selection"]["clean"]  # there is no validation set


def test_the_frame_of_a_split_names_every_clip_once() -> None:
    frame = Split(np.array([0, 2]), np.array([1]), np.array([3])).frame(["a", "b", "c", "d"], fold=2)
    assert frame.to_numpy().tolist() == [["a", 2, "train"], ["c", 2, "train"], ["b", 2, "validation"], ["d", 2, "test"]]


def test_the_audit_of_grouped_folds_is_clean() -> None:
    manifest = clips(ravdess=24)
    split = grouped_folds(manifest, seed=0)[0]
    leaks = audit(manifest, split, sounds=manifest["name"], augmented=split.train, scaler_rows=split.train)
    assert "sound" not in found(audit(manifest, split))
    assert [leak["check"] for leak in leaks] == ["speaker", "group", "sound", "augmented", "scaler", "selection"]
    assert all(leak["clean"] for leak in leaks)


def test_the_audit_counts_speakers_on_both_sides() -> None:
    manifest = clips(savee=4)
    leaks = audit(manifest, stratified_split(manifest["label"], test=0.25, validation=0.25, seed=0))
    assert not found(leaks)["speaker"]["clean"]
    assert "4 speakers in train and validation" in found(leaks)["speaker"]["detail"]


@pytest.mark.parametrize("check", ["sound", "augmented", "scaler"])
def test_the_audit_finds_what_test_clips_have_to_do_with_training(check: str) -> None:
    manifest = clips(savee=4)
    split = grouped_folds(manifest, seed=0)[0]
    chosen_on_test = Split(split.train, split.test, split.test)
    digests, rows = list(manifest["name"]), [*split.train, split.test[0]]
    digests[split.test[0]] = digests[split.train[0]]
    wrong = {
        "sound": {"sounds": digests},
        "augmented": {"augmented": rows},
        "scaler": {"scaler_rows": rows},
    }
    leaks = found(audit(manifest, split, **{"sounds": manifest["name"], **wrong[check]}))
    assert [name for name, leak in leaks.items() if not leak["clean"]] == [check]
    assert "1 " in leaks[check]["detail"]
    assert found(audit(manifest, split))["selection"]["clean"]
    assert not found(audit(manifest, chosen_on_test))["selection"]["clean"]


def test_unknown_speakers_are_never_clean() -> None:
    manifest = clips(savee=4).assign(speaker="")
    leak = found(audit(manifest, Split(np.arange(40), np.arange(40, 44), np.arange(44, 48))))["speaker"]
    assert not leak["clean"]
    assert leak["unknown"]
    assert "48 clips" in leak["detail"]


def test_of_several_folds_the_one_that_shares_clips_of_training_and_test_is_reported() -> None:
    manifest = clips(savee=4)
    folds = grouped_folds(manifest, seed=0)
    digests = np.array(manifest["name"], dtype=object)
    copy = folds[0].train[0], folds[0].validation[0]  # in the other folds, one of them is a test clip at some time
    digests[copy[1]] = digests[copy[0]]
    audits = [audit(manifest, fold, sounds=digests) for fold in folds]
    first, merged = found(audits[0])["sound"], found(merge_audits(audits))["sound"]
    assert (first["worst"], merged["worst"]) == (2, 0)
    assert "train and test" in merged["detail"]
    assert all(manifest["name"][row] in merged["detail"] for row in copy)
    of_test = [set(copy) & set(fold.test) != set() and set(copy) & set(fold.train) != set() for fold in folds]
    assert f"{sum(of_test)} of {len(folds)} folds" in merged["detail"]


def test_a_leak_in_one_fold_is_a_leak_in_the_merged_audit() -> None:
    manifest = clips(savee=4)
    splits = grouped_folds(manifest, seed=0)
    audits = [audit(manifest, split, scaler_rows=split.test if fold == 1 else ()) for fold, split in enumerate(splits)]
    merged = found(merge_audits(audits))
    assert merged["speaker"]["clean"]
    assert not merged["scaler"]["clean"]
    assert "1 of 4 folds" in merged["scaler"]["detail"]


def test_what_folds_count_differently_is_given_as_a_range() -> None:
    manifest = clips(savee=4)
    folds = grouped_folds(manifest, seed=0)
    audits = [audit(manifest, fold, scaler_rows=fold.train[number:]) for number, fold in enumerate(folds)]
    trained = [len(fold.train) - number for number, fold in enumerate(folds)]
    detail = found(merge_audits(audits))["scaler"]["detail"]
    assert f"{min(trained)} to {max(trained)} training clips" in detail
    assert "all 4 folds" in detail
    alike = [audit(manifest, fold, scaler_rows=fold.train) for fold in folds]
    assert " to " not in found(merge_audits(alike))["scaler"]["detail"]


def test_clips_with_several_tags_can_be_split_without_strata() -> None:
    split = halved_split(TAGS, held_out=0.2, seed=0, stratified=False)
    assert [len(rows) for rows in split.sets().values()] == [16, 2, 2]


# Several tags.

one_tag_each = st.lists(st.integers(0, 5), min_size=60, max_size=200).map(lambda tags: np.eye(6, dtype=int)[tags])
any_tags = st.integers(0, 10**6).map(
    lambda seed: np.random.default_rng(seed).random((120, 7)) < [0.5, 0.3, 0.2, 0.1, 0.1, 0.05, 0.02]
)


@settings(max_examples=30, deadline=None)
@given(st.one_of(one_tag_each, any_tags), st.integers(0, 99))
def test_every_clip_with_tags_is_in_exactly_one_set_by_the_seed_alone(tags: np.ndarray, seed: int) -> None:
    splits = [
        [stratified_split(tags, test=0.2, validation=0.25, seed=seed), halved_split(tags, held_out=0.4, seed=seed)]
        for _ in range(2)
    ]
    for one, again in zip(*splits, strict=True):
        assert sorted(np.concatenate(list(one.sets().values()))) == list(range(len(tags)))
        assert all(np.array_equal(rows, again.sets()[name]) for name, rows in one.sets().items())
    folds = stratified_folds(tags, folds=4, seed=seed)
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(tags)))
    assert all(len(fold.train) + len(fold.test) == len(tags) for fold in folds)


@settings(max_examples=30, deadline=None)
@given(one_tag_each, st.integers(0, 99), st.sampled_from([0.1, 0.2, 0.5]))
def test_with_one_tag_per_clip_each_tag_is_held_out_in_proportion(tags: np.ndarray, seed: int, fraction: float) -> None:
    rest, held = hold_out(tags, fraction=fraction, seed=seed)
    assert sorted([*rest, *held]) == list(range(len(tags)))
    totals = tags.sum(axis=0)
    wanted = max(np.ceil(fraction * len(tags)), np.count_nonzero(totals)) / len(tags)
    assert np.all(np.abs(tags[held].sum(axis=0) - wanted * totals) <= 1)


@settings(max_examples=30, deadline=None)
@given(any_tags, st.integers(0, 99))
def test_folds_have_each_of_several_tags_about_in_proportion(tags: np.ndarray, seed: int) -> None:
    def off(tested: list[np.ndarray]) -> float:
        return sum(float(np.abs(tags[rows].sum(axis=0) - tags.sum(axis=0) / 4).sum()) for rows in tested)

    folds = stratified_folds(tags, folds=4, seed=seed)
    assert all(abs(len(fold.test) - len(tags) / 4) <= tags.shape[1] for fold in folds)
    # There is no bound for one tag, so all are compared with folds at random: they are mostly four times as far off.
    at_random = np.array_split(np.random.default_rng(seed).permutation(len(tags)), 4)
    assert off([fold.test for fold in folds]) < off(at_random)


def test_a_small_corpus_has_each_tag_in_every_set() -> None:
    tags = np.eye(8, dtype=int)[np.arange(48) % 8]
    split = stratified_split(tags, test=0.1, validation=0.1, seed=0)
    assert all(tags[rows].any(axis=0).all() for rows in split.sets().values())


def test_ten_percent_of_the_size_of_fsdkaggle2019_has_a_tenth_of_each_tag() -> None:
    draw = np.random.default_rng(0)
    tags = np.eye(80, dtype=int)[np.arange(4970) % 80]
    more = draw.choice(4970, 700, replace=False)  # with a second tag: 1.14 tags a clip; the corpus has about 1.2
    tags[more, draw.integers(0, 80, 700)] = 1
    _, held = hold_out(tags, fraction=0.1, seed=0)
    assert abs(len(held) - 497) < 20  # the authors' split has 506
    assert np.all(np.abs(tags[held].sum(axis=0) - tags.sum(axis=0) / 10) <= 1)


def test_one_tag_is_stratified_as_two_classes() -> None:
    tag = np.repeat([1, 0], [20, 80])[:, np.newaxis]
    rest, held = hold_out(tag, fraction=0.1, seed=0)
    assert (len(rest), len(held), int(tag[held].sum())) == (90, 10, 2)


def test_the_held_out_clips_are_those_of_a_split_without_a_test_set() -> None:
    rest, held = hold_out(LABELS, fraction=0.1, seed=42)
    split = stratified_split(LABELS, test=0.1, validation=1 / 9, seed=42)
    assert np.array_equal(held, split.test)
    assert np.array_equal(rest, np.sort(np.concatenate([split.train, split.validation])))


# Folds by another column.


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=20, max_size=60), st.integers(3, 5), st.integers(0, 99))
def test_folds_by_source_are_disjoint_in_it_and_test_each_clip_once(sources: list, folds: int, seed: int) -> None:
    if len(set(sources)) < folds:
        sources = [*sources, *range(folds)]
    manifest = pd.DataFrame({"corpus": "fsdkaggle2019", "group": list(map(str, sources)), "label": "Bark,Meow"})
    made = grouped_folds(manifest, folds=folds, seed=seed, by="group")
    assert len(made) == folds
    assert sorted(np.concatenate([fold.test for fold in made])) == list(range(len(manifest)))
    for fold in made:
        of = {name: set(manifest["group"][rows]) for name, rows in fold.sets().items()}
        assert all(of.values())
        assert sum(map(len, of.values())) == len(set.union(*of.values()))


def test_folds_that_a_corpus_publishes_are_kept() -> None:
    manifest = pd.DataFrame({"corpus": "esc10", "fold": np.arange(50) % 5 + 1, "label": "dog"})
    folds = grouped_folds(manifest, folds=5, seed=0, by="fold")
    assert sorted(sorted(set(manifest["fold"][fold.test])) for fold in folds) == [[1], [2], [3], [4], [5]]


def test_a_source_of_two_corpora_is_in_one_fold() -> None:
    manifest = pd.DataFrame(
        {"corpus": ["esc10"] * 12 + ["fsdkaggle2019"] * 12, "group": [str(number % 12) for number in range(24)]}
    )
    for fold in grouped_folds(manifest, folds=4, seed=0, by="group"):
        assert not set(manifest["group"][fold.test]) & set(manifest["group"][[*fold.train, *fold.validation]])
