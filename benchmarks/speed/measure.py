"""Measures the training step of one network, in a process that does nothing else."""

from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

import numpy as np
from matrix_rate import Measured, in_turns

from common import environment
from common.errors import ResultError, reason_of
from common.learners.quiet import keras
from speed.networks import Batch, Network, Step, network, with_keras, with_torch
from speed.profile import shares_of_operations
from speed.results import Speed

OURS, PYTORCH = "ours", "PyTorch"
TOO_LARGE = "the memory is too small for PyTorch beside it"
AT_LEAST_S = 1.0
"""Seconds of a turn."""


def measure(name: str, *, beside_pytorch: bool = True) -> Speed:
    """Return the speed of a network's training step, with the batch size of its document.

    Args:
        name: `study/experiment`.
        beside_pytorch: whether the memory may hold the network in PyTorch too.

    Raises:
        InputError: the network cannot be built with this backend.
        ResultError: the one in PyTorch is another one.
    """
    made = network(name)
    clips = made.training.batch_size
    batch, multiplications = made.batch(clips), made.multiplications(clips)
    steps = {OURS: with_keras(made, batch)}
    for _ in range(2):  # the first steps trace and compile
        steps[OURS]()
    theirs, why_not = compiled(made, batch) if beside_pytorch else (None, TOO_LARGE)
    if theirs:
        steps[PYTORCH] = theirs
    limit, found = in_turns(steps, multiplications, at_least=AT_LEAST_S)
    return Speed(
        network=name,
        clips=clips,
        parameters=made.parameters,
        multiplications=multiplications,
        limit=limit,
        ms=rounded(1e3 * found[OURS].seconds),
        share=rounded(found[OURS].share),
        **beside(found),
        note=why_not,
        operations=shares_of_operations(steps[OURS]) if keras.backend.backend() == "tensorflow" else {},
        date=datetime.now(UTC).date().isoformat(),
        environment=environment.describe(),
    )


def compiled(made: Network, batch: Batch) -> tuple[Step | None, str]:
    """Return a training step in PyTorch after its first runs, or None and the reason.

    Raises:
        ResultError: the network in PyTorch is another one.
    """
    if find_spec("torch") is None:
        return None, "PyTorch is not installed"
    try:
        step = with_torch(made, batch)
        for _ in range(2):
            step()
    except ResultError:
        raise
    except Exception as error:  # whatever its compiler cannot do, and where there is no C++ compiler
        return None, f"PyTorch cannot compile it here: {reason_of(error)}"
    return step, ""


def beside(found: dict[str, Measured]) -> dict[str, Any]:
    """Return PyTorch's time and how many times as long it takes as ours, where it was measured."""
    if PYTORCH not in found:
        return {}
    ratio = found[OURS].ratio(found[PYTORCH])
    return {"pytorch_ms": rounded(1e3 * found[PYTORCH].seconds), "ratio": rounded(ratio)}


def rounded(value: float) -> float:
    """Return a value with four digits: a measurement has no more."""
    return float(np.format_float_positional(value, 4, fractional=False))
