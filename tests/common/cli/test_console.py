import errno
import io
import os
import sys

import pytest
import typer

from common.cli import console
from common.errors import InputError, ResultError


def run_command(
    capsys: pytest.CaptureFixture[str], error: BaseException | None, *arguments: str
) -> tuple[int, str, str]:
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


@pytest.mark.parametrize(
    ("error", "code", "named"),
    [
        (InputError("no such folder; name another"), 2, "no such folder; name another"),
        (ResultError("the loss is nan"), 1, "the loss is nan"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "disk"),
        (PermissionError(errno.EACCES, "Permission denied", "/a/b"), 2, "/a/b"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/a/file/b"), 2, "/a/file/b"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_an_expected_error_is_one_line_without_a_traceback(error, code, named, capsys) -> None:
    ended, _, err = run_command(capsys, error)
    assert ended == code
    assert named in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_stream_without_a_character_shows_another_one(encoding, monkeypatch) -> None:
    app = typer.Typer(add_completion=False)
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)

    @app.command()
    def command() -> None:
        print("Mes données \u2212 \udcc3: 1")

    with pytest.raises(SystemExit) as ended:
        console.main(app, [])
    out.seek(0)
    assert ended.value.code == 0
    assert out.read().endswith("? ?: 1\n")


def test_debug_shows_the_traceback_before_the_message(capsys) -> None:
    code, _, err = run_command(capsys, InputError("no such folder"), "--debug")
    assert code == 2
    assert err.startswith("Traceback")
    assert err.endswith("\nerror: no such folder\n")


@pytest.mark.parametrize("arguments", [["--unknown"], ["--number", "many"], ["extra"]])
def test_a_wrong_call_has_exit_code_2_and_one_line(arguments, capsys) -> None:
    code, out, err = run_command(capsys, None, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_an_argument_that_is_not_text_is_refused_in_one_line(capsys) -> None:
    code, out, err = run_command(capsys, None, "--number", os.fsdecode(b"1\xe9"))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "PYTHONUTF8" in err  # and not what the command itself says of a number


@pytest.mark.parametrize("error", [ZeroDivisionError("ours"), FileNotFoundError(errno.ENOENT, "no such file")])
def test_an_unexpected_error_is_not_hidden(error, capsys) -> None:
    with pytest.raises(type(error)):
        run_command(capsys, error)


@pytest.mark.parametrize("lines", [1, 10_000])
def test_a_closed_pipe_is_not_an_error(lines, monkeypatch, capsys) -> None:
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
