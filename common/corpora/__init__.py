"""Corpora: what they are, where they come from, and how folders of them become a manifest.

`scan` reads folders into a manifest, `verify` compares files with the published ones, `download` fetches what may be
fetched. `common.corpora.demo` synthesises a stand-in for all of them. No module here needs Keras.
"""

from common.corpora.base import DEMO_MARKER, FORMS, LABELS, MANIFEST_COLUMNS, Corpus, Found, LeftOut, Scan
from common.corpora.download import download
from common.corpora.registry import CORPORA
from common.corpora.scanning import scan
from common.corpora.verify import Verification, verify

__all__ = [
    "CORPORA",
    "DEMO_MARKER",
    "FORMS",
    "LABELS",
    "MANIFEST_COLUMNS",
    "Corpus",
    "Found",
    "LeftOut",
    "Scan",
    "Verification",
    "download",
    "scan",
    "verify",
]
