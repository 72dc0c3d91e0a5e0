"""The networks of document 003 in PyTorch, the library of their authors."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from reproductions.freesound_tagging import networks
from reproductions.freesound_tagging.mask import mask
from reproductions.freesound_tagging.waveform_networks import RESE_BLOCKS, RESE_CHANNELS, SAMPLECNN_CHANNELS
from twins import Twin
from twins.imagenet import mobilenet
from twins.parts import Apply, mean_over_map, over_time


def one_channel() -> nn.Module:
    """Return what makes a map of one channel of a mel spectrogram (clips, frames, bands)."""
    return Apply(lambda clips: clips[:, None])


def dcnn(shape: Sequence[int], outputs: int, *, modified: bool) -> nn.Sequential:
    """Return the deep CNN, or the modified one, with normalisation and LeakyReLU."""
    active = nn.LeakyReLU if modified else nn.ReLU
    maps, inputs = [one_channel()], 1
    for times, pool in networks.DCNN_CONVS:
        filters = times * networks.DCNN_FILTERS
        maps += [nn.Conv2d(inputs, filters, 5), *([nn.MaxPool2d(pool)] if pool else [])]
        maps += [*([nn.BatchNorm2d(filters)] if modified else []), active()]
        inputs = filters
    head = [nn.Flatten(), nn.Dropout(0.5), nn.Linear(2400, 256), active(), nn.Dropout(0.5), nn.Linear(256, outputs)]
    return nn.Sequential(*maps, *head)


class Gru(nn.Module):
    """Three bidirectional GRUs, of which the final states decide."""

    def __init__(self, shape: Sequence[int], outputs: int) -> None:
        super().__init__()
        settings: dict[str, Any] = {"bidirectional": True, "dropout": 0.2, "batch_first": True}
        self.gru = nn.GRU(networks.FRAMES, networks.GRU_UNITS, networks.GRU_LAYERS, **settings)
        self.head = nn.Linear(2 * networks.GRU_LAYERS * networks.GRU_UNITS, outputs)

    def forward(self, clips: Any) -> Any:
        """Return the logits; the steps are the bands, as in the document."""
        return self.head(self.gru(clips.transpose(1, 2))[1].transpose(0, 1).flatten(1))


def kaggle(shape: Sequence[int], outputs: int) -> nn.Sequential:
    """Return the CNN of a public Kaggle kernel."""
    maps = [one_channel()]
    for inputs, filters in pairwise((1, *networks.KAGGLE_CHANNELS)):
        for before in (inputs, filters):
            maps += [nn.Conv2d(before, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU()]
        maps.append(nn.AvgPool2d(2))
    head = [nn.Dropout(0.2), nn.Linear(512, 128), nn.PReLU(), nn.BatchNorm1d(128), nn.Dropout(0.1)]
    return nn.Sequential(*maps, mean_over_map(), *head, nn.Linear(128, outputs))


class MaskedConv1d(nn.Conv1d):
    """A convolution over time in which each node sees only the inputs in its mask."""

    def __init__(self, inputs: int, filters: int, size: int, **settings: Any) -> None:
        super().__init__(inputs, filters, size, **settings)
        seen = mask(inputs, filters, **networks.MCNN_MASK)
        self.register_buffer("mask", torch.from_numpy(seen.T[..., None]))

    def forward(self, x: Any) -> Any:
        """Return the convolution with the masked weights."""
        return self._conv_forward(x, self.weight * self.mask, self.bias)


def mcnn(shape: Sequence[int], outputs: int, *, masked: bool) -> nn.Sequential:
    """Return the masked conditional network."""
    filters, size = networks.MCNN_CONV["filters"], networks.MCNN_CONV["size"]
    plain = partial(nn.Conv1d, out_channels=filters, kernel_size=size, padding=size // 2)
    first = partial(MaskedConv1d, filters=filters, size=size, padding=size // 2) if masked else plain
    return nn.Sequential(
        *(over_time(), first(networks.BANDS), nn.LeakyReLU(), nn.BatchNorm1d(filters)),
        *(first(filters), nn.LeakyReLU(), nn.MaxPool1d(2), nn.BatchNorm1d(filters)),
        *(plain(filters), nn.LeakyReLU(), nn.MaxPool1d(2)),
        *(plain(filters), nn.LeakyReLU(), nn.MaxPool1d(4), nn.BatchNorm1d(filters)),
        *(nn.Flatten(), nn.Linear(2048, 1024), nn.LeakyReLU(), nn.Linear(1024, outputs)),
    )


def front() -> list[nn.Module]:
    """Return the first layer of both networks on waveforms (clips, samples, 1)."""
    return [over_time(), nn.Conv1d(1, 64, 3, stride=3), nn.BatchNorm1d(64), nn.ReLU()]


def samplecnn(shape: Sequence[int], outputs: int) -> nn.Sequential:
    """Return SampleCNN."""
    maps = front()
    for inputs, filters in pairwise((64, *SAMPLECNN_CHANNELS)):
        maps += [nn.Conv1d(inputs, filters, 3, padding=1), nn.BatchNorm1d(filters), nn.ReLU(), nn.MaxPool1d(3)]
    return nn.Sequential(*maps, nn.Flatten(), nn.Linear(512, outputs))


class ReseBlock(nn.Module):
    """A residual block with squeeze and excitation."""

    def __init__(self) -> None:
        super().__init__()
        channels = RESE_CHANNELS
        first, second = (nn.Conv1d(channels, channels, 3, padding=1) for _ in range(2))
        before = [first, nn.BatchNorm1d(channels), nn.ReLU(), nn.Dropout(0.2)]
        self.branch = nn.Sequential(*before, second, nn.BatchNorm1d(channels))
        hidden = [nn.Linear(channels, 2 * channels), nn.ReLU(), nn.Linear(2 * channels, channels)]
        self.gate = nn.Sequential(*hidden, nn.Sigmoid())

    def forward(self, x: Any) -> Any:
        """Return a third of the steps."""
        gated = self.branch(x) * self.gate(x.mean(dim=2))[..., None]
        return nn.functional.max_pool1d(torch.relu(x + gated), 3)


class Rese2Multi(nn.Module):
    """ReSE-2-Multi: the maxima of the last three blocks decide."""

    def __init__(self, shape: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.front = nn.Sequential(*front())
        self.blocks = nn.ModuleList(ReseBlock() for _ in range(RESE_BLOCKS))
        self.head = nn.Linear(3 * RESE_CHANNELS, outputs)

    def forward(self, clips: Any) -> Any:
        """Return the logits."""
        levels = [self.front(clips)]
        for block in self.blocks:
            levels.append(block(levels[-1]))
        return self.head(torch.cat([level.amax(dim=2) for level in levels[-3:]], dim=1))


def grey(maps: Any) -> Any:
    """Return mel spectrograms (clips, 1, frames, bands) as grey pictures of -1 to 1 with three channels."""
    low, high = maps.amin(dim=(1, 2, 3), keepdim=True), maps.amax(dim=(1, 2, 3), keepdim=True)
    return (2 * (maps - low) / (high - low) - 1).expand(-1, 3, -1, -1)


def imagenet_cnn(shape: Sequence[int], outputs: int) -> nn.Sequential:
    """Return MobileNet v1 of width 0.25 on mel spectrograms as pictures."""
    return nn.Sequential(one_channel(), Apply(grey), mobilenet(0.25), mean_over_map(), nn.Linear(256, outputs))


NETWORKS: Mapping[str, Twin] = {
    "dcnn": partial(dcnn, modified=False),
    "moddcnn": partial(dcnn, modified=True),
    "gru": Gru,
    "kaggle": kaggle,
    "mcnn": partial(mcnn, masked=True),
    "mcnn-nomask": partial(mcnn, masked=False),
    "samplecnn": samplecnn,
    "rese2multi": Rese2Multi,
    "imagenet-cnn": imagenet_cnn,
}
