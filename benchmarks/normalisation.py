"""Training speed of one CNN block with our batch normalisation and with Keras', along frames and along channels.

    python benchmarks/normalisation.py

Both give the same results (tests/common/learners/test_layers.py). They are measured in turns in one process.
"""

import statistics
import time
from typing import Any

import numpy as np

from common.learners.layers import BatchNormalization
from common.learners.quiet import keras
from reproductions.ser_parallel import from_scratch_networks as from_scratch

CLIPS, STEPS, ROUNDS = 32, 10, 5


def block(normalisation: type[keras.layers.Layer], axis: int) -> keras.Model:
    """Return the document's CNN block with the given normalisation, compiled."""
    inputs = maps = keras.Input((128, 94, 1))
    for filters, pool in from_scratch.BLOCK:
        maps = keras.layers.Conv2D(filters, 3, padding="same")(maps)
        maps = normalisation(axis=axis)(maps)
        maps = keras.layers.Activation("relu")(maps)
        maps = keras.layers.Dropout(from_scratch.BLOCK_DROPOUT)(keras.layers.MaxPooling2D(pool)(maps))
    model = keras.Model(inputs, keras.layers.Dense(7, "softmax")(keras.layers.Flatten()(maps)))
    model.compile("adam", "categorical_crossentropy", jit_compile=False)
    return model


def clips_per_second(model: Any, batch: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the rate of STEPS training steps on one batch."""
    began = time.monotonic()
    for _ in range(STEPS):
        model.train_on_batch(*batch)
    return STEPS * CLIPS / (time.monotonic() - began)


def main() -> None:
    """Measure and print."""
    draw = np.random.default_rng(0)
    x = draw.standard_normal((CLIPS, 128, 94, 1), dtype=np.float32)
    batch = x, np.eye(7, dtype=np.float32)[draw.integers(0, 7, CLIPS)]
    for name, axis in (("frames", from_scratch.FRAME_AXIS), ("channels", from_scratch.CHANNEL_AXIS)):
        ours, theirs = block(BatchNormalization, axis), block(keras.layers.BatchNormalization, axis)
        for model in (ours, theirs):
            clips_per_second(model, batch)  # the first steps include tracing
        pairs = [(clips_per_second(ours, batch), clips_per_second(theirs, batch)) for _ in range(ROUNDS)]
        mine, keras_rate = (statistics.median(rates) for rates in zip(*pairs, strict=True))
        ratio = statistics.median(one / other for one, other in pairs)
        print(f"{name:9} ours {mine:6.1f} clips/s, Keras {keras_rate:6.1f} clips/s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
