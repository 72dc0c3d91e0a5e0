"""What a training step spends its processor time on, by TensorFlow's own profiler."""

import re
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from speed.networks import Step

STEPS = 5
OPERATION = re.compile(r"[\w/.\-]+:(?:_Mkl(?:Native)?|_)?(\w+)")
"""An event of a thread that runs an operation, `name:Kind`; a prefix says that oneDNN does it."""
XLA = "CpuExecutable::ExecuteAsyncOnStream"
"""An event that runs what XLA compiled; its operations have no events of their own."""


def shares_of_operations(step: Step, most: int = 5) -> dict[str, float]:
    """Return the kinds of operations that a training step spends most of its time on, the longest first.

    Args:
        step: a training step, traced already.
        most: how many kinds.

    Returns:
        The share of each kind in the time of all operations, over all threads.
    """
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        for _ in range(STEPS):
            step()
        tf.profiler.experimental.stop()
        space = xplane_pb2.XSpace()
        (place,) = Path(folder).rglob("*.xplane.pb")
        space.ParseFromString(place.read_bytes())
    spent = _spent(space)
    return {kind: spent[kind] / spent.total() for kind, _ in spent.most_common(most)}


def _spent(space: Any) -> Counter[str]:
    """Return the picoseconds of each kind of operation."""
    spent: Counter[str] = Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                if name == XLA:
                    spent["compiled by XLA"] += event.duration_ps
                elif operation := OPERATION.fullmatch(name):
                    spent[operation[1]] += event.duration_ps
    return spent
