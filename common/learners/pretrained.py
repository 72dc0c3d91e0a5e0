"""Networks that others trained: their weights from Keras' own download, from a file, or random."""

import random
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import keras

from common.errors import InputError


def network(title: str, make: Callable[..., keras.Model], weights: str, *, seed: int, **settings: Any) -> keras.Model:
    """Return a network with the weights that `--weights` names.

    Args:
        title: as papers write it.
        make: returns the network; one of `keras.applications`, or what takes the same `weights`.
        weights: `imagenet`, the path of a file in the layout of `keras.applications`, or `none` for random ones.
        seed: of random weights; they depend on nothing else.
        settings: further arguments of `make`.

    Raises:
        InputError: ImageNet's weights cannot be fetched; there is no such file, or it is of another network.
    """
    if weights == "none":
        return _random(make, seed, settings)
    try:
        return _whole(make, weights, settings)
    except Exception as error:  # Keras raises plain Exception where a download fails
        reason = str(error).strip().partition("\n")[0][:200]
        if weights == "imagenet":
            raise InputError(
                f"the ImageNet weights of {title} cannot be fetched ({reason}); name a file of them with "
                "--weights PATH, or take random ones with --weights none"
            ) from error
        raise InputError(f"--weights {weights} cannot be loaded into {title} ({reason}); name another") from error


def _whole(make: Callable[..., keras.Model], weights: str, settings: dict[str, Any]) -> keras.Model:
    """Return the network, or refuse weights of which Keras has only warned that some are missing."""
    # Keras tells of its downloads on standard output, which belongs to results.
    with warnings.catch_warnings(record=True) as said, redirect_stdout(sys.stderr):
        warnings.simplefilter("always")
        made = make(weights=weights, **settings)
    missing = [str(one.message) for one in said if "freshly-initialized weights" in str(one.message)]
    if missing:
        raise ValueError(missing[0])
    return made


def _random(make: Callable[..., keras.Model], seed: int, settings: dict[str, Any]) -> keras.Model:
    # Keras draws the seeds of initial weights from Python's generator, which belongs to whoever builds the model.
    outer = random.getstate()
    random.seed(seed)
    try:
        return make(weights=None, **settings)
    finally:
        random.setstate(outer)
