"""Claims on folders: a folder belongs to one run, or to one search, and only that one may resume in it.

Both leave the same things in their folder. `work/` holds what an unfinished one has done so far; its identity (all that
decides its numbers) stands there in a note. The result is written when all is done, and `work/` is deleted last. The
caller holds the folder's lock (`common.runs.records.hold`).
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from common import files
from common.errors import InputError
from common.terminal import say

Kind = Literal["run", "search"]


def clear(folder: Path) -> None:
    """Delete everything in a folder except its lock."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":  # held by this process: a new file would be a second lock
            path.unlink()


def begin(folder: Path, kind: Kind, identity: Mapping[str, Any], *, epochs_may_change: bool = False) -> None:
    """Write the note of an unfinished run or search, or check that the one that is there is the same.

    If it is damaged or missing, nobody knows what the work is of: the work is deleted, and a line says so.

    Args:
        folder: of the run or search.
        kind: which of the two it is.
        identity: all that decides its numbers, as plain values.
        epochs_may_change: whether it may go on with another number of epochs than it began with.

    Raises:
        InputError: the folder holds an interrupted one of another identity.
    """
    note = folder / "work" / f"{kind}.json"
    # Without anything beside the note nothing was computed yet, so there is nothing to protect.
    begun = note.parent.is_dir() and any(path != note for path in note.parent.iterdir())
    fixed = _without_epochs if epochs_may_change else dict
    try:
        if begun and fixed(files.read_sealed(note)) != fixed(identity):
            raise InputError(
                f"{folder} holds an interrupted {kind} of other clips or settings; "
                "--fresh starts again, --runs keeps both"
            )
    except files.DamagedError as error:
        say(f"{error}: the {kind} starts again from its beginning", file=sys.stderr)
        shutil.rmtree(note.parent)
    files.write_sealed(note, identity)


def _without_epochs(identity: Mapping[str, Any]) -> dict[str, Any]:
    return {**identity, "training": {**identity["training"], "epochs": None}}


def check_finished(folder: Path, kind: Kind, found: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Check that a finished run or search is the one that is asked for, and delete what is left of its work.

    Args:
        folder: of the run or search.
        kind: which of the two it is.
        found: the identity in its result.
        identity: the one asked for.

    Raises:
        InputError: the two identities differ.
    """
    # `work` is still there if the process was killed after it wrote the result.
    shutil.rmtree(folder / "work", ignore_errors=True)
    if found != identity:
        raise InputError(
            f"{folder} holds a finished {kind} of other clips or settings; --fresh replaces it, --runs keeps both"
        )
