"""What the code of document 003 sets for its inputs; the values are in `Experiment.inputs` too, for the record."""

from typing import Any

SAMPLE_RATE = 44_100
SECONDS = 2.0
"""What is kept of a clip, from its beginning."""

MEL: dict[str, Any] = {"sample_rate": SAMPLE_RATE, "n_fft": 2560, "hop_length": 692, "n_mels": 128}
"""Code: 0 to 22,050 Hz, in dB relative to 1 and not normalised: 128 bands by 128 frames."""
MEL_OF_MIXTURES: dict[str, Any] = {**MEL, "hop_length": 694, "fmin": 20.0}
"""Code: of MCNN with augmentation."""
TRIM_DB = 60.0
"""Code: for MCNN with augmentation, silence this far below the maximum is cut off both ends."""
CONVOLVED = 0.5
"""Probability that a training clip is convolved with an impulse response."""
