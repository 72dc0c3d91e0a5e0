"""What document 001 sets for its inputs ("Data loading and processing")."""

from typing import Any

SAMPLE_RATE = 8_000
DURATION_S = 6.0
PERCENTILE = 75
HOP_LENGTH = 512
BANDS = 128
MEL: dict[str, Any] = {"sample_rate": SAMPLE_RATE, "n_fft": 2048, "hop_length": HOP_LENGTH, "n_mels": BANDS}
