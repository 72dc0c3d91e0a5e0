import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.errors import InputError
from reports import collect as reading
from reports import processes
from reports.collect import collect

Write = Callable[..., Path]


def edit(folder: Path, **fields: object) -> None:
    path = folder / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def cut_off(folder: Path) -> None:
    path = folder / "record.json"
    path.write_text(path.read_text()[:200])


def with_nan(folder: Path) -> None:
    path = folder / "record.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": NaN'))


def with_other_predictions(folder: Path) -> None:
    table = pd.read_csv(folder / "predictions.csv")
    table.assign(predicted="sad").to_csv(folder / "predictions.csv", index=False)


def without_a_column(folder: Path) -> None:
    table = pd.read_csv(folder / "history.csv")
    table.drop(columns="epoch").to_csv(folder / "history.csv", index=False)


def with_less_of_its_curve(folder: Path) -> None:
    pd.read_csv(folder / "history.csv").head(11).to_csv(folder / "history.csv", index=False)


def with_a_word_in_its_curve(folder: Path) -> None:
    table = pd.read_csv(folder / "history.csv", dtype={"loss": object})
    table.loc[3, "loss"] = "abc"
    table.to_csv(folder / "history.csv", index=False)


def with_an_impossible_metric(folder: Path) -> None:
    metrics = json.loads((folder / "record.json").read_text())["metrics"]
    metrics["macro_f1"]["value"] = 1.2
    edit(folder, metrics=metrics)


def with_another_accuracy(folder: Path) -> None:
    metrics = json.loads((folder / "record.json").read_text())["metrics"]
    metrics["accuracy"]["value"] = 0.9
    edit(folder, metrics=metrics)


def put(*where: str, to: object) -> Callable[[Path], None]:
    """Return what sets a field of a record, however deep."""

    def damage(folder: Path) -> None:
        record = json.loads((folder / "record.json").read_text())
        inner = record
        for name in where[:-1]:
            inner = inner[name]
        inner[where[-1]] = to
        edit(folder, **record)

    return damage


def without(*where: str) -> Callable[[Path], None]:
    """Return what takes a field out of a record, however deep."""

    def damage(folder: Path) -> None:
        record = json.loads((folder / "record.json").read_text())
        inner = record
        for name in where[:-1]:
            inner = inner[name]
        del inner[where[-1]]
        (folder / "record.json").write_text(json.dumps(record))

    return damage


def of_sad(score: str, field: str, to: object) -> Callable[[Path], None]:
    return put("per_output", "sad", "scores", score, field, to=to)


def with_a_clip_twice(folder: Path) -> None:
    path = folder / "predictions.csv"
    lines = path.read_text().splitlines(keepends=True)
    first, second = (line.partition(",") for line in lines[1:3])
    lines[2] = "".join((first[0], *second[1:]))
    path.write_text("".join(lines))


def narrowed(folder: Path) -> None:
    metrics = json.loads((folder / "record.json").read_text())["metrics"]
    value = metrics["accuracy"]["value"]
    metrics["accuracy"]["interval"] = [value - 0.0001, value + 0.0001]
    edit(folder, metrics=metrics)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut off": (cut_off, "damaged"),
    "older schema": (lambda folder: edit(folder, schema=1), "schema 1"),
    "not a number": (with_nan, "NaN is not a result"),
    "unknown experiment": (lambda folder: edit(folder, experiment="triple-cnn"), "no experiment 'triple-cnn'"),
    "unknown study": (lambda folder: edit(folder, study="dance"), "no published numbers of 'dance'"),
    "other predictions": (with_other_predictions, "confusion matrix is not that of its predictions"),
    "no predictions": (lambda folder: (folder / "predictions.csv").unlink(), "it is damaged"),
    "learning curve cut off": (with_less_of_its_curve, "its learning curve of fold 0 has other epochs than its record"),
    "learning curve of words": (with_a_word_in_its_curve, "its learning curves have words in loss"),
    "a column lost": (without_a_column, "lack epoch"),
    "impossible metric": (with_an_impossible_metric, "its macro_f1 is not that of its predictions"),
    "other accuracy": (with_another_accuracy, "its accuracy is not that of its predictions"),
    "other macro F1": (
        put("metrics", "macro_f1", "value", to=0.5),
        "its macro_f1 is not that of its predictions",
    ),
    "other weighted precision": (
        put("metrics", "weighted_precision", "value", to=0.5),
        "its weighted_precision is not that of its predictions",
    ),
    "metrics lost": (lambda folder: edit(folder, metrics={}), "it is damaged"),
    "a field too many": (put("demo_epochs", to=3), "has unknown fields demo_epochs"),
    "seed of another type": (put("seed", to="x"), "wrong in seed: Input should be a valid integer"),
    "digest lost": (without("data", "digest"), "lacks data.digest"),
    "missing lost": (without("data", "missing"), "lacks data.missing"),
    "form lost": (without("data", "corpora", "ravdess", "form"), "lacks data.corpora.ravdess.form"),
    "other clips": (put("data", "clips", to=1440), "data has 1440 clips, but 12162 in its classes"),
    "clips of other classes": (put("data", "per_output", to={"sound": 12162}), "data.per_output has other outputs"),
    "f1 lost": (without("per_output", "sad", "scores", "f1"), "not all outputs have the same scores"),
    "f1 null": (put("per_output", "sad", "scores", "f1", to=None), "per_output.sad: a score must be null where"),
    "f1 of 5": (of_sad("f1", "value", 5.0), "its f1 of sad is not that of its predictions"),
    "other recall": (of_sad("recall", "value", 0.1), "its recall of sad is not that of its predictions"),
    "interval of a class upside down": (of_sad("f1", "interval", [0.9, 0.1]), "outside its interval"),
    "a class lost": (without("per_output", "sad"), "per_output has other outputs than the task"),
    "interval upside down": (
        put("metrics", "macro_f1", "interval", to=[0.9, 0.1]),
        "macro_f1 lies outside",
    ),
    "loss null": (put("metrics", "loss", to=None), "wrong in metrics.loss: Input should be"),
    "other n": (put("metrics", "accuracy", "n", to=3), "its scores are not of 1217 clips, as its predictions are"),
    "parameters null": (put("parameters", to=None), "wrong in parameters: Input should be"),
    "folds of another type": (
        put("configuration", "identity", to={"folds": "x"}),
        "wrong in configuration.identity.folds: Input",
    ),
    "timings lost": (put("timings", to={}), "lacks timings.load_s, timings.features_s"),
    "nested too deep": (lambda folder: (folder / "record.json").write_text("[" * 100_000), "is damaged"),
    "interrupted": (put("status", to="interrupted"), "its status is interrupted, not complete"),
    "unknown protocol": (put("protocol", to="everything"), "there is no protocol 'everything'"),
    "changes that were not made": (put("protocol", to="published+normalise=channel"), "its switches are not those of"),
    "switches of another run": (
        put("configuration", "identity", "switches", to={"labels": "right"}),
        "its switches are not those that it was run with",
    ),
    "another experiment's record": (put("experiment", to="dual-cnn"), "it is the record of dual-cnn/published/seed-0"),
    "another seed's record": (put("seed", to=7), "it is the record of single-cnn/published/seed-7"),
    "a clip twice": (with_a_clip_twice, "it predicts a clip twice"),
    "interval made narrow": (narrowed, "the interval of its accuracy is not Wilson's"),
    "fields lost": (
        lambda folder: (folder / "record.json").write_text('{"schema": 2}'),
        "lacks study, experiment",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_record_is_named_and_left_out_in_one_sentence(fault: str, write: Write, runs: Path) -> None:
    write("dual-cnn")
    damage, words = BAD[fault]
    damage(write("single-cnn"))
    collected = collect([runs])
    assert [group.experiment for group in collected.groups] == ["dual-cnn"]
    (sentence,) = collected.skipped
    assert words in sentence
    assert "single-cnn" in sentence
    assert "\n" not in sentence


def test_two_records_that_disagree_on_one_run_are_both_left_out(write: Write, runs: Path, tmp_path: Path) -> None:
    write(accuracy=0.6)
    write(accuracy=0.7, into=tmp_path / "others")
    collected = collect([runs, tmp_path / "others"])
    assert collected.groups == ()
    assert "disagree on one run" in collected.skipped[0]


def test_a_record_found_twice_counts_once(write: Write, runs: Path, tmp_path: Path) -> None:
    write()
    shutil.copytree(runs, tmp_path / "copy")
    (group,) = collect([runs, tmp_path / "copy"]).groups
    assert len(group.runs) == 1


def test_seeds_of_one_experiment_are_put_together(write: Write, runs: Path) -> None:
    for seed, accuracy in ((1, 0.6), (0, 0.7)):
        write(seed=seed, accuracy=accuracy)
    (group,) = collect([runs]).groups
    assert group.seeds == [0, 1]
    assert group.result("accuracy").value == pytest.approx(0.65, abs=0.001)
    assert group.confusion.sum() == 2 * 1217


def test_runs_on_other_data_are_not_averaged(write: Write, runs: Path) -> None:
    write(seed=0)
    write(seed=1, clips=1440)
    write(seed=2, clips=280, demo=True)
    assert [len(group.runs) for group in collect([runs]).groups] == [1, 1, 1]


def test_groups_stand_in_the_order_of_the_document(write: Write, runs: Path) -> None:
    for experiment, protocol in (
        ("parallel-mel", "published"),
        ("dual-cnn", "independent"),
        ("dual-cnn", "published"),
        ("single-cnn", "published"),
    ):
        write(experiment, protocol)
    found = [(group.experiment, group.protocol) for group in collect([runs]).groups]
    assert found == [
        ("single-cnn", "published"),
        ("dual-cnn", "published"),
        ("dual-cnn", "independent"),
        ("parallel-mel", "published"),
    ]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        collect([tmp_path / "nowhere"])


OTHERWISE: dict[str, dict[str, dict[str, object]]] = {
    "weights": {"configuration": {"weights": "none"}},
    "a switch that the protocol's name does not tell": {"switches": {"labels": "other"}},
    "estimator": {"configuration": {"estimator": [{"name": "svc"}]}},
    "folds": {"configuration": {"identity": {"folds": 1}}},
    "precision": {"environment": {"precision": "mixed_bfloat16"}},
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_runs_made_otherwise_are_not_averaged(what: str, write: Write, runs: Path) -> None:
    write(seed=0)
    folder = write(seed=1)
    record = json.loads((folder / "record.json").read_text())
    edit(folder, **{field: record[field] | changed for field, changed in OTHERWISE[what].items()})
    assert [len(group.runs) for group in collect([runs]).groups] == [1, 1]


def test_a_record_without_a_precision_is_one_of_float32(write: Write, runs: Path) -> None:
    write(seed=0)
    folder = write(seed=1)
    record = json.loads((folder / "record.json").read_text())
    edit(folder, environment=record["environment"] | {"precision": "float32"})
    assert [group.seeds for group in collect([runs]).groups] == [[0, 1]]


def test_records_read_in_other_processes_are_those_read_here(
    write: Write, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(3):
        write(seed=seed)
    cut_off(write("dual-cnn"))
    here = collect([runs])
    monkeypatch.setattr(reading, "FEWEST", 1)
    monkeypatch.setattr(processes, "threads", lambda: 2)
    there = collect([runs])
    assert there.skipped == here.skipped
    assert len(there.skipped) == 1
    (ours,), (theirs,) = here.groups, there.groups
    assert [run.data for run in theirs.runs] == [run.data for run in ours.runs]
    for one, other in zip(theirs.runs, ours.runs, strict=True):
        np.testing.assert_equal(vars(one.clips), vars(other.clips))
        pd.testing.assert_frame_equal(one.history, other.history)
