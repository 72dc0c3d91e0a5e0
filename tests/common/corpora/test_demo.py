import hashlib

import numpy as np
import pytest
import soundfile

from common.corpora import CORPORA, scan
from common.corpora.checksums import originals
from common.corpora.demo import RECORDINGS, _clips, synthesise, write
from common.errors import InputError


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.wav")
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return write(tmp_path_factory.mktemp("demo") / "demo", clips_per_class=3)


def test_the_same_seed_gives_the_same_bytes(demo, tmp_path):
    assert digests(write(tmp_path / "again", clips_per_class=3)) == digests(demo)


def test_another_seed_gives_other_bytes(tmp_path):
    one, other = (write(tmp_path / str(seed), clips_per_class=1, seed=seed, corpora=["tess"]) for seed in (0, 1))
    assert not set(digests(one).values()) & set(digests(other).values())


def test_a_clip_does_not_depend_on_the_number_of_clips(demo):
    clip = next(clip for clip in _clips("savee") if (demo / f"SAVEE/{clip.name}.wav").is_file())
    samples, rate = soundfile.read(demo / f"SAVEE/{clip.name}.wav", dtype="int16")
    assert rate == 44_100
    assert np.array_equal(samples, synthesise("savee", clip))


def test_the_ordinary_scan_finds_all_four_corpora_of_speech_with_every_class(demo):
    result = scan([demo])
    assert result.demo
    assert result.left_out == []
    for found in result.found:
        assert set(found.counts.values()) == {3}
        assert found.counts.keys() == CORPORA[found.corpus].expected.keys()
        assert (found.form, found.unlisted) == ("synthesised", 0)
    assert result.absent(list(CORPORA)) == ["emotify", "tava"]


def test_its_layouts_are_those_of_the_real_corpora(demo):
    layouts = {found.corpus: found.layout for found in scan([demo]).found}
    assert layouts == {
        "crema_d": "AudioWAV folder",
        "ravdess": "Actor_NN folders",
        "savee": "speaker folders (DC/a01)",
        "tess": "folders per speaker and emotion",
    }


def test_a_small_demo_has_enough_speakers_for_grouped_folds(demo):
    manifest = scan([demo]).manifest
    speakers = manifest.groupby("corpus")["speaker"].nunique()
    assert dict(speakers) == {"crema_d": 18, "ravdess": 24, "savee": 4, "tess": 2}


def test_clips_are_16_bit_at_the_corpus_rate_of_1_to_6_seconds_and_unclipped(demo):
    for corpus, recording in RECORDINGS.items():
        for path in (demo / recording.folder).rglob("*.wav"):
            header = soundfile.info(path)
            assert (header.samplerate, header.channels, header.subtype) == (recording.sample_rate, 1, "PCM_16"), corpus
            assert 0.7 < header.duration < 6
            assert 0 < np.abs(soundfile.read(path)[0]).max() < 1


def test_anger_is_louder_and_faster_than_sadness_on_average():
    def loudness_and_length(label):
        clips = [clip for clip in _clips("crema_d") if clip.label == label][:20]
        samples = [synthesise("crema_d", clip) / 32768 for clip in clips]
        return np.mean([np.sqrt(np.mean(s**2)) for s in samples]), np.mean([len(s) for s in samples])

    (loud, short), (quiet, long) = loudness_and_length("angry"), loudness_and_length("sad")
    assert loud > 1.5 * quiet
    assert short < long


def test_the_whole_demo_has_every_published_name(tmp_path, monkeypatch):
    monkeypatch.setattr("common.corpora.demo._write_clip", lambda folder, seed, job: written.append(job))
    written: list[tuple] = []
    write(tmp_path / "whole", whole=True)
    assert sorted(clip.name for corpus, clip in written if corpus == "tess") == sorted(originals("tess"))
    assert len(written) == 12_162


def test_writing_again_only_adds_missing_clips(tmp_path):
    folder = write(tmp_path / "demo", clips_per_class=1, corpora=["savee"])
    whole = digests(folder)
    next(folder.rglob("*.wav")).unlink()
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("*.wav")}
    write(folder, clips_per_class=1, corpora=["savee"])
    assert digests(folder) == whole
    assert all(path.stat().st_mtime_ns == then for path, then in kept.items())


def test_a_folder_with_other_files_is_refused(make_clips):
    folder = make_clips(["DC/a01.wav"])
    with pytest.raises(InputError, match=str(folder)):
        write(folder)
    assert [path.name for path in folder.rglob("*.*")] == ["a01.wav"]


def test_a_folder_with_another_demo_corpus_is_refused(demo):
    before = digests(demo)
    with pytest.raises(InputError, match="seed 0"):
        write(demo, clips_per_class=3, seed=1)
    assert digests(demo) == before


@pytest.mark.parametrize("wrong", [{"clips_per_class": 0}, {"corpora": ["iemocap"]}])
def test_no_clips_or_an_unknown_corpus_are_refused(tmp_path, wrong):
    with pytest.raises(InputError):
        write(tmp_path / "demo", **wrong)
    assert list(tmp_path.rglob("*.wav")) == []
