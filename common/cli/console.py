"""How every command of Encore ends: a short message and an exit code; a traceback only with `--debug`."""

import errno
import io
import os
import sys
import traceback
from typing import Any, NoReturn

import typer
import typer.core

from common import starting, threads
from common.errors import EncoreError
from common.escaping import is_text
from common.terminal import say

DEBUG_HELP = "With --debug, an error shows its traceback."

WRONG_INPUT = 2

IN_THE_WAY = (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP)
"""Errors of a path that a user named: something else lies there, or nothing can."""


def new_app(
    about: str | None, *, group: type[typer.core.TyperGroup] | None = None, complete: bool = False
) -> typer.Typer:
    """Return an application without commands, whose help has boxes on a terminal only.

    Args:
        about: its help.
        group: the class of the application; None: typer's.
        complete: whether it has the options that install completion in a shell.
    """
    mode: Any = "rich" if sys.stdout.isatty() else None
    return typer.Typer(cls=group, help=about, add_completion=complete, rich_markup_mode=mode)


def main(app: typer.Typer, arguments: list[str] | None = None) -> NoReturn:
    """Run a typer application and exit with the code that the documentation promises.

    Args:
        app: the application.
        arguments: the command line without the program's name; by default that of `sys.argv`.

    Raises:
        SystemExit: always, with a code of `common.errors`.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # An ASCII or Latin-1 terminal shows ? for a character that it does not have.
            stream.reconfigure(errors="replace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    if strange := next((word for word in given if not is_text(word)), ""):
        say(f"error: {strange} is not text in this locale: set PYTHONUTF8=1, or rename it in UTF-8", file=sys.stderr)
        sys.exit(WRONG_INPUT)
    debug = "--debug" in given  # taken out here, so that no command has to declare it
    command = _telling_of_debug(typer.main.get_command(app))
    try:
        starting.over()
        code = command.main([word for word in given if word != "--debug"], standalone_mode=False)
        sys.stdout.flush()  # inside the try: a closed pipe may be noticed only now
    except Exception as error:
        if debug:
            traceback.print_exc()
        sys.exit(_report(error))
    except SystemExit:  # typer raises this for a closed pipe, as in `list | head -1`, which is not an error
        code = 0
    except KeyboardInterrupt:
        code = starting.INTERRUPTED
    if code == starting.INTERRUPTED:  # typer returns this code for Ctrl-C
        without = " without --fresh" if "--fresh" in given else ""
        say(f"interrupted: finished work is kept; run the same command{without} to resume", file=sys.stderr)
        if threads.at_work():
            _end()
    sys.exit(code if isinstance(code, int) else 0)


def _end() -> NoReturn:
    """Leave at once after Ctrl-C, and do not wait for a thread that compiles."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(starting.INTERRUPTED)


def _telling_of_debug(command: Any) -> Any:
    """Add `--debug` to the help of a command and of its commands."""
    command.epilog = command.epilog or DEBUG_HELP
    for below in getattr(command, "commands", {}).values():
        _telling_of_debug(below)
    return command


def _report(error: Exception) -> int:
    """Print the message of an expected error and return its exit code; raise any other error again."""
    if isinstance(error, EncoreError):
        say(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if hasattr(error, "format_message"):  # click's usage errors
        say(f"error: {error.format_message()}{_commands_of(error)}", file=sys.stderr)
        return WRONG_INPUT
    if isinstance(error, BrokenPipeError):
        # Python flushes standard output once more at exit, which would print an error of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, OSError):
        return _report_os_error(error)
    raise error


def _commands_of(error: Any) -> str:
    """Return the commands that there are, for an error about a missing or unknown one."""
    known = getattr(getattr(error.ctx, "command", None), "commands", {})
    return f" Commands: {', '.join(known)}." if known and "command" in error.format_message().lower() else ""


def _report_os_error(error: OSError) -> int:
    where = f" ({error.filename})" if error.filename else ""
    advice = {
        errno.ENOSPC: "the disk is full: free some space and run the same command again to resume",
        errno.EDQUOT: "your disk quota is used up: free some space and run the same command again to resume",
        errno.EACCES: "no permission to read or write here: choose another folder or change its permissions",
        errno.EPERM: "no permission to change this: choose another folder",
        errno.EROFS: "this folder is read-only: choose another one",
    }.get(error.errno or 0)
    if advice is None and error.filename and error.errno in IN_THE_WAY:
        advice = f"this place cannot be used ({(error.strerror or '').lower()}): name another file or folder"
    if advice is None:
        raise error
    say(f"error: {advice}{where}", file=sys.stderr)
    return WRONG_INPUT
