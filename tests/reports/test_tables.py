import json
from collections.abc import Callable
from pathlib import Path

import pytest

from common import published
from common.published import Published, load
from common.published.schema import ConfusionTable
from reports.audit import audit, recovered
from reports.blocks import MISSING, Chapter, Number, Table, cell_text
from reports.class_tables import class_table
from reports.collect import collect
from reports.columns import Side, sides_of
from reports.front_page import front_table, study_table
from reports.search_tables import search_table
from reports.study_page import chapter
from reports.tables import confusion_table, count_table, number_table, parameter_table, recovered_table, result_table
from reports.verdicts import Verdicts

Write = Callable[..., Path]

STUDIES = published.studies()
SER, EMOTIFY = load("ser_parallel"), load("emotify_features")


def sides(runs: Path) -> list[Side]:
    return sides_of(collect([runs]).groups)


def verdicts_of(own: list[Side], known: Published = SER) -> Verdicts:
    return Verdicts(known, [side.group for side in own])


def texts(table: Table) -> list[list[str]]:
    return [[cell_text(cell) for cell in row] for row in table.rows]


def column(table: Table, heading: str) -> list[str]:
    place = [column.heading for column in table.columns].index(heading)
    return [row[place] for row in texts(table)]


def unrun(study: str) -> tuple[Published, Chapter]:
    known = load(study)
    return known, chapter(known, [], [], [], [], {}, Verdicts(known, []))


def test_the_class_table_has_the_printed_left_of_ours(write: Write, runs: Path) -> None:
    write("single-cnn")
    own = sides(runs)
    table = class_table(load("ser_parallel"), "single-cnn", own)
    assert [column.heading for column in table.columns[:4]] == [
        "Class",
        "Precision, published",
        "Precision, ours, published",
        "Recall, published",
    ]
    row = own[0].group.first["per_output"]["angry"]["scores"]
    ours = [f"{row[score]['value']:.2f}" for score in ("precision", "recall", "f1")]
    assert texts(table)[0][1::2] == ["0.63", "0.92", "0.75", "187"]
    assert texts(table)[0][::2] == ["Angry", *ours, "187"]
    assert [row[0] for row in texts(table)[-3:]] == ["Accuracy", "Macro AVG", "Weighted AVG"]


def test_each_protocol_has_a_column_in_the_order_of_the_protocols(write: Write, runs: Path) -> None:
    for protocol in ("independent", "published", "corrected", "published+normalise=channel"):
        write("single-cnn", protocol)
    table = class_table(load("ser_parallel"), "single-cnn", sides(runs))
    recall = [column.side for column in table.columns if column.title == "Recall"]
    assert recall == ["published", "ours, published", "ours, corrected", "ours, independent"]


def test_several_seeds_show_mean_and_deviation_and_keep_each_value(write: Write, runs: Path) -> None:
    for seed, accuracy in enumerate((0.6, 0.64)):
        write("single-cnn", seed=seed, accuracy=accuracy)
    table = class_table(load("ser_parallel"), "single-cnn", sides(runs))
    accuracy = next(cell for cell in table.rows[-3] if isinstance(cell, Number) and cell.seeds)
    assert accuracy.text == "0.62 ± 0.03"
    assert list(accuracy.seeds) == [0, 1]


def test_runs_that_differ_in_more_than_the_seed_have_numbered_columns(write: Write, runs: Path) -> None:
    write("single-cnn")
    write("single-cnn", clips=1440, seed=1)
    assert [side.name for side in sides(runs)] == ["published (1)", "published (2)"]


def test_a_demo_is_named_in_the_column_and_below_the_table(write: Write, runs: Path) -> None:
    write("single-cnn", clips=280, demo=True, size="demo")
    table = class_table(load("ser_parallel"), "single-cnn", sides(runs))
    assert "ours, published, demo" in {column.side for column in table.columns}
    assert table.notes[0] == "Ours, published, demo: demo corpus: 280 synthesised clips; seed 0; not comparable."


def test_below_a_table_stands_the_split_of_the_printed_numbers(runs: Path) -> None:
    split = "The published numbers are of this split: {}."
    assert split.format("80/10/10, test") in class_table(load("ser_parallel"), "single-cnn", ()).notes
    emotify = load("emotify_features")
    matrix = emotify.confusion("deep-cubic-svm")
    assert matrix
    assert split.format("five folds, each piece tested once") in confusion_table(emotify, matrix, ()).notes


def test_the_front_table_says_why_a_verdict_is_as_it_is(write: Write, runs: Path) -> None:
    write("single-cnn", clips=1440)
    write("dual-cnn", accuracy=0.3)
    own = sides(runs)
    table = front_table(SER, own, verdicts_of(own))
    why = dict(zip(column(table, "Id"), column(table, "Why"), strict=True))
    assert why["single-cnn"] == "1,440 of 12,162 clips: SAVEE, TESS, CREMA-D absent"
    assert "does not cover 0" in why["dual-cnn"]
    assert why["vgg16-1"] == ""


def test_below_a_table_stands_why_it_is_not_comparable(write: Write, runs: Path) -> None:
    write("single-cnn", clips=1440)
    for table in (front_table, lambda known, own, verdicts: number_table(known, "single-cnn", own, verdicts)):
        own = sides(runs)
        (note,) = table(SER, own, verdicts_of(own)).notes
        absent = "1,440 of 12,162 clips: SAVEE, TESS, CREMA-D absent"
        assert note == f"Ours, published: {absent}; RAVDESS re-encoded; seed 0; not comparable."


def test_experiments_of_one_column_that_come_from_other_runs_are_named(write: Write, runs: Path) -> None:
    write("single-cnn")
    write("single-cnn", seed=1)
    write("dual-cnn")
    own = sides(runs)
    notes = front_table(SER, own, verdicts_of(own)).notes
    assert [note.partition(":")[0] for note in notes] == ["Ours, published (single-cnn)", "Ours, published (dual-cnn)"]


def test_the_overall_numbers_have_interval_deviation_and_seeds(write: Write, runs: Path) -> None:
    for seed in range(2):
        write("single-cnn", seed=seed, accuracy=0.66 + 0.02 * seed)
    write("single-cnn", "corrected", accuracy=0.5)
    own = sides(runs)
    table = number_table(SER, "single-cnn", own, verdicts_of(own))
    judged, other = texts(table)[:2]
    assert judged[:4] == ["Accuracy", "reproduced", "published", "0.67"]
    assert judged[4].startswith("0.670 [0.643, 0.69")
    assert judged[5:] == ["1,217", "0.015", "seed 0: 0.660, seed 1: 0.680"]
    assert other[:3] == ["Accuracy", "not judged", "corrected"]


def test_many_seeds_in_a_row_are_named_by_the_first_and_the_last(write: Write, runs: Path) -> None:
    for seed in (1, 2, 3):
        write("single-cnn", seed=seed, accuracy=0.6 + 0.02 * seed)
    own = sides(runs)
    table = number_table(SER, "single-cnn", own, verdicts_of(own))
    assert texts(table)[0][-1] == "seeds 1 to 3: 0.620, 0.640, 0.660"
    assert "; seeds 1 to 3." in table.notes[0]


def test_estimators_without_parameters_are_in_no_table_of_them(write: Write, runs: Path) -> None:
    file = write() / "record.json"
    estimator = {"study": "emotify_features", "experiment": "handcrafted-bagged-trees"}
    unknown = {"parameters": {"total": None, "trainable": None}}
    file.write_text(json.dumps(json.loads(file.read_text()) | estimator | unknown))
    assert [side.group.experiment for side in sides(runs)] == ["handcrafted-bagged-trees"]
    assert parameter_table(load("emotify_features"), sides(runs)) is None


def test_the_grid_of_twelve_has_its_three_trials_and_their_mean() -> None:
    known = load("valence_parallel_conv")
    table = result_table(known, known.result_tables[:1], [], Verdicts(known, []))
    assert len(table.rows) == 12
    assert [column.title for column in table.columns[1:4]] == ["Dropout", "Batch size", "Epochs"]
    sixth = dict(zip([column.heading for column in table.columns], texts(table)[5], strict=True))
    assert [sixth[f"Validation MAE, trial {number}"] for number in (1, 2, 3)] == ["0.5583", "0.5532", "0.5580"]
    assert sixth["Validation MAE, mean of them"] == "0.5565"
    assert set(column(table, "Verdict")) == {"not run"}


def test_a_row_keeps_the_decimals_that_it_is_printed_with() -> None:
    known = load("freesound_tagging")
    table = result_table(known, known.result_tables, [], Verdicts(known, []))
    assert column(table, "Seconds per epoch, published")[:4] == ["1", "1", "2.15", "15.1"]


def test_tables_of_the_same_columns_are_one_and_best_epochs_begin_their_rows(write: Write, runs: Path) -> None:
    write("vgg16-1", accuracy=0.6)
    known = load("ser_parallel")
    own = sides(runs)
    table = result_table(known, known.result_tables, own, verdicts_of(own, known))
    assert column(table, "Best epoch, published") == ["15", "15", "9", "6", "6"]
    assert column(table, "Best epoch, ours, published") == ["37", *[MISSING] * 4]
    assert column(table, "Accuracy, ours, published")[0] == "0.5998"
    assert table.columns[1].title == "Best epoch"


def test_a_table_is_judged_by_the_metric_that_ranks() -> None:
    known = load("music_mood_wavenet")
    table = result_table(known, known.result_tables[1:], [], Verdicts(known, []))
    assert column(table, "Accuracy\N{NO-BREAK SPACE}(%), published") == ["83.82", "73.52"]
    assert table.notes[-1] == "The verdict is on accuracy."


def test_a_search_marks_what_was_chosen() -> None:
    known = load("ser_parallel")
    table = search_table(known, known.searches[0])
    assert column(table, "Chosen") == ["", "", "", "chosen"]


def test_a_search_without_a_table_shows_the_space() -> None:
    known = load("valence_parallel_conv")
    assert texts(search_table(known, known.searches[0]))[0] == ["Dropout", "0.3, 0.5, 0.7", "0.5"]


def test_a_confusion_matrix_stands_as_printed_above_the_counts_behind_it() -> None:
    known = load("emotify_features")
    (printed, _) = known.confusions
    table = confusion_table(known, printed, [])
    assert texts(table)[0][:4] == ["Calmness", "published", "45.8", "15.7"]
    assert [row[0] for row in texts(table)[-2:]] == ["PPV", "FDR"]
    counts = recovered_table(known, printed, recovered(known)[printed.experiment])
    assert texts(counts)[-1][-1] == "1580"


def test_our_confusion_matrix_is_below_the_printed_and_adds_up(write: Write, runs: Path) -> None:
    write("single-cnn")
    (own,) = sides(runs)
    classes = tuple(own.group.first["task"]["outputs"])
    rows = {name: (0.0,) * len(classes) for name in classes}
    place = {"experiment": "single-cnn", "section": "1", "table": "text", "normalised": "columns"}
    table = confusion_table(load("ser_parallel"), ConfusionTable(**place, classes=classes, rows=rows), [own])
    ours = [row for row in table.rows if row[1] == "ours, published"]
    for place in range(2, 9):
        assert sum(row[place].value for row in ours) == pytest.approx(100)


def test_parameters_stand_beside_those_of_the_records(write: Write, runs: Path) -> None:
    write("single-cnn")
    table = parameter_table(load("ser_parallel"), sides(runs))
    assert table is not None
    assert texts(table)[0] == [
        "One CNN block, MFCC",
        "27,495",
        "27,495",
        MISSING,
        "27,191",
        "by arithmetic",
        "single-cnn",
    ]


def test_counts_of_classes_stand_beside_those_of_the_records(write: Write, runs: Path) -> None:
    write("single-cnn")
    known = load("ser_parallel")
    counts = next(counts for counts in known.counts if counts.id == "classes-labelled-rightly")
    assert texts(count_table(known, counts, sides(runs)))[0] == ["Angry", "1,923", f"{12162 // 7:,}"]


@pytest.mark.parametrize("study", STUDIES)
def test_without_a_record_the_printed_numbers_stand_alone(study: str) -> None:
    known, said = unrun(study)
    front = said.tables[0]
    assert set(column(front, "Verdict")) == {"not run"}
    assert set(column(front, "Ours")) == {MISSING}
    for experiment in known.experiments:
        assert experiment.id in column(front, "Id")
    printed = {cell.value for table in said.tables for row in table.rows for cell in row if isinstance(cell, Number)}
    numbers = [
        value for one in known.experiments for number in known.numbers(one.id).values() for value in number.trials
    ]
    assert set(numbers) <= printed


@pytest.mark.parametrize("study", STUDIES)
def test_tables_have_names_of_their_own(study: str) -> None:
    _, said = unrun(study)
    names = [table.name for table in said.tables]
    assert len(set(names)) == len(names)


def test_the_front_table_counts_numbers_of_whole_experiments_and_none_of_a_class(write: Write, runs: Path) -> None:
    write("single-cnn")
    known = load("ser_parallel")
    own = sides(runs)
    table = study_table([(known, [side.group for side in own], [], verdicts_of(own))])
    judged = [number for name in known.by_id for number in known.numbers(name).values() if number.resolution]
    by_column = {column.heading: number for column, number in zip(table.columns, texts(table)[0], strict=True)}
    of_single = sum(bool(number.resolution) for number in known.numbers("single-cnn").values())
    assert by_column["Not run"] == f"{len(judged) - of_single}"


def test_the_front_table_counts_our_experiments_apart_from_the_document_s() -> None:
    table = study_table([(EMOTIFY, [], [], Verdicts(EMOTIFY, []))], compared={"mfcc-fine-knn", "mfcc-cubic-svm"})
    assert column(table, "Experiments")[0].endswith(" (+2 of ours)")
    assert column(table, "With a record") == ["0"]


def test_the_front_table_counts_a_slip_seen_by_several_checks_once_as_a_finding() -> None:
    known = load("ser_parallel")
    same = ("ser-batchnorm-axis", "layers-axis-single", "layers-axis-dual", "layers-axis-parallel")
    table = study_table([(known, [], [finding for finding in audit(known) if finding.id in same], Verdicts(known, []))])
    assert column(table, "Does not hold, findings on the document") == ["1"]
    assert column(table, "Does not hold, checks of claims and tables") == ["3"]
