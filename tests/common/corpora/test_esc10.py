from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from common.corpora import CORPORA, scan
from common.corpora.base import Refusal
from common.corpora.esc10 import CLASSES, OTHER_CLASS, folded, recognise
from common.errors import InputError

ESC10 = CORPORA["esc10"]


@pytest.fixture(scope="module")
def real():
    """The scan of the real corpus; skips where it is absent."""
    folder = Path(__file__).parents[4] / "shared" / "data" / "esc10"
    if not folder.is_dir():
        pytest.skip("the real audio beside the checkout is not here")
    return scan([folder])


def test_the_real_corpus_is_complete(real):
    (found,) = real.found
    assert (found.clips, found.missing, found.unlisted, found.speakers) == (400, 0, 0, 0)
    assert found.counts == dict.fromkeys(ESC10.expected, 40)
    assert real.left_out == []


def test_each_fold_has_eight_clips_of_each_class_and_no_source_is_in_two(real):
    clips = folded(real.manifest)
    assert Counter(zip(clips["fold"], clips["label"], strict=True)) == {
        (fold, label): 8 for fold in range(1, 6) for label in ESC10.expected
    }
    assert clips["group"].nunique() == 304
    assert clips.groupby("group")["fold"].nunique().max() == 1


def test_clips_named_as_in_esc50_are_the_same_clips(make_clips):
    name = "007 - Helicopter/1-172649-B"
    both = [scan([make_clips([path])]).manifest for path in (f"{name}.ogg", "audio/1-172649-B-40.wav")]
    for clips in both:
        assert clips.loc[0, ["name", "label", "group"]].tolist() == [name, "helicopter", "172649"]


def test_a_clip_in_both_namings_counts_once(make_clips):
    (found,) = scan([make_clips(["002 - Rain/1-17367-A.ogg", "ESC-50/audio/1-17367-A-10.wav"])]).found
    assert (found.clips, found.missing, len(found.omissions)) == (1, 399, 1)


def test_the_other_classes_of_esc50_are_left_out_with_the_reason(make_clips):
    scanned = scan([make_clips([f"audio/1-100032-A-{target}.wav" for target in range(50)])])
    assert list(scanned.manifest["label"]) == [one.label for one in CLASSES]
    assert Counter(omission.reason for omission in scanned.found[0].omissions) == {OTHER_CLASS: 40}
    assert recognise(Path("audio/1-977-A-39.wav")) == Refusal(OTHER_CLASS)


def test_numbers_that_no_recording_of_freesound_has_are_not_of_esc50(make_clips):
    names = [f"fold{fold}/{fold}-{number}-A-{number}.wav" for fold in range(1, 6) for number in range(4)]
    with pytest.raises(InputError, match="parts of a split"):
        scan([make_clips(names)])


def test_a_clip_of_these_classes_that_is_not_published_is_unlisted(make_clips):
    (found,) = scan([make_clips(["001 - Dog bark/1-100032-A.wav", "001 - Dog bark/1-100032-B.wav"])]).found
    assert (found.clips, found.unlisted) == (2, 1)


def test_renamed_files_in_its_folders_are_refused_and_not_taken_for_your_own_classes(make_clips):
    with pytest.raises(InputError, match="esc10"):
        scan([make_clips([f"{one.folder}/sound.wav" for one in CLASSES])])


def test_clips_of_other_corpora_have_fold_0(make_clips):
    clips = folded(scan([make_clips(["DC/a01.wav", "001 - Dog bark/3-155312-A.wav"])]).manifest)
    assert dict(zip(clips["corpus"], clips["fold"], strict=True)) == {"esc10": 3, "savee": 0}
    assert clips["fold"].dtype == np.int64
