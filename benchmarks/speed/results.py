"""The measured speeds: a JSON file for each backend, and the table in the README that is written from them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from common import files

FOLDER = Path(__file__).parents[1] / "results"
README = Path(__file__).parents[2] / "README.md"
MARKED = re.compile(r"(<!-- speed, generated -->\n).*?(<!-- end -->)", re.DOTALL)
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX"}
"""Keras' name of each backend in the table, and its name in words."""
NOT_MEASURED = "-"
GOALS = {
    "ser_parallel/single-cnn": 2.0,
    **{f"ser_parallel/{name}": 2.5 for name in ("dual-cnn", "parallel-mfcc", "parallel-mel", "parallel-mel-94")},
}
"""How many times as long as ours PyTorch's step should take; 1 for every other network."""


@dataclass(frozen=True)
class Speed:
    """What was measured of one network's training step.

    Attributes:
        network: `study/experiment`.
        clips: of a batch.
        parameters: how many are trained.
        multiplications: of a step.
        limit: multiplications a second of the machine's product of float32 matrices, by the same backend.
        ms: milliseconds of a step.
        share: its rate of multiplications as a share of the limit, the median of rounds.
        date: of the measurement, in UTC.
        environment: versions and machine, as in a record.
        pytorch_ms: milliseconds of a step of PyTorch; None: not measured.
        ratio: how many times as long PyTorch's step takes, the median of rounds.
        note: why PyTorch was not measured.
        operations: the kinds of operations that take most of our processor time, with their shares of it; empty under
            other backends than TensorFlow.
    """

    network: str
    clips: int
    parameters: int
    multiplications: int
    limit: float
    ms: float
    share: float
    date: str
    environment: Mapping[str, Any]
    pytorch_ms: float | None = None
    ratio: float | None = None
    note: str = ""
    operations: Mapping[str, float] = field(default_factory=dict)

    @property
    def below_goal(self) -> bool:
        """Whether it was measured beside PyTorch and did not reach its goal."""
        return self.ratio is not None and self.ratio < GOALS.get(self.network, 1.0)

    @property
    def backend(self) -> str:
        """Keras' name of its backend."""
        return str(self.environment["backend"])

    def in_words(self) -> str:
        """Return it in a line."""
        beside = f"{self.ratio:.2f} x PyTorch's rate" if self.ratio is not None else self.note
        share = f"{self.share:.2f} of {self.limit / 1e9:.0f} billion multiplications a second"
        return f"{self.network:38} {self.clips} clips in {self.ms:.4g} ms, {share}, {beside}"


Speeds = Mapping[str, Mapping[str, Speed]]
"""By backend and network."""


def read(folder: Path = FOLDER) -> Speeds:
    """Return what is kept."""
    return {backend: _read(_file(folder, backend)) for backend in BACKENDS}


def keep(speed: Speed, order: Sequence[str], folder: Path = FOLDER) -> None:
    """Keep what was measured of a network, in place of an earlier measurement.

    Args:
        speed: what was measured.
        order: the networks in the order of the file.
        folder: of the files.
    """
    place = _file(folder, speed.backend)
    kept = {**_read(place), speed.network: speed}
    rows = [asdict(kept[name]) for name in order if name in kept]
    folder.mkdir(exist_ok=True)
    files.write_text(place, json.dumps(rows, indent=1) + "\n")


def _file(folder: Path, backend: str) -> Path:
    return folder / f"training-{backend}.json"


def _read(place: Path) -> dict[str, Speed]:
    rows = json.loads(place.read_text(encoding="utf-8")) if place.exists() else []
    return {row["network"]: Speed(**row) for row in rows}


def with_table(readme: str, speeds: Speeds, order: Sequence[str]) -> str:
    """Return the README with the table of speeds between its marks."""
    text = "\n".join(_lines(speeds, order))
    return MARKED.sub(lambda marks: f"{marks[1]}{text}\n{marks[2]}", readme)


def _lines(speeds: Speeds, order: Sequence[str]) -> Iterator[str]:
    measured = [name for name in order if any(name in of for of in speeds.values())]
    if not measured:
        yield "Not measured yet."
        return
    backends = [backend for backend in BACKENDS if speeds[backend]]
    heads = [f"{BACKENDS[backend]}: ms | of the limit | x PyTorch" for backend in backends]
    yield f"| network | clips | million parameters | billion multiplications | {' | '.join(heads)} |"
    yield "|---|" + "---:|" * (3 + 3 * len(backends))
    for name in measured:
        one = next(of[name] for of in speeds.values() if name in of)
        size = f"{one.clips} | {one.parameters / 1e6:.2f} | {one.multiplications / 1e9:.3g}"
        cells = [_cells(speeds[backend].get(name)) for backend in backends]
        yield f"| `{name}` | {size} | {' | '.join(cells)} |"
    yield ""
    yield from _machines(speeds)
    yield from _notes(speeds)
    yield from _faster_on_jax(speeds)
    yield from _below_goals(speeds["tensorflow"].values())


def _cells(speed: Speed | None) -> str:
    if speed is None:
        return " | ".join([NOT_MEASURED] * 3)
    time = f"{speed.ms:.3g}" if speed.ms < 1000 else f"{speed.ms:,.0f}"
    return f"{time} | {speed.share:.2f} | {NOT_MEASURED if speed.ratio is None else f'{speed.ratio:.2f}'}"


def _machines(speeds: Speeds) -> Iterator[str]:
    """Say on which machines, when and with which versions each backend was measured, and the limit there."""
    for backend, title in BACKENDS.items():
        limits: dict[str, list[float]] = {}
        for speed in speeds[backend].values():
            limits.setdefault(_conditions(speed), []).append(speed.limit / 1e9)
        for conditions, found in limits.items():
            limit = " to ".join(dict.fromkeys(f"{value:.0f}" for value in (min(found), max(found))))
            yield f"- {title}: {conditions}; the limit was {limit} billion multiplications a second."


def _conditions(speed: Speed) -> str:
    made_with = speed.environment
    versions = [f"{name} {made_with[name]}" for name in ("keras", speed.backend, "torch") if name in made_with]
    return f"{made_with['hardware']}, {made_with['threads']} cores, {speed.date}, {', '.join(versions)}"


def _notes(speeds: Speeds) -> Iterator[str]:
    """Say why PyTorch was not measured beside some networks."""
    for backend, title in BACKENDS.items():
        networks: dict[str, list[str]] = {}
        for speed in speeds[backend].values():
            if speed.note:
                networks.setdefault(speed.note, []).append(f"`{speed.network}`")
        for note, names in networks.items():
            yield f"- {title}, {', '.join(names)}: {note}."


def _faster_on_jax(speeds: Speeds) -> Iterator[str]:
    """Say which networks are faster under JAX: by their share of the limit, as the runs were not at the same time."""
    on_both = [(speed, speeds["jax"][name]) for name, speed in speeds["tensorflow"].items() if name in speeds["jax"]]
    faster = [f"`{ours.network}`" for ours, on_jax in on_both if on_jax.share > ours.share]
    if on_both:
        named = f" ({', '.join(faster)})" if faster else ""
        yield f"- Faster under JAX: {len(faster)} of {len(on_both)} networks{named}."


def _below_goals(speeds: Iterable[Speed]) -> Iterator[str]:
    """Say of each network below its goal what its step spends its time on."""
    below = [speed for speed in speeds if speed.below_goal]
    if below:
        yield ""
        yield "Below its goal under TensorFlow, and the kinds of operations that take most of its processor time:"
        yield ""
    for speed in below:
        spent = ", ".join(f"{kind} {100 * share:.0f} %" for kind, share in speed.operations.items())
        goal = GOALS.get(speed.network, 1.0)
        yield f"- `{speed.network}` ({speed.ratio:.2f} x PyTorch, goal {goal:g}): {spent}"
