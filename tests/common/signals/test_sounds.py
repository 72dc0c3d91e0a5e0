from pathlib import Path

import numpy as np
import pytest
import soundfile

from common import cache
from common.signals import sounds

RATE = 8_000
STEPS = np.random.default_rng(0).integers(-20_000, 20_000, 3 * 65_536).astype(np.int16)


def write(path: Path, samples: np.ndarray = STEPS, rate: int = RATE, **form: str) -> Path:
    soundfile.write(path, samples, rate, **form)
    return path


def test_containers_depths_and_equal_channels_do_not_change_a_sound(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "a.wav"),
        write(tmp_path / "a.flac"),
        write(tmp_path / "a.aiff"),
        write(tmp_path / "deep.wav", subtype="PCM_24"),
        write(tmp_path / "float.wav", STEPS / np.float32(32_768), subtype="FLOAT"),
        write(tmp_path / "stereo.flac", np.stack([STEPS, STEPS], axis=1)),
    ]
    assert len(set(cache.file_digests(files))) == len(files)
    assert len(set(sounds.digests(files))) == 1


@pytest.mark.parametrize("place", [0, 65_536, len(STEPS) - 1])
def test_one_other_sample_another_rate_or_other_channels_are_another_sound(tmp_path: Path, place: int) -> None:
    other = STEPS.copy()
    other[place] += 1
    files = [
        write(tmp_path / "a.wav"),
        write(tmp_path / "other.wav", other),
        write(tmp_path / "fast.wav", rate=2 * RATE),
        write(tmp_path / "stereo.wav", np.stack([STEPS, other], axis=1)),
        write(tmp_path / "short.wav", STEPS[:-1]),
    ]
    assert len(set(sounds.digests(files))) == len(files)


def test_what_is_no_audio_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    np.save(tmp_path / "mel.npy", np.zeros((96, 4)))
    mixed = [write(tmp_path / "a.wav"), tmp_path / "mel.npy"]
    found = sounds.digests(mixed)
    assert found[1] == cache.file_digests(mixed)[1]
    assert found == sounds.digests(mixed)  # from the cache
    assert sounds.digests([]) == []
