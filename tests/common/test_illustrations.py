"""Files of illustrations."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from common import illustrations
from common.errors import InputError
from common.illustrations import Diagram, Example, Illustrations, Panel, waveform_panel
from common.runs import store

LAYERS = (
    {"name": "in", "type": "InputLayer", "shape": [None, 4], "parameters": 0, "inputs": []},
    {"name": "out", "type": "Dense", "shape": [None, 2], "parameters": 10, "inputs": ["in"]},
)
MEL = Panel("mel", np.array([[-80.0, -3.0], [0.0, -12.5]], np.float16), 3.0, "mel band", 2, "dB")


def some() -> Illustrations:
    sound = waveform_panel("waveform", np.sin(np.arange(48_000, dtype=np.float32)), 16_000)
    examples = (Example("mel", "Figure 2", "A clip", (MEL,)), Example("noise", "Figure 4", "Two", (sound, MEL)))
    return Illustrations("speech", False, ("ravdess",), examples, (Diagram("single-cnn", "Figure 5", LAYERS),))


def written(folder: Path, content: Illustrations) -> Path:
    illustrations.write(illustrations.path_of(folder, content.study), content)
    (place,) = store.find_shared(folder, illustrations.NAME)
    return place


def test_illustrations_are_read_back_to_half_a_colour(tmp_path: Path) -> None:
    read = illustrations.read(written(tmp_path, some()))
    assert (read.study, read.demo, read.corpora, read.diagrams) == ("speech", False, ("ravdess",), some().diagrams)
    assert [(one.name, one.figure, one.title) for one in read.examples] == [
        ("mel", "Figure 2", "A clip"),
        ("noise", "Figure 4", "Two"),
    ]
    sound, mel = read.examples[1].panels
    half_a_step = 80 / (illustrations.LEVELS - 1) / 2
    np.testing.assert_allclose(mel.values, MEL.values, rtol=0, atol=half_a_step * 1.001)
    assert (mel.title, mel.duration_s, mel.vertical, mel.top, mel.unit) == ("mel", 3.0, "mel band", 2, "dB")
    assert (sound.duration_s, sound.top, sound.values.shape) == (3.0, 0.0, (2, illustrations.COLUMNS))


def test_the_same_illustrations_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (written(tmp_path / name, some()).read_bytes() for name in ("one", "two"))
    assert first == second


def test_a_waveform_keeps_its_minima_and_maxima() -> None:
    waveform = np.zeros(illustrations.COLUMNS * 10, np.float32)
    waveform[[25, 26]] = 0.5, -0.25
    lowest, highest = waveform_panel("", waveform, 8000).values
    assert (lowest[2], highest[2]) == (-0.25, 0.5)
    assert not lowest[3:].any()
    assert not highest[3:].any()


def test_a_short_waveform_keeps_every_sample() -> None:
    waveform = np.linspace(-1, 1, 9, dtype=np.float32)
    lowest, highest = waveform_panel("", waveform, 8000).values
    np.testing.assert_array_equal(lowest, highest)
    np.testing.assert_allclose(lowest, waveform, atol=1e-3)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_a_truncated_file_is_refused_by_name(tmp_path: Path, share: float) -> None:
    place = written(tmp_path, some())
    place.write_bytes(place.read_bytes()[: int(share * place.stat().st_size)])
    with pytest.raises(InputError, match=str(place)):
        illustrations.read(place)


def test_another_schema_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as future:
        future.setattr(illustrations, "SCHEMA", 9)
        place = written(tmp_path, some())
    with pytest.raises(InputError, match="schema 9"):
        illustrations.read(place)


HOLED = Panel("waveform", np.array([[np.nan], [0.0]]), 3.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"diagrams": (Diagram("single-cnn", "Figure 5", LAYERS[::-1]),)},
        {"examples": (Example("mel", "Figure 2", "A clip", (HOLED,)),)},
    ],
    ids=["a layer before its inputs", "values that are not finite"],
)
def test_what_cannot_be_drawn_is_refused_by_name(tmp_path: Path, wrong: dict) -> None:
    place = written(tmp_path, replace(some(), **wrong))
    with pytest.raises(InputError, match=str(place)):
        illustrations.read(place)
