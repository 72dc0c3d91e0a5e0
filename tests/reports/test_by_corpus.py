"""Scores within each corpus of a run, and of each class under each value of a switch."""

from pathlib import Path

import numpy as np
import pytest
from synthetic import CLASSES, Synthetic, classified, tagged

from common.intervals import wilson
from common.published import load
from common.tasks.classification import classification
from reports.blocks import Cell, Number, Table
from reports.by_corpus import corpora_of, within
from reports.class_tables import corpus_table, switch_table
from reports.collect import collect
from reports.columns import sides_of

SER = load("ser_parallel")


def mixed(protocol: str = "published", seed: int = 0, *, savee_right: float = 0.5) -> Synthetic:
    """Return a run on RAVDESS and SAVEE; with `labels=document` all of SAVEE is surprise, and always right."""
    run = classified("single-cnn", protocol, seed, clips=1440)
    table = run.predictions
    draw = np.random.default_rng(seed)
    savee = np.arange(len(table)) % 3 == 0
    table.loc[savee, "corpus"] = "savee"
    table.loc[savee, "speaker"] = [f"savee-{number % 4}" for number in range(savee.sum())]
    if "labels=right" in protocol:
        wrong = savee & (draw.random(len(table)) >= savee_right)
        table["predicted"] = table["predicted"].mask(savee, table["true"]).mask(wrong, "angry")
    else:
        table.loc[savee, ["true", "predicted"]] = "surprise"
    numbers = [[CLASSES.index(name) for name in table[side]] for side in ("true", "predicted")]
    run.content.update(vars(classification(*numbers, CLASSES)))
    run.content["baselines"]["majority"]["accuracy"] = float(table["true"].value_counts(normalize=True).max())
    run.content["data"]["missing"].remove("savee")
    run.content["data"]["corpora"]["savee"] = dict(run.content["data"]["corpora"]["ravdess"])
    return run


def cells(table: Table | None) -> dict[tuple[str, str], dict[str, Cell]]:
    """Return the rows of a table by their first two cells, each by the headings of its columns."""
    assert table is not None
    headings = [column.heading for column in table.columns]
    return {(str(row[0]), str(row[1])): dict(zip(headings, row, strict=True)) for row in table.rows}


def value(cell: Cell) -> float:
    assert isinstance(cell, Number)
    return cell.value


def test_scores_within_a_corpus_are_those_of_its_clips(runs: Path) -> None:
    run = mixed("published+labels=right")
    run.write(runs)
    (group,) = collect([runs]).groups
    assert corpora_of([group]) == ["ravdess", "savee"]
    for corpus in ("ravdess", "savee"):
        own = run.predictions[run.predictions["corpus"] == corpus]
        part = within(group, corpus)
        assert part is not None
        accuracy = part.result("accuracy")
        hits = (own["true"] == own["predicted"]).mean()
        assert accuracy is not None
        assert (accuracy.value, accuracy.n) == (pytest.approx(hits), len(own))
        assert accuracy.interval == pytest.approx(wilson(hits, len(own)))
        of_sad = own[own["true"] == "sad"]
        recall = part.result("recall", "sad")
        assert recall is not None
        assert (recall.value, recall.n) == (pytest.approx((of_sad["predicted"] == "sad").mean()), len(of_sad))


def test_over_seeds_a_corpus_has_its_own_distinct_clips(runs: Path) -> None:
    for seed in (0, 1):
        mixed(seed=seed).write(runs)
    (group,) = collect([runs]).groups
    part = within(group, "savee")
    assert part is not None
    accuracy = part.result("accuracy")
    assert accuracy is not None
    assert (accuracy.value, accuracy.n, set(accuracy.seeds)) == (1, 2 * 48, {0, 1})
    assert accuracy.interval == pytest.approx((wilson(1.0, 96)[0], 1))


def test_a_table_shows_each_corpus_and_its_classes(runs: Path) -> None:
    mixed().write(runs)
    table = corpus_table(SER, "single-cnn", sides_of(collect([runs]).groups))
    rows = cells(table)
    assert {row for row in rows if row[0] == "SAVEE"} == {("SAVEE", "Accuracy"), ("SAVEE", "Surprise")}
    assert len({row for row in rows if row[0] == "RAVDESS"}) == 1 + len(CLASSES)
    assert value(rows["SAVEE", "Accuracy"]["F1 score, ours, published"]) == 1
    assert value(rows["SAVEE", "Surprise"]["Support, ours, published"]) == 48


def test_one_corpus_and_no_switch_have_no_tables(runs: Path) -> None:
    classified("single-cnn", clips=1440).write(runs)
    groups = collect([runs]).groups
    assert corpus_table(SER, "single-cnn", sides_of(groups)) is None
    assert switch_table(SER, "single-cnn", groups) is None


def test_values_of_a_switch_are_compared_overall_by_corpus_and_by_class(runs: Path) -> None:
    for run in (mixed(), mixed("published+labels=right"), classified("single-cnn", "independent")):
        run.write(runs)
    groups = collect([runs]).groups
    table = switch_table(SER, "single-cnn", groups)
    assert table is not None
    assert [row[0] for row in table.rows] == ["published", "published+labels=right"]
    headings = [column.heading for column in table.columns]
    wrong, right = (dict(zip(headings, row, strict=True)) for row in table.rows)
    assert value(wrong["Accuracy, SAVEE"]) == 1
    assert value(right["Accuracy, SAVEE"]) < 0.8
    by_protocol = {group.protocol: group for group in groups}
    for side, protocol in ((wrong, "published"), (right, "published+labels=right")):
        for name in CLASSES:
            result = by_protocol[protocol].result("f1", name)
            assert result is not None
            assert value(side[f"F1, {name.capitalize()}"]) == pytest.approx(result.value)


def test_many_tags_have_a_row_each(runs: Path) -> None:
    tags = [f"tag{number:02d}" for number in range(30)]
    for protocol in ("published", "published+gru_axis=frames"):
        tagged(tags, "freesound_tagging", "dcnn", protocol).write(runs)
    table = switch_table(load("freesound_tagging"), "dcnn", collect([runs]).groups)
    assert table is not None
    assert [column.heading for column in table.columns] == ["Score", "published", "published+gru_axis=frames"]
    assert len(table.rows) == 1 + len(tags)
