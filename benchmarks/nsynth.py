"""Speed of the NSynth encoder of document 000, as a share of the machine's own rate of float32 matrix products.

    python benchmarks/nsynth.py                       TensorFlow
    KERAS_BACKEND=jax python benchmarks/nsynth.py     JAX, if it is installed

The convolutions take 2 million multiplications a sample, 944 billion for 30 s of audio. Compared in turns in one
process: a track in pieces, as `encode` computes it, and in a single pass, which needs memory for the whole track.
Pieces compute 5 % twice, their context. 10 s are measured, and the times multiplied by 3.
"""

from functools import partial

import numpy as np
from matrix_rate import in_turns

from common.learners.quiet import keras
from reproductions.music_mood_wavenet import nsynth
from reproductions.music_mood_wavenet.settings import SAMPLE_RATE

SECONDS, MEASURED = 30, 10
MACS = nsynth.KERNEL * nsynth.WIDTH + nsynth.WIDTH * (
    nsynth.BLOCKS * (nsynth.KERNEL + 1) * nsynth.WIDTH + nsynth.CHANNELS
)
"""Multiplications for one sample."""


def main() -> None:
    """Measure and print."""
    samples = nsynth.steps(MEASURED * SAMPLE_RATE) * nsynth.HOP_LENGTH
    waveform = np.random.default_rng(0).uniform(-1, 1, samples).astype(np.float32)
    encode = partial(nsynth.encode, nsynth.encoder(), waveform)
    alternatives = {"in pieces": encode, "one pass": partial(encode, piece=nsynth.steps(samples))}
    for step in alternatives.values():  # traces and compiles
        step()
    limit, measured = in_turns(alternatives, samples * MACS)
    print(f"{keras.backend.backend()}: matrix products {limit / 1e9:.1f} billion multiplications a second")
    for name, found in measured.items():
        took = found.seconds * SECONDS / MEASURED
        print(f"{name:10} {took:6.1f} s for {SECONDS} s of audio, share of the limit {found.share:.2f}")


if __name__ == "__main__":
    main()
