import hashlib
import os
import shutil
import sys

import pytest

from common.corpora import DEMO_MARKER, verify
from common.corpora.checksums import Original, originals
from common.errors import InputError


@pytest.fixture
def savee_of_one_clip(make_clips, monkeypatch):
    """A folder with DC/a01, whose bytes the index gives as published."""
    folder = make_clips(["DC/a01.wav"])
    contents = (folder / "DC/a01.wav").read_bytes()
    published = Original("DC/a01.wav", len(contents), hashlib.sha256(contents).hexdigest())
    index = originals("savee") | {"DC/a01": published}
    monkeypatch.setattr(sys.modules["common.corpora.verify"], "originals", lambda name: index)
    return folder


def test_a_published_file_is_verified_until_its_bytes_change_and_the_rest_missing(savee_of_one_clip):
    outcome = verify("savee", savee_of_one_clip)
    assert outcome.verified == ["DC/a01"]
    assert (len(outcome.missing), outcome.re_encoded, outcome.unknown, outcome.complete) == (479, [], [], False)
    path = savee_of_one_clip / "DC/a01.wav"
    path.write_bytes(path.read_bytes() + b"x")
    assert verify("savee", savee_of_one_clip).re_encoded == ["DC/a01"]


def test_a_clip_is_verified_if_one_of_its_copies_is(savee_of_one_clip):
    (savee_of_one_clip / "DC_a01.flac").write_bytes(b"another")
    outcome = verify("savee", savee_of_one_clip)
    assert (outcome.verified, outcome.re_encoded) == (["DC/a01"], [])


def test_a_broken_link_and_a_named_pipe_count_as_missing(savee_of_one_clip):
    (savee_of_one_clip / "DC/a01.wav").unlink()
    (savee_of_one_clip / "DC/a01.wav").symlink_to("gone.wav")
    os.mkfifo(savee_of_one_clip / "DC/a02.wav")
    outcome = verify("savee", savee_of_one_clip)
    assert (len(outcome.missing), outcome.re_encoded, outcome.unknown) == (480, [], [])


def test_audio_that_is_not_a_clip_of_the_corpus_is_unknown(savee_of_one_clip):
    shutil.copy(savee_of_one_clip / "DC/a01.wav", savee_of_one_clip / "DC/a99.wav")
    shutil.copy(savee_of_one_clip / "DC/a01.wav", savee_of_one_clip / "x.wav")
    assert verify("savee", savee_of_one_clip).unknown == ["x.wav", "DC/a99.wav"]


@pytest.mark.parametrize(
    ("corpus", "folder", "clips"),
    [("ravdess", "ravdess", 1440), ("emotify", "emotify", 400), ("emotify", "emotify/emotifymusic", 400)],
)
def test_a_real_corpus_is_complete_but_re_encoded_from_any_folder(shared_data, monkeypatch, corpus, folder, clips):
    monkeypatch.chdir(shared_data / folder)
    outcome = verify(corpus, ".")
    assert (len(outcome.re_encoded), outcome.verified, outcome.missing, outcome.unknown) == (clips, [], [], [])


def test_a_demo_corpus_is_not_verified(make_clips):
    folder = make_clips(["SAVEE/DC/a01.wav"])
    (folder / DEMO_MARKER).touch()
    with pytest.raises(InputError, match="synthesised"):
        verify("savee", folder / "SAVEE")
