import pandas as pd
import pytest

from common.corpora import CORPORA
from reproductions.ser_parallel import STUDY

SPEAKERS = 8


@pytest.fixture(scope="session")
def whole_manifest() -> pd.DataFrame:
    """Return the labels of all 12,162 clips, without their audio, spread over a few speakers of each corpus."""
    rows = [
        {"corpus": corpus, "label": label, "name": f"{corpus}/{label}/{n}", "speaker": f"{corpus}-{n % SPEAKERS}"}
        for corpus in STUDY.corpora
        for label, count in CORPORA[corpus].expected.items()
        for n in range(count)
    ]
    return pd.DataFrame(rows)
