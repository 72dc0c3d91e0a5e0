"""Illustrations: the document's figures of single clips and of models, made again from our own data and models.

They are one file, `illustrations.npz`, beside the records of a study: features and waveforms as arrays, and the layers
of models with their inputs. Reports draw them.
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
from common.escaping import printable_in
from common.files import Place, write_bytes

NAME = "illustrations.npz"
SCHEMA = 2
LEVELS = 256
"""Steps of a spectrogram's values in the file: as many as its scale has colours. It takes a third of the space."""
COLUMNS = 1200
"""A waveform is stored at the resolution of a picture: minimum and maximum in each of at most this many stretches."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of a clip.

    Attributes:
        title: what it shows.
        values: (2, stretches), minima and maxima of a waveform; or (rows, frames), the first row at the bottom.
        duration_s: length in seconds; the right end of the horizontal axis, if that is another one.
        vertical: label of the vertical axis, with the unit of `top`.
        top: upper end of the vertical axis, which starts at 0; 0 for a waveform.
        unit: of the values; empty for a waveform and for grey levels of 0 to 255.
        horizontal: label of the horizontal axis, which starts at 0.
    """

    title: str
    values: np.ndarray
    duration_s: float
    vertical: str = "amplitude"
    top: float = 0.0
    unit: str = ""
    horizontal: str = "seconds"


@dataclass(frozen=True, eq=False)
class Bars:
    """A histogram of clips.

    Attributes:
        title: what it shows.
        values: counts (series, bins), stacked.
        edges: of the bins (bins + 1).
        horizontal: label of the horizontal axis, with its unit.
        vertical: label of the vertical axis: what is counted.
        series: what each series is; none for a single one.
        mark: a value that is marked on the horizontal axis.
        mark_label: what it is.
    """

    title: str
    values: np.ndarray
    edges: tuple[float, ...]
    horizontal: str
    vertical: str = "clips"
    series: tuple[str, ...] = ()
    mark: float | None = None
    mark_label: str = ""


@dataclass(frozen=True)
class Example:
    """A figure of clips.

    Attributes:
        name: unique in its study, usable as a file name.
        figure: its name in the document, such as `Figure 2`.
        title: what it shows, with the names of the clips.
        panels: from top to bottom.
        of_clips: whether it shows clips, whose corpora are named below the title.
    """

    name: str
    figure: str
    title: str
    panels: tuple[Panel | Bars, ...]
    of_clips: bool = True


@dataclass(frozen=True)
class Diagram:
    """A figure of a model.

    Attributes:
        experiment: its id.
        figure: its name in the document.
        layers: each with `name`, `type`, `shape` (in the document's order), `parameters`, and `inputs`, the names of
            the layers whose outputs it takes.
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
        corpora: the corpora of the clips.
        examples: figures of clips.
        diagrams: figures of models.
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
    return Panel(
        title, extremes.astype(np.float16), len(waveform) / sample_rate
    )  # half precision is finer than a pixel


def histogram(
    title: str,
    values: np.ndarray,
    edges: np.ndarray,
    horizontal: str,
    *,
    mark: float | None = None,
    mark_label: str = "",
) -> Bars:
    """Return the histogram of one number per clip (clips,) in bins with these edges (bins + 1,)."""
    counts, _ = np.histogram(values, edges)
    return Bars(title, counts[np.newaxis], tuple(map(float, edges)), horizontal, mark=mark, mark_label=mark_label)


def path_of(runs: Path, study: str) -> Path:
    """Return the path of a study's illustrations."""
    return runs / study / NAME


def write(path: Path, illustrations: Illustrations) -> None:
    """Write a file of illustrations, atomically."""
    facts, arrays = asdict(illustrations) | {"schema": SCHEMA}, {}
    for example in facts["examples"]:
        for number, panel in enumerate(example["panels"]):
            values = panel.pop("values")
            if panel.get("unit"):
                values, panel["range"] = _levels(values)
            arrays[_key(example["name"], number)] = values
    content = io.BytesIO()
    np.savez(content, facts=np.array(json.dumps(facts)), **arrays)  # plain: the archive of shipped results compresses
    write_bytes(path, content.getvalue())


def read(path: Place) -> Illustrations:
    """Read and check a file of illustrations.

    Raises:
        InputError: it is missing, truncated, of another schema, or lacks an array.
    """
    arrays = _arrays(path)
    try:
        facts = printable_in(json.loads(str(arrays["facts"])))  # pictures have its words
        if facts["schema"] != SCHEMA:
            raise InputError(
                f"{path} has schema {facts['schema']}, but this version reads {SCHEMA}; run `illustrate` again"
            )
        examples = tuple(_example(row, arrays) for row in facts["examples"])
        diagrams = tuple(Diagram(row["experiment"], row["figure"], _layers(row["layers"])) for row in facts["diagrams"])
        return Illustrations(facts["study"], facts["demo"], tuple(facts["corpora"]), examples, diagrams)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({type(error).__name__}: {error}); run `illustrate` again") from None


def _arrays(path: Place) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file) as content:
            return dict(content)
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        raise InputError(f"{path} is damaged or incomplete; run `illustrate` again") from None


def _example(row: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Example:
    panels = [_panel(panel, arrays[_key(row["name"], number)]) for number, panel in enumerate(row["panels"])]
    return Example(row["name"], row["figure"], row["title"], tuple(panels), row.get("of_clips", True))


def _panel(facts: dict[str, Any], values: np.ndarray) -> Panel | Bars:
    values = values.astype(np.float32)
    if "edges" not in facts:
        if facts["unit"]:
            low, high = facts.pop("range")
            values = low + values * ((high - low) / (LEVELS - 1))
        return Panel(**facts, values=_picture(values))
    rows = {"edges": tuple(facts["edges"]), "series": tuple(facts["series"]), "values": _picture(values)}
    bars = Bars(**facts | rows)
    if len(bars.edges) != bars.values.shape[1] + 1:
        raise ValueError("a histogram has other bins than edges")
    return bars


def _levels(values: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Return finite values of any shape in `LEVELS` equal steps, and the values of the first and the last step."""
    low, high = float(values.min()), float(values.max())
    shares = (values.astype(np.float64) - low) / ((high - low) or 1.0)
    return np.rint(shares * (LEVELS - 1)).astype(np.uint8), (low, high)


def _key(example: str, number: int) -> str:
    """Return the name of a panel's array in the file."""
    return f"{example}-{number}"


def _picture(values: np.ndarray) -> np.ndarray:
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError("a picture is not a two-dimensional array of finite numbers")
    return values


def _layers(rows: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Check that each layer comes after its inputs, so that the diagram can be drawn from top to bottom."""
    known: set[str] = set()
    for row in rows:
        if missing := set(row["inputs"]) - known:
            raise ValueError(f"layer {row['name']} comes before its inputs {', '.join(sorted(missing))}")
        known.add(row["name"])
    return tuple(rows)
