"""How every command of Encore ends: one clear sentence and an exit code, a traceback only with `--debug`."""

import errno
import os
import sys
import traceback
from typing import NoReturn

import typer

from common.errors import EncoreError

INTERRUPTED = 130
WRONG_INPUT = 2


def main(app: typer.Typer, arguments: list[str] | None = None) -> NoReturn:
    """Run a typer application and leave with the exit code of the command contract.

    Args:
        app: the application.
        arguments: the command line without the program's name; taken from `sys.argv` when not given.

    Raises:
        SystemExit: always; 0 done, 1 a result or check failed, 2 the call or input is wrong, 130 interrupted.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    command = typer.main.get_command(app)
    try:
        code = command.main([word for word in given if word != "--debug"], standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:
        if debug:
            traceback.print_exc()
        sys.exit(_say(error))
    except SystemExit:  # typer makes this of a closed pipe: whoever read it has seen enough
        code = 0
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:  # typer makes this of Ctrl-C
        without = ", without --fresh," if "--fresh" in given else ""
        print(f"interrupted: what was finished is kept; the same command{without} goes on from there", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


def _say(error: Exception) -> int:
    """Print the sentence for an error and return its exit code; a defect of ours is raised on."""
    if isinstance(error, EncoreError):
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if hasattr(error, "format_message"):  # click's usage errors
        print(f"error: {error.format_message()}", file=sys.stderr)
        return WRONG_INPUT
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, OSError):
        return _say_os_error(error)
    raise error


def _say_os_error(error: OSError) -> int:
    where = f" ({error.filename})" if error.filename else ""
    advice = {
        errno.ENOSPC: "the disk is full: free some space and run the same command again, finished work is kept",
        errno.EDQUOT: "your disk quota is used up: free some space and run the same command again",
        errno.EACCES: "no permission to read or write here: choose another folder or change its permissions",
        errno.EPERM: "no permission to change this: choose another folder",
        errno.EROFS: "this folder is read-only: choose another one",
    }.get(error.errno or 0)
    if advice is None:
        raise error
    print(f"error: {advice}{where}", file=sys.stderr)
    return WRONG_INPUT
