"""The figures of document 000 on tracks: a constant-Q and a mel spectrogram, and what SpecAugment makes of it.

The slides do not say which track they show. Here it is the first one by name. The slides' two histograms of the corpus
are in the reports: they need the split's files alone.
"""

from pathlib import Path

import keras
import numpy as np
import pandas as pd

from common.corpora import emodb
from common.errors import InputError
from common.illustrations import Example, Panel
from common.seeds import derive
from common.signals import audio
from common.signals.numba_cache import librosa
from common.study import Setting
from reproductions.music_mood_wavenet import inputs, settings
from reproductions.music_mood_wavenet.augment import spec_augment

SECONDS = 30.0
SAMPLE_RATE = 22_050
OCTAVES, PER_OCTAVE = 7, 12
"""The constant-Q spectrogram has librosa's defaults: 84 bins from C1 (32.7 Hz), up to 3.95 kHz."""


def examples(clips: pd.DataFrame, setting: Setting, runs: Path) -> list[Example]:
    """Return the figures of the first track; none if there are only clips of speech.

    Raises:
        InputError: the track cannot be read.
    """
    music = clips[clips["corpus"] != emodb.EMODB.name].sort_values("name")
    if music.empty:
        return []
    path, name = Path(music["path"].iloc[0]), music["name"].iloc[0]
    mel = np.asarray(inputs.mel_of(path), np.float32)[:, : round(SECONDS * settings.MEL["sample_rate"]) // 256]
    altered = spec_augment(mel[np.newaxis, ..., np.newaxis], _random(setting), **settings.MEL_BLOCKS, p=1.0)
    panels = (
        _mel("without SpecAugment", mel),
        _mel("with SpecAugment", keras.ops.convert_to_numpy(altered)[0, ..., 0]),
    )
    found = [Example("spec-augment", "SpecAugment", f"Mel spectrogram of {name}", panels)]
    try:
        return [_constant_q(inputs.audio_of(path), name), *found]
    except InputError:  # the corpus may have been got as mel spectrograms only
        return found


def _random(setting: Setting) -> keras.random.SeedGenerator:
    return keras.random.SeedGenerator(derive(setting.seed, "figure"))


def _mel(title: str, values: np.ndarray) -> Panel:
    seconds = values.shape[1] * settings.MEL["hop_length"] / settings.MEL["sample_rate"]
    # The levels of the corpus are twice decibels.
    return Panel(title, (values / 2).astype(np.float16), seconds, "mel band", len(values), "dB")


def _constant_q(path: Path, name: str) -> Example:
    """Return the power of a constant-Q transform in decibels, a bin per semitone."""
    waveform = audio.load(path, sample_rate=SAMPLE_RATE)[: round(SECONDS * SAMPLE_RATE)]
    bins = OCTAVES * PER_OCTAVE
    power = np.abs(librosa.cqt(waveform, sr=SAMPLE_RATE, n_bins=bins, bins_per_octave=PER_OCTAVE)) ** 2
    values = librosa.power_to_db(power, ref=np.max).astype(np.float16)
    panel = Panel("", values, len(waveform) / SAMPLE_RATE, "semitone above C1", bins, "dB")
    return Example("constant-q", "Features Processing", f"Constant-Q power spectrogram of {name}", (panel,))
