import lzma

import pytest

from common.corpora import CORPORA
from common.corpora.checksums import INDEX, indexed, names_of, originals
from common.errors import InputError


def test_every_corpus_names_all_its_clips():
    known = {name: corpus for name, corpus in CORPORA.items() if not callable(corpus.names)}
    assert {name: len(names_of(corpus)) for name, corpus in known.items()} == {
        name: corpus.clips for name, corpus in known.items()
    }
    assert set(CORPORA) - set(known) == {"mtg_jamendo", "fsdkaggle2019"}  # names are in tables beside the clips


@pytest.mark.parametrize("name", indexed())
def test_the_packed_index_equals_the_original_csv(name, shared_data):
    assert (
        lzma.decompress((INDEX / f"{name}.csv.xz").read_bytes()) == (shared_data / "index" / f"{name}.csv").read_bytes()
    )


def test_an_unknown_corpus_is_refused_with_the_known_names():
    with pytest.raises(InputError, match="tess"):
        originals("iemocap")
