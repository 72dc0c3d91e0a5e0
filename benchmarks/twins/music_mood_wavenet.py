"""The networks of document 000 in PyTorch: taggers with an ImageNet backbone, and the networks on raw speech."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from reproductions.music_mood_wavenet.network import FRONT
from reproductions.music_mood_wavenet.speech_networks import CHANNELS, DILATIONS, DROPOUT, FILTERS, STEP, UNITS
from twins import Twin
from twins.imagenet import EFFICIENTNETS, MOBILENET_V2_FILTERS, mobilenet_v2
from twins.parts import Apply, channels_first, lstm, mean_over_map, over_time


def tagger(shape: Sequence[int], outputs: int, *, backbone: str, dropout: float) -> nn.Sequential:
    """Return a backbone behind two convolutions that make three channels of one."""
    if backbone == "mobilenetv2":
        made, features = mobilenet_v2(), MOBILENET_V2_FILTERS
    else:
        made, features = EFFICIENTNETS[backbone].network(), EFFICIENTNETS[backbone].features
    first, second = FRONT
    front = [nn.BatchNorm2d(1), nn.Conv2d(1, first, 1), nn.ReLU(), nn.Conv2d(first, second, 1), nn.ReLU()]
    return nn.Sequential(
        channels_first(), *front, made, mean_over_map(), nn.Dropout(dropout), nn.Linear(features, outputs)
    )


class Gated(nn.Module):
    """A gated causal convolution, with what it gives to the next one and to the sum of all; the last has no next."""

    def __init__(self, dilation: int, *, last: bool) -> None:
        super().__init__()
        self.dilation = dilation
        self.conv = nn.Conv1d(CHANNELS, 2 * CHANNELS, 2, dilation=dilation)
        self.skip = nn.Conv1d(CHANNELS, CHANNELS, 1)
        self.next = None if last else nn.Conv1d(CHANNELS, CHANNELS, 1)

    def forward(self, x: Any) -> tuple[Any, Any]:
        """Return what the next layer gets, and what is added to the sum."""
        content, gate = self.conv(nn.functional.pad(x, (self.dilation, 0))).chunk(2, dim=1)
        z = content.tanh() * gate.sigmoid()
        return (x if self.next is None else x + self.next(z)), self.skip(z)


class WaveNet(nn.Module):
    """The WaveNet on raw speech (clips, samples, 1)."""

    def __init__(self, shape: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.front = nn.Conv1d(1, CHANNELS, STEP, stride=STEP)
        last = len(DILATIONS) - 1
        self.layers = nn.ModuleList(Gated(each, last=number == last) for number, each in enumerate(DILATIONS))
        self.end = nn.Sequential(nn.ReLU(), nn.Conv1d(CHANNELS, CHANNELS, 1), nn.ReLU())
        self.head = nn.Linear(CHANNELS, outputs)

    def forward(self, clips: Any) -> Any:
        """Return the logits."""
        x, skipped = self.front(clips.transpose(1, 2)), []
        for layer in self.layers:
            x, part = layer(x)
            skipped.append(part)
        return self.head(self.end(torch.stack(skipped).sum(dim=0)).mean(dim=2))


SIZE, STRIDE = 8, 4
"""Of the convolutions before the LSTM."""


def cnn_lstm(shape: Sequence[int], outputs: int) -> nn.Sequential:
    """Return four convolutions on raw speech (clips, samples, 1) and an LSTM."""
    layers: list[nn.Module] = [over_time()]
    length, channels = shape[0], 1
    for filters in FILTERS:
        steps = math.ceil(length / STRIDE)
        missing = (steps - 1) * STRIDE + SIZE - length  # padded as Keras' "same" is
        layers.append(nn.ConstantPad1d((missing // 2, missing - missing // 2), 0.0))
        layers += [nn.Conv1d(channels, filters, SIZE, STRIDE, bias=False), nn.BatchNorm1d(filters), nn.ELU()]
        length, channels = steps, filters
    layers += [over_time(), lstm(channels, UNITS), Apply(lambda given: given[1][0][0])]
    return nn.Sequential(*layers, nn.Dropout(DROPOUT), nn.Linear(UNITS, outputs))


NETWORKS: Mapping[str, Twin] = {
    "mel-b0": partial(tagger, backbone="b0", dropout=0.2),
    "wavenet-mobilenetv2": partial(tagger, backbone="mobilenetv2", dropout=0.2),
    "wavenet-b7": partial(tagger, backbone="b7", dropout=0.5),
    "emodb-wavenet": WaveNet,
    "emodb-cnn-lstm": cnn_lstm,
}
