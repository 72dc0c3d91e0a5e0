import numpy as np
import pandas as pd
import soundfile

from common.study import Setting
from reproductions.freesound_tagging import PUBLISHED, inputs
from reproductions.freesound_tagging.examples import examples


def test_the_figures_are_a_clip_without_and_with_augmentation_and_the_mask(tmp_path) -> None:
    for name in "ab":
        noise = np.random.default_rng(ord(name)).normal(0, 0.1, 3 * inputs.SAMPLE_RATE)
        soundfile.write(tmp_path / f"{name}.wav", noise, inputs.SAMPLE_RATE)
    clips = pd.DataFrame({"name": ["b", "a"], "path": [f"{tmp_path}/{name}.wav" for name in "ba"], "label": ["x", "y"]})
    augmentation, mask = examples(clips, Setting(PUBLISHED, seed=0), tmp_path)
    plain, altered = (panel.values for panel in augmentation.panels)
    assert plain.shape == altered.shape == (128, 128)
    assert np.abs(plain.astype(np.float32) - altered.astype(np.float32)).mean() > 3
    (panel,) = mask.panels
    assert panel.values.shape == (128, 256)
    assert abs(np.mean(panel.values > 0) - 0.4) < 5e-4  # sheet: density .400
