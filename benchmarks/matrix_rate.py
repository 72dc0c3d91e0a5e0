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
from functools import partial
from typing import Any, Self

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
        rounds: the wall time of one step in each round.
    """

    seconds: float
    share: float
    rounds: tuple[float, ...]

    def ratio(self, other: Self) -> float:
        """Return how many times as long the other one took in the same rounds, the median."""
        return statistics.median(its / own for own, its in zip(self.rounds, other.rounds, strict=True))


def product() -> Step:
    """Return a product of two matrices, by the backend's own routine."""
    matrix = keras.ops.convert_to_tensor(np.random.default_rng(0).standard_normal((SIDE, SIDE), np.float32))
    return lambda: np.asarray(keras.ops.matmul(matrix, matrix))


def seconds(step: Step, *, at_least: float = 0.0) -> float:
    """Return the wall time of one step, the mean of as many as take `at_least` seconds together."""
    began, steps = time.monotonic(), 0
    while steps == 0 or time.monotonic() - began < at_least:
        step()
        steps += 1
    return (time.monotonic() - began) / steps


def in_turns(
    steps: Mapping[str, Step], multiplications: float, *, rounds: int = ROUNDS, at_least: float = 0.0
) -> tuple[float, dict[str, Measured]]:
    """Measure steps in turns, so that other load on the machine affects all of them.

    Args:
        steps: what is compared, by name; each has run once, to be traced and compiled.
        multiplications: those of one step, if it does nothing else.
        rounds: how often each step is measured.
        at_least: the seconds that a turn takes; a short step is repeated. So the threads of one library, which wait
            for more work for a moment, do not slow down the next one.

    Returns:
        Multiplications a second of matrix products, and what was measured of each step.
    """
    multiply = product()
    seconds(multiply)
    timed = partial(seconds, at_least=at_least)
    times = [(timed(multiply), {name: timed(step) for name, step in steps.items()}) for _ in range(rounds)]
    measured = {
        name: Measured(
            statistics.median(took[name] for _, took in times),
            statistics.median(multiplications / took[name] / (SIDE**3 / of) for of, took in times),
            tuple(took[name] for _, took in times),
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
