import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from synthetic import classified, regressed, tagged

from common import files
from common.errors import InputError, ResultError
from common.runs import records

CONTENT = classified(seed=3).content


def rewritten(folder: Path, **changes: object) -> Path:
    """Write a record by hand, as a damaged or a foreign program might."""
    path = folder / "record.json"
    path.write_text(json.dumps({"schema": records.SCHEMA, **CONTENT, **changes}))
    return path


def test_what_is_written_is_read_back(tmp_path) -> None:
    written = records.write(tmp_path / "run", CONTENT)
    assert records.read(tmp_path / "run") == written
    assert written.identity == ("ser_parallel", "single-cnn", "published", 3)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["record.json"]


def test_records_are_found_below_the_runs_folder_and_unfinished_runs_are_not(tmp_path) -> None:
    folders = [records.folder_of(tmp_path, "study", "experiment", "protocol", seed) for seed in (1, 0)]
    for folder in folders:
        records.write(folder, CONTENT)
    records.folder_of(tmp_path, "study", "experiment", "protocol", 2).mkdir()
    assert records.find(tmp_path) == folders[::-1]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_named_and_nothing_is_written(value, tmp_path) -> None:
    metrics = {"accuracy": {"value": 0.5, "interval": [0.1, value], "n": 3, "method": "Wilson"}}
    with pytest.raises(ResultError, match=r"no finite metrics\.accuracy\.interval\.1"):
        records.write(tmp_path, {**CONTENT, "metrics": metrics})
    assert list(tmp_path.iterdir()) == []


def test_a_record_without_a_field_is_a_defect_of_ours(tmp_path) -> None:
    with pytest.raises(ValueError, match="lacks leaks"):
        records.write(tmp_path, {name: value for name, value in CONTENT.items() if name != "leaks"})


def test_a_field_that_no_record_has_is_refused_by_writer_and_reader(tmp_path) -> None:
    with pytest.raises(ValueError, match="unknown fields speed"):
        records.write(tmp_path, {**CONTENT, "speed": 3})
    rewritten(tmp_path, speed=3)
    with pytest.raises(InputError, match="unknown fields speed"):
        records.read(tmp_path)


@pytest.mark.parametrize(
    "run",
    [tagged(["a", "b", "c"], "study", "experiment"), regressed(["valence", "arousal"], "study", "experiment")],
    ids=["tagging", "regression"],
)
def test_records_of_other_tasks_have_no_confusion_and_an_output_for_each_column(run, tmp_path) -> None:
    record = records.read(run.write(tmp_path))
    assert record.data["confusion"] is None
    outputs = record.data["task"]["outputs"]
    assert list(record.data["per_output"]) == outputs
    assert set(outputs) <= set(record.predictions().columns)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"confusion": None}, "needs its confusion"),
        ({"per_output": {}}, "per_output has other outputs than the task"),
        ({"baselines": {"majority": 0.2}}, "wrong in baselines.majority"),
    ],
)
def test_a_record_that_contradicts_its_task_is_refused(changes, says, tmp_path) -> None:
    rewritten(tmp_path, **changes)
    with pytest.raises(InputError, match=says):
        records.read(tmp_path)


def test_a_folder_without_a_record_says_how_to_go_on(tmp_path) -> None:
    with pytest.raises(InputError, match=r"holds no record\.json: the run is not finished; run it again"):
        records.read(tmp_path)


def test_a_record_that_was_cut_off_is_damaged(tmp_path) -> None:
    path = rewritten(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"record\.json is damaged"):
        records.read(tmp_path)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_record_with_a_number_that_is_not_finite_is_damaged(number, tmp_path) -> None:
    path = rewritten(tmp_path)
    path.write_text(path.read_text().replace("301.0", number))
    with pytest.raises(InputError, match=r"is damaged|finite"):
        records.read(tmp_path)


@pytest.mark.parametrize("schema", [1, records.SCHEMA + 1, None])
def test_a_record_of_another_schema_is_refused(schema, tmp_path) -> None:
    rewritten(tmp_path, schema=schema)
    with pytest.raises(InputError, match=f"has schema {schema}, this Encore reads {records.SCHEMA}"):
        records.read(tmp_path)


def test_what_is_no_record_at_all_is_refused(tmp_path) -> None:
    (tmp_path / "record.json").write_text("[]")
    with pytest.raises(InputError, match="has schema None"):
        records.read(tmp_path)


def test_a_record_that_lacks_a_field_is_refused_by_its_name(tmp_path) -> None:
    (tmp_path / "record.json").write_text(json.dumps({"schema": records.SCHEMA, "study": "a"}))
    with pytest.raises(InputError, match="lacks experiment, protocol"):
        records.read(tmp_path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_what_was_there(call, monkeypatch, tmp_path) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    records.write(tmp_path, CONTENT)
    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), full)
    with pytest.raises(OSError, match="No space left"):
        records.write(tmp_path, {**CONTENT, "status": "changed"})
    assert records.read(tmp_path).data["status"] == "complete"
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_words_in_predictions_stay_words(tmp_path) -> None:
    row = {"name": "007", "corpus": "own", "speaker": "", "fold": 0, "true": "none", "predicted": "NA", "none": 0.1}
    files.write_table(tmp_path / "predictions.csv", pd.DataFrame([row]))
    read = records.Record(tmp_path, {}).predictions()
    assert read.iloc[0].to_dict() == row


def test_probabilities_come_back_to_the_bit(tmp_path) -> None:
    values = pd.Series([1 / 3, 1e-30, 0.1], dtype="float32")
    files.write_table(tmp_path / "table.csv", pd.DataFrame({"p": values}))
    assert pd.read_csv(tmp_path / "table.csv")["p"].astype("float32").equals(values)


def test_a_second_process_is_refused_and_the_folder_is_free_afterwards(tmp_path) -> None:
    program = (
        "import sys; from pathlib import Path; from common.runs import records\n"
        "with records.hold(Path(sys.argv[1])): print('held')"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with records.hold(tmp_path):
        busy = subprocess.run(command, capture_output=True, text=True, cwd=Path(records.__file__).parents[2])
        with pytest.raises(InputError, match="another process is running in"), records.hold(tmp_path):
            pass
    assert "another process is running in" in busy.stderr
    with records.hold(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write .* \(not a directory\); name another folder with --runs"):
        records.hold(tmp_path / "file" / "runs").__enter__()


def test_a_read_only_folder_is_one_sentence(monkeypatch, tmp_path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=r"\(read-only file system\); name another folder"):
        records.hold(tmp_path / "runs").__enter__()


def test_a_file_system_without_locks_is_not_taken_for_a_busy_one(monkeypatch, tmp_path) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(records.fcntl, "flock", refuse)
    with pytest.raises(InputError, match=r"cannot be locked .* name a local folder"):
        records.hold(tmp_path).__enter__()


def test_tensorflows_full_disk_is_a_full_disk_as_any_other(tmp_path) -> None:
    with pytest.raises(OSError, match="No space left") as caught, records.hold(tmp_path / "run"):
        raise RuntimeError("Could not initialize events writer: No space left on device")
    assert caught.value.errno == errno.ENOSPC


def test_another_error_of_tensorflow_stays_what_it_is(tmp_path) -> None:
    with pytest.raises(RuntimeError, match="no kernel"), records.hold(tmp_path / "run"):
        raise RuntimeError("no kernel")


def test_a_file_in_place_of_a_run_s_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text("{}")
    with pytest.raises(InputError, match="holds no record"):
        records.read(tmp_path / "record.json")
