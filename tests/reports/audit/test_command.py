import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import ResultError
from reports.audit import command
from reports.audit.command import KEYS

ROOT = Path(__file__).parents[3]
PAPER = """
schema = 2
study = "moon_birds"
title = "Telling the birds of the Moon apart"
document = "Nobody et al., 2099"
resolution = { overall = 0.05 }
data = { section = "2", corpora = { moon = 600 }, classes = ["lark", "owl"] }

[metric.accuracy]
kind = "proportion"
decimals = 3

[[experiment]]
id = "small"
title = "Small CNN"
section = "4"

[[results]]
id = "t2"
section = "4"
table = "Table 2"
columns = ["accuracy"]
n = { accuracy = 60 }
rows = { small = [0.818] }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "moon_birds.toml"
    path.write_text(PAPER, encoding="utf-8")
    return path


def audited(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "reports", "audit", *arguments]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


def test_any_paper_is_audited_and_a_contradiction_in_it_is_a_failed_check(file: Path) -> None:
    done = audited(str(file), "--json")
    assert done.returncode == 1
    assert "proportions-t2" in done.stderr
    found = {finding["id"]: finding for finding in json.loads(done.stdout)}
    finding = found["proportions-t2"]
    assert set(finding) == set(KEYS)
    assert (finding["verdict"], finding["kind"]) == ("contradicted", "check")
    assert finding["numbers"] == {"wrong": 1, "of": 1}


def test_a_paper_without_a_contradiction_passes(file: Path) -> None:
    file.write_text(PAPER.replace("0.818", "0.817"))
    assert audited(str(file)).returncode == 0


def test_contradictions_of_our_documents_are_known_and_fail_only_if_asked_for() -> None:
    assert audited("--json").returncode == 0
    assert audited("--json", "--strict").returncode == 1


def test_bad_input_ends_in_a_sentence_and_code_2(tmp_path: Path) -> None:
    done = audited(str(tmp_path / "none.toml"))
    assert done.returncode == 2
    assert re.fullmatch(r"error: cannot read .*none\.toml .*\n", done.stderr)


def test_all_documents_are_audited_without_keras(capsys: pytest.CaptureFixture[str]) -> None:
    program = (
        "import sys; from reports.audit import command; command.run(None, strict=False, as_json=True); "
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert len({finding["study"] for finding in json.loads(done.stdout)}) == 5


def test_people_read_what_fails_and_how_much_holds(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ResultError):
        command.run(file, strict=False, as_json=False)
    shown = capsys.readouterr().out
    assert "proportions-t2" in shown
    assert "range-t2" not in shown
    assert "1 contradicted, 0 not shown, 0 not printed, 1 supported, 0 remarks" in shown
