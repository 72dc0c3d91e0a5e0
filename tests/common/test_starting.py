"""Ctrl-C while a command imports its libraries, and while its threads are at work."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRESSED = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(600)"


def ended(*words: str, path: Path = ROOT) -> tuple[int, str, str]:
    """Return the exit code, standard output and standard error of a Python process; modules in `path` come first."""
    environment = {**os.environ, "PYTHONPATH": f"{path}{os.pathsep}{ROOT}"}
    made = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        # What a shell starts in the background ignores Ctrl-C, and so does all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    return made.returncode, made.stdout, made.stderr


@pytest.mark.parametrize(
    "command",
    [
        "-m reports check",
        "-m reproductions list",
        "-m reproductions.ser_parallel list",
        "-m common.corpora",
        "encore.py",
    ],
)
def test_an_interrupted_import_of_a_command_is_one_line(command: str, tmp_path: Path) -> None:
    # The others swallow it as some libraries do.
    (tmp_path / "typer.py").write_text(f"try:\n    {PRESSED}\nexcept BaseException:\n    print('swallowed')")
    code, out, err = ended(*command.split(), path=tmp_path)
    assert (code, out) == (130, "")
    assert err.startswith("interrupted") and err.count("\n") == 1


def test_a_program_that_only_uses_encore_keeps_its_own_ctrl_c() -> None:
    code, out, _ = ended(
        "-c", f"import common, reports, reproductions\ntry: {PRESSED}\nexcept KeyboardInterrupt: print(1)"
    )
    assert (code, out) == (0, "1\n")


INTERRUPTED_AT_WORK = """
import os, signal, threading, time, typer
from common import threads
from common.cli import console

app, begun = typer.Typer(), threading.Event()

@app.command()
def work():
    with threads.pool(1) as pool:
        pool.submit(lambda: begun.set() or time.sleep(600))
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(600)

console.main(app, [])
"""


def test_ctrl_c_does_not_wait_for_a_thread() -> None:
    code, out, err = ended("-c", INTERRUPTED_AT_WORK)
    assert (code, out) == (130, "")
    assert err.startswith("interrupted") and err.count("\n") == 1
