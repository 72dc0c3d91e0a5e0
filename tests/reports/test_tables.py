from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from invented import paper
from synthetic import Write, classified, edit

from common import published
from common.published import Published, load
from common.published.schema import ConfusionTable
from common.runs import records
from common.splits import Leak
from reports.audit import audit, recovered
from reports.blocks import MISSING, Chapter, Facts, Number, Table, cell_text
from reports.class_tables import class_table
from reports.collect import collect
from reports.columns import Side, sides_of
from reports.front_page import Known, front_table, study_table
from reports.results import LEAKY, leaks_in_words
from reports.search_tables import search_table
from reports.study_page import chapter
from reports.tables import confusion_table, count_table, number_table, parameter_table, recovered_table, result_table
from reports.verdicts import Verdicts

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


def known_of(known: Published, own: Sequence[Side] = (), **more: Any) -> Known:
    """Return what the front page knows of a study, without its pages."""
    groups = [side.group for side in own]
    rest: dict[str, Any] = {"findings": [], "compared": set(), "chapter": Chapter(known.study, known.title, ())}
    return Known(known, groups, verdicts=verdicts_of(list(own), known), **{**rest, **more})


def unrun(study: str) -> tuple[Published, Chapter]:
    known = load(study)
    return known, chapter(known, [], [], [], [], {}, Verdicts(known, []))


def test_the_class_table_has_the_printed_left_of_ours(write: Write, runs: Path) -> None:
    write("single-cnn")
    own = sides(runs)
    table = class_table(SER, "single-cnn", own)
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


def test_columns_are_the_protocols_in_their_order_and_a_demo_is_named(write: Write, runs: Path) -> None:
    for protocol in ("independent", "published", "published+normalise=channel"):
        write("single-cnn", protocol)
    write("single-cnn", "corrected", clips=280, demo=True, size="demo")
    table = class_table(SER, "single-cnn", sides(runs))
    recall = [column.side for column in table.columns if column.title == "Recall"]
    assert recall == ["published", "ours, published", "ours, corrected, demo", "ours, independent"]
    (note,) = (note for note in table.notes if "280 synthesised clips" in note)
    assert note.endswith("not comparable.")


def test_what_a_run_noted_of_its_clips_is_below_its_tables(write: Write, runs: Path) -> None:
    edit(write("single-cnn"), {"data.remarks": ["angry is nowhere tested"]})
    own = sides(runs)
    for table in (class_table(SER, "single-cnn", own), number_table(SER, "single-cnn", own, verdicts_of(own))):
        assert [note for note in table.notes if "angry" in note] == ["Ours, published: angry is nowhere tested."]


def test_runs_that_differ_in_more_than_the_seed_have_numbered_columns(write: Write, runs: Path) -> None:
    write("single-cnn")
    write("single-cnn", clips=1440, seed=1)
    assert [side.name for side in sides(runs)] == ["published (1)", "published (2)"]


def test_below_a_table_is_the_split_of_the_published_numbers() -> None:
    matrix = EMOTIFY.confusion("deep-cubic-svm")
    assert matrix
    assert any("80/10/10, test" in note for note in class_table(SER, "single-cnn", ()).notes)
    assert any("five folds, each piece tested once" in note for note in confusion_table(EMOTIFY, matrix, ()).notes)


def test_the_front_table_says_why_a_verdict_is_as_it_is(write: Write, runs: Path) -> None:
    write("single-cnn", clips=1440)
    write("dual-cnn", accuracy=0.3)
    own = sides(runs)
    table = front_table(SER, own, verdicts_of(own))
    why = dict(zip(column(table, "Id"), column(table, "Why"), strict=True))
    assert (why["single-cnn"], why["vgg16-1"]) == ("1,440 of 12,162 clips, without SAVEE, TESS, CREMA-D", "")
    assert "does not cover 0" in why["dual-cnn"]
    of_data = [note for note in table.notes if LEAKY not in note]
    assert [note.endswith("not comparable.") for note in of_data] == [True, False]


def test_a_score_that_no_baseline_is_below_is_named_below_the_front_table(write: Write, runs: Path) -> None:
    write("single-cnn", accuracy=0.9)
    write("dual-cnn", accuracy=0.05)
    own = sides(runs)
    notes = front_table(SER, own, verdicts_of(own)).notes
    (note,) = [note for note in notes if "baseline" in note]
    assert "dual-cnn (published)" in note
    assert "single-cnn" not in note


@pytest.mark.parametrize(("early", "said"), [(6, "3 of 100"), (4, "3 of 100 in 4 of 6 folds"), (3, None)])
def test_folds_that_were_stopped_early_are_counted(early: int, said: str | None, runs: Path) -> None:
    run = classified("dual-cnn", "independent", clips=1440)
    run.content["configuration"] |= {"patience": 10, "epochs": 100, "retrain": None}
    for place, fold in enumerate(run.content["folds"]):
        fold["best_epoch"] = 3 if place < early else 60
    run.write(runs)
    own = sides(runs)
    notes = [note for note in front_table(SER, own, verdicts_of(own)).notes if "early epoch" in note]
    assert len(notes) == (said is not None)
    assert all(f"dual-cnn (independent, {said})" in note for note in notes)


def test_one_reason_for_every_verdict_takes_no_column(write: Write, runs: Path) -> None:
    write("single-cnn", clips=1440)
    write("dual-cnn", clips=1440)
    own = sides(runs)
    assert "Why" not in [one.heading for one in front_table(SER, own, verdicts_of(own)).columns]
    write("parallel-mfcc")
    own = sides(runs)
    assert "Why" in [one.heading for one in front_table(SER, own, verdicts_of(own)).columns]


def test_a_number_whose_test_clips_are_not_apart_is_marked_in_the_tables(write: Write, runs: Path) -> None:
    write("dual-cnn", clips=1440)
    write("dual-cnn", "independent", clips=1440)
    own = sides(runs)
    verdicts = Verdicts(SER, [side.group for side in own])
    front, results = front_table(SER, own, verdicts), result_table(SER, SER.result_tables[:1], own, verdicts)
    place = [column.title for column in front.columns].index("Ours")
    ours = {cell_text(row[place + 2]): cell_text(row[place]) for row in front.rows if row[place]}
    assert (LEAKY in ours["published"], LEAKY in ours["independent"]) == (True, False)
    for table in (front, results):
        notes = [note for note in table.notes if LEAKY in note]
        assert all("train and test share speakers" in note and "independent" not in note for note in notes)
        assert bool(notes) == any(LEAKY in cell_text(cell) for row in table.rows for cell in row)


@pytest.mark.parametrize(
    ("leaks", "words"),
    [
        (
            {"speaker": "24 speakers in train and validation; 23 speakers in train and test"},
            "train and test share speakers",
        ),
        ({"song": "3 songs in train and validation"}, ""),
        ({"song": "song of 3 clips unknown"}, ""),
        (
            {
                "bytes": "40 identical recordings in validation and test",
                "selection": "the test set was used for a choice",
            },
            "validation and test share identical recordings; the test clips validate too",
        ),
        (
            {
                "speaker": "2 speakers in train and test",
                "bytes": "1 identical recording in train and test, such as a and b",
            },
            "train and test share speakers and identical recordings",
        ),
        (
            {"speaker": "2 speakers in train and test", "group": "2 groups in train and test"},
            "train and test share speakers",
        ),
        (
            {"speaker": "2 speakers in train and test", "group": "1 group in train and test"},
            "train and test share speakers and groups",
        ),
        (
            {"bytes": "1 identical recording in train and test", "sound": "2 sounds in train and test"},
            "train and test share identical recordings",
        ),
    ],
)
def test_leaks_of_the_test_clips_are_said_without_numbers(leaks: dict[str, str], words: str) -> None:
    found = [Leak(check=check, clean=False, detail=detail) for check, detail in leaks.items()]
    assert leaks_in_words(found) == words


def test_several_seeds_show_mean_and_deviation_and_keep_each_value(write: Write, runs: Path) -> None:
    for seed, accuracy in enumerate((0.6, 0.64)):
        write("single-cnn", seed=seed, accuracy=accuracy)
    table = class_table(SER, "single-cnn", sides(runs))
    accuracy = next(cell for cell in table.rows[-3] if isinstance(cell, Number) and cell.seeds)
    assert accuracy.text == "0.62 ± 0.03"
    assert list(accuracy.seeds) == [0, 1]


def test_experiments_of_one_column_that_come_from_other_runs_are_named(
    write: Write, configure: Callable[..., Path], runs: Path
) -> None:
    write("single-cnn")
    write("single-cnn", seed=1)
    write("dual-cnn")
    configure(write("parallel-mfcc"), overrides={"epochs": 3})
    own = sides(runs)
    notes = front_table(SER, own, verdicts_of(own)).notes
    alike, other = [note for note in notes if LEAKY not in note]
    assert alike.startswith("Ours, published (single-cnn, dual-cnn): ")
    assert "seeds 0, 1 (single-cnn), seed 0 (dual-cnn)" in alike
    assert other.startswith("Ours, published (parallel-mfcc): ")


def test_networks_that_stop_in_their_first_epochs_are_named(write: Write, runs: Path) -> None:
    for name, best in (("dual-cnn", 4), ("single-cnn", 40)):
        folder = write(name)
        folds = [{**fold, "best_epoch": best} for fold in records.read(folder).data["folds"]]
        edit(folder, {"configuration.patience": 20, "configuration.epochs": 100, "folds": folds})
    own = sides(runs)
    (note,) = [note for note in front_table(SER, own, verdicts_of(own)).notes if "4 of 100" in note]
    assert "dual-cnn" in note and "single-cnn" not in note


def test_estimators_without_parameters_are_in_no_table_of_them(write: Write, runs: Path) -> None:
    estimator = {"study": "emotify_features", "experiment": "handcrafted-bagged-trees"}
    edit(write(), estimator | {"parameters": {"total": None, "trainable": None}})
    assert [side.group.experiment for side in sides(runs)] == ["handcrafted-bagged-trees"]
    assert parameter_table(EMOTIFY, sides(runs)) is None


def results_of(study: str, tables: slice = slice(None), own: Sequence[Side] = ()) -> Table:
    known = load(study)
    return result_table(known, known.result_tables[tables], own, Verdicts(known, [side.group for side in own]))


def test_the_grid_of_twelve_has_its_three_trials_and_their_mean() -> None:
    table = results_of("valence_parallel_conv", slice(1))
    assert len(table.rows) == 12
    assert [column.title for column in table.columns[1:4]] == ["Dropout", "Batch size", "Epochs"]
    trials = [column(table, f"Validation MAE, trial {number}")[5] for number in (1, 2, 3)]
    assert trials == ["0.5583", "0.5532", "0.5580"]
    assert column(table, "Validation MAE, mean of them")[5] == "0.5565"
    assert set(column(table, "Verdict")) == {"not run"}


@pytest.mark.parametrize(
    ("study", "tables", "heading", "first"),
    [
        ("freesound_tagging", slice(None), "Seconds per epoch, published", ["1", "1", "2.15", "15.1"]),
        ("music_mood_wavenet", slice(1, None), "Accuracy\N{NO-BREAK SPACE}(%), published", ["83.82", "73.52"]),
        ("ser_parallel", slice(None), "Best epoch, published", ["15", "15", "9", "6", "6"]),
    ],
)
def test_a_number_keeps_the_decimals_that_it_is_published_with(
    study: str, tables: slice, heading: str, first: list[str]
) -> None:
    assert column(results_of(study, tables), heading)[: len(first)] == first


def test_tables_of_the_same_columns_are_one(write: Write, runs: Path) -> None:
    write("vgg16-1", accuracy=0.6)
    table = results_of("ser_parallel", own=sides(runs))
    assert column(table, "Best epoch, ours, published") == ["37", *[MISSING] * 4]
    assert column(table, "Accuracy, ours, published")[0] == f"0.5998 {LEAKY}"
    assert table.columns[1].title == "Best epoch"


def test_a_search_without_a_table_shows_the_space() -> None:
    known = load("valence_parallel_conv")
    assert texts(search_table(known, known.searches[0]))[0] == ["Dropout", "0.3, 0.5, 0.7", "0.5"]


def test_the_overall_numbers_have_interval_deviation_and_seeds(write: Write, runs: Path) -> None:
    for seed in range(2):
        write("single-cnn", seed=seed, accuracy=0.66 + 0.02 * seed)
    write("single-cnn", "corrected", accuracy=0.5)
    own = sides(runs)
    table = number_table(SER, "single-cnn", own, verdicts_of(own))
    judged, other = texts(table)[:2]
    assert judged[:4] == ["Accuracy", "reproduced", "published", "0.67"]
    assert judged[4].startswith("0.670 [0.64")
    assert judged[5:7] == ["2,434", "0.015"]
    assert "mean of 2 seeds" in judged[7]
    assert judged[8] == "seed 0: 0.660, seed 1: 0.680"
    assert other[:3] == ["Accuracy", "not judged", "corrected"]


def test_numbers_of_single_classes_are_never_counted_as_reproduced(write: Write, runs: Path) -> None:
    write("single-cnn")
    groups = collect([runs]).groups
    said = chapter(SER, groups, [], [], [], {}, Verdicts(SER, groups))
    (facts,) = (block for section in said.sections for block in section.blocks if isinstance(block, Facts))
    counted = dict(facts.rows)
    assert "7 reproduced" in counted["All 7 overall numbers"]
    assert counted["Single classes and cells"].partition(" (")[0].endswith("of 21 not reproduced")


def test_a_confusion_matrix_stands_as_printed_above_the_counts_behind_it() -> None:
    (printed, _) = EMOTIFY.confusions
    table = confusion_table(EMOTIFY, printed, [])
    assert texts(table)[0][:4] == ["Calmness", "published", "45.8", "15.7"]
    assert [row[0] for row in texts(table)[-2:]] == ["PPV", "FDR"]
    counts = recovered_table(EMOTIFY, printed, recovered(EMOTIFY)[printed.experiment])
    assert texts(counts)[-1][-1] == "1580"


def counted(lark: list[int], owl: list[int]) -> Published:
    return paper(confusion={"normalised": "counts", "rows": {"lark": lark, "owl": owl}})


def test_published_counts_stand_in_percent_above_themselves() -> None:
    known = counted([45, 15], [0, 40])
    (printed,) = known.confusions
    assert [row[2:] for row in texts(confusion_table(known, printed, []))] == [["75.0", "25.0"], ["0.0", "100.0"]]
    own = recovered_table(known, printed, recovered(known)["small"])
    assert [row[1:] for row in texts(own)] == [["45", "15", "60"], ["0", "40", "40"], ["45", "55", "100"]]


def test_a_class_that_is_never_predicted_in_counts_has_no_share_to_judge() -> None:
    known = counted([0, 60], [0, 40])
    judged = Verdicts(known, [], recovered(known)).all
    assert [row.metric for row in judged] == ["lark_as_owl", "owl_as_owl"]


def test_a_class_table_without_supports_is_shown_with_dashes() -> None:
    known = paper(classes={"rows": [["lark", 0.79, 0.87, 0.83], ["owl", 0.85, 0.77, 0.81]]})
    rows = texts(class_table(known, "small", []))
    assert rows[0] == ["Lark", "0.79", "0.87", "0.83", MISSING]
    assert rows[2] == ["Accuracy", "", "", MISSING, MISSING]
    assert chapter(known, [], [], [], audit(known), {}, Verdicts(known, [])).sections


def test_our_confusion_matrix_is_below_the_printed_and_adds_up(write: Write, runs: Path) -> None:
    write("single-cnn")
    (own,) = sides(runs)
    classes = tuple(own.group.first["task"]["outputs"])
    rows = {name: (0.0,) * len(classes) for name in classes}
    place = {"experiment": "single-cnn", "section": "1", "table": "text", "normalised": "columns"}
    table = confusion_table(SER, ConfusionTable(**place, classes=classes, rows=rows), [own])
    ours = [row for row in table.rows if row[1] == "ours, published"]
    for place in range(2, 9):
        assert sum(row[place].value for row in ours) == pytest.approx(100)


def test_parameters_stand_beside_those_of_the_records(write: Write, runs: Path) -> None:
    write("single-cnn")
    table = parameter_table(SER, sides(runs))
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
    counts = next(counts for counts in SER.counts if counts.id == "classes-labelled-rightly")
    assert texts(count_table(SER, counts, sides(runs)))[0] == ["Angry", "1,923", f"{12162 // 7:,}"]


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
    own = sides(runs)
    table = study_table([known_of(SER, own)])
    judged = [number for name in SER.by_id for number in SER.numbers(name).values() if number.resolution]
    by_column = {column.heading: number for column, number in zip(table.columns, texts(table)[0], strict=True)}
    of_single = sum(bool(number.resolution) for number in SER.numbers("single-cnn").values())
    assert by_column["Published numbers, not run"] == f"{len(judged) - of_single}"


def test_the_front_table_counts_our_experiments_apart_from_the_document_s() -> None:
    table = study_table([known_of(EMOTIFY, compared={"mfcc-fine-knn", "mfcc-cubic-svm"})])
    assert column(table, "Experiments, all")[0].endswith(" + 2")
    assert column(table, "Experiments, run") == ["0"]


def test_the_front_table_counts_an_error_once_and_no_remark() -> None:
    same = ("ser-vgg-proportion", "two-prints-vgg16-2", "proportions-vgg16-2", "ser-batchnorm-axis")
    table = study_table([known_of(SER, findings=[finding for finding in audit(SER) if finding.id in same])])
    assert column(table, "Consistency checks, hold") == ["0 of 1"]
    assert not [one for one in table.columns if one.title == "Claims"]
