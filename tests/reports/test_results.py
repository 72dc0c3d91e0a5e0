"""Records are read as they were written, put together by seed, and left out where they contradict themselves."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import CLASSES, Write, edit, reseal

from common.errors import InputError
from common.runs import checksums, store
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
FOLD = {"fold": 0, "train": 1152, "validation": 144, "test": 1217, "best_epoch": 37, "epochs": 60}
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
    ("metrics.accuracy.method", "bootstrap over 9 groups", "something else than its clips"),
    ("per_output.sad.scores.recall.interval", [0.0, 1.0], "recall of sad is not Wilson's"),
    ("per_output.sad.scores.recall.n", 185, "recall of sad is not of 186 clips"),
    ("baselines.chance.accuracy", 0.2, "baseline by chance"),
    ("baselines.majority.accuracy", 0.1234, "baseline of the largest class"),
    ("folds", [FOLD | {"test": 1216}], "folds test other clips"),
    ("folds", [FOLD | {"validation": 143}], "fold 0 has other clips than its split"),
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
        ("configuration.amsgrad", True, 2),
        ("configuration.amsgrad", False, 1),  # as is one that says nothing: it could not be chosen then
        ("configuration.library", "keras", 1),
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


@pytest.mark.parametrize("name", ["record.json", "predictions.csv", "history.csv", "split.csv"])
def test_a_file_that_is_not_what_was_written_is_named(name: str, write: Write, runs: Path) -> None:
    write("dual-cnn")
    path = write("single-cnn") / name
    path.write_bytes(path.read_bytes() + b"\n")
    collected = collect([runs])
    assert [group.experiment for group in collected.groups] == ["dual-cnn"]
    (sentence,) = collected.skipped
    assert f"{path} was changed" in sentence


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"9" * 5000, b"[" * 100_000])
def test_a_record_that_is_no_text_does_not_end_the_report(content: bytes, write: Write, runs: Path) -> None:
    write("dual-cnn")
    folder = write("single-cnn")
    (folder / "record.json").write_bytes(content)
    reseal(folder)
    collected = collect([runs])
    assert len(collected.groups) == len(collected.skipped) == 1
    assert "record.json" in collected.skipped[0]
    assert len(collected.skipped[0]) < 500


def test_a_record_that_cannot_be_opened_does_not_end_the_report(write: Write, runs: Path) -> None:
    write("dual-cnn")
    path = write("single-cnn") / "record.json"
    path.unlink()
    path.mkdir()  # permissions would not stop a superuser
    collected = collect([runs])
    assert len(collected.groups) == 1
    assert f"{path} cannot be read" in collected.skipped[0]


def test_a_folder_that_cannot_be_listed_is_named(write: Write, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("dual-cnn")
    (runs / "closed").mkdir()
    listed = os.scandir

    def scandir(path: str | Path = ".") -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    collected = collect([runs])
    assert len(collected.groups) == 1
    assert f"{runs / 'closed'} cannot be read (permission denied)" in collected.skipped[0]
    with pytest.raises(InputError, match="closed"):
        store.keep(runs, runs / "store")


# A record without checksums, as earlier versions wrote them, or with new ones: what tables tell is computed again.


def split(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], object]:
    """Return what changes the split of a run."""

    def damage(folder: Path) -> None:
        table = pd.read_csv(folder / "split.csv", dtype={"digest": str})
        change(table).to_csv(folder / "split.csv", index=False)

    return damage


def unseen_copies(folder: Path) -> None:
    edit(folder, {"leaks": [{"check": "sound", "clean": True, "detail": "no identical recording in two sets"}]})
    table = pd.read_csv(folder / "split.csv", dtype={"digest": str})
    last = (table["fold"] == 0) & (table["set"] == "validation")
    table.loc[last, "digest"] = table["digest"][0]
    table.to_csv(folder / "split.csv", index=False)


BETWEEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "another set": (split(lambda table: table.replace({"set": {"validation": "train"}})), "fold 0 has other clips"),
    "a set that is none": (
        split(lambda table: table.replace({"set": {"train": "trained"}})),
        "not train, validation or test",
    ),
    "another test clip": (split(lambda table: table.replace({"name": {"clip-0-5": "clip-0-9999"}})), "predicts other"),
    "a fold lost": (split(lambda table: table[table["fold"] < 5]), "fold 5 has other clips"),
    "a fold more": (split(lambda table: pd.concat([table, table.assign(fold=6)])), "other folds than its record"),
    "copies": (unseen_copies, "identical recordings"),
}


@pytest.mark.parametrize("fault", BETWEEN)
def test_a_split_of_another_run_is_found_out(fault: str, write: Write, runs: Path) -> None:
    damage, says = BETWEEN[fault]
    folder = write("single-cnn", "independent")
    damage(folder)
    reseal(folder)
    assert says in collect([runs]).skipped[0]


def test_a_leak_audit_that_the_folds_contradict_is_found_out(write: Write, runs: Path) -> None:
    folder = write("single-cnn", "independent", clips=1440)
    path = folder / "predictions.csv"
    before = path.read_text()
    path.write_text(before.replace("ravdess-01", "ravdess-02", 1))
    reseal(folder)
    assert "two folds test clips of one" in collect([runs]).skipped[0]
    path.write_text(before)
    leak = {"check": "speaker", "clean": False, "detail": "24 speakers in train and test", "worst": 0}
    edit(folder, {"leaks": [leak]})
    assert "no two folds test clips of one" in collect([runs]).skipped[0]


def test_of_a_record_without_checksums_intervals_are_drawn_again(write: Write, runs: Path) -> None:
    folder = write("single-cnn")
    (folder / checksums.NAME).unlink()
    assert not collect([runs]).skipped
    record = json.loads((folder / "record.json").read_text())
    low, high = record["metrics"]["macro_f1"]["interval"]
    record["metrics"]["macro_f1"]["interval"] = [low, high + (high - low) / 2]
    (folder / "record.json").write_text(json.dumps(record))
    assert "the interval of its macro_f1 is not that of its predictions" in collect([runs]).skipped[0]


def test_a_loss_is_computed_again_from_the_probabilities(write: Write, runs: Path) -> None:
    folder = write("single-cnn")
    table = pd.read_csv(folder / "predictions.csv")
    chosen = np.eye(7)[[CLASSES.index(name) for name in table["predicted"]]] * 0.4 + 0.6 / 7
    table.assign(**dict(zip(CLASSES, chosen.T, strict=True))).to_csv(folder / "predictions.csv", index=False)
    true = chosen[np.arange(len(table)), [CLASSES.index(name) for name in table["true"]]]
    loss = float(-np.log(true).mean())
    score = {"value": loss, "interval": [0.0, 9.0], "n": len(table), "method": "bootstrap over clips"}
    edit(folder, {"metrics.loss": score})
    assert not collect([runs]).skipped
    edit(folder, {"metrics.loss.value": loss + 0.01})
    assert "its loss is not that of its predictions" in collect([runs]).skipped[0]


def test_scores_of_the_validation_clips_are_those_of_the_learning_curve(write: Write, runs: Path) -> None:
    folder = write("dual-cnn")
    curve = pd.read_csv(folder / "history.csv").set_index("epoch")["val_loss"]
    score = {"value": curve[37], "interval": [0.0, 9.0], "n": 144, "method": "bootstrap over clips"}
    edit(folder, {"metrics.val_loss": score})
    assert not collect([runs]).skipped
    edit(folder, {"metrics.val_loss.value": curve[37] + 0.1})
    assert "its val_loss is not in its learning curve" in collect([runs]).skipped[0]
