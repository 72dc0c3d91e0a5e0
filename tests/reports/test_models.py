"""Which model to take: the best one, what differs from it beyond chance, and what each costs."""

from pathlib import Path

import pandas as pd
import pytest
from synthetic import Write

from common import files
from common.published import load
from common.runs import records
from reports import models
from reports.blocks import Section, Table, cell_text
from reports.collect import collect
from reports.results import Group

SER = load("ser_parallel")


def on_the_same_clips(first: Path, second: Path) -> None:
    """Give the clips of two records the same names."""
    tables = [records.read(folder).predictions() for folder in (first, second)]
    files.write_table(second / "predictions.csv", tables[1].assign(name=tables[0]["name"]))


def groups_of(runs: Path) -> list[Group]:
    return collect([runs]).of("ser_parallel")


def answered(runs: Path) -> Section:
    return models.section(SER, groups_of(runs), ["single-cnn"])


def column(section: Section, heading: str) -> list[str]:
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    place = [one.heading for one in table.columns].index(heading)
    return [cell_text(row[place]) for row in table.rows]


def test_the_best_comes_first_and_only_what_is_worse_beyond_the_interval_is_called_so(write: Write, runs: Path) -> None:
    for name, accuracy in (("single-cnn", 0.6), ("dual-cnn", 0.6), ("parallel-mfcc", 0.3)):
        for seed in range(3):
            write(name, seed=seed, accuracy=accuracy + 0.001 * seed)
    found = answered(runs)
    assert column(found, "Id") == ["single-cnn", "dual-cnn", "parallel-mfcc"]
    assert column(found, "Worse than the first?") == ["", "not shown", "worse"]
    assert column(found, "Parameters")[0] == "27,495"
    assert "1 of the other 2 is not shown to be worse" in found.blocks[0].text


def test_the_best_mean_may_be_behind_on_the_seeds_that_two_models_share(write: Write, runs: Path) -> None:
    for seed, accuracy in enumerate((0.6, 0.8)):
        write("single-cnn", seed=seed, accuracy=accuracy)
    write("dual-cnn", accuracy=0.65)
    found = answered(runs)
    assert column(found, "Id") == ["single-cnn", "dual-cnn"]
    assert column(found, "Shared seeds")[1] == "1"
    assert column(found, "Behind the first, on shared seeds")[1].startswith("\N{MINUS SIGN}0.05")
    assert "No model is shown to be the best" in found.blocks[0].text


def test_one_seed_calls_no_model_worse(write: Write, runs: Path) -> None:
    write("single-cnn", accuracy=0.9)
    write("dual-cnn", accuracy=0.1)
    assert column(answered(runs), "Worse than the first?") == ["", "not shown"]


def test_mcnemar_tests_what_was_run_on_the_same_clips(write: Write, runs: Path) -> None:
    first, second = write("single-cnn", accuracy=0.5), write("dual-cnn", accuracy=0.8)
    on_the_same_clips(first, second)
    assert float(column(answered(runs), "McNemar's p")[1]) < 1e-6
    right = pd.DataFrame({group.experiment: group.runs[0].per_clip for group in groups_of(runs)})
    assert float(column(answered(runs), "Behind the first, on shared seeds")[1].split()[0]) == pytest.approx(
        right["dual-cnn"].mean() - right["single-cnn"].mean(), abs=1e-3
    )


def test_the_strictest_protocol_counts_that_has_half_as_many_models(write: Write, runs: Path) -> None:
    for name in ("single-cnn", "dual-cnn", "parallel-mfcc", "parallel-mel"):
        write(name)
    write("single-cnn", "independent")
    assert len(column(answered(runs), "Id")) == 4
    write("dual-cnn", "independent")
    assert column(answered(runs), "Id") == ["single-cnn", "dual-cnn"]


def test_one_model_is_no_choice(write: Write, runs: Path) -> None:
    write("single-cnn")
    assert not answered(runs).blocks
