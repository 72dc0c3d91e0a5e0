"""What the code of document 000 sets for the inputs of its taggers."""

from typing import Any

from common.corpora import mtg_jamendo

MEL = mtg_jamendo.MEL
SAMPLE_RATE = 16_000
"""Of the waveforms that the WaveNet encoder reads, in Hz."""
TILED = 2
"""EfficientNet-B7 is given the channels twice: 16 rows are too few for it."""

MEL_BLOCKS: dict[str, Any] = {"blocks": 2, "max_frames": 0.20, "max_channels": 0.15}
WAVENET_BLOCKS: dict[str, Any] = {"blocks": 1, "max_frames": 0.15, "max_channels": 0.10}
"""Settings of SpecAugment for mel spectrograms (slides, code) and for WaveNet features (code)."""
