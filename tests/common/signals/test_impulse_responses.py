import numpy as np
import pytest
import soundfile

from common.errors import InputError
from common.signals import impulse_responses

RATE = 8000


def test_synthesised_responses_fall_by_60_db_in_their_length_and_follow_from_the_seed() -> None:
    responses = impulse_responses.synthesise(sample_rate=RATE, seed=3)
    for response in (responses[0], responses[-1]):
        parts = np.array_split(response.astype(np.float64), 10)
        level_db = [10 * np.log10(np.square(part).mean()) for part in parts]
        slope = np.polyfit(np.arange(10), level_db, 1)[0]
        assert slope == pytest.approx(-6, abs=0.7)  # per tenth of its length
    again = impulse_responses.load("", sample_rate=RATE, seed=3)
    np.testing.assert_array_equal(again, impulse_responses.load("", sample_rate=RATE, seed=3))
    assert not np.array_equal(again, impulse_responses.load("", sample_rate=RATE, seed=4))


def test_responses_of_a_folder_are_resampled_and_have_an_energy_of_1(tmp_path) -> None:
    (tmp_path / "rooms").mkdir()
    for number, samples in enumerate((400, 4 * 16_000)):
        noise = np.random.default_rng(number).normal(0, 0.1, samples)
        soundfile.write(tmp_path / "rooms" / f"{number}.wav", noise, 16_000)
    found = impulse_responses.load(str(tmp_path), sample_rate=RATE)
    assert found.shape == (2, 2 * RATE)  # cut after two seconds
    np.testing.assert_allclose(np.square(found).sum(axis=1), 1, rtol=1e-5)
    assert not found[0, 200:].any()


def test_a_folder_without_a_usable_response_is_refused(tmp_path) -> None:
    for folder in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputError):
            impulse_responses.load(str(folder), sample_rate=RATE)
    soundfile.write(tmp_path / "silent.wav", np.zeros(100), RATE)
    with pytest.raises(InputError, match="silent"):
        impulse_responses.load(str(tmp_path), sample_rate=RATE)
