"""Records are read as they were written, put together by seed, and left out where they contradict themselves."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import Write, edit, reseal

from common.errors import InputError
from reports import collect as reading
from reports import processes
from reports.collect import collect


def rewritten(name: str, change: Callable[[str], str]) -> Callable[[Path], object]:
    """Return what changes the text of a file of a run."""
    return lambda folder: (folder / name).write_text(change((folder / name).read_text()))


def history(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], object]:
    """Return what changes the learning curves of a run."""

    def damage(folder: Path) -> None:
        change(pd.read_csv(folder / "history.csv")).to_csv(folder / "history.csv", index=False)

    return damage


def a_clip_twice(text: str) -> str:
    lines = text.splitlines(keepends=True)
    lines[2] = lines[1].partition(",")[0] + "," + lines[2].partition(",")[2]
    return "".join(lines)


def narrowed(folder: Path) -> None:
    value = json.loads((folder / "record.json").read_text())["metrics"]["accuracy"]["value"]
    edit(folder, {"metrics.accuracy.interval": [value - 0.0001, value + 0.0001]})


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut off": (rewritten("record.json", lambda text: text[:200]), "damaged"),
    "nested too deep": (rewritten("record.json", lambda _: "[" * 100_000), "damaged"),
    "fields lost": (rewritten("record.json", lambda _: '{"schema": 2}'), "lacks study, experiment"),
    "no predictions": (lambda folder: (folder / "predictions.csv").unlink(), "damaged"),
    "other predictions": (rewritten("predictions.csv", lambda text: text.replace(",happy", ",sad")), "confusion"),
    "a clip twice": (rewritten("predictions.csv", a_clip_twice), "predicts a clip twice"),
    "learning curve cut off": (history(lambda table: table.head(11)), "fold 0 has other epochs"),
    "learning curve of words": (history(lambda table: table.assign(loss="abc")), "words in loss"),
    "a column lost": (history(lambda table: table.drop(columns="epoch")), "lack epoch"),
    "interval made narrow": (narrowed, "accuracy is not Wilson's"),
}
FIELDS: list[tuple[str, object, str]] = [
    ("schema", 1, "schema 1"),
    ("seed", "x", "seed: Input should be a valid integer"),
    ("seed", float("nan"), "NaN"),
    ("demo_epochs", 3, "unknown fields demo_epochs"),
    ("parameters", None, "parameters"),
    ("timings", {}, "lacks timings.load_s, timings.features_s"),
    ("configuration.identity", {"folds": "x"}, "configuration.identity.folds"),
    # What it is a record of.
    ("study", "dance", "'dance'"),
    ("experiment", "triple-cnn", "no experiment 'triple-cnn'"),
    ("experiment", "dual-cnn", "the record of dual-cnn/published/seed-0"),
    ("seed", 7, "the record of single-cnn/published/seed-7"),
    ("status", "interrupted", "interrupted"),
    ("protocol", "everything", "no protocol 'everything'"),
    ("protocol", "published+normalise=channel", "switches are not those of"),
    ("configuration.identity.switches", {"labels": "right"}, "switches are not those"),
    # Its data.
    ("data.digest", ..., "lacks data.digest"),
    ("data.missing", ..., "lacks data.missing"),
    ("data.corpora.ravdess.form", ..., "lacks data.corpora.ravdess.form"),
    ("data.clips", 1440, "1440 clips, but 12162"),
    ("data.per_output", {"sound": 12162}, "data.per_output has other outputs"),
    # Its scores.
    ("metrics", {}, "damaged"),
    ("metrics.loss", None, "metrics.loss"),
    ("metrics.accuracy.n", 3, "scores are not of 1217 clips"),
    ("metrics.accuracy.value", 0.9, "accuracy is not that of its predictions"),
    ("metrics.macro_f1.value", 0.5, "macro_f1 is not that of its predictions"),
    ("metrics.macro_f1.value", 1.2, "macro_f1 is not that of its predictions"),
    ("metrics.weighted_precision.value", 0.5, "weighted_precision is not that of its predictions"),
    ("metrics.macro_f1.interval", [0.9, 0.1], "macro_f1 lies outside"),
    ("per_output.sad", ..., "other outputs than the task"),
    ("per_output.sad.scores.f1", ..., "not all outputs have the same scores"),
    ("per_output.sad.scores.f1", None, "per_output.sad"),
    ("per_output.sad.scores.f1.value", 5.0, "f1 of sad is not that of its predictions"),
    ("per_output.sad.scores.recall.value", 0.1, "recall of sad is not that of its predictions"),
    ("per_output.sad.scores.f1.interval", [0.9, 0.1], "outside its interval"),
]
BAD = FILES | {
    f"{field} is {to!r}": (lambda folder, field=field, to=to: edit(folder, {field: to}), words)
    for field, to, words in FIELDS
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_record_is_named_and_left_out_in_one_sentence(fault: str, write: Write, runs: Path) -> None:
    write("dual-cnn")
    damage, words = BAD[fault]
    folder = write("single-cnn")
    damage(folder)
    reseal(folder)
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
    order = [("single-cnn", "published"), ("dual-cnn", "published"), ("dual-cnn", "independent")]
    for of in order[::-1]:
        write(*of)
    assert [(group.experiment, group.protocol) for group in collect([runs]).groups] == order


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        collect([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("field", "to", "groups"),
    [
        ("configuration.weights", "none", 2),
        ("configuration.estimator", [{"name": "svc"}], 2),
        ("configuration.identity", {"folds": 1}, 2),
        ("switches.labels", "other", 2),  # which the name of the protocol does not tell
        ("environment.precision", "mixed_bfloat16", 2),
        ("environment.precision", "float32", 1),  # as is one that says nothing
    ],
)
def test_runs_made_otherwise_are_not_averaged(field: str, to: object, groups: int, write: Write, runs: Path) -> None:
    write(seed=0)
    edit(write(seed=1), {field: to})
    assert [len(group.runs) for group in collect([runs]).groups] == [2 // groups] * groups


def test_records_read_in_other_processes_are_those_read_here(
    write: Write, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(3):
        write(seed=seed)
    edit(write("dual-cnn"), {"schema": 1})
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
