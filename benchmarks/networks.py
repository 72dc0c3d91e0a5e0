"""Training rate of document 003's networks, beside the same networks in PyTorch where it is installed.

    python benchmarks/networks.py [--networks dcnn gru ...]                       TensorFlow
    KERAS_BACKEND=jax python benchmarks/networks.py [--networks dcnn gru ...]     JAX, if it is installed

A training step of 64 clips at random, without metrics and without loading. Ours run as the suite trains them, with
deterministic operations; PyTorch's are compiled with `torch.compile`, channels last where maps have two dimensions.
Both have the same number of trainable parameters, or the benchmark stops. They are measured in turns in one process.
"""

import argparse
import statistics
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
from matrix_rate import ROUNDS, Step, seconds

from common import environment
from common.learners.keras3 import use_determinism
from common.learners.quiet import keras
from common.study import Setting
from reproductions.freesound_tagging import EXPERIMENTS, networks
from reproductions.freesound_tagging.mask import mask

CLIPS, TAGS = 64, 80
SETTING = Setting({"gru_axis": "frames", "backbone": "mobilenet-0.25"}, seed=0)

OURS: Mapping[str, Callable[[Setting, int], Any]] = {one.id: one.build for one in EXPERIMENTS if "-aug" not in one.id}
"""Augmented rows have the networks of the others."""


def batch(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return clips (clips, *shape) and tags (clips, tags), one or two for each clip, at random."""
    draw = np.random.default_rng(0)
    tags = np.eye(TAGS, dtype=np.float32)[draw.integers(0, TAGS, (2, CLIPS))].max(axis=0)
    return draw.standard_normal((CLIPS, *shape), np.float32), tags


def with_keras(model: Any, loss: str) -> Step:
    """Return a training step of one of our networks."""
    model.compile("adam", loss, jit_compile=environment.jit_compile())
    x, y = batch(model.input_shape[1:])
    return lambda: model.train_on_batch(x, y)


def with_torch(model: Any, shape: tuple[int, ...], loss: str) -> Step:
    """Return a training step of a network of `in_torch`, compiled."""
    import torch
    from torch import nn

    model = model.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters())
    of = {
        "binary_crossentropy": nn.functional.binary_cross_entropy_with_logits,
        "categorical_crossentropy": nn.functional.cross_entropy,
    }
    forward = torch.compile(model)
    x, y = (torch.from_numpy(array) for array in batch(shape))

    def step() -> None:
        optimiser.zero_grad()
        of[loss](forward(x), y).backward()
        optimiser.step()

    return step


def in_torch(name: str) -> Any:
    """Return a network of the document in PyTorch, from clips in the shape of ours to logits."""
    import torch
    from torch import nn

    one_channel = nn.Unflatten(1, (1, networks.FRAMES))

    class Transposed(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.transpose(1, 2)

    class Mean(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.mean(dim=(2, 3))

    def dcnn(*, modified: bool) -> Any:
        def block(inputs: int, filters: int, pool: Any) -> list[Any]:
            pooled = [nn.MaxPool2d(pool)] if pool else []
            active = [nn.BatchNorm2d(filters), nn.LeakyReLU()] if modified else [nn.ReLU()]
            return [nn.Conv2d(inputs, filters, 5), *pooled, *active]

        active = nn.LeakyReLU() if modified else nn.ReLU()
        head = [nn.Flatten(), nn.Dropout(0.5), nn.Linear(2400, 256), active, nn.Dropout(0.5), nn.Linear(256, TAGS)]
        return nn.Sequential(one_channel, *block(1, 24, (4, 2)), *block(24, 48, (4, 2)), *block(48, 48, None), *head)

    class Gru(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(networks.BANDS, 64, 3, bidirectional=True, dropout=0.2, batch_first=True)
            self.head = nn.Linear(384, TAGS)

        def forward(self, x: Any) -> Any:
            return self.head(self.gru(x)[1].transpose(0, 1).flatten(1))

    def kaggle() -> Any:
        channels = (1, 64, 128, 256, 512)
        maps: list[Any] = [one_channel]
        for inputs, filters in pairwise(channels):
            for before in (inputs, filters):
                maps += [nn.Conv2d(before, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU()]
            maps.append(nn.AvgPool2d(2))
        head = [nn.Dropout(0.2), nn.Linear(512, 128), nn.PReLU(), nn.BatchNorm1d(128), nn.Dropout(0.1)]
        return nn.Sequential(*maps, Mean(), *head, nn.Linear(128, TAGS))

    class MaskedConv1d(nn.Conv1d):
        def __init__(self, inputs: int) -> None:
            super().__init__(inputs, 256, 9, padding=4)
            self.register_buffer("mask", torch.from_numpy(mask(inputs, 256, bandwidth=64, overlap=32).T[..., None]))

        def forward(self, x: Any) -> Any:
            return nn.functional.conv1d(x, self.weight * self.mask, self.bias, padding=4)

    def mcnn(*, masked: bool) -> Any:
        plain = partial(nn.Conv1d, out_channels=256, kernel_size=9, padding=4)
        first = MaskedConv1d if masked else plain
        return nn.Sequential(
            *(Transposed(), first(128), nn.LeakyReLU(), nn.BatchNorm1d(256)),
            *(first(256), nn.LeakyReLU(), nn.MaxPool1d(2), nn.BatchNorm1d(256)),
            *(plain(256), nn.LeakyReLU(), nn.MaxPool1d(2)),
            *(plain(256), nn.LeakyReLU(), nn.MaxPool1d(4), nn.BatchNorm1d(256)),
            *(nn.Flatten(), nn.Linear(2048, 1024), nn.LeakyReLU(), nn.Linear(1024, TAGS)),
        )

    def front() -> list[Any]:
        return [Transposed(), nn.Conv1d(1, 64, 3, stride=3), nn.BatchNorm1d(64), nn.ReLU()]

    def samplecnn() -> Any:
        channels = (64, 64, 128, 128, 128, 256, 256, 256, 512, 512)
        maps = front()
        for inputs, filters in pairwise(channels):
            maps += [nn.Conv1d(inputs, filters, 3, padding=1), nn.BatchNorm1d(filters), nn.ReLU(), nn.MaxPool1d(3)]
        return nn.Sequential(*maps, nn.Flatten(), nn.Linear(512, TAGS))

    class ReseBlock(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            before = [nn.Conv1d(64, 64, 3, padding=1), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2)]
            self.branch = nn.Sequential(*before, nn.Conv1d(64, 64, 3, padding=1), nn.BatchNorm1d(64))
            self.gate = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.Sigmoid())

        def forward(self, x: Any) -> Any:
            gated = self.branch(x) * self.gate(x.mean(dim=2))[..., None]
            return nn.functional.max_pool1d(torch.relu(x + gated), 3)

    class Rese2Multi(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.front = nn.Sequential(*front())
            self.blocks = nn.ModuleList(ReseBlock() for _ in range(9))
            self.head = nn.Linear(192, TAGS)

        def forward(self, x: Any) -> Any:
            levels = [self.front(x)]
            for block in self.blocks:
                levels.append(block(levels[-1]))
            return self.head(torch.cat([level.amax(dim=2) for level in levels[-3:]], dim=1))

    class Grey(nn.Module):
        def forward(self, x: Any) -> Any:
            low, high = x.amin(dim=(1, 2, 3), keepdim=True), x.amax(dim=(1, 2, 3), keepdim=True)
            return (2 * (x - low) / (high - low) - 1).expand(-1, 3, -1, -1)

    def mobilenet() -> Any:
        def block(inputs: int, filters: int, size: int, **settings: int) -> list[Any]:
            conv = nn.Conv2d(inputs, filters, size, padding=size // 2, bias=False, **settings)
            return [conv, nn.BatchNorm2d(filters), nn.ReLU6()]

        maps, channels = block(3, 8, 3, stride=2), 8
        strides = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1))
        for filters, stride in strides:
            maps += block(channels, channels, 3, stride=stride, groups=channels) + block(channels, filters, 1)
            channels = filters
        return nn.Sequential(one_channel, Grey(), *maps, Mean(), nn.Linear(256, TAGS))

    made: dict[str, Callable[[], Any]] = {
        "dcnn": partial(dcnn, modified=False),
        "moddcnn": partial(dcnn, modified=True),
        "gru": Gru,
        "kaggle": kaggle,
        "mcnn": partial(mcnn, masked=True),
        "mcnn-nomask": partial(mcnn, masked=False),
        "samplecnn": samplecnn,
        "rese2multi": Rese2Multi,
        "imagenet-cnn": mobilenet,
    }
    return made[name]()


def steps(name: str) -> dict[str, Step]:
    """Return a training step of a network in each library, by library; PyTorch's where it is installed and compiles.

    Raises:
        AssertionError: the two networks do not have the same number of trainable parameters.
    """
    loss = "categorical_crossentropy" if name.startswith("mcnn") else "binary_crossentropy"
    ours = OURS[name](SETTING, TAGS)
    found = {"ours": with_keras(ours, loss)}
    found["ours"]()  # traces and compiles
    if find_spec("torch"):
        theirs = in_torch(name)
        parameters = sum(int(np.prod(variable.shape)) for variable in ours.trainable_variables)
        assert parameters == sum(weights.numel() for weights in theirs.parameters()), f"{name}: not the same network"
        step = with_torch(theirs, ours.input_shape[1:], loss)
        try:
            step()
            found["PyTorch"] = step
        except Exception as error:  # without a C++ compiler, for instance
            print(f"{name}: PyTorch left out ({type(error).__name__}: {str(error).splitlines()[0]})")
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", choices=OURS, default=list(OURS), metavar="NETWORK")
    use_determinism(SETTING.seed)
    for name in parser.parse_args().networks:
        found = steps(name)
        rounds = [{library: seconds(step) for library, step in found.items()} for _ in range(ROUNDS)]
        rates = [f"{library} {CLIPS / statistics.median(took[library] for took in rounds):7.1f}" for library in found]
        line = f"{name:12} clips/s: {', '.join(rates)}"
        if "PyTorch" in found:
            line += f", ratio {statistics.median(took['PyTorch'] / took['ours'] for took in rounds):.2f}"
        print(line, flush=True)
        keras.utils.clear_session()


if __name__ == "__main__":
    main()
