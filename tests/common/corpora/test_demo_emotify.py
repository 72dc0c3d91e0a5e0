import hashlib
from collections import Counter

import numpy as np
import pytest
import soundfile

from common.corpora import emotify, scan
from common.corpora.demo import write
from common.corpora.demo_emotify import AMAZING, SAMPLE_RATE, emotion, synthesise
from common.errors import InputError

TRACKS = 2


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.*")
        if path.suffix in (".flac", ".csv")
    }


def make(folder, seed=0):
    return write(folder, clips_per_class=TRACKS, seed=seed, corpora=["emotify"])


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return make(tmp_path_factory.mktemp("music") / "demo")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_bytes(demo, tmp_path):
    assert digests(make(tmp_path / "again")) == digests(demo)
    assert not set(digests(make(tmp_path / "other", seed=1)).values()) & set(digests(demo).values())


def test_the_ordinary_scan_reads_it_as_synthesised_in_the_real_layout(demo):
    found = scan([demo]).found[0]
    assert (found.corpus, found.clips, found.layout, found.form) == ("emotify", 8, "genre folders", "synthesised")
    assert found.counts == dict.fromkeys(emotify.ORDERS["corpus"], TRACKS)


def test_its_table_has_the_emotions_of_the_tracks_except_for_ties(demo):
    votes = emotify.votes(emotify.annotations(scan([demo]).manifest))
    labels = emotify.dominant(votes, ties="dropped")
    assert len(labels) == 360
    for genre in emotify.ORDERS["corpus"]:
        for number in (1, 2, 3, 4, 96, 97):
            assert labels[emotify.track_id(genre, number)] == emotion(f"{genre}/{number}")


def test_random_tie_breaking_leaves_two_tracks_with_amazement(demo):
    votes = emotify.votes(emotify.annotations(scan([demo]).manifest))
    labels = emotify.dominant(votes, seed=3)
    assert sorted(labels.index[labels == "amazement"]) == sorted(
        emotify.track_id(genre, int(number)) for genre, number in (name.split("/") for name in AMAZING)
    )


def test_eight_tracks_per_genre_have_every_emotion_at_least_three_times():
    played = Counter(emotion(f"{genre}/{n}") for genre in emotify.ORDERS["corpus"] for n in range(1, 9))
    assert played.keys() == set(emotify.EMOTIONS)
    assert played.pop("amazement") == 2
    assert min(played.values()) >= 3


def test_tracks_are_unclipped_and_have_two_to_four_pieces_and_a_remainder(demo):
    for path in demo.rglob("*.flac"):
        samples, rate = soundfile.read(path)
        assert rate == SAMPLE_RATE
        assert 30 < len(samples) / rate < 61
        assert len(samples) / rate % 15 > 0.1
        assert 0.01 < np.abs(samples).max() < 1


def test_power_is_louder_than_calmness():
    def loudness(wanted):
        names = [f"{genre}/{n}" for genre in emotify.ORDERS["corpus"] for n in range(1, 5)]
        tracks = [synthesise(name) / 32768 for name in names if emotion(name) == wanted]
        return np.mean([np.sqrt(np.mean(track**2)) for track in tracks])

    assert loudness("power") > 2 * loudness("calmness")


def test_writing_again_only_adds_missing_tracks(demo):
    whole = digests(demo)
    gone, *kept = sorted(demo.rglob("*.flac"))
    gone.unlink()
    then = {path: path.stat().st_mtime_ns for path in kept}
    assert digests(make(demo)) == whole
    assert {path: path.stat().st_mtime_ns for path in kept} == then


def test_a_folder_with_a_demo_of_speech_is_refused(tmp_path):
    folder = write(tmp_path / "speech", clips_per_class=1, corpora=["tess"])
    with pytest.raises(InputError, match="corpora tess"):
        make(folder)
