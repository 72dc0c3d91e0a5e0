"""The TOML file of `run --config`: settings of the training and of the model. Searches write such files."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from common.errors import InputError
from common.study import Experiment

CONFIGURABLE: dict[str, type[int] | type[float]] = {
    "epochs": int,
    "batch_size": int,
    "learning_rate": float,
    "patience": int,
}
"""The fields of `Training` that a file may set; values are above 0."""
MOST = 1_000_000
"""The largest whole number of a setting: no training has as many epochs, or clips in a batch, and none ends."""


def read(path: Path | None) -> dict[str, dict[str, Any]]:
    """Read the tables `training` and `model` of a TOML file.

    Returns:
        The settings by table; both tables are empty without a file.

    Raises:
        InputError: the file does not exist, is not TOML, has neither table or other ones, or has an unknown setting of
            the training.
    """
    if path is None:
        return {"training": {}, "model": {}}
    try:
        content: Any = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"--config {path} cannot be read ({reason}); name a TOML file, such as best.toml") from None
    tables = {name: content.pop(name, {}) for name in ("training", "model")}
    if content:
        raise InputError(f"--config {path}: {next(iter(content))} has no meaning; use [training] and [model]")
    if not all(isinstance(table, dict) for table in tables.values()) or not any(tables.values()):
        raise InputError(
            f"--config {path} has no table [training] or [model]; [training] takes {', '.join(CONFIGURABLE)}"
        )
    _check_training(path, tables["training"])
    return tables


def _check_training(path: Path, settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        # `type`, not `isinstance`: a boolean is an int for Python.
        if name not in CONFIGURABLE or type(value) is not CONFIGURABLE[name] or not 0 < value <= MOST:
            takes = ", ".join(f"{setting} ({kind.__name__})" for setting, kind in CONFIGURABLE.items())
            raise InputError(
                f"--config {path}: {name} = {value!r} is not a setting; [training] takes {takes}, above 0 and at most "
                f"{MOST:,}"
            )


def refuse_model(path: Path | None, experiments: Sequence[Experiment], model: Mapping[str, Any]) -> None:
    """Refuse settings in `[model]` that the model of an experiment does not have.

    Raises:
        InputError: a setting is unknown, has another type than the document's value, or is out of range: an integer
            below 1 or above `MOST`, or a number that is not finite.
    """
    for experiment, (name, value) in product(experiments, model.items()):
        # The same type as the document's value: 1 for 1.0 would be the same model with another identity.
        takes = {known: type(usual).__name__ for known, usual in experiment.model.items()}
        in_range = 1 <= value <= MOST if type(value) is int else type(value) is not float or math.isfinite(value)
        if type(value).__name__ != takes.get(name) or not in_range:
            known = ", ".join(f"{setting} ({kind})" for setting, kind in takes.items()) or "nothing"
            what = f"--config {path}: {name} = {value!r} is not a setting of {experiment.id}'s model"
            raise InputError(f"{what}; [model] takes {known} there")
