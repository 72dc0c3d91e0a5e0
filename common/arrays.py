"""The arrays that models are fed: in memory, or as rows of an array on the disk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Parts:
    """One array in several, of equal length but for the last; it is read by row numbers.

    Attributes:
        parts: (clips, ...) each, memory maps of the cache.
    """

    parts: tuple[np.ndarray, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows of all parts, and the shape of one."""
        return (len(self), *self.parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """Of the numbers."""
        return self.parts[0].dtype

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Copy rows, given by their numbers, into memory."""
        part, place = np.divmod(rows, len(self.parts[0]))
        values = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for number in np.unique(part):
            values[part == number] = self.parts[number][place[part == number]]
        return values


@dataclass(frozen=True)
class Rows:
    """Some rows of an array that lies in the cache: read where they are needed, never all at once.

    Attributes:
        source: all rows, (clips, ...).
        index: int (rows,): which of them, in which order.
    """

    source: "np.ndarray | Parts | Crops"
    index: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, and the shape of one."""
        return (len(self.index), *self.source.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """Of the numbers."""
        return self.source.dtype

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Copy rows, given as a slice or an index array, into memory."""
        return np.asarray(self.source[self.index[rows]])


@dataclass(frozen=True, eq=False)
class Crops:
    """Stretches of long arrays on the disk, one per clip: a random one in each epoch, else the middle one.

    Attributes:
        sources: of each clip (frames, ...) or, with another `axis`, (..., frames); memory maps, so that no clip is ever
            read whole.
        index: int (rows,): which clips, in which order.
        length: frames of a crop; a shorter clip is filled up with zeros.
        seed: of the random crops: those of an epoch follow from (seed, epoch, clip), in whatever batch a clip is.
        axis: of the frames.
    """

    sources: Sequence[np.ndarray]
    index: np.ndarray
    length: int
    seed: int = 0
    axis: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, and the shape of one crop."""
        shape = list(self.sources[0].shape)
        shape[self.axis] = self.length
        return (len(self.index), *shape)

    @property
    def dtype(self) -> np.dtype:
        """Of the numbers."""
        return self.sources[0].dtype

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Copy the middle crop of each row, given as a slice or an index array, into memory."""
        return self._cut(self.index[rows], lambda clip, last: last // 2)

    def at(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Copy a random crop of each row, that of this epoch, into memory."""

        def begin(clip: int, last: int) -> int:
            return int(np.random.default_rng((self.seed, epoch, clip)).integers(last + 1))

        return self._cut(self.index[rows], begin)

    def _cut(self, clips: np.ndarray, begin: Callable[[int, int], int]) -> np.ndarray:
        crops = np.zeros((len(clips), *self.shape[1:]), self.dtype)
        for crop, clip in zip(crops, clips, strict=True):
            source = np.moveaxis(self.sources[clip], self.axis, 0)
            first = begin(int(clip), max(len(source) - self.length, 0))
            stretch = source[first : first + self.length]
            np.moveaxis(crop, self.axis, 0)[: len(stretch)] = stretch
        return crops


Features = np.ndarray | Rows | Crops


@dataclass(frozen=True)
class Arrays:
    """What a model is fed: features (clips, ...), float32 or uint8, and targets (clips, outputs), float32."""

    x: Features
    y: np.ndarray


@dataclass(frozen=True)
class Prepared:
    """The arrays of one fold, and what the leak audit and `predict` need to know of them.

    Attributes:
        train: training clips, then their altered copies.
        validation: validation clips, never altered.
        test: test clips, never altered.
        augmented: manifest rows whose altered copies are in `train`.
        scaler_rows: manifest rows on which the front end was fitted.
        front_end: arrays that turn a new clip's features into the model's input (a scaler's mean and scale).
        load_s: seconds spent on decoding; the rest of the preparation is features.
    """

    train: Arrays
    validation: Arrays
    test: Arrays
    augmented: np.ndarray
    scaler_rows: np.ndarray
    front_end: dict[str, np.ndarray] = field(default_factory=dict)
    load_s: float = 0.0


@dataclass(frozen=True)
class FileInputs:
    """What a model is fed for one audio file.

    Attributes:
        x: float32 (parts, ...), a row for each part of the file that is classified by itself.
        notes: what its owner should know of the way from the file to these parts, a sentence each.
    """

    x: np.ndarray
    notes: tuple[str, ...] = ()
