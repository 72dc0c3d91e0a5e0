import random
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest

from common.errors import InputError
from common.learners import pretrained


def small(weights: str | None) -> keras.Model:
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    if weights == "imagenet":
        raise Exception("URL fetch failure on https://example.org: None -- no network")
    if weights:
        made.load_weights(weights)
    return made


def network(weights: str, seed: int = 0) -> list[np.ndarray]:
    return pretrained.network("Small", small, weights, seed=seed).get_weights()


def test_random_weights_depend_on_their_seed_alone() -> None:
    random.seed(1)
    first, drawn = network("none"), random.random()
    np.testing.assert_array_equal(network("none")[0], first[0])
    assert not np.array_equal(network("none", seed=1)[0], first[0])
    random.seed(1)
    assert random.random() == drawn


def test_weights_of_a_file_are_loaded(tmp_path: Path) -> None:
    made = small(None)
    made.save_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(network(str(tmp_path / "w.weights.h5"))[0], made.get_weights()[0])


def test_a_failed_download_is_reported_with_its_reason_and_the_option() -> None:
    with pytest.raises(InputError, match=r"Small .*URL fetch.*--weights PATH"):
        network("imagenet")


@pytest.mark.parametrize("content", ["another network", "nothing"])
def test_a_file_without_weights_of_this_network_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "w.weights.h5"
    if content == "another network":
        keras.Sequential([keras.Input((7,)), keras.layers.Dense(2)]).save_weights(path)
    with pytest.raises(InputError, match=str(path)):
        network(str(path))


def test_a_file_with_missing_weights_is_refused_although_keras_only_warns() -> None:
    def lacking(weights: str | None) -> keras.Model:
        warnings.warn("Affected layers will retain their freshly-initialized weights.", stacklevel=1)
        return small(None)

    with pytest.raises(InputError, match=r"Small .*Affected layers"):
        pretrained.network("Small", lacking, "w.weights.h5", seed=0)
