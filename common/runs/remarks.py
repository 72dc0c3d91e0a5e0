"""What a reader of a result should know of its clips: which are left out, which classes a set lacks, which contradict.

Each remark is a sentence. A run says them before it trains and keeps them in its record, and reports print them under
its tables.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from common.splits import SETS, Split
from common.tasks import Task

NAMED = 5
"""At most this many classes are named in a remark."""


def of_clips(scanned: pd.DataFrame, used: pd.DataFrame, skipped_s: float) -> list[str]:
    """Say which scanned clips a run does not use.

    Args:
        scanned: the manifest of the scan.
        used: the relabelled manifest, with `path`.
        skipped_s: seconds at the beginning of each clip that are not read.
    """
    short = scanned[too_short(scanned, skipped_s)]
    others = scanned.drop(short.index)
    unused = others[~others["path"].isin(set(used["path"]))]
    reasons = {
        f"not longer than the {skipped_s:g} s that are skipped at the beginning of each": short,
        "which the experiment does not use": unused,
    }
    return [
        f"left out: {len(left)} of {_clips(len(scanned))}, {reason}, e.g. {left['name'].iloc[0]}"
        for reason, left in reasons.items()
        if len(left)
    ]


def too_short(manifest: pd.DataFrame, skipped_s: float) -> pd.Series:
    """Return whether nothing is left of each clip (clips,) after the seconds that are skipped at its beginning."""
    return (manifest["duration"] <= skipped_s) & (skipped_s > 0)


def of_folds(task: Task, targets: np.ndarray, folds: Sequence[Split]) -> list[str]:
    """Say which classes or tags the sets of a split lack.

    Args:
        task: what is predicted; a regression has no classes.
        targets: targets of all clips (clips, outputs).
        folds: the folds that are run.
    """
    if task.KIND == "regression":
        return []
    return [remark for name in reversed(SETS) for remark in _of_set(name, task, targets, folds)]


def _of_set(name: str, task: Task, targets: np.ndarray, folds: Sequence[Split]) -> list[str]:
    """Say which classes one set lacks: the test clips of all folds are scored together, the others fold by fold."""
    rows = [fold.sets()[name] for fold in folds]
    sets = [np.concatenate(rows)] if name == "test" else [one for one in rows if len(one)]
    there = targets.sum(axis=0) > 0
    lacking = np.array([there & (targets[one].sum(axis=0) == 0) for one in sets], bool).reshape(-1, len(there))
    if not lacking.any():
        return []
    worst = lacking[lacking.sum(axis=1).argmax()]
    kind = "class" if task.KIND == "classification" else "tag"
    names = [output for output, is_lacking in zip(task.outputs, worst, strict=True) if is_lacking]
    clips = int(targets[:, worst].sum())
    where = f" of {int(lacking.any(axis=1).sum())} of {len(folds)} folds" if len(sets) > 1 else ""
    consequence = {
        "test": f"without scores, and the means are over the other {int((there & ~worst).sum())}",
        "validation": "the best epoch or setting is chosen without them",
        "train": "it cannot be learned there",
    }[name]
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return [f"not in the {name} set{where}: {kind} {shown} ({_clips(clips)} in all), {consequence}"]


def of_copies(clips: pd.DataFrame, sounds: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Say which recordings are there twice with different labels or ratings.

    Args:
        clips: the relabelled manifest.
        sounds: the digest of each clip's samples.
        columns: the columns of the manifest that the targets are made from.
    """
    said = clips[[*columns]].astype(str).agg("|".join, axis=1)
    table = pd.DataFrame({"sound": list(sounds), "said": list(said), "name": list(clips["name"])})
    several = table.groupby("sound")["said"].transform("nunique") > 1
    if not several.any():
        return []
    first = table[table["sound"] == table.loc[several, "sound"].iloc[0]].drop_duplicates("said")
    named = " and ".join(f"{name} ({said})" for name, said in zip(first["name"][:2], first["said"][:2], strict=True))
    return [
        f"{_clips(int(several.sum()))} have the sound of another clip but not its label, so some labels are wrong, "
        f"e.g. {named}"
    ]


def _clips(number: int) -> str:
    return f"{number:,} clip" + ("" if number == 1 else "s")
