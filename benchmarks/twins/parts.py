"""Layers that the networks of several documents have in PyTorch."""

from collections.abc import Callable
from typing import Any

from torch import nn


class Apply(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        """Return the function's value."""
        return self.function(x)


def channels_first() -> nn.Module:
    """Return what moves the last axis of maps (clips, high, wide, channels) to where PyTorch has the channels.

    Nothing is copied: the result has the memory format channels-last.
    """
    return Apply(lambda maps: maps.permute(0, 3, 1, 2))


def over_time() -> nn.Module:
    """Return what makes (clips, channels, time) of (clips, time, channels)."""
    return Apply(lambda x: x.transpose(1, 2))


def mean_over_map() -> nn.Module:
    """Return the mean over the map, (clips, channels)."""
    return Apply(lambda maps: maps.mean(dim=(2, 3)))


def lstm(inputs: int, units: int, **settings: Any) -> nn.LSTM:
    """Return an LSTM of sequences (clips, steps, inputs) with one trained bias for a gate, as Keras has it, not two."""
    layer = nn.LSTM(inputs, units, batch_first=True, **settings)
    for name, weights in layer.named_parameters():
        if name.startswith("bias_hh"):
            weights.requires_grad_(False)
    return layer
