"""The networks of the documents in PyTorch, for the benchmark `training.py`; a module for each document.

A network takes clips in the shape of ours and returns logits (values in a regression). Its trainable parameters are as
many as ours, and its layers multiply as often. Names, numbers of filters and so on are those of our modules where these
have them.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

Twin = Callable[[Sequence[int], int], Any]
"""Returns a network in PyTorch, given the shape of a clip and the number of outputs."""


def twin_of(study: str, experiment: str) -> Twin:
    """Return the function that makes the network of an experiment in PyTorch, which must be installed.

    Raises:
        KeyError: no such network is written yet.
    """
    networks: Mapping[str, Twin] = import_module(f"twins.{study}").NETWORKS
    return networks[experiment]
