"""Encodes a track of more than one piece, and prints the peak memory of this process in MiB."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import numpy as np

from common import environment
from reproductions.music_mood_wavenet import nsynth

noise = np.random.default_rng(0).uniform(-1, 1, (nsynth.PIECE + nsynth.CONTEXT) * nsynth.HOP_LENGTH)
nsynth.encode(nsynth.encoder(), noise.astype(np.float32))
print(environment.peak_memory_mib())
