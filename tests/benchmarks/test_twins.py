"""The networks in PyTorch are ours: as many parameters and as many multiplications."""

import numpy as np
import pytest
import training

torch = pytest.importorskip("torch")

from speed.networks import Network, in_torch, network  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

CLIPS = 2
READS_VALUES = ("ser_parallel/wav2vec2",)
"""Networks that cannot run on PyTorch's device without values."""


def forward(made: Network, device: str) -> int:
    """Return the multiplications of a forward pass of the network in PyTorch, as PyTorch counts them."""
    twin = in_torch(made).to(device)
    x = torch.from_numpy(made.batch(CLIPS)[0]).to(device)
    counter = FlopCounterMode(display=False)
    # Of fused attention PyTorch's count knows nothing.
    with torch.no_grad(), torch.device(device), sdpa_kernel(SDPBackend.MATH), counter:
        outputs = twin(x)
    assert tuple(outputs.shape) == (CLIPS, made.outputs)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("name", [name for name in training.NETWORKS if name not in READS_VALUES])
def test_a_network_in_pytorch_has_our_parameters_and_multiplies_as_often(name: str) -> None:
    made = network(name)
    theirs = forward(made, "meta")  # raises an error if there are other numbers of parameters
    made.model.trainable = False  # what is left is the forward pass; PyTorch's counts of some gradients are too high
    assert made.multiplications(CLIPS) == theirs


def test_wav2vec2_in_pytorch_has_our_parameters_and_multiplies_as_often() -> None:
    made = network("ser_parallel/wav2vec2")
    theirs = forward(made, "cpu")
    dropped = 768 * 48 * 128  # PyTorch's convolution of positions computes a frame that is not used
    first = 9599 * 512 * 10  # has no gradient of its input
    assert made.multiplications(CLIPS) == 3 * theirs - CLIPS * (3 * dropped + first)


@pytest.mark.parametrize("name", ["ser_parallel/single-cnn", "freesound_tagging/gru"])
def test_a_step_in_pytorch_learns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from speed.networks import with_torch

    monkeypatch.setattr(torch, "compile", lambda twin, **settings: twin)  # it takes long
    made, twins = network(name), []
    monkeypatch.setattr("speed.networks.in_torch", lambda made: twins.append(in_torch(made)) or twins[-1])
    step = with_torch(made, made.batch(CLIPS))
    before = [weights.detach().numpy().copy() for weights in twins[0].parameters()]
    step()
    after = [weights.detach().numpy() for weights in twins[0].parameters()]
    assert all(not np.array_equal(one, other) for one, other in zip(before, after, strict=True))
