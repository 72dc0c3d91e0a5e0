"""The published corpora that Encore knows, in the documents' order."""

from common.corpora.base import Corpus
from common.corpora.crema_d import CREMA_D
from common.corpora.emodb import EMODB
from common.corpora.emotify import EMOTIFY
from common.corpora.esc10 import ESC10
from common.corpora.fsdkaggle2019 import FSDKAGGLE2019
from common.corpora.mtg_jamendo import MTG_JAMENDO
from common.corpora.ravdess import RAVDESS
from common.corpora.savee import SAVEE
from common.corpora.tava import TAVA
from common.corpora.tess import TESS
from common.errors import InputError, not_among

CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (RAVDESS, SAVEE, TESS, CREMA_D, EMOTIFY, TAVA, EMODB, MTG_JAMENDO, FSDKAGGLE2019, ESC10)
}


def corpus_called(name: str) -> Corpus:
    """Return the corpus `name`.

    Raises:
        InputError: there is no such corpus; the message lists the known ones.
    """
    if name not in CORPORA:
        raise InputError(f"Encore has no corpus {name!r}{not_among(name, CORPORA)}")
    return CORPORA[name]
