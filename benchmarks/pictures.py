"""Speed of mel pictures by table lookup, compared with plotting them with matplotlib.

    python benchmarks/pictures.py

Both make pictures of 224 x 224 pixels from the same values, one after another on one core. There are two ways of
plotting: a figure without axes, saved as PNG and read again, as in the document; and one figure whose image is replaced
and drawn into memory, the fastest way in matplotlib.
"""

import io
import statistics
import time
from collections.abc import Callable

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from common.signals import images

LOW, HIGH, COLOUR_MAP, PIXELS = -80.0, 0.0, "magma", 224
BANDS, FRAMES, CLIPS, ROUNDS, DPI = 128, 188, 32, 5, 100


def canvas_of(values: np.ndarray) -> FigureCanvasAgg:
    """Return a figure of PIXELS x PIXELS that shows values (bands, frames) and nothing else."""
    figure = Figure((PIXELS / DPI, PIXELS / DPI), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    shown: dict[str, object] = {"vmin": LOW, "vmax": HIGH, "cmap": COLOUR_MAP, "interpolation": "nearest"}
    axes.imshow(values, origin="lower", aspect="auto", **shown)  # type: ignore[arg-type]
    return FigureCanvasAgg(figure)


def by_lookup(clips: np.ndarray) -> np.ndarray:
    """Return all pictures by table lookup, as in the study."""
    return images.draw(clips, low=LOW, high=HIGH, colour_map=COLOUR_MAP, pixels=PIXELS)


def saved(clips: np.ndarray) -> np.ndarray:
    """Return all pictures, each plotted, saved and read again."""
    read = []
    for values in clips:
        file = io.BytesIO()
        canvas_of(values).figure.savefig(file, format="png")
        read.append(imread(io.BytesIO(file.getvalue())))
    return np.round(np.stack(read)[..., :3] * 255).astype(np.uint8)


def replaced(clips: np.ndarray) -> np.ndarray:
    """Return all pictures, drawn one after another with one figure."""
    canvas = canvas_of(clips[0])
    (image,) = canvas.figure.axes[0].images
    read = []
    for values in clips:
        image.set_data(values)
        canvas.draw()
        read.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return np.stack(read)


def seconds(make: Callable[[np.ndarray], np.ndarray], clips: np.ndarray) -> float:
    """Return the CPU seconds per picture."""
    began = time.process_time()
    make(clips)
    return (time.process_time() - began) / len(clips)


def main() -> None:
    """Measure in turns and print."""
    clips = np.random.default_rng(0).uniform(LOW - 20, HIGH + 5, (CLIPS, BANDS, FRAMES)).astype(np.float32)
    ours = by_lookup(clips)
    for name, plotted in (("saved and read", saved), ("one figure", replaced)):
        difference = int(np.abs(ours.astype(int) - plotted(clips)).max())
        rounds = [(seconds(by_lookup, clips), seconds(plotted, clips)) for _ in range(ROUNDS)]
        lookup, plot = (statistics.median(values) for values in zip(*rounds, strict=True))
        ratio = statistics.median(theirs / mine for mine, theirs in rounds)
        print(
            f"{name:15} lookup {lookup * 1000:6.2f} ms, plotted {plot * 1000:6.2f} ms a picture, ratio {ratio:5.0f}, "
            f"largest difference {difference} of 255"
        )


if __name__ == "__main__":
    main()
