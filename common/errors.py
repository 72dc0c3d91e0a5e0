"""The errors that end a command with one clear sentence and an exit code.

Exit codes (the command contract): 0 done, 1 a result or check failed, 2 the call or the input is wrong,
130 interrupted. Everything else is a defect of ours and shows a traceback.
"""


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
