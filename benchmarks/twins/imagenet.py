"""Networks of `keras.applications` in PyTorch, without their tops: VGG16, MobileNet, MobileNetV2, EfficientNet."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from twins.parts import Apply


def vgg16_block(inputs: int, filters: int, convolutions: int) -> list[nn.Module]:
    """Return the layers of a block of VGG16."""
    channels = [inputs] + [filters] * (convolutions - 1)
    convs = [layer for count in channels for layer in (nn.Conv2d(count, filters, 3, padding=1), nn.ReLU())]
    return [*convs, nn.MaxPool2d(2)]


def conv_norm(
    inputs: int, filters: int, size: int, *, stride: int = 1, groups: int = 1, active: nn.Module | None = None
) -> list[nn.Module]:
    """Return a convolution without bias that keeps the size of maps, or halves it, and batch normalisation."""
    conv = nn.Conv2d(inputs, filters, size, stride, padding=size // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(filters), *([active] if active else [])]


# Howard et al. 2017, table 1: filters and strides of the blocks.
MOBILENET = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))


def mobilenet(width: float) -> nn.Sequential:
    """Return MobileNet v1, from maps of three channels to maps of 1024 times `width`."""
    channels = int(32 * width)
    layers = conv_norm(3, channels, 3, stride=2, active=nn.ReLU6())
    for filters, stride in MOBILENET:
        layers += conv_norm(channels, channels, 3, stride=stride, groups=channels, active=nn.ReLU6())
        layers += conv_norm(channels, int(filters * width), 1, active=nn.ReLU6())
        channels = int(filters * width)
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """Layers whose input is added to their output.

    Args:
        layers: what is added to the input.
        dropped: chance that a clip skips the layers (stochastic depth).
    """

    def __init__(self, layers: nn.Module, dropped: float = 0.0) -> None:
        super().__init__()
        self.layers, self.kept = layers, 1 - dropped

    def forward(self, maps: Any) -> Any:
        """Return the sum."""
        branch = self.layers(maps)
        if self.kept < 1:
            branch = branch * (torch.rand(len(maps), 1, 1, 1) < self.kept) / self.kept
        return maps + branch


# Sandler et al. 2018, table 2: expansion, filters, blocks and stride of the first one.
MOBILENET_V2 = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)
MOBILENET_V2_FILTERS = 1280


def mobilenet_v2() -> nn.Sequential:
    """Return MobileNetV2, from maps of three channels to maps of 1280."""
    layers, channels = conv_norm(3, 32, 3, stride=2, active=nn.ReLU6()), 32
    for expansion, filters, blocks, first_stride in MOBILENET_V2:
        for number in range(blocks):
            stride, wide = first_stride if number == 0 else 1, expansion * channels
            expanded = conv_norm(channels, wide, 1, active=nn.ReLU6()) if expansion > 1 else []
            depthwise = conv_norm(wide, wide, 3, stride=stride, groups=wide, active=nn.ReLU6())
            block = nn.Sequential(*expanded, *depthwise, *conv_norm(wide, filters, 1))
            layers.append(Residual(block) if number else block)
            channels = filters
    return nn.Sequential(*layers, *conv_norm(channels, MOBILENET_V2_FILTERS, 1, active=nn.ReLU6()))


# Tan & Le 2019, table 1: size of the kernel, blocks, filters, expansion and stride of the first one, of B0.
EFFICIENTNET = (
    *((3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2)),
    *((5, 3, 112, 6, 1), (5, 4, 192, 6, 2), (3, 1, 320, 6, 1)),
)
SQUEEZED = 0.25
DROPPED = 0.2
"""Chance that a clip skips the last block; it grows linearly over the blocks."""


@dataclass(frozen=True)
class EfficientNet:
    """The sizes of an EfficientNet.

    Attributes:
        width: what the filters of B0 are multiplied by.
        depth: what the numbers of blocks of B0 are multiplied by.
    """

    width: float
    depth: float

    def filters(self, of_b0: int) -> int:
        """Return a number of filters: the nearest multiple of 8, and not more than a tenth below."""
        wanted = self.width * of_b0
        nearest = max(8, int(wanted + 4) // 8 * 8)
        return nearest + 8 if nearest < 0.9 * wanted else nearest

    def blocks(self) -> list[tuple[int, int, int, int]]:
        """Return size of the kernel, filters, expansion and stride of each block."""
        return [
            (size, self.filters(filters), expansion, stride if number == 0 else 1)
            for size, blocks, filters, expansion, stride in EFFICIENTNET
            for number in range(math.ceil(self.depth * blocks))
        ]

    def network(self) -> nn.Sequential:
        """Return the network, from maps of three channels to maps of `features`."""
        return nn.Sequential(*self._layers())

    @property
    def features(self) -> int:
        """Channels of the last maps."""
        return self.filters(1280)

    def _layers(self) -> Iterator[nn.Module]:
        channels, blocks = self.filters(32), self.blocks()
        yield from conv_norm(3, channels, 3, stride=2, active=nn.SiLU())
        for number, (size, filters, expansion, stride) in enumerate(blocks):
            block = mb_conv(channels, filters, size, expansion=expansion, stride=stride)
            same = stride == 1 and channels == filters
            yield Residual(block, DROPPED * number / len(blocks)) if same else block
            channels = filters
        yield from conv_norm(channels, self.features, 1, active=nn.SiLU())


class Squeezed(nn.Module):
    """Squeeze and excitation: maps times a factor for each channel, computed from the means of all."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        convs = [nn.Conv2d(channels, squeezed, 1), nn.SiLU(), nn.Conv2d(squeezed, channels, 1), nn.Sigmoid()]
        self.gate = nn.Sequential(Apply(lambda maps: maps.mean(dim=(2, 3), keepdim=True)), *convs)

    def forward(self, maps: Any) -> Any:
        """Return the maps times their factors."""
        return maps * self.gate(maps)


def mb_conv(inputs: int, filters: int, size: int, *, expansion: int, stride: int) -> nn.Sequential:
    """Return a block of EfficientNet, without the sum with its input."""
    wide = expansion * inputs
    expanded = conv_norm(inputs, wide, 1, active=nn.SiLU()) if expansion > 1 else []
    depthwise = conv_norm(wide, wide, size, stride=stride, groups=wide, active=nn.SiLU())
    squeezed = Squeezed(wide, max(1, int(SQUEEZED * inputs)))
    return nn.Sequential(*expanded, *depthwise, squeezed, *conv_norm(wide, filters, 1))


EFFICIENTNETS = {"b0": EfficientNet(1.0, 1.0), "b7": EfficientNet(2.0, 3.1)}
