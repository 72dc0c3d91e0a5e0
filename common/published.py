"""What the documents print, as data: reads `reports/published/<study>.toml`.

Those files are the only place where a published number stands. A typo in one (an unknown or missing field, a score
outside 0..1, a class named twice) is refused with its file and field, never read as something else.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import InputError

SCHEMA = 1
FOLDER = Path(__file__).parents[1] / "reports" / "published"
SCORES = ("precision", "recall", "f1")

# Fields of each part of a file and what they hold; a name ending in "?" may be left out.
_FILE: dict[str, type] = {"schema": int, "study": str, "title": str, "document": str, "resolution": dict, "data": dict}
_FILE |= {"experiment": list, "tuning?": list, "layers?": list}
_RESOLUTION: dict[str, type] = {"overall": float, "per_class": float}
_DATA: dict[str, type] = {"section": str, "clips": int, "known": str, "corpora": dict, "classes": list}
_DATA |= {"training_clips_with_noisy_copies?": int}
_EXPERIMENT: dict[str, type] = {"id": str, "title": str, "section": str}
_TABLE: dict[str, type] = {
    "table": str,
    "split": str,
    "n": int,
    "rows": list,
    "accuracy": float,
    "macro": list,
    "weighted": list,
}
_TABLE |= {"best_epoch?": int}
_TUNING: dict[str, type] = {
    "experiment": str,
    "section": str,
    "table": str,
    "parameter": str,
    "columns": list,
    "rows": list,
}
_TUNING |= {"chosen": float}
_LAYERS: dict[str, type] = {"id": str, "experiments": list, "section": str, "total": int, "known": str, "rows?": list}


@dataclass(frozen=True)
class ClassRow:
    """One row of a printed per-class table."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Table:
    """A printed per-class table with its last three lines; `n` clips were scored."""

    table: str
    split: str
    n: int
    rows: tuple[ClassRow, ...]
    accuracy: float
    macro: dict[str, float]
    weighted: dict[str, float]
    best_epoch: int | None


@dataclass(frozen=True)
class Experiment:
    """An experiment of a document; without a table the document prints no number for it."""

    id: str
    title: str
    section: str
    table: Table | None


@dataclass(frozen=True)
class Layer:
    """One row of a printed layer table, channels first; `restored` names the cells lost in the copy at hand."""

    name: str
    type: str
    shape: str
    parameters: int
    restored: str = ""


@dataclass(frozen=True)
class LayerTable:
    """A printed layer table, or only the total (`known` says how) where no table is printed."""

    id: str
    section: str
    total: int
    known: str
    rows: tuple[Layer, ...]


@dataclass(frozen=True)
class Tuning:
    """A printed tuning table: the value tried and one number per column."""

    experiment: str
    section: str
    table: str
    parameter: str
    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    chosen: float


@dataclass(frozen=True)
class Published:
    """All that one document prints, and how narrow a difference must be to count as reproduced."""

    study: str
    title: str
    document: str
    resolution: dict[str, float]
    data: dict[str, Any]
    experiments: dict[str, Experiment]
    tunings: tuple[Tuning, ...]
    layer_tables: dict[str, LayerTable]

    def metrics(self, experiment: str) -> dict[str, float]:
        """Return the printed overall metrics by the names that records use; empty if none is printed."""
        table = self.experiment(experiment).table
        if table is None:
            return {}
        means = {"macro": table.macro, "weighted": table.weighted}
        return {"accuracy": table.accuracy} | {
            f"{mean}_{score}": values[score]
            for mean, values in means.items()
            for score in ("f1", "precision", "recall")
        }

    def class_table(self, experiment: str) -> tuple[ClassRow, ...]:
        """Return the rows of the printed per-class table; empty if none is printed."""
        table = self.experiment(experiment).table
        return table.rows if table else ()

    def layers(self, experiment: str) -> LayerTable | None:
        """Return the printed layer table of an experiment's model, or None if nothing is known of it."""
        return self.layer_tables.get(self.experiment(experiment).id)

    def tuning(self, experiment: str) -> Tuning | None:
        """Return the printed tuning table of an experiment, or None."""
        return next((tuning for tuning in self.tunings if tuning.experiment == experiment), None)

    def experiment(self, name: str) -> Experiment:
        """Return one experiment.

        Raises:
            InputError: the document has no experiment of this name.
        """
        if name not in self.experiments:
            raise InputError(f"{self.study} has no experiment {name!r}; it has {', '.join(self.experiments)}")
        return self.experiments[name]


def studies(folder: Path = FOLDER) -> list[str]:
    """Return the names of the studies with published numbers, sorted."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def load(study: str, folder: Path = FOLDER) -> Published:
    """Read and check the published numbers of one study.

    Raises:
        InputError: no such study, or its file is damaged: names the file and the field.
    """
    path = folder / f"{study}.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(studies(folder)) or "none"
        raise InputError(f"no published numbers of {study!r} in {folder}; known studies: {known}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from None
    try:
        return _published(content, study)
    except _FieldError as error:
        raise InputError(f"{path}: {error}; mend it there") from None


class _FieldError(Exception):
    """A field is wrong; the message names it."""


def _published(content: dict[str, Any], study: str) -> Published:
    _check(content, _FILE, "the file")
    if content["schema"] != SCHEMA:
        raise _FieldError(f"schema is {content['schema']}, this Encore reads {SCHEMA}")
    if content["study"] != study:
        raise _FieldError(f"study is {content['study']!r}, the file's name says {study!r}")
    _check(content["resolution"], _RESOLUTION, "[resolution]")
    _check(content["data"], _DATA, "[data]")
    experiments = _by_id([_experiment(table, content["data"]["classes"]) for table in content["experiment"]])
    return Published(
        study=study,
        title=content["title"],
        document=content["document"],
        resolution=content["resolution"],
        data=content["data"],
        experiments=experiments,
        tunings=tuple(_tuning(table, experiments) for table in content.get("tuning", [])),
        layer_tables=_layer_tables(content.get("layers", []), experiments),
    )


def _by_id(experiments: list[Experiment]) -> dict[str, Experiment]:
    by_id = {experiment.id: experiment for experiment in experiments}
    if len(by_id) < len(experiments):
        raise _FieldError("two experiments have the same id")
    return by_id


def _experiment(table: dict[str, Any], classes: list[str]) -> Experiment:
    where = f"experiment {table.get('id', '?')}"
    printed = "rows" in table
    _check(table, _EXPERIMENT | (_TABLE if printed else {}), where)
    return Experiment(
        id=table["id"],
        title=table["title"],
        section=table["section"],
        table=_class_table(table, classes, where) if printed else None,
    )


def _class_table(table: dict[str, Any], classes: list[str], where: str) -> Table:
    rows = tuple(_class_row(row, where) for row in table["rows"])
    if [row.name for row in rows] != classes:
        raise _FieldError(f"{where}: the rows are not the classes {', '.join(classes)}, in this order")
    if sum(row.support for row in rows) != table["n"]:
        raise _FieldError(f"{where}: the supports add up to {sum(row.support for row in rows)}, n is {table['n']}")
    return Table(
        table=table["table"],
        split=table["split"],
        n=table["n"],
        rows=rows,
        accuracy=_proportion(table["accuracy"], f"{where}, accuracy"),
        macro=_means(table["macro"], f"{where}, macro"),
        weighted=_means(table["weighted"], f"{where}, weighted"),
        best_epoch=table.get("best_epoch"),
    )


def _class_row(row: list[Any], where: str) -> ClassRow:
    if len(row) != 5 or not isinstance(row[0], str) or not isinstance(row[4], int):
        raise _FieldError(f"{where}: a row has class, precision, recall, F1, support; found {row}")
    name, precision, recall, f1, support = row
    of_row = f"{where}, row {name}"
    return ClassRow(name, _proportion(precision, of_row), _proportion(recall, of_row), _proportion(f1, of_row), support)


def _means(values: list[Any], where: str) -> dict[str, float]:
    if len(values) != len(SCORES):
        raise _FieldError(f"{where} has precision, recall, F1; found {values}")
    return {score: _proportion(value, where) for score, value in zip(SCORES, values, strict=True)}


def _proportion(value: Any, where: str) -> float:
    if not isinstance(value, float) or not 0 <= value <= 1:
        raise _FieldError(f"{where}: {value!r} is no score between 0.0 and 1.0")
    return value


def _tuning(table: dict[str, Any], experiments: Mapping[str, Experiment]) -> Tuning:
    where = f"tuning of {table.get('experiment', '?')}"
    _check(table, _TUNING, where)
    _known([table["experiment"]], experiments, where)
    for row in table["rows"]:
        if len(row) != len(table["columns"]) + 1 or not all(isinstance(cell, int | float) for cell in row):
            raise _FieldError(f"{where}: a row has {table['parameter']}, {', '.join(table['columns'])}; found {row}")
    fields = table | {"columns": tuple(table["columns"]), "rows": tuple(tuple(row) for row in table["rows"])}
    return Tuning(**fields)


def _layer_tables(tables: list[dict[str, Any]], experiments: Mapping[str, Experiment]) -> dict[str, LayerTable]:
    of_experiment: dict[str, LayerTable] = {}
    for table in tables:
        where = f"layers {table.get('id', '?')}"
        _check(table, _LAYERS, where)
        _known(table["experiments"], experiments, where)
        rows = tuple(_layer(row, where) for row in table.get("rows", []))
        if rows and sum(row.parameters for row in rows) != table["total"]:
            raise _FieldError(f"{where}: the rows add up to {sum(row.parameters for row in rows)}, not to the total")
        layer_table = LayerTable(table["id"], table["section"], table["total"], table["known"], rows)
        of_experiment |= dict.fromkeys(table["experiments"], layer_table)
    return of_experiment


def _layer(row: list[Any], where: str) -> Layer:
    if not 4 <= len(row) <= 5 or [type(cell) for cell in row] != [str, str, str, int, str][: len(row)]:
        raise _FieldError(
            f"{where}: a row has name, type, shape, parameters and perhaps what was restored; found {row}"
        )
    return Layer(*row)


def _known(names: list[str], experiments: Mapping[str, Experiment], where: str) -> None:
    for name in names:
        if name not in experiments:
            raise _FieldError(f"{where}: no experiment has the id {name!r}")


def _check(table: Any, fields: Mapping[str, type], where: str) -> None:
    """Refuse a table with a field that is missing, unknown or of another type."""
    if not isinstance(table, dict):
        raise _FieldError(f"{where} is no table")
    types = {name.rstrip("?"): kind for name, kind in fields.items()}
    for name, value in table.items():
        if name not in types:
            raise _FieldError(f"{where} has an unknown field {name!r}")
        if type(value) is not types[name]:
            raise _FieldError(f"{where}: {name} is {value!r}, not of type {types[name].__name__}")
    missing = [name for name in fields if not name.endswith("?") and name not in table]
    if missing:
        raise _FieldError(f"{where} lacks {', '.join(missing)}")
