"""Memory growth over the trials of a search: Encore's Hyperband compared with keras-tuner's, in separate processes.

    python benchmarks/search_memory.py

Both search 30 values, each trained for 2 epochs, with the same small model. Peak memory is read at the start of each
trial. The script prints the growth per trial over the last 20 trials, and the ratio of the two.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np

from common import environment
from common.arrays import Arrays
from common.learners.quiet import keras
from common.study import Training
from common.tasks import Classification
from tuning import hyperband
from tuning.search import Search

UNITS = tuple(range(8, 38))
BATCH_SIZE, LEARNING_RATE, EPOCHS = 64, 1e-3, 100
STEADY = 20
"""Growth is measured over this many trials at the end, because the first trials load what every process needs."""

peaks: list[float] = []


def build(values: Mapping[str, Any]) -> keras.Model:
    """Return a small network; record the memory at the start of its trial."""
    peaks.append(environment.peak_memory_mib())
    inputs = keras.Input((100,))
    hidden = keras.layers.Dropout(0.3)(keras.layers.Dense(values["units"], "relu")(inputs))
    return keras.Model(inputs, keras.layers.Dense(7, "softmax")(hidden))


def clips(number: int) -> Arrays:
    """Return noise (number, 100) with labels of 7 classes."""
    draw = np.random.default_rng(number)
    x = draw.normal(size=(number, 100)).astype(np.float32)
    return Arrays(x, np.eye(7, dtype=np.float32)[draw.integers(0, 7, number)])


def plain(train: Arrays, validation: Arrays, folder: Path) -> None:
    """Search as in keras-tuner's guide."""

    def compiled(settings: Any) -> keras.Model:
        model = build({"units": settings.Choice("units", list(UNITS))})
        model.compile(keras.optimizers.Adam(LEARNING_RATE), "categorical_crossentropy", metrics=["accuracy"])
        return model

    tuner = keras_tuner.Hyperband(compiled, "val_loss", max_epochs=EPOCHS, seed=1, directory=folder, project_name="p")
    given = {"validation_data": (validation.x, validation.y), "batch_size": BATCH_SIZE}
    tuner.search(train.x, train.y, verbose=0, **given)


def encore(train: Arrays, validation: Arrays, folder: Path) -> None:
    """Search with Encore."""
    training = Training(epochs=EPOCHS, batch_size=BATCH_SIZE, learning_rate=LEARNING_RATE)
    search = Search(
        study="benchmark",
        experiment="memory",
        protocol="published",
        space={"units": UNITS},
        build=build,
        train=train,
        validation=validation,
        task=Classification(tuple("abcdefg")),
        training=training,
        objective="val_loss",
        seed=1,
        context={"data": {}},
        folder=folder,
    )
    hyperband.search(search)


KINDS: dict[str, Callable[[Arrays, Arrays, Path], None]] = {"plain": plain, "encore": encore}


def measure(kind: str) -> dict[str, float]:
    """Search in a new process; return memory growth (MiB per trial), last peak (MiB), number of trials and seconds."""
    command = [sys.executable, __file__, kind]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(output.splitlines()[-1]))


def report(kind: str) -> None:
    """Search in this process and print the result for `measure`."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        KINDS[kind](clips(640), clips(128), Path(folder))
    last = peaks[-STEADY:]
    growth = float(np.polyfit(range(len(last)), last, 1)[0])
    print(json.dumps({"growth": growth, "peak": last[-1], "trials": len(peaks), "s": time.monotonic() - began}))


def main() -> None:
    """Measure both and print."""
    found = {kind: measure(kind) for kind in KINDS}
    for kind, one in found.items():
        print(
            f"{kind:7s} {one['trials']:.0f} trials, {one['growth']:+.2f} MiB per trial, "
            f"peak {one['peak']:.0f} MiB, {one['s']:.0f} s"
        )
    print(f"ratio   {found['encore']['growth'] / found['plain']['growth']:.3f}")


if __name__ == "__main__":
    report(sys.argv[1]) if len(sys.argv) > 1 else main()
