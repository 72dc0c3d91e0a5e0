"""The networks of document 001 in PyTorch: four parallel convolutions, and two convolutions with two BLSTMs."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from reproductions.valence_parallel_conv.network import CONV_FILTERS, FILTERS, KERNELS, LSTM_UNITS, UNITS
from twins import Twin
from twins.parts import Apply, channels_first, lstm

DROPOUT = 0.5


class ParallelConv(nn.Module):
    """Four convolutions, the maxima of a 2 x 2 grid over each of their maps, and dense layers."""

    def __init__(self, shape: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(self.branch(shape, kernel) for kernel in KERNELS)
        units = (4 * FILTERS * len(KERNELS), *UNITS)
        hidden = [
            layer
            for before, after in pairwise(units)
            for layer in (nn.Dropout(DROPOUT), nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU())
        ]
        self.head = nn.Sequential(*hidden, nn.Linear(units[-1], outputs))

    @staticmethod
    def branch(shape: Sequence[int], kernel: tuple[int, int]) -> nn.Sequential:
        """Return a convolution of maps (clips, 1, bands, frames) with its maxima as a vector."""
        bands, frames = ((size - side + 1) // 2 for size, side in zip(shape, kernel, strict=False))
        return nn.Sequential(nn.Conv2d(1, FILTERS, kernel), nn.MaxPool2d((bands, frames)), nn.ReLU(), nn.Flatten())

    def forward(self, clips: Any) -> Any:
        """Return the values."""
        maps = clips.permute(0, 3, 1, 2)
        return self.head(torch.cat([branch(maps) for branch in self.branches], dim=1))


class CnnBlstm(nn.Module):
    """Two convolutions and two bidirectional LSTMs over the frames."""

    def __init__(self, shape: Sequence[int], outputs: int) -> None:
        super().__init__()
        convs: list[nn.Module] = []
        for inputs, filters in pairwise((1, *CONV_FILTERS)):
            convs += [nn.Conv2d(inputs, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        by_frame = Apply(lambda maps: maps.permute(0, 3, 1, 2).flatten(2))
        self.maps = nn.Sequential(channels_first(), *convs, by_frame)
        bands = shape[0] // 2 ** len(CONV_FILTERS)
        self.first = lstm(CONV_FILTERS[-1] * bands, LSTM_UNITS, bidirectional=True)
        self.second = lstm(2 * LSTM_UNITS, LSTM_UNITS, bidirectional=True)
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(2 * LSTM_UNITS, outputs))

    def forward(self, clips: Any) -> Any:
        """Return the values."""
        _, (last, _) = self.second(self.first(self.maps(clips))[0])
        return self.head(last.transpose(0, 1).flatten(1))


NETWORKS: Mapping[str, Twin] = {"combination-6": ParallelConv, "cnn-blstm": CnnBlstm}
