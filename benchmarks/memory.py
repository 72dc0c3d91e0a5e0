"""Peak memory of the largest experiment: 12,162 clips, two noisy copies of each training clip, 188 frames.

    python benchmarks/memory.py [FOLDER]

FOLDER contains the four corpora. Without it, all their clips are synthesised once in the cache folder (2 GB).

The script prepares the data of `parallel-mel-awgn`, trains a few steps and prints the peak resident memory of the
process. The target is less than 8 GiB.
"""

import sys
from pathlib import Path

from common import cache, environment
from common.cli import preparing
from common.corpora import demo
from common.learners import pipeline
from common.learners.keras3 import KerasLearner
from common.study import Setting
from reproductions.ser_parallel import CLASSES, STUDY
from reproductions.ser_parallel.from_scratch import PATIENT_10

STEPS = 3


def main(folder: Path) -> None:
    """Measure and print."""
    experiment = STUDY.experiment("parallel-mel-awgn")
    setting = Setting(STUDY.protocols["published"].switches, seed=0)
    clips = STUDY.label(preparing.scan_clips(STUDY, STUDY.experiments, [folder]).manifest, setting)
    (fold,) = STUDY.split(clips, setting)
    prepared = experiment.inputs.prepare(clips, fold, STUDY.task.targets(clips), setting)
    features_gib = prepared.train.x[:].nbytes / 2**30
    print(f"{len(clips)} clips, {len(prepared.train.x)} to train on, {features_gib:.2f} GiB of features")
    print(f"peak after preparing {environment.peak_memory_mib() / 1024:.2f} GiB")
    learner = KerasLearner(lambda: experiment.build(setting, len(CLASSES)), STUDY.task, PATIENT_10)
    orders = pipeline.epoch_orders(len(prepared.train.x), PATIENT_10.epochs, seed=0)
    batches = pipeline.training_batches(prepared.train, orders, pipeline.Batching(PATIENT_10.batch_size))
    learner.model.fit(batches, steps_per_epoch=STEPS, epochs=1, shuffle=False, verbose=0)
    print(f"peak in training     {environment.peak_memory_mib() / 1024:.2f} GiB")


if __name__ == "__main__":
    whole = cache.folder() / "demo-whole"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else demo.write(whole, corpora=STUDY.corpora, whole=True))
