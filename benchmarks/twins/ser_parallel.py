"""The networks of document 004 in PyTorch: CNN blocks, an encoder beside them, VGG16, wav2vec 2.0."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from reproductions.ser_parallel import vgg16_network as vgg16
from reproductions.ser_parallel.from_scratch_networks import BLOCK, BLOCK_DROPOUT, ENCODER, ENCODERS
from reproductions.ser_parallel.wav2vec2 import BASE
from reproductions.ser_parallel.wav2vec2_network import HEAD_DROPOUT, NO_MASKING
from twins import Twin
from twins.imagenet import vgg16_block
from twins.parts import Apply, channels_first


class FrameNorm(nn.BatchNorm2d):
    """Batch normalisation of maps (clips, channels, bands, frames) along the frames."""

    def forward(self, maps: Any) -> Any:
        """Return the normalised maps."""
        return super().forward(maps.transpose(1, 3)).transpose(1, 3)


def cnn_block(frames: int) -> nn.Sequential:
    """Return a block, from maps (clips, 1, bands, frames) to vectors."""
    layers: list[nn.Module] = []
    channels = 1
    for filters, pool in BLOCK:
        layers += [nn.Conv2d(channels, filters, 3, padding=1), FrameNorm(frames), nn.ReLU()]
        layers += [nn.MaxPool2d(pool), nn.Dropout(BLOCK_DROPOUT)]
        channels, frames = filters, frames // pool
    return nn.Sequential(*layers, nn.Flatten())


def encoder(bands: int) -> nn.Sequential:
    """Return the encoders, from maps (clips, 1, bands, frames) to (clips, bands), with attention over the clips."""
    settings = {"nhead": ENCODER["num_heads"], "dim_feedforward": ENCODER["intermediate_dim"]}
    settings |= {"dropout": ENCODER["dropout"], "activation": ENCODER["activation"]}
    layers = [nn.TransformerEncoderLayer(bands, **settings, batch_first=True) for _ in range(ENCODERS)]
    by_frame = Apply(lambda maps: maps[:, 0].permute(2, 0, 1))
    return nn.Sequential(by_frame, *layers, Apply(lambda sequence: sequence.mean(dim=0)))


class Parallel(nn.Module):
    """CNN blocks side by side, with or without the encoder, and a dense layer."""

    def __init__(self, shape: Sequence[int], outputs: int, *, blocks: int, encoded: bool) -> None:
        super().__init__()
        bands, frames, _ = shape
        beside = [encoder(bands)] if encoded else []
        self.parts = nn.ModuleList([*beside, *(cnn_block(frames) for _ in range(blocks))])
        cells = math.prod(pool for _, pool in BLOCK)
        flat = (bands // cells) * (frames // cells) * BLOCK[-1][0]
        self.head = nn.Linear(len(beside) * bands + blocks * flat, outputs)

    def forward(self, clips: Any) -> Any:
        """Return the logits."""
        maps = clips.permute(0, 3, 1, 2)
        return self.head(torch.cat([part(maps) for part in self.parts], dim=1))


def vgg16_head(shape: Sequence[int], outputs: int) -> nn.Sequential:
    """Return the new classifier, from maps, or from maps that are flattened already."""
    return nn.Sequential(
        *(nn.Flatten(), nn.Linear(math.prod(shape), vgg16.FIRST_UNITS), nn.ReLU(), nn.Dropout(vgg16.DROPOUT)),
        *(nn.Linear(vgg16.FIRST_UNITS, vgg16.SECOND_UNITS), nn.ReLU(), nn.Linear(vgg16.SECOND_UNITS, outputs)),
    )


def vgg16_end(shape: Sequence[int], outputs: int, *, unfrozen: int) -> nn.Sequential:
    """Return what is trained when the last layers are unfrozen, from the maps that reach the first of them."""
    high, wide, channels = shape
    last = vgg16_block(channels, channels, unfrozen)
    return nn.Sequential(channels_first(), *last, *vgg16_head((channels, high // 2, wide // 2), outputs))


def altered(pictures: Any) -> Any:
    """Return pictures (clips, 3, high, wide), each flipped, turned and zoomed at random, sampled once."""
    clips = len(pictures)
    angle = (2 * torch.rand(clips) - 1) * vgg16.ROTATION * 2 * math.pi
    zoom = 1 + (2 * torch.rand(2, clips) - 1) * vgg16.ZOOM
    flip = 1 - 2 * torch.randint(0, 2, (clips,))
    none = torch.zeros(clips)
    wide = torch.stack([zoom[1] * angle.cos() * flip, -angle.sin(), none], dim=1)
    high = torch.stack([angle.sin() * flip, zoom[0] * angle.cos(), none], dim=1)
    grid = nn.functional.affine_grid(torch.stack([wide, high], dim=1), list(pictures.shape), align_corners=False)
    return nn.functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


class AugmentedVgg16(nn.Module):
    """VGG16, frozen, on pictures (clips, high, wide, 3) that are altered at random, and the new classifier."""

    def __init__(self, shape: Sequence[int], outputs: int) -> None:
        super().__init__()
        sizes = ((3, 64, 2), (64, 128, 2), (128, 256, 3), (256, 512, 3), (512, 512, 3))
        self.base = nn.Sequential(*(layer for size in sizes for layer in vgg16_block(*size))).requires_grad_(False)
        self.head = vgg16_head((sizes[-1][1], shape[0] // 2**vgg16.BLOCKS, shape[1] // 2**vgg16.BLOCKS), outputs)
        self.register_buffer("mean", torch.tensor(vgg16.MEAN_RED_GREEN_BLUE)[:, None, None])

    def forward(self, clips: Any) -> Any:
        """Return the logits."""
        pictures = altered(clips.permute(0, 3, 1, 2).float())
        return self.head(self.base((pictures - self.mean).flip(1)))


class Wav2Vec2(nn.Module):
    """The PyTorch class of transformers, its frames averaged, dropout and a dense layer.

    Ours computes the encoder layers again in the backward pass, which saves memory; PyTorch's keeps what they computed.
    """

    def __init__(self, shape: Sequence[int], outputs: int) -> None:
        super().__init__()
        # Imported here: it takes seconds, and one network needs it.
        from transformers import Wav2Vec2Config, Wav2Vec2Model

        self.network = Wav2Vec2Model(Wav2Vec2Config(**{**BASE, **NO_MASKING}))
        self.head = nn.Sequential(nn.Dropout(HEAD_DROPOUT), nn.Linear(BASE["hidden_size"], outputs))

    def forward(self, clips: Any) -> Any:
        """Return the logits."""
        return self.head(self.network(clips).last_hidden_state.mean(dim=1))


NETWORKS: Mapping[str, Twin] = {
    "single-cnn": partial(Parallel, blocks=1, encoded=False),
    "dual-cnn": partial(Parallel, blocks=2, encoded=False),
    **dict.fromkeys(("parallel-mfcc", "parallel-mel", "parallel-mel-94"), partial(Parallel, blocks=2, encoded=True)),
    "vgg16-1": vgg16_head,
    "vgg16-2": AugmentedVgg16,
    **{f"vgg16-{2 + unfrozen}": partial(vgg16_end, unfrozen=unfrozen) for unfrozen in (1, 2, 3)},
    "wav2vec2": Wav2Vec2,
}
