import json

import numpy as np
import pytest
import soundfile

from common.cli.console import main
from common.corpora import CORPORA
from common.corpora.__main__ import app
from common.corpora.scanning import LEAVE_OUT


@pytest.fixture
def run(capsys):
    """Return a function that runs the command and gives (exit code, standard output, standard error)."""

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(app, [str(argument) for argument in arguments])
        out, error = capsys.readouterr()
        return end.value.code, out, error

    return run


def test_list_has_the_licence_and_the_address_of_each_corpus(run):
    code, out, _ = run("list")
    assert code == 0
    assert all(corpus.licence in out and corpus.address in out for corpus in CORPORA.values())
    facts = json.loads(run("list", "--json")[1])
    assert {corpus["name"]: corpus["clips"] for corpus in facts}["crema_d"] == 7442


def test_scan_reports_what_was_found_left_out_and_not_found(run, make_clips):
    folder = make_clips(["DC/a01.wav", "DC/x.wav"])
    code, out, _ = run("scan", folder)
    assert code == 0
    assert all(fact in out for fact in ("1 of 480", "x.wav", "ravdess", "emotify"))
    facts = json.loads(run("scan", folder, "--json")[1])
    assert (facts["clips"], facts["found"][0]["counts"]["angry"]) == (1, 1)


def test_verify_has_exit_code_1_if_clips_are_missing(run, make_clips):
    folder = make_clips(["DC/a01.wav"])
    code, out, _ = run("verify", "savee", folder)
    assert code == 1
    assert "479" in out
    assert len(json.loads(run("verify", "savee", folder, "--json")[1])["missing"]) == 479


def test_demo_writes_and_counts(run, tmp_path):
    code, out, _ = run("demo", tmp_path / "demo", "--clips", 1, "--seed", 5)
    assert code == 0
    assert "emotify 4, fsdkaggle2019 16, mtg_jamendo 6, ravdess 8" in out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("scan absent", "absent"),
        ("download ravdess taken", "taken"),
        ("download ravdess taken/below", "taken"),
        ("download savee data", CORPORA["savee"].address),
        ("download iemocap data", "crema_d"),
        ("demo taken", "taken"),
        ("demo taken/below", "taken"),
        ("demo data --seed -1", "--seed"),
        ("demo data --seed 4294967296", "--seed"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_code_2(run, tmp_path, monkeypatch, words, named):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").touch()
    code, out, error = run(*words.split())
    assert (code, out) == (2, "")
    assert error.count("\n") <= 2
    assert named in error
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_thorough_scan_lists_damaged_files_so_that_the_next_scan_leaves_them_out(run, make_clips, tmp_path):
    folder = make_clips(["joy/1.wav", "joy/2.wav", "grief/3.wav"])
    soundfile.write(folder / "joy" / "2.wav", np.full(800, np.nan), 16_000, subtype="FLOAT")
    assert json.loads(run("scan", folder, "--json")[1])["clips"] == 3
    code, out, _ = run("scan", folder, "--thorough", "--list", tmp_path / LEAVE_OUT)
    assert code == 0
    assert "2.wav" in out
    (tmp_path / LEAVE_OUT).rename(folder / LEAVE_OUT)
    assert json.loads(run("scan", folder, "--json")[1])["clips"] == 2
