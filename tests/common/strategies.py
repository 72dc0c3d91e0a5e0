"""Trains without dropout under every strategy, on two logical CPUs, and prints what happened as JSON."""

import json
import sys
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np
import tensorflow as tf

from common.arrays import Arrays
from common.learners import keras3
from common.study import Training
from common.tasks import Classification

CPUS = ["cpu:0", "cpu:1"]


TASK = Classification(("a", "b", "c"))


def build() -> keras.Model:
    inputs = keras.Input((5,))
    return keras.Model(inputs, keras.layers.Dense(3, "softmax")(Watched()(inputs)))


class Watched(keras.layers.Layer):
    """Passes its input on, and notes how many clips each replica is given."""

    seen: ClassVar[list[Any]] = []

    def call(self, inputs: Any) -> Any:
        tf.py_function(lambda x: self.seen.append(len(x)), [inputs], [])
        return inputs


def clips() -> Arrays:
    draw = np.random.default_rng(0)
    return Arrays(draw.normal(size=(16, 5)).astype(np.float32), np.eye(3, dtype=np.float32)[draw.integers(0, 3, 16)])


def fit(strategy: str, folder: Path, epochs: int) -> dict[str, Any]:
    one = keras3.KerasLearner(build, TASK, Training(3, 8, 0.01), seed=1, folder=folder / strategy, strategy=strategy)
    Watched.seen.clear()
    history = one.fit(clips(), clips(), epochs=epochs, stage="a")
    return {"loss": history["loss"].tolist(), "val_loss": history["val_loss"].tolist(), "seen": Watched.seen[:2]}


def main(folder: Path) -> None:
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    facts = {"none": fit("none", folder, 2)}
    on_two_cpus = tf.distribute.MirroredStrategy(CPUS)
    tf.distribute.MirroredStrategy = lambda: on_two_cpus
    paused, facts["mirrored"] = fit("mirrored", folder, 1), fit("mirrored", folder, 2)
    facts["mirrored"] |= {"replicas": on_two_cpus.num_replicas_in_sync, "paused": paused["loss"]}
    print(json.dumps(facts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
