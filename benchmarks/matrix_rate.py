"""The machine's rate of float32 matrix products, against which other benchmarks are measured.

    python benchmarks/matrix_rate.py                       TensorFlow
    KERAS_BACKEND=jax python benchmarks/matrix_rate.py     JAX, if it is installed

A program that does all its multiplications at the rate at which the machine multiplies two matrices of 2048 x 2048
reaches a share of 1.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.learners.quiet import keras

SIDE = 2048
ROUNDS = 3

Step = Callable[[], Any]


@dataclass(frozen=True)
class Measured:
    """The medians of several rounds.

    Attributes:
        seconds: the wall time of one step.
        share: its rate of multiplications as a share of the machine's, which is measured in each round too.
    """

    seconds: float
    share: float


def product() -> Step:
    """Return a product of two matrices, by the backend's own routine."""
    matrix = keras.ops.convert_to_tensor(np.random.default_rng(0).standard_normal((SIDE, SIDE), np.float32))
    return lambda: np.asarray(keras.ops.matmul(matrix, matrix))


def seconds(step: Step) -> float:
    """Return the wall time of one step."""
    began = time.monotonic()
    step()
    return time.monotonic() - began


def in_turns(
    steps: Mapping[str, Step], multiplications: float, *, rounds: int = ROUNDS
) -> tuple[float, dict[str, Measured]]:
    """Measure steps in turns, so that other load on the machine affects all of them.

    Args:
        steps: what is compared, by name; each has run once, to be traced and compiled.
        multiplications: those of one step, if it does nothing else.
        rounds: how often each step is measured.

    Returns:
        Multiplications a second of matrix products, and what was measured of each step.
    """
    multiply = product()
    seconds(multiply)
    times = [(seconds(multiply), {name: seconds(step) for name, step in steps.items()}) for _ in range(rounds)]
    measured = {
        name: Measured(
            statistics.median(took[name] for _, took in times),
            statistics.median(multiplications / took[name] / (SIDE**3 / of) for of, took in times),
        )
        for name in steps
    }
    return SIDE**3 / statistics.median(of for of, _ in times), measured


def main() -> None:
    """Measure and print."""
    limit, _ = in_turns({}, 0.0)
    print(f"{keras.backend.backend()}: matrix products {limit / 1e9:.1f} billion multiplications a second")


if __name__ == "__main__":
    main()
