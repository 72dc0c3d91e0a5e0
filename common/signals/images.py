"""Spectrograms as colour pictures, equal to matplotlib's but without plotting.

Values between a fixed minimum and maximum become levels, a level becomes a colour by table lookup, and a pixel shows
the cell at its centre. This is what `pcolormesh` (librosa's `specshow`) draws on axes of that many pixels.
`benchmarks/pictures.py` compares the two.
"""

from functools import cache as remember

import matplotlib
import numpy as np

LEVELS = 256


def draw(values: np.ndarray, *, low: float, high: float, colour_map: str, pixels: int) -> np.ndarray:
    """Return spectrograms as pictures, the lowest band at the bottom.

    Args:
        values: (clips, bands, frames).
        low: this value and smaller ones have the first colour.
        high: this value and larger ones have the last colour.
        colour_map: a colour map of matplotlib.
        pixels: height and width.

    Returns:
        uint8 (clips, pixels, pixels, 3): red, green, blue.
    """
    _, bands, frames = values.shape
    rows, columns = _cells(bands, pixels)[::-1], _cells(frames, pixels)  # pictures have row 0 at the top
    shown = levels(values, low=low, high=high)[:, rows[:, np.newaxis], columns]
    return np.take(colours(colour_map), shown, axis=0)


def levels(values: np.ndarray, *, low: float, high: float) -> np.ndarray:
    """Return the level of each value, uint8: 256 steps of equal width from `low` (0) to `high` (255)."""
    scaled = (np.asarray(values, np.float32) - np.float32(low)) * np.float32(LEVELS / (high - low))
    return np.clip(scaled, 0, LEVELS - 1).astype(np.uint8)


@remember
def colours(name: str) -> np.ndarray:
    """Return the colours of matplotlib's colour map, uint8 (256, 3), from the lowest level to the highest."""
    return matplotlib.colormaps[name](np.arange(LEVELS) / (LEVELS - 1), bytes=True)[:, :3]


def _cells(cells: int, pixels: int) -> np.ndarray:
    """Return the number of the cell at each pixel's centre."""
    # In integers, so that rounding decides nothing where a centre is on the edge between two cells.
    return ((2 * np.arange(pixels) + 1) * cells) // (2 * pixels)
