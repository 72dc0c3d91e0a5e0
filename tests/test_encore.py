"""The program `encore` has the commands of all studies, corpora and reports."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import encore
from common.cli import console

ROOT = Path(__file__).parents[1]


@pytest.fixture
def ran(capsys):
    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            console.main(encore.encore_app(), list(words))
        return ended.value.code, *capsys.readouterr()

    return run


def completed(line: str) -> list[str]:
    """Return what the shell offers after a line."""
    words = line.split(" ")
    asked = {"_ENCORE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    program = "import sys; sys.argv[0] = 'encore'; import encore; encore.main()"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, **asked}, capture_output=True, text=True
    )
    return done.stdout.split()


def test_list_has_all_experiments_or_those_of_a_study(ran) -> None:
    code, out, _ = ran("list", "--json")
    everything = json.loads(out)
    assert code == 0
    assert {row["study"] for row in everything} >= {"ser_parallel", "emotify_features"}
    assert json.loads(ran("list", "ser_parallel", "--json")[1]) == [
        row for row in everything if row["study"] == "ser_parallel"
    ]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("run ser_parallel singel-cnn", "did you mean single-cnn?"),
        ("run ser_paralel", "ser_parallel"),
        ("rnu", "run"),
        ("run ser_parallel single-cnn --set lables=right", "did you mean labels?"),
        ("run ser_parallel single-cnn --epoch 3", "--epochs"),
        ("tune emotify_features handcrafted-fine-knn", "nothing to tune"),
        ("tune music_mood_wavenet mel-b0", "music_mood_wavenet"),
        ("corpora scan no-such-folder", "no-such-folder"),
    ],
)
def test_a_wrong_call_has_exit_code_2_and_says_what_was_meant(words, named, ran) -> None:
    code, out, err = ran(*words.split())
    assert (code, out) == (2, "")
    assert named in err
    assert err.startswith("error: ")


def test_help_tells_of_debug_and_of_the_commands_of_single_studies(ran) -> None:
    assert all(word in ran("--help")[1] for word in ("--debug", "style-transfer", "evidence", "reports", "corpora"))
    assert "--debug" in ran("run", "ser_parallel", "--help")[1]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("encore rep", ["reports"]),
        ("encore run ser", ["ser_parallel"]),
        ("encore run ser_parallel dual", ["dual-cnn"]),
        ("encore tune ser_parallel vgg16-0", ["vgg16-0"]),
        ("encore run ser_parallel single-cnn --set labels=r", ["labels=right"]),
    ],
)
def test_the_shell_completes_commands_studies_experiments_and_switches(line, offered) -> None:
    assert completed(line) == offered
