import json

import pytest

from common.cli.console import main
from common.corpora import CORPORA
from common.corpora.__main__ import app


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


def test_list_as_json_has_the_expected_counts(run):
    facts = json.loads(run("list", "--json")[1])
    assert {corpus["name"]: corpus["clips"] for corpus in facts} == {
        "ravdess": 1440,
        "savee": 480,
        "tess": 2800,
        "crema_d": 7442,
        "emotify": 400,
        "tava": 352,
    }


def test_scan_reports_what_was_found_left_out_and_not_found(run, make_clips):
    code, out, _ = run("scan", make_clips(["DC/a01.wav", "DC/x.wav"]))
    assert code == 0
    assert "1 of 480" in out
    assert "x.wav" in out
    assert "ravdess, tess, crema_d, emotify" in out


def test_scan_as_json_has_the_same_facts(run, make_clips):
    facts = json.loads(run("scan", make_clips(["DC/a01.wav"]), "--json")[1])
    assert facts["found"][0]["counts"]["angry"] == 1


def test_a_wrong_folder_is_one_line_and_exit_code_2(run, tmp_path):
    code, out, error = run("scan", tmp_path / "absent")
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert "absent" in error


def test_verify_has_exit_code_1_if_clips_are_missing(run, make_clips):
    folder = make_clips(["DC/a01.wav"])
    code, out, _ = run("verify", "savee", folder)
    assert code == 1
    assert "479" in out
    assert len(json.loads(run("verify", "savee", folder, "--json")[1])["missing"]) == 479


def test_downloading_savee_has_exit_code_2_and_names_its_page(run, tmp_path):
    code, _, error = run("download", "savee", tmp_path)
    assert code == 2
    assert CORPORA["savee"].address in error


def test_demo_writes_and_counts(run, tmp_path):
    code, out, _ = run("demo", tmp_path / "demo", "--clips", 1, "--seed", 5)
    assert code == 0
    assert "emotify 4, ravdess 8" in out


@pytest.mark.parametrize("place", ["taken", "taken/below"])
@pytest.mark.parametrize("command", [("download", "ravdess"), ("demo",)])
def test_a_file_in_the_place_of_the_folder_is_one_line_and_exit_code_2(run, tmp_path, command, place):
    (tmp_path / "taken").touch()
    code, out, error = run(*command, tmp_path / place)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert "taken" in error


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused_before_anything_is_written(run, tmp_path, seed):
    code, _, error = run("demo", tmp_path / "demo", "--clips", 1, "--seed", seed)
    assert (code, error.count("\n")) == (2, 1)
    assert not (tmp_path / "demo").exists()
