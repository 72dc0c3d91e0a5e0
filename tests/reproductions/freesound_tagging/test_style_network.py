import keras
import numpy as np
import pytest

from reproductions.freesound_tagging.style_network import style_network


def test_the_network_has_the_authors_parameters_because_its_five_blocks_are_one() -> None:
    network = style_network()
    assert network.count_params() == 496_515
    assert network.count_params() + 4 * network.get_layer("residual").count_params() == 1_679_235


@pytest.mark.parametrize(("size", "returned"), [((32, 44), (32, 44)), ((32, 45), (32, 48))])
def test_pictures_of_any_size_keep_it_up_to_a_multiple_of_four(size, returned) -> None:
    styled = style_network().predict_on_batch(np.ones((2, *size, 3), np.float32))
    assert styled.shape == (2, *returned, 3)


def test_edges_are_reflected_so_an_even_picture_stays_even() -> None:
    # With zeros beyond the edges, cells near them would differ from those in the middle.
    styled = style_network().predict_on_batch(np.full((1, 32, 32, 3), 0.7, np.float32))[0]
    np.testing.assert_allclose(styled, np.broadcast_to(styled[16, 16], styled.shape), atol=1e-3)


def test_each_picture_is_normalised_by_itself() -> None:
    network, draw = style_network(), np.random.default_rng(0)
    one, other = draw.random((2, 1, 32, 32, 3)).astype(np.float32)
    together = network.predict_on_batch(np.concatenate([one, 5 * other]))
    np.testing.assert_allclose(together[:1], network.predict_on_batch(one), atol=1e-4)


def test_the_residual_block_is_shared_in_a_file_too(tmp_path) -> None:
    network, x = style_network(), np.random.default_rng(0).random((1, 32, 32, 3)).astype(np.float32)
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras", compile=False)
    assert loaded.count_params() == 496_515
    np.testing.assert_allclose(loaded.predict_on_batch(x), network.predict_on_batch(x), atol=1e-6)
