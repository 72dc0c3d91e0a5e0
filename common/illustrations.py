"""Illustrations: what a document's figures of single clips and of its models show, made from our own.

One file, `illustrations.npz`, beside the records of a study: pictures of features and waveforms as arrays, and the
layers of models with what each takes. Reports draw them.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError
from common.files import Place, write_bytes

NAME = "illustrations.npz"
SCHEMA = 1
COLUMNS = 1200
"""A waveform is kept as what a picture can show of it: its lowest and highest sample in each of so many stretches."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of a clip.

    Attributes:
        title: what it shows.
        values: (2, stretches) the lowest and highest samples of a waveform; else (rows, frames), the first row at the
            bottom.
        duration_s: seconds from its left to its right end.
        vertical: what the rows are, with the unit of `top`; of a waveform, what its samples are.
        top: where the rows end, which begin at 0; 0 for a waveform.
        unit: of the values; empty for a waveform, and where they are grey levels of 0 to 255.
    """

    title: str
    values: np.ndarray
    duration_s: float
    vertical: str = "amplitude"
    top: float = 0.0
    unit: str = ""


@dataclass(frozen=True)
class Example:
    """A figure of clips.

    Attributes:
        name: unique in its study, fit for a file.
        figure: the document's, such as `Figure 2`, or where it is shown.
        title: what it shows, with the names of the clips.
        panels: from top to bottom.
    """

    name: str
    figure: str
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Diagram:
    """A figure of a model.

    Attributes:
        experiment: id.
        figure: the document's.
        layers: each with `name`, `type`, `shape` (as the document prints it), `parameters`, and in `inputs` the names
            of the layers that it takes.
    """

    experiment: str
    figure: str
    layers: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Illustrations:
    """All illustrations of a study.

    Attributes:
        study: its name.
        demo: whether the clips are synthesised.
        corpora: of the clips.
        examples: of clips.
        diagrams: of models.
    """

    study: str
    demo: bool
    corpora: tuple[str, ...]
    examples: tuple[Example, ...]
    diagrams: tuple[Diagram, ...]


def waveform_panel(title: str, waveform: np.ndarray, sample_rate: int) -> Panel:
    """Return the picture of a waveform (samples,)."""
    stretches = np.array_split(waveform, min(COLUMNS, len(waveform)))
    extremes = np.array([[stretch.min() for stretch in stretches], [stretch.max() for stretch in stretches]])
    return Panel(title, extremes.astype(np.float16), len(waveform) / sample_rate)


def path_of(runs: Path, study: str) -> Path:
    """Return the place of a study's illustrations."""
    return runs / study / NAME


def write(path: Path, illustrations: Illustrations) -> None:
    """Write a file of illustrations, atomically."""
    facts, arrays = asdict(illustrations) | {"schema": SCHEMA}, {}
    for example in facts["examples"]:
        for number, panel in enumerate(example["panels"]):
            arrays[_key(example["name"], number)] = panel.pop("values")
    content = io.BytesIO()
    np.savez_compressed(content, facts=np.array(json.dumps(facts)), **arrays)
    write_bytes(path, content.getvalue())


def read(path: Place) -> Illustrations:
    """Read and check a file of illustrations.

    Raises:
        InputError: it is missing, cut off, of another schema, or lacks a picture.
    """
    arrays = _arrays(path)
    try:
        facts = json.loads(str(arrays["facts"]))
        if facts["schema"] != SCHEMA:
            raise InputError(f"{path} has schema {facts['schema']}, this Encore reads {SCHEMA}; make it again")
        examples = tuple(_example(row, arrays) for row in facts["examples"])
        diagrams = tuple(Diagram(row["experiment"], row["figure"], _layers(row["layers"])) for row in facts["diagrams"])
        return Illustrations(facts["study"], facts["demo"], tuple(facts["corpora"]), examples, diagrams)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({type(error).__name__}: {error}); make it again") from None


def _arrays(path: Place) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file) as content:
            return dict(content)
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        raise InputError(f"{path} is damaged: no whole file of illustrations; make it again") from None


def _example(row: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Example:
    panels = [
        Panel(**{**panel, "values": _picture(arrays[_key(row["name"], number)])})
        for number, panel in enumerate(row["panels"])
    ]
    return Example(row["name"], row["figure"], row["title"], tuple(panels))


def _key(example: str, number: int) -> str:
    """Return the name of a panel's array in the file."""
    return f"{example}-{number}"


def _picture(values: np.ndarray) -> np.ndarray:
    numbers = values.astype(np.float32)
    if numbers.ndim != 2 or not numbers.size or not np.isfinite(numbers).all():
        raise ValueError("a picture has no rows and columns of numbers")
    return numbers


def _layers(rows: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Check that each layer comes after what it takes, so that they can be drawn from top to bottom."""
    known: set[str] = set()
    for row in rows:
        if missing := set(row["inputs"]) - known:
            raise ValueError(f"layer {row['name']} takes {', '.join(sorted(missing))}, which does not come before it")
        known.add(row["name"])
    return tuple(rows)
