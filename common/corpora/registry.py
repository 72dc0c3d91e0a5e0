"""The published corpora that Encore knows, in the documents' order."""

from common.corpora.base import Corpus
from common.corpora.crema_d import CREMA_D
from common.corpora.emotify import EMOTIFY
from common.corpora.ravdess import RAVDESS
from common.corpora.savee import SAVEE
from common.corpora.tess import TESS
from common.errors import InputError

CORPORA: dict[str, Corpus] = {corpus.name: corpus for corpus in (RAVDESS, SAVEE, TESS, CREMA_D, EMOTIFY)}


def corpus_called(name: str) -> Corpus:
    """Return the corpus `name`; raises InputError with the known names when there is none."""
    if name not in CORPORA:
        raise InputError(f"no corpus is called {name!r}; known are {', '.join(CORPORA)}")
    return CORPORA[name]
