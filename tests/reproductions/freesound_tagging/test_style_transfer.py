import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from PIL import Image

from reproductions.freesound_tagging import style_transfer as module
from reproductions.freesound_tagging.inversion import SAMPLE_RATE
from reproductions.freesound_tagging.style_command import style_transfer
from reproductions.freesound_tagging.style_transfer import load_clip, load_picture

FEW = ("--weights", "none", "--steps", "3")


@pytest.fixture
def encore(commands_of, tiny):
    """Return the command line with the command alone."""
    app = typer.Typer()
    app.callback()(lambda: None)  # with a single command, typer would take its name for an argument
    app.command("style-transfer")(style_transfer)
    command = commands_of(app, "freesound_tagging", "")
    return lambda *words: command("style-transfer", *words)


def sweep(seconds: float = 0.6) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(0).normal(size=len(time))
    return 0.3 * np.sin(2 * np.pi * (300 + 1500 * time) * time) + 0.003 * noise


@pytest.fixture
def clip(tmp_path) -> Path:
    soundfile.write(tmp_path / "clip.wav", sweep(), SAMPLE_RATE)
    return tmp_path / "clip.wav"


@pytest.fixture
def picture(tmp_path) -> Path:
    stripes = np.tile(np.repeat(np.uint8([0, 255]), 8), (100, 12))
    Image.fromarray(np.stack([stripes, 255 - stripes, stripes // 2], axis=-1)).save(tmp_path / "stripes.png")
    return tmp_path / "stripes.png"


def test_the_command_writes_a_picture_two_sounds_and_its_numbers(encore, clip, picture, tmp_path) -> None:
    code, printed, _ = encore(clip, picture, "--out", tmp_path / "out", *FEW, "--json")
    assert code == 0
    facts = json.loads((tmp_path / "out" / "style_transfer.json").read_text())
    assert json.loads(printed) == facts
    assert facts["losses_after"]["style"] < facts["losses_before"]["style"]
    assert facts["losses_before"]["content"] == 0 < facts["losses_after"]["content"]
    assert len(facts["history"]) == facts["steps"] == 3
    assert (facts["weights"], len(facts["notes"])) == ("none", 1)
    assert facts["round_trip"]["mel_error_db"] < 4.0
    for name in ("round_trip.wav", "stylised.wav"):
        with soundfile.SoundFile(tmp_path / "out" / name) as file:
            assert (file.subtype, file.frames) == ("PCM_16", len(sweep()))
    with Image.open(tmp_path / "out" / "style_transfer.png") as drawn:
        assert len(np.unique(np.asarray(drawn.convert("RGB")).reshape(-1, 3), axis=0)) > 100
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "round_trip.wav",
        "stylised.wav",
        "style_transfer.json",
        "style_transfer.png",
    }


def test_the_same_seed_gives_the_same_sound(encore, clip, picture, tmp_path) -> None:
    for name in ("one", "again"):
        assert encore(clip, picture, "--out", tmp_path / name, *FEW, "--seed", 3)[0] == 0
    one, again = ((tmp_path / name / "stylised.wav").read_bytes() for name in ("one", "again"))
    assert one == again


def test_a_network_is_trained_on_a_folder_kept_and_applied_again(encore, clip, picture, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "DURATION_S", 0.5)  # training pictures of 32 frames
    trained, again = tmp_path / "trained", tmp_path / "again"
    assert encore(clip, picture, "--out", trained, "--train", clip.parent, *FEW)[0] == 0
    assert encore(clip, picture, "--out", again, "--weights", "none", "--model", trained / "network.keras")[0] == 0
    first, second = (json.loads((folder / "style_transfer.json").read_text()) for folder in (trained, again))
    assert (first["training_clips"], first["steps"], len(first["history"])) == (1, 3, 3)
    assert second["losses_after"] == pytest.approx(first["losses_after"])
    assert (trained / "stylised.wav").read_bytes() == (again / "stylised.wav").read_bytes()


def test_a_clip_is_its_first_seconds_and_a_short_one_is_padded_at_the_end(tmp_path) -> None:
    soundfile.write(tmp_path / "long.wav", sweep(3.0), SAMPLE_RATE)
    soundfile.write(tmp_path / "short.wav", sweep(0.2), SAMPLE_RATE)
    assert [len(load_clip(tmp_path / "long.wav", seconds)) for seconds in (2.0, 10.0)] == [88_200, 132_300]
    short = load_clip(tmp_path / "short.wav", 2.0)
    assert len(short) == SAMPLE_RATE // 2
    assert short[:8820].any()
    assert not short[8820:].any()


def test_a_picture_is_its_centre_in_grey(tmp_path) -> None:
    wide = np.zeros((64, 256, 3), np.uint8)
    wide[:, 112:144] = (255, 0, 0)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    grey = load_picture(tmp_path / "wide.png")
    assert (grey.shape, grey.dtype) == ((128, 128), np.float32)
    assert grey[64, 64] == pytest.approx(0.299, abs=0.005)  # what red weighs in luminance
    np.testing.assert_array_equal(grey[:, [25, 102]], 0)  # red are 64 of the 128 columns, half of the centre


@pytest.mark.parametrize(
    "words",
    [
        ("absent.wav", "stripes.png"),
        ("clip.wav", "absent.png"),
        ("clip.wav", "clip.wav"),
        ("clip.wav", "cut.png"),
        ("clip.wav", "."),
        ("silent.wav", "stripes.png"),
        ("clip.wav", "stripes.png", "--out", "clip.wav"),
        ("clip.wav", "stripes.png", "--out", "clip.wav/below"),
        ("clip.wav", "stripes.png", "--train", "empty"),
        ("clip.wav", "stripes.png", "--train", "absent"),
        ("clip.wav", "stripes.png", "--model", "clip.wav"),
        ("clip.wav", "stripes.png", "--model", "absent.keras"),
        ("clip.wav", "stripes.png", "--model", "absent.keras", "--train", "."),
        ("clip.wav", "stripes.png", "--weights", "absent.h5"),
        ("clip.wav", "stripes.png", "--duration", "0"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_written(encore, clip, picture, tmp_path, words) -> None:
    (tmp_path / "cut.png").write_bytes(picture.read_bytes()[:-40])
    (tmp_path / "empty").mkdir()
    soundfile.write(tmp_path / "silent.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    before = sorted(tmp_path.rglob("*"))
    code, printed, said = encore(*words, *(() if "--weights" in words else ("--weights", "none")))
    assert (code, printed) == (2, "")
    assert said.startswith("error: ")
    assert sorted(tmp_path.rglob("*")) == before
