import hashlib
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile

from common.corpora import (
    CORPORA,
    demo_emotify,
    demo_fsdkaggle2019,
    demo_jamendo,
    emotify,
    fsdkaggle2019,
    mtg_jamendo,
    scan,
    verify,
)
from common.corpora.checksums import originals
from common.corpora.demo import RECORDINGS, _clips, synthesise, write
from common.errors import InputError
from common.signals import audio

KINDS = {
    "speech": {"clips_per_class": 3},
    "music": {"clips_per_class": 2, "corpora": ["emotify"]},
    "tagged music": {"clips_per_class": 2, "corpora": ["mtg_jamendo"]},
    "tagged events": {"clips_per_class": 4, "corpora": ["fsdkaggle2019"]},
}
GENRES = emotify.ORDERS["corpus"]

all_kinds = pytest.mark.parametrize("kind", KINDS)


WRITE = (
    "import sys; from common.corpora import demo; demo.write(sys.argv[1], clips_per_class=1, corpora=['tess', 'tava'])"
)


def test_two_processes_may_write_one_folder_at_once(tmp_path):
    write(tmp_path / "one", clips_per_class=1, corpora=["tess", "tava"])
    command = [sys.executable, "-c", WRITE, str(tmp_path / "both")]
    both = [subprocess.Popen(command, cwd=Path(__file__).parents[3]) for _ in range(2)]
    assert [process.wait(timeout=600) for process in both] == [0, 0]
    assert digests(tmp_path / "both") == digests(tmp_path / "one")
    assert not list((tmp_path / "both").rglob(".*"))


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.*")
        if path.suffix in (".wav", ".flac", ".npy", ".csv", ".tsv")
    }


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    """Return the folder of the demo corpus of each kind."""
    return {kind: write(tmp_path_factory.mktemp(kind) / "demo", **of) for kind, of in KINDS.items()}


@pytest.fixture(scope="module")
def votes(demos):
    return emotify.votes(emotify.annotations(scan([demos["music"]]).manifest))


@all_kinds
def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_bytes(demos, kind, tmp_path):
    assert digests(write(tmp_path / "again", **KINDS[kind])) == digests(demos[kind])
    other = digests(write(tmp_path / "other", **{**KINDS[kind], "clips_per_class": 1}, seed=1))
    assert not set(other.values()) & set(digests(demos[kind]).values())


@all_kinds
def test_writing_again_only_adds_missing_clips(demos, kind):
    whole = digests(demos[kind])
    gone, *kept = sorted(path for path in demos[kind].rglob("*.*") if path.suffix in (".wav", ".flac", ".npy"))
    gone.unlink()
    then = {path: path.stat().st_mtime_ns for path in kept}
    assert digests(write(demos[kind], **KINDS[kind])) == whole
    assert {path: path.stat().st_mtime_ns for path in kept} == then


@all_kinds
@pytest.mark.parametrize("change", [{"seed": 1}, {"corpora": ["savee"]}], ids=["seed", "corpora"])
def test_a_folder_with_another_demo_corpus_is_refused(demos, kind, change):
    before = digests(demos[kind])
    with pytest.raises(InputError):
        write(demos[kind], **{**KINDS[kind], **change})
    assert digests(demos[kind]) == before


def test_a_folder_with_other_files_is_refused(make_clips):
    folder = make_clips(["DC/a01.wav"])
    with pytest.raises(InputError, match=str(folder)):
        write(folder)
    assert [path.name for path in folder.rglob("*.*")] == ["a01.wav"]


@pytest.mark.parametrize("wrong", [{"clips_per_class": 0}, {"corpora": ["iemocap"]}, {"corpora": ["esc10"]}])
def test_no_clips_or_an_unknown_corpus_are_refused(tmp_path, wrong):
    with pytest.raises(InputError):
        write(tmp_path / "demo", **wrong)
    assert list(tmp_path.rglob("*.wav")) == []


def test_a_copied_part_of_a_demo_corpus_is_known_for_one(demos, tmp_path):
    actor = next(demos["speech"].rglob("Actor_*"))
    shutil.copytree(actor, tmp_path / "data" / actor.name)
    (found,) = scan([tmp_path / "data"]).found
    assert (found.corpus, found.form, found.demo) == ("ravdess", "synthesised", True)
    with pytest.raises(InputError, match="synthesised"):
        verify("ravdess", tmp_path / "data")


def test_the_ordinary_scan_finds_all_corpora_of_speech_with_every_class_and_enough_speakers(demos):
    result = scan([demos["speech"]])
    assert result.demo
    assert result.left_out == []
    for found in result.found:
        assert found.counts == dict.fromkeys(CORPORA[found.corpus].expected, 3)
        assert (found.form, found.unlisted) == ("synthesised", 0)
    assert result.absent(list(CORPORA)) == [
        name for name in CORPORA if name not in ("ravdess", "savee", "tess", "crema_d")
    ]
    assert {found.corpus: found.layout for found in result.found} == {
        "crema_d": "AudioWAV folder",
        "ravdess": "Actor_NN folders",
        "savee": "speaker folders (DC/a01)",
        "tess": "folders per speaker and emotion",
    }
    speakers = result.manifest.groupby("corpus")["speaker"].nunique()
    assert dict(speakers) == {"crema_d": 18, "ravdess": 24, "savee": 4, "tess": 2}


def test_the_ordinary_scan_reads_music_in_the_layout_of_the_real_corpus(demos):
    (found,) = scan([demos["music"]]).found
    assert (found.corpus, found.clips, found.layout, found.form) == ("emotify", 8, "genre folders", "synthesised")
    assert found.counts == dict.fromkeys(GENRES, 2)


def test_a_clip_does_not_depend_on_the_number_of_clips(demos):
    folder = demos["speech"] / "SAVEE"
    clip = next(clip for clip in _clips("savee") if (folder / f"{clip.name}.wav").is_file())
    samples, rate = soundfile.read(folder / f"{clip.name}.wav", dtype="int16")
    assert rate == 44_100
    assert np.array_equal(samples, synthesise("savee", clip))


def test_clips_are_16_bit_at_the_corpus_rate_of_1_to_6_seconds_and_unclipped(demos):
    for corpus, recording in RECORDINGS.items():
        for path in (demos["speech"] / recording.folder).rglob("*.wav"):
            header = soundfile.info(path)
            assert (header.samplerate, header.channels, header.subtype) == (recording.sample_rate, 1, "PCM_16"), corpus
            assert 0.7 < header.duration < 6
            assert 0 < np.abs(soundfile.read(path)[0]).max() < 1


def test_tracks_are_unclipped_and_have_two_to_four_pieces_and_a_remainder(demos):
    for path in demos["music"].rglob("*.flac"):
        samples, rate = soundfile.read(path)
        assert rate == demo_emotify.SAMPLE_RATE
        assert 30 < len(samples) / rate < 61
        assert len(samples) / rate % 15 > 0.1
        assert 0.01 < np.abs(samples).max() < 1


def loudness(samples):
    return np.mean([np.sqrt(np.mean(one**2)) for one in samples])


def test_anger_is_louder_and_faster_than_sadness_on_average():
    angry, sad = (
        [synthesise("crema_d", clip) / 32768 for clip in _clips("crema_d") if clip.label == label][:20]
        for label in ("angry", "sad")
    )
    assert loudness(angry) > 1.5 * loudness(sad)
    assert sum(map(len, angry)) < sum(map(len, sad))


def test_power_is_louder_than_calmness():
    names = [f"{genre}/{number}" for genre in GENRES for number in range(1, 5)]
    power, calmness = (
        [demo_emotify.synthesise(name) / 32768 for name in names if demo_emotify.emotion(name) == wanted]
        for wanted in ("power", "calmness")
    )
    assert loudness(power) > 2 * loudness(calmness)


def test_the_whole_demo_has_every_published_name(tmp_path, monkeypatch):
    written: list[tuple] = []
    monkeypatch.setattr("common.corpora.demo._write_clip", lambda folder, seed, job: written.append(job))
    write(tmp_path / "whole", whole=True)
    assert sorted(clip.name for corpus, clip in written if corpus == "tess") == sorted(originals("tess"))
    assert len(written) == 12_162


def test_tagged_tracks_are_unclipped_and_their_spectrograms_are_those_of_their_audio(demos):
    manifest = scan([demos["tagged music"]]).manifest
    assert len(manifest) == 12
    assert manifest["duration"].between(12, 40.1).all()
    for path in map(Path, manifest["path"]):
        recording = path.parents[2] / "audio" / path.parent.name / f"{path.stem}.flac"
        waveform = audio.load(recording, sample_rate=12_000)
        assert 0.01 < np.abs(waveform).max() < 1
        assert np.array_equal(mtg_jamendo.mel(path), mtg_jamendo.mel_of(waveform))


def test_tracks_have_one_to_three_tags_and_eight_per_tag_give_every_set_each_tag():
    tracks = [(demo_jamendo._set(number), demo_jamendo.tags(number)) for number in range(48)]
    assert {len(tags) for _, tags in tracks} == {1, 2, 3}
    assert all(len(set(tags)) == len(tags) for _, tags in tracks)
    assert Counter(of_set for of_set, _ in tracks) == {"train": 24, "validation": 12, "test": 12}
    counts = Counter((of_set, tag) for of_set, tags in tracks for tag in tags)
    assert len(counts) == 3 * 6
    assert set(demo_jamendo.LAYERS) <= set(mtg_jamendo.TAGS)


def test_a_tag_can_be_seen_in_the_spectrogram():
    def band(number):
        """Return the mel band in which the track is loudest on average."""
        return mtg_jamendo.mel_of(demo_jamendo.synthesise(number)[::2] / np.float32(32768)).mean(axis=1).argmax()

    alone = {tag: [n for n in range(48) if demo_jamendo.tags(n) == [tag]] for tag in ("dark", "dream")}
    assert min(map(len, alone.values())) > 0
    assert max(map(band, alone["dark"])) < min(map(band, alone["dream"]))


EVENTS = [(of_set, number) for of_set, clips in (("train_curated", 80), ("test", 40)) for number in range(clips)]


def test_events_are_read_from_the_layout_and_the_tables_of_the_real_corpus(demos):
    scanned = scan([demos["tagged events"]])
    (found,) = scanned.found
    assert (found.counts, found.missing, found.form) == ({"train_curated": 32, "test": 16}, 0, "synthesised")
    clips = fsdkaggle2019.tagged(scanned.manifest)
    for of_set, total in found.counts.items():
        rows = clips[clips["set"] == of_set].set_index("name")
        made = {f"{of_set}/{demo_fsdkaggle2019.name(of_set, number)}": number for number in range(total)}
        assert set(made) == set(rows.index)
        for name, number in made.items():
            assert rows.loc[name, "label"].split(",") == demo_fsdkaggle2019.tags(of_set, number)
    assert clips.groupby("group")["set"].nunique().max() == 1
    assert clips["group"].nunique() == 24 + 8  # of four clips of a tag, two share a source


def test_events_are_short_unclipped_clips_of_44_1_khz_and_16_bit(demos):
    for path in demos["tagged events"].rglob("*.wav"):
        header = soundfile.info(path)
        assert (header.samplerate, header.channels, header.subtype) == (44_100, 1, "PCM_16")
        assert 0.5 <= header.duration <= 6
        assert 0.01 < np.abs(soundfile.read(path)[0]).max() < 1


def test_about_a_fifth_of_the_events_have_several_tags_and_every_set_has_each_tag():
    of_clips = [(of_set, demo_fsdkaggle2019.tags(of_set, number)) for of_set, number in EVENTS]
    assert all(len(set(tags)) == len(tags) <= 3 for _, tags in of_clips)
    assert 0.1 < np.mean([len(tags) > 1 for _, tags in of_clips]) < 0.35
    assert {tag for of_set, tags in of_clips for tag in tags} <= set(fsdkaggle2019.TAGS)
    assert len({(of_set, tag) for of_set, tags in of_clips for tag in tags}) == 2 * 8


def test_the_tag_of_an_event_can_be_told_by_its_mel_spectrogram():
    def described(clip):
        """Return mean and spread of each mel band over time."""
        waveform = demo_fsdkaggle2019.synthesise(*clip) / np.float32(32768)
        mel = librosa.feature.melspectrogram(y=waveform, sr=44_100, n_fft=2560, hop_length=692, n_mels=32)
        levels = librosa.power_to_db(mel, ref=np.max)
        return np.concatenate([levels.mean(axis=1), levels.std(axis=1)])

    alone = [clip for clip in EVENTS if len(demo_fsdkaggle2019.tags(*clip)) == 1]
    known, asked = ([clip for clip in alone if clip[0] == of_set] for of_set in ("train_curated", "test"))
    features = {clip: described(clip) for clip in alone}
    centres = {
        tag: np.mean([features[clip] for clip in known if demo_fsdkaggle2019.tags(*clip) == [tag]], axis=0)
        for tag in demo_fsdkaggle2019.EVENTS
    }
    said = [min(centres, key=lambda tag, at=features[clip]: np.linalg.norm(centres[tag] - at)) for clip in asked]
    right = np.mean([demo_fsdkaggle2019.tags(*clip) == [tag] for clip, tag in zip(asked, said, strict=True)])
    assert right > 0.9


def test_the_answers_give_the_tracks_their_emotions_except_for_ties(votes):
    labels = emotify.dominant(votes, ties="dropped")
    assert len(labels) == 360
    for genre in GENRES:
        for number in (1, 2, 3, 4, 96, 97):
            assert labels[emotify.track_id(genre, number)] == demo_emotify.emotion(f"{genre}/{number}")


def test_random_tie_breaking_leaves_two_tracks_with_amazement(votes):
    labels = emotify.dominant(votes, seed=3)
    assert sorted(labels.index[labels == "amazement"]) == sorted(
        emotify.track_id(genre, int(number)) for genre, number in (name.split("/") for name in demo_emotify.AMAZING)
    )


def test_eight_tracks_per_genre_have_every_emotion_at_least_three_times():
    played = Counter(demo_emotify.emotion(f"{genre}/{number}") for genre in GENRES for number in range(1, 9))
    assert played.keys() == set(emotify.EMOTIONS)
    assert played.pop("amazement") == 2
    assert min(played.values()) >= 3
