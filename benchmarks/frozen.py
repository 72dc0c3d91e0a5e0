"""How much time do cached outputs of frozen layers save, compared with training the whole network?

    python benchmarks/frozen.py

A frozen VGG16 with random weights and the document's classifier, on noise of 64 x 64 pixels. The outputs are computed
again for each measurement. The ratio grows with the number of epochs; 20 is the document's best epoch plus its
patience.
"""

import os
import tempfile
import time

import numpy as np

from common.arrays import Arrays
from common.learners import frozen
from common.learners.keras3 import KerasLearner
from common.learners.quiet import keras
from common.study import Training
from common.tasks import Classification

CLIPS, PIXELS, EPOCHS, CLASSES = 128, 64, 20, 7
TASK = Classification(tuple("abcdefg"))
WARM_UP, WHOLE = 1, 2


def network() -> keras.Model:
    """Return VGG16, frozen, and a classifier on top."""
    pictures = keras.Input((PIXELS, PIXELS, 3))
    base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(PIXELS, PIXELS, 3))
    base.trainable = False
    hidden = keras.layers.Dense(512, "relu")(keras.layers.Flatten()(base(pictures)))
    hidden = keras.layers.Dense(192, "relu")(keras.layers.Dropout(0.5)(hidden))
    return keras.Model(pictures, keras.layers.Dense(CLASSES, "softmax")(hidden))


def noise() -> Arrays:
    """Return pictures and targets."""
    draw = np.random.default_rng(0)
    pictures = draw.uniform(-128, 128, (CLIPS, PIXELS, PIXELS, 3)).astype(np.float32)
    return Arrays(pictures, np.eye(CLASSES, dtype=np.float32)[draw.integers(0, CLASSES, CLIPS)])


def seconds(epochs: int, limit_gib: float) -> tuple[float, np.ndarray]:
    """Return the CPU seconds of a training, and the predictions of the trained model."""
    frozen.LIMIT_GIB = limit_gib  # 0: nothing is cached, so the whole network runs in every step
    clips = noise()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ENCORE_CACHE"] = folder
        learner = KerasLearner(network, TASK, Training(epochs, 32, 1e-4), seed=1)
        began = time.process_time()
        learner.fit(clips, None, epochs=epochs, stage="training")
        return time.process_time() - began, learner.predict(clips.x[:32])


def main() -> None:
    """Measure and print. The time of the whole network is extrapolated from a few epochs."""
    kept = frozen.LIMIT_GIB
    start, _ = seconds(WARM_UP, 0.0)
    some, through = seconds(WHOLE + WARM_UP, 0.0)
    _, once = seconds(WHOLE + WARM_UP, kept)
    fast, _ = seconds(EPOCHS, kept)
    slow = start + (some - start) / WHOLE * (EPOCHS - WARM_UP)
    print(f"{EPOCHS} epochs of {CLIPS} clips: frozen layers once {fast:.1f} s, whole network {slow:.1f} s of CPU time")
    difference = np.abs(once - through).max()
    print(f"ratio {slow / fast:.1f}; after {WHOLE + WARM_UP} epochs predictions differ by at most {difference:.1g}")


if __name__ == "__main__":
    main()
