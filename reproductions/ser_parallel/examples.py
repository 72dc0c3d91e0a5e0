"""Figures 2, 3 and 4 of document 004: the inputs of chapter 4's models for a happy clip, with and without noise.

The document does not say which clip it shows. Here it is the first happy clip by name, or the first of all clips if
there is none.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.illustrations import Example, Panel, waveform_panel
from common.seeds import derive
from common.signals import audio, augment, features
from common.study import Setting
from reproductions.ser_parallel.from_scratch import DURATION_S, MEL_188, MFCC, OFFSET_S, SAMPLE_RATE, SNR_DB
from reproductions.ser_parallel.from_scratch_inputs import feature_of

SHOWN = "happy"
DECIBEL = "dB"


def examples(clips: pd.DataFrame, setting: Setting, runs: Path) -> list[Example]:
    """Return figures 2 to 4: three seconds at 16 kHz as 128 bands or coefficients and 188 or 94 frames.

    Raises:
        InputError: the clip cannot be read.
    """
    ordered = clips.sort_values("name")
    clip = next(ordered[ordered["label"] == SHOWN].itertuples(), next(ordered.itertuples()))
    clean = audio.load_clips([str(clip.path)], sample_rate=SAMPLE_RATE, duration=DURATION_S, offset=OFFSET_S)
    (snr,) = augment.draw_snr([0], low=SNR_DB[0], high=SNR_DB[1], seed=derive(setting.seed, "noise"))
    noisy = augment.add_noise(clean, [snr], clips=[0], seed=derive(setting.seed, "noise"), copy=0)
    of, noise = f"a {clip.label} clip, {clip.name}", f"with noise, SNR {snr} dB"
    awgn = (
        waveform_panel("waveform, clean", clean[0], SAMPLE_RATE),
        waveform_panel(f"waveform, {noise}", noisy[0], SAMPLE_RATE),
        _mel("mel spectrogram, clean", clean),
        _mel(f"mel spectrogram, {noise}", noisy),
    )
    return [
        Example("mel-spectrogram", "Figure 2", f"Mel spectrogram of {of}", (_mel("", clean),)),
        Example("mfcc", "Figure 3", f"MFCC of {of}", (_picture("", clean, MFCC, "coefficient", "value"),)),
        Example("noise", "Figure 4", f"White noise added to {of}", awgn),
    ]


def _mel(title: str, waveforms: np.ndarray) -> Panel:
    return _picture(title, waveforms, MEL_188, "mel band", DECIBEL)


def _picture(title: str, waveforms: np.ndarray, inputs: Mapping[str, Any], rows: str, unit: str) -> Panel:
    values = features.extract(waveforms, feature=feature_of(inputs))[0]
    return Panel(title, values.astype(np.float16), DURATION_S, rows, len(values), unit)
