"""The networks whose training steps are measured, as the suite trains them, and their steps in both libraries."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from twins import twin_of

from common.errors import ResultError
from common.learners.learner import class_of
from common.learners.quiet import keras
from common.study import Experiment, Setting, Study, Training
from common.tasks import Task
from speed import multiplications

Step = Callable[[], Any]
Batch = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Network:
    """A network of an experiment under the protocol `published`, with random weights.

    Attributes:
        study: whose experiment.
        experiment: its row of the study.
        task: what it predicts.
        model: what is trained, compiled: without the frozen layers, where they run once per clip.
    """

    study: Study
    experiment: Experiment
    task: Task
    model: Any

    @property
    def training(self) -> Training:
        """Its settings of training."""
        assert isinstance(self.experiment.method, Training)
        return self.experiment.method

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a clip; a tf-keras model has a list of inputs of the same shape."""
        shape = self.model.input_shape
        return tuple((shape[0] if isinstance(shape, list) else shape)[1:])

    @property
    def parameters(self) -> int:
        """How many are trained."""
        return sum(int(np.prod(weights.shape)) for weights in self.model.trainable_weights)

    @property
    def outputs(self) -> int:
        """How many it has."""
        return len(self.task.outputs)

    def multiplications(self, clips: int) -> int:
        """Return those of a training step on a batch of clips."""
        if self.training.library == "keras":
            return multiplications.of_step(self.model, clips)
        from reproductions.ser_parallel.wav2vec2 import BASE

        (samples,) = self.shape
        return multiplications.of_wav2vec2(BASE, clips, samples, self.outputs)

    def batch(self, clips: int) -> Batch:
        """Return clips and targets at random."""
        draw = np.random.default_rng(0)
        shape = (clips, *self.shape)
        if self.model.inputs[0].dtype == "uint8":
            x = draw.integers(0, 256, shape, np.uint8)
        else:
            x = draw.standard_normal(shape, np.float32)
        return x, self.task.noise(clips, draw).astype(np.float32)


def network(name: str) -> Network:
    """Return a network, compiled as the suite compiles it, with deterministic operations.

    Args:
        name: `study/experiment`.

    Raises:
        InputError: it cannot be built with this backend.
    """
    study_name, experiment_name = name.split("/")
    study: Study = import_module(f"reproductions.{study_name}").STUDY
    experiment = study.experiment(experiment_name)
    setting, task = Setting(study.protocols["published"].switches, seed=0), study.task_of(experiment)
    build = partial(experiment.build, setting, len(task.outputs))
    learner = class_of(experiment)(build, task, experiment.method)
    return Network(study, experiment, task, learner.divided.rest if learner.divided else learner.model)


def with_keras(network: Network, batch: Batch) -> Step:
    """Return a training step of one of our networks."""
    x, y = (keras.ops.convert_to_tensor(array) for array in batch)
    return lambda: network.model.train_on_batch(x, y)


def in_torch(network: Network) -> Any:
    """Return the same network in PyTorch.

    Raises:
        ResultError: it does not have the same number of trainable parameters.
    """
    twin = twin_of(network.study.name, network.experiment.id)(network.shape, network.outputs)
    theirs = sum(weights.numel() for weights in twin.parameters() if weights.requires_grad)
    if theirs != network.parameters:
        raise ResultError(
            f"{network.study.name}/{network.experiment.id} has {network.parameters:,} trainable parameters, and its "
            f"network in PyTorch {theirs:,}; make them the same in benchmarks/twins"
        )
    return twin


def with_torch(network: Network, batch: Batch) -> Step:
    """Return a training step of the same network in PyTorch: compiled, and maps with channels last.

    Raises:
        RuntimeError: its compiler cannot use this processor's vector instructions.
    """
    import torch
    from torch._inductor import cpu_vec_isa
    from torch.nn import functional

    # It would compile without them, without a word, and be several times slower: no peer to be measured beside.
    if not cpu_vec_isa.pick_vec_isa():
        raise RuntimeError("it finds no vector instructions")
    torch.compiler.config.force_disable_caches = True  # they may hold code that was compiled so

    twin, training = in_torch(network).to(memory_format=torch.channels_last), network.training
    trained = [weights for weights in twin.parameters() if weights.requires_grad]
    optimiser = torch.optim.Adam(trained, training.learning_rate, amsgrad=training.amsgrad)
    loss = {
        "binary_crossentropy": functional.binary_cross_entropy_with_logits,
        "categorical_crossentropy": functional.cross_entropy,
        "mean_absolute_error": functional.l1_loss,
    }[str(training.loss or network.task.LOSS)]
    forward = torch.compile(twin, dynamic=False)  # every batch is as large
    x, y = (torch.from_numpy(array) for array in batch)

    def step() -> None:
        optimiser.zero_grad()
        loss(forward(x), y).backward()
        optimiser.step()

    return step
