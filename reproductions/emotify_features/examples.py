"""The figure of document 002 on clips: the spectrograms that Inception-v3 is fed."""

from pathlib import Path

import pandas as pd

from common.corpora import emotify
from common.illustrations import Example, Panel
from common.study import Setting
from reproductions.emotify_features import CLASSES, deep
from reproductions.emotify_features.settings import BACKBONES, SPECTROGRAM


def examples(clips: pd.DataFrame, setting: Setting, runs: Path) -> list[Example]:
    """Slide "Spettrogrammi": the first piece of each emotion, by name, as the grey picture that Inception-v3 is fed.

    Raises:
        InputError: a track cannot be read.
    """
    first = clips.sort_values(["name", "offset"]).drop_duplicates("label")
    by_emotion = {piece["label"]: piece for _, piece in first.iterrows()}
    panels = [_spectrogram(name, by_emotion[name]) for name in CLASSES if name in by_emotion]
    title = f"The first piece of each emotion, as {BACKBONES['deep'].title} sees it"
    return [Example("spectrograms", "Slide Spettrogrammi", title, tuple(panels))]


def _spectrogram(emotion: str, piece: pd.Series) -> Panel:
    """Return the picture of a piece, its lowest frequency at the bottom."""
    grey = deep.shown(str(piece["path"]), piece["offset"], backbone="deep")
    title = f"{emotion.replace('_', ' ')}: {piece['name']}"
    return Panel(title, grey[::-1], emotify.PIECE_S, "kHz", SPECTROGRAM.sample_rate / 2000)
