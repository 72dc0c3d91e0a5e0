"""The quick parts of the campaigns of kills and damages."""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import damage


def test_a_run_with_damaged_work_says_so_and_gives_the_result_of_an_unbroken_one(tmp_path):
    outcome = damage.judge(tmp_path, seed=1, count=8)
    assert outcome.resumed == 8
    assert outcome.errors == outcome.different == []
    assert outcome.said.total() >= 4  # not of all: a bit may have no meaning, and a finished stage is not read again


def test_killed_reports_leave_the_older_one_whole_and_no_process_and_no_file_behind():
    # In a process of its own: TensorFlow, which other tests have started here, does not survive a fork.
    command = [sys.executable, str(Path(__file__).with_name("kills.py")), "report", "--kills", "2"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert made.returncode == 0, made.stdout + made.stderr
