"""Records packed to be shipped."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.errors import InputError
from common.runs import records
from reports.keep import keep
from reports.results import collect

Write = Callable[..., Path]


@pytest.fixture
def packed(write: Write, runs: Path, tmp_path: Path) -> Path:
    folder = write()
    table = pd.read_csv(folder / "predictions.csv")
    table.assign(**dict.fromkeys(records.read(folder).data["task"]["outputs"], 0.125)).to_csv(
        folder / "predictions.csv", index=False
    )
    (folder / "fold-0").mkdir()
    (folder / "fold-0" / "model.joblib").write_bytes(b"large")
    (place,) = keep(runs, tmp_path / "kept")
    return place


def test_a_packed_record_says_the_same_to_a_report(packed: Path, runs: Path, tmp_path: Path) -> None:
    (kept,), (whole,) = (collect([folder]).groups for folder in (tmp_path / "kept", runs))
    assert kept.first == whole.first
    np.testing.assert_equal(vars(kept.runs[0].clips), vars(whole.runs[0].clips))


def test_a_packed_record_is_without_models_splits_and_probabilities(packed: Path) -> None:
    assert sorted(path.name for path in packed.iterdir()) == ["history.csv", records.PACKED, "record.json"]
    assert "calm" not in records.read(packed).predictions().columns


def test_packing_again_gives_the_same_bytes(packed: Path, runs: Path, tmp_path: Path) -> None:
    before = (packed / records.PACKED).read_bytes()
    (packed / "old.csv").write_text("left from before")
    keep(runs, tmp_path / "kept")
    assert (packed / records.PACKED).read_bytes() == before
    assert not (packed / "old.csv").exists()


def test_a_folder_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run"):
        keep(tmp_path, tmp_path / "kept")
