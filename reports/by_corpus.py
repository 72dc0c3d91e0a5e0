"""Our results corpus by corpus, where a run tested clips of several: its scores again, of the clips of one corpus."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from common.tasks.classification import classification
from reports.results import Group, Run


def corpora_of(groups: Sequence[Group]) -> list[str]:
    """Return the corpora that any run of some groups tested, as the records list them."""
    runs = [run for group in groups for run in group.runs]
    listed = dict.fromkeys(corpus for run in runs for corpus in run.record.data["data"]["corpora"])
    return [corpus for corpus in listed if any(_in_corpus(run, corpus).any() for run in runs)]


def within(group: Group, corpus: str) -> Group | None:
    """Return a group as if its runs had tested the clips of one corpus only; None if no run has tested one.

    Of a classification all scores are computed again, of other tasks the headline metric alone. Runs without a clip of
    the corpus are left out.
    """
    runs = [_part(run, own) for run in group.runs if (own := _in_corpus(run, corpus)).any()]
    return Group(tuple(runs)) if runs else None


def _in_corpus(run: Run, corpus: str) -> np.ndarray:
    """Return whether each clip of a run, in the order of their names, is of a corpus (n,)."""
    found = np.char.startswith(run.clips.names, f"{corpus}:".encode())
    # The name of a corpus of your own may begin with that of another one and a colon.
    for other in run.record.data["data"]["corpora"]:
        if other != corpus and other.startswith(f"{corpus}:"):
            found &= ~np.char.startswith(run.clips.names, f"{other}:".encode())
    return found


def _part(run: Run, own: np.ndarray) -> Run:
    """Return a run as if it had tested some of its clips only, given which (n,)."""
    record, seen = run.record, run.record.tested()
    true, predicted = seen.true[own], seen.predicted[own]
    groups = np.char.decode(run.clips.groups[own]) if run.over_groups else None
    facts: dict[str, Any]
    if record.task.KIND == "classification":
        facts = vars(classification(true, predicted, record.task.outputs, groups=groups, seed=run.seed))
    else:
        score = record.task.headline(true, predicted, groups=groups, seed=run.seed)
        facts = {"metrics": {record.task.HEADLINE: score}, "per_output": {}, "confusion": None}
    digest = run.clips.digest + np.packbits(own).tobytes()
    clips = replace(run.clips, names=run.clips.names[own], digest=digest, groups=run.clips.groups[own])
    return Run(replace(record, data={**record.data, **facts}), clips, true, run.per_clip[own])
