"""What belongs to document 001 alone in the reports."""

from pathlib import Path

import pytest
from synthetic import regressed

from common.published import load
from reports.blocks import Link, Number, Section, Table
from reports.collect import collect
from reports.studies.valence_parallel_conv import combinations

KNOWN = load("valence_parallel_conv")


def run(runs: Path, experiment: str, *errors: float) -> None:
    """Write a run per validation MAE."""
    for seed, error in enumerate(errors):
        one = regressed(["valence"], KNOWN.study, experiment, seed=seed)
        one.content["metrics"]["val_mae"] = {"value": error, "interval": [0, 1], "n": 144, "method": "bootstrap"}
        one.write(runs)


def section_of(runs: Path) -> Section:
    found = combinations(KNOWN, collect([runs]).groups, {})
    assert found is not None
    return found[0]


def table_of(runs: Path) -> Table:
    (table,) = (block for block in section_of(runs).blocks if isinstance(block, Table))
    return table


def test_without_runs_there_is_no_table_of_combinations() -> None:
    assert combinations(KNOWN, [], {}) is None


def test_the_best_combination_by_lowest_trial_and_by_mean_is_marked_once_all_were_run(runs: Path) -> None:
    for name in (f"combination-{number}" for number in range(1, 13) if number not in (2, 6)):
        run(runs, name, 0.7)
    run(runs, "combination-2", 0.20, 0.60, 0.61)
    assert {row[-1] for row in table_of(runs).rows} == {""}
    run(runs, "combination-6", 0.30, 0.31, 0.32)
    rows = {row[0].section: row for row in table_of(runs).rows if isinstance(row[0], Link)}
    marks = {name: (row[8], row[-1]) for name, row in rows.items()}
    assert marks["combination-6"] == ("lowest, mean", "mean")
    assert marks["combination-2"] == ("", "lowest")
    ours = rows["combination-2"][-5:-1]
    assert [cell.value for cell in ours if isinstance(cell, Number)] == pytest.approx([0.20, 0.60, 0.61, 0.47])


def test_the_baseline_stands_beside_the_combinations_by_the_mae_of_its_test_clips(runs: Path) -> None:
    run(runs, "combination-6", 0.3)
    one = regressed(["valence"], KNOWN.study, "mean-baseline")
    one.write(runs)
    words, _ = section_of(runs).blocks
    assert f"{one.content['metrics']['mae']['value']:.4f}" in words.text
    assert "1 of 12" in words.text
