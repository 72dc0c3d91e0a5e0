"""The study in the README runs as it stands, from a folder outside the checkout."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
    return found


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the example, its published numbers, and clips of four emotions by four speakers."""
    folder, draw = tmp_path_factory.mktemp("scratch"), np.random.default_rng(0)
    (folder / "mine.py").write_text(block("python"))
    (folder / "mine.toml").write_text(block("toml"))
    rows = ["path,label,speaker"]
    for number in range(64):
        label, speaker = ("angry", "happy", "neutral", "sad")[number % 4], "abcd"[number // 4 % 4]
        (folder / "clips").mkdir(exist_ok=True)
        soundfile.write(folder / "clips" / f"{number}.wav", draw.normal(size=4000) * 0.02 * (1 + number % 4), 16_000)
        rows.append(f"{number}.wav,{label},{speaker}")
    (folder / "clips" / "clips.csv").write_text("\n".join(rows) + "\n")
    return folder


def ran(scratch: Path, *words: str) -> str:
    environment = {**os.environ, "ENCORE_PUBLISHED": "."}
    done = subprocess.run([sys.executable, *words], cwd=scratch, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_runs_and_is_reported(scratch: Path) -> None:
    assert len(block("python").splitlines()) < 80
    lines = ran(scratch, "mine.py", "run", "--data", "clips", "--protocol", "all", "--epochs", "2", "--json")
    assert [json.loads(line)["protocol"] for line in lines.splitlines()] == ["published", "corrected", "independent"]
    ran(scratch, "-m", "reports")
    assert "One hidden layer" in (scratch / "report" / "mine.md").read_text()


def test_the_job_for_slurm_is_a_script_that_bash_can_read() -> None:
    done = subprocess.run(["bash", "-n"], input=block("bash"), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
