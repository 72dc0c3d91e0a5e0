"""How much memory does recomputing the encoder layers save in training wav2vec 2.0?

    python benchmarks/recompute.py

A small network (8 encoder layers of 128 units) trains a few steps on noise of three seconds: once with the activations
of its encoder layers stored for the gradient, once with them recomputed. The script prints the increase of peak
resident memory since the first step, the seconds per step, and the ratios of the two. Each runs in its own process,
because peak memory never decreases.
"""

import json
import subprocess
import sys
import time

import numpy as np

from common import environment
from common.learners.tf_keras import TfKerasLearner
from common.tasks import Classification
from reproductions.ser_parallel import wav2vec2

# The convolutions are as narrow as at demo size: their activations are stored in both cases and would otherwise
# dominate the memory.
CONFIG = {
    **wav2vec2.DEMO,
    "hidden_size": 128,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "intermediate_size": 512,
}
BATCH_SIZE, STEPS, N_CLASSES = 48, 2, 7
TASK = Classification(tuple("abcdefg"))
KINDS = {"kept": False, "recomputed": True}


def report(kind: str) -> None:
    """Train in this process and print the result for `measure`."""
    from reproductions.ser_parallel.wav2vec2_network import classifier

    def build() -> object:
        return classifier(CONFIG, N_CLASSES, samples=wav2vec2.SAMPLES, recompute=KINDS[kind])

    learner = TfKerasLearner(build, TASK, wav2vec2.TRAINING)
    draw = np.random.default_rng(0)
    clips = draw.normal(size=(BATCH_SIZE, wav2vec2.SAMPLES)).astype(np.float32)
    targets = np.eye(N_CLASSES, dtype=np.float32)[draw.integers(0, N_CLASSES, BATCH_SIZE)]
    before = environment.peak_memory_mib()
    learner.model.train_on_batch(clips, targets)
    began = time.monotonic()
    for _ in range(STEPS):
        learner.model.train_on_batch(clips, targets)
    step_s = (time.monotonic() - began) / STEPS
    print(json.dumps({"mib": environment.peak_memory_mib() - before, "step_s": step_s}))


def measure(kind: str) -> dict[str, float]:
    """Train in a new process; return its memory (MiB) and the seconds per step."""
    command = [sys.executable, __file__, kind]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(output.splitlines()[-1]))


def main() -> None:
    """Measure both and print."""
    found = {kind: measure(kind) for kind in KINDS}
    for kind, one in found.items():
        print(f"{kind:10s} {one['mib']:.0f} MiB, {one['step_s']:.2f} s per step")
    memory, step = (found["recomputed"][name] / found["kept"][name] for name in ("mib", "step_s"))
    print(f"ratio      {memory:.2f} of the memory, {step:.2f} times as long")


if __name__ == "__main__":
    report(sys.argv[1]) if len(sys.argv) > 1 else main()
