"""Speed of document 001's training step, as a share of the machine's own rate of float32 matrix products.

    python benchmarks/parallel_conv.py                       TensorFlow
    KERAS_BACKEND=jax python benchmarks/parallel_conv.py     JAX, if it is installed

The four convolutions take 3.4 billion multiplications a clip, and as many again for the gradient of their kernels. What
does all of them at the rate at which the machine multiplies two matrices of 2048 x 2048 reaches a share of 1. Ours does
fewer, with the same results (tests/reproductions/valence_parallel_conv), so that its share can be higher. Compared in
turns in one process: `GridMaximum` (ours), Keras' Conv2D and MaxPooling2D, the same under XLA, patches unfolded into a
matrix, Conv2D in bfloat16 (which rounds, so it is no replacement), and PyTorch, eager and compiled, if it is installed.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from matrix_rate import Step, in_turns

from common.learners.quiet import keras
from reproductions.valence_parallel_conv.network import BANDS, FILTERS, FRAMES, KERNELS, UNITS, GridMaximum

CLIPS = 16
MACS = 2 * FILTERS * sum((BANDS - h + 1) * (FRAMES - w + 1) * h * w for h, w in KERNELS)
"""Multiplications of the convolutions of one clip in a training step: the maps, and the gradient of the kernels."""


def cell(kernel: tuple[int, int]) -> tuple[int, int]:
    """Return the size of a cell of the 2 x 2 grid over the map of a kernel."""
    return (BANDS - kernel[0] + 1) // 2, (FRAMES - kernel[1] + 1) // 2


def conv(x: Any, kernel: tuple[int, int]) -> Any:
    """Return the maxima of Keras' own convolution."""
    return keras.layers.MaxPooling2D(cell(kernel))(keras.layers.Conv2D(FILTERS, kernel)(x))


def unfolded(x: Any, kernel: tuple[int, int]) -> Any:
    """Return the maxima of a product of all patches with the kernels."""
    size = (BANDS - kernel[0] + 1, FRAMES - kernel[1] + 1)
    patches = keras.layers.Lambda(
        lambda maps: keras.ops.image.extract_patches(maps, kernel, strides=1, padding="valid"),
        output_shape=(*size, kernel[0] * kernel[1]),
    )(x)
    return keras.layers.MaxPooling2D(cell(kernel))(keras.layers.Dense(FILTERS)(patches))


def network(branch: Callable[[Any, tuple[int, int]], Any], policy: str = "float32", *, xla: bool = False) -> Step:
    """Return a training step of the document's network, with the convolutions made in one way."""
    keras.config.set_dtype_policy(policy)
    inputs = keras.Input((BANDS, FRAMES, 1))
    x = keras.layers.Concatenate()([keras.layers.Flatten()(branch(inputs, kernel)) for kernel in KERNELS])
    for units in UNITS:
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(keras.layers.Dense(units)(x)))
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    keras.config.set_dtype_policy("float32")
    compiled = xla or keras.backend.backend() == "jax"
    model.compile("adam", "mean_absolute_error", jit_compile=compiled)
    x, y = batch()
    return lambda: model.train_on_batch(x, y)


def batch() -> tuple[np.ndarray, np.ndarray]:
    """Return clips (clips, bands, frames, 1) and values (clips, 1) at random."""
    draw = np.random.default_rng(0)
    return draw.standard_normal((CLIPS, BANDS, FRAMES, 1), np.float32), draw.standard_normal((CLIPS, 1), np.float32)


def with_torch(*, compiled: bool) -> Step:
    """Return a training step of the same network in PyTorch, channels last."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branches = nn.ModuleList(
                nn.Sequential(nn.Conv2d(1, FILTERS, kernel), nn.MaxPool2d(cell(kernel))) for kernel in KERNELS
            )
            units = (4 * FILTERS * len(KERNELS), *UNITS)
            dense = [
                nn.Sequential(nn.Linear(units[place], units[place + 1]), nn.BatchNorm1d(units[place + 1]), nn.ReLU())
                for place in range(len(UNITS))
            ]
            self.head = nn.Sequential(*dense, nn.Linear(units[-1], 1))

        def forward(self, x: Any) -> Any:
            return self.head(torch.cat([torch.relu(branch(x)).flatten(1) for branch in self.branches], dim=1))

    model: Any = Network().to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters())
    forward = torch.compile(model) if compiled else model
    x, y = (torch.from_numpy(array) for array in batch())
    x = x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)

    def step() -> None:
        optimiser.zero_grad()
        (forward(x) - y).abs().mean().backward()
        optimiser.step()

    return step


def steps() -> dict[str, Step]:
    """Return the alternatives that can run here, by name."""
    found: dict[str, Callable[[], Step]] = {
        "ours (GridMaximum)": partial(network, lambda x, kernel: GridMaximum(FILTERS, kernel)(x)),
        "Keras Conv2D": partial(network, conv),
        "Keras Conv2D, bfloat16": partial(network, conv, "mixed_bfloat16"),
        "patches unfolded": partial(network, unfolded),
    }
    if keras.backend.backend() == "tensorflow":
        found["Keras Conv2D, XLA"] = partial(network, conv, xla=True)
    found["PyTorch"] = partial(with_torch, compiled=False)
    found["PyTorch, compiled"] = partial(with_torch, compiled=True)
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
    limit, measured = in_turns(steps(), CLIPS * MACS)
    print(f"{keras.backend.backend()}: matrix products {limit / 1e9:.1f} billion multiplications a second")
    for name, found in measured.items():
        print(f"{name:24} {CLIPS / found.seconds:6.1f} clips/s, share of the limit {found.share:.2f}")


if __name__ == "__main__":
    main()
