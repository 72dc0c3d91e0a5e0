"""Pretrained networks, with weights from Keras' download, from a file, or random."""

import random
import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from typing import Any

import keras

from common import cache, files
from common.errors import InputError, reason_of


def network(title: str, make: Callable[..., keras.Model], weights: str, *, seed: int, **settings: Any) -> keras.Model:
    """Return a network with the weights that `--weights` names.

    Args:
        title: its name in papers.
        make: returns the network; a function of `keras.applications`, or one that takes the same `weights`.
        weights: `imagenet`, the path of a file in the layout of `keras.applications`, or `none` for random weights.
        seed: of random weights, which depend on nothing else.
        settings: further arguments of `make`.

    Raises:
        InputError: the ImageNet weights cannot be downloaded; or there is no such file, or it is of another network.
    """
    if weights == "none":
        return _random(make, seed, settings)
    try:
        return _complete(make, weights, settings)
    except Exception as error:  # Keras raises plain Exception where a download fails
        reason = reason_of(error)
        if weights == "imagenet":
            raise InputError(
                f"the ImageNet weights of {title} cannot be downloaded ({reason}); name a file of them with "
                "--weights PATH, or use random weights with --weights none"
            ) from error
        raise InputError(f"--weights {weights} cannot be loaded into {title} ({reason}); name another file") from error


def _complete(make: Callable[..., keras.Model], weights: str, settings: dict[str, Any]) -> keras.Model:
    """Return the network; raise an error if weights are missing, for which Keras only warns."""
    # Keras reports downloads on standard output, which belongs to results.
    # One process at a time: several would download into the same file.
    downloading = files.alone(cache.folder() / weights) if weights == "imagenet" else nullcontext()
    with downloading, warnings.catch_warnings(record=True) as said, redirect_stdout(sys.stderr):
        warnings.simplefilter("always")
        made = make(weights=weights, **settings)
    missing = [str(one.message) for one in said if "freshly-initialized weights" in str(one.message)]
    if missing:
        raise ValueError(missing[0])
    return made


def _random(make: Callable[..., keras.Model], seed: int, settings: dict[str, Any]) -> keras.Model:
    # Keras draws seeds of initial weights from Python's generator, whose state the caller's other layers depend on.
    outer = random.getstate()
    random.seed(seed)
    try:
        return make(weights=None, **settings)
    finally:
        random.setstate(outer)
