"""The figures of document 001 on clips: the ten highest errors, the durations, one mel spectrogram.

The report's error analysis reads its ten examples as over-prediction, although one of the three that it quotes is
predicted too low: values near the ends of the scale are predicted nearer to the middle. The scatter of true and
predicted values in the reports has the slope.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from common.illustrations import Bars, Example, Panel, histogram
from common.runs import records
from common.runs.records import Record
from common.signals import audio
from common.study import Setting
from reproductions.valence_parallel_conv.inputs import DURATION_S, PERCENTILE, RANGE_DB, SAMPLE_RATE, spectrograms

SHOWN = "combination-6"
"""The experiment whose errors are shown: the best one of Table 1."""
WORST = 10
BINS = 30


def examples(clips: pd.DataFrame, setting: Setting, runs: Path) -> list[Example]:
    """Return the document's figures 1 to 4; the errors are those of a finished run, if there is one.

    Raises:
        InputError: a clip cannot be read, or a record is damaged.
    """
    first = clips.sort_values("name").iloc[:1]
    found = [
        Example("durations", "Figures 2 and 3", "Durations of the clips", _durations(clips)),
        Example("mel-spectrogram", "Figure 4", f"Mel spectrogram of {first['name'].iloc[0]}", (_mel("", first),)),
    ]
    study = Path(__file__).parent.name
    folder = records.folder_of(runs, study, SHOWN, "published", setting.seed)
    if (folder / "record.json").exists():
        found.insert(0, _highest_errors(clips, records.read(folder)))
    return found


def _durations(clips: pd.DataFrame) -> tuple[Bars, Bars]:
    """Return the durations before and after cutting and padding, with the percentile of all clips marked."""
    before, label = clips["duration"].to_numpy(), f"{PERCENTILE}th percentile"
    after = np.full(len(before), DURATION_S)
    bins = np.linspace(0, max(DURATION_S, before.max()) + 0.5, BINS + 1)
    return tuple(  # type: ignore[return-value]
        histogram(title, values, bins, "seconds", mark=float(np.percentile(values, PERCENTILE)), mark_label=label)
        for title, values in (("before", before), ("after", after))
    )


def _highest_errors(clips: pd.DataFrame, record: Record) -> Example:
    """Return the spectrograms of the test clips with the highest errors, the highest first."""
    table = record.predictions()
    table = table.assign(error=(table["valence"] - table["true_valence"]).abs()).nlargest(WORST, "error")
    by_name = clips.set_index("name")
    panels = tuple(
        _mel(f"{name.rpartition('/')[2]}\ntrue {true:.2f}, predicted {predicted:.2f}", by_name.loc[[name]])
        for name, true, predicted in zip(table["name"], table["true_valence"], table["valence"], strict=True)
    )
    title = f"The {len(panels)} highest errors of {SHOWN}, seed {record.data['seed']}"
    return Example("highest-errors", "Figure 1", title, panels)


def _mel(title: str, clip: pd.DataFrame) -> Panel:
    """Return the spectrogram that the model is given of one clip, six seconds, in decibels."""
    waveform = audio.load_clips(list(clip["path"]), sample_rate=SAMPLE_RATE, duration=DURATION_S)
    values = spectrograms(waveform, clip["duration"].to_numpy())[0, ..., 0] * RANGE_DB
    return Panel(title, values.astype(np.float16), DURATION_S, "mel band", len(values), "dB")
