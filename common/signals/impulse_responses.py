"""Impulse responses of rooms, to convolve training clips with: those in a folder, or synthesised ones.

Synthesised: white noise under an exponential decay (Moorer 1979, Computer Music Journal 3(2): 13-28), which has the
reverberation of a room, but none of its early reflections.
"""

from pathlib import Path

import numpy as np

from common.corpora.files import files_below
from common.errors import InputError
from common.seeds import derive
from common.signals import audio

SYNTHESISED = 16
"""Number of synthesised responses."""
DECAY_S = (0.2, 1.5)
"""Shortest and longest time in which a synthesised response falls by 60 dB."""
LONGEST_S = 2.0
"""Longer responses are cut."""


def load(folder: str, *, sample_rate: int, seed: int = 0) -> np.ndarray:
    """Return impulse responses, float32 (responses, samples), each with an energy of 1.

    A clip that is convolved with them keeps its level, more or less. Shorter responses have zeros at their end.

    Args:
        folder: all audio files in it and below are used; "": responses are synthesised.
        sample_rate: of the responses, in Hz.
        seed: of the synthesised responses.

    Raises:
        InputError: the folder has no audio file, or a file is damaged or silent.
    """
    found = [audio.load(path, sample_rate=sample_rate) for path in files_in(folder)] if folder else None
    responses = found or synthesise(sample_rate=sample_rate, seed=seed)
    together = np.zeros((len(responses), min(max(map(len, responses)), round(LONGEST_S * sample_rate))), np.float32)
    for row, response in zip(together, responses, strict=True):
        kept = response[: together.shape[1]]
        energy = float(np.square(kept, dtype=np.float64).sum())
        if not energy:
            raise InputError(f"an impulse response in {folder} is silent in its first {LONGEST_S:g} s; remove it")
        row[: len(kept)] = kept / np.sqrt(energy)
    return together


def synthesise(*, sample_rate: int, seed: int) -> list[np.ndarray]:
    """Return responses from short to long, float32 (samples,) each, at `sample_rate` Hz."""
    responses = []
    for number, decay_s in enumerate(np.geomspace(*DECAY_S, SYNTHESISED)):
        noise = np.random.default_rng(derive(seed, "impulse response", number))
        time_s = np.arange(round(decay_s * sample_rate)) / sample_rate
        envelope = 10 ** (-3 * time_s / decay_s)  # -60 dB after `decay_s`
        responses.append((noise.standard_normal(len(time_s)) * envelope).astype(np.float32))
    return responses


def files_in(folder: str) -> list[Path]:
    """Return the files of the responses in a folder.

    Raises:
        InputError: the folder has no audio file.
    """
    files = list(files_below(Path(folder)))
    if not files:
        raise InputError(f"--impulse-responses {folder}: no such folder, or no audio in it; name another")
    return files
