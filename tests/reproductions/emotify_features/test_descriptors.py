import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile

from common.errors import InputError
from reproductions.emotify_features import descriptors
from reproductions.emotify_features.descriptors import NAMES, SAMPLE_RATE, describe, extract, extract_mfcc
from reproductions.emotify_features.piece import Piece

SECONDS = 6
TIME = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE


def tones(*hertz, amplitudes=None, level=0.1):
    """A sum of sines."""
    weights = amplitudes or [1.0] * len(hertz)
    return sum(level * a * np.sin(2 * np.pi * f * TIME) for f, a in zip(hertz, weights, strict=True)).astype(np.float32)


def notes(*numbers):
    """Sines at MIDI note numbers."""
    return tones(*(440 * 2 ** ((number - 69) / 12) for number in numbers))


def harmonic(fundamental, stretch=0.0):
    """Eight partials of decreasing amplitude, at multiples of the fundamental or stretched beyond them."""
    numbers = range(1, 9)
    hertz = [fundamental * n * np.sqrt(1 + stretch * n * n) for n in numbers]
    return tones(*hertz, amplitudes=[1 / n for n in numbers])


def noise(level=0.1):
    return (level * np.random.default_rng(0).standard_normal(len(TIME))).astype(np.float32)


def clicks(per_minute):
    """Bursts of noise of 10 ms."""
    since = TIME % (60 / per_minute)
    return np.where(since < 0.01, noise(0.3), 0).astype(np.float32)


def of(waveform):
    return dict(zip(NAMES, describe(waveform).tolist(), strict=True))


def test_there_are_seventeen_distinct_descriptors_in_float32():
    assert (len(NAMES), len(set(NAMES))) == (17, 17)
    assert tuple(descriptor.__name__ for descriptor in descriptors.DESCRIPTORS) == NAMES
    described = describe(noise())
    assert (described.shape, described.dtype) == ((17,), np.float32)


@pytest.mark.parametrize(
    "waveform",
    [np.zeros(len(TIME)), np.full(len(TIME), 0.5), 1e-7 * noise(), clicks(120), np.sign(tones(3000.0)), tones(40.0)],
    ids=["silence", "constant", "faint", "clicks", "square", "low"],
)
def test_descriptors_of_extreme_sounds_are_finite(waveform):
    assert np.isfinite(describe(np.asarray(waveform, np.float32))).all()


@pytest.mark.parametrize("level", [0.9, 0.1, 0.01])
def test_descriptors_of_single_samples_are_finite_and_flat(level: float) -> None:
    described = of(np.where(np.arange(len(TIME)) % 11025 == 0, level, 0).astype(np.float32))
    assert np.isfinite(list(described.values())).all()
    assert described["flatness"] == pytest.approx(1, abs=0.01)


def test_a_steady_sound_has_false_onsets() -> None:
    # The docstring warns of it: librosa scales the onset curve to its maximum, however small that is.
    assert of(tones(*200.0 * np.arange(1, 9)))["event_density"] > 5


def test_descriptors_of_silence_are_0_except_for_tempo():
    described = of(np.zeros(len(TIME), np.float32))
    assert {name for name, value in described.items() if value} == {"tempo"}


def test_a_sine_has_the_values_that_follow_from_its_frequency():
    described = of(tones(2000.0, level=0.5))
    assert described["rms"] == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)
    assert described["zero_crossings"] == pytest.approx(4000, rel=1e-3)
    assert described["centroid"] == pytest.approx(2000, rel=0.01)
    assert described["rolloff"] == pytest.approx(2000, abs=25)
    assert described["spread"] < 100
    assert described["brightness"] == pytest.approx(1, abs=1e-3)
    assert described["flatness"] < 1e-3
    assert described["roughness"] == pytest.approx(0, abs=1e-6)
    assert described["chroma"] == pytest.approx(1 / 12, abs=1e-3)


def test_a_low_sine_is_not_bright():
    assert of(tones(1000.0))["brightness"] < 1e-3


def test_two_lines_of_equal_height_have_the_moments_of_two_points():
    described = of(tones(1000.0, 5000.0))
    assert described["centroid"] == pytest.approx(3000, rel=0.02)
    assert described["spread"] == pytest.approx(2000, rel=0.02)
    assert described["skewness"] == pytest.approx(0, abs=0.05)
    assert described["kurtosis"] == pytest.approx(1, abs=0.1)


def test_white_noise_has_the_values_of_a_flat_spectrum():
    described = of(noise())
    assert described["centroid"] == pytest.approx(SAMPLE_RATE / 4, rel=0.02)
    assert described["spread"] == pytest.approx(SAMPLE_RATE / 2 / np.sqrt(12), rel=0.02)
    assert described["kurtosis"] == pytest.approx(1.8, rel=0.02)
    assert described["rolloff"] == pytest.approx(0.85 * SAMPLE_RATE / 2, rel=0.02)
    assert described["brightness"] == pytest.approx(1 - 1500 / (SAMPLE_RATE / 2), rel=0.02)
    # Power of noise in a bin is distributed exponentially: geometric over arithmetic mean is exp(-Euler's constant).
    assert described["flatness"] == pytest.approx(np.exp(-np.euler_gamma), rel=0.02)
    assert described["zero_crossings"] == pytest.approx(SAMPLE_RATE / 2, rel=0.02)


def test_low_energy_is_the_share_of_quiet_frames():
    sounding_quarter = np.where(TIME < SECONDS / 4, tones(440.0), 0).astype(np.float32)
    assert of(sounding_quarter)["low_energy"] == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("per_minute", [80, 120, 150])
def test_clicks_have_their_tempo_and_density_and_a_clear_pulse(per_minute):
    described = of(clicks(per_minute))
    assert described["tempo"] == pytest.approx(per_minute, rel=0.04)
    assert described["event_density"] == pytest.approx(per_minute / 60, abs=1.5 / SECONDS)  # one more or less
    assert described["pulse_clarity"] > 0.7


def test_the_pulse_of_noise_is_unclear():
    assert of(noise())["pulse_clarity"] < 0.3


def test_two_tones_are_roughest_at_a_quarter_of_a_critical_band():
    apart = np.arange(1.0, 400.0)
    roughest = apart[descriptors.dissonance(np.full(len(apart), 1000.0), 1000.0 + apart).argmax()]
    # The curve's maximum: 3.51 exp(-3.51 s) = 5.75 exp(-5.75 s).
    assert roughest == pytest.approx(np.log(5.75 / 3.51) / (5.75 - 3.51) * (0.0207 * 1000 + 18.96) / 0.24, abs=1)


def test_roughness_is_the_curve_times_both_amplitudes():
    one, other = 1000.0, 1100.0
    expected = 0.1 * 0.05 * descriptors.dissonance(np.array(one), np.array(other))
    assert of(tones(one, other, amplitudes=[1.0, 0.5]))["roughness"] == pytest.approx(expected, rel=0.05)


def test_a_dissonant_interval_is_rougher_than_a_consonant_one():
    assert of(tones(440.0, 490.0))["roughness"] > 2 * of(tones(440.0, 660.0))["roughness"]


@pytest.mark.parametrize("fundamental", [82.4, 220.0, 523.3])
def test_the_fundamental_of_a_harmonic_sound_is_found_in_every_frame(fundamental):
    inside = descriptors.fundamentals(Piece(harmonic(fundamental), SAMPLE_RATE))[2:-2]
    assert inside == pytest.approx(np.full(len(inside), fundamental), rel=0.005)


def test_partials_beside_the_multiples_make_a_sound_inharmonic():
    assert of(harmonic(220.0))["inharmonicity"] < 0.01
    assert of(harmonic(220.0, stretch=0.002))["inharmonicity"] > 0.02
    assert of(tones(300.0, 767.0, 1139.0))["inharmonicity"] > 0.1


@pytest.mark.parametrize("key", range(0, 12, 3))
def test_the_mode_of_a_triad_is_major_or_minor_in_every_key(key):
    root = 60 + key
    assert of(notes(root, root + 4, root + 7))["mode"] > 0.03
    assert of(notes(root, root + 3, root + 7))["mode"] < -0.03


@pytest.mark.parametrize("key", range(0, 12, 3))
def test_with_overtones_the_mode_of_a_major_triad_is_about_0_and_of_a_minor_one_negative(key):
    def chord(*steps):
        return sum(harmonic(440 * 2 ** ((60 + key + step - 69) / 12)) for step in steps) / 3

    assert abs(of(chord(0, 4, 7))["mode"]) < 0.05
    assert of(chord(0, 3, 7))["mode"] < -0.1


def test_the_classes_of_a_chord_are_its_notes_in_every_octave():
    chroma = Piece(notes(60, 64, 79), SAMPLE_RATE).chroma
    assert sorted(chroma.argsort()[-3:]) == [0, 4, 7]
    assert of(notes(60, 64, 79))["chroma"] == pytest.approx(3 / 12, abs=0.01)


def test_mfcc_statistics_equal_librosas():
    coefficients = librosa.feature.mfcc(y=noise(), sr=SAMPLE_RATE, n_mfcc=40)
    statistics = descriptors.mfcc_statistics(Piece(noise(), SAMPLE_RATE))
    assert statistics == pytest.approx(np.concatenate([coefficients.mean(axis=1), coefficients.std(axis=1)]), abs=1e-3)


@pytest.fixture
def track(tmp_path):
    """A track of two pieces, a tone and then noise, as rows of `emotify.pieces`."""
    path = tmp_path / "1.wav"
    time = np.arange(15 * SAMPLE_RATE) / SAMPLE_RATE
    tone = 0.1 * np.sin(2 * np.pi * 1000 * time)
    soundfile.write(path, np.concatenate([tone, noise()[: len(noise())].repeat(3)[: len(time)]]), SAMPLE_RATE)
    return pd.DataFrame({"path": [str(path)] * 2, "offset": [0.0, 15.0]})


def test_descriptors_do_not_depend_on_the_order_of_the_pieces(track):
    described = extract(track)
    assert described.shape == (2, 17)
    assert described[0, NAMES.index("centroid")] == pytest.approx(1000, rel=0.01)
    assert described[1, NAMES.index("centroid")] > 2000
    assert np.array_equal(extract(track[::-1])[::-1], described)


def test_a_track_is_decoded_once_for_descriptors_and_mfcc(track, monkeypatch):
    decoded = []
    load = descriptors.audio.load
    monkeypatch.setattr(descriptors.audio, "load", lambda *a, **k: decoded.append(a) or load(*a, **k))
    first = extract(track)
    assert extract_mfcc(track).shape == (2, 80)
    assert np.array_equal(extract(track), first)
    assert len(decoded) == 1


def test_a_changed_file_has_other_descriptors(track):
    before = extract(track)
    soundfile.write(track["path"][0], np.tile(tones(500.0), 5), SAMPLE_RATE)
    assert not np.array_equal(extract(track), before)


def test_a_damaged_track_is_refused_by_name(track, tmp_path):
    (tmp_path / "1.wav").write_bytes((tmp_path / "1.wav").read_bytes()[:100_000])
    with pytest.raises(InputError, match=r"1\.wav"):
        extract(track)


def test_a_track_shorter_than_its_pieces_is_refused_with_its_length(track):
    track["offset"] = [0.0, 45.0]
    with pytest.raises(InputError, match=r"1\.wav .*30\.00 s.* 45 s"):
        extract(track)
