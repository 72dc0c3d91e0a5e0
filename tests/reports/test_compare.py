"""Verdicts on published numbers, and differences between protocols."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic import CLASSES, CORPORA, Write, edit

from common import files
from common.intervals import newcombe, wilson
from common.published import load
from common.published.schema import ConfusionTable
from common.runs import records
from common.tasks.classification import classification
from reports.collect import collect
from reports.columns import sides_of
from reports.effects import effects
from reports.figures.sheet import data_of
from reports.verdicts import Verdict, Verdicts

SER = load("ser_parallel")


def judged(runs: Path) -> dict[tuple[str, str], Verdict]:
    rows = Verdicts(SER, collect([runs]).groups).all
    return {(row.experiment, row.metric): row for row in rows}


def accuracy_of(runs: Path) -> Verdict:
    return judged(runs)["single-cnn", "accuracy"]


def test_without_records_every_printed_number_is_not_run(runs: Path) -> None:
    rows = judged(runs).values()
    assert {row.verdict for row in rows} == {"not run"}
    assert len(rows) == 12 * (7 + 7 * 3) + 5 * 3  # per-class tables; validation accuracy and both losses of VGG16


def test_an_experiment_run_under_changed_switches_alone_is_shown_and_not_called_not_run(
    write: Write, runs: Path
) -> None:
    write("single-cnn", "published+labels=right")
    groups = collect([runs]).groups
    assert [side.group.protocol for side in sides_of(groups)] == ["published+labels=right"]
    assert Verdicts(SER, groups).on_first("single-cnn", "accuracy")[0] == "not judged"
    write("single-cnn")  # beside a run of the whole protocol, `effects` compares the other one
    groups = collect([runs]).groups
    assert [side.group.protocol for side in sides_of(groups)] == ["published"]
    assert Verdicts(SER, groups).on_first("single-cnn", "accuracy")[0] != "not judged"


@pytest.mark.parametrize(
    ("accuracy", "n", "verdict"),
    [
        (0.67, 1217, "reproduced"),
        (0.64, 1217, "reproduced"),
        (0.60, 1217, "not reproduced"),
        (0.75, 1217, "not reproduced"),
        (0.67, 150, "inconclusive"),
    ],
)
def test_the_verdict_follows_from_newcombes_interval(
    accuracy: float, n: int, verdict: str, write: Write, runs: Path
) -> None:
    write("single-cnn", accuracy=accuracy, n=n)
    row = accuracy_of(runs)
    assert (row.verdict, row.n) == (verdict, n)
    assert row.difference_interval == pytest.approx(newcombe(row.obtained, n, 0.67, 1217))


@pytest.mark.parametrize(
    ("options", "changes", "why"),
    [
        ({"clips": 1440}, {}, "1,440 of 12,162 clips, without SAVEE, TESS, CREMA-D"),
        ({"demo": True, "n": 1217}, {}, "demo corpus: 12,162 synthesised clips"),
        ({"size": "demo"}, {}, "demo size: fewer epochs than the document's"),
        ({}, {"overrides": {"epochs": 3}}, "set on the command line: epochs = 3"),
        ({}, {"weights": "none"}, "random weights in place of pretrained ones"),
        ({}, {"identity": {"folds": 1}}, "only the first fold was run"),
    ],
)
def test_runs_that_were_made_otherwise_are_not_comparable(
    options: dict[str, Any], changes: dict[str, Any], why: str, write: Write, runs: Path
) -> None:
    edit(write("single-cnn", **options), {f"configuration.{name}": value for name, value in changes.items()})
    rows = [row for (experiment, _), row in judged(runs).items() if experiment == "single-cnn"]
    assert {(row.verdict, row.why) for row in rows} == {("not comparable", why)}


@pytest.mark.parametrize("document", [True, False])
def test_clips_of_your_own_are_not_counted_as_the_document_s(document: bool, write: Write, runs: Path) -> None:
    facts = {"clips": 535, "expected": 0, "form": "own", "layout": "folders"}
    corpora = {"my clips": facts, **({"ravdess": facts} if document else {})}
    missing = [name for name in CORPORA if name not in corpora]
    edit(write("single-cnn", clips=535), {"data.corpora": corpora, "data.missing": missing})
    row = accuracy_of(runs)
    assert row.verdict == "not comparable"
    assert "535 clips" in row.why
    assert "my clips" in row.why
    assert "12,162" not in row.why


def test_every_reason_against_a_comparison_is_given_once(write: Write, runs: Path) -> None:
    edit(write("single-cnn", clips=1440), {"configuration.weights": "none"})
    why = "1,440 of 12,162 clips, without SAVEE, TESS, CREMA-D; random weights in place of pretrained ones"
    assert accuracy_of(runs).why == why
    assert data_of(collect([runs]).groups[0].first, SER).count("1,440 of 12,162 clips") == 1


@pytest.mark.parametrize(
    ("field", "to", "caveat"),
    [
        ("data.corpora.ravdess.form", "re-encoded", "RAVDESS re-encoded"),
        ("environment.precision", "mixed_bfloat16", "computed in mixed_bfloat16"),
    ],
)
def test_what_is_comparable_with_a_caveat_is_judged(field: str, to: str, caveat: str, write: Write, runs: Path) -> None:
    edit(write("single-cnn"), {field: to})
    row = accuracy_of(runs)
    assert row.verdict == "reproduced"
    assert row.why.endswith(caveat)


def test_other_protocols_are_not_judged(write: Write, runs: Path) -> None:
    for protocol in ("corrected", "independent", "published+normalise=channel"):
        write("single-cnn", protocol)
    assert accuracy_of(runs).verdict == "not run"


def test_the_interval_holds_ours_and_the_difference_is_ours_minus_the_printed(write: Write, runs: Path) -> None:
    write("single-cnn", accuracy=0.7)
    for row in judged(runs).values():
        if row.experiment == "single-cnn":
            assert row.interval[0] <= row.obtained <= row.interval[1]
            assert row.difference == pytest.approx(row.obtained - row.published)
            assert row.difference_interval[0] <= row.difference <= row.difference_interval[1]


def test_an_interval_over_groups_does_not_make_the_verdict_milder(write: Write, runs: Path) -> None:
    method = "bootstrap over 24 groups"
    edit(write(accuracy=0.6), {"metrics.accuracy.interval": [0.4, 0.8], "metrics.accuracy.method": method})
    row = accuracy_of(runs)
    assert row.interval == (0.4, 0.8)
    assert row.difference_interval == pytest.approx(newcombe(row.obtained, row.n, row.published, row.n))


def test_a_verdict_that_depends_on_the_unit_says_so(write: Write, runs: Path) -> None:
    assert "clips as units" in judged_over_groups(write, runs, accuracy=0.66).why
    other = judged_over_groups(write, runs, accuracy=0.6)
    assert other.verdict == "not reproduced"
    assert "with clips as units" in other.why
    assert "with groups (songs or speakers) as units" in other.why
    assert "inconclusive" in other.why


def judged_over_groups(write: Write, runs: Path, accuracy: float) -> Verdict:
    """Return the verdict on an accuracy whose interval is over speakers, and plus or minus 0.06."""
    interval, method = [accuracy - 0.06, accuracy + 0.06], "bootstrap over 24 groups"
    edit(write(accuracy=accuracy), {"metrics.accuracy.interval": interval, "metrics.accuracy.method": method})
    return accuracy_of(runs)


def test_what_the_document_leaves_out_and_would_decide_makes_a_number_incomparable(write: Write, runs: Path) -> None:
    write("single-cnn", accuracy=0.67)
    entry = SER.experiment("single-cnn").model_copy(update={"unknown": "how long its clips are"})
    known = SER.model_copy(update={"by_id": {**SER.by_id, "single-cnn": entry}})
    rows = Verdicts(known, collect([runs]).groups).all
    own = [row for row in rows if row.experiment == "single-cnn"]
    assert {row.verdict for row in own} == {"not comparable"}
    assert all(row.why.startswith("the document does not say how long its clips are") for row in own)
    assert "covers 0" in own[0].why


def test_the_mean_over_seeds_is_judged_and_said(write: Write, runs: Path) -> None:
    for seed, accuracy in enumerate((0.66, 0.67, 0.68)):
        write("single-cnn", seed=seed, accuracy=accuracy)
    row = accuracy_of(runs)
    assert row.obtained == pytest.approx(0.67, abs=0.001)
    assert "mean of 3 seeds" in row.why


def test_a_switch_is_compared_seed_by_seed(write: Write, runs: Path) -> None:
    for seed in range(3):
        write("single-cnn", seed=seed, accuracy=0.6 + 0.01 * seed)
        write("single-cnn", "published+normalise=channel", seed=seed, accuracy=0.55 + 0.01 * seed)
    (effect,) = effects(collect([runs]).groups)
    assert effect.change == "normalise=channel"
    assert effect.mean == pytest.approx(-0.05, abs=0.002)
    assert [pair.seed for pair in effect.pairs] == [0, 1, 2]
    assert all(pair.test is not None for pair in effect.pairs)


def test_seeds_that_agree_do_not_make_a_difference_on_few_clips_certain(write: Write, runs: Path) -> None:
    for seed in range(3):
        write("single-cnn", seed=seed, accuracy=0.6, n=200)
        write("single-cnn", "published+normalise=channel", seed=seed, accuracy=0.65, n=200)
    (effect,) = effects(collect([runs]).groups)
    assert len({round(pair.difference, 6) for pair in effect.pairs}) == 1
    low, high = effect.interval
    assert high - low > 0.02
    assert "over clips" in effect.method


def test_a_protocol_of_two_switches_is_compared_with_the_runs_that_lack_one_of_them(write: Write, runs: Path) -> None:
    switches = {"normalise": "time", "split": "stratified"}
    edit(write("single-cnn", accuracy=0.6), {"switches": switches})
    edit(write("single-cnn", "published+normalise=channel", accuracy=0.7), {"switches.normalise": "channel"})
    edit(write("single-cnn", "independent", accuracy=0.55), {"switches": {"normalise": "channel", "split": "speaker"}})
    found = {effect.in_words: effect.mean for effect in effects(collect([runs]).groups)}
    assert list(found) == [
        "normalise=channel",
        "independent (normalise=channel, split=speaker)",
        "independent (split=speaker) instead of published+normalise=channel",
    ]
    assert list(found.values()) == pytest.approx([0.1, -0.05, -0.15], abs=0.005)


def test_the_interval_of_two_seeds_that_differ_much_stays_within_what_an_accuracy_can_change(
    write: Write, runs: Path
) -> None:
    for seed, accuracy in enumerate((0.1, 0.9)):
        write("single-cnn", seed=seed, accuracy=0.5)
        write("single-cnn", "published+normalise=channel", seed=seed, accuracy=accuracy)
    (effect,) = effects(collect([runs]).groups)
    assert effect.interval == (-1.0, 1.0)


@pytest.mark.parametrize("setting", [{"impulse_responses": "sha256:1"}, {"backend": "jax"}])
def test_runs_that_were_computed_otherwise_are_no_seeds_of_one_another(
    setting: dict[str, str], write: Write, runs: Path
) -> None:
    write("single-cnn")
    edit(write("single-cnn", seed=1), {"configuration.identity": setting})
    assert sorted(group.seeds for group in collect([runs]).groups) == [[0], [1]]


def test_runs_without_a_common_seed_are_not_paired(write: Write, runs: Path) -> None:
    write("single-cnn", seed=0)
    write("single-cnn", "published+normalise=channel", seed=1)
    assert effects(collect([runs]).groups) == []


def test_another_protocol_on_other_clips_has_no_mcnemar(write: Write, runs: Path) -> None:
    write("single-cnn", clips=1440)
    write("single-cnn", "independent", accuracy=0.43, clips=1440)
    (effect,) = effects(collect([runs]).groups)
    assert effect.change == "independent"
    assert effect.pairs[0].test is None
    assert effect.interval[1] < 0


def test_a_recovered_confusion_matrix_is_judged_cell_by_cell(write: Write, runs: Path) -> None:
    write("single-cnn", accuracy=0.67)
    classes = SER.data.classes
    table = ConfusionTable(
        experiment="single-cnn",
        section="4.3.3",
        table="a matrix",
        normalised="columns",
        classes=classes,
        rows={name: tuple(100.0 * (name == other) for other in classes) for name in classes},
    )
    groups = collect([runs]).groups
    theirs = np.array(groups[0].confusion)
    theirs[:2, 1] = theirs[1::-1, 1]
    rows = Verdicts(SER.model_copy(update={"confusions": (table,)}), groups, {"single-cnn": theirs}).all
    cells = {row.metric: row for row in rows if "_as_" in row.metric}
    assert len(cells) == 49
    assert cells["angry_as_disgust"].published == theirs[0, 1] / theirs[:, 1].sum()
    assert cells["angry_as_disgust"].verdict == cells["disgust_as_disgust"].verdict == "not reproduced"
    assert {cells[f"{name}_as_{name}"].difference for name in classes if name != "disgust"} == {0.0}


def test_precision_is_judged_on_as_many_clips_as_were_predicted() -> None:
    angry = SER.class_table("single-cnn")[0]
    assert SER.class_numbers("single-cnn")["angry_precision"].n == round(angry.recall * 187 / angry.precision)
    assert SER.class_numbers("single-cnn")["angry_recall"].n == 187


def never_hit(folder: Path, name: str) -> None:
    """Let a record predict every clip of a class as another."""
    record = records.read(folder)
    table = record.predictions()
    classes = record.data["task"]["outputs"]
    other = next(label for label in classes if label != name)
    table.loc[table["predicted"] == name, "predicted"] = other
    files.write_table(folder / "predictions.csv", table)
    number = {label: place for place, label in enumerate(classes)}
    scores = classification(table["true"].map(number), table["predicted"].map(number), classes)
    records.write(folder, record.data | vars(scores))


def test_a_class_never_hit_is_no_surer_than_its_few_clips(write: Write, runs: Path) -> None:
    never_hit(write("single-cnn", n=60), "surprise")
    row = judged(runs)["single-cnn", "surprise_f1"]
    low, high = row.interval
    assert (row.obtained, low) == (0.0, 0.0)
    assert high >= wilson(0.0, row.n)[1] - 1e-9
    theirs = SER.class_numbers("single-cnn")["surprise_f1"]
    sure = newcombe(0.0, row.n, theirs.value, theirs.n)
    assert row.difference_interval[0] <= sure[0] + 1e-9
    assert row.difference_interval[1] >= sure[1] - 1e-9


def test_a_class_of_which_nothing_was_tested_in_the_document_tells_nothing(write: Write, runs: Path) -> None:
    write("single-cnn")
    table = SER.table("single-cnn")
    none = table.model_copy(update={"rows": tuple(row._replace(support=0) for row in table.rows)})
    rows = Verdicts(SER.model_copy(update={"class_tables": (none,)}), collect([runs]).groups).all
    (angry,) = [row for row in rows if (row.experiment, row.metric) == ("single-cnn", "angry_f1")]
    assert angry.verdict == "inconclusive"


def test_a_protocol_that_leaves_clips_out_is_compared_with_the_whole_corpus(write: Write, runs: Path) -> None:
    write("single-cnn")
    counts = {"angry": 11000} | dict.fromkeys(CLASSES[1:], 0)
    edit(write("single-cnn", "independent"), {"data.clips": 11000, "data.per_output": counts})
    (effect,) = effects(collect([runs]).groups)
    assert effect.change == "independent"


def test_what_is_drawn_over_speakers_differs_by_a_paired_interval_over_them(write: Write, runs: Path) -> None:
    for seed in range(2):
        write("single-cnn", "independent", seed=seed, accuracy=0.6, clips=1440)
        write("single-cnn", "independent+normalise=channel", seed=seed, accuracy=0.7, clips=1440)
    (effect,) = effects(collect([runs]).groups)
    assert effect.method.startswith("paired, Student over 24 groups")
    assert [pair.test for pair in effect.pairs] == [None, None]
    assert effect.interval[0] < effect.mean < effect.interval[1]


def test_runs_on_other_clips_are_not_compared(write: Write, runs: Path) -> None:
    write("single-cnn", accuracy=0.6)
    edit(write("single-cnn", "published+normalise=channel", accuracy=0.7), {"data.digest": "0" * 64})
    groups = collect([runs]).groups
    assert len(groups) == 2
    assert effects(groups) == []


def test_seeds_that_differ_widen_a_difference_over_speakers(write: Write, runs: Path) -> None:
    for seed, accuracy in enumerate((0.3, 0.5)):
        write("single-cnn", "independent", seed=seed, accuracy=0.6, clips=1440)
        write("single-cnn", "independent+normalise=channel", seed=seed, accuracy=accuracy, clips=1440)
    (effect,) = effects(collect([runs]).groups)
    assert effect.mean == pytest.approx(-0.2, abs=0.01)
    low, high = effect.interval
    assert low < -0.4
    assert high > 0  # two seeds that differ so much decide nothing


@pytest.mark.parametrize(("field", "to"), [("overrides", {"epochs": 1}), ("weights", "none")])
def test_a_changed_run_is_compared_with_one_that_was_changed_alike(
    field: str, to: object, write: Write, runs: Path
) -> None:
    write("single-cnn", accuracy=0.6)
    edit(write("single-cnn", "independent", accuracy=0.3), {f"configuration.{field}": to})
    assert effects(collect([runs]).groups) == []
    edit(write("single-cnn", accuracy=0.4), {f"configuration.{field}": to})
    (effect,) = effects(collect([runs]).groups)
    assert effect.mean == pytest.approx(-0.1, abs=0.01)
