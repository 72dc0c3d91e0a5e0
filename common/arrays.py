"""The arrays that models are fed: in memory, or as rows of an array on the disk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Parts:
    """One array stored in several files; rows are read by their numbers.

    Attributes:
        parts: memory maps, (clips, ...) each. All have the same number of clips; the last may have fewer.
    """

    parts: tuple[np.ndarray, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the whole array."""
        return (len(self), *self.parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """The type of the numbers."""
        return self.parts[0].dtype

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Copy rows into memory: int (rows,) to (rows, ...)."""
        part, place = np.divmod(rows, len(self.parts[0]))
        values = np.empty((len(rows), *self.shape[1:]), self.dtype)
        # Part by part: each memory map is indexed once, however many rows are read from it.
        for number in np.unique(part):
            values[part == number] = self.parts[number][place[part == number]]
        return values


@dataclass(frozen=True)
class Rows:
    """Some rows of an array on the disk. Batches of them are read when they are needed.

    Attributes:
        source: all rows, (clips, ...).
        index: numbers of the chosen rows in their order, int (rows,).
    """

    source: "np.ndarray | Parts | Crops"
    index: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the chosen rows."""
        return (len(self.index), *self.source.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """The type of the numbers."""
        return self.source.dtype

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Copy some of the chosen rows into memory; `rows` is a slice or an index array."""
        return np.asarray(self.source[self.index[rows]])


@dataclass(frozen=True, eq=False)
class Crops:
    """Crops of long arrays on the disk, one per clip: random crops for training, the middle one otherwise.

    A subclass may make its training clips in another way: by `at` and `targets`.

    Attributes:
        sources: the array of each clip, (frames, ...) or, with another `axis`, (..., frames). They are memory maps, so
            only the crops are read.
        index: numbers of the chosen clips in their order, int (rows,).
        length: frames of a crop. Shorter clips are padded at their end.
        seed: seed of the random crops. A crop depends on (seed, epoch, clip), not on the batch.
        axis: the axis of the frames.
        fill: value of the padding, at the end. None: the minimum of the clip's crop, on both sides.
        wrap: half of the random crops of a short clip repeat the clip instead.
    """

    sources: Sequence[np.ndarray]
    index: np.ndarray
    length: int
    seed: int = 0
    axis: int = 0
    fill: float | None = 0.0
    wrap: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all crops: rows first."""
        shape = list(self.sources[0].shape)
        shape[self.axis] = self.length
        return (len(self.index), *shape)

    @property
    def dtype(self) -> np.dtype:
        """The type of the numbers."""
        return self.sources[0].dtype

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Copy the middle crop of some rows into memory; `rows` is a slice or an index array."""
        return self._cut(self.index[rows], lambda clip, last: (last // 2, False))

    def at(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Copy a random crop of some rows into memory, int (rows,) to (rows, ...); each epoch has other crops."""

        def begin(clip: int, last: int) -> tuple[int, bool]:
            # A generator per clip: its crop does not depend on the clips that were cropped before.
            draw = np.random.default_rng((self.seed, epoch, clip))
            return int(draw.integers(last + 1)), self.wrap and bool(draw.integers(2))

        return self._cut(self.index[rows], begin)

    def targets(self, y: np.ndarray, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return the targets of what `at` returns, (rows, outputs), given those of all clips."""
        return y[rows]

    def _cut(self, clips: np.ndarray, begin: Callable[[int, int], tuple[int, bool]]) -> np.ndarray:
        """Copy a crop of each clip; `begin` says at which frame it starts, and whether a short clip is repeated."""
        crops = np.full((len(clips), *self.shape[1:]), self.fill or 0, self.dtype)
        for crop, clip in zip(crops, clips, strict=True):
            source = np.moveaxis(self.sources[clip], self.axis, 0)  # a view: nothing is read yet
            first, repeated = begin(int(clip), max(len(source) - self.length, 0))
            stretch = source[first : first + self.length]
            if repeated:
                stretch = np.resize(stretch, (self.length, *stretch.shape[1:]))
            before = 0
            if self.fill is None:
                crop[...] = stretch.min()
                before = (self.length - len(stretch)) // 2
            np.moveaxis(crop, self.axis, 0)[before : before + len(stretch)] = stretch
        return crops


Features = np.ndarray | Rows | Crops


@dataclass(frozen=True)
class Arrays:
    """Features `x` (clips, ...), float32 or uint8, and targets `y` (clips, outputs), float32."""

    x: Features
    y: np.ndarray


@dataclass(frozen=True)
class Prepared:
    """The arrays of one fold, with what the leak audit and `predict` need to know about them.

    Attributes:
        train: training clips, then their altered copies.
        validation: validation clips, never altered.
        test: test clips, never altered.
        augmented: manifest rows whose altered copies are in `train`.
        scaler_rows: manifest rows on which the front end was fitted.
        front_end: arrays that turn features of a new clip into the model's input, such as a scaler's mean and scale.
        load_s: seconds of the preparation that were spent on decoding audio; the rest were spent on features.
        notes: what the record should say of these inputs, one sentence each.
        untrained: networks with random weights that made these inputs, where the document had pretrained ones.
    """

    train: Arrays
    validation: Arrays
    test: Arrays
    augmented: np.ndarray
    scaler_rows: np.ndarray
    front_end: dict[str, np.ndarray] = field(default_factory=dict)
    load_s: float = 0.0
    notes: tuple[str, ...] = ()
    untrained: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileInputs:
    """The model's inputs for one audio file.

    Attributes:
        x: float32 (parts, ...). The model predicts each part of the file separately.
        notes: what the user should know about how the parts were made from the file, one sentence each.
        begins: where each part begins, in seconds; empty if that is not known or there is one part.
    """

    x: np.ndarray
    notes: tuple[str, ...] = ()
    begins: tuple[float, ...] = ()
