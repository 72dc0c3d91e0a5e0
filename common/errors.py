"""The errors that end a command with one clear sentence and an exit code.

Exit codes (the command contract): 0 done, 1 a result or check failed, 2 the call or the input is wrong,
130 interrupted. Everything else is a defect of ours and shows a traceback.
"""

from collections.abc import Collection
from difflib import get_close_matches

MANY = 30
"""Names that are too many for a sentence."""


class EncoreError(Exception):
    """An expected failure: its message is one or two lines saying what is wrong, where, and what to do."""

    exit_code = 1


class InputError(EncoreError):
    """The call or the input is wrong: a damaged file, a wrong folder, an unknown name, a busy run folder."""

    exit_code = 2


class ResultError(EncoreError):
    """The work was done but its result or a check failed."""

    exit_code = 1


class BudgetSpentError(EncoreError):
    """The time given with `--budget` is over; what was trained is kept."""


def those_like(name: str, known: Collection[str]) -> str:
    """Return the names that are known, for the end of a sentence; of many, how many and the three nearest."""
    if len(known) <= MANY:
        return ", ".join(known)
    near = get_close_matches(name, known, n=3, cutoff=0.0)
    return f"{len(known)}, {', '.join(near)} nearest; `list` names all"
