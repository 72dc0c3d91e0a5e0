import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from common.signals.images import colours, draw, levels

LOW, HIGH, COLOUR_MAP = -80.0, 0.0, "magma"
VALUES = np.random.default_rng(0).uniform(LOW - 20, HIGH + 10, (3, 128, 188)).astype(np.float32)


def plotted(values: np.ndarray, pixels: int, *, mesh: bool) -> np.ndarray:
    """What matplotlib draws on axes of so many pixels: an image, or the mesh of librosa's `specshow`."""
    figure = Figure((pixels / 100, pixels / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    if mesh:
        axes.pcolormesh(values, vmin=LOW, vmax=HIGH, cmap=COLOUR_MAP)
    else:
        drawn = {"origin": "lower", "aspect": "auto", "interpolation": "nearest"}
        axes.imshow(values, vmin=LOW, vmax=HIGH, cmap=COLOUR_MAP, **drawn)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def drawn(values: np.ndarray, pixels: int) -> np.ndarray:
    return draw(values, low=LOW, high=HIGH, colour_map=COLOUR_MAP, pixels=pixels)


@pytest.mark.parametrize("pixels", [224, 100, 32])
def test_a_picture_is_within_one_level_of_matplotlibs_image(pixels: int) -> None:
    shown = drawn(VALUES, pixels)
    assert (shown.shape, shown.dtype) == ((3, pixels, pixels, 3), np.uint8)
    for picture, values in zip(shown, VALUES, strict=True):
        assert np.abs(picture - plotted(values, pixels, mesh=False)).max() <= 1


def test_a_picture_is_within_one_level_of_a_mesh_except_on_the_border_of_two_bands() -> None:
    differs = np.abs(drawn(VALUES[:1], 224)[0] - plotted(VALUES[0], 224, mesh=True)).max(axis=(1, 2)) > 1
    on_a_border = (2 * np.arange(224) + 1) * 128 % 448 == 0
    assert not (differs & ~on_a_border).any()


def test_levels_are_those_of_the_colour_map() -> None:
    scaled = matplotlib.colors.Normalize(LOW, HIGH)(VALUES)
    of_matplotlib = matplotlib.colormaps[COLOUR_MAP](scaled, bytes=True)[..., :3]
    np.testing.assert_array_equal(colours(COLOUR_MAP)[levels(VALUES, low=LOW, high=HIGH)], of_matplotlib)
