import json
from pathlib import Path

import numpy as np
import pytest
from synthetic import Write, reseal, searched

from common.published import load
from reports.blocks import MISSING, Table, cell_text
from reports.build import study_of
from reports.collect import collect
from reports.figures import pictures, trials
from reports.results import Collected
from reports.search_tables import search_table

SER = load("ser_parallel")
(PRINTED,) = (search for search in SER.searches if search.rows)


def table_of(collected: Collected) -> Table:
    return search_table(SER, PRINTED, collected.searches)


def column(table: Table, heading: str) -> list[str]:
    place = [one.heading for one in table.columns].index(heading)
    return [cell_text(row[place]) for row in table.rows]


def test_the_scores_of_the_last_epoch_stand_beside_the_printed_ones(search: Write, runs: Path) -> None:
    search("literal", epochs=2, best=0.01)
    search("full", epochs=100, best=0.001)
    table = table_of(collect([runs]))
    names = ("published", "ours, literal", "ours, full")
    assert [column(table, f"Validation epoch accuracy, {side}") for side in names] == [
        ["0.178", "0.163", "0.496", "0.565"],
        ["0.102", "0.152", "0.202", "0.552"],
        ["0.200", "0.250", "0.600", "0.350"],
    ]
    assert [column(table, f"Chosen, {side}").index("chosen") for side in names] == [3, 3, 2]


def test_the_notes_have_the_search_its_data_and_its_best_trial(search: Write, runs: Path) -> None:
    search("literal")
    first, ranking, second = table_of(collect([runs])).notes
    assert "Hyperband, 4 trials of at most 2 of 100 epochs; 1,440 of 12,162 clips" in first
    assert first.endswith("not comparable.")
    assert "0.552 in epoch 2; next 0.202, learning rate 0.001" in ranking
    assert "it ended early" in second


def test_hyperband_and_a_grid_of_the_same_values_are_compared(search: Write, runs: Path) -> None:
    search("literal", epochs=2)
    search("full", epochs=100)
    search("full", epochs=100, seed=1)
    notes = [note for note in table_of(collect([runs])).notes if note.startswith("Hyperband trained")]
    assert len(notes) == 1
    assert "8 epochs and the grid 400" in notes[0]


def test_a_search_of_the_demo_corpus_is_called_a_demo(search: Write, runs: Path) -> None:
    search(demo=True)
    collected = collect([runs])
    assert "Chosen, ours, literal, demo" in [one.heading for one in table_of(collected).columns]
    (picture,) = trials.pictures(SER, collected.searches)
    assert picture.demo
    assert picture.name.endswith("-demo")


def test_several_seeds_are_told_apart(search: Write, runs: Path) -> None:
    search(seed=0)
    search(seed=1)
    assert {"Chosen, ours, literal, seed 0", "Chosen, ours, literal, seed 1"} <= {
        one.heading for one in table_of(collect([runs])).columns
    }


def test_a_search_that_prints_its_space_alone_has_our_choice_beside_the_printed_one(search: Write, runs: Path) -> None:
    search(experiment="vgg16-0", chosen={"learning_rate": 0.01})
    (vgg,) = (one for one in SER.searches if one.experiment == "vgg16-0")
    table = search_table(SER, vgg, collect([runs]).searches)
    assert column(table, "Chosen, published") == ["512", "192", "1e-05"]
    assert column(table, "Chosen, ours, literal") == [MISSING] * 2 + ["0.01"]


def test_the_picture_has_a_curve_per_rate_and_rings_what_each_search_chose(search: Write, runs: Path) -> None:
    search("literal", epochs=2, best=0.01)
    search("full", epochs=100, best=0.001)
    figure = trials.trials_figure(SER, collect([runs]).searches)
    curves = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 100]
    rings = [(line.get_xdata()[0], line.get_ydata()[0]) for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert len(figure.axes) == 4
    assert len(curves) == 4
    np.testing.assert_allclose(rings, [(2, 0.552), (100, 0.6)])


def test_the_searches_of_one_protocol_and_seed_share_a_picture(search: Write, runs: Path) -> None:
    for name, epochs in (("literal", 2), ("full", 9)):
        search(name, epochs=epochs)
    listed = [picture.name for picture in pictures(SER, [], [], collect([runs]).searches)]
    assert [name for name in listed if name.startswith("trials")] == ["trials-single-cnn-published"]


def test_a_study_that_was_only_searched_has_its_picture_in_the_experiments_section(search: Write, runs: Path) -> None:
    search()
    collected = collect([runs])
    assert collected.studies() == ["ser_parallel"]
    assert "trials-single-cnn-published" in study_of("ser_parallel", [], collected.searches).chapter.pictures


def first_row(**changes: object) -> dict[str, object]:
    """Return a change of the first row of a search."""
    rows = searched().content["rows"]
    return {"rows": [rows[0] | changes, *rows[1:]]}


def written(folder: Path, name: str, right: str, wrong: str) -> None:
    text = (folder / name).read_text()
    assert right in text
    (folder / name).write_text(text.replace(right, wrong, 1))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"chosen": {"learning_rate": 1e-5}}, "what it chose is not its best trial"),
        ({"experiment": "triple-cnn"}, "no experiment 'triple-cnn'"),
        ({"schema": 9}, "has schema 9"),
        ({"rows": [{"trial": "0000"}]}, "lacks rows.0.values"),
        ({"notes": None}, "is wrong in notes"),
        ({"space": {"learning_rate": []}}, "space.learning_rate"),
        ({"objective": "loss"}, "no score of its task"),
        ({"data": {**searched().content["data"], "clips": 1441}}, "1441 clips, but 1440"),
        ({"kind": "grid"}, "row 1 is not of kind grid"),
        ({"status": "interrupted"}, "status"),
        ({"finished": "yesterday"}, "finished"),
        (first_row(trial="0001"), "row 1 is not trial 0000"),
        (first_row(values={"learning_rate": 0.5}), "row 1 has a value that is not in the space"),
        (first_row(epochs=10**19), "trial 0000 has other epochs than its curve"),
        (first_row(epochs=None), "row 1 lacks a number"),
        (first_row(best_epoch=1), "trial 0000 has another best epoch"),
        (first_row(val_accuracy=0.16), "trial 0000 has other scores"),
        (first_row(seconds=3.0), "trial 0000 took other seconds"),
        (first_row(status="failed"), "row 1 failed, and has numbers"),
    ],
)
def test_a_search_that_contradicts_itself_is_left_out_and_named(changes, says, search: Write, runs: Path) -> None:
    folder = search()
    content = json.loads((folder / "search.json").read_text())
    (folder / "search.json").write_text(json.dumps(content | changes))
    assert "changed" in left_out(runs)
    reseal(folder)
    assert says in left_out(runs)


@pytest.mark.parametrize(
    ("name", "right", "wrong", "says"),
    [
        ("curves.csv", "0.551,1\n", "0.553,1\n", "trial 0003 has another best epoch"),
        ("curves.csv", "0000,1", "0000,2", "trial 0000 has other epochs"),
        ("curves.csv", "val_loss", "loss_val", "trial 0000 has other scores"),
        ("trials.csv", "0001", "0004", "its trials.csv has other rows"),
        ("best.toml", "0.01", "0.001", "its best.toml has other values"),
        ("best.toml", "0.01", "", "it is damaged"),
    ],
)
def test_a_changed_file_of_a_search_is_named(name, right, wrong, says, search: Write, runs: Path) -> None:
    folder = search()
    written(folder, name, right, wrong)
    assert f"{name} was changed" in left_out(runs)
    reseal(folder)
    assert says in left_out(runs)


def left_out(runs: Path) -> str:
    """Return the sentence on the one search that is left out."""
    collected = collect([runs])
    assert collected.searches == ()
    (sentence,) = collected.skipped
    assert sentence.startswith("left out: ")
    assert "\n" not in sentence
    return sentence


def test_curves_of_another_search_are_found_out(search: Write, runs: Path) -> None:
    first, second = search("literal", best=0.01), search("full", best=0.001)
    (first / "curves.csv").write_bytes((second / "curves.csv").read_bytes())
    reseal(first)
    assert [one.data["search"] for one in collect([runs]).searches] == ["full"]
