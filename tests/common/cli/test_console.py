import errno
import os
import sys

import pytest
import typer

from common.cli import console
from common.errors import InputError, ResultError


def leave(capsys: pytest.CaptureFixture[str], error: BaseException | None, *arguments: str) -> tuple[int, str, str]:
    """Return the exit code, standard output and standard error of a command that raises `error`."""
    app = typer.Typer(add_completion=False)

    @app.command()
    def command(number: int = 0) -> None:
        print("working")
        if error is not None:
            raise error

    with pytest.raises(SystemExit) as ended:
        console.main(app, list(arguments))
    return ended.value.code, *capsys.readouterr()


def test_a_command_that_is_done_leaves_with_0(capsys) -> None:
    assert leave(capsys, None) == (0, "working\n", "")


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (InputError("no such folder; name another"), 2, "no such folder; name another"),
        (ResultError("the loss is nan"), 1, "the loss is nan"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "the disk is full: free some space"),
        (OSError(errno.EDQUOT, "Quota exceeded"), 2, "your disk quota is used up"),
        (PermissionError(errno.EACCES, "Permission denied", "/a/b"), 2, "no permission to read or write here"),
        (PermissionError(errno.EPERM, "Operation not permitted", "/a/b"), 2, "no permission to change this"),
        (
            OSError(errno.EROFS, "Read-only file system", "/a/b"),
            2,
            "this folder is read-only: choose another one (/a/b)",
        ),
    ],
)
def test_an_expected_error_is_one_line_and_no_traceback(error, code, says, capsys) -> None:
    ended, _, err = leave(capsys, error)
    assert ended == code
    assert err.startswith(f"error: {says}")
    assert err.count("\n") == 1


def test_debug_shows_the_traceback_before_the_line(capsys) -> None:
    code, _, err = leave(capsys, InputError("no such folder"), "--debug")
    assert code == 2
    assert err.startswith("Traceback")
    assert err.endswith("\nerror: no such folder\n")


def test_ctrl_c_leaves_with_130_and_says_that_nothing_is_lost(capsys) -> None:
    code, _, err = leave(capsys, KeyboardInterrupt())
    assert code == 130
    assert err == "interrupted: what was finished is kept; the same command goes on from there\n"


@pytest.mark.parametrize("arguments", [["--unknown"], ["--number", "many"], ["extra"]])
def test_a_wrong_call_leaves_with_2_and_one_line(arguments, capsys) -> None:
    code, out, err = leave(capsys, None, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("error", [ZeroDivisionError("ours"), FileNotFoundError(errno.ENOENT, "no such file")])
def test_a_defect_of_ours_is_not_hidden(error, capsys) -> None:
    with pytest.raises(type(error)):
        leave(capsys, error)


@pytest.mark.parametrize("lines", [1, 10_000])
def test_a_reader_that_has_seen_enough_is_no_error(lines, monkeypatch, capsys) -> None:
    app = typer.Typer(add_completion=False)

    @app.command()
    def command() -> None:
        for number in range(lines):
            print(number)

    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        monkeypatch.setattr(sys, "stderr", sys.stderr)
        with pytest.raises(SystemExit) as ended:
            console.main(app, [])
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
    assert ended.value.code == 0
    assert capsys.readouterr().err == ""
