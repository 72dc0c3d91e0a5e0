"""Errors that end a command with a short message and an exit code.

Exit codes: 0 done, 1 a result or check failed or the time of `--budget` is spent, 2 the call or the input is wrong,
130 interrupted. Any other exception is a bug in Encore and shows a traceback.
"""

from collections.abc import Collection
from difflib import get_close_matches

MANY = 30
"""More names than this are not listed in a message."""

LONGEST = 200
"""Characters of a library's message, or of a name in a stranger's file, that a message of ours repeats."""


class EncoreError(Exception):
    """An expected failure. Its message says in one or two lines what is wrong, where, and what to do."""

    exit_code = 1


class InputError(EncoreError):
    """The call or the input is wrong: a damaged file, a wrong folder, an unknown name, a busy run folder."""

    exit_code = 2


class ResultError(EncoreError):
    """The work was done but its result or a check failed."""


class BudgetSpentError(EncoreError):
    """The time given by `--budget` is used up; finished epochs are kept."""


def reason_of(error: Exception) -> str:
    """Return the first line of an error of a library, short enough for a message of ours."""
    return str(error).strip().partition("\n")[0][:LONGEST] or type(error).__name__


def not_among(name: str, known: Collection[str]) -> str:
    """Return the end of a message about an unknown name: the similar one, if there is one, and the known names.

    If there are many names, it has their number and the three most similar ones.
    """
    if not known:
        return "; there are none"
    if len(known) > MANY:
        near = get_close_matches(name, known, n=3, cutoff=0.0)  # 0: three names, however unlike
        return f"; it has {len(known)}, most similar {', '.join(near)}; `list` shows all"
    similar = get_close_matches(name, known, n=1)
    meant = f"; did you mean {similar[0]}?" if similar else ";"
    return f"{meant} {'It' if similar else 'it'} has {', '.join(known)}"
