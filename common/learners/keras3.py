"""Training of Keras models that resumes after an interruption and gives the same result.

All random numbers of an epoch (order of the clips, dropout, augmentation) depend on (seed, epoch), and the checkpoint
of an epoch has weights, optimiser, state of the callbacks and history. So an interrupted run and an uninterrupted one
give the same predictions to the bit on one machine.
"""

import contextlib
import functools
import re
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Self

import keras
import numpy as np
import pandas as pd

from common import environment, files
from common.arrays import Arrays, Crops, Features
from common.errors import InputError, reason_of
from common.learners import data_parallel, frozen, pipeline
from common.learners.callbacks import Checkpoint, EpochSeeds, FiniteLoss, Report, end_at
from common.learners.learner import file_name
from common.learners.summaries import summarise
from common.progress import progress
from common.study import Training
from common.tasks import Task

BATCHES_AT_ONCE = 8
"""Number of batches that `predict` reads from the disk at a time."""

OWN_MODULE = re.compile(r'"module": "((?:common|reproductions)\.[a-z0-9_.]*[a-z0-9])"')
"""A module of Encore in the description of a saved model; modules of others, and `__main__`, are not imported."""

BACKEND_OF: Mapping[str, str] = {"mirrored": "tensorflow", "data-parallel": "jax"}
"""The Keras backend that each strategy needs."""

STEPS_UNTIMED, STEPS_TIMED = 3, 8
"""Steps that `steps_per_second` makes: the first ones include compilation."""


def use_determinism(seed: int) -> None:
    """Seed Python, NumPy and the Keras backend, and use deterministic kernels."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def use_mixed_precision(*, on_gpu: bool) -> None:
    """Compute in half precision: float16 on a GPU, bfloat16 elsewhere; weights stay float32."""
    # CPUs have instructions for bfloat16 but not for float16.
    keras.mixed_precision.set_global_policy("mixed_float16" if on_gpu else "mixed_bfloat16")


def precision() -> str:
    """Return the precision of computations: `float32` unless `use_mixed_precision` was called."""
    return str(keras.mixed_precision.global_policy().name)


@functools.cache
def strategy_scope(name: str) -> Callable[[], contextlib.AbstractContextManager[Any]]:
    """Return a function that opens the scope in which models are built and trained.

    It is cached: all models of a process share one strategy.

    `mirrored` (TensorFlow) divides a batch between the GPUs of one machine; batch normalisation then has statistics of
    each GPU's part. `data-parallel` (JAX) divides it between all devices of one or several processes; batch
    normalisation has statistics of the whole batch (`common.learners.data_parallel`).

    Args:
        name: `none`, or a key of `BACKEND_OF`.

    Raises:
        InputError: the name is unknown, the backend is another one, or the strategy cannot start.
    """
    if name == "none":
        return contextlib.nullcontext
    if name not in BACKEND_OF:
        raise InputError(f"--strategy is none, {' or '.join(BACKEND_OF)}, not {name!r}")
    if keras.backend.backend() != BACKEND_OF[name]:
        raise InputError(f"--strategy {name} needs KERAS_BACKEND={BACKEND_OF[name]}")
    if name == "data-parallel":
        return data_parallel.DataParallel().scope
    import tensorflow as tf

    try:
        strategy: Any = tf.distribute.MirroredStrategy()
    except (RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"--strategy {name} cannot start ({error}); use --strategy none") from error
    return strategy.scope


class KerasLearner:
    """A Keras 3 model, trained with Adam.

    Args:
        build: returns the uncompiled model.
        task: what it predicts.
        training: settings of the training.
        seed: seed of initial weights, order of the clips, dropout and augmentation.
        augment: alters training batches, as in `common.study.Inputs`. None: batches are not altered.
        folder: folder of checkpoints; TensorBoard logs are written beside it. None: no files. Of several processes
            that train together, only the leading one writes.
        strategy: a name that `strategy_scope` knows.
        deadline: the `time.monotonic()` (s) after which no epoch starts. None: never.
    """

    FILE: ClassVar[str] = "model.keras"
    probabilistic = True

    def __init__(
        self,
        build: Callable[[], keras.Model],
        task: Task,
        training: Training,
        *,
        seed: int = 0,
        augment: pipeline.Augment | None = None,
        folder: Path | None = None,
        strategy: str = "none",
        deadline: float | None = None,
    ) -> None:
        self.task, self.training, self.seed, self._augment = task, training, seed, augment
        self._folder, self._deadline = folder if data_parallel.leads() else None, deadline
        use_determinism(seed)
        self._scope, self._mirrored = strategy_scope(strategy), strategy == "mirrored"
        with self._scope():
            self.model = build()
            self.divided = self._divide()
            for model in [self.model, *([self.divided.rest] if self.divided else [])]:
                self._compile(model)

    @classmethod
    def refuse(cls, strategy: str) -> None:
        """Do nothing: Keras 3 models can be trained under every strategy, precision and backend."""

    def _divide(self) -> frozen.Divided | None:
        # Each process has a cache of its own, but all have to compute in step: frozen layers run in every epoch then.
        return frozen.divide(self.model) if data_parallel.processes() == 1 else None

    def _compile(self, model: keras.Model) -> None:
        model.compile(
            optimizer=keras.optimizers.Adam(self.training.learning_rate, amsgrad=self.training.amsgrad),
            loss=self.training.loss or self.task.LOSS,
            metrics=self.task.keras_metrics(),
            jit_compile=environment.jit_compile(),
        )

    def fit(self, train: Arrays, validation: Arrays | None, *, epochs: int, stage: str) -> pd.DataFrame:
        """Train for at most `epochs`, resuming from the stage's checkpoint if there is one.

        With validation clips and `patience`, training stops early and the best weights are restored. If the model
        starts with frozen layers, they run once per clip, and only the other layers are trained
        (`common.learners.frozen`).

        Args:
            train: training clips.
            validation: validation clips. None: there are none, and training does not stop early.
            epochs: largest number of epochs, including those before an interruption.
            stage: name of the training, for its checkpoint and for messages.

        Returns:
            One row per epoch: `epoch` (from 1), the loss and the task's metrics, the same for validation clips with
            the prefix `val_`, `learning_rate` if there is a plateau, and `seconds`.

        Raises:
            BudgetSpentError: the deadline has passed; the last finished epoch is kept.
            InputError: the stage's checkpoint is of another model, or has more epochs.
            OSError: it cannot be read.
            ResultError: the loss is not finite.
        """
        deciding = [] if validation is None else self._deciding()
        checkpoint = Checkpoint(self._folder / f"{file_name(stage)}.npz" if self._folder else None, deciding)
        with self._scope():
            model, train, validation = self._what_is_trained(train, validation)
            self._make_variables(model)
            done = checkpoint.restore(model)
        if done > epochs:
            raise InputError(f"{stage} has {done} epochs already; give at least --epochs {done}, or --fresh")
        batching = pipeline.Batching(
            self.training.batch_size,
            self.training.drop_remainder,
            self._augment,
            seed=self.seed,
            distributed=self._mirrored,
        )
        orders = pipeline.epoch_orders(len(train.x), epochs, seed=self.seed)
        # Not in the scope of the strategy, which is for models.
        batches = pipeline.training_batches(train, orders, batching, first_epoch=min(done, epochs - 1))
        validating = self._validating(validation)
        with progress(stage, epochs, done=done) as advance:
            # The order matters. The checkpoint stores the decisions of the callbacks before it, and is written before
            # a callback after it may end the process.
            before = [self._epoch_seeds(), FiniteLoss(stage), *deciding]
            deadline = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: end_at(self._deadline))
            after = [Report(advance), *self._tensorboard(stage), deadline]
            with self._scope(), data_parallel.dividing(model):
                model.fit(
                    batches,
                    validation_data=validating,
                    initial_epoch=epochs if checkpoint.stopped else done,  # it may have stopped before it was killed
                    epochs=epochs,
                    steps_per_epoch=batching.steps(len(train.x)),
                    callbacks=self._callbacks([*before, checkpoint, *after]),
                    shuffle=False,  # the orders are already random
                    verbose=0,
                )
        # Not the history of Keras, which lacks the epochs before an interruption.
        history = pd.DataFrame(checkpoint.history)
        return history[[*(name for name in history if name != "seconds"), "seconds"]]

    def _validating(self, validation: Arrays | None) -> Any:
        if validation is None:
            return None
        size = self.training.batch_size
        return pipeline.ordered_batches(validation, batch_size=size, distributed=self._mirrored)

    def _make_variables(self, model: keras.Model) -> None:
        """Make the variables of the optimiser and of the metrics."""
        # The checkpoint is restored into them. Also, TensorFlow traces a step twice if it makes variables.
        model.optimizer.build(model.trainable_variables)
        if not self._mirrored:  # under a strategy of TensorFlow, metrics cannot be updated outside a step
            clip = np.zeros((1, model.output_shape[-1]), np.float32)
            model.compute_metrics(None, clip, clip, None)

    def _what_is_trained(self, train: Arrays, validation: Arrays | None) -> tuple[keras.Model, Arrays, Arrays | None]:
        """Return the part of the model that is trained, and the clips as inputs of that part."""
        divided, fed = self.divided, [arrays for arrays in (train, validation) if arrays]
        still = [arrays.x for arrays in fed if not isinstance(arrays.x, Crops)]
        # Clips that change in every epoch have other outputs of the frozen layers each time: nothing can be cached.
        changing = self._augment is not None or len(still) < len(fed)
        if divided is None or changing or not divided.can_be_kept(*still):
            return self.model, train, validation
        between = functools.partial(end_at, self._deadline)
        reaching = [replace(arrays, x=divided.outputs(x, between)) for arrays, x in zip(fed, still, strict=True)]
        return divided.rest, reaching[0], reaching[1] if validation else None

    def _epoch_seeds(self) -> keras.callbacks.Callback:
        return EpochSeeds(self.seed)

    def _callbacks(self, callbacks: Sequence[Any]) -> list[Any]:
        """Return the callbacks in the form that the model's library needs."""
        return list(callbacks)

    def _deciding(self) -> list[keras.callbacks.Callback]:
        """Return the callbacks that watch the monitored score: first the plateau, then early stopping."""
        training, found = self.training, []
        if plateau := training.plateau:
            monitored = self._monitored(plateau.monitor or training.monitor)
            lower = keras.callbacks.ReduceLROnPlateau(factor=plateau.factor, patience=plateau.patience, **monitored)
            found.append(lower)
        if training.patience is not None:
            stopping = {"patience": training.patience, "restore_best_weights": True}
            found.append(keras.callbacks.EarlyStopping(**self._monitored(training.monitor), **stopping))
        return found

    def _monitored(self, score: str) -> dict[str, Any]:
        return {"monitor": score, "mode": self.task.MONITORS[score]}

    def _tensorboard(self, stage: str) -> list[keras.callbacks.Callback]:
        if self._folder is None or keras.backend.backend() != "tensorflow":
            return []
        logs = self._folder.parent / "tensorboard" / file_name(stage)
        return [keras.callbacks.TensorBoard(str(logs), write_graph=False)]

    def predict(self, x: Features) -> np.ndarray:
        """Return outputs (clips, outputs) float32; batches of `training.batch_size` in the given order.

        After training with `data-parallel`, every device computes all of them, and all processes have to call this.
        """
        size = self.training.batch_size
        # Rows on the disk are read in whole batches, so that the division into batches stays the same.
        at_once = len(x) if isinstance(x, np.ndarray) else size * BATCHES_AT_ONCE
        parts = [x[start : start + at_once] for start in range(0, len(x), at_once)]
        predicted = [self.model.predict(part, batch_size=size, verbose=0) for part in parts]
        return np.concatenate(predicted).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write the model in Keras' own format; the file is whole or absent."""
        with files.replacing(path) as temporary:
            self.model.save(temporary)

    @classmethod
    def load(cls, path: Path, task: Task, training: Training) -> Self:
        """Read a model that `save` wrote. No code of the file is run.

        Raises:
            InputError: the file is missing, damaged, not a model of this kind, or has layers that would run its code.
        """
        try:
            if not zipfile.is_zipfile(path):  # HDF5 files, whatever their name, are loaded without safe mode
                raise ValueError(_no_zip(path))
            _import_own_layers(path)
            model = cls._load_model(path)
        except InputError:
            raise
        except Exception as error:  # a damaged or hostile file can make every part of Keras and HDF5 fail
            raise InputError(
                f"{path} is not a saved Encore model ({reason_of(error)}); run the experiment again"
            ) from error
        return cls(lambda: model, task, training)

    @classmethod
    def _load_model(cls, path: Path) -> Any:
        return keras.models.load_model(path, compile=False, safe_mode=True)

    def summary(self) -> dict[str, Any]:
        """Return `total`, `trainable`, `non_trainable` and `layers` (name, type, shape, parameters)."""
        return summarise(self.model)


def _no_zip(path: Path) -> str:
    """Say why a file is no zip file; the index of one is at its end."""
    if not path.is_file():
        return "there is no such file"
    with path.open("rb") as file:
        return "it is cut off: its end is missing" if file.read(2) == b"PK" else "it is no zip file"


def _import_own_layers(path: Path) -> None:
    """Import Encore's modules that a saved model has layers of: Keras knows a layer once its module is imported."""
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json").decode()
    for module in sorted(set(OWN_MODULE.findall(config))):
        import_module(module)


def steps_per_second(model: keras.Model, batch: tuple[np.ndarray, np.ndarray]) -> float:
    """Measure training steps a second on one batch."""
    for _ in range(STEPS_UNTIMED):
        model.train_on_batch(*batch)
    began = time.monotonic()
    for _ in range(STEPS_TIMED):
        model.train_on_batch(*batch)
    return STEPS_TIMED / (time.monotonic() - began)
