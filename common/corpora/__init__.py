"""The corpora: their facts, how to get them, and how folders of audio become a manifest.

`scan` reads folders into a manifest, `verify` compares files with the published checksums, `download.download` fetches
the corpora that may be downloaded. `common.corpora.demo` synthesises a substitute for all of them. No module here needs
Keras, except to compute mel spectrograms as those of MTG-Jamendo.
"""

from common.corpora.base import DEMO_MARKER, FORMS, LABELS, MANIFEST_COLUMNS, Corpus, Found, LeftOut, Scan
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
    "scan",
    "verify",
]
