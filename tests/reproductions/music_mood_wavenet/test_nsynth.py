"""The NSynth encoder against the sheet, Keras' own convolutions and checkpoints written by TensorFlow."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from common.errors import InputError
from reproductions.music_mood_wavenet import nsynth
from reproductions.music_mood_wavenet.nsynth import CONTEXT, HOP_LENGTH, encode, mu_law, steps

tf = pytest.importorskip("tensorflow")

SCOPES = {
    "ae_startconv": (1, 3, 1, 128),
    **{f"ae_dilatedconv_{block}": (1, 3, 128, 128) for block in range(1, 31)},
    **{f"ae_res_{block}": (1, 1, 128, 128) for block in range(1, 31)},
    "ae_bottleneck": (1, 1, 128, 16),
}


@pytest.fixture(scope="module")
def released() -> dict[str, np.ndarray]:
    """Return variables with the names and shapes of the released checkpoint."""
    draw, variables = np.random.default_rng(0), {}
    for scope, shape in SCOPES.items():
        scale = 0.3 if "res" in scope else 1.0
        variables[f"{scope}/W"] = draw.normal(0, scale * np.prod(shape[:3]) ** -0.5, shape).astype(np.float32)
        variables[f"{scope}/biases"] = draw.normal(0, 0.1, shape[-1]).astype(np.float32)
    return variables


def written(folder: Path, variables: dict[str, np.ndarray]) -> Path:
    """Write a checkpoint as TensorFlow 1 did, beside variables that the encoder has no use for."""
    prefix = folder / "model.ckpt-200000"
    saved = {**variables, "startconv/W": np.ones(3, np.float32), "global_step": np.array(200_000)}
    whole = [""] * len(saved)
    tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=[*saved], shape_and_slices=whole, tensors=[*saved.values()])
    return prefix


@pytest.fixture(scope="module")
def trained(released, tmp_path_factory) -> keras.Model:
    model = nsynth.encoder()
    nsynth.load_checkpoint(model, written(tmp_path_factory.mktemp("released"), released))
    return model


def by_the_sheet(variables: dict[str, np.ndarray], waveform: np.ndarray) -> np.ndarray:
    """Return the encoding of (samples,) by Keras' own operations, layer by layer as in the sheet."""

    def conv(x, scope, dilation=1):
        found = ops.conv(x, variables[f"{scope}/W"][0], padding="same", dilation_rate=dilation)
        return found + variables[f"{scope}/biases"]

    coded = np.floor(128 * np.sign(waveform) * np.log(1 + 255 * np.abs(waveform)) / np.log(256)) / 128
    x = conv(coded[None, :, None].astype(np.float32), "ae_startconv")
    for block in range(1, 31):
        inner = ops.relu(conv(ops.relu(x), f"ae_dilatedconv_{block}", 2 ** ((block - 1) % 10)))
        x = x + conv(inner, f"ae_res_{block}")
    bottleneck = ops.convert_to_numpy(conv(x, "ae_bottleneck"))
    return bottleneck.reshape(-1, HOP_LENGTH, 16).mean(axis=1)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, samples).astype(np.float32)


def gradients(value, sources):
    with tf.GradientTape() as tape:
        tape.watch([source for source in sources if not isinstance(source, tf.Variable)])
        result = value()
    return tape.gradient(result, sources)


def test_mu_law_is_that_of_the_sheet() -> None:
    np.testing.assert_array_equal(mu_law(np.array([0, 1, -1, -1e-6, 1e-6], np.float32)), [0, 1, -1, -1 / 128, 0])
    pcm = np.arange(-(2**15), 2**15) / 2**15
    expected = np.floor(128 * np.sign(pcm) * np.log(1 + 255 * np.abs(pcm)) / np.log(256)) / 128
    found = ops.convert_to_numpy(mu_law(pcm.astype(np.float32)))
    assert (np.diff(found) >= 0).all()
    assert np.abs(found - expected).max() <= 1 / 128  # where float32 falls on the other side of a step
    assert (found != expected).mean() < 1e-3


def test_the_encoder_has_the_parameters_of_the_sheet_and_is_frozen() -> None:
    model = nsynth.encoder()
    assert model.count_params() == 1_976_336
    assert model.trainable_weights == []


def test_an_untrained_encoder_is_always_the_same_and_neither_explodes_nor_vanishes() -> None:
    keras.utils.set_random_seed(1)
    model = nsynth.encoder()
    keras.utils.set_random_seed(2)
    for one, other in zip(model.get_weights(), nsynth.encoder().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    encoded = encode(model, noise(8 * HOP_LENGTH))
    assert 0.3 < encoded.std() < 3
    assert (encoded.std(axis=0) > 0).all()


def test_the_encoder_computes_what_the_sheet_says_from_a_checkpoint(released, trained) -> None:
    waveform = noise(6 * HOP_LENGTH)
    expected = by_the_sheet(released, waveform.astype(np.float64))
    np.testing.assert_allclose(encode(trained, waveform), expected, atol=2e-3)


@pytest.mark.parametrize("piece", [2, 7, 19])
def test_pieces_give_the_result_of_a_single_pass(trained, piece) -> None:
    waveform = noise(20 * HOP_LENGTH)
    whole = trained.predict_on_batch(waveform[np.newaxis, :, np.newaxis])[0]
    assert whole.shape == (20, 16)
    with_a_tail = np.concatenate([waveform, noise(HOP_LENGTH - 1, seed=1)])
    encoded = encode(trained, with_a_tail, piece=piece)
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(encoded, whole, atol=1e-4)


def test_an_output_depends_on_3070_samples_on_each_side(trained) -> None:
    inner = keras.Model(trained.get_layer("ae_startconv").input, trained.output)  # behind mu-law, which has no gradient
    coded, step = tf.constant(noise((2 * CONTEXT + 3) * HOP_LENGTH)[None, :, None]), CONTEXT + 1
    (gradient,) = gradients(lambda: ops.sum(inner(coded)[:, step]), [coded])
    first, last = np.flatnonzero(gradient)[[0, -1]]
    assert (first, last) == (step * HOP_LENGTH - 3070, (step + 1) * HOP_LENGTH - 1 + 3070)
    assert (CONTEXT - 1) * HOP_LENGTH < 3070 <= CONTEXT * HOP_LENGTH


class Means:
    """Stands in for the encoder: the mean of each step, 16 times; notes the steps it is given."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def predict_on_batch(self, x: np.ndarray) -> np.ndarray:
        self.given.append(x.shape[1] // HOP_LENGTH)
        return np.repeat(x.reshape(1, -1, HOP_LENGTH).mean(axis=2)[..., np.newaxis], 16, axis=2)


@pytest.mark.parametrize(("samples", "count"), [(3_497_144, 6830), (479_744, 937), (511, 0), (0, 0)])
def test_a_track_has_as_many_steps_as_in_the_document_and_no_piece_grows_with_it(samples, count) -> None:
    assert steps(samples) == count
    model, waveform = Means(), noise(samples)
    encoded = encode(model, waveform)
    assert encoded.shape == (count, 16)
    np.testing.assert_array_equal(encoded[:, 3], waveform[: count * HOP_LENGTH].reshape(-1, HOP_LENGTH).mean(axis=1))
    assert max(model.given, default=0) <= nsynth.PIECE + 2 * CONTEXT


@given(samples=st.integers(0, 40 * HOP_LENGTH), piece=st.integers(1, 50))
def test_every_step_comes_from_its_own_samples_whatever_the_piece(samples, piece) -> None:
    waveform = np.arange(samples, dtype=np.float32)
    means = waveform[: steps(samples) * HOP_LENGTH].reshape(-1, HOP_LENGTH).mean(axis=1)
    np.testing.assert_array_equal(encode(Means(), waveform, piece=piece)[:, 0], means)


def test_the_largest_piece_fits_into_2_gib() -> None:
    command = [sys.executable, str(Path(__file__).parent / "peak_of_encoding.py")]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert float(printed) < 1.8 * 1024  # the samples of 10 minutes take 0.04 GiB more


def test_moving_averages_are_loaded_where_there_is_nothing_else(released, trained, tmp_path) -> None:
    averaged = {f"{name}/ExponentialMovingAverage": value for name, value in released.items()}
    model = nsynth.encoder()
    nsynth.load_checkpoint(model, written(tmp_path, averaged))
    for one, other in zip(model.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_variables_come_before_their_averages_and_any_file_names_the_checkpoint(released, trained, tmp_path) -> None:
    both = {**released, **{f"{name}/ExponentialMovingAverage": value + 1 for name, value in released.items()}}
    prefix = written(tmp_path, both)
    for path in (prefix, f"{prefix}.index", f"{prefix}.data-00000-of-00001"):
        model = nsynth.encoder()
        nsynth.load_checkpoint(model, path)
        np.testing.assert_array_equal(model.get_weights()[3], trained.get_weights()[3])


def test_a_missing_variable_or_one_of_another_shape_is_named_and_nothing_is_loaded(released, tmp_path) -> None:
    model = nsynth.encoder()
    before = model.get_weights()
    for name, value, said in (
        ("ae_res_30/W", None, "has no variable ae_res_30/W"),
        ("ae_bottleneck/biases", np.zeros(8, np.float32), r"shape \(8,\), not \(16,\)"),
    ):
        changed = {**released, name: value}
        (tmp_path / name[:6]).mkdir()
        path = written(tmp_path / name[:6], {key: kept for key, kept in changed.items() if kept is not None})
        with pytest.raises(InputError, match=said):
            nsynth.load_checkpoint(model, path)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_no_checkpoint_is_refused(released, tmp_path) -> None:
    model = nsynth.encoder()
    with pytest.raises(InputError, match="there is no checkpoint"):
        nsynth.load_checkpoint(model, tmp_path / "model.ckpt-200000")
    (tmp_path / "notes.txt").write_text("no checkpoint")
    for path in (tmp_path / "notes.txt", tmp_path):
        with pytest.raises(InputError, match="cannot be read as a TensorFlow checkpoint"):
            nsynth.load_checkpoint(model, path)
    prefix = written(tmp_path, released)
    data = prefix.with_name(f"{prefix.name}.data-00000-of-00001")
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot be read as a TensorFlow checkpoint"):
        nsynth.load_checkpoint(model, prefix)
