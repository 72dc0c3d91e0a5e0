"""Trains under JAX and prints what happened as JSON: `devices.py STRATEGY FOLDER`.

The environment names the devices (XLA_FLAGS) and the other processes, if there are any.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, ClassVar

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from common.arrays import Arrays  # noqa: E402
from common.cli import preparing  # noqa: E402
from common.study import Training  # noqa: E402
from common.tasks import Classification  # noqa: E402

strategy, folder = sys.argv[1], Path(sys.argv[2])
os.environ["ENCORE_CACHE"] = str(folder / "cache")
preparing.start_backend(strategy)

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

from common.learners import data_parallel, keras3  # noqa: E402

TRAINING = Training(epochs=3, batch_size=8, learning_rate=0.01, patience=3)
CLIPS = 21
"""The last batch has 5 clips: no multiple of two devices."""


class Noted(keras.layers.Layer):
    """Passes its input on, and notes how many clips of a whole batch are on one device."""

    seen: ClassVar[list[int]] = []

    def call(self, inputs: Any) -> Any:
        batch = (TRAINING.batch_size, *inputs.shape[1:])
        jax.debug.inspect_array_sharding(
            inputs, callback=lambda sharding: self.seen.append(sharding.shard_shape(batch)[0])
        )
        return inputs


def build(*, frozen: bool) -> keras.Model:
    inputs = keras.Input((12, 10, 1))
    hidden = keras.layers.Conv2D(4, 3, activation="relu", trainable=not frozen)(inputs)
    hidden = keras.layers.BatchNormalization(momentum=0.5)(hidden)
    bands = keras.layers.Reshape((10, 32))(Noted()(hidden))
    steps, *states = keras.layers.LSTM(4, return_sequences=True, return_state=True)(bands)
    hidden = keras.layers.Concatenate()([keras.layers.LSTM(4)(steps), *states])
    hidden = keras.layers.Dropout(0.3)(hidden)
    return keras.Model(inputs, keras.layers.Dense(3, "softmax")(hidden))


def clips() -> Arrays:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(CLIPS, 12, 10, 1)).astype(np.float32)
    return Arrays(x, np.eye(3, dtype=np.float32)[draw.integers(0, 3, CLIPS)])


def trained(place: str, *epochs: int, frozen: bool = False) -> dict[str, Any]:
    """Train up to each number of epochs, each time with a new learner that resumes."""
    Noted.seen.clear()
    for upto in epochs:
        learner = keras3.KerasLearner(
            lambda: build(frozen=frozen),
            Classification(("a", "b", "c")),
            TRAINING,
            seed=1,
            folder=folder / place,
            strategy=strategy,
        )
        history = learner.fit(clips(), clips(), epochs=upto, stage="a")
    scores = history[["loss", "val_loss", "accuracy"]].to_numpy().tolist()
    return {"scores": scores, "on_one_device": Noted.seen[:1], "predictions": learner.predict(clips().x).tolist()}


def main() -> None:
    facts = {"whole": trained("whole", 2), "frozen": trained("frozen", 1, frozen=True)}
    if strategy != "none":  # how one device resumes is tested elsewhere
        facts["resumed"] = trained("resumed", 1, 2)
    print(json.dumps({**facts, "leads": data_parallel.leads()}))


if __name__ == "__main__":
    main()
