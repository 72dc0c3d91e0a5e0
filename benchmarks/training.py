"""Speed of each document's training step, beside the same network in PyTorch and beside the machine's limit.

    python benchmarks/training.py [--networks STUDY/EXPERIMENT ...]                       TensorFlow
    KERAS_BACKEND=jax python benchmarks/training.py [--networks STUDY/EXPERIMENT ...]     JAX, if it is installed
    python benchmarks/training.py --write            keep the results, and write the table in README.md

A step on a batch of the document's size, of noise; loading and augmentation are left out. Ours are trained as the suite
trains them: deterministic operations, metrics, frozen layers left out where the suite runs them once per clip.
PyTorch's, where it is installed, are compiled with `torch.compile`, without metrics, maps with channels last. Both
have the same number of trainable parameters, or the benchmark stops. The limit is the time that the multiplications of
the step (`speed/multiplications.py`) take at the rate of a product of matrices of 2048 x 2048. Ours may need fewer
(`GridMaximum` does), so that its share of the limit can be above 1.

Each network is measured in a process of its own; ours, PyTorch's and the product of matrices take turns.
"""

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from speed import results
from speed.results import Speed

from common import environment, files
from common.errors import InputError

EXPERIMENTS = {
    "ser_parallel": (
        *("single-cnn", "dual-cnn", "parallel-mfcc", "parallel-mel", "parallel-mel-94"),
        *("vgg16-1", "vgg16-2", "vgg16-3", "vgg16-4", "vgg16-5", "wav2vec2"),
    ),
    "valence_parallel_conv": ("combination-6", "cnn-blstm"),
    "music_mood_wavenet": ("mel-b0", "wavenet-mobilenetv2", "wavenet-b7", "emodb-wavenet", "emodb-cnn-lstm"),
    "freesound_tagging": (
        *("dcnn", "moddcnn", "gru", "kaggle", "mcnn", "mcnn-nomask", "samplecnn", "rese2multi", "imagenet-cnn"),
    ),
}
"""Every network that is trained by gradient descent; other experiments differ in clips, dropout or batch size."""
NETWORKS = tuple(f"{study}/{name}" for study, names in EXPERIMENTS.items() for name in names)


def measured(name: str, *, beside_pytorch: bool = True) -> Speed | str:
    """Return the speed of a network, measured in a new process, or why it cannot be measured here.

    A network that does not fit into the memory with PyTorch's is measured alone.

    Raises:
        ResultError: the network in PyTorch is another one.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as new:
        try:
            return new.submit(_measured_here, name, beside_pytorch).result()
        except InputError as error:
            return str(error)
        except BrokenProcessPool:
            if not beside_pytorch:
                return "its process was ended, perhaps because the memory is too small"
    return measured(name, beside_pytorch=False)


def _measured_here(name: str, beside_pytorch: bool) -> Speed:
    from speed.measure import measure  # here and not above: the process that waits needs no Keras

    return measure(name, beside_pytorch=beside_pytorch)


def main() -> None:
    """Measure, print, and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS, metavar="STUDY/EXPERIMENT")
    parser.add_argument("--write", action="store_true", help="keep the results, and write the table in README.md")
    chosen = parser.parse_args()
    commit = environment.commit()  # before files of the checkout are written
    for name in chosen.networks:
        speed = measured(name)
        print(f"{name}: {speed}" if isinstance(speed, str) else speed.in_words(), flush=True)
        if chosen.write and isinstance(speed, Speed):
            results.keep(replace(speed, environment={**speed.environment, "commit": commit}), NETWORKS)
            readme = results.README.read_text(encoding="utf-8")
            files.write_text(results.README, results.with_table(readme, results.read(), NETWORKS))


if __name__ == "__main__":
    main()
