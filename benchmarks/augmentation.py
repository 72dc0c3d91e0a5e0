"""What augmentation costs an epoch of MCNN (document 003), whose own augmented epoch took 17 times as long.

    python benchmarks/augmentation.py [--clips 512] [--rounds 3]

Epochs of two trainings in turns, on synthesised clips of 1 to 9 s: with mel spectrograms that are there, and with
mixtures that are made, convolved and transformed as they are needed. Beside them, without training: the batches of our
pipeline alone, and the same chain by audiomentations and librosa in one process, if audiomentations is installed.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from common import splits
from common.arrays import Arrays
from common.learners import pipeline
from common.learners.quiet import keras
from common.signals.numba_cache import librosa
from common.study import Setting
from reproductions.freesound_tagging import EXPERIMENTS, OF_MCNN, PUBLISHED, inputs
from reproductions.freesound_tagging.mixing import Mixtures

TAGS, BATCH = 80, 64


def clips(folder: Path, count: int) -> pd.DataFrame:
    """Write noise of 1 to 9 s and return its manifest."""
    draw = np.random.default_rng(0)
    for number in range(count):
        noise = draw.normal(0, 0.1, int(draw.uniform(1, 9) * inputs.SAMPLE_RATE))
        soundfile.write(folder / f"{number:04d}.wav", noise, inputs.SAMPLE_RATE)
    paths = sorted(folder.glob("*.wav"))
    return pd.DataFrame({"path": list(map(str, paths)), "name": [path.stem for path in paths]})


def epoch_of(name: str, manifest: pd.DataFrame, setting: Setting) -> tuple[Callable[[], None], Arrays]:
    """Return what trains an experiment for an epoch, and what it is fed."""
    experiment = next(one for one in EXPERIMENTS if one.id == name)
    targets = (np.random.default_rng(1).random((len(manifest), TAGS)) < 0.02).astype(np.float32)
    rows, few = np.arange(len(manifest)), np.arange(2)
    train = experiment.inputs.prepare(manifest, splits.Split(rows, few, few), targets, setting).train
    augment = partial(inputs.augmented, setting=setting) if experiment.inputs.augment else None
    batching = pipeline.Batching(BATCH, augment=augment)
    orders = pipeline.epoch_orders(len(rows), 1, seed=0)
    model = experiment.build(setting, TAGS)
    model.compile(keras.optimizers.Adam(), OF_MCNN.loss)

    def epoch() -> None:
        model.fit(pipeline.training_batches(train, orders, batching), verbose=0)

    return epoch, train


def batches_alone(train: Arrays, setting: Setting) -> Callable[[], None]:
    """Return what makes the batches of an augmented epoch, without training."""
    batching = pipeline.Batching(BATCH, augment=partial(inputs.augmented, setting=setting))
    orders = pipeline.epoch_orders(len(train.x), 1, seed=0)
    made = pipeline.training_batches(train, orders, batching)

    def epoch() -> None:
        of_arrays = keras.backend.backend() != "tensorflow"
        for _ in map(made.__getitem__, range(len(made))) if of_arrays else made:
            pass

    return epoch


def by_audiomentations(train: Arrays, rooms: Path, setting: Setting) -> Callable[[], None] | None:
    """Return what makes the same clips with audiomentations and librosa, one after the other; None without it."""
    try:
        from audiomentations import ApplyImpulseResponse
    except ImportError:
        return None
    for number, response in enumerate(inputs.responses_of(setting)):
        soundfile.write(rooms / f"{number}.wav", response / np.abs(response).max(), inputs.SAMPLE_RATE)
    convolve = ApplyImpulseResponse(rooms, p=0.5, leave_length_unchanged=False)
    settings = {name: value for name, value in inputs.MEL_OF_MIXTURES.items() if name != "sample_rate"}
    mixtures: Mixtures = train.x  # type: ignore[assignment]
    draw = np.random.default_rng(0)

    def epoch() -> None:
        for row in range(len(mixtures)):
            (mixed,) = mixtures.at(np.array([row]), 0)
            heard = convolve(mixed, sample_rate=inputs.SAMPLE_RATE)
            first = int(draw.integers(len(heard) - inputs.SAMPLES + 1))
            power = librosa.feature.melspectrogram(
                y=heard[first : first + inputs.SAMPLES], sr=inputs.SAMPLE_RATE, **settings
            )
            librosa.power_to_db(power)

    return epoch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What augmentation costs an epoch of MCNN.")
    parser.add_argument("--clips", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    options, setting = parser.parse_args(), Setting(PUBLISHED, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ENCORE_CACHE"] = f"{folder}/cache"
        places = [Path(folder, name) for name in ("clips", "rooms")]
        for place in places:
            place.mkdir()
        manifest = clips(places[0], options.clips)
        plain, _ = epoch_of("mcnn", manifest, setting)
        augmented, train = epoch_of("mcnn-aug", manifest, setting)
        chain = by_audiomentations(train, places[1], setting)
        steps = {"mcnn": plain, "mcnn-aug": augmented, "batches alone": batches_alone(train, setting)}
        steps |= {"audiomentations": chain} if chain else {}
        took: dict[str, list[float]] = {name: [] for name in steps}
        for number in range(options.rounds + 1):
            for name, epoch in steps.items():
                began = time.monotonic()
                epoch()
                if number:  # the first round traces and compiles
                    took[name].append(time.monotonic() - began)
    whole = statistics.median(took["mcnn"])
    print(f"{keras.backend.backend()}, an epoch of {options.clips} clips:")
    for name, values in took.items():
        print(f"{name:16} {statistics.median(values):7.2f} s, {statistics.median(values) / whole:5.2f} times mcnn")


if __name__ == "__main__":
    main()
