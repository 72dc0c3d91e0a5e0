"""Runs in the store: they say what the folders said, are added one by one, and can be recomputed."""

import hashlib
import itertools
import json
import stat
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import classified, regressed, reseal, searched, tagged

from common.errors import InputError
from common.runs import checksums, records, search_records, store
from common.runs.checksums import ChangedFileError
from common.tasks.classification import classification
from reports.build import RESULTS

SER = "ser_parallel/single-cnn.zip"
OF_TASKS = {
    "classification": classified(clips=1440),
    "tagging": tagged(["a", "b", "c"], "ser_parallel", "single-cnn"),
    "regression": regressed(["valence", "arousal"], "ser_parallel", "single-cnn"),
}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return the zip file of one run, whose folder is in `runs`."""
    classified(clips=1440).write(tmp_path / "runs")
    (path,) = store.keep(tmp_path / "runs", tmp_path / "out")
    return path


@pytest.mark.parametrize("kind", OF_TASKS)
def test_a_stored_run_says_what_its_folder_says(kind: str, tmp_path: Path) -> None:
    whole = records.read(OF_TASKS[kind].write(tmp_path / "runs"))
    (path,) = store.keep(tmp_path / "runs", tmp_path / "out")
    (kept,) = store.read(path).runs
    assert kept.data == whole.data
    pd.testing.assert_frame_equal(kept.history(), whole.history())
    by_name = [record.predictions().sort_values("name", ignore_index=True) for record in (kept, whole)]
    pd.testing.assert_frame_equal(*by_name, check_dtype=False)
    ours, theirs = kept.tested(), whole.tested()
    assert ours.clips.digest == theirs.clips.digest
    for name in ("true", "predicted"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    np.testing.assert_array_equal(ours.clips.groups, theirs.clips.groups)


def test_probabilities_of_classes_are_left_out(tmp_path: Path) -> None:
    run = OF_TASKS["classification"]
    run.predictions.assign(angry=0.5).pipe(lambda table: type(run)(run.content, run.history, table)).write(tmp_path)
    (path,) = store.keep(tmp_path, tmp_path / "out")
    assert "angry" not in store.read(path).runs[0].predictions()


def test_runs_are_added_to_those_that_are_there_and_a_newer_one_takes_the_older_one_s_place(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number, seeds in enumerate([(0, 2), (1, 2)]):
        for seed in seeds:
            classified(seed=seed, accuracy=0.6 + 0.1 * number, clips=1440).write(tmp_path / f"runs-{number}")
        store.keep(tmp_path / f"runs-{number}", out)
    found = {run.data["seed"]: run.data["metrics"]["accuracy"]["value"] for run in store.read(out / SER).runs}
    assert list(found) == [0, 1, 2]
    assert found == pytest.approx({0: 0.6, 1: 0.7, 2: 0.7}, abs=0.01)


def test_runs_that_are_kept_at_the_same_time_are_all_there_and_can_be_read(tmp_path: Path) -> None:
    of = [("single-cnn", 0), ("single-cnn", 1), ("dual-cnn", 2), ("parallel-mfcc", 3)]
    for number, (experiment, seed) in enumerate(of):
        classified(experiment, seed=seed, clips=1440).write(tmp_path / f"runs-{number}")
    with ThreadPoolExecutor(len(of)) as pool:
        list(pool.map(lambda number: store.keep(tmp_path / f"runs-{number}", tmp_path / "out"), range(len(of))))
    kept = [run.data for path in store.find(tmp_path / "out") for run in store.read(path).runs]
    assert sorted((one["experiment"], one["seed"]) for one in kept) == sorted(of)


def test_a_zip_that_is_none_of_the_store_is_left_alone(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "notes").mkdir()
    (tmp_path / "out" / "notes" / "notes.zip").write_bytes(b"PK")
    assert {path.name for path in store.find(tmp_path / "out")} == {kept.name, store.SPLITS}


def test_what_is_kept_can_be_opened_by_every_program_and_read_by_everybody(kept: Path) -> None:
    with zipfile.ZipFile(kept) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        assert {stat.S_IMODE(info.external_attr >> 16) for info in archive.infolist()} == {0o644}


def test_keeping_again_changes_no_byte_and_a_run_of_other_clips_does_not_take_the_place_of_one(
    kept: Path, tmp_path: Path
) -> None:
    before = kept.read_bytes()
    store.keep(tmp_path / "runs", tmp_path / "out")
    assert kept.read_bytes() == before
    classified(clips=280, demo=True).write(tmp_path / "demo")
    with pytest.raises(InputError, match="published seed 0"):
        store.keep(tmp_path / "demo", tmp_path / "out")
    assert kept.read_bytes() == before


def test_a_folder_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run"):
        store.keep(tmp_path, tmp_path / "out")


def changed(path: Path, change: Callable[[dict], object]) -> None:
    """Write a zip again with its first record changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    record = json.loads(members["runs.jsonl"].splitlines()[0])
    change(record)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (members | {"runs.jsonl": json.dumps(record).encode()}).items():
            archive.writestr(name, content)
    reseal(path.parent)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda record: record.update(schema=1), "run 1 .*schema 1"),
        (lambda record: record.pop("leaks"), "run 1 .*leaks"),
        (lambda record: record["task"]["outputs"].pop(), "damaged"),
    ],
)
def test_a_damaged_record_in_a_zip_is_named(change: Callable[[dict], object], named: str, kept: Path) -> None:
    changed(kept, change)
    with pytest.raises(InputError, match=named):
        store.read(kept)


def test_experiments_share_a_split_and_later_clips_do_not_move_it(tmp_path: Path) -> None:
    made = [("single-cnn", 0, 144), ("dual-cnn", 0, 144), ("dual-cnn", 1, 280)]
    for number, (experiment, seed, tested) in enumerate(made):
        classified(experiment, seed=seed, clips=1440, n=tested).write(tmp_path / f"runs-{number}")
        store.keep(tmp_path / f"runs-{number}", tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out/ser_parallel" / store.SPLITS) as archive:
        assert sum(name.endswith("fold.npy") for name in archive.namelist()) == len({seed for _, seed, _ in made})
    for number, (experiment, seed, _) in enumerate(made):
        (whole,) = map(records.read, records.find(tmp_path / f"runs-{number}"))
        runs = store.read(tmp_path / f"out/ser_parallel/{experiment}.zip").runs
        (kept,) = (run for run in runs if run.data["seed"] == seed)
        tables = [run.predictions().sort_values("name", ignore_index=True) for run in (kept, whole)]
        pd.testing.assert_frame_equal(*tables, check_dtype=False)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (store.SPLITS, lambda path: path.unlink()),
        (store.SPLITS, lambda path: path.write_bytes(b"PK")),
        ("single-cnn.zip", lambda path: path.write_bytes(path.read_bytes()[:-1000])),
    ],
)
def test_a_lost_or_damaged_file_is_named(name: str, damage: Callable[[Path], object], kept: Path) -> None:
    damage(kept.with_name(name))
    with pytest.raises(InputError, match=name):
        store.read(kept)


def test_a_file_of_the_store_that_was_exchanged_or_has_no_checksum_is_named(kept: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    classified("dual-cnn", clips=1440).write(other)
    store.keep(other, tmp_path / "out")
    place = kept.with_name("dual-cnn.zip")
    place.write_bytes(kept.read_bytes())
    with pytest.raises(ChangedFileError, match=r"dual-cnn\.zip"):
        store.read(place)
    assert store.read(kept).runs
    (kept.parent / checksums.NAME).unlink()
    with pytest.raises(ChangedFileError, match=r"single-cnn\.zip"):
        store.read(kept)


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_store_whose_keeping_was_killed_can_be_read(call: int, kept: Path, tmp_path: Path, monkeypatch) -> None:
    classified(seed=1, clips=1440).write(tmp_path / "more")
    calls = itertools.count(1)

    def killed(path: Path, target: Path) -> None:
        if path.suffix != ".jsonl" and target.name in (kept.name, checksums.NAME) and next(calls) == call:
            raise KeyboardInterrupt
        path.rename(target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        store.keep(tmp_path / "more", tmp_path / "out")
    assert len(store.read(kept).runs) in (1, 2)


def test_a_run_of_an_earlier_version_gets_its_checksum_when_it_is_kept(tmp_path: Path) -> None:
    (classified(clips=1440).write(tmp_path / "runs") / checksums.NAME).unlink()
    (path,) = store.keep(tmp_path / "runs", tmp_path / "out")
    assert path.name in (path.parent / checksums.NAME).read_text()
    assert store.read(path).runs[0].sealed


def test_searches_are_kept_with_all_their_files(tmp_path: Path) -> None:
    whole = search_records.read(searched().write(tmp_path / "runs"))
    (path,) = store.keep(tmp_path / "runs", tmp_path / "out")
    (kept,) = store.read(path).searches
    assert kept.data == whole.data
    assert all(kept.text(name) == whole.text(name) for name in search_records.TABLES)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(size="demo"),
        lambda content: content["space"]["learning_rate"].append(0.1),
        lambda content: content["data"].update(digest="0"),
        lambda content: content["configuration"].update(overrides={"epochs": 1}),
    ],
)
def test_a_search_of_other_clips_or_settings_does_not_take_the_place_of_one(
    change: Callable[[dict], object], tmp_path: Path
) -> None:
    searched().write(tmp_path / "runs")
    (path,) = store.keep(tmp_path / "runs", tmp_path / "out")
    before = path.read_bytes()
    other = searched()
    change(other.content)
    other.write(tmp_path / "others")
    with pytest.raises(InputError, match="published literal seed 0"):
        store.keep(tmp_path / "others", tmp_path / "out")
    assert path.read_bytes() == before


def test_the_shipped_results_have_the_checksums_that_coreutils_compute() -> None:
    for folder in sorted({path.parent for path in store.find(RESULTS)}):
        lines = (folder / checksums.NAME).read_text().splitlines()
        sums = {name: total for total, name in (line.split("  ") for line in lines)}
        assert sums == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.zip")}


def test_shipped_scores_and_intervals_are_those_of_the_shipped_predictions() -> None:
    every = [run for path in store.find(RESULTS) for run in store.read(path).runs]
    assert len(every) > 2000
    others = [run for run in every if run.task.KIND != "classification"]
    for run in others:
        seen, kept = run.tested(), run.data["metrics"][run.task.HEADLINE]
        again = run.task.headline(seen.true, seen.predicted, groups=None, seed=0)
        # The store keeps float32; the order of the clips, which the interval depends on, is that of their names.
        assert (again["value"], again["n"]) == (pytest.approx(kept["value"], rel=1e-6), kept["n"]), run.folder
    for run in [run for run in every if run not in others][::149]:
        metrics, seen = run.data["metrics"], run.tested()
        over_groups = "groups" in metrics["accuracy"]["method"]
        again = classification(
            seen.true,
            seen.predicted,
            run.data["task"]["outputs"],
            groups=np.char.decode(seen.clips.groups) if over_groups else None,
            seed=run.data["seed"],
        )
        assert run.data["confusion"] == vars(again)["confusion"]
        for name, score in vars(again)["metrics"].items():
            assert same(metrics[name], score), (run.folder, name)
        for output, row in vars(again)["per_output"].items():
            kept = run.data["per_output"][output]["scores"]
            assert all(same(kept[name], score) for name, score in row["scores"].items()), (run.folder, output)


def same(one: dict | None, other: dict | None) -> bool:
    """Return whether two scores are the same but for the last digits."""
    if one is None or other is None:
        return one is other
    numbers = [[score["value"], *score["interval"]] for score in (one, other)]
    return numbers[0] == pytest.approx(numbers[1], abs=1e-12) and one["n"] == other["n"]


def test_the_shipped_results_are_small() -> None:
    files = [path for path in RESULTS.rglob("*") if path.is_file()]
    assert len(files) < 120  # one per experiment, and a few that the experiments of a document share
    assert sum(path.stat().st_size for path in files) < 5_500_000
