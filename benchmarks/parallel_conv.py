"""Document 001's four convolutions in several exact ways, as shares of the machine's rate of float32 matrix products.

    python benchmarks/parallel_conv.py                       TensorFlow
    KERAS_BACKEND=jax python benchmarks/parallel_conv.py     JAX, if it is installed

What does all multiplications of the convolutions at the rate at which the machine multiplies two matrices of 2048 x
2048 reaches a share of 1. Ours does fewer, with the same results (tests/reproductions/valence_parallel_conv), so that
its share can be higher. Compared in turns in one process: `GridMaximum` (ours), Keras' Conv2D and MaxPooling2D, the
same under XLA, and patches unfolded into a matrix. `training.py` has the network beside PyTorch's.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from matrix_rate import Step, in_turns
from speed.multiplications import of_step

from common.learners.quiet import keras
from reproductions.valence_parallel_conv.network import BANDS, FILTERS, FRAMES, KERNELS, GridMaximum

CLIPS = 16


def conv(x: Any, kernel: tuple[int, int]) -> Any:
    """Return the maxima of Keras' own convolution."""
    bands, frames = ((size - side + 1) // 2 for size, side in zip((BANDS, FRAMES), kernel, strict=True))
    return keras.layers.MaxPooling2D((bands, frames))(keras.layers.Conv2D(FILTERS, kernel)(x))


def unfolded(x: Any, kernel: tuple[int, int]) -> Any:
    """Return the maxima of a product of all patches with the kernels."""
    size = (BANDS - kernel[0] + 1, FRAMES - kernel[1] + 1)
    patches = keras.layers.Lambda(
        lambda maps: keras.ops.image.extract_patches(maps, kernel, strides=1, padding="valid"),
        output_shape=(*size, kernel[0] * kernel[1]),
    )(x)
    return keras.layers.MaxPooling2D((size[0] // 2, size[1] // 2))(keras.layers.Dense(FILTERS)(patches))


def network(branch: Callable[[Any, tuple[int, int]], Any]) -> keras.Model:
    """Return the convolutions, made in one way, and a dense layer."""
    inputs = keras.Input((BANDS, FRAMES, 1))
    maxima = keras.layers.Concatenate()([keras.layers.Flatten()(branch(inputs, kernel)) for kernel in KERNELS])
    return keras.Model(inputs, keras.layers.Dense(1)(maxima))


def ours() -> keras.Model:
    """Return the convolutions as the suite makes them."""
    return network(lambda x, kernel: GridMaximum(FILTERS, kernel)(x))


def step_of(make: Callable[[], keras.Model], *, xla: bool = False) -> Step:
    """Return a training step."""
    model = make()
    model.compile("adam", "mean_absolute_error", jit_compile=xla or keras.backend.backend() == "jax")
    draw = np.random.default_rng(0)
    x = draw.standard_normal((CLIPS, BANDS, FRAMES, 1), np.float32)
    y = draw.standard_normal((CLIPS, 1), np.float32)
    return lambda: model.train_on_batch(x, y)


def steps() -> dict[str, Step]:
    """Return the alternatives that can run here, by name."""
    found: dict[str, Callable[[], Step]] = {
        "ours (GridMaximum)": partial(step_of, ours),
        "Keras Conv2D": partial(step_of, partial(network, conv)),
        "patches unfolded": partial(step_of, partial(network, unfolded)),
    }
    if keras.backend.backend() == "tensorflow":
        found["Keras Conv2D, XLA"] = partial(step_of, partial(network, conv), xla=True)
    ready = {}
    for name, make in found.items():
        try:
            step = make()
            step()  # traces and compiles
            ready[name] = step
        except Exception as error:  # what cannot run here is named, and the others are measured
            print(f"{name}: left out ({type(error).__name__}: {str(error).splitlines()[0]})")
    return ready


def main() -> None:
    """Measure and print."""
    limit, measured = in_turns(steps(), of_step(ours(), CLIPS))
    print(f"{keras.backend.backend()}: matrix products {limit / 1e9:.1f} billion multiplications a second")
    for name, found in measured.items():
        print(f"{name:24} {CLIPS / found.seconds:6.1f} clips/s, share of the limit {found.share:.2f}")


if __name__ == "__main__":
    main()
