import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from common.signals import audio
from reproductions.freesound_tagging import inversion
from reproductions.freesound_tagging.inversion import SAMPLE_RATE, invert, log_mel, mel_error, mel_image

SECOND = np.arange(SAMPLE_RATE) / SAMPLE_RATE


def chord() -> np.ndarray:
    """Three tones with overtones that start one after the other and decay, over faint noise."""
    tones = [
        (start <= SECOND) * np.exp(-3 * np.maximum(SECOND - start, 0)) * np.sin(2 * np.pi * hertz * n * SECOND) / n
        for start, hertz in ((0.0, 220.0), (0.3, 330.0), (0.6, 550.0))
        for n in range(1, 6)
    ]
    noise = np.random.default_rng(0).normal(size=SAMPLE_RATE)
    return (0.15 * np.sum(tones, axis=0) + 0.001 * noise).astype(np.float32)


def noise() -> np.ndarray:
    return (0.1 * np.random.default_rng(1).normal(size=SAMPLE_RATE)).astype(np.float32)


def test_two_seconds_are_a_square_picture_of_0_to_1() -> None:
    image = mel_image(np.tile(chord(), 2))
    assert (image.shape, image.dtype) == ((128, 128), np.float32)
    assert 0 <= image.min() < image.max() <= 1


def test_the_ends_of_a_picture_are_20_and_minus_80_decibels() -> None:
    level = np.array([[-100.0, -80.0, -30.0, 20.0, 50.0]])
    np.testing.assert_allclose(inversion.to_image(level), [[0, 0, 0.5, 1, 1]])
    np.testing.assert_allclose(inversion.to_level(np.array([[0, 0.5, 1]])), [[-80, -30, 20]])


def test_a_higher_tone_is_higher_in_the_picture_and_the_way_back_keeps_its_band() -> None:
    rows = [
        mel_image(np.sin(2 * np.pi * hertz * SECOND).astype(np.float32) / 10)[:, 30].argmax() for hertz in (500, 5000)
    ]
    assert rows[1] < rows[0] - 20
    level = np.random.default_rng(0).uniform(-80, 20, (128, 5))
    np.testing.assert_allclose(inversion.to_level(inversion.to_image(level)), level, atol=1e-4)


# A chord is harder than noise: what is between its tones is nearly 60 dB below them, and a mel band tells no more.
@pytest.mark.parametrize(("sound", "bound"), [(noise, 0.7), (chord, 5.0)])
def test_the_way_there_and_back_returns_the_mel_spectrogram(sound, bound: float) -> None:
    waveform = sound()
    again = invert(mel_image(waveform), len(waveform), seed=0)
    assert again.shape == waveform.shape
    assert mel_error(log_mel(waveform), log_mel(again)) < bound
    assert mel_error(log_mel(waveform), log_mel(waveform[::-1])) > bound  # which another sound would not keep


def test_the_way_there_and_back_of_a_real_clip(shared_data: Path) -> None:
    waveform = audio.load(shared_data / "esc10" / "002 - Rain" / "1-21189-A.opus", sample_rate=SAMPLE_RATE)[:88_200]
    assert mel_error(log_mel(waveform), log_mel(invert(mel_image(waveform), len(waveform), seed=0))) < 1.0


def test_the_error_is_of_cells_that_are_heard() -> None:
    expected = np.array([[0.0, -30.0, -59.0, -61.0]])
    assert mel_error(expected, expected + np.array([1.0, -2.0, 3.0, 100.0])) == pytest.approx(2.0)


def test_the_seed_decides_the_phases() -> None:
    image = mel_image(chord())
    first, again, other = (invert(image, SAMPLE_RATE, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_what_a_picture_cannot_show_is_counted() -> None:
    assert inversion.clipped_share(0.2 * chord()) == 0
    assert inversion.clipped_share(10 * chord()) > 0
    assert inversion.clipped_share(np.zeros(SAMPLE_RATE, np.float32)) == 1


@pytest.mark.parametrize("scale", [0.5, 4.0])
def test_a_wav_file_has_16_bits_and_is_made_quieter_instead_of_clipped(scale: float) -> None:
    waveform = scale * np.sin(2 * np.pi * 440 * SECOND)
    with soundfile.SoundFile(io.BytesIO(inversion.wav(waveform))) as file:
        assert (file.subtype, file.samplerate, file.channels) == ("PCM_16", SAMPLE_RATE, 1)
        samples = file.read()
    excess_db = inversion.excess_db(waveform)
    assert excess_db == pytest.approx(max(0, 20 * np.log10(scale)), abs=1e-4)
    np.testing.assert_allclose(samples * 10 ** (excess_db / 20), waveform, atol=scale * 1e-4)
