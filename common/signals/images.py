"""Spectrograms as colour pictures, as matplotlib would draw them, without drawing.

A cell's value is a level between a fixed minimum and maximum, a level is a colour by lookup, and a pixel shows the cell
at its centre: what `pcolormesh` (librosa's `specshow`) paints on axes of that many pixels. `benchmarks/pictures.py`
puts both beside each other.
"""

from functools import cache as remember

import matplotlib
import numpy as np

LEVELS = 256


def draw(values: np.ndarray, *, low: float, high: float, colour_map: str, pixels: int) -> np.ndarray:
    """Return spectrograms as pictures, the lowest band at the bottom.

    Args:
        values: (clips, bands, frames).
        low: what this and anything below is drawn in the first colour.
        high: what this and anything above is drawn in the last colour.
        colour_map: a name that matplotlib knows.
        pixels: height and width.

    Returns:
        uint8 (clips, pixels, pixels, 3): red, green, blue.
    """
    _, bands, frames = values.shape
    rows, columns = _cells(bands, pixels)[::-1], _cells(frames, pixels)
    shown = levels(values, low=low, high=high)[:, rows[:, np.newaxis], columns]
    return np.take(colours(colour_map), shown, axis=0)


def levels(values: np.ndarray, *, low: float, high: float) -> np.ndarray:
    """Return each value's level, uint8: 0 up to `low`, 255 from `high` on, of 256 steps of equal width between."""
    scaled = (np.asarray(values, np.float32) - np.float32(low)) * np.float32(LEVELS / (high - low))
    return np.clip(scaled, 0, LEVELS - 1).astype(np.uint8)


@remember
def colours(name: str) -> np.ndarray:
    """Return the colours of matplotlib's colour map, uint8 (256, 3), from the lowest level to the highest."""
    return matplotlib.colormaps[name](np.arange(LEVELS) / (LEVELS - 1), bytes=True)[:, :3]


def _cells(cells: int, pixels: int) -> np.ndarray:
    """Return the number of the cell at each pixel's centre."""
    return ((2 * np.arange(pixels) + 1) * cells) // (2 * pixels)
