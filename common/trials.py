"""Trials: what a study fitted besides its protocols, to find out what its document really did.

One file, `trials.json`, beside the records of the study: a confusion matrix for each trial, and what all of them were
made with. Reports hold them against the printed matrices.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError
from common.files import Place, write_text

NAME = "trials.json"
SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Trial:
    """One fit under a hypothesis of what was done.

    Attributes:
        experiment: id, whose features and classifier were taken.
        labels: how labels came to the clips, in words.
        folds: how clips came to the folds, in words.
        seed: of everything random.
        confusion: integers (true, predicted), all folds pooled.
    """

    experiment: str
    labels: str
    folds: str
    seed: int
    confusion: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of the clips that are predicted rightly."""
        return float(np.trace(self.confusion) / self.confusion.sum())


@dataclass(frozen=True, eq=False)
class Trials:
    """All trials of a study.

    Attributes:
        study: its name.
        classes: of the rows and columns of every confusion.
        made: with what: corpora, digest of the clips, versions.
        all: the trials.
    """

    study: str
    classes: tuple[str, ...]
    made: Mapping[str, Any]
    all: tuple[Trial, ...]

    def of(self, **fields: str) -> list[Trial]:
        """Return the trials with these values of their fields, by seed."""
        found = [one for one in self.all if all(getattr(one, name) == value for name, value in fields.items())]
        return sorted(found, key=lambda one: one.seed)


def write(path: Path, trials: Trials) -> None:
    """Write a file of trials, atomically, a line each."""
    facts = {"schema": SCHEMA, "study": trials.study, "classes": list(trials.classes), "made": dict(trials.made)}
    head = json.dumps(facts, indent=1, allow_nan=False)[:-2]
    lines = [json.dumps(asdict(one) | {"confusion": one.confusion.tolist()}) for one in trials.all]
    write_text(path, head + ',\n "trials": [\n' + ",\n".join(lines) + "\n]\n}\n")


def read(path: Place) -> Trials:
    """Read and check a file of trials.

    Raises:
        InputError: it is missing, cut off, of another schema, or a confusion does not suit the classes.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("schema") != SCHEMA:
            raise InputError(f"{path} has schema {content.get('schema')}, this Encore reads {SCHEMA}; make it again")
        classes = tuple(content["classes"])
        found = tuple(_trial(row, len(classes)) for row in content["trials"])
        return Trials(content["study"], classes, content["made"], found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({type(error).__name__}: {error}); make it again") from None


def _trial(row: Mapping[str, Any], size: int) -> Trial:
    confusion = np.array(row["confusion"], dtype=int)
    if confusion.shape != (size, size) or confusion.min() < 0 or not confusion.sum():
        raise ValueError(f"the confusion of {row['experiment']} is not one of {size} classes")
    return Trial(row["experiment"], row["labels"], row["folds"], int(row["seed"]), confusion)
