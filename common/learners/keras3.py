"""Training that can be killed at any moment and goes on to the same end.

Three kinds of learner meet the protocol `Learner`; those of Keras 3 and of scikit-learn are here, that of tf-keras in
`common.learners.tf_keras`. Everything random in an epoch (the order of the clips, dropout) is derived from (seed,
epoch), and the checkpoint of an epoch holds weights, optimiser, early stopping and history, so an interrupted run and
an unbroken one give the same predictions to the bit on one machine. A scikit-learn estimator is fitted at once.
"""

import contextlib
import functools
import json
import os
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import keras
import numpy as np
import pandas as pd

from common import environment
from common.arrays import Arrays, Rows
from common.errors import InputError
from common.learners import frozen, pipeline
from common.learners.callbacks import HISTORY_COLUMNS, Checkpoint, Deadline, EpochSeeds, FiniteLoss, Report, end_at
from common.learners.learner import file_name
from common.learners.sklearn_learner import SklearnLearner
from common.learners.summaries import summarise
from common.progress import progress
from common.study import Experiment, Training

BATCHES_AT_ONCE = 8
"""Batches that `predict` reads from the disk at a time."""


def use_determinism(seed: int) -> None:
    """Seed Python, NumPy and the Keras backend, and choose deterministic kernels where there is a choice."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def use_mixed_precision() -> None:
    """Compute in half precision: float16 on a GPU, bfloat16 elsewhere; weights stay float32."""
    keras.mixed_precision.set_global_policy("mixed_float16" if environment.has_gpu() else "mixed_bfloat16")


def precision() -> str:
    """Return what models are computed in: `float32` unless `use_mixed_precision` was called."""
    return str(keras.mixed_precision.global_policy().name)


@functools.cache
def strategy_scope(name: str) -> Callable[[], contextlib.AbstractContextManager[Any]]:
    """Return what opens the scope in which a model is built and trained; one strategy serves all models of a process.

    Args:
        name: `none`, `mirrored` or `multiworker` (which reads TF_CONFIG).

    Raises:
        InputError: the name is unknown, the backend has no such strategy, or the strategy cannot begin.
    """
    if name == "none":
        return contextlib.nullcontext
    if name not in ("mirrored", "multiworker"):
        raise InputError(f"--strategy is none, mirrored or multiworker, not {name!r}")
    if keras.backend.backend() != "tensorflow":
        raise InputError(f"--strategy {name} needs KERAS_BACKEND=tensorflow")
    import tensorflow as tf

    strategies = {"mirrored": tf.distribute.MirroredStrategy, "multiworker": tf.distribute.MultiWorkerMirroredStrategy}
    try:
        if name == "multiworker" and (workers := _workers()) > 1:
            # keras 3.15 fails in its first step on a batch that is divided between processes.
            raise InputError(f"Keras cannot train on the {workers} workers of TF_CONFIG; on one machine, use mirrored")
        strategy: Any = strategies[name]()
    except (RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"--strategy {name} cannot begin ({error}); check TF_CONFIG, or train with none") from error
    return strategy.scope


def _workers() -> int:
    """Return how many processes train together, as TF_CONFIG says."""
    cluster = json.loads(os.environ.get("TF_CONFIG", "{}")).get("cluster", {})
    return sum(len(addresses) for job, addresses in cluster.items() if job in ("chief", "worker"))


class KerasLearner:
    """A Keras 3 classifier, trained with Adam on categorical cross-entropy.

    Args:
        build: returns the uncompiled model.
        training: its settings.
        seed: of everything random: initial weights, order, dropout.
        folder: where checkpoints (and TensorBoard logs) go; None: nowhere, for models that only predict.
        strategy: a name that `strategy_scope` knows.
        deadline: `time.monotonic()` after which no further epoch begins; None: never.
    """

    FILE: ClassVar[str] = "model.keras"
    probabilistic = True

    def __init__(
        self,
        build: Callable[[], keras.Model],
        training: Training,
        *,
        seed: int = 0,
        folder: Path | None = None,
        strategy: str = "none",
        deadline: float | None = None,
    ) -> None:
        self.training, self.seed, self._folder, self._deadline = training, seed, folder, deadline
        use_determinism(seed)
        self._scope, self._distributed = strategy_scope(strategy), strategy != "none"
        with self._scope():
            self.model = build()
            self.divided = self._divide()
            for model in [self.model, *([self.divided.rest] if self.divided else [])]:
                self._compile(model)

    @classmethod
    def refuse(cls, strategy: str) -> None:
        """Refuse a way of computing that this learner cannot take: nothing that Keras can do is refused."""

    def _divide(self) -> frozen.Divided | None:
        return frozen.divide(self.model)

    def _compile(self, model: keras.Model) -> None:
        model.compile(
            optimizer=keras.optimizers.Adam(self.training.learning_rate),
            loss="categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=environment.jit_compile(),
        )

    def fit(self, train: Arrays, validation: Arrays | None, *, epochs: int, stage: str) -> pd.DataFrame:
        """Train for at most `epochs`, going on from the stage's checkpoint if there is one.

        With patience set and validation clips given, training stops early and the best weights are restored. Where the
        model begins with layers that are frozen, they run once per clip, and training starts from what they gave
        (`common.learners.frozen`).

        Returns:
            One row per epoch: `HISTORY_COLUMNS`; epochs count from 1.

        Raises:
            BudgetSpentError: the deadline has passed; the last finished epoch is kept.
            InputError: the stage's checkpoint is damaged.
            ResultError: the loss is no number any more.
        """
        size = self.training.batch_size
        stopping = self._early_stopping(validation)
        checkpoint = Checkpoint(self._checkpoint_path(stage), stopping)
        with self._scope():
            model, train, validation = self._what_is_trained(train, validation)
            self._make_variables(model)
            done = checkpoint.restore(model)
        batching: Any = {"batch_size": size, "distributed": self._distributed}
        orders = pipeline.epoch_orders(len(train.x), epochs, seed=self.seed)
        with progress(stage, epochs, done=done) as advance:
            # The checkpoint comes after what decides about the epoch, and before what may end the training.
            deciding = [self._epoch_seeds(), FiniteLoss(stage), *([stopping] if stopping else [])]
            telling = [Report(advance), *self._tensorboard(stage), Deadline(self._deadline)]
            model.fit(
                pipeline.training_batches(train, orders, first_epoch=min(done, epochs - 1), **batching),
                validation_data=pipeline.ordered_batches(validation, **batching) if validation else None,
                initial_epoch=epochs if checkpoint.stopped else done,
                epochs=epochs,
                steps_per_epoch=pipeline.steps_per_epoch(len(train.x), size),
                callbacks=self._callbacks([*deciding, checkpoint, *telling]),
                shuffle=False,
                verbose=0,
            )
        return pd.DataFrame(checkpoint.history).reindex(columns=list(HISTORY_COLUMNS))

    def _make_variables(self, model: keras.Model) -> None:
        """Make the variables of the optimiser and of the metrics: a step that made them would be traced twice."""
        model.optimizer.build(model.trainable_variables)
        if not self._distributed:  # whose metrics take no clip outside a step
            clip = np.zeros((1, model.output_shape[-1]), np.float32)
            model.compute_metrics(None, clip, clip, None)

    def _what_is_trained(self, train: Arrays, validation: Arrays | None) -> tuple[keras.Model, Arrays, Arrays | None]:
        """Return the part of the model that training changes, and the clips as they reach it."""
        divided = self.divided
        if divided is None or not divided.can_be_kept(*(arrays.x for arrays in (train, validation) if arrays)):
            return self.model, train, validation
        between = functools.partial(end_at, self._deadline)
        reaching = [arrays and replace(arrays, x=divided.outputs(arrays.x, between)) for arrays in (train, validation)]
        return divided.rest, *reaching

    def _epoch_seeds(self) -> keras.callbacks.Callback:
        return EpochSeeds(self.seed)

    def _callbacks(self, callbacks: Sequence[Any]) -> list[Any]:
        """Return the callbacks as the model's own library takes them."""
        return list(callbacks)

    def _early_stopping(self, validation: Arrays | None) -> keras.callbacks.EarlyStopping | None:
        if validation is None or self.training.patience is None:
            return None
        monitor = self.training.monitor
        return keras.callbacks.EarlyStopping(
            monitor,
            patience=self.training.patience,
            mode="min" if monitor == "val_loss" else "max",
            restore_best_weights=True,
        )

    def _checkpoint_path(self, stage: str) -> Path | None:
        return self._folder / f"{file_name(stage)}.npz" if self._folder else None

    def _tensorboard(self, stage: str) -> list[keras.callbacks.Callback]:
        if self._folder is None or keras.backend.backend() != "tensorflow":
            return []
        logs = self._folder.parent / "tensorboard" / file_name(stage)
        return [keras.callbacks.TensorBoard(str(logs), write_graph=False)]

    def predict(self, x: np.ndarray | Rows) -> np.ndarray:
        """Return class probabilities (clips, classes) float32; batches of `training.batch_size` in the given order."""
        size = self.training.batch_size
        at_once = size * BATCHES_AT_ONCE if isinstance(x, Rows) else len(x)
        parts = [x[start : start + at_once] for start in range(0, len(x), at_once)]
        predicted = [self.model.predict(part, batch_size=size, verbose=0) for part in parts]
        return np.concatenate(predicted).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write the model in Keras' own format; the file is whole or absent."""
        temporary = path.with_name(f".{path.name}")
        self.model.save(temporary)
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path, training: Training) -> Self:
        """Read a model that `save` wrote.

        Raises:
            InputError: the file is missing or no Keras model.
        """
        try:
            model = cls._load_model(path)
        except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
            reason = str(error).strip().partition("\n")[0]
            raise InputError(f"{path} is no model that Encore saved ({reason}); run the experiment again") from error
        return cls(lambda: model, training)

    @classmethod
    def _load_model(cls, path: Path) -> Any:
        return keras.models.load_model(path, compile=False)

    def summary(self) -> dict[str, Any]:
        """Return `total`, `trainable`, `non_trainable` and `layers` (name, type, shape, parameters)."""
        return summarise(self.model)


def learner_of(experiment: Experiment) -> type[Any]:
    """Return the class that an experiment is trained with: what it names, or else what its training implies."""
    if experiment.training is None:
        return SklearnLearner
    return experiment.learner or KerasLearner


def steps_per_second(model: keras.Model, batch: tuple[np.ndarray, np.ndarray], steps: Sequence[int] = (3, 8)) -> float:
    """Measure training steps a second on one batch: the first of `steps` warm up, the second are timed."""
    warm, timed = steps
    for _ in range(warm):
        model.train_on_batch(*batch)
    began = time.monotonic()
    for _ in range(timed):
        model.train_on_batch(*batch)
    return timed / (time.monotonic() - began)
