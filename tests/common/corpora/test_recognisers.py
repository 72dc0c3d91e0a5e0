from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora import CORPORA, scan
from common.corpora.base import Clip, Refusal
from common.corpora.checksums import names_of

KNOWN = {name: corpus for name, corpus in CORPORA.items() if not callable(corpus.names)}
"""The corpora whose names are known here, and not only from tables beside their clips."""


@pytest.mark.parametrize("corpus", KNOWN.values(), ids=list(KNOWN))
def test_every_published_name_is_read_with_the_counts_of_the_complete_corpus(corpus):
    clips = {name: corpus.recognise(Path(f"{name}.wav")) for name in names_of(corpus)}
    assert all(clip.name == name for name, clip in clips.items())
    assert Counter(clip.label for clip in clips.values()) == corpus.expected
    assert len({clip.speaker for clip in clips.values()} - {""}) == corpus.speakers


@given(st.text("0123456789-_. ADFNOPRSXYabdefhinprsuß", min_size=1), st.sampled_from(["DC", "Actor_01", "x"]))
def test_recognisers_accept_any_name_and_return_known_labels_only(name, folder):
    for corpus in CORPORA.values():
        said = corpus.recognise(Path("/", folder, f"{name}.wav"))
        assert said is None or isinstance(said, Refusal) or said.label in corpus.expected


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_no_corpus_reads_the_names_of_another(name):
    others = [corpus for corpus in CORPORA.values() if corpus.name != name]
    paths = [Path(f"{clip}.wav") for clip in names_of(CORPORA[name])]
    assert not any(other.recognise(path) for other in others for path in paths)


@pytest.mark.parametrize(
    ("corpus", "path", "clip"),
    [
        ("ravdess", "Actor_07/03-01-08-02-01-02-07.flac", ("Actor_07/03-01-08-02-01-02-07", "surprise", "07")),
        ("ravdess", "x/03-01-02-01-01-01-24.WAV", ("Actor_24/03-01-02-01-01-01-24", "calm", "24")),
        ("savee", "AudioData/KL/su15.wav", ("KL/su15", "surprise", "KL")),
        ("savee", "ALL/JE_sa01.mp3", ("JE/sa01", "sad", "JE")),
        ("savee", "DC/DC_n30.wav", ("DC/n30", "neutral", "DC")),
        ("tess", "all/YAF_dog_ps.wav", ("YAF_pleasant_surprised/YAF_dog_ps", "surprise", "YAF")),
        ("tess", "all/OAF_bite_neutral.wav", ("OAF_neutral/OA_bite_neutral", "neutral", "OAF")),
        ("tess", "OAF_Fear/oaf_back_fear.WAV", ("OAF_Fear/OAF_back_fear", "fear", "OAF")),
        ("crema_d", "x/1091_WSI_NEU_XX.opus", ("AudioWAV/1091_WSI_NEU_XX", "neutral", "1091")),
        ("crema_d", "AudioWAV/1040_ITH_SAD_X.wav", ("AudioWAV/1040_ITH_SAD_XX", "sad", "1040")),
        ("emotify", "emotifymusic/rock/100.mp3", ("rock/100", "rock", "")),
        ("tava", "x/s44_serene_audio.flac", ("recordings/s44_serene_audio", "serene", "44")),
        ("emodb", "EMO-DB/wav/16b10Wb.flac", ("wav/16b10Wb", "angry", "16")),
        ("emotify", "/music/Emotify/mp3/Pop/7.OPUS", ("pop/7", "pop", "")),
        ("esc10", "x/001 - dog bark/1-100032-A.OGG", ("001 - Dog bark/1-100032-A", "dog", "")),
        ("esc10", "ESC-50/audio/5-234879-B-1.wav", ("009 - Rooster/5-234879-B", "rooster", "")),
        ("esc10", "4-166661-A-10.flac", ("002 - Rain/4-166661-A", "rain", "")),
    ],
)
def test_a_name_gives_canonical_name_label_and_speaker(corpus, path, clip):
    said = CORPORA[corpus].recognise(Path(path))
    assert isinstance(said, Clip)
    assert (said.name, said.label, said.speaker) == clip


@pytest.mark.parametrize(
    ("corpus", "path"),
    [
        ("savee", "a01.wav"),
        ("savee", "clips/a01.wav"),
        ("savee", "DC/a1.wav"),
        ("savee", "DC/x01.wav"),
        ("savee", "XX_a01.wav"),
        ("ravdess", "03-01-09-01-01-01-01.wav"),
        ("ravdess", "03-01-01-01-01-01-25.wav"),
        ("ravdess", "03-01-01-01-01-01-01 (1).wav"),
        ("tess", "OAF_back_surprise.wav"),
        ("tess", "OAF_back_fear_noise.wav"),
        ("crema_d", "1092_DFA_ANG_XX.wav"),
        ("crema_d", "1000_DFA_ANG_XX.wav"),
        ("crema_d", "1001_DFA_SUR_XX.wav"),
        ("emotify", "emotifymusic/rock/0.mp3"),
        ("emotify", "emotifymusic/rock/101.mp3"),
        ("emotify", "emotifymusic/rock/07.mp3"),
        ("emotify", "emotifymusic/jazz/7.mp3"),
        ("emotify", "songs/rock/7.mp3"),
        ("tava", "recordings/s03_serene_audio.wav"),
        ("tava", "recordings/s01_bored_audio.wav"),
        ("emodb", "wav/01a01Fa.wav"),
        ("emodb", "wav/03a03Fa.wav"),
        ("emodb", "wav/03a01Xa.wav"),
        ("esc10", "audio/1-100032-A.ogg"),
        ("esc10", "001 - Dog bark/6-100032-A.ogg"),
        ("esc10", "001 - Dog bark/100032-A.ogg"),
        ("esc10", "audio/1-100032-A-50.wav"),
        ("fsdkaggle2019", "train/0006ae4e.wav"),
        ("fsdkaggle2019", "test/0006ae4e.wav"),
        ("fsdkaggle2019", "train_curated/0006ae4.wav"),
        ("fsdkaggle2019", "FSDKaggle2019.audio_train_curated/bark.wav"),
    ],
)
def test_a_name_outside_the_pattern_is_not_read(corpus, path):
    assert CORPORA[corpus].recognise(Path(path)) is None


def test_emodb_has_the_clips_and_speakers_of_four_emotions_and_refuses_the_others(shared_data):
    found = scan([shared_data / "emodb"]).found[0]
    assert (found.clips, found.missing, found.unlisted, found.speakers) == (339, 0, 0, 10)
    assert found.counts == CORPORA["emodb"].expected
    assert isinstance(CORPORA["emodb"].recognise(Path("03a01La.wav")), Refusal)


@pytest.mark.parametrize(
    "name",
    [pytest.param("03-02-03-01-01-01-01.wav", id="song"), pytest.param("01-01-03-01-01-01-01.wav", id="video")],
)
def test_song_and_video_of_ravdess_are_refused(name):
    assert isinstance(CORPORA["ravdess"].recognise(Path(name)), Refusal)
