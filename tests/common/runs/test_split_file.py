import json
from pathlib import Path

import pandas as pd
import pytest
import tiny

from common.errors import InputError
from common.runs import runner, split_file

CLIPS = pd.DataFrame(
    {
        "name": [f"{speaker}/a{number:02}" for speaker in ("DC", "JE") for number in range(6)],
        "path": [Path(f"/data/{speaker}/a{number:02}.wav") for speaker in ("DC", "JE") for number in range(6)],
        "label": ["happy", "sad"] * 6,
    }
)
STRATA = CLIPS["label"].to_numpy()


def table(folder: Path, text: str) -> split_file.SplitFile:
    (folder / "list.csv").write_text(text)
    return split_file.read(folder / "list.csv")


def lines(clips: dict[str, str]) -> str:
    return "path,set\n" + "".join(f"{clip},{of_set}\n" for clip, of_set in clips.items())


def emobox(folder: Path, folds: dict[str, tuple[str, str]]) -> Path:
    """Write lists of the clips of one speaker for training, and of another one for testing, for each fold."""
    for fold, (trained, tested) in folds.items():
        (folder / f"fold_{fold}").mkdir(parents=True)
        for name, speaker in (("train", trained), ("test", tested)):
            entries = [{"key": f"x-{number}", "wav": f"downloads/{speaker}/a{number:02}.wav"} for number in range(6)]
            text = "".join(f"{json.dumps(entry)}\n" for entry in entries)
            (folder / f"fold_{fold}" / f"savee_{name}_fold_{fold}.jsonl").write_text(text)
    return folder


def test_lists_of_folds_are_read_and_a_fifth_of_the_training_clips_validates(tmp_path: Path) -> None:
    lists = split_file.read(emobox(tmp_path / "savee", {"1": ("DC", "JE"), "2": ("JE", "DC")}))
    plain = lists.folds(CLIPS, STRATA, validated=False, seed=0)
    assert [list(fold.train) for fold in plain] == [[*range(6)], [*range(6, 12)]]
    assert [list(fold.test) for fold in plain] == [[*range(6, 12)], [*range(6)]]
    for fold, whole in zip(lists.folds(CLIPS, STRATA, validated=True, seed=0), plain, strict=True):
        assert sorted([*fold.train, *fold.validation]) == list(whole.train)
        assert sorted(STRATA[fold.validation]) == ["happy", "sad"]
        assert list(fold.test) == list(whole.test)


@pytest.mark.parametrize(
    "text",
    [
        "name;fold\n" + "".join(f"{name};{row % 3}\n" for row, name in enumerate(CLIPS["name"])),
        "wav\tfold\tsplit\n"
        + "".join(
            f"X:\\corpus\\{name.replace('/', chr(92))}.wav\t{fold}\t{'Test' if row % 3 == fold else 'training'}\n"
            for fold in range(3)
            for row, name in enumerate(CLIPS["name"])
        ),
    ],
    ids=["folds alone", "other names, separators and slashes"],
)
def test_tables_of_folds_test_each_clip_once(tmp_path: Path, text: str) -> None:
    folds = table(tmp_path, text).folds(CLIPS, STRATA, validated=False, seed=0)
    assert [list(fold.test) for fold in folds] == [[row for row in range(12) if row % 3 == fold] for fold in range(3)]
    assert all(sorted([*fold.train, *fold.test]) == [*range(12)] for fold in folds)


def test_what_is_not_listed_is_left_out_and_what_is_not_there_is_counted(tmp_path: Path) -> None:
    listed = table(tmp_path, lines({"DC/a00": "train", "DC/a01.flac": "dev", "JE/a00": "test", "KL/a00": "test"}))
    kept = listed.listed(CLIPS)
    assert list(kept["name"]) == ["DC/a00", "DC/a01", "JE/a00"]
    (fold,) = listed.folds(kept, kept["label"].to_numpy(), validated=True, seed=0)
    assert [list(rows) for rows in fold.sets().values()] == [[0], [1], [2]]
    left_out, absent = listed.remarks(CLIPS)
    assert "9 of 12" in left_out and "DC/a02" in left_out
    assert "1 of 4" in absent and "KL/a00" in absent


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (lines({"a00": "train", "JE/a01": "test"}), "a00 may be"),
        (lines({"DC/a00": "train", "JE/a00": "other"}), "line 3"),
        (lines({"DC/a00": "train", "DC/a00.wav": "test"}), "DC/a00"),
        (lines({"DC/a00": "train", "KL/a00": "test"}), "test set"),
        (lines({"KL/a00": "train", "KL/a01": "test"}), "KL/a00"),
        ("name,fold,set\nDC/a00,0,train\nJE/a00,0,test\nDC/a00,1,train\nJE/a00,1,test\n", "two folds"),
        ("name,speaker\nDC/a00,DC\n", "speaker"),
        ("name,set\n", "no clips"),
    ],
)
def test_lists_that_contradict_themselves_are_refused_by_what_is_wrong(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(InputError) as refusal:
        listed = table(tmp_path, text)
        listed.folds(listed.listed(CLIPS), STRATA, validated=False, seed=0)
    assert named in str(refusal.value)


def test_a_name_that_clips_of_two_corpora_have_is_refused_and_a_longer_path_taken(tmp_path: Path) -> None:
    clips = pd.DataFrame({"name": ["a0", "a1", "a0"], "path": ["one/a0.wav", "one/a1.wav", "two/a0.wav"]})
    with pytest.raises(InputError, match=r"a0 may be one/a0\.wav or two/a0\.wav"):
        table(tmp_path, lines({"a0": "train", "a1": "test"})).listed(clips)
    assert len(table(tmp_path, lines({"two/a0": "train", "a1": "test"})).listed(clips)) == 2


@pytest.mark.parametrize("place", ["absent.csv", "empty"])
def test_a_place_without_lists_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=place.partition(".")[0]):
        split_file.read(tmp_path / place)


def test_a_list_in_another_encoding_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "savee_train_fold_1.jsonl").write_bytes('{"wav": "Ärger.wav"}'.encode("latin-1"))
    with pytest.raises(InputError, match=r"savee_train_fold_1\.jsonl"):
        split_file.read(tmp_path)


def test_a_run_on_the_split_of_another_run_has_its_sets_and_says_so(corpus: Path, tmp_path: Path) -> None:
    first = runner.run(tiny.job(corpus, "patient", runs=tmp_path / "first", protocol="independent"))
    listed = split_file.read(first.folder / "split.csv")
    again = runner.run(tiny.job(corpus, "patient", runs=tmp_path / "again", split=listed))
    columns = ["name", "fold", "set"]
    assert again.split()[columns].equals(first.split()[columns])
    assert again.data["configuration"]["overrides"]["split"].startswith("split.csv")
    assert again.data["configuration"]["identity"]["split"] == listed.digest
