"""Packs records to be shipped: what reports read of a run, small enough for a repository of hundreds.

A packed record is a run's folder without its models, with the predicted classes but not their probabilities,
compressed, and without `split.csv`: the same command gives all of it again, to the byte.
"""

import shutil
from pathlib import Path

from common import files, illustrations, trials
from common.errors import InputError
from common.runs import records
from common.runs.records import PACKED, Record


def keep(runs: Path, out: Path) -> list[Path]:
    """Pack every finished run below a folder into the same place below another, and copy trials and illustrations.

    What a place held before is replaced; runs that are not finished are passed over.

    Returns:
        The folders written.

    Raises:
        InputError: there is no finished run, or one is damaged.
    """
    found = [records.read(folder) for folder in records.find(runs)]
    if not found:
        raise InputError(f"no finished run below {runs}; run an experiment first, or name another folder with --runs")
    for path in [*trials.find([runs]), *illustrations.find([runs])]:
        files.write_bytes(out / path.relative_to(runs), path.read_bytes())
    return [_packed(record, out / record.folder.relative_to(runs)) for record in found]


def _packed(record: Record, place: Path) -> Path:
    predictions = record.predictions().drop(columns=record.data["task"]["outputs"], errors="ignore")
    history = (record.folder / "history.csv").read_text(encoding="utf-8")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    predictions.to_csv(place / PACKED, index=False, lineterminator="\n", compression="xz")
    files.write_text(place / "history.csv", history)
    records.write(place, {name: value for name, value in record.data.items() if name != "schema"})
    return place
