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
from common.runs import checksums, records

CONTENT = classified(seed=3).content


def test_what_is_written_is_read_back(tmp_path) -> None:
    written = records.write(tmp_path / "run", CONTENT)
    assert records.read(tmp_path / "run") == written
    assert written.identity == ("ser_parallel", "single-cnn", "published", 3)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [checksums.NAME, "record.json"]


def test_records_are_found_below_the_runs_folder_and_unfinished_runs_are_not(tmp_path) -> None:
    folders = [records.folder_of(tmp_path, "study", "experiment", "protocol", seed) for seed in (1, 0)]
    for folder in folders:
        records.write(folder, CONTENT)
    records.folder_of(tmp_path, "study", "experiment", "protocol", 2).mkdir()
    assert records.find(tmp_path) == folders[::-1]


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


METRICS = {"accuracy": {"value": 0.5, "interval": [0.1, float("inf")], "n": 3, "method": "Wilson"}}


@pytest.mark.parametrize(
    ("changes", "error", "named"),
    [
        ({"metrics": METRICS}, ResultError, r"metrics\.accuracy\.interval\.1"),
        ({"metrics": {"accuracy": {**METRICS["accuracy"], "value": float("nan")}}}, ResultError, r"accuracy\.value"),
        ({"leaks": None}, ValueError, "leaks"),
        ({"speed": 3}, ValueError, "speed"),
    ],
)
def test_a_record_that_cannot_be_read_again_is_not_written(changes, error, named, tmp_path) -> None:
    content = {name: value for name, value in {**CONTENT, **changes}.items() if value is not None or name != "leaks"}
    with pytest.raises(error, match=named):
        records.write(tmp_path, content)
    assert list(tmp_path.iterdir()) == []


WHOLE = json.dumps({"schema": records.SCHEMA, **CONTENT})


def changed(**changes: object) -> str:
    return json.dumps({**json.loads(WHOLE), **changes})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param(WHOLE[:-20], "damaged", id="cut off"),
        pytest.param(WHOLE.replace("301.0", "NaN"), "damaged|finite", id="not a number"),
        pytest.param(WHOLE.replace("301.0", "1e999"), "damaged|finite", id="infinite"),
        pytest.param("[]", "schema None", id="no record at all"),
        pytest.param(changed(schema=1), "schema 1", id="an older schema"),
        pytest.param(changed(schema=records.SCHEMA + 1), f"schema {records.SCHEMA + 1}", id="a newer schema"),
        pytest.param(WHOLE.replace('"leaks"', '"leak"'), "leaks", id="a field is absent"),
        pytest.param(changed(speed=3), "speed", id="an unknown field"),
        pytest.param(changed(confusion=None), "confusion", id="no confusion of classes"),
        pytest.param(changed(per_output={}), "per_output", id="other outputs than the task"),
        pytest.param(changed(baselines={"majority": 0.2}), r"baselines\.majority", id="another type"),
    ],
)
def test_a_damaged_record_is_refused_with_its_place_and_its_field(text, named, tmp_path) -> None:
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(InputError, match=named) as refused:
        records.read(tmp_path)
    assert "record.json" in str(refused.value)


@pytest.mark.parametrize("place", [".", "file"])
def test_a_folder_without_a_record_and_a_file_in_its_place_are_refused(place, tmp_path) -> None:
    (tmp_path / "file").write_text("{}")
    with pytest.raises(InputError, match=r"record\.json"):
        records.read(tmp_path / place)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_what_was_there(call, monkeypatch, tmp_path) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    records.write(tmp_path, CONTENT)
    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), full)
    with pytest.raises(OSError, match="No space left"):
        records.write(tmp_path, {**CONTENT, "status": "changed"})
    assert records.read(tmp_path).data["status"] == "complete"
    assert sorted(path.name for path in tmp_path.iterdir()) == [checksums.NAME, "record.json"]


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
        with pytest.raises(InputError, match=str(tmp_path)), records.hold(tmp_path):
            pass
    assert busy.stdout == ""
    assert "InputError" in busy.stderr
    with records.hold(tmp_path):
        pass


@pytest.mark.parametrize(
    ("owner", "call", "number", "named"),
    [
        (Path, "mkdir", errno.EROFS, "read-only file system"),
        (records.fcntl, "flock", errno.ENOLCK, "locked"),  # which is no sign of another process
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_with_the_reason(
    owner, call, number, named, monkeypatch, tmp_path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(owner, call, refuse)
    with pytest.raises(InputError, match=named):
        records.hold(tmp_path / "runs").__enter__()


def test_tensorflows_full_disk_is_a_full_disk_as_any_other_and_its_other_errors_stay(tmp_path) -> None:
    with pytest.raises(OSError, match="No space left") as caught, records.hold(tmp_path / "run"):
        raise RuntimeError("Could not initialize events writer: No space left on device")
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(RuntimeError, match="no kernel"), records.hold(tmp_path / "run"):
        raise RuntimeError("no kernel")
