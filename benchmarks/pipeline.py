"""Speed of training with the tf.data pipeline, compared with training on one cached batch.

    python benchmarks/pipeline.py

The script prints the steps per second of both and their ratio, measured in turns in one process. The pipeline should
reach 95 %.
"""

import statistics
import time

import numpy as np

from common.arrays import Arrays
from common.learners import pipeline
from common.learners.keras3 import KerasLearner
from common.study import Setting
from reproductions.ser_parallel import CLASSES, STUDY
from reproductions.ser_parallel.from_scratch import RETRAINED

CLIPS, STEPS, ROUNDS = 2000, 30, 5


def synthetic() -> Arrays:
    """Return noise in the shape of MFCC: (2000, 128, 94, 1)."""
    draw = np.random.default_rng(0)
    x = draw.standard_normal((CLIPS, 128, 94, 1), dtype=np.float32)
    return Arrays(x, np.eye(len(CLASSES), dtype=np.float32)[draw.integers(0, len(CLASSES), CLIPS)])


def steps_per_second(model: object, batches: object) -> float:
    """Train STEPS steps on `batches` and return the rate."""
    began = time.monotonic()
    model.fit(batches, steps_per_epoch=STEPS, epochs=1, shuffle=False, verbose=0)  # type: ignore[attr-defined]
    return STEPS / (time.monotonic() - began)


def main() -> None:
    """Measure and print."""
    import tensorflow as tf

    experiment = STUDY.experiment("single-cnn")
    setting = Setting(STUDY.protocols["published"].switches, seed=0)
    learner = KerasLearner(lambda: experiment.build(setting, len(CLASSES)), STUDY.task, RETRAINED)
    arrays, size = synthetic(), RETRAINED.batch_size
    orders = pipeline.epoch_orders(CLIPS, ROUNDS + 1, seed=0)
    through = pipeline.training_batches(arrays, orders, pipeline.Batching(size))
    cached = tf.data.Dataset.from_tensors((arrays.x[:size], arrays.y[:size])).cache().repeat()
    rates: dict[str, list[float]] = {"one cached batch": [], "the pipeline": []}
    for batches in (cached, through):
        steps_per_second(learner.model, batches)  # the first steps include tracing
    for _ in range(ROUNDS):
        rates["one cached batch"].append(steps_per_second(learner.model, cached))
        rates["the pipeline"].append(steps_per_second(learner.model, through))
    for name, values in rates.items():
        print(f"{name:18} {statistics.median(values):6.2f} steps/s (median of {ROUNDS})")
    ratios = [ours / theirs for theirs, ours in zip(*rates.values(), strict=True)]
    print(f"ratio              {statistics.median(ratios):6.3f} (median of {ROUNDS} pairs)")


if __name__ == "__main__":
    main()
